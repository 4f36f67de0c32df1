#include "estimate/estimate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "base/check.h"
#include "chip/budget.h"
#include "estimate/actions.h"
#include "estimate/figures.h"

namespace churon::estimate {

using graph::OpKind;
using model::TensorRole;
using numeric::BlockFormat;
using stats::Action;

namespace {

// Bought chips move values between kernels in 16 bits.
constexpr double kValueBytesBought = 2;

// A bought chip whose maker states no idle power: a guess. Busy: the median of the power that was
// measured under load on H100 and B200 boards, as a share of TDP (data: ML.ENERGY).
constexpr double kIdleShareOfTdp = 0.15;
constexpr double kBusyShareOfTdp = 0.735;
// TDP over dense 8-bit operations per second where the maker states no TDP: the median of A100,
// H100, B200, MI300X, TPU v5e, Trainium2, Gaudi 3 and L40S (0.22 to 0.64 W/TOPS). A guess.
constexpr double kTdpPerOperation = 0.4e-12;

// Everything that makes two operators cost the same, apart from the layer they are in.
std::string signature(const graph::Graph& graph, const graph::Op& op,
                      const WeightFormats& formats) {
  const auto rows_of = [&](const graph::Slice& slice) {
    return slice.value < 0 ? -1 : static_cast<int>(graph.values[slice.value].rows);
  };
  std::string text = fmt::format("{} {} {}", op.name, op.output.columns, rows_of(op.output));
  for (const graph::Slice& input : op.inputs) {
    text += fmt::format(" {}:{}", input.columns, rows_of(input));
  }
  for (const graph::WeightUse& use : op.weights) {
    text += fmt::format(" {}x{}", use.rows, use.columns);
    if (op.kind() == OpKind::matmul) {
      text += fmt::format("/{}", static_cast<int>(formats.of(use.role, op.layer)));
    }
  }
  if (const auto* attention = std::get_if<graph::Attention>(&op.parameters)) {
    text += fmt::format(" window {}", attention->window);
  }
  return text;
}

}  // namespace

StepEstimate& StepEstimate::operator+=(const StepEstimate& other) {
  bound += other.bound;
  expected += other.expected;
  for (std::size_t i = 0; i < kLimitCount; ++i) {
    by_limit[i] += other.by_limit[i];
  }
  for (std::size_t i = 0; i < kOpKindCount; ++i) {
    by_kind[i] += other.by_kind[i];
  }
  activity += other.activity;
  return *this;
}

WeightFormats weight_formats(const model::Model& model, const chip::Chip& chip) {
  const std::int64_t layers = model.hyperparameters.layers;
  const std::vector<BlockFormat> native = chip::native_weights(chip);
  WeightFormats result{
      .formats = std::vector<BlockFormat>(static_cast<std::size_t>(model::kTensorRoles * layers)),
      .layers = layers};
  const model::TensorInfo& embedding = model.tensor(TensorRole::token_embedding);
  result.embedding_bits =
      8.0 * static_cast<double>(embedding.bytes) / static_cast<double>(embedding.elements());
  for (int i = 0; i < model::kTensorRoles; ++i) {
    const auto role = static_cast<TensorRole>(i);
    if (model::is_vector(role)) {
      continue;
    }
    for (std::int64_t layer = 0; layer < (model::is_per_layer(role) ? layers : 1); ++layer) {
      const model::TensorInfo* tensor = model.find(role, layer);
      if (tensor == nullptr) {
        continue;
      }
      const auto target = numeric::transcode_target(tensor->type, native);
      check(target.has_value());
      result.formats[static_cast<std::size_t>(i * layers + layer)] = target->format;
      if (role == TensorRole::token_embedding) {
        const double bits = numeric::info(target->format).bits_per_weight;
        result.embedding_held_apart =
            !model.hyperparameters.tied || !target->exact || bits != result.embedding_bits;
      }
    }
  }
  return result;
}

struct Estimator::State {
  // A matrix as the matrix unit sees it.
  struct Matrix {
    double rows = 0, columns = 0;  // N, K
    BlockFormat format = BlockFormat::q8_0;
  };
  // An operator that stands for `count` alike.
  struct Entry {
    graph::Op op;
    int count = 1;
    std::vector<Matrix> matrices;
  };
  // Of one operator of an entry.
  struct Cost {
    double bound_compute = 0, bound_memory = 0, bound_vector = 0;  // seconds at peak rates
    double compute = 0, memory = 0, vector = 0;                    // seconds expected
    stats::Activity activity;
  };
  // Cached elements of one position in all layers of a kind, and the window of the kind.
  struct KvLayers {
    std::int64_t window = 0;
    std::int64_t elements = 0;
  };

  graph::Graph graph;  // its step is replaced by the one that is asked for
  std::vector<Entry> entries;
  std::vector<KvLayers> kv_layers;
  std::string chip_name;
  chip::Derate derate;
  stats::EnergyPrices prices;
  EnergyModel energy_model = EnergyModel::actions;
  double kv_bits = 0;
  double embedding_bits = 0;
  double weight_bytes = 0;

  // Peak rates of the chip, by weight format and kind of activation where they differ.
  double bytes_per_second = 0;
  double macs_per_second[6][2] = {};
  double capacity = 0;

  double bytes_per_value = kValueBytes;
  Figures figures;
  MatrixUnit unit;  // of an own chip; cores 0: not known

  void read_chip(const chip::Chip& chip);
  void price_energy(const chip::Chip& chip);
  void list_operators(const WeightFormats& formats);

  [[nodiscard]] double mac_rate(BlockFormat format, chip::Activation activation) const {
    return macs_per_second[static_cast<std::size_t>(format)][static_cast<std::size_t>(activation)];
  }
  [[nodiscard]] double matrix_seconds(double copies, double m, double n, double k,
                                      BlockFormat format, chip::Activation activation) const;
  void add_matmul(const Entry& entry, const graph::Work& work, Cost& cost) const;
  void add_attention(const Entry& entry, const graph::Work& work, Cost& cost) const;
  [[nodiscard]] Cost cost(const Entry& entry, bool decode) const;
  [[nodiscard]] double kv_bytes(std::int64_t context) const;
};

void Estimator::State::read_chip(const chip::Chip& chip) {
  chip_name = chip.name;
  bytes_per_second = chip::memory_bandwidth(chip).value();
  capacity = chip::memory_capacity(chip).value();
  for (const auto& format : numeric::block_formats()) {
    for (const auto activation : {chip::Activation::block8, chip::Activation::int16}) {
      macs_per_second[static_cast<std::size_t>(format.format)]
                     [static_cast<std::size_t>(activation)] =
                         chip::peak_operations(chip, format.format, activation).value() / 2;
    }
  }
  unit = figures.unit;
  if (!figures.own) {
    bytes_per_value = kValueBytesBought;
  }
}

void Estimator::State::price_energy(const chip::Chip& chip) {
  if (chip.energy) {
    prices = figures.action_prices;
    energy_model = EnergyModel::actions;
    return;
  }
  const std::optional<Watts> stated = chip::tdp(chip);
  const double tdp =
      stated ? stated->value()
             : kTdpPerOperation * chip::peak_operations(chip, BlockFormat::q8_0).value();
  const double idle = chip::idle_power(chip).value_or(Watts{kIdleShareOfTdp * tdp}).value();
  prices[Action::powered] = idle;
  prices[Action::busy] = std::max(0.0, kBusyShareOfTdp * tdp - idle);
  energy_model = stated ? EnergyModel::power : EnergyModel::power_guess;
}

void Estimator::State::list_operators(const WeightFormats& formats) {
  std::map<std::string, std::size_t> known;
  for (const graph::Op& op : graph.ops) {
    const auto [at, is_new] = known.emplace(signature(graph, op, formats), entries.size());
    if (is_new) {
      Entry entry{.op = op, .count = 0, .matrices = {}};
      if (op.kind() == OpKind::matmul) {
        for (const graph::WeightUse& use : op.weights) {
          entry.matrices.push_back({static_cast<double>(use.rows), static_cast<double>(use.columns),
                                    formats.of(use.role, op.layer)});
        }
      }
      entries.push_back(std::move(entry));
    }
    ++entries[at->second].count;
    // What is held for the whole run.
    if (op.kind() == OpKind::embedding) {
      const graph::WeightUse& use = op.weights.front();
      weight_bytes += formats.embedding_held_apart
                          ? static_cast<double>(use.rows * use.columns) * embedding_bits / 8
                          : 0;
    } else {
      for (const graph::WeightUse& use : op.weights) {
        const double bits = op.kind() == OpKind::matmul
                                ? numeric::info(formats.of(use.role, op.layer)).bits_per_weight
                                : 32;
        weight_bytes += static_cast<double>(use.rows * use.columns) * bits / 8;
      }
    }
    if (const auto* attention = std::get_if<graph::Attention>(&op.parameters)) {
      const std::int64_t elements =
          attention->kv_heads * (attention->key_dim + attention->value_dim);
      const auto same = std::find_if(kv_layers.begin(), kv_layers.end(), [&](const KvLayers& kind) {
        return kind.window == attention->window;
      });
      if (same == kv_layers.end()) {
        kv_layers.push_back({attention->window, elements});
      } else {
        same->elements += elements;
      }
    }
  }
}

double Estimator::State::matrix_seconds(double copies, double m, double n, double k,
                                        BlockFormat format, chip::Activation activation) const {
  const double rate = mac_rate(format, activation);
  if (!figures.own) {
    return copies * m * n * k / rate;
  }
  return unit_seconds(unit, copies, m, n, k, 2 * rate);
}

void Estimator::State::add_matmul(const Entry& entry, const graph::Work& work, Cost& cost) const {
  const double m = static_cast<double>(work.rows);
  for (const Matrix& matrix : entry.matrices) {
    const auto& format = numeric::info(matrix.format);
    const double elements = matrix.rows * matrix.columns;
    const double bytes = elements * format.bits_per_weight / 8;
    cost.bound_compute += m * elements / mac_rate(matrix.format, chip::Activation::block8);
    cost.compute +=
        matrix_seconds(1, m, matrix.rows, matrix.columns, matrix.format, chip::Activation::block8);
    cost.activity[format.element_bits == 4 ? Action::mac_w4 : Action::mac_int8] += m * elements;
    cost.activity[Action::memory_read] += bytes;
    if (unit.cores > 0) {
      cost.activity[Action::scratch_access] += scratch_bytes(unit, bytes, m);
    }
  }
  const double inputs = static_cast<double>(work.input_elements);
  cost.activity[Action::vector_operation] += kQuantiseOperations * inputs;
  cost.activity[Action::noc_hop] +=
      noc_hop_bytes(unit, inputs, static_cast<double>(work.output_elements));
}

void Estimator::State::add_attention(const Entry& entry, const graph::Work& work,
                                     Cost& cost) const {
  const auto& attention = std::get<graph::Attention>(entry.op.parameters);
  const double key_dim = static_cast<double>(attention.key_dim);
  const double value_dim = static_cast<double>(attention.value_dim);
  const double scores = static_cast<double>(work.macs) / (key_dim + value_dim);
  const double rows = static_cast<double>(work.rows * attention.heads);  // queries, all heads
  if (rows == 0 || scores == 0) {
    return;
  }
  double sequences = 0;
  for (const graph::SequenceGroup& group : graph.step.groups) {
    sequences += static_cast<double>(group.count);
  }
  const double visible = scores / rows;  // positions a query sees, in the mean
  const double copies = sequences * static_cast<double>(attention.kv_heads);
  const double queries = rows / copies;  // of one sequence that share a head of the cache
  cost.bound_compute += scores * key_dim / mac_rate(BlockFormat::q8_0, chip::Activation::block8) +
                        scores * value_dim / mac_rate(BlockFormat::q8_0, chip::Activation::int16);
  cost.compute += matrix_seconds(copies, queries, visible, key_dim, BlockFormat::q8_0,
                                 chip::Activation::block8) +
                  matrix_seconds(copies, queries, value_dim, visible, BlockFormat::q8_0,
                                 chip::Activation::int16);
  const double bytes = static_cast<double>(work.kv_read_elements) * kv_bits / 8;
  cost.activity[Action::mac_int8] += scores * key_dim;
  cost.activity[Action::mac_int16] += scores * value_dim;
  cost.activity[Action::memory_read] += bytes;
  cost.activity[Action::vector_operation] +=
      scores * unit.softmax_operations +
      kQuantiseOperations * static_cast<double>(work.input_elements);
  if (unit.cores > 0) {
    cost.activity[Action::scratch_access] += scratch_bytes(unit, bytes, queries);
  }
}

Estimator::State::Cost Estimator::State::cost(const Entry& entry, bool decode) const {
  const graph::Work work = graph::work(graph, entry.op);
  Cost result;
  const OpKind kind = entry.op.kind();
  if (kind == OpKind::matmul) {
    add_matmul(entry, work, result);
  } else if (kind == OpKind::attention) {
    add_attention(entry, work, result);
  } else {
    result.activity[Action::vector_operation] +=
        static_cast<double>(work.vector_operations) +
        kExponentialOperations * static_cast<double>(work.exponentials);
  }
  if (kind == OpKind::embedding) {
    result.activity[Action::memory_read] +=
        static_cast<double>(work.weight_elements) * embedding_bits / 8;
  }
  if (kind == OpKind::kv_append) {
    const double elements = static_cast<double>(work.kv_write_elements);
    result.activity[Action::memory_write] += elements * kv_bits / 8;
    result.activity[Action::vector_operation] += kQuantiseOperations * elements;
  }
  result.activity[Action::memory_read] += static_cast<double>(work.vector_weight_elements) * 4;
  result.bound_memory = result.activity.memory_bytes().value() / bytes_per_second;

  const double inputs = static_cast<double>(work.input_elements);
  const double outputs = static_cast<double>(work.output_elements);
  if ((inputs + outputs) * bytes_per_value > figures.value_bytes_on_chip) {
    result.activity[Action::memory_read] += inputs * bytes_per_value;
    result.activity[Action::memory_write] += outputs * bytes_per_value;
  }
  if (unit.cores > 0) {
    result.activity[Action::scratch_access] += (inputs + outputs) * kValueBytes;
  } else {
    result.activity[Action::vector_operation] = 0;  // the unit is not described
  }
  if (unit.vector_per_s > 0) {
    result.bound_vector = result.activity[Action::vector_operation] / unit.vector_per_s;
  }
  const double software = derate.software.value;
  const double mac_share = decode ? derate.mac_decode.value : derate.mac_prefill.value;
  result.compute /= mac_share * software;
  result.memory =
      result.activity.memory_bytes().value() / (bytes_per_second * derate.memory.value * software);
  result.vector = result.bound_vector / software;
  return result;
}

double Estimator::State::kv_bytes(std::int64_t context) const {
  double bytes = 0;
  for (const KvLayers& kind : kv_layers) {
    // Positions that no later token sees are given back.
    const std::int64_t positions = kind.window > 0 ? std::min(kind.window, context) : context;
    bytes += static_cast<double>(positions) * static_cast<double>(kind.elements) * kv_bits / 8;
  }
  return bytes;
}

Estimator::Estimator(std::shared_ptr<State> state) : state_(std::move(state)) {}

Result<Estimator> Estimator::create(const model::Hyperparameters& hyperparameters,
                                    const WeightFormats& formats, const chip::Chip& chip,
                                    const EstimateOptions& options) {
  auto read = figures(chip, options.derate);
  if (!read) {
    return fail(read);
  }
  auto state = std::make_shared<State>();
  state->derate = read->derate;
  state->figures = std::move(*read);
  state->kv_bits = numeric::kv_bits_per_element(options.kv);
  state->embedding_bits = formats.embedding_bits;
  state->graph = graph::graph(hyperparameters, graph::decode_step(1, 0));
  state->read_chip(chip);
  state->price_energy(chip);
  state->list_operators(formats);
  return Estimator(std::move(state));
}

namespace {

bool is_decode(const graph::Step& step) {
  return std::all_of(step.groups.begin(), step.groups.end(),
                     [](const graph::SequenceGroup& group) { return group.tokens == 1; });
}

Limit limit_of(double compute, double memory, double vector) {
  return memory >= compute && memory >= vector ? Limit::memory
         : compute >= vector                   ? Limit::compute
                                               : Limit::vector;
}

}  // namespace

StepEstimate Estimator::step(const graph::Step& step) {
  State& s = *state_;
  s.graph.step = step;
  const bool decode = is_decode(step);
  StepEstimate result;
  double compute = 0;
  double memory = 0;
  double vector = 0;
  for (const State::Entry& entry : s.entries) {
    const State::Cost cost = s.cost(entry, decode);
    const double count = entry.count;
    compute += count * cost.bound_compute;
    memory += count * cost.bound_memory;
    vector += count * cost.bound_vector;
    const Seconds time{count * std::max({cost.compute, cost.memory, cost.vector})};
    result.by_kind[entry.op.parameters.index()] += time;
    result.by_limit[static_cast<std::size_t>(limit_of(cost.compute, cost.memory, cost.vector))] +=
        time;
    result.expected += time;
    stats::Activity activity = cost.activity;
    activity *= count;
    result.activity += activity;
  }
  result.bound = Seconds{std::max({compute, memory, vector})};
  result.activity[Action::busy] = result.expected.value();
  const Seconds fixed =
      static_cast<double>(s.graph.layers) * s.derate.layer.value + s.derate.step_host.value;
  result.by_limit[static_cast<std::size_t>(Limit::fixed)] = fixed;
  result.expected += fixed;
  result.activity[Action::powered] = result.expected.value();
  return result;
}

std::vector<OperatorEstimate> Estimator::operators(const graph::Step& step) {
  State& s = *state_;
  s.graph.step = step;
  const bool decode = is_decode(step);
  std::vector<OperatorEstimate> rows;
  rows.reserve(s.entries.size());
  for (const State::Entry& entry : s.entries) {
    const State::Cost cost = s.cost(entry, decode);
    const double count = entry.count;
    OperatorEstimate row{
        .name = entry.op.name,
        .kind = entry.op.kind(),
        .layer = entry.op.layer,
        .count = entry.count,
        .limit = limit_of(cost.compute, cost.memory, cost.vector),
        .time = Seconds{count * std::max({cost.compute, cost.memory, cost.vector})},
        .compute = Seconds{count * cost.compute},
        .memory = Seconds{count * cost.memory},
        .vector = Seconds{count * cost.vector},
        .activity = cost.activity};
    row.activity *= count;
    row.activity[Action::busy] = row.time.value();
    row.activity[Action::powered] = row.time.value();
    rows.push_back(std::move(row));
  }
  return rows;
}

EnergyModel Estimator::energy_model() const { return state_->energy_model; }
const stats::EnergyPrices& Estimator::prices() const { return state_->prices; }
const chip::Derate& Estimator::derate() const { return state_->derate; }

Footprint Estimator::footprint(std::int64_t context) const {
  return {.weights = Bytes{state_->weight_bytes},
          .kv_per_sequence = Bytes{state_->kv_bytes(context)},
          .capacity = Bytes{state_->capacity}};
}

Result<void> Estimator::check_fits(std::int64_t batch, std::int64_t context) const {
  const Footprint needs = footprint(context);
  const double room = (needs.capacity - needs.weights).value();
  const double sequences = static_cast<double>(batch);
  if (needs.kv_per_sequence.value() * sequences <= room) {
    return {};
  }
  const auto gigabytes = [](double bytes) { return fmt::format("{:10.3f} GB", bytes / 1e9); };
  Diagnostic diagnostic{
      .code = "E0201",
      .message = fmt::format("the model does not fit the memory of {}", state_->chip_name),
      .notes = {fmt::format("weights                  {}", gigabytes(needs.weights.value())),
                fmt::format("KV cache, {:>6} x {:>6}  {}", batch, context,
                            gigabytes(needs.kv_per_sequence.value() * sequences)),
                fmt::format("memory of the chip       {}", gigabytes(needs.capacity.value()))},
      .exit = ExitCode::infeasible};
  if (room <= 0) {
    diagnostic.help.push_back("take a chip with more memory: `churon chips` lists them");
    return fail(std::move(diagnostic));
  }
  // Largest context of this batch: the footprint grows with it.
  std::int64_t low = 0;
  std::int64_t high = context;
  while (low < high) {
    const std::int64_t middle = low + (high - low + 1) / 2;
    if (state_->kv_bytes(middle) * sequences <= room) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  diagnostic.help.push_back(fmt::format("largest context that fits: -c {}", low));
  const double largest_batch = std::floor(room / needs.kv_per_sequence.value());
  if (batch > 1 && largest_batch >= 1) {
    diagnostic.help.push_back(
        fmt::format("largest batch at this context: --sim-batch {:.0f}", largest_batch));
  }
  return fail(std::move(diagnostic));
}

}  // namespace churon::estimate
