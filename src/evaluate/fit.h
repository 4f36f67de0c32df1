// Fitting the shared parameters of the analytic level to measured rows. A fit starts at what was
// known before any measurement (Parameter::start), so that one without some rows has seen nothing
// of them; it is a pattern search (Hooke and Jeeves 1961) over the score itself, stage by stage:
// kernels first, then the profiles of serving frameworks, then power. Nothing in it is random, and
// each fit runs on one thread: the same rows give the same bytes at any number of threads.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "estimate/efficiency.h"
#include "evaluate/measured.h"
#include "evaluate/predict.h"
#include "evaluate/validate.h"

namespace churon::evaluate {

struct FitOptions {
  int threads = 1;
  // Called from any thread, one call at a time: "fold 3 of 9".
  std::function<void(std::string_view)> progress = {};
  std::function<bool()> stop = {};  // true: end with what is there
};

// What one parameter was fitted to.
struct FittedParameter {
  int rows = 0;  // whose prediction depends on it
  std::string files;
};

struct Fit {
  estimate::Efficiency efficiency;
  std::vector<FittedParameter> parameters;  // in the order of estimate::parameters()
  double objective_start = 0, objective = 0;
  int evaluations = 0;
  bool stopped = false;
};

// To the rows listed.
Fit fit(const Measured& measured, const Predictor& predictor, std::span<const int> rows,
        const FitOptions& options = {});

struct CrossValidation {
  Folds folds;
  std::vector<Fit> fits;                // without each fold
  std::vector<Prediction> predictions;  // of each row, without its fold; others: none
  bool stopped = false;
};
// One fit for each fold number: it leaves out that fold of every file and metric.
CrossValidation cross_validate(const Measured& measured, const Predictor& predictor,
                               const FitOptions& options = {});

struct ChipLeftOut {
  std::string chip;
  std::vector<int> rows;
  std::vector<Prediction> predictions;  // of each row of `rows`
};
// The predictions of all chips left out, by row; rows of no chip: none.
std::vector<Prediction> by_row(const Measured& measured, std::span<const ChipLeftOut> left_out);
std::vector<ChipLeftOut> leave_one_chip_out(const Measured& measured, const Predictor& predictor,
                                            const FitOptions& options = {});

// data/efficiency.csv: every parameter with its provenance. `spread`: fits without each fold; the
// columns low and high hold the smallest and the largest value that they gave.
std::string efficiency_csv(const Measured& measured, const Fit& fit, std::span<const Fit> spread);
// data/bands.csv (band.h reads it): P10 and P90 of measured over predicted. `seen`: of groups left
// out of the fit; `unseen`: of chips left out of it, empty where that was not done.
std::string bands_csv(std::span<const Band> seen, std::span<const Band> unseen);

}  // namespace churon::evaluate
