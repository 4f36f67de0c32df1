#include "evaluate/predict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <variant>

#include "base/check.h"
#include "base/text.h"
#include "estimate/kernels.h"

namespace churon::evaluate {

using estimate::AttentionWork;
using estimate::CollectiveKind;
using estimate::CollectiveWork;
using estimate::Device;
using estimate::Efficiency;
using estimate::ElementwiseWork;
using estimate::ExpertsWork;
using estimate::Gemm;

namespace {

using Work = std::variant<Gemm, AttentionWork, ExpertsWork, CollectiveWork, ElementwiseWork>;

// One operator on a device.
struct KernelPoint {
  int device = 0;
  Work work;
  double done = 0;  // operations or bytes that a rate is about
};

// Elements of a buffer in the number format of the row.
double element_bytes(const MeasuredRow& row) {
  return (row.weights == nullptr ? 16 : row.weights->activation_bits) / 8;
}

std::string missing(std::string_view what) { return fmt::format("the row states no {}", what); }

// A dimension of the note, or of a column.
class Needs {
 public:
  explicit Needs(const MeasuredRow& row) : row_(row) {}
  double operator()(std::string_view name, std::optional<double> column = std::nullopt) {
    const auto value = column ? column : row_.dimension(name);
    if (!value && reason_.empty()) {
      reason_ = missing(name);
    }
    return value.value_or(1);
  }
  [[nodiscard]] const std::string& reason() const { return reason_; }

 private:
  const MeasuredRow& row_;
  std::string reason_;
};

CollectiveKind collective_kind(Operator op) {
  switch (op) {
    case Operator::all_reduce:
      return CollectiveKind::all_reduce;
    case Operator::all_gather:
      return CollectiveKind::all_gather;
    case Operator::reduce_scatter:
      return CollectiveKind::reduce_scatter;
    case Operator::all_to_all:
      return CollectiveKind::all_to_all;
    case Operator::gemm:
    case Operator::attention_prefill:
    case Operator::attention_decode:
    case Operator::experts:
    case Operator::memory_copy:
    case Operator::elementwise:
      break;
  }
  check(false, static_cast<int>(op));
  return CollectiveKind::all_reduce;
}

Gemm gemm_work(const MeasuredRow& row, Needs& need) {
  const double m = need("m", row.dimension("m") ? row.dimension("m") : row.batch);
  return {.m = m, .n = need("n"), .k = need("k"), .precision = row.weights};
}

AttentionWork attention_work(const MeasuredRow& row, Needs& need) {
  const bool prefill = *row.op == Operator::attention_prefill;
  AttentionWork work{.prefill = prefill,
                     .sequences = need("batch", row.batch),
                     .context = need("input_len", row.input_len),
                     .heads = need("heads"),
                     .kv_heads = need("kv_heads"),
                     .kv_bits = row.kv_bits,
                     .precision = row.weights,
                     .warm = true};
  work.tokens = prefill ? work.context : 1;
  work.key_dim = need("head_dim");
  work.value_dim = work.key_dim;
  work.window = row.dimension("window").value_or(0);
  // TensorRT-LLM computes prefill in fp8 where the cache is fp8, whatever the weights are.
  if (prefill && row.kv_bits == 8 && row.profile == estimate::Framework::tensorrt_llm) {
    work.precision = estimate::precision("fp8");
  }
  return work;
}

// "power_law_1.2": the exponent; "balanced", "uniform": 0.
double routing_skew(const MeasuredRow& row) {
  return row.dimension("routing_exponent").value_or(1.2);
}

ExpertsWork experts_work(const MeasuredRow& row, Needs& need) {
  return {.tokens = need("batch", row.batch),
          .hidden = need("hidden"),
          .inter = need("inter"),
          .experts = need("experts"),
          .per_token = need("topk"),
          .ranks_ep = row.dimension("moe_ep").value_or(row.parallelism.ep),
          .ranks_tp = row.dimension("moe_tp").value_or(std::max(1, row.parallelism.moe_tp)),
          .skew = routing_skew(row),
          .precision = row.weights};
}

CollectiveWork collective_work(const MeasuredRow& row, Needs& need) {
  CollectiveWork work{.kind = collective_kind(*row.op),
                      .ranks = row.chips,
                      .framework_kernel = row.profile == estimate::Framework::tensorrt_llm};
  if (const auto elements = row.dimension("elements"); elements && !row.dimension("bytes")) {
    work.bytes = *elements * element_bytes(row);
  } else {
    work.bytes = need("bytes");
  }
  return work;
}

}  // namespace

struct Predictor::State {
  struct Row {
    int kernel = -1;   // of `kernels`
    int serving = -1;  // of `servings`
    int family = 0;
    Stage stage = Stage::kernels;
    std::string reason;
  };

  explicit State(const Measured& rows_of) : measured(rows_of) {}

  const Measured& measured;
  std::vector<Row> rows;
  std::vector<estimate::Figures> figures;  // of each device
  std::vector<KernelPoint> kernels;
  int family_count = 0;

  // While it is made.
  std::map<std::pair<const chip::Chip*, double>, int> devices;
  std::map<std::string, int> family_names;

  std::string add_kernel(const MeasuredRow& row, Row& out);
  Result<int> device(const MeasuredRow& row, double share);
  void add(const MeasuredRow& row);
};

Result<int> Predictor::State::device(const MeasuredRow& row, double share) {
  const auto key = std::make_pair(row.chip.get(), share);
  if (const auto known = devices.find(key); known != devices.end()) {
    return known->second;
  }
  auto made = estimate::figures(*row.chip);
  if (!made) {
    return fail(made);
  }
  if (share != 1) {  // one of several alike parts of the chip
    for (double& peak : made->peak_ops) {
      peak *= share;
    }
    made->memory_bytes_per_s *= share;
    made->memory_bytes *= share;
    made->cache_bytes *= share;
    made->cores *= share;
    made->tdp_w *= share;
    made->idle_w *= share;
  }
  figures.push_back(std::move(*made));
  const int index = static_cast<int>(figures.size()) - 1;
  devices.emplace(key, index);
  return index;
}

std::string Predictor::State::add_kernel(const MeasuredRow& row, Row& out) {
  Needs need(row);
  KernelPoint point;
  switch (*row.op) {
    case Operator::gemm: {
      const Gemm work = gemm_work(row, need);
      point.done = 2 * work.m * work.n * work.k;
      point.work = work;
      break;
    }
    case Operator::attention_prefill:
    case Operator::attention_decode:
      point.work = attention_work(row, need);
      break;
    case Operator::experts:
      point.work = experts_work(row, need);
      break;
    case Operator::all_reduce:
    case Operator::all_gather:
    case Operator::reduce_scatter:
    case Operator::all_to_all: {
      const CollectiveWork work = collective_work(row, need);
      point.done = work.bytes;
      point.work = work;
      break;
    }
    case Operator::memory_copy:
      point.done = 2 * need("bytes");  // read and written
      point.work = ElementwiseWork{.bytes = point.done};
      break;
    case Operator::elementwise:
      return "reported only";
  }
  if (!need.reason().empty()) {
    return need.reason();
  }
  if (row.metric == Metric::achieved && point.done <= 0) {
    return "no rate of this operator is defined";
  }
  const auto index = device(row, is_collective(*row.op) ? 1 : std::min(row.chips, 1.0));
  if (!index) {
    return index.error().front().message;
  }
  if (is_collective(*row.op) && figures[static_cast<std::size_t>(*index)].link_bytes_per_s <= 0) {
    return "the chip's description states no link";
  }
  point.device = *index;
  out.kernel = static_cast<int>(kernels.size());
  kernels.push_back(std::move(point));
  return "";
}

void Predictor::State::add(const MeasuredRow& row) {
  Row out;
  out.reason = row.obstacle;
  std::string family;
  const bool is_kernel_metric = row.metric == Metric::kernel_time || row.metric == Metric::achieved;
  if (row.op) {
    family = fmt::format("{} {} {}", name(*row.op), row.weights_name, row.framework_name);
    if (out.reason.empty()) {
      out.reason = is_kernel_metric
                       ? add_kernel(row, out)
                       : fmt::format("{} is not measured on one operator", name(row.metric));
    }
  } else {
    family = fmt::format("{} {}", row.framework_name, name(row.metric));
    out.stage = row.metric == Metric::average_power || row.metric == Metric::energy_per_token
                    ? Stage::power
                    : Stage::serving;
    if (out.reason.empty()) {
      out.reason = is_kernel_metric ? "a whole model is no kernel" : "serving is not modelled yet";
    }
  }
  out.family =
      family_names.try_emplace(family, static_cast<int>(family_names.size())).first->second;
  rows.push_back(std::move(out));
}

Predictor::Predictor(const Measured& measured) {
  auto state = std::make_unique<State>(measured);
  state->rows.reserve(measured.rows.size());
  for (const MeasuredRow& row : measured.rows) {
    state->add(row);
  }
  state->family_count = static_cast<int>(state->family_names.size());
  state_ = std::move(state);
}

Predictor::~Predictor() = default;
Predictor::Predictor(Predictor&&) noexcept = default;
Predictor& Predictor::operator=(Predictor&&) noexcept = default;

std::vector<Prediction> Predictor::predict(const Efficiency& efficiency) const {
  Trial trial(*this);
  trial.set(efficiency);
  std::vector<Prediction> predictions;
  predictions.reserve(state_->rows.size());
  for (std::size_t i = 0; i < state_->rows.size(); ++i) {
    predictions.push_back(trial.prediction(static_cast<int>(i)));
  }
  return predictions;
}

int Predictor::families() const { return state_->family_count; }
int Predictor::family(int row) const { return state_->rows[static_cast<std::size_t>(row)].family; }
Predictor::Stage Predictor::stage(int row) const {
  return state_->rows[static_cast<std::size_t>(row)].stage;
}

// --- trials -------------------------------------------------------------------------------------

struct Trial::State {
  const Predictor::State& of;
  std::vector<Device> devices;

  [[nodiscard]] estimate::Price price(const KernelPoint& point) const;
};

estimate::Price Trial::State::price(const KernelPoint& point) const {
  const Device& device = devices[static_cast<std::size_t>(point.device)];
  switch (point.work.index()) {
    case 0:
      return estimate::gemm(device, std::get<0>(point.work));
    case 1:
      return estimate::attention(device, std::get<1>(point.work));
    case 2:
      return estimate::experts(device, std::get<2>(point.work));
    case 3:
      return estimate::collective(device, std::get<3>(point.work));
    default:
      return estimate::elementwise(device, std::get<4>(point.work));
  }
}

Trial::Trial(const Predictor& predictor)
    : state_(std::make_unique<State>(State{.of = *predictor.state_, .devices = {}})) {
  const Efficiency none = estimate::unfitted();
  for (const estimate::Figures& figures : predictor.state_->figures) {
    state_->devices.emplace_back(figures, none);
  }
}

Trial::~Trial() = default;

void Trial::set(const Efficiency& efficiency) {
  for (Device& device : state_->devices) {
    device.efficiency = efficiency;
  }
}

double Trial::value(int row) {
  const Predictor::State::Row& entry = state_->of.rows[static_cast<std::size_t>(row)];
  if (!entry.reason.empty()) {
    return 0;
  }
  const KernelPoint& point = state_->of.kernels[static_cast<std::size_t>(entry.kernel)];
  const double seconds = state_->price(point).expected_s;
  const MeasuredRow& measured = state_->of.measured.rows[static_cast<std::size_t>(row)];
  const double value = measured.metric == Metric::achieved ? point.done / seconds : seconds;
  return std::isfinite(value) && value > 0 ? value : 0;
}

Prediction Trial::prediction(int row) {
  const Predictor::State::Row& entry = state_->of.rows[static_cast<std::size_t>(row)];
  if (!entry.reason.empty()) {
    return {.reason = entry.reason};
  }
  const KernelPoint& point = state_->of.kernels[static_cast<std::size_t>(entry.kernel)];
  const estimate::Price price = state_->price(point);
  const MeasuredRow& measured = state_->of.measured.rows[static_cast<std::size_t>(row)];
  const bool is_rate = measured.metric == Metric::achieved;
  Prediction result{.value = is_rate ? point.done / price.expected_s : price.expected_s,
                    .bound = is_rate ? point.done / price.bound_s : price.bound_s,
                    .limit = price.limit};
  if (!std::isfinite(result.value) || result.value <= 0) {
    return {.reason = "the model gives no finite number"};
  }
  return result;
}

}  // namespace churon::evaluate
