// Measured performance, row by row: any CSV file with the columns of data/measured/README.md. A row
// is one number; here it is read, its unit is checked, and the names of chips, models, frameworks
// and number formats are brought to one form. What is wrong is said with file, line and column, and
// the rest is read on.
//
// A row that has no usable number (metric, value, unit, grade) is left out. A row whose number is
// good, but that names what the model does not know, stays: it counts as a row that could not be
// predicted.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/csv.h"
#include "base/result.h"
#include "chip/chip.h"
#include "estimate/parallelism.h"
#include "estimate/precision.h"
#include "model/hyperparameters.h"

namespace churon::evaluate {

// A: stated precisely enough to model; B: a part of the configuration is implied; C: not scored.
enum class Grade { a, b, c };
std::string_view name(Grade grade);

enum class Metric {
  kernel_time,
  achieved,
  ttft,
  tpot,
  itl_median,
  batch_latency,
  throughput,           // of all chips
  throughput_per_chip,  // `_per_gpu` and `_per_chip`
  average_power,
  energy_per_token,
  element_rate,
};
inline constexpr std::size_t kMetricCount = 11;
// As the tables call it: "TPOT", "output_throughput_total".
std::string_view name(Metric metric);
// A person's text in the metric's unit: "31.2 ms".
std::string text(Metric metric, double value);

enum class Operator {
  gemm,
  attention_prefill,
  attention_decode,
  experts,
  all_reduce,
  all_gather,
  reduce_scatter,
  all_to_all,
  memory_copy,
  elementwise,
};
std::string_view name(Operator op);
bool is_collective(Operator op);

// A number that a note states: "m=1;n=4096;k=4096", "MxNxK=1024x10240x5120", "heads=32".
struct Dimension {
  std::string name;
  double value = 0;
};

// How requests arrive: a closed loop of a stated concurrency; one batch that starts and ends
// together; all requests at once, as many running as memory holds.
enum class Load { continuous, static_batch, offline };

struct MeasuredRow {
  int file = 0;  // of Measured::files
  int line = 0;

  Grade grade = Grade::a;
  Metric metric = Metric::kernel_time;
  double value = 0;  // seconds, operations or bytes per second, tokens per second, watts, joules
  bool is_byte_rate = false;      // `achieved` in GB/s
  bool is_reported_only = false;  // element_rate and MLPerf: no configuration to predict from
  // Why the row cannot be predicted; empty: nothing stands in the way.
  std::string obstacle;

  std::string chip_name;  // canonical, or as the row has it
  std::shared_ptr<const chip::Chip> chip;
  double chips = 1;
  std::string model_name;  // canonical, or as the row has it
  std::optional<Operator> op;
  std::shared_ptr<const model::Hyperparameters> model;
  std::string framework_name;  // the family: "TensorRT-LLM", "NCCL"
  std::string framework;       // with its version, as the row has it
  estimate::Framework profile = estimate::Framework::generic;

  const estimate::Precision* weights = nullptr;
  std::string weights_name;  // canonical; "-": not stated
  double kv_bits = 16;
  std::string kv_name;  // "fp8", "16 bit"; "-": no cache is involved
  estimate::Parallelism parallelism;
  std::string parallelism_name;
  double replicas = 1;  // copies of the model that share the load

  std::optional<double> input_len, output_len, batch;
  bool is_batch_max = false;  // as much as memory holds
  Load load = Load::continuous;
  std::vector<Dimension> dimensions;
  std::string task;
  // What the row leaves open and how it was filled, "; " between.
  std::string assumptions;

  // `chip | model or operator | framework family`, for operators also `| weights | KV`.
  std::string group;

  [[nodiscard]] std::optional<double> dimension(std::string_view wanted) const;
  [[nodiscard]] bool is_operator() const { return op.has_value(); }
  [[nodiscard]] bool is_mixture() const { return model != nullptr && model->experts.count > 0; }
};

struct MeasuredFile {
  std::string path;
  std::string name;  // the last part of the path; where files share it, the path
  int rows = 0;      // in the file, behind the header
};

struct Measured {
  std::vector<MeasuredFile> files;
  std::vector<MeasuredRow> rows;  // in the order of files and lines
  // V0101 … V0112 and those of the CSV's form; the same unknown name is said once.
  Diagnostics findings;
};

// Reads further files into one `Measured`; names are looked up once.
class MeasuredReader {
 public:
  MeasuredReader();
  ~MeasuredReader();
  MeasuredReader(const MeasuredReader&) = delete;
  MeasuredReader& operator=(const MeasuredReader&) = delete;

  // False: the file could not be read or has no usable header; `findings` says why.
  bool read(const std::string& path);
  bool read(CsvTable table);
  Measured take();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// What rows leave open, in one table: docs/validation.md shows it.
struct TaskAssumption {
  std::string_view task;
  double input_len = 0, output_len = 0;  // 0: the row must state it
  std::string_view reason;
};
std::span<const TaskAssumption> task_assumptions();

// The framework families: versions, dates and operating systems are no part of the name.
std::string framework_family(std::string_view framework);

}  // namespace churon::evaluate
