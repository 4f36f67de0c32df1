#include "evaluate/validate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/random.h"

namespace churon::evaluate {
namespace {

MeasuredRow kernel(const std::string& group, double value) {
  MeasuredRow row;
  row.op = Operator::gemm;
  row.model_name = "gemm";
  row.chip_name = group;
  row.group = group;
  row.weights_name = "bf16";
  row.value = value;
  return row;
}

Measured measured_of(std::vector<MeasuredRow> rows) {
  Measured measured;
  measured.files.push_back({.path = "t.csv", .name = "t.csv", .rows = 0});
  measured.rows = std::move(rows);
  return measured;
}

std::vector<int> all(const Measured& measured) {
  std::vector<int> rows(measured.rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i] = static_cast<int>(i);
  }
  return rows;
}

TEST(Score, is_the_mean_over_groups_of_capped_errors) {
  const Measured measured =
      measured_of({kernel("a", 1), kernel("a", 1), kernel("b", 1), kernel("b", 1)});
  std::vector<Prediction> predictions(4);
  predictions[0].value = 1.1;
  predictions[1].value = 0.9;
  predictions[2].value = 4;  // error 3, capped at 1
  // predictions[3]: none, counts 1
  const Score result = score(measured, predictions, all(measured));
  EXPECT_EQ(result.rows, 4);
  EXPECT_EQ(result.predicted_rows, 3);
  EXPECT_EQ(result.groups, 2);
  EXPECT_NEAR(result.macro_mape, (0.1 + 1.0) / 2, 1e-12);
  EXPECT_NEAR(result.macro_mape_uncapped, (0.1 + 2.0) / 2, 1e-12);
  EXPECT_NEAR(result.mean_ape, (0.1 + 0.1 + 3 + 1) / 4, 1e-12);
  EXPECT_NEAR(result.median_ape, 0.55, 1e-12);
  EXPECT_NEAR(result.within_20, 0.5, 1e-12);
  EXPECT_NEAR(result.bias, (0.1 - 0.1 + 3) / 3, 1e-12);
  EXPECT_TRUE(std::isnan(score(measured, predictions, {}).macro_mape));
}

// By its definition, pair by pair.
double tau_of_pairs(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  double pairs_a = 0;
  double pairs_b = 0;
  const auto sign = [](double x) { return x > 0 ? 1.0 : x < 0 ? -1.0 : 0.0; };
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      sum += sign(a[i] - a[j]) * sign(b[i] - b[j]);
      pairs_a += a[i] != a[j] ? 1 : 0;
      pairs_b += b[i] != b[j] ? 1 : 0;
    }
  }
  return sum / std::sqrt(pairs_a * pairs_b);
}

TEST(KendallTau, agrees_with_its_definition) {
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    std::vector<double> a;
    std::vector<double> b;
    for (std::uint32_t i = 0; i < 2 + seed % 33; ++i) {
      const auto random = philox4x32({seed, i, 0, 0}, 1);
      a.push_back(random[0] % 7);
      b.push_back(random[1] % (seed % 2 == 0 ? 3 : 1000));
    }
    const double expected = tau_of_pairs(a, b);
    const double tau = kendall_tau_b(a, b);
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(tau));
    } else {
      EXPECT_NEAR(tau, expected, 1e-12) << seed;
    }
  }
}

TEST(Folds, follow_the_hash_of_the_group) {
  EXPECT_EQ(fnv1a_64(""), 0xcbf29ce484222325U);
  EXPECT_EQ(fnv1a_64("a"), 0xaf63dc4c8601ec8cU);  // Fowler, Noll, Vo: test vectors
  EXPECT_EQ(fnv1a_64("foobar"), 0x85944171f73967e8U);

  std::vector<MeasuredRow> rows;
  for (int group = 0; group < 12; ++group) {
    rows.push_back(kernel("group " + std::to_string(group), 1));
    rows.push_back(kernel("group " + std::to_string(group), 2));
  }
  const Measured many = measured_of(rows);
  const Folds five = folds(many);
  EXPECT_EQ(five.count, 5);
  std::set<std::uint64_t> hashes;
  for (const MeasuredRow& row : many.rows) {
    hashes.insert(fnv1a_64(row.group));
  }
  for (std::size_t i = 0; i < many.rows.size(); ++i) {
    const auto rank = std::distance(hashes.begin(), hashes.find(fnv1a_64(many.rows[i].group)));
    EXPECT_EQ(five.fold[i], rank % 5);
  }

  rows.resize(14);  // seven groups: each is left out alone
  EXPECT_EQ(folds(measured_of(rows)).count, 7);
  rows[0].grade = Grade::c;
  EXPECT_EQ(folds(measured_of(rows)).fold[0], -1);
}

MeasuredRow served(const std::string& ways, double chips, double batch, double tpot) {
  MeasuredRow row;
  row.metric = Metric::tpot;
  row.group = "chip | model | vLLM";
  row.weights_name = "fp8";
  row.parallelism_name = ways;
  row.chips = chips;
  row.batch = batch;
  row.input_len = 1024;
  row.output_len = 1024;
  row.value = tpot;
  return row;
}

TEST(ChoiceRegret, is_what_a_wrong_choice_loses) {
  // Per chip and token: tp1 at batch 4 makes 400 tokens/s, tp2 at batch 8 makes 500.
  const Measured measured = measured_of({served("tp1", 1, 4, 10e-3), served("tp2", 2, 8, 8e-3)});
  std::vector<Prediction> predictions(2);
  predictions[0].value = 10e-3;
  predictions[1].value = 8e-3;
  EXPECT_NEAR(choice_regret(measured, predictions).mean, 0, 1e-12);
  predictions[1].value = 12e-3;  // believed slower than it is: tp1 is chosen
  const Regret regret = choice_regret(measured, predictions);
  ASSERT_EQ(regret.choices.size(), 5U);
  EXPECT_NEAR(regret.choices[0].regret, 1 - 400.0 / 500, 1e-12);
  predictions[0].value = predictions[1].value = 1;  // none is believed fast enough
  EXPECT_NEAR(choice_regret(measured, predictions).mean, 1, 1e-12);
}

TEST(ChoiceRegret, counts_a_missed_limit_in_full) {
  const Measured measured = measured_of(
      {served("tp1", 1, 64, 21.9e-3), served("tp2", 2, 8, 9e-3), served("tp4", 4, 512, 23e-3)});
  std::vector<Prediction> predictions(3);
  predictions[0].value = 19e-3;
  predictions[1].value = 9e-3;
  predictions[2].value = 60e-3;
  for (const Choice& choice : choice_regret(measured, predictions).choices) {
    if (choice.tpot_limit == 20e-3) {  // 21.9 ms is within a tenth, and faster than the best
      EXPECT_EQ(choice.regret, 0);
    }
  }
  predictions[2].value = 19e-3;
  for (const Choice& choice : choice_regret(measured, predictions).choices) {
    if (choice.tpot_limit == 20e-3) {
      EXPECT_EQ(choice.regret, 1);
    }
  }
}

TEST(Bands, hold_eight_of_ten) {
  std::vector<MeasuredRow> rows;
  std::vector<Prediction> predictions;
  for (int group = 0; group < 20; ++group) {
    for (int i = 0; i < 11; ++i) {
      rows.push_back(kernel("group " + std::to_string(group), 1 + 0.1 * i));
      predictions.emplace_back().value = 1;
    }
  }
  const Measured measured = measured_of(rows);
  const auto found = bands(measured, predictions, all(measured));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].scope, "gemm");
  EXPECT_NEAR(found[0].low, 1.1, 1e-12);
  EXPECT_NEAR(found[0].high, 1.9, 1e-12);
  const auto covered = coverage(measured, predictions, folds(measured));
  EXPECT_NEAR(covered.back().share, 9.0 / 11, 1e-12);
}

TEST(Singles, are_what_one_group_alone_knows) {
  const Measured measured = measured_of({kernel("a", 1), kernel("b", 1), kernel("b", 1)});
  const auto found = singles(measured, all(measured));
  ASSERT_EQ(found.size(), 2U);  // chips; the format and the operator are in both groups
  EXPECT_EQ(found[0].what, "chip a");
  EXPECT_TRUE(without_singles(measured, all(measured)).empty());
}

}  // namespace
}  // namespace churon::evaluate
