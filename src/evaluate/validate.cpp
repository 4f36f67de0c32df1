#include "evaluate/validate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <tuple>

namespace churon::evaluate {

namespace {

constexpr int kFoldCount = 5;
constexpr std::size_t kGroupsForFolds = 10;
constexpr double kWithin = 0.2;
// A workload of fewer rows ranks nothing.
constexpr std::size_t kTauRowsMin = 3;
constexpr std::array kTpotLimits{10e-3, 15e-3, 20e-3, 30e-3, 50e-3};
constexpr double kLimitMissed = 1.1;
constexpr double kLowShare = 0.1, kHighShare = 0.9;
constexpr int kBandRowsMin = 10;

double mean(const std::vector<double>& values) {
  return values.empty() ? kNone
                        : std::accumulate(values.begin(), values.end(), 0.0) /
                              static_cast<double>(values.size());
}

double median(std::vector<double> values) {
  if (values.empty()) {
    return kNone;
  }
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

const MeasuredRow& at(const Measured& measured, int row) {
  return measured.rows[static_cast<std::size_t>(row)];
}
const Prediction& at(std::span<const Prediction> predictions, int row) {
  return predictions[static_cast<std::size_t>(row)];
}

// Rows whose order is worth getting right: the same thing to do, on different chips and ways.
std::string workload(const MeasuredRow& row) {
  if (row.op) {
    return fmt::format("{} {} {}", row.model_name, row.weights_name, row.kv_name);
  }
  return fmt::format("{} {}/{} {}", row.model_name, row.input_len.value_or(0),
                     row.output_len.value_or(0), name(row.metric));
}

}  // namespace

std::uint64_t fnv1a_64(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return hash;
}

double relative_error(const MeasuredRow& row, const Prediction& prediction) {
  return prediction.is_good() ? prediction.value / row.value - 1 : kNone;
}

double row_error(const MeasuredRow& row, const Prediction& prediction) {
  return prediction.is_good() ? std::min(1.0, std::abs(relative_error(row, prediction))) : 1;
}

double kendall_tau_b(std::span<const double> a, std::span<const double> b) {
  const std::size_t n = a.size();
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t x, std::size_t y) {
    return std::tie(a[x], b[x]) < std::tie(a[y], b[y]);
  });
  const auto pairs = [](double count) { return count * (count - 1) / 2; };
  // Pairs that are equal in a, in both, and (after sorting by b) in b.
  double equal_a = 0;
  double equal_both = 0;
  double run_a = 1;
  double run_both = 1;
  for (std::size_t i = 1; i <= n; ++i) {
    const bool same_a = i < n && a[order[i]] == a[order[i - 1]];
    const bool same_both = same_a && b[order[i]] == b[order[i - 1]];
    equal_a += same_a ? 0 : pairs(run_a);
    equal_both += same_both ? 0 : pairs(run_both);
    run_a = same_a ? run_a + 1 : 1;
    run_both = same_both ? run_both + 1 : 1;
  }
  // A merge sort by b counts the exchanges: discordant pairs.
  std::vector<double> values(n);
  for (std::size_t i = 0; i < n; ++i) {
    values[i] = b[order[i]];
  }
  std::vector<double> merged(n);
  double exchanges = 0;
  for (std::size_t width = 1; width < n; width *= 2) {
    for (std::size_t begin = 0; begin < n; begin += 2 * width) {
      const std::size_t middle = std::min(begin + width, n);
      const std::size_t end = std::min(begin + 2 * width, n);
      std::size_t left = begin;
      std::size_t right = middle;
      for (std::size_t out = begin; out < end; ++out) {
        const bool from_left = left < middle && (right >= end || values[left] <= values[right]);
        exchanges += from_left ? 0 : static_cast<double>(middle - left);
        merged[out] = from_left ? values[left++] : values[right++];
      }
    }
    values.swap(merged);
  }
  double equal_b = 0;
  double run_b = 1;
  for (std::size_t i = 1; i <= n; ++i) {
    const bool same = i < n && values[i] == values[i - 1];
    equal_b += same ? 0 : pairs(run_b);
    run_b = same ? run_b + 1 : 1;
  }
  const double all = pairs(static_cast<double>(n));
  const double scale = std::sqrt(all - equal_a) * std::sqrt(all - equal_b);
  return scale > 0 ? (all - equal_a - equal_b + equal_both - 2 * exchanges) / scale : kNone;
}

Score score(const Measured& measured, std::span<const Prediction> predictions,
            std::span<const int> rows) {
  struct Group {
    double capped = 0, uncapped = 0;
    int rows = 0;
  };
  struct Workload {
    std::vector<double> measured, predicted;
  };
  Score result;
  std::map<std::pair<int, std::string_view>, Group> by_group;
  std::map<std::string, Workload> by_workload;
  std::vector<double> errors;
  std::vector<double> signed_errors;
  int within = 0;
  for (const int index : rows) {
    const MeasuredRow& row = at(measured, index);
    const Prediction& prediction = at(predictions, index);
    const bool good = prediction.is_good();
    const double error = good ? std::abs(relative_error(row, prediction)) : 1;
    errors.push_back(error);
    within += good && error <= kWithin ? 1 : 0;
    Group& group = by_group[{row.file, row.group}];
    group.capped += std::min(error, 1.0);
    group.uncapped += error;
    ++group.rows;
    if (good) {
      signed_errors.push_back(relative_error(row, prediction));
      Workload& entry = by_workload[workload(row)];
      entry.measured.push_back(row.value);
      entry.predicted.push_back(prediction.value);
    }
  }
  result.rows = static_cast<int>(rows.size());
  result.predicted_rows = static_cast<int>(signed_errors.size());
  result.groups = static_cast<int>(by_group.size());
  if (rows.empty()) {
    return result;
  }
  std::vector<double> capped;
  std::vector<double> uncapped;
  for (const auto& [key, group] : by_group) {
    capped.push_back(group.capped / group.rows);
    uncapped.push_back(group.uncapped / group.rows);
  }
  result.macro_mape = mean(capped);
  result.macro_mape_uncapped = mean(uncapped);
  result.mean_ape = mean(errors);
  result.median_ape = median(errors);
  result.bias = mean(signed_errors);
  result.within_20 = static_cast<double>(within) / static_cast<double>(rows.size());
  std::vector<double> taus;
  for (const auto& [key, entry] : by_workload) {
    if (entry.measured.size() >= kTauRowsMin) {
      const double tau = kendall_tau_b(entry.measured, entry.predicted);
      if (!std::isnan(tau)) {
        taus.push_back(tau);
      }
    }
  }
  result.tau = mean(taus);
  result.workloads = static_cast<int>(taus.size());
  return result;
}

// --- what is scored together --------------------------------------------------------------------

std::vector<FileMetric> file_metrics(const Measured& measured) {
  std::vector<FileMetric> list;
  std::map<std::tuple<int, Metric, Grade>, std::size_t> known;
  for (std::size_t i = 0; i < measured.rows.size(); ++i) {
    const MeasuredRow& row = measured.rows[i];
    const auto [entry, is_new] = known.try_emplace({row.file, row.metric, row.grade}, list.size());
    if (is_new) {
      list.push_back({.file = row.file,
                      .metric = row.metric,
                      .grade = row.grade,
                      .rows = {},
                      .is_reported_only = true});
    }
    list[entry->second].rows.push_back(static_cast<int>(i));
    list[entry->second].is_reported_only &= row.is_reported_only;
  }
  return list;
}

std::span<const Figure> figures() {
  using Row = const MeasuredRow&;
  static constexpr auto kIsServed = [](Row row) { return !row.op; };
  static constexpr auto kIsStatic = [](Row row) {
    return row.profile == estimate::Framework::static_batch || row.framework_name == "NeuronX";
  };
  static constexpr std::array kFigures{
      Figure{"GEMM kernel time", 0.24, 0.18, 0.12, false,
             [](Row row) { return row.op == Operator::gemm && row.metric == Metric::kernel_time; }},
      Figure{"attention kernel time", 0.25, 0.17, 0.11, false,
             [](Row row) {
               return row.metric == Metric::kernel_time && (row.op == Operator::attention_prefill ||
                                                            row.op == Operator::attention_decode);
             }},
      Figure{"collectives", 0.25, 0.18, 0.12, false,
             [](Row row) {
               return row.metric == Metric::kernel_time && row.op && is_collective(*row.op);
             }},
      Figure{
          "fused MoE kernels", 0.35, 0.25, 0.15, false,
          [](Row row) { return row.op == Operator::experts && row.metric == Metric::kernel_time; }},
      Figure{"TPOT, dense serving", 0.17, 0.11, 0.08, false,
             [](Row row) {
               return kIsServed(row) && row.metric == Metric::tpot && !kIsStatic(row) &&
                      !row.is_mixture();
             }},
      Figure{"TPOT, MoE serving", 0.28, 0.20, 0.14, false,
             [](Row row) {
               return kIsServed(row) && row.metric == Metric::tpot && !kIsStatic(row) &&
                      row.is_mixture();
             }},
      Figure{"TTFT, median error", 0.45, 0.35, 0.25, true,
             [](Row row) { return kIsServed(row) && row.metric == Metric::ttft; }},
      Figure{"static batches", 0.25, 0.15, 0.10, false,
             [](Row row) {
               return kIsServed(row) && (row.metric == Metric::batch_latency ||
                                         (row.metric == Metric::tpot && kIsStatic(row)));
             }},
      Figure{"average power", 0.22, 0.16, 0.10, false,
             [](Row row) { return kIsServed(row) && row.metric == Metric::average_power; }},
      Figure{"energy per token", 0.32, 0.24, 0.15, false,
             [](Row row) { return kIsServed(row) && row.metric == Metric::energy_per_token; }},
      Figure{"peak rates achieved", 0, 0, 0, false,
             [](Row row) { return row.metric == Metric::achieved; }},
      Figure{"inter-token latency", 0, 0, 0, false,
             [](Row row) { return kIsServed(row) && row.metric == Metric::itl_median; }},
      Figure{"output throughput", 0, 0, 0, false,
             [](Row row) {
               return kIsServed(row) && (row.metric == Metric::throughput ||
                                         row.metric == Metric::throughput_per_chip);
             }},
  };
  return kFigures;
}

namespace {

// Grade B counts where a quantity has no A: energy, power, and the static batches of 2024.
bool counts(const MeasuredRow& row) {
  if (row.is_reported_only || row.grade == Grade::c) {
    return false;
  }
  return row.grade == Grade::a || row.metric == Metric::average_power ||
         row.metric == Metric::energy_per_token || row.metric == Metric::itl_median ||
         (row.metric == Metric::batch_latency && row.load == Load::static_batch);
}

}  // namespace

std::vector<int> rows_of(const Measured& measured, const Figure& figure) {
  std::vector<int> rows;
  for (std::size_t i = 0; i < measured.rows.size(); ++i) {
    if (counts(measured.rows[i]) && figure.holds(measured.rows[i])) {
      rows.push_back(static_cast<int>(i));
    }
  }
  return rows;
}

std::vector<int> scored_rows(const Measured& measured) {
  std::vector<int> rows;
  for (std::size_t i = 0; i < measured.rows.size(); ++i) {
    const MeasuredRow& row = measured.rows[i];
    if (counts(row) && std::any_of(figures().begin(), figures().end(),
                                   [&](const Figure& figure) { return figure.holds(row); })) {
      rows.push_back(static_cast<int>(i));
    }
  }
  return rows;
}

std::vector<Single> singles(const Measured& measured, std::span<const int> rows) {
  struct Seen {
    std::set<std::pair<int, std::string_view>> groups;
    std::vector<int> rows;
  };
  std::map<std::string, Seen> seen;
  for (const int index : rows) {
    const MeasuredRow& row = at(measured, index);
    const auto see = [&](std::string_view what, const std::string& name) {
      Seen& entry = seen[fmt::format("{} {}", what, name)];
      entry.groups.emplace(row.file, row.group);
      entry.rows.push_back(index);
    };
    see("chip", row.chip_name);
    if (row.weights_name != "-") {
      see("format", row.weights_name);
    }
    if (row.op) {
      see("operator", row.model_name);
    }
  }
  std::vector<Single> result;
  for (auto& [what, entry] : seen) {
    if (entry.groups.size() == 1) {
      result.push_back({.what = what,
                        .group = at(measured, entry.rows.front()).group,
                        .rows = std::move(entry.rows)});
    }
  }
  return result;
}

std::vector<int> without_singles(const Measured& measured, std::span<const int> rows) {
  std::set<int> apart;
  for (const Single& single : singles(measured, rows)) {
    apart.insert(single.rows.begin(), single.rows.end());
  }
  std::vector<int> result;
  for (const int index : rows) {
    if (!apart.contains(index)) {
      result.push_back(index);
    }
  }
  return result;
}

std::vector<Slice> slices(const Measured& measured, std::span<const Prediction> predictions,
                          std::span<const int> rows, By by) {
  std::map<std::string, std::vector<int>> found;
  for (const int index : rows) {
    const MeasuredRow& row = at(measured, index);
    switch (by) {
      case By::chip:
        found[row.chip_name].push_back(index);
        break;
      case By::model:
        found[row.model_name].push_back(index);
        break;
      case By::framework:
        found[row.framework_name].push_back(index);
        break;
      case By::limit:
        found[at(predictions, index).is_good()
                  ? std::string(estimate::name(at(predictions, index).limit))
                  : "not predicted"]
            .push_back(index);
        break;
    }
  }
  std::vector<Slice> list;
  for (auto& [key, members] : found) {
    list.push_back({key, std::move(members)});
  }
  return list;
}

std::vector<Slice> groups(const Measured& measured, std::span<const int> rows) {
  std::vector<Slice> list;
  std::map<std::tuple<int, Metric, std::string_view>, std::size_t> known;
  for (const int index : rows) {
    const MeasuredRow& row = at(measured, index);
    const auto [entry, is_new] = known.try_emplace({row.file, row.metric, row.group}, list.size());
    if (is_new) {
      list.push_back({row.group, {}});
    }
    list[entry->second].rows.push_back(index);
  }
  return list;
}

// --- folds --------------------------------------------------------------------------------------

Folds folds(const Measured& measured) {
  Folds result;
  result.fold.assign(measured.rows.size(), -1);
  std::map<std::pair<int, Metric>, std::vector<int>> tables;
  for (const int index : scored_rows(measured)) {
    const MeasuredRow& row = at(measured, index);
    tables[{row.file, row.metric}].push_back(index);
  }
  for (const auto& [table, rows] : tables) {
    std::set<std::pair<std::uint64_t, std::string_view>> keys;
    for (const int index : rows) {
      const std::string& group = at(measured, index).group;
      keys.emplace(fnv1a_64(group), group);
    }
    const int count = keys.size() < kGroupsForFolds ? static_cast<int>(keys.size()) : kFoldCount;
    std::map<std::string_view, int> fold_of;
    int rank = 0;
    for (const auto& [hash, group] : keys) {
      fold_of[group] = rank++ % count;
    }
    for (const int index : rows) {
      result.fold[static_cast<std::size_t>(index)] = fold_of[at(measured, index).group];
    }
    result.count = std::max(result.count, count);
  }
  return result;
}

// --- the regret of a choice ---------------------------------------------------------------------

namespace {

// One configuration under one load.
struct Served {
  int tpot_row = -1, ttft_row = -1;
  double concurrency = 0, output_len = 0, chips = 1;

  // Output tokens per second and chip of a closed loop of `concurrency` requests.
  [[nodiscard]] double rate(double ttft, double tpot) const {
    return concurrency * output_len / (ttft + (output_len - 1) * tpot) / chips;
  }
};

struct Configurations {
  std::map<std::string, Served> served;  // by parallelism, chips and load
  std::set<std::string> ways;            // parallelisms
};

Choice choose(const std::vector<Served>& served, const Measured& measured,
              std::span<const Prediction> predictions, double limit) {
  Choice choice;
  choice.tpot_limit = limit;
  double best_predicted = 0;
  for (const Served& entry : served) {
    const MeasuredRow& row = at(measured, entry.tpot_row);
    const bool has_ttft = entry.ttft_row >= 0;
    const double rate =
        entry.rate(has_ttft ? at(measured, entry.ttft_row).value : row.value, row.value);
    if (row.value <= limit && rate > choice.best_rate) {
      choice.best_rate = rate;
      choice.best = entry.tpot_row;
    }
    const Prediction& tpot = at(predictions, entry.tpot_row);
    if (!tpot.is_good() || tpot.value > limit) {
      continue;
    }
    const bool knows_ttft = has_ttft && at(predictions, entry.ttft_row).is_good();
    const double predicted =
        entry.rate(knows_ttft ? at(predictions, entry.ttft_row).value : tpot.value, tpot.value);
    if (predicted > best_predicted) {
      best_predicted = predicted;
      choice.chosen = entry.tpot_row;
      choice.chosen_rate = rate;
    }
  }
  const bool missed = choice.chosen < 0 || at(measured, choice.chosen).value > limit * kLimitMissed;
  choice.regret =
      missed || choice.best < 0 ? 1 : std::max(0.0, 1 - choice.chosen_rate / choice.best_rate);
  return choice;
}

}  // namespace

Regret choice_regret(const Measured& measured, std::span<const Prediction> predictions) {
  std::map<std::string, Configurations> workloads;
  for (std::size_t i = 0; i < measured.rows.size(); ++i) {
    const MeasuredRow& row = measured.rows[i];
    const bool fits = !row.op && row.grade == Grade::a && row.input_len && row.output_len &&
                      row.batch && (row.metric == Metric::tpot || row.metric == Metric::ttft);
    if (!fits) {
      continue;
    }
    Configurations& entry = workloads[fmt::format("{} | {} | {}/{}", row.group, row.weights_name,
                                                  *row.input_len, *row.output_len)];
    Served& served = entry.served[fmt::format("{} {} {} {}", row.parallelism_name, row.chips,
                                              *row.batch, row.framework)];
    served.concurrency = *row.batch;
    served.output_len = *row.output_len;
    served.chips = row.chips;
    (row.metric == Metric::tpot ? served.tpot_row : served.ttft_row) = static_cast<int>(i);
    entry.ways.insert(fmt::format("{} {}", row.parallelism_name, row.chips));
  }
  Regret result;
  double sum = 0;
  for (const auto& [workload, entry] : workloads) {
    std::vector<Served> served;
    for (const auto& [key, configuration] : entry.served) {
      if (configuration.tpot_row >= 0) {
        served.push_back(configuration);
      }
    }
    if (entry.ways.size() < 2) {
      continue;
    }
    for (const double limit : kTpotLimits) {
      Choice choice = choose(served, measured, predictions, limit);
      if (choice.best < 0) {
        continue;  // nothing measured is fast enough: there is no choice
      }
      choice.workload = workload;
      sum += choice.regret;
      result.choices.push_back(std::move(choice));
    }
  }
  if (!result.choices.empty()) {
    result.mean = sum / static_cast<double>(result.choices.size());
  }
  return result;
}

// --- bands --------------------------------------------------------------------------------------

namespace {

struct Weighted {
  double value = 0, weight = 0;
};

// The smallest value that at least `share` of the weight does not exceed.
double quantile(const std::vector<Weighted>& sorted, double share) {
  double total = 0;
  for (const Weighted& entry : sorted) {
    total += entry.weight;
  }
  double sum = 0;
  for (const Weighted& entry : sorted) {
    sum += entry.weight;
    if (sum >= share * total) {
      return entry.value;
    }
  }
  return sorted.empty() ? 1 : sorted.back().value;
}

// Rows of each group, so that groups can weigh the same.
std::map<std::pair<int, std::string_view>, int> rows_per_group(const Measured& measured,
                                                               std::span<const int> rows) {
  std::map<std::pair<int, std::string_view>, int> counts_by_group;
  for (const int index : rows) {
    ++counts_by_group[{at(measured, index).file, at(measured, index).group}];
  }
  return counts_by_group;
}

std::optional<Band> band(const Measured& measured, std::span<const Prediction> predictions,
                         std::span<const int> rows) {
  std::vector<int> good;
  for (const int index : rows) {
    if (at(predictions, index).is_good()) {
      good.push_back(index);
    }
  }
  if (static_cast<int>(good.size()) < kBandRowsMin) {
    return std::nullopt;
  }
  const auto per_group = rows_per_group(measured, good);
  std::vector<Weighted> ratios;
  ratios.reserve(good.size());
  for (const int index : good) {
    const MeasuredRow& row = at(measured, index);
    ratios.push_back(
        {row.value / at(predictions, index).value, 1.0 / per_group.at({row.file, row.group})});
  }
  std::sort(ratios.begin(), ratios.end(),
            [](const Weighted& a, const Weighted& b) { return a.value < b.value; });
  return Band{.scope = {},
              .metric = {},
              .low = quantile(ratios, kLowShare),
              .high = quantile(ratios, kHighShare),
              .rows = static_cast<int>(good.size()),
              .groups = static_cast<int>(per_group.size())};
}

// What has a band. A row belongs to the first kind that holds.
struct Kind {
  std::string_view scope, metric;
  bool (*holds)(const MeasuredRow&);
};
constexpr std::array kKinds{
    Kind{"gemm", "kernel_time", [](const MeasuredRow& row) { return row.op == Operator::gemm; }},
    Kind{"attention_prefill", "kernel_time",
         [](const MeasuredRow& row) { return row.op == Operator::attention_prefill; }},
    Kind{"attention_decode", "kernel_time",
         [](const MeasuredRow& row) { return row.op == Operator::attention_decode; }},
    Kind{"collective", "kernel_time",
         [](const MeasuredRow& row) { return row.op && is_collective(*row.op); }},
    Kind{"experts", "kernel_time",
         [](const MeasuredRow& row) { return row.op == Operator::experts; }},
    Kind{"power", "power",
         [](const MeasuredRow& row) { return row.metric == Metric::average_power; }},
    Kind{"power", "energy",
         [](const MeasuredRow& row) { return row.metric == Metric::energy_per_token; }},
    Kind{"static", "batch_latency",
         [](const MeasuredRow& row) { return row.metric == Metric::batch_latency; }},
    Kind{"static", "TPOT",
         [](const MeasuredRow& row) {
           return row.metric == Metric::tpot && row.load == Load::static_batch;
         }},
    Kind{"static", "TTFT",
         [](const MeasuredRow& row) {
           return row.metric == Metric::ttft && row.load == Load::static_batch;
         }},
    Kind{"dense", "TPOT",
         [](const MeasuredRow& row) { return row.metric == Metric::tpot && !row.is_mixture(); }},
    Kind{"moe", "TPOT",
         [](const MeasuredRow& row) { return row.metric == Metric::tpot && row.is_mixture(); }},
    Kind{"dense", "TTFT",
         [](const MeasuredRow& row) { return row.metric == Metric::ttft && !row.is_mixture(); }},
    Kind{"moe", "TTFT",
         [](const MeasuredRow& row) { return row.metric == Metric::ttft && row.is_mixture(); }},
};

// The rows listed, by kind.
std::vector<std::vector<int>> by_kind(const Measured& measured, std::span<const int> rows) {
  std::vector<std::vector<int>> result(kKinds.size());
  for (const int index : rows) {
    const MeasuredRow& row = at(measured, index);
    if (row.metric == Metric::achieved) {
      continue;
    }
    const auto* const kind = std::find_if(kKinds.begin(), kKinds.end(),
                                          [&](const Kind& entry) { return entry.holds(row); });
    if (kind != kKinds.end()) {
      result[static_cast<std::size_t>(kind - kKinds.begin())].push_back(index);
    }
  }
  return result;
}

}  // namespace

std::vector<Band> bands(const Measured& measured, std::span<const Prediction> predictions,
                        std::span<const int> rows) {
  std::vector<Band> result;
  const auto kinds = by_kind(measured, rows);
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    if (auto found = band(measured, predictions, kinds[i])) {
      found->scope = kKinds[i].scope;
      found->metric = kKinds[i].metric;
      result.push_back(*found);
    }
  }
  return result;
}

std::vector<Coverage> coverage(const Measured& measured, std::span<const Prediction> predictions,
                               const Folds& folds) {
  std::vector<Coverage> result;
  Coverage all;
  double all_inside = 0;
  double all_weight = 0;
  const auto kinds = by_kind(measured, scored_rows(measured));
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    Coverage own{.scope = kKinds[i].scope, .metric = kKinds[i].metric};
    const auto per_group = rows_per_group(measured, kinds[i]);
    double inside = 0;
    double weight = 0;
    for (int fold = 0; fold < folds.count; ++fold) {
      std::vector<int> others;
      std::vector<int> tested;
      for (const int index : kinds[i]) {
        const bool is_tested = folds.fold[static_cast<std::size_t>(index)] == fold;
        (is_tested ? tested : others).push_back(index);
      }
      const auto found = band(measured, predictions, others);
      for (const int index : found ? tested : std::vector<int>{}) {
        const MeasuredRow& row = at(measured, index);
        const Prediction& prediction = at(predictions, index);
        if (!prediction.is_good()) {
          continue;
        }
        const double share = 1.0 / per_group.at({row.file, row.group});
        const double ratio = row.value / prediction.value;
        inside += ratio >= found->low && ratio <= found->high ? share : 0;
        weight += share;
        ++own.rows;
      }
    }
    if (weight > 0) {
      own.share = inside / weight;
      own.groups = static_cast<int>(per_group.size());
      all.rows += own.rows;
      all.groups += own.groups;
      all_inside += inside;
      all_weight += weight;
      result.push_back(own);
    }
  }
  if (all_weight > 0) {
    all.share = all_inside / all_weight;
    result.push_back(all);
  }
  return result;
}

}  // namespace churon::evaluate
