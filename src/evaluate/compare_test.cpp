#include "evaluate/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "base/text.h"
#include "model/shapes.h"

namespace churon::evaluate {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

const model::Shapes& shapes() {
  static const auto loaded = model::load_shapes();
  return *loaded;
}

model::Hyperparameters model_of(const std::string& name) {
  return model::find_shape(shapes(), name).value();
}

chip::Chip chip_of(const std::string& name) { return chip::load(name).value(); }

struct Case {
  std::vector<model::Hyperparameters> models;
  std::vector<chip::Chip> chips;
  CompareRequest request;

  Case(const std::vector<std::string>& model_names, const std::vector<std::string>& chip_names,
       std::string_view loads) {
    for (const std::string& name : model_names) {
      models.push_back(model_of(name));
    }
    for (const std::string& name : chip_names) {
      chips.push_back(chip_of(name));
    }
    for (const auto& model : models) {
      request.models.push_back(&model);
    }
    for (const auto& chip : chips) {
      request.contestants.push_back({&chip, chip.kind == chip::Kind::full ? "neutral" : ""});
    }
    request.workloads = workloads(loads).value();
  }

  [[nodiscard]] Comparison compare() const {
    return evaluate::compare(request, estimate::unfitted(), {}, {}).value();
  }
};

TEST(Workload, reads_k_as_1024) {
  const auto load = workload("8k/1k");
  ASSERT_TRUE(load);
  EXPECT_EQ(load->input_tokens, 8192);
  EXPECT_EQ(load->output_tokens, 1024);
  EXPECT_EQ(workload(" 7/33 ")->output_tokens, 33);
  for (const char* wrong : {"", "/", "1k", "1k/", "0/5", "-1/5", "1.5/2", "1k/1k/1k", "1e30/1"}) {
    EXPECT_FALSE(workload(wrong)) << wrong;
  }
}

TEST(Candidates, are_within_the_chips_and_divide_heads_and_experts) {
  for (const char* name : {"llama-3.1-70b", "deepseek-v3", "gpt-oss-120b"}) {
    const auto model = model_of(name);
    for (const int most : {1, 8, 12, 72}) {
      for (const auto& p : candidates(model, most)) {
        EXPECT_LE(p.chips(), most);
        EXPECT_EQ(model.heads % p.tp, 0);
        EXPECT_TRUE(p.ep == 1 || model.experts.count % p.ep == 0);
        EXPECT_LE(p.ep, p.tp * p.attention_dp);
      }
    }
  }
}

TEST(Candidates, over_several_domains_fill_them_and_cut_no_tensor_group) {
  const auto h100 = *estimate::figures(*chip::load("h100"));
  for (const char* name : {"llama-3.1-405b", "deepseek-v3", "gpt-oss-120b"}) {
    const auto model = model_of(name);
    for (const int domains : {2, 3, 4, 16}) {
      const auto ways = wide_candidates(model, 8, domains);
      EXPECT_FALSE(ways.empty());
      for (const auto& p : ways) {
        EXPECT_EQ(p.chips(), 8 * domains);
        EXPECT_EQ(model.heads % p.tp, 0);
        EXPECT_TRUE(p.ep == 1 || model.experts.count % p.ep == 0);
        EXPECT_LE(p.pp, model.layers);
        EXPECT_TRUE(p.tp <= 8 || p.chips() == p.tp);
        const double stage = p.tp * p.attention_dp;
        EXPECT_EQ(std::fmod(stage / estimate::domains(h100, stage, p.tp), p.tp <= 8 ? p.tp : 1), 0);
      }
    }
  }
}

// The weights are 671 GB in 8 bits: 8 x 80 GB are too few, 16 are enough.
TEST(Compare, takes_a_second_domain_only_where_one_does_not_hold_the_weights) {
  Case c({"deepseek-v3"}, {"h100", "h200", "l40s"}, "1k/1k");
  c.request.tpot_limit_s = 0.1;
  const auto of = [&](const Comparison& comparison, std::string_view chip) {
    for (const ComparedRow& row : comparison.cells.front().rows) {
      if (contestant(comparison.request, row).chip->id == chip) {
        return row;
      }
    }
    return ComparedRow{};
  };
  const auto automatic = c.compare();
  ASSERT_TRUE(of(automatic, "h100").best);
  EXPECT_EQ(of(automatic, "h100").best->chips, 16);
  EXPECT_EQ(of(automatic, "h100").domains, 2);
  EXPECT_DOUBLE_EQ(of(automatic, "h100").throughput_per_domain,
                   8 * of(automatic, "h100").best->throughput_per_chip);
  EXPECT_EQ(of(automatic, "h200").domains, 1);
  EXPECT_FALSE(of(automatic, "l40s").best);  // states no rate beyond its domain
  c.request.domains_max = 1;
  const auto one = c.compare();
  EXPECT_FALSE(of(one, "h100").best);
  EXPECT_EQ(of(one, "h100").infeasible->code, "E0611");
  // More domains hold more requests at the pace of a user.
  c.request.tpot_limit_s = 0.02;
  const auto near = c.compare();
  c.request.domains_max = 4;
  const auto four = c.compare();
  EXPECT_GT(of(four, "h200").best->throughput_per_chip, of(near, "h200").best->throughput_per_chip);
  EXPECT_GT(of(four, "h200").domains, 1);
}

TEST(Compare, a_cache_that_may_not_leave_its_domain_says_which_key_is_missing) {
  Case c({"llama-3.1-70b"}, {"l40s"}, "8k/1k");
  c.request.disaggregated = true;
  c.request.tpot_limit_s = 1;
  c.request.ttft_limit_s = 100;
  const std::vector<std::string> alone{"system.scaleup_domain=1"};
  c.chips.front() = *chip::load("l40s", alone);
  c.request.chips_max = 1;
  c.models.front() = model_of("llama-3.1-8b");
  const auto row = c.compare().cells.front().rows.front();
  ASSERT_FALSE(row.best);
  EXPECT_EQ(row.infeasible->code, "E0408");
  EXPECT_NE(row.infeasible->remedy.find("system.scaleout_rate"), std::string::npos);
}

TEST(Compare, keeps_both_limits_and_cannot_take_a_request_more) {
  Case c({"llama-3.1-70b"}, {"h200", "b200", "churon-1"}, "1k/1k");
  const auto result = c.compare();
  for (const ComparedRow& row : result.cells.front().rows) {
    ASSERT_TRUE(row.best);
    EXPECT_LE(row.best->served.tpot_s, c.request.tpot_limit_s);
    EXPECT_LE(row.best->served.ttft_s, c.request.ttft_limit_s);
    EXPECT_GT(row.best->usable_context, 2048);
    EXPECT_NEAR(row.throughput_per_domain / row.best->throughput_per_chip,
                std::floor(row.domain_chips / row.best->chips) * row.best->chips, 1e-6);
  }
}

// What the bisection finds is what trying every batch finds.
TEST(Compare, finds_what_an_exhaustive_search_finds) {
  Case c({"qwen3-235b-a22b"}, {"h200"}, "1k/1k");
  const auto row = c.compare().cells.front().rows.front();
  ASSERT_TRUE(row.best);
  const auto figures = estimate::figures(c.chips.front(), "");
  const estimate::Device device(*figures, estimate::unfitted());
  double best = 0;
  for (const auto& p : candidates(c.models.front(), 8)) {
    const auto server = estimate::Server::create(device, {.shape = &c.models.front(),
                                                          .parallelism = p,
                                                          .weights = row.formats.weights,
                                                          .kv_bits = row.formats.kv_bits});
    if (!server) {
      continue;
    }
    const double most = server->fitting(2048);
    for (double batch = p.attention_dp; batch <= most; batch += p.attention_dp) {
      const auto served = server->serve({.concurrency = batch});
      if (served.tpot_s <= 0.02 && served.ttft_s <= 2) {
        best = std::max(best, served.output_tokens_per_s / served.chips);
      }
    }
  }
  // Neighbouring batches are one answer when they are within one per cent.
  EXPECT_LE(row.best->throughput_per_chip, best * (1 + 1e-9));
  EXPECT_GE(row.best->throughput_per_chip, best * 0.985);
}

TEST(Compare, gives_the_same_with_any_number_of_threads) {
  Case c({"llama-3.1-8b", "gpt-oss-120b"}, {"h100", "mi300x", "a100", "churon-1"}, "1k/1k,8k/1k");
  c.request.fronts = true;
  const auto one = c.compare();
  c.request.threads = 5;
  const auto five = c.compare();
  ASSERT_EQ(one.cells.size(), five.cells.size());
  EXPECT_EQ(one.configurations, five.configurations);
  for (std::size_t i = 0; i < one.cells.size(); ++i) {
    for (std::size_t j = 0; j < one.cells[i].rows.size(); ++j) {
      const ComparedRow& a = one.cells[i].rows[j];
      const ComparedRow& b = five.cells[i].rows[j];
      EXPECT_EQ(a.contestant, b.contestant);
      EXPECT_EQ(a.best.has_value(), b.best.has_value());
      if (a.best && b.best) {
        EXPECT_EQ(a.best->throughput_per_chip, b.best->throughput_per_chip);
        EXPECT_EQ(a.best->parallelism, b.best->parallelism);
      }
      EXPECT_EQ(a.front.size(), b.front.size());
    }
  }
}

// Own chips spread experts over their domain of 64; B200's has 8.
TEST(Compare, says_what_a_mixture_leaves_of_an_own_chip_within_the_smallest_bought_domain) {
  Case c({"deepseek-v3"}, {"b200", "gb200", "churon-1"}, "1k/1k");
  const auto own_of = [](const Comparison& comparison) {
    for (const ComparedRow& row : comparison.cells.front().rows) {
      if (comparison.request.contestants[static_cast<std::size_t>(row.contestant)].chip->id ==
          "churon-1") {
        return row;
      }
    }
    return ComparedRow{};
  };
  const ComparedRow wide = own_of(c.compare());
  ASSERT_TRUE(wide.best);
  EXPECT_GT(wide.best->chips, 8);
  EXPECT_EQ(wide.narrow_chips, 8);
  EXPECT_LT(wide.narrow_throughput_per_chip, wide.best->throughput_per_chip);
  c.request.chips_max = 8;
  const ComparedRow narrow = own_of(c.compare());
  EXPECT_EQ(narrow.narrow_chips, 0);
  EXPECT_EQ(narrow.best->throughput_per_chip, wide.narrow_throughput_per_chip);
}

TEST(Compare, the_best_framework_is_the_best_of_them) {
  Case c({"gpt-oss-120b"}, {"b200", "mi300x"}, "1k/1k");
  c.request.framework = std::nullopt;
  const auto best = c.compare();
  for (const estimate::Framework framework :
       {estimate::Framework::vllm, estimate::Framework::sglang}) {
    c.request.framework = framework;
    const auto one = c.compare();
    for (const ComparedRow& row : one.cells.front().rows) {
      for (const ComparedRow& other : best.cells.front().rows) {
        if (row.best && other.contestant == row.contestant) {
          EXPECT_GE(other.best->throughput_per_chip, row.best->throughput_per_chip);
        }
      }
    }
  }
}

// At the first limit that any framework keeps, an earlier one of the list does not.
TEST(Compare, a_row_is_feasible_or_infeasible_where_one_framework_keeps_the_limit) {
  Case c({"llama-3.1-70b"}, {"b200"}, "1k/1k");
  const auto row_with = [&](std::optional<estimate::Framework> framework) {
    c.request.framework = framework;
    return c.compare().cells.front().rows.front();
  };
  c.request.tpot_limit_s = 1e-3;
  ComparedRow row = row_with(std::nullopt);
  ASSERT_TRUE(row.infeasible);
  while (!row.best && c.request.tpot_limit_s < 0.1) {
    c.request.tpot_limit_s *= 1.02;
    row = row_with(std::nullopt);
  }
  ASSERT_TRUE(row.best);
  EXPECT_FALSE(row.infeasible);
  EXPECT_NE(row.framework, estimate::Framework::vllm);
  const ComparedRow first = row_with(estimate::Framework::vllm);
  EXPECT_TRUE(first.infeasible);
  EXPECT_FALSE(first.best);
}

TEST(Compare, a_looser_limit_never_lowers_the_throughput) {
  Case c({"llama-3.1-70b"}, {"b200"}, "8k/1k");
  double last = 0;
  for (const double limit : {0.01, 0.02, 0.03, 0.05, 0.1}) {
    c.request.tpot_limit_s = limit;
    const auto row = c.compare().cells.front().rows.front();
    const double rate = row.best ? row.best->throughput_per_chip : 0;
    EXPECT_GE(rate, last * 0.99) << limit;
    last = rate;
  }
}

TEST(Compare, fronts_rise_in_throughput_as_interactivity_falls) {
  Case c({"llama-3.1-70b"}, {"h200"}, "1k/1k");
  c.request.fronts = true;
  const auto result = c.compare();
  const auto& front = result.cells.front().rows.front().front;
  ASSERT_GT(front.size(), 3U);
  for (std::size_t i = 1; i < front.size(); ++i) {
    EXPECT_GT(front[i].interactivity, front[i - 1].interactivity);
    EXPECT_LT(front[i].throughput_per_chip, front[i - 1].throughput_per_chip);
  }
}

TEST(Compare, says_what_stands_in_the_way_and_what_would_do) {
  Case memory({"llama-3.1-405b"}, {"tpu-v5e"}, "1k/1k");
  memory.request.chips_max = 8;
  const auto small = memory.compare().cells.front().rows.front();
  ASSERT_TRUE(small.infeasible);
  EXPECT_EQ(small.infeasible->code, "E0611");
  EXPECT_THAT(small.infeasible->reason, HasSubstr("do not fit"));
  EXPECT_FALSE(small.infeasible->remedy.empty());

  Case speed({"llama-3.1-70b"}, {"h100"}, "1k/1k");
  speed.request.tpot_limit_s = 1e-3;
  const auto slow = speed.compare().cells.front().rows.front();
  ASSERT_TRUE(slow.infeasible);
  EXPECT_EQ(slow.infeasible->code, "E0612");
  EXPECT_THAT(slow.infeasible->remedy, HasSubstr("--slo-tpot"));

  speed.request.tpot_limit_s = 0.1;
  speed.request.ttft_limit_s = 1e-3;
  EXPECT_EQ(speed.compare().cells.front().rows.front().infeasible->code, "E0613");

  Case longer({"gpt-2 small"}, {"h100"}, "1k/1k");
  EXPECT_EQ(longer.compare().cells.front().rows.front().infeasible->code, "E0615");
}

TEST(Formats, are_eight_bits_everywhere_and_narrower_where_asked) {
  const auto model = model_of("llama-3.1-70b");
  const std::map<std::string, std::pair<std::string, std::string>> expected{
      {"a100", {"int8", "int8"}},   {"h200", {"fp8", "fp8"}},      {"b200", {"fp8", "nvfp4"}},
      {"mi355x", {"fp8", "mxfp4"}}, {"tpu-v5e", {"int8", "int8"}}, {"churon-1", {"q8_0", "mxfp4"}},
  };
  for (const auto& [name, formats] : expected) {
    const auto chip = chip_of(name);
    const auto figures = estimate::figures(chip, "");
    EXPECT_EQ(number_formats(chip, *figures, model, FormatPolicy::eight_bit).weights->name,
              formats.first)
        << name;
    EXPECT_EQ(number_formats(chip, *figures, model, FormatPolicy::native).weights->name,
              formats.second)
        << name;
  }
}

TEST(CompleteData, names_what_a_chip_does_not_state) {
  EXPECT_TRUE(missing_data(chip_of("h200")).empty());
  EXPECT_TRUE(missing_data(chip_of("churon-1")).empty());
  EXPECT_THAT(missing_data(chip_of("inferentia2")), Contains("TDP"));
}

TEST(ProvisionedPower, is_as_stated_or_by_one_rule) {
  EXPECT_EQ(provisioned_power(chip_of("b200")).watts, 2170);
  EXPECT_NEAR(provisioned_power(chip_of("h200")).watts, 700 * 1.6 * 1.07 * 1.2, 1e-6);
  EXPECT_GT(provisioned_power(chip_of("churon-1")).watts, 800 + 60 + 70);
  EXPECT_EQ(provisioned_power(chip_of("inferentia2")).watts, 0);
}

}  // namespace
}  // namespace churon::evaluate
