// What the analytic level says about measured rows. Each row is made ready once: which operator, or
// which model on how many chips at which load, is priced, and which of its results the row
// measured. After that, predicting all rows under other parameters takes milliseconds, so that a
// fit can do it thousands of times.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "estimate/efficiency.h"
#include "estimate/limit.h"
#include "evaluate/measured.h"

namespace churon::evaluate {

struct Prediction {
  double value = 0;  // in the unit of the row's value; 0: not predicted
  double bound = 0;  // what physics allows: the smallest time or energy, the largest rate; 0: none
  estimate::Limit limit = estimate::Limit::memory;
  std::string reason = {};  // why there is no value

  [[nodiscard]] bool is_good() const { return value > 0; }
};

// `measured` must outlive it.
class Predictor {
 public:
  explicit Predictor(const Measured& measured);
  ~Predictor();
  Predictor(Predictor&&) noexcept;
  Predictor& operator=(Predictor&&) noexcept;

  // One for each row.
  [[nodiscard]] std::vector<Prediction> predict(const estimate::Efficiency& efficiency) const;

  // Rows that depend on the same parameters have the same family: "gemm fp8", "attention_decode",
  // "vLLM TPOT". Numbered from 0.
  [[nodiscard]] int families() const;
  [[nodiscard]] int family(int row) const;
  // Which stage of a fit looks at the row.
  enum class Stage { kernels, serving, power };
  [[nodiscard]] Stage stage(int row) const;

 private:
  friend class Trial;
  struct State;
  std::unique_ptr<const State> state_;
};

// A working copy for one thread: values of single rows under parameters that change often.
class Trial {
 public:
  explicit Trial(const Predictor& predictor);
  ~Trial();
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  void set(const estimate::Efficiency& efficiency);
  // The predicted value of a row; 0: none.
  double value(int row);
  Prediction prediction(int row);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace churon::evaluate
