// Predictions held against measured rows: scores, groups, folds, the regret of a choice, bands.
//
//   row error    |predicted / measured - 1|, capped at 1 in the score; a row that could not be
//                predicted counts as 1
//   group        chip | model or operator | framework family (operators: | weights | KV)
//   macro-MAPE   mean over groups of the mean row error: the score. Large tables do not outweigh
//                small ones
//   fold         of each file and metric: groups sorted by the FNV-1a 64 of their key, rank mod 5;
//                fewer than ten groups: each is its own fold
//   fit, test    fit: parameters fitted on all groups; test: each group is predicted with
//                parameters fitted without its fold
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "evaluate/measured.h"
#include "evaluate/predict.h"

namespace churon::evaluate {

std::uint64_t fnv1a_64(std::string_view text);

inline constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// Shares, not percent; not a number where there is nothing to average.
struct Score {
  int rows = 0;
  int predicted_rows = 0;
  int groups = 0;
  double macro_mape = kNone;
  double macro_mape_uncapped = kNone;
  double mean_ape = kNone;    // over rows, not capped
  double median_ape = kNone;  // over rows
  double bias = kNone;        // mean of predicted / measured - 1 over predicted rows
  double within_20 = kNone;   // share of rows
  double tau = kNone;         // mean of Kendall's tau-b over workloads
  int workloads = 0;          // that have a tau
};

// Of the rows listed.
Score score(const Measured& measured, std::span<const Prediction> predictions,
            std::span<const int> rows);
// Signed: predicted / measured - 1; a row without prediction: not a number.
double relative_error(const MeasuredRow& row, const Prediction& prediction);
// Capped at 1.
double row_error(const MeasuredRow& row, const Prediction& prediction);

// Kendall's tau-b in O(n log n) (Knight 1966); not a number where one side is constant.
double kendall_tau_b(std::span<const double> a, std::span<const double> b);

// --- what is scored together --------------------------------------------------------------------

struct FileMetric {
  int file = 0;
  Metric metric = Metric::kernel_time;
  Grade grade = Grade::a;
  std::vector<int> rows;
  bool is_reported_only = false;
};
// In the order of the files and of their rows.
std::vector<FileMetric> file_metrics(const Measured& measured);

// The lines of the headline, each with what it counts as good.
struct Figure {
  std::string_view name;
  double first = 0, good = 0, aim = 0;
  bool is_median = false;  // of the row errors, instead of the macro-MAPE
  bool (*holds)(const MeasuredRow&) = nullptr;
};
std::span<const Figure> figures();
// Grade A, or B where a figure has no A; never C and never what is reported only.
std::vector<int> rows_of(const Measured& measured, const Figure& figure);
// Rows that some figure counts.
std::vector<int> scored_rows(const Measured& measured);

// What is known from one group only of the rows listed, in the order of their first row: "chip
// Gaudi3", "format nvfp4", "operator hbm_copy". Without that group it is extrapolated.
struct Single {
  std::string what, group;
  std::vector<int> rows;
};
std::vector<Single> singles(const Measured& measured, std::span<const int> rows);
// The rows listed that are in no single.
std::vector<int> without_singles(const Measured& measured, std::span<const int> rows);

enum class By { chip, model, framework, limit };
struct Slice {
  std::string key;
  std::vector<int> rows;
};
// The rows listed, by what they have in common; in alphabetical order.
std::vector<Slice> slices(const Measured& measured, std::span<const Prediction> predictions,
                          std::span<const int> rows, By by);
// By group, with the file and metric they belong to.
std::vector<Slice> groups(const Measured& measured, std::span<const int> rows);

// --- folds --------------------------------------------------------------------------------------

struct Folds {
  std::vector<int> fold;  // of each row; -1: not in a file and metric that is scored
  int count = 0;          // largest fold + 1
};
Folds folds(const Measured& measured);

// --- the regret of a choice ---------------------------------------------------------------------

// A person must choose how many chips and which parallelism serve a model under a limit on TPOT:
// what is lost when the model's prediction chooses among the measured configurations.
struct Choice {
  std::string workload;  // chip | model | framework | weights | ISL/OSL
  double tpot_limit = 0;
  int best = -1, chosen = -1;  // rows (TPOT); -1: the model says that none is fast enough
  double best_rate = 0, chosen_rate = 0;  // measured output tokens per second and chip
  double regret = 0;  // share of the best rate that is lost; 1 where the limit is missed by > 10 %
};
struct Regret {
  std::vector<Choice> choices;
  double mean = kNone;
};
Regret choice_regret(const Measured& measured, std::span<const Prediction> predictions);

// --- bands --------------------------------------------------------------------------------------

// P10 and P90 of measured / predicted: a band around an expected value. One for each kind of
// quantity: scope ("gemm", "dense", "moe", "static", …) and metric ("kernel_time", "TPOT", …).
struct Band {
  std::string_view scope, metric;
  double low = 1, high = 1;
  int rows = 0, groups = 0;
};
// Of the rows listed; each group has the same weight. Kinds with fewer than ten rows have none.
std::vector<Band> bands(const Measured& measured, std::span<const Prediction> predictions,
                        std::span<const int> rows);
// Share of the rows of each fold that lie within the bands of the other folds, groups weighing the
// same; over one kind's rows, or over all.
struct Coverage {
  std::string_view scope, metric;  // empty: all kinds together
  double share = kNone;
  int rows = 0, groups = 0;
};
std::vector<Coverage> coverage(const Measured& measured, std::span<const Prediction> predictions,
                               const Folds& folds);

}  // namespace churon::evaluate
