#include "evaluate/predict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <variant>

#include "base/check.h"
#include "base/text.h"
#include "estimate/collective.h"
#include "estimate/kernels.h"
#include "estimate/serving.h"

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

// A model under a load on a server.
struct ServingPoint {
  int server = 0;
  Load kind = Load::continuous;
  estimate::Load load;  // continuous
  double requests = 1;  // static batch; offline: at most so many run at once
  double replicas = 1;
};
struct ServingServer {
  int device = 0;
  estimate::Server server;
};
// What a serving point amounts to, whatever its kind.
struct ServingResult {
  double ttft = 0, tpot = 0, itl = 0, latency = 0;
  double rate = 0;   // output tokens per second, all replicas
  double power = 0;  // all chips
  double energy = 0;
  double ttft_bound = 0, tpot_bound = 0, latency_bound = 0;
  estimate::Limit limit = estimate::Limit::memory;
  std::string reason;
};

// Requests that TensorRT-LLM runs at once on one rank unless told otherwise; where a row says
// "as much as memory holds" this is the limit that remains.
constexpr double kRunningMax = 2048;

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
  // Repetitions of a benchmark find weights and caches where the last one left them.
  return {.m = m, .n = need("n"), .k = need("k"), .precision = row.weights, .warm = true};
}

AttentionWork attention_work(const MeasuredRow& row, const estimate::Figures& chip, Needs& need) {
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
  // TensorRT-LLM computes prefill in fp8 where the cache is fp8, whatever the weights are; not on
  // chips before Hopper.
  if (prefill && row.kv_bits == 8 && row.profile == estimate::Framework::tensorrt_llm &&
      Device(chip, estimate::unfitted()).asynchronous) {
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
          .precision = row.weights,
          .warm = true,
          .walks_experts = row.profile == estimate::Framework::tensorrt_llm};
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
  std::vector<ServingServer> servers;
  std::vector<ServingPoint> servings;
  int family_count = 0;

  // While it is made.
  std::map<std::pair<const chip::Chip*, double>, int> devices;
  std::map<std::string, int> family_names;
  std::map<std::string, Result<int>> server_names;
  std::map<std::string, int> serving_names;

  std::string add_serving(const MeasuredRow& row, Row& out);
  Result<int> server(const MeasuredRow& row);
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
  const auto index = device(row, is_collective(*row.op) ? 1 : std::min(row.chips, 1.0));
  if (!index) {
    return index.error().front().message;
  }
  const estimate::Figures& chip = figures[static_cast<std::size_t>(*index)];
  Needs need(row);
  KernelPoint point;
  point.device = *index;
  switch (*row.op) {
    case Operator::gemm: {
      const Gemm work = gemm_work(row, need);
      point.done = 2 * work.m * work.n * work.k;
      point.work = work;
      break;
    }
    case Operator::attention_prefill:
    case Operator::attention_decode:
      point.work = attention_work(row, chip, need);
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
  if (is_collective(*row.op) && chip.link_bytes_per_s <= 0) {
    return "the chip's description states no link";
  }
  if (is_collective(*row.op) && !estimate::reaches(chip, row.chips)) {
    return "the chip's description states no rate beyond its scale-up domain";
  }
  out.kernel = static_cast<int>(kernels.size());
  kernels.push_back(point);
  return "";
}

Result<int> Predictor::State::server(const MeasuredRow& row) {
  // What was measured did run, whatever context the model was trained for.
  const auto positions =
      static_cast<std::int64_t>(std::ceil(row.input_len.value_or(0) + row.output_len.value_or(0)));
  const bool is_longer = positions > row.model->context;
  const std::string key =
      fmt::format("{} {} {} {} {} {} {} {}", row.chip->id, row.model->name, row.model_name,
                  row.weights_name, row.kv_bits, estimate::to_text(row.parallelism),
                  row.framework_name, is_longer ? positions : 0);
  if (const auto known = server_names.find(key); known != server_names.end()) {
    return known->second;
  }
  const auto make = [&]() -> Result<int> {
    const auto index = device(row, 1);
    if (!index) {
      return fail(index);
    }
    model::Hyperparameters longer;
    if (is_longer) {
      longer = *row.model;
      longer.context = positions;
    }
    const Device priced(figures[static_cast<std::size_t>(*index)], estimate::unfitted());
    auto made = estimate::Server::create(priced, {.shape = is_longer ? &longer : row.model.get(),
                                                  .parallelism = row.parallelism,
                                                  .framework = row.profile,
                                                  .weights = row.weights,
                                                  .kv_bits = row.kv_bits,
                                                  .pads_heads = row.framework_name == "NeuronX"});
    if (!made) {
      return fail(made);
    }
    servers.push_back({*index, std::move(*made)});
    return static_cast<int>(servers.size()) - 1;
  };
  return server_names.emplace(key, make()).first->second;
}

std::string Predictor::State::add_serving(const MeasuredRow& row, Row& out) {
  if (!row.input_len) {
    return missing("input_len");
  }
  if (!row.output_len && row.metric != Metric::ttft) {
    return missing("output_len");
  }
  if (!row.batch && !row.is_batch_max) {
    return missing("batch");
  }
  const auto index = server(row);
  if (!index) {
    return index.error().front().message;
  }
  ServingPoint point{.server = *index, .kind = row.load, .load = {}, .replicas = row.replicas};
  if (row.metric == Metric::batch_latency) {
    point.kind = Load::static_batch;
  }
  point.load.input_tokens = *row.input_len;
  point.load.output_tokens = row.output_len.value_or(1);
  const double batch = row.batch.value_or(kRunningMax * row.parallelism.attention_dp);
  point.requests = std::max(1.0, batch / row.replicas);
  point.load.concurrency = point.requests;
  const std::string key = fmt::format("{} {} {} {} {} {}", *index, static_cast<int>(point.kind),
                                      point.load.input_tokens, point.load.output_tokens,
                                      point.requests, point.replicas);
  const auto [entry, is_new] = serving_names.try_emplace(key, static_cast<int>(servings.size()));
  if (is_new) {
    servings.push_back(point);
  }
  out.serving = entry->second;
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
      out.reason = is_kernel_metric ? "a whole model is no kernel" : add_serving(row, out);
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

namespace {

estimate::Limit largest(const std::array<double, estimate::kLimitCount>& limits) {
  return static_cast<estimate::Limit>(std::max_element(limits.begin(), limits.end()) -
                                      limits.begin());
}

ServingResult from_served(const estimate::Served& served, const ServingPoint& point) {
  return {.ttft = served.ttft_s,
          .tpot = served.tpot_s,
          .itl = served.itl_s,
          .rate = served.output_tokens_per_s * point.replicas,
          .power = served.power_w * point.replicas,
          .energy = served.energy_per_output_token_j,
          .ttft_bound = served.ttft_bound_s,
          .tpot_bound = served.tpot_bound_s,
          .limit = largest(served.limits_s),
          .reason = {}};
}

ServingResult from_batch(const estimate::Batch& batch, const ServingPoint& point,
                         const estimate::Server& server) {
  const double tokens = point.requests * point.load.output_tokens;
  const estimate::StepTime step =
      server.decode_step(point.requests, point.load.input_tokens + point.load.output_tokens / 2);
  return {.ttft = batch.latency_s - batch.tpot_s * (point.load.output_tokens - 1),
          .tpot = batch.tpot_s,
          .itl = batch.tpot_s,
          .latency = batch.latency_s,
          .rate = tokens / batch.latency_s * point.replicas,
          .power = batch.power_w * point.replicas,
          .energy = batch.power_w * batch.latency_s / tokens,
          .latency_bound = batch.bound_s,
          .limit = largest(step.limits_s),
          .reason = {}};
}

double metric_value(const MeasuredRow& row, const ServingResult& result) {
  switch (row.metric) {
    case Metric::ttft:
      return result.ttft;
    case Metric::tpot:
      return result.tpot;
    case Metric::itl_median:
      return result.itl;
    case Metric::batch_latency:
      return result.latency;
    case Metric::throughput:
      return result.rate;
    case Metric::throughput_per_chip:
      return result.rate / row.chips;
    case Metric::average_power:
      return result.power;
    case Metric::energy_per_token:
      return result.energy;
    case Metric::kernel_time:
    case Metric::achieved:
    case Metric::element_rate:
      break;
  }
  return 0;
}

double metric_bound(const MeasuredRow& row, const ServingResult& result) {
  return row.metric == Metric::ttft            ? result.ttft_bound
         : row.metric == Metric::tpot          ? result.tpot_bound
         : row.metric == Metric::batch_latency ? result.latency_bound
                                               : 0;
}

}  // namespace

struct Trial::State {
  explicit State(const Predictor::State& predictor) : of(predictor) {}

  const Predictor::State& of;
  std::vector<Device> devices;
  std::vector<estimate::Server> servers;
  std::vector<int> server_age;  // the generation whose parameters a server has
  std::vector<ServingResult> results;
  std::vector<int> result_age;
  int generation = 0;

  [[nodiscard]] estimate::Price price(const KernelPoint& point) const;
  const ServingResult& result(int serving);
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

// Priced once for each set of parameters, whatever number of rows measured it.
const ServingResult& Trial::State::result(int serving) {
  const auto index = static_cast<std::size_t>(serving);
  ServingResult& out = results[index];
  if (result_age[index] == generation) {
    return out;
  }
  result_age[index] = generation;
  const ServingPoint& point = of.servings[index];
  const auto at = static_cast<std::size_t>(point.server);
  estimate::Server& server = servers[at];
  if (server_age[at] != generation) {
    server_age[at] = generation;
    server.set(devices[static_cast<std::size_t>(of.servers[at].device)].efficiency);
  }
  estimate::Load one = point.load;
  one.concurrency = point.kind == Load::continuous ? one.concurrency : 1;
  if (const auto good = server.check(one); !good) {
    out = {};
    out.reason = good.error().front().message;
    return out;
  }
  switch (point.kind) {
    case Load::continuous:
      out = from_served(server.serve(point.load), point);
      break;
    case Load::static_batch:
      out = from_batch(
          server.static_batch(point.requests, point.load.input_tokens, point.load.output_tokens),
          point, server);
      break;
    case Load::offline:
      out = from_served(
          server.offline(point.load.input_tokens, point.load.output_tokens, point.requests), point);
      break;
  }
  return out;
}

Trial::Trial(const Predictor& predictor) : state_(std::make_unique<State>(*predictor.state_)) {
  State& state = *state_;
  const Efficiency none = estimate::unfitted();
  for (const estimate::Figures& figures : state.of.figures) {
    state.devices.emplace_back(figures, none);
  }
  for (const ServingServer& entry : state.of.servers) {
    state.servers.push_back(entry.server);
  }
  state.server_age.assign(state.servers.size(), -1);
  state.results.resize(state.of.servings.size());
  state.result_age.assign(state.results.size(), -1);
}

Trial::~Trial() = default;

void Trial::set(const Efficiency& efficiency) {
  ++state_->generation;
  for (std::size_t i = 0; i < state_->devices.size(); ++i) {
    state_->devices[i] = Device(state_->of.figures[i], efficiency);
  }
}

double Trial::value(int row) {
  const Predictor::State::Row& entry = state_->of.rows[static_cast<std::size_t>(row)];
  if (!entry.reason.empty()) {
    return 0;
  }
  const MeasuredRow& measured = state_->of.measured.rows[static_cast<std::size_t>(row)];
  double value = 0;
  if (entry.serving >= 0) {
    value = metric_value(measured, state_->result(entry.serving));
  } else {
    const KernelPoint& point = state_->of.kernels[static_cast<std::size_t>(entry.kernel)];
    const double seconds = state_->price(point).expected_s;
    value = measured.metric == Metric::achieved ? point.done / seconds : seconds;
  }
  return std::isfinite(value) && value > 0 ? value : 0;
}

Prediction Trial::prediction(int row) {
  const Predictor::State::Row& entry = state_->of.rows[static_cast<std::size_t>(row)];
  if (!entry.reason.empty()) {
    return {.reason = entry.reason};
  }
  const MeasuredRow& measured = state_->of.measured.rows[static_cast<std::size_t>(row)];
  Prediction out{.value = value(row)};
  if (entry.serving >= 0) {
    const ServingResult& result = state_->result(entry.serving);
    out.bound = metric_bound(measured, result);
    out.limit = result.limit;
    out.reason = result.reason;
  } else {
    const KernelPoint& point = state_->of.kernels[static_cast<std::size_t>(entry.kernel)];
    const estimate::Price price = state_->price(point);
    out.bound = measured.metric == Metric::achieved ? point.done / price.bound_s : price.bound_s;
    out.limit = price.limit;
  }
  if (!out.is_good() && out.reason.empty()) {
    out.reason = "the model gives no finite number";
  }
  return out;
}

}  // namespace churon::evaluate
