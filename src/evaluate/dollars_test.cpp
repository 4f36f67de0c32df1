#include "evaluate/dollars.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "model/shapes.h"

namespace churon::evaluate {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

// One comparison of a few chips; churon-1 at two derate sets.
struct Case {
  model::Hyperparameters model;
  std::vector<chip::Chip> chips;
  CompareRequest request;
  DollarOptions options;

  explicit Case(const std::vector<std::string>& names, std::string_view loads = "1k/1k",
                const std::string& model_name = "llama-3.1-70b") {
    model = model::find_shape(*model::load_shapes(), model_name).value();
    for (const std::string& name : names) {
      chips.push_back(chip::load(name).value());
    }
    request.models.push_back(&model);
    for (const chip::Chip& chip : chips) {
      if (chip.kind != chip::Kind::full) {
        request.contestants.push_back({&chip, ""});
        continue;
      }
      for (const char* derate : {"neutral", "year1"}) {
        request.contestants.push_back({&chip, derate});
      }
    }
    request.workloads = workloads(loads).value();
    options.draws.draws = 2000;
  }

  [[nodiscard]] Comparison compare() const {
    return evaluate::compare(request, estimate::unfitted(), {}, {}).value();
  }
};

Result<Dollars> dollars(const Comparison& comparison, const DollarOptions& options) {
  static const cost::Data data = cost::read_data({}).value();
  return evaluate::dollars(comparison, options, data);
}

std::size_t row_of(const Comparison& comparison, std::string_view chip,
                   std::string_view derate = "") {
  const auto& rows = comparison.cells.front().rows;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Contestant& who =
        comparison.request.contestants[static_cast<std::size_t>(rows[i].contestant)];
    if (who.chip->id == chip && who.derate == derate) {
      return i;
    }
  }
  ADD_FAILURE() << chip;
  return 0;
}

TEST(Dollars, of_a_token_are_those_of_an_hour_over_the_tokens_of_an_hour) {
  Case c({"b200", "churon-1"}, "8k/1k");
  const auto comparison = c.compare();
  const auto priced = dollars(comparison, c.options).value();
  const auto at = row_of(comparison, "b200");
  const ComparedRow& row = comparison.cells.front().rows[at];
  const RowDollars& of = priced.cells.front().rows[at];
  const TokenPrice& price = *of.of(PriceKind::purchase);
  const double hour = cost::central_value(*priced.tree, *priced.costing(row.contestant).hourly);
  EXPECT_NEAR(price.central, hour / (row.best->throughput_per_chip * 9 * 3600) * 1e6,
              price.central * 1e-12);
  // What prompts and answers pay is what all pay.
  const double input =
      cost::central_value(*priced.tree, *priced.tree->find("b200:mtok.purchase.input"));
  const double output =
      cost::central_value(*priced.tree, *priced.tree->find("b200:mtok.purchase.output"));
  EXPECT_NEAR(8 * input + output, 9 * price.central, price.central * 1e-9);
  EXPECT_NEAR(input, price.central * of.input_ratio, input * 1e-9);
  EXPECT_NEAR(output, price.central * of.output_ratio, output * 1e-9);
  EXPECT_NEAR(input * 8 / (9 * price.central), row.best->served.prefill_share, 1e-9);
  EXPECT_LT(of.of(PriceKind::build)->central, price.central);
  EXPECT_LT(price.quantiles.p10, price.central);
  EXPECT_GT(price.quantiles.p90, price.central);
}

TEST(Dollars, hours_are_those_of_the_verb_cost_with_the_same_conditions) {
  Case c({"h200", "churon-1"});
  c.options.cost.like = &c.chips[1];
  const auto comparison = c.compare();
  const auto priced = dollars(comparison, c.options).value();
  for (const ChipDollars& one : priced.chips) {
    cost::CostOptions alone;
    alone.like = &c.chips[1];
    const auto costing = cost::costing(*one.chip, alone).value();
    EXPECT_DOUBLE_EQ(cost::central_value(*priced.tree, *one.costing.hourly),
                     cost::central_value(*costing.tree, *costing.hourly));
    // The same draws as well: factors have the same names.
    const auto shared = cost::draw(*priced.tree, {{*one.costing.hourly}}, c.options.draws);
    const auto own = cost::draw(*costing.tree, {{*costing.hourly}}, c.options.draws);
    EXPECT_EQ(shared.front().p50, own.front().p50);
    EXPECT_EQ(shared.front().p90, own.front().p90);
  }
}

TEST(Dollars, split_into_three_whose_product_is_the_advantage) {
  Case c({"b200", "mi300x", "churon-1"});
  const auto comparison = c.compare();
  const auto priced = dollars(comparison, c.options).value();
  for (const char* derate : {"neutral", "year1"}) {
    const Versus& versus =
        *priced.cells.front().rows[row_of(comparison, "churon-1", derate)].versus;
    ASSERT_TRUE(versus.split);
    EXPECT_NEAR(versus.split->silicon * versus.split->margin * versus.split->software,
                versus.central, versus.central * 1e-9);
  }
}

TEST(Dollars, hold_own_chips_against_the_cheapest_that_one_can_get) {
  Case c({"b200", "mi300x", "h100", "churon-1"});
  const auto comparison = c.compare();
  const auto priced = dollars(comparison, c.options).value();
  const auto& rows = priced.cells.front().rows;
  const Versus& versus = *rows[row_of(comparison, "churon-1", "neutral")].versus;
  double least = INFINITY;
  for (const char* chip : {"b200", "mi300x", "h100"}) {
    EXPECT_FALSE(rows[row_of(comparison, chip)].versus);
    least = std::min(least, rows[row_of(comparison, chip)].cheapest()->central);
  }
  const double own =
      rows[row_of(comparison, "churon-1", "neutral")].of(PriceKind::purchase)->central;
  EXPECT_NEAR(versus.central, least / own, 1e-9);
  EXPECT_GE(versus.cheaper_share, 0);
  EXPECT_LE(versus.cheaper_share, 1);
}

// A chip of which as many are made as the break-even says costs as much as the other.
TEST(Dollars, break_even_is_where_the_planned_volume_makes_both_equal) {
  Case c({"b200", "churon-1"});
  auto comparison = c.compare();
  const auto at = row_of(comparison, "churon-1", "neutral");
  const double chips = dollars(comparison, c.options)->cells.front().rows[at].versus->chips;
  ASSERT_TRUE(std::isfinite(chips));
  c.chips[1].cost->units->value = chips;
  const auto even = dollars(comparison, c.options).value();
  EXPECT_NEAR(even.cells.front().rows[at].versus->central, 1, 1e-9);
  // The same as the flip of the volume.
  c.chips[1].cost->units->value = 200000;
  const auto priced = dollars(comparison, c.options).value();
  const Versus& versus = *priced.cells.front().rows[at].versus;
  const auto flip =
      std::find_if(versus.flips.begin(), versus.flips.end(),
                   [](const cost::Flip& one) { return one.factor == "chip.cost.units"; });
  if (flip != versus.flips.end()) {
    EXPECT_NEAR(priced.tree->value_at(flip->inputs.front(), flip->z), chips, chips * 1e-4);
  }
}

TEST(Dollars, empty_hours_are_paid_by_the_tokens_of_the_others) {
  Case c({"b200", "churon-1"});
  const auto comparison = c.compare();
  const auto at = row_of(comparison, "b200");
  const double full = dollars(comparison, c.options)->cells.front().rows[at].cheapest()->central;
  c.options.occupancy = 0.5;
  EXPECT_NEAR(dollars(comparison, c.options)->cells.front().rows[at].cheapest()->central, 2 * full,
              full * 1e-12);
}

TEST(Dollars, that_nobody_publishes_are_absent_with_the_reason) {
  Case c({"tpu-v7x", "mi325x"});
  const auto comparison = c.compare();
  const auto priced = dollars(comparison, c.options).value();
  const auto& rows = priced.cells.front().rows;
  EXPECT_TRUE(rows[row_of(comparison, "tpu-v7x")].prices.empty());
  EXPECT_EQ(rows[row_of(comparison, "tpu-v7x")].cheapest(), nullptr);
  EXPECT_THAT(priced.chips[0].costing.not_priced, Contains(HasSubstr("no area is public")));
  EXPECT_EQ(rows[row_of(comparison, "mi325x")].of(PriceKind::purchase), nullptr);
  EXPECT_NE(rows[row_of(comparison, "mi325x")].of(PriceKind::rent), nullptr);
}

// Two models of the same name and the same workload twice: each cell has names of its own.
TEST(Dollars, have_names_of_their_own_in_every_cell) {
  Case c({"b200", "churon-1"}, "1k/1k,1k/1k");
  c.request.models.push_back(&c.model);
  const auto comparison = c.compare();
  const auto priced = dollars(comparison, c.options).value();
  EXPECT_TRUE(priced.tree->find("b200:llama-3.1-70b.1k-1k.mtok.purchase"));
  EXPECT_TRUE(priced.tree->find("churon-1:year1.llama-3.1-70b.1k-1k-4.advantage"));
}

TEST(Dollars, do_not_depend_on_the_number_of_threads) {
  Case c({"b200", "gb200", "churon-1"}, "1k/1k,8k/1k");
  const auto comparison = c.compare();
  const auto one = dollars(comparison, c.options).value();
  c.options.draws.threads = 3;
  const auto three = dollars(comparison, c.options).value();
  for (std::size_t i = 0; i < one.cells.size(); ++i) {
    for (std::size_t j = 0; j < one.cells[i].rows.size(); ++j) {
      const RowDollars &a = one.cells[i].rows[j], &b = three.cells[i].rows[j];
      ASSERT_EQ(a.prices.size(), b.prices.size());
      for (std::size_t k = 0; k < a.prices.size(); ++k) {
        EXPECT_EQ(a.prices[k].quantiles.p90, b.prices[k].quantiles.p90);
      }
      EXPECT_EQ(a.versus.has_value(), b.versus.has_value());
    }
  }
}

TEST(Dollars, end_with_an_interrupted_request) {
  Case c({"b200", "churon-1"}, "1k/1k,8k/1k");
  auto comparison = c.compare();
  EXPECT_FALSE(dollars(comparison, c.options)->interrupted);
  for (const int calls : {0, 1, 2}) {
    comparison.request.interrupted = [left = calls]() mutable { return left-- <= 0; };
    const auto priced = dollars(comparison, c.options).value();
    EXPECT_TRUE(priced.interrupted);
    EXPECT_EQ(priced.cells.size(), static_cast<std::size_t>(calls));
  }
}

TEST(Range, has_its_bands_ends_at_p10_and_p90) {
  const ErrorBand narrow{.p10 = 0.8, .p90 = 1.3, .source = "test"};
  const ErrorBand wide{.p10 = 0.4, .p90 = 1.8, .source = "test"};
  for (const ErrorBand& band : {narrow, wide}) {
    const cost::Spread spread(range_of(50, band), false);
    EXPECT_NEAR(spread.at(cost::normal_quantile(0.1)), 50 * band.p10, 0.05);
    EXPECT_NEAR(spread.at(cost::normal_quantile(0.9)), 50 * band.p90, 0.05);
    EXPECT_NEAR(spread.at(0), 50, 1e-9);
  }
  EXPECT_TRUE(cost::Spread(range_of(50, {}), false).is_constant());
}

}  // namespace
}  // namespace churon::evaluate
