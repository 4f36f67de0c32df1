#include "evaluate/fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <set>

#include "base/csv.h"
#include "base/parallel.h"

namespace churon::evaluate {

using estimate::Efficiency;
using estimate::Parameter;

namespace {

constexpr double kStepFirst = 0.12, kStepLast = 0.002;  // of a parameter's range
constexpr int kSweepsMax = 60;
// A parameter is drawn to its start, in logits of its range: one that the rows say little about
// stays where it was before any measurement, and a chip that was not fitted to is predicted better.
constexpr double kPullToStart = 6e-3, kPullEdge = 0.01;
// Quantities without a target, and TTFT, whose spread is not the chip's: they shall not bend the
// others.
constexpr double kWeightMinor = 1, kWeightTtft = 1;

// A parameter as a coordinate in [0, 1].
double to_unit(const Parameter& parameter, double value) {
  return parameter.logarithmic
             ? std::log(value / parameter.low) / std::log(parameter.high / parameter.low)
             : (value - parameter.low) / (parameter.high - parameter.low);
}
double from_unit(const Parameter& parameter, double unit) {
  const double value = parameter.logarithmic
                           ? parameter.low * std::pow(parameter.high / parameter.low, unit)
                           : parameter.low + (parameter.high - parameter.low) * unit;
  return std::clamp(value, parameter.low, parameter.high);
}

double logit(double unit) {
  const double inside = std::clamp(unit, kPullEdge, 1 - kPullEdge);
  return std::log(inside / (1 - inside));
}

// Six digits: what is written is what was fitted.
double rounded(double value) { return std::stod(fmt::format("{:.6g}", value)); }

Predictor::Stage stage_of(const Parameter& parameter) {
  if (parameter.scope.starts_with("power")) {
    return Predictor::Stage::power;
  }
  return parameter.scope.starts_with("profile") || parameter.scope.starts_with("serving")
             ? Predictor::Stage::serving
             : Predictor::Stage::kernels;
}

// The cap has a slope, so that the search sees which way leads out of it.
double fit_error(double ratio) {
  const double error = std::abs(ratio - 1);
  return error <= 1 ? error : 1 + 0.05 * std::log(error);
}

// The weight of each row in the objective: figures weigh the same, in them groups, in them rows.
std::vector<double> weights(const Measured& measured, std::span<const int> rows) {
  const std::set<int> wanted(rows.begin(), rows.end());
  std::vector<double> result(measured.rows.size(), 0);
  for (const Figure& figure : figures()) {
    std::map<std::pair<int, std::string_view>, std::vector<int>> by_group;
    int count = 0;
    for (const int row : rows_of(measured, figure)) {
      if (wanted.contains(row)) {
        ++count;
        const MeasuredRow& entry = measured.rows[static_cast<std::size_t>(row)];
        by_group[{entry.file, entry.group}].push_back(row);
      }
    }
    const double of_figure = figure.good == 0 ? kWeightMinor : figure.is_median ? kWeightTtft : 1;
    for (const auto& [key, members] : by_group) {
      // A median counts rows; the others count groups.
      const double share = figure.is_median
                               ? 1.0 / count
                               : 1.0 / static_cast<double>(by_group.size() * members.size());
      for (const int row : members) {
        result[static_cast<std::size_t>(row)] += of_figure * share;
      }
    }
  }
  return result;
}

class Search {
 public:
  Search(const Measured& measured, const Predictor& predictor, Efficiency start)
      : measured_(measured), predictor_(predictor), trial_(predictor), efficiency_(start) {}

  // Varies the parameters of the stage to suit its rows.
  void run(Predictor::Stage stage, std::span<const int> rows,
           const std::vector<double>& row_weights, const FitOptions& options, Fit& result) {
    collect(stage, rows, row_weights);
    if (rows_.empty()) {
      return;
    }
    choose_parameters(stage, result);
    if (coordinates_.empty()) {
      return;
    }
    double best = total();
    result.objective_start += best;
    double step = kStepFirst;
    std::vector<double> before = units_;
    for (int sweep = 0; sweep < kSweepsMax && step >= kStepLast; ++sweep) {
      if (options.stop && options.stop()) {
        result.stopped = true;
        break;
      }
      const double at_start = best;
      for (std::size_t i = 0; i < coordinates_.size(); ++i) {
        best = move(i, step, best);
      }
      best = extrapolate(before, best);
      before = units_;
      if (at_start - best < 1e-4 * best) {
        step /= 2;
      }
    }
    result.objective += best;
    result.evaluations += evaluations_;
  }

  [[nodiscard]] const Efficiency& efficiency() const { return efficiency_; }

 private:
  struct Coordinate {
    const Parameter* parameter = nullptr;
    std::vector<int> families;  // whose rows depend on it
    double direction = 1;       // that helped last
  };
  struct Row {
    int row = 0;
    double weight = 0;
  };

  void collect(Predictor::Stage stage, std::span<const int> rows,
               const std::vector<double>& row_weights) {
    rows_.assign(static_cast<std::size_t>(predictor_.families()), {});
    trial_.set(efficiency_);
    bool any = false;
    for (const int row : rows) {
      const double weight = row_weights[static_cast<std::size_t>(row)];
      // Rows that no parameter can help are left out.
      if (weight > 0 && predictor_.stage(row) == stage && trial_.value(row) > 0) {
        rows_[static_cast<std::size_t>(predictor_.family(row))].push_back({row, weight});
        any = true;
      }
    }
    if (!any) {
      rows_.clear();
    }
    sums_.assign(rows_.size(), 0);
    coordinates_.clear();
    units_.clear();
    starts_.clear();
    evaluations_ = 0;
  }

  void choose_parameters(Predictor::Stage stage, Fit& result) {
    const auto all = estimate::parameters();
    const std::vector<std::vector<double>> now = values();
    for (std::size_t i = 0; i < all.size(); ++i) {
      const Parameter& parameter = all[i];
      if (!parameter.fitted || stage_of(parameter) != stage) {
        continue;
      }
      Coordinate coordinate{.parameter = &parameter, .families = {}};
      std::set<int> touched;
      const double kept = parameter.get(efficiency_);
      for (const double unit : {0.0, 0.25, 0.5, 0.75, 1.0}) {
        parameter.of(efficiency_) = from_unit(parameter, unit);
        const auto then = values();
        for (std::size_t family = 0; family < now.size(); ++family) {
          if (now[family] != then[family]) {
            touched.insert(static_cast<int>(family));
          }
        }
      }
      parameter.of(efficiency_) = kept;
      FittedParameter& record = result.parameters[i];
      std::set<std::string> files;
      for (const int family : touched) {
        for (const Row& row : rows_[static_cast<std::size_t>(family)]) {
          ++record.rows;
          const int file = measured_.rows[static_cast<std::size_t>(row.row)].file;
          files.insert(measured_.files[static_cast<std::size_t>(file)].name);
        }
      }
      record.files = fmt::format("{}", fmt::join(files, " "));
      if (touched.empty()) {
        continue;
      }
      coordinate.families.assign(touched.begin(), touched.end());
      units_.push_back(to_unit(parameter, kept));
      starts_.push_back(logit(to_unit(parameter, parameter.start)));
      coordinates_.push_back(std::move(coordinate));
    }
    trial_.set(efficiency_);
    for (std::size_t family = 0; family < rows_.size(); ++family) {
      sums_[family] = family_error(static_cast<int>(family));
    }
  }

  // The predicted values of all rows, by family.
  std::vector<std::vector<double>> values() {
    trial_.set(efficiency_);
    std::vector<std::vector<double>> result(rows_.size());
    for (std::size_t family = 0; family < rows_.size(); ++family) {
      for (const Row& row : rows_[family]) {
        result[family].push_back(trial_.value(row.row));
      }
    }
    return result;
  }

  double family_error(int family) {
    double sum = 0;
    for (const Row& row : rows_[static_cast<std::size_t>(family)]) {
      const double value = trial_.value(row.row);
      sum +=
          row.weight * fit_error(value / measured_.rows[static_cast<std::size_t>(row.row)].value);
    }
    return sum;
  }

  [[nodiscard]] double total() const {
    double sum = 0;
    for (const double entry : sums_) {
      sum += entry;
    }
    double pull = 0;
    for (std::size_t i = 0; i < units_.size(); ++i) {
      const double distance = logit(units_[i]) - starts_[i];
      pull += distance * distance;
    }
    return sum + kPullToStart * pull;
  }

  // One coordinate at `unit`: the objective. The sums of its families are those of the trial.
  double attempt(std::size_t i, double unit) {
    const Coordinate& coordinate = coordinates_[i];
    coordinate.parameter->of(efficiency_) = from_unit(*coordinate.parameter, unit);
    units_[i] = unit;
    trial_.set(efficiency_);
    for (const int family : coordinate.families) {
      sums_[static_cast<std::size_t>(family)] = family_error(family);
    }
    ++evaluations_;
    return total();
  }

  // Tries one step forth, then back.
  double move(std::size_t i, double step, double best) {
    Coordinate& coordinate = coordinates_[i];
    const double unit = units_[i];
    const std::vector<double> kept = sums_;
    for (const double sign : {coordinate.direction, -coordinate.direction}) {
      const double next = std::clamp(unit + sign * step, 0.0, 1.0);
      if (next == unit) {
        continue;
      }
      const double found = attempt(i, next);
      if (found < best) {
        coordinate.direction = sign;
        return found;
      }
      sums_ = kept;
    }
    units_[i] = unit;
    coordinate.parameter->of(efficiency_) = from_unit(*coordinate.parameter, unit);
    return best;
  }

  // Goes on as far again as the last sweep went; all coordinates at once.
  double extrapolate(const std::vector<double>& before, double best) {
    const std::vector<double> units = units_;
    const std::vector<double> sums = sums_;
    const Efficiency efficiency = efficiency_;
    std::set<int> touched;
    for (std::size_t i = 0; i < coordinates_.size(); ++i) {
      if (units_[i] == before[i]) {
        continue;
      }
      units_[i] = std::clamp(2 * units_[i] - before[i], 0.0, 1.0);
      const Parameter& parameter = *coordinates_[i].parameter;
      parameter.of(efficiency_) = from_unit(parameter, units_[i]);
      touched.insert(coordinates_[i].families.begin(), coordinates_[i].families.end());
    }
    if (touched.empty()) {
      return best;
    }
    trial_.set(efficiency_);
    for (const int family : touched) {
      sums_[static_cast<std::size_t>(family)] = family_error(family);
    }
    ++evaluations_;
    const double found = total();
    if (found < best) {
      return found;
    }
    units_ = units;
    sums_ = sums;
    efficiency_ = efficiency;
    return best;
  }

  const Measured& measured_;
  const Predictor& predictor_;
  Trial trial_;
  Efficiency efficiency_;
  std::vector<std::vector<Row>> rows_;  // of each family
  std::vector<double> sums_;            // weighted error of each family
  std::vector<Coordinate> coordinates_;
  std::vector<double> units_, starts_;  // coordinates; logits of where they started
  int evaluations_ = 0;
};

// Says how many of `count` fits are done.
class Progress {
 public:
  Progress(const FitOptions& options, std::string_view what, int count)
      : options_(options), what_(what), count_(count) {}
  void done() {
    const std::lock_guard lock(mutex_);
    ++done_;
    if (options_.progress) {
      options_.progress(fmt::format("{}: {} of {} fits", what_, done_, count_));
    }
  }

 private:
  const FitOptions& options_;
  std::string_view what_;
  int count_ = 0, done_ = 0;
  std::mutex mutex_;
};

}  // namespace

Fit fit(const Measured& measured, const Predictor& predictor, std::span<const int> rows,
        const FitOptions& options) {
  Fit result;
  result.parameters.resize(estimate::parameters().size());
  Search search(measured, predictor, estimate::unfitted());
  const std::vector<double> row_weights = weights(measured, rows);
  for (const auto stage :
       {Predictor::Stage::kernels, Predictor::Stage::serving, Predictor::Stage::power}) {
    search.run(stage, rows, row_weights, options, result);
  }
  result.efficiency = search.efficiency();
  for (const Parameter& parameter : estimate::parameters()) {
    double& value = parameter.of(result.efficiency);
    value = std::clamp(rounded(value), parameter.low, parameter.high);
  }
  return result;
}

CrossValidation cross_validate(const Measured& measured, const Predictor& predictor,
                               const FitOptions& options) {
  CrossValidation result;
  result.folds = folds(measured);
  result.predictions.resize(measured.rows.size());
  result.fits.resize(static_cast<std::size_t>(result.folds.count));
  const std::vector<int> scored = scored_rows(measured);
  Progress progress(options, "test", result.folds.count);
  in_parallel(static_cast<std::size_t>(result.folds.count), options.threads, [&](std::size_t item) {
    const auto fold = static_cast<int>(item);
    std::vector<int> seen;
    for (const int row : scored) {
      if (result.folds.fold[static_cast<std::size_t>(row)] != fold) {
        seen.push_back(row);
      }
    }
    Fit& own = result.fits[static_cast<std::size_t>(fold)];
    own = fit(measured, predictor, seen, options);
    Trial trial(predictor);
    trial.set(own.efficiency);
    for (const int row : scored) {
      if (result.folds.fold[static_cast<std::size_t>(row)] == fold) {
        result.predictions[static_cast<std::size_t>(row)] = trial.prediction(row);
      }
    }
    progress.done();
  });
  result.stopped = std::any_of(result.fits.begin(), result.fits.end(),
                               [](const Fit& entry) { return entry.stopped; });
  return result;
}

std::vector<ChipLeftOut> leave_one_chip_out(const Measured& measured, const Predictor& predictor,
                                            const FitOptions& options) {
  const std::vector<int> scored = scored_rows(measured);
  std::vector<ChipLeftOut> result;
  for (Slice& slice : slices(measured, {}, scored, By::chip)) {
    result.push_back({.chip = slice.key, .rows = std::move(slice.rows), .predictions = {}});
  }
  Progress progress(options, "leave one chip out", static_cast<int>(result.size()));
  in_parallel(result.size(), options.threads, [&](std::size_t index) {
    ChipLeftOut& out = result[index];
    std::vector<int> seen;
    for (const int row : scored) {
      if (measured.rows[static_cast<std::size_t>(row)].chip_name != out.chip) {
        seen.push_back(row);
      }
    }
    Trial trial(predictor);
    trial.set(fit(measured, predictor, seen, options).efficiency);
    for (const int row : out.rows) {
      out.predictions.push_back(trial.prediction(row));
    }
    progress.done();
  });
  return result;
}

std::string efficiency_csv(const Measured& measured, const Fit& fit, std::span<const Fit> spread) {
  std::string text = "scope,name,value,low,high,unit,basis,fit_rows,source,note\n";
  const auto all = estimate::parameters();
  (void)measured;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Parameter& parameter = all[i];
    const FittedParameter& record = fit.parameters[i];
    const double value = parameter.get(fit.efficiency);
    double low = value;
    double high = value;
    for (const Fit& other : spread) {
      low = std::min(low, parameter.get(other.efficiency));
      high = std::max(high, parameter.get(other.efficiency));
    }
    const bool is_fitted = parameter.fitted && record.rows > 0;
    text += fmt::format("{},{},{:.6g},{:.6g},{:.6g},{},{},{},{},{}\n", parameter.scope,
                        parameter.name, value, low, high, parameter.unit,
                        is_fitted          ? "fitted"
                        : parameter.fitted ? "guess"
                                           : "convention",
                        record.rows,
                        csv_field(is_fitted ? record.files : std::string(parameter.source)),
                        csv_field(parameter.note));
  }
  return text;
}

std::vector<Prediction> by_row(const Measured& measured, std::span<const ChipLeftOut> left_out) {
  std::vector<Prediction> result(measured.rows.size());
  for (const ChipLeftOut& out : left_out) {
    for (std::size_t i = 0; i < out.rows.size(); ++i) {
      result[static_cast<std::size_t>(out.rows[i])] = out.predictions[i];
    }
  }
  return result;
}

std::string bands_csv(std::span<const Band> seen, std::span<const Band> unseen) {
  std::string text = "scope,metric,chips,p10,p90,groups,rows,source\n";
  const auto add = [&](std::span<const Band> bands, std::string_view chips,
                       std::string_view source) {
    for (const Band& band : bands) {
      text += fmt::format("{},{},{},{:.4g},{:.4g},{},{},{}\n", band.scope, band.metric, chips,
                          band.low, band.high, band.groups, band.rows, source);
    }
  };
  add(seen, "seen", "measured over predicted of groups that the fit left out");
  add(unseen, "unseen", "measured over predicted of chips that the fit left out");
  return text;
}

}  // namespace churon::evaluate
