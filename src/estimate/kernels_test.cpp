#include "estimate/kernels.h"
#include "estimate/collective.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace churon::estimate {
namespace {

// Figures name their chip, which therefore stays.
Figures figures_of(const std::string& name) {
  static std::map<std::string, chip::Chip> chips;
  auto known = chips.find(name);
  if (known == chips.end()) {
    auto chip = chip::load(name);
    EXPECT_TRUE(chip) << to_text(chip.error());
    known = chips.emplace(name, std::move(*chip)).first;
  }
  auto result = figures(known->second);
  EXPECT_TRUE(result) << to_text(result.error());
  return *result;
}

const Efficiency& efficiency() {
  static const Efficiency shared = [] {
    const auto read = shipped_efficiency();
    EXPECT_TRUE(read) << to_text(read.error());
    return *read;
  }();
  return shared;
}

Device device(const std::string& name) { return Device(figures_of(name), efficiency()); }

std::vector<Device> devices() {
  std::vector<Device> all;
  for (const chip::Listed& listed : chip::listed()) {
    all.push_back(device(listed.id));
  }
  return all;
}

const Precision* bf16() { return precision("bf16"); }

void expect_sound(const Price& price, const std::string& what) {
  EXPECT_TRUE(std::isfinite(price.expected_s)) << what;
  EXPECT_GT(price.expected_s, 0) << what;
  EXPECT_GT(price.bound_s, 0) << what;
  EXPECT_LE(price.bound_s, price.expected_s) << what;
  EXPECT_GE(price.fixed_s, 0) << what;
  EXPECT_FALSE(name(price.limit).empty());
}

std::vector<Price> prices(const Device& d, const Precision* format) {
  std::vector<Price> all;
  for (const double m : {1.0, 7.0, 33.0, 1000.0, 9001.0}) {
    for (const bool prefill : {false, true}) {
      all.push_back(
          gemm(d, {.m = m, .n = 4097, .k = 5120, .precision = format, .prefill = prefill}));
      all.push_back(experts(d, {.tokens = m,
                                .hidden = 4096,
                                .inter = 1536,
                                .experts = 128,
                                .per_token = 8,
                                .ranks_ep = prefill ? 8.0 : 1.0,
                                .precision = format,
                                .prefill = prefill}));
      all.push_back(attention(d, {.prefill = prefill,
                                  .sequences = 3,
                                  .tokens = prefill ? m : 1,
                                  .context = m + 4096,
                                  .kv_bits = 8,
                                  .precision = format}));
      all.push_back(attention(d, {.prefill = prefill,
                                  .sequences = 3,
                                  .tokens = prefill ? m : 1,
                                  .context = m + 4096,
                                  .heads = 128,
                                  .kv_heads = 1,
                                  .key_dim = 576,
                                  .value_dim = 512,
                                  .window = 1024,
                                  .latent = true,
                                  .precision = format}));
    }
  }
  return all;
}

TEST(Kernels, the_bound_is_never_above_the_expected_time_on_any_chip_in_any_format) {
  for (const Device& d : devices()) {
    for (const Precision& format : precisions()) {
      for (const Price& price : prices(d, &format)) {
        expect_sound(price, std::string(d.figures.chip) + " " + std::string(format.name));
      }
    }
  }
}

TEST(Kernels, collectives_are_sound_on_every_linked_chip) {
  for (const Device& d : devices()) {
    for (const double ranks : {2.0, 7.0, 8.0, 16.0, 64.0}) {
      if (domains(d.figures, ranks) > 1 && d.figures.scale_out_bytes_per_s <= 0) {
        continue;
      }
      for (const double bytes : {1.0, 2048.0, 1e6, 1e9}) {
        for (const auto kind : {CollectiveKind::all_reduce, CollectiveKind::all_gather,
                                CollectiveKind::reduce_scatter, CollectiveKind::all_to_all}) {
          for (const bool kernel : {false, true}) {
            expect_sound(
                collective(
                    d, {.kind = kind, .ranks = ranks, .bytes = bytes, .framework_kernel = kernel}),
                std::string(d.figures.chip));
          }
        }
      }
    }
    EXPECT_EQ(collective(d, {.ranks = 1, .bytes = 1e9}).expected_s, 0);
  }
}

TEST(Kernels, a_product_on_an_h100_meets_what_was_measured_within_a_quarter) {
  // kernels_gemm.csv, kernels_attention.csv, kernels_collectives.csv: H100-SXM.
  const Device h100 = device("h100");
  const auto near = [](double seconds, double measured_us) {
    EXPECT_NEAR(seconds * 1e6, measured_us, 0.25 * measured_us);
  };
  near(gemm(h100, {.m = 8192, .n = 4096, .k = 4096, .precision = bf16(), .warm = true}).expected_s,
       343.6);
  near(gemm(h100, {.m = 1, .n = 16384, .k = 16384, .precision = bf16(), .warm = true}).expected_s,
       186.1);
  near(attention(h100, {.prefill = true,
                        .sequences = 4,
                        .tokens = 4096,
                        .context = 4096,
                        .precision = bf16(),
                        .warm = true})
           .expected_s,
       1235);
  near(attention(h100, {.sequences = 32, .context = 16384, .precision = bf16(), .warm = true})
           .expected_s,
       711.8);
  near(collective(h100, {.ranks = 4, .bytes = 536870912}).expected_s, 2299.7);
}

TEST(Kernels, more_work_is_never_faster) {
  for (const Device& d : devices()) {
    for (const char* format : {"bf16", "fp8", "fp8_block", "nvfp4", "int4_wo"}) {
      const Precision* p = precision(format);
      double before = 0;
      for (double k = 32; k < 1e5; k *= 2) {
        const double now = gemm(d, {.m = 64, .n = 4096, .k = k, .precision = p}).expected_s;
        EXPECT_GE(now, before) << d.figures.chip << " " << format << " k " << k;
        before = now;
      }
      before = 0;
      for (double m = 1; m < 1e6; m = std::ceil(m * 1.5)) {
        const double now = gemm(d, {.m = m, .n = 4096, .k = 4096, .precision = p}).expected_s;
        EXPECT_GE(now, before) << d.figures.chip << " " << format << " m " << m;
        before = now;
      }
      before = 0;
      for (double context = 1; context < 1e6; context = std::ceil(context * 1.3)) {
        const double now =
            attention(d, {.sequences = 5, .context = context, .precision = p}).expected_s;
        EXPECT_GE(now, before) << d.figures.chip << " context " << context;
        before = now;
      }
      before = 0;
      for (double tokens = 1; tokens < 1e5; tokens = std::ceil(tokens * 1.3)) {
        const double now =
            attention(d, {.prefill = true, .tokens = tokens, .context = tokens, .precision = p})
                .expected_s;
        EXPECT_GE(now, before * (1 - 1e-12)) << d.figures.chip << " tokens " << tokens;
        before = now;
      }
    }
    double before = 0;
    for (double bytes = 64; bytes < 1e10; bytes *= 2) {
      const double now = collective(d, {.ranks = 8, .bytes = bytes}).expected_s;
      EXPECT_GE(now, before) << d.figures.chip << " bytes " << bytes;
      before = now;
    }
  }
}

TEST(Kernels, more_bandwidth_is_never_slower) {
  for (const char* chip : {"h100", "mi300x", "gaudi3", "churon-1"}) {
    const Device slow = device(chip);
    Figures figures = slow.figures;
    figures.memory_bytes_per_s *= 2;
    figures.link_bytes_per_s *= 2;
    const Device fast(figures, efficiency());
    for (const Precision& format : precisions()) {
      const auto before = prices(slow, &format);
      const auto after = prices(fast, &format);
      for (std::size_t i = 0; i < before.size(); ++i) {
        EXPECT_LE(after[i].expected_s, before[i].expected_s) << chip << " " << format.name;
        EXPECT_LE(after[i].bound_s, before[i].bound_s) << chip << " " << format.name;
      }
    }
    for (const double bytes : {1e3, 1e6, 1e9}) {
      EXPECT_LE(collective(fast, {.ranks = 8, .bytes = bytes}).expected_s,
                collective(slow, {.ranks = 8, .bytes = bytes}).expected_s);
    }
  }
}

TEST(Kernels, a_cold_cache_is_never_faster_than_a_warm_one) {
  for (const Device& d : devices()) {
    for (const double context : {128.0, 4096.0, 65536.0}) {
      const AttentionWork cold{.sequences = 2, .context = context, .precision = bf16()};
      AttentionWork warm = cold;
      warm.warm = true;
      EXPECT_LE(attention(d, warm).expected_s, attention(d, cold).expected_s);
      EXPECT_LE(attention(d, warm).bound_s, attention(d, cold).bound_s);
    }
  }
}

TEST(Kernels, a_prefill_in_chunks_does_the_operations_of_the_whole) {
  const Device d = device("b200");
  const auto operations = [&](double tokens, double context, double window) {
    return attention(d, {.prefill = true,
                         .tokens = tokens,
                         .context = context,
                         .window = window,
                         .precision = bf16()})
        .operations;
  };
  for (const double window : {0.0, 7.0, 100.0, 1000.0}) {
    EXPECT_NEAR(operations(33, 33, window) + operations(67, 100, window),
                operations(100, 100, window), 1e-3);
  }
  // 32 heads, 128 + 128 dimensions, a triangle of 100 positions.
  EXPECT_DOUBLE_EQ(operations(100, 100, 0), 2 * 32 * 256 * 5050.0);
}

TEST(Kernels, an_own_chip_is_priced_by_its_unit_and_its_derate_set) {
  const Device d = device("churon-1");
  const Figures& f = d.figures;
  const Precision* q8 = precision("q8_0");
  const Price price = gemm(d, {.m = 1, .n = 8192, .k = 8192, .precision = q8});
  const double weights = 8192.0 * 8192 * 34 / 32;
  EXPECT_DOUBLE_EQ(price.bytes, weights);
  EXPECT_DOUBLE_EQ(price.memory_s, weights / (f.memory_bytes_per_s * f.derate.memory.value *
                                              f.derate.software.value));
  EXPECT_DOUBLE_EQ(price.compute_s, unit_seconds(f.unit, 1, 1, 8192, 8192, f.peak(Rate::int8)) /
                                        (f.derate.mac_decode.value * f.derate.software.value));
  EXPECT_DOUBLE_EQ(price.expected_s, std::max(price.memory_s, price.compute_s));
  const Price sum = collective(d, {.ranks = 2, .bytes = 8});
  EXPECT_NEAR(sum.expected_s,
              f.link_latency_s + f.collective_setup_s + f.derate.collective.value.value(), 1e-9);
}

TEST(Kernels, loads_of_experts_keep_the_number_of_choices) {
  for (const double tokens : {1.0, 7.0, 64.0, 4096.0}) {
    for (const double ep : {1.0, 4.0, 16.0}) {
      const ExpertsWork work{.tokens = tokens,
                             .hidden = 1,
                             .inter = 1,
                             .experts = 128,
                             .per_token = 8,
                             .ranks_ep = ep};
      const ExpertLoads loads = expert_loads(work);
      const double mean = tokens * 8 / ep;
      EXPECT_LE(loads.active, 128 / ep + 1e-9);
      EXPECT_LE(loads.active, loads.pairs + 1e-9);
      EXPECT_LE(loads.pairs, tokens * 8 + 1e-9);
      if (ep == 1) {
        EXPECT_NEAR(loads.pairs, mean, 0.25 * mean);  // no expert has more than all tokens
      } else {
        EXPECT_GE(loads.pairs, 0.9 * mean);  // the hottest
      }
      ExpertsWork uniform = work;
      uniform.skew = 0;
      EXPECT_DOUBLE_EQ(expert_loads(uniform).pairs, mean);
    }
  }
}

TEST(Kernels, tokens_alike_touch_fewer_experts_with_as_many_choices) {
  for (const double skew : {0.0, 1.2}) {
    for (const double tokens : {1.0, 16.0, 4096.0}) {
      const ExpertsWork apart{
          .tokens = tokens, .experts = 128, .per_token = 8, .ranks_ep = 4, .skew = skew};
      ExpertsWork alike = apart;
      alike.apart = 0.5;
      const ExpertLoads all = expert_loads(apart);
      const ExpertLoads few = expert_loads(alike);
      EXPECT_DOUBLE_EQ(few.pairs, all.pairs);
      if (tokens == 16) {
        EXPECT_LT(few.active, 0.9 * all.active);
      } else {  // one has none to be like; of thousands, half still touch every expert
        EXPECT_NEAR(few.active, all.active, 0.06 * all.active);
      }
    }
  }
}

TEST(Kernels, a_walk_over_experts_costs_fp8_block_alone) {
  const Device d(figures_of("h200"), efficiency());
  const auto walk_s = [&](std::string_view format, double ranks_ep) {
    ExpertsWork work{.tokens = 8,
                     .hidden = 7168,
                     .inter = 2048,
                     .experts = 256,
                     .per_token = 8,
                     .ranks_ep = ranks_ep,
                     .precision = precision(format)};
    const double sorted_s = experts(d, work).expected_s;
    work.walks_experts = true;
    return experts(d, work).expected_s - sorted_s;
  };
  EXPECT_EQ(walk_s("fp8", 1), 0);
  EXPECT_GT(walk_s("fp8_block", 8), 0);
  EXPECT_NEAR(walk_s("fp8_block", 1), 8 * walk_s("fp8_block", 8), 1e-12);  // of each of the rank
}

TEST(Kernels, in_switch_sums_halve_the_bound_of_an_all_reduce) {
  Figures figures = figures_of("h100");
  const CollectiveWork work{.ranks = 8, .bytes = 1e9};
  const double with = collective(Device(figures, efficiency()), work).bound_s;
  figures.switch_reduce = false;
  EXPECT_DOUBLE_EQ(collective(Device(figures, efficiency()), work).bound_s, 2 * with);
  EXPECT_DOUBLE_EQ(with, 1e9 * 7 / 8 / 450e9);
}

}  // namespace
}  // namespace churon::estimate
