#include <algorithm>
#include <atomic>
#include <bit>
#include <limits>
#include <utility>
#include <variant>

#include "base/check.h"
#include "base/quantity.h"
#include "exec/engine.h"
#include "exec/engine_impl.h"
#include "numeric/activation_blocks.h"
#include "numeric/buffer.h"
#include "numeric/fp_environment.h"
#include "numeric/kv_cache.h"

namespace churon::exec {

using graph::Op;
using graph::OpKind;

namespace {

constexpr std::size_t kChunkMax = 512;
// Rows that one thread takes at a time: the largest group of the matrix kernels.
constexpr std::size_t kRowGroup = 12;
// Rows that a thread takes through all operators between two attentions, so that their values stay
// in its second-level cache. From two groups a thread on, rows are divided; fewer rows are too few
// to go round, and the outputs of each product are divided instead.
constexpr std::size_t kRowBlock = 16 * kRowGroup;
constexpr std::size_t kDividedRowsMin = 2 * kRowGroup;
// Tokens of one piece of attention: as many as the kernels take at a time.
constexpr std::size_t kAttentionTokens = 32;
constexpr std::size_t kScoreBytesMax = std::size_t{32} << 20;  // of logits, at least one group

constexpr std::uint32_t kExponentBits = 0x7F800000U;

bool all_finite(const float* x, std::size_t n) {
  std::uint32_t found = 0;
  for (std::size_t i = 0; i < n; ++i) {
    found |= (std::bit_cast<std::uint32_t>(x[i]) & kExponentBits) == kExponentBits ? 1U : 0U;
  }
  return found == 0;
}

// Rows of equal length, far enough apart that the rows of a group do not fall on the same lines of
// the first-level cache.
std::size_t row_stride(std::int64_t columns) {
  const auto lines = static_cast<std::size_t>(div_ceil(columns, 16));
  return (lines | 1) * 16;
}

}  // namespace

struct SessionImpl {
  std::shared_ptr<EngineImpl> engine;
  numeric::KvCache cache;
  std::size_t position = 0;
  std::size_t chunk = kChunkMax;

  // The values of a step; their memory grows to the largest step there was.
  struct Value {
    float* data = nullptr;
    std::size_t stride = 0;
  };
  std::vector<Value> values;
  numeric::Buffer memory;
  std::size_t rows_held = 0;
  numeric::Buffer logits_memory;
  std::size_t logits_rows_held = 0;
  std::vector<numeric::ActivationBlocks> operands;  // of each thread; the first where all share one

  // The step in hand.
  std::span<const std::int32_t> ids;
  std::size_t sampled = 0;
  std::atomic<bool> interrupted{false};
  std::atomic<std::size_t> next_item{0};
  std::atomic<std::size_t> not_finite{kNone};  // the first operator that met such a number
  static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

  [[nodiscard]] std::size_t rows(graph::Rows rows) const {
    return rows == graph::Rows::tokens ? ids.size() : sampled;
  }
  // The rows whose logits are wanted are the last ones.
  [[nodiscard]] std::size_t first_row(graph::Rows rows) const {
    return rows == graph::Rows::tokens ? 0 : ids.size() - sampled;
  }
  [[nodiscard]] float* at(const graph::Slice& slice, std::size_t row) const {
    const Value& value = values[static_cast<std::size_t>(slice.value)];
    return value.data + row * value.stride + slice.first;
  }
  [[nodiscard]] std::size_t stride(const graph::Slice& slice) const {
    return values[static_cast<std::size_t>(slice.value)].stride;
  }
  [[nodiscard]] bool reference() const { return engine->options.arithmetic == Arithmetic::f32; }

  void met_not_finite(std::size_t op) {
    std::size_t seen = not_finite.load(std::memory_order_relaxed);
    while (op < seen && !not_finite.compare_exchange_weak(seen, op, std::memory_order_relaxed)) {
    }
  }

  // --- Memory ---

  Result<void> hold(std::size_t tokens, std::size_t logits_rows) {
    const graph::Graph& graph = engine->graph;
    try {
      if (tokens > rows_held) {
        rows_held = std::min(kChunkMax, std::max(tokens, 2 * rows_held));
        std::size_t floats = 0;
        for (std::size_t i = 0; i < values.size(); ++i) {
          floats += values[i].stride * rows_held;
        }
        memory = numeric::Buffer(floats * sizeof(float), true);
        auto* next = reinterpret_cast<float*>(memory.data());
        for (std::size_t i = 0; i < values.size(); ++i) {
          if (static_cast<graph::ValueId>(i) != graph.logits) {
            values[i].data = next;
            next += values[i].stride * rows_held;
          }
        }
      }
      if (logits_rows > logits_rows_held) {
        logits_rows_held = logits_rows;
        Value& logits = values[static_cast<std::size_t>(graph.logits)];
        logits_memory = numeric::Buffer(logits.stride * logits_rows * sizeof(float), true);
        logits.data = reinterpret_cast<float*>(logits_memory.data());
      }
    } catch (const std::bad_alloc&) {
      return fail("X0103", "the system refuses the memory that a step needs",
                  {"use a shorter prompt chunk, or a smaller model"});
    }
    return {};
  }

  // --- One step ---

  Result<void> step(std::span<const std::int32_t> step_ids, std::size_t step_sampled) {
    if (auto held = hold(step_ids.size(), step_sampled); !held) {
      return held;
    }
    ids = step_ids;
    sampled = step_sampled;
    not_finite = kNone;
    interrupted = false;
    numeric::enter_fp_environment();
    engine->rope.extend(position + ids.size());
    engine->local_rope.extend(position + ids.size());
    const std::vector<Stage>& stages = engine->stages;
    for (std::size_t i = 0; i < stages.size();) {
      if (engine->options.interrupted && engine->options.interrupted()) {
        return fail(
            {.code = kInterrupted, .message = "interrupted", .exit = ExitCode::interrupted});
      }
      if (stopped(0)) {
        break;
      }
      std::size_t end = i + 1;
      if (stages[i].kind == Stage::Kind::attention) {
        run_attention(stages[i]);
      } else {
        while (end < stages.size() && stages[end].kind != Stage::Kind::attention &&
               stages[end].rows == stages[i].rows) {
          ++end;
        }
        run(std::span(stages).subspan(i, end - i), rows(stages[i].rows));
      }
      if (not_finite.load(std::memory_order_relaxed) != kNone) {
        return fail(not_finite_error(engine->graph.ops[not_finite.load()]));
      }
      i = end;
    }
    if (interrupted.load()) {
      return fail({.code = kInterrupted, .message = "interrupted", .exit = ExitCode::interrupted});
    }
    const graph::Slice logits{engine->graph.logits, 0, engine->model->hyperparameters.vocab};
    for (std::size_t row = 0; row < sampled; ++row) {
      if (!all_finite(at(logits, row), static_cast<std::size_t>(logits.columns))) {
        return fail(not_finite_error(engine->graph.ops.back()));
      }
    }
    return {};
  }

  [[nodiscard]] Diagnostic not_finite_error(const Op& op) const {
    Diagnostic error{.code = "X0204",
                     .message = fmt::format("a number that is not finite reached `{}`", op.name)};
    if (op.layer >= 0) {
      error.message += fmt::format(" of layer {}", op.layer);
    }
    error.notes.push_back(
        fmt::format("at positions {} to {}", position, position + ids.size() - 1));
    error.notes.push_back(fmt::format("in `{}`", engine->model->file.path));
    error.help.emplace_back("the weights are damaged, or too large for FP32 activations");
    return error;
  }

  // Whether to leave the step. The first thread asks, so that the callback need not be safe to call
  // from several.
  bool stopped(int thread) {
    if (thread == 0 && engine->options.interrupted && engine->options.interrupted()) {
      interrupted.store(true, std::memory_order_relaxed);
    }
    return interrupted.load(std::memory_order_relaxed);
  }

  // Stages without attention: no row needs another one.
  void run(std::span<const Stage> stages, std::size_t count) {
    numeric::ThreadPool& pool = *engine->pool;
    if (pool.threads() == 1 ||
        count >= kDividedRowsMin * static_cast<std::size_t>(pool.threads())) {
      pool.run([&](int thread) {
        const auto mine = pool.share(count, thread);
        for (std::size_t begin = mine.begin; begin < mine.end; begin += kRowBlock) {
          if (stopped(thread)) {
            return;
          }
          const std::size_t end = std::min(mine.end, begin + kRowBlock);
          run_block(stages, begin, end, operands[static_cast<std::size_t>(thread)]);
        }
      });
      return;
    }
    for (const Stage& stage : stages) {
      if (stage.kind == Stage::Kind::rows) {
        run_rows(stage, 0, count, operands[0]);
        continue;
      }
      const Op& op = engine->graph.ops[stage.begin];
      pool.run(
          [&](int thread) { multiply(op, 0, count, operands[0], pool.share(tiles(op), thread)); });
    }
  }

  void run_block(std::span<const Stage> stages, std::size_t begin, std::size_t end,
                 numeric::ActivationBlocks& operand) {
    for (const Stage& stage : stages) {
      if (stage.kind == Stage::Kind::rows) {
        run_rows(stage, begin, end, operand);
      } else {
        const Op& op = engine->graph.ops[stage.begin];
        multiply(op, begin, end, operand, {0, tiles(op)});
      }
    }
  }

  // Operators on rows, for each group of rows all of them in turn while it is in the cache.
  void run_rows(const Stage& stage, std::size_t begin, std::size_t end,
                numeric::ActivationBlocks& operand) {
    const Op* product = stage.quantizes_for < 0
                            ? nullptr
                            : &engine->graph.ops[static_cast<std::size_t>(stage.quantizes_for)];
    if (product != nullptr && !reference()) {
      operand.resize(engine->options.activation, end - begin,
                     static_cast<std::size_t>(product->inputs[0].columns));
    }
    for (std::size_t first = begin; first < end; first += kRowGroup) {
      const std::size_t last = std::min(end, first + kRowGroup);
      for (std::size_t op = stage.begin; op < stage.end; ++op) {
        for (std::size_t row = first; row < last; ++row) {
          run_row(op, stage.rows, row);
        }
      }
      if (product != nullptr) {
        take_operand(*product, static_cast<std::size_t>(stage.quantizes_for), begin, first, last,
                     operand);
      }
    }
  }

  // Rows [first, last) of a product's input; `operand` begins with row `begin`.
  void take_operand(const Op& product, std::size_t index, std::size_t begin, std::size_t first,
                    std::size_t last, numeric::ActivationBlocks& operand) {
    const graph::Slice& input = product.inputs[0];
    if (!reference()) {
      if (!engine->kernels.quantize(operand, at(input, begin), stride(input), first - begin,
                                    last - begin)) {
        met_not_finite(index);
      }
      return;
    }
    for (std::size_t row = first; row < last; ++row) {
      if (!all_finite(at(input, row), static_cast<std::size_t>(input.columns))) {
        met_not_finite(index);
      }
    }
  }

  void run_row(std::size_t index, graph::Rows domain, std::size_t row) {
    const Op& op = engine->graph.ops[index];
    const numeric::Kernels& kernels = engine->kernels;
    const auto vector = [&] { return engine->weights.vector(op.weights[0].role, op.layer); };
    const std::size_t token = first_row(domain) + row;  // in the step
    const auto columns = static_cast<std::size_t>(op.output.columns);
    switch (op.kind()) {
      case OpKind::embedding: {
        float* y = at(op.output, row);
        engine->weights.embedding().read(static_cast<std::size_t>(ids[token]), y);
        if (const float scale = std::get<graph::Embedding>(op.parameters).scale; scale != 1) {
          std::transform(y, y + columns, y, [&](float x) { return x * scale; });
        }
        break;
      }
      case OpKind::select_rows:
        std::copy_n(at(op.inputs[0], token), columns, at(op.output, row));
        break;
      case OpKind::rms_norm:
        kernels.rms_norm(at(op.inputs[0], row), vector(), columns,
                         std::get<graph::RmsNorm>(op.parameters).epsilon, at(op.output, row));
        break;
      case OpKind::bias:
        kernels.add(at(op.inputs[0], row),
                    std::get<graph::Bias>(op.parameters).centre
                        ? engine->key_centres[static_cast<std::size_t>(op.layer)].data()
                        : vector(),
                    columns, at(op.output, row));
        break;
      case OpKind::head_norm: {
        const auto& norm = std::get<graph::HeadNorm>(op.parameters);
        const auto head_dim = static_cast<std::size_t>(norm.head_dim);
        float* x = at(op.output, row);
        for (std::size_t begin = 0; begin < columns; begin += head_dim) {
          kernels.rms_norm(x + begin, vector(), head_dim, norm.epsilon, x + begin);
        }
        break;
      }
      case OpKind::rope: {
        const auto& rope = std::get<graph::Rope>(op.parameters);
        const numeric::RopeTable& table = rope.local ? engine->local_rope : engine->rope;
        float* x = at(op.output, row);
        for (std::size_t begin = 0; begin < columns;
             begin += static_cast<std::size_t>(rope.head_dim)) {
          kernels.rope(x + begin, static_cast<int>(rope.dims), engine->pairing,
                       table.cosine(position + token), table.sine(position + token));
        }
        break;
      }
      case OpKind::kv_append:
        if (!kernels.kv_append(cache, static_cast<std::size_t>(op.layer), position + token,
                               at(op.inputs[0], row), at(op.inputs[1], row))) {
          met_not_finite(index);
        }
        break;
      case OpKind::gated_activation: {
        const bool silu =
            std::get<graph::GatedActivation>(op.parameters).activation == model::Activation::silu;
        (silu ? kernels.silu_mul : kernels.gelu_mul)(at(op.inputs[0], row), at(op.inputs[1], row),
                                                     columns, at(op.output, row));
        break;
      }
      case OpKind::add:
        kernels.add(at(op.inputs[0], row), at(op.inputs[1], row), columns, at(op.output, row));
        break;
      case OpKind::softcap:
        kernels.softcap(at(op.output, row), columns, std::get<graph::Softcap>(op.parameters).cap);
        break;
      case OpKind::matmul:
      case OpKind::attention:
      case OpKind::positions:
      case OpKind::layer_norm:
      case OpKind::plain_activation:
      case OpKind::route:
      case OpKind::expert_feed_forward:
      case OpKind::head_matmul:
      case OpKind::latent_read:
      case OpKind::index_select:
        check(false, op.name);
    }
  }

  static std::size_t tiles(const graph::WeightUse& use) {
    return (static_cast<std::size_t>(use.rows) + numeric::kTileRows - 1) / numeric::kTileRows;
  }
  static std::size_t tiles(const Op& op) {
    std::size_t sum = 0;
    for (const graph::WeightUse& use : op.weights) {
      sum += tiles(use);
    }
    return sum;
  }

  // Rows [begin, end) of a product, and of its outputs the tiles `range`, counted through all its
  // weights.
  void multiply(const Op& op, std::size_t begin, std::size_t end,
                const numeric::ActivationBlocks& operand, numeric::ThreadPool::Range range) {
    std::size_t column = static_cast<std::size_t>(op.output.first);
    const graph::Slice& input = op.inputs[0];
    for (const graph::WeightUse& use : op.weights) {
      const std::size_t here = tiles(use);
      const std::size_t first = std::min(range.begin, here);
      const std::size_t last = std::min(range.end, here);
      if (first < last) {
        const Matrix& matrix = engine->weights.matrix(use.role, op.layer);
        float* y = at({op.output.value, static_cast<std::int64_t>(column), use.rows}, begin);
        if (reference()) {
          engine->kernels.matmul_f32(matrix.values, matrix.columns, first * numeric::kTileRows,
                                     std::min(matrix.rows, last * numeric::kTileRows),
                                     at(input, begin), stride(input), end - begin, y,
                                     stride(op.output));
        } else {
          engine->kernels.matmul(matrix.packed, operand, first, last, y, stride(op.output));
        }
      }
      range = {range.begin - first, range.end - last};
      column += static_cast<std::size_t>(use.rows);
    }
  }

  void run_attention(const Stage& stage) {
    const Op& op = engine->graph.ops[stage.begin];
    const auto& parameters = std::get<graph::Attention>(op.parameters);
    const numeric::AttentionCall call{
        .shape = {.head_dim = static_cast<int>(parameters.key_dim),
                  .scale = parameters.scale,
                  .softcap = parameters.softcap,
                  .window = static_cast<int>(parameters.window)},
        .cache = &cache,
        .layer = static_cast<std::size_t>(op.layer),
        .group = static_cast<std::size_t>(parameters.heads / parameters.kv_heads),
        .first_position = position + first_row(stage.rows),
        .queries = at(op.inputs[0], 0),
        .query_stride = stride(op.inputs[0]),
        .out = at(op.output, 0),
        .out_stride = stride(op.output)};
    // Whoever is free takes the next piece, the longest histories first.
    const auto kv_heads = static_cast<std::size_t>(parameters.kv_heads);
    const std::size_t count = rows(stage.rows);
    const std::size_t slices = (count + kAttentionTokens - 1) / kAttentionTokens;
    next_item = 0;
    const auto part = [&](int) {
      while (true) {
        const std::size_t item = next_item.fetch_add(1, std::memory_order_relaxed);
        if (item >= slices * kv_heads) {
          return;
        }
        const std::size_t slice = slices - 1 - item / kv_heads;
        const std::size_t begin = slice * kAttentionTokens;
        if (!engine->kernels.attention(call, item % kv_heads, begin,
                                       std::min(count, begin + kAttentionTokens))) {
          met_not_finite(stage.begin);
        }
      }
    };
    engine->pool->run(part);
  }

  // --- Sequences of steps ---

  Result<void> check_ids(std::span<const std::int32_t> more) const {
    check(!more.empty());
    const auto context = static_cast<std::size_t>(engine->options.context);
    if (more.size() > context - position) {
      return fail(
          {.code = kContextFull,
           .message = fmt::format("{} tokens after {} do not fit a context of {}", more.size(),
                                  position, context),
           .help = {fmt::format("give -c {} or more, or a shorter text", position + more.size())}});
    }
    const auto vocab = engine->model->hyperparameters.vocab;
    for (const std::int32_t id : more) {
      if (id < 0 || id >= vocab) {
        return fail("X0203", fmt::format("there is no token {}; ids are 0 to {}", id, vocab - 1),
                    {"ids of another model's tokenizer do not fit this one"});
      }
    }
    return {};
  }

  [[nodiscard]] std::span<const float> logits(std::size_t row) const {
    const auto vocab = engine->model->hyperparameters.vocab;
    return {at({engine->graph.logits, 0, vocab}, row), static_cast<std::size_t>(vocab)};
  }
};

Session::Session(std::unique_ptr<SessionImpl> impl) : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Result<Session> Session::create(const Engine& engine) {
  auto impl = std::make_unique<SessionImpl>();
  impl->engine = engine.impl();
  const model::Hyperparameters& h = engine.model().hyperparameters;
  try {
    impl->cache =
        numeric::KvCache(engine.options().kv,
                         {static_cast<std::size_t>(h.layers), static_cast<std::size_t>(h.kv_heads),
                          static_cast<std::size_t>(h.key_dim)},
                         static_cast<std::size_t>(engine.context()));
  } catch (const std::bad_alloc&) {
    return fail("X0103",
                fmt::format("the system refuses {} bytes of memory for the cache of {} positions",
                            engine.kv_bytes_per_session(), engine.context()),
                {"give a smaller context with -c"});
  }
  for (const graph::Value& value : impl->engine->graph.values) {
    impl->values.push_back({nullptr, row_stride(value.columns)});
  }
  impl->operands.resize(static_cast<std::size_t>(engine.options().threads));
  return Session(std::move(impl));
}

Result<std::span<const float>> Session::prefill(std::span<const std::int32_t> ids) {
  if (auto right = impl_->check_ids(ids); !right) {
    return fail(right);
  }
  const std::size_t before = impl_->position;
  for (std::size_t done = 0; done < ids.size();) {
    const std::size_t count = std::min(impl_->chunk, ids.size() - done);
    const bool last = done + count == ids.size();
    if (auto stepped = impl_->step(ids.subspan(done, count), last ? 1 : 0); !stepped) {
      impl_->position = before;
      return fail(stepped);
    }
    done += count;
    impl_->position += count;
    if (progress) {
      progress(static_cast<std::int64_t>(done), static_cast<std::int64_t>(ids.size()));
    }
  }
  return impl_->logits(0);
}

Result<std::span<const float>> Session::decode(std::int32_t id) { return prefill({&id, 1}); }

Result<void> Session::score(std::span<const std::int32_t> ids, const RowCallback& row) {
  if (auto right = impl_->check_ids(ids); !right) {
    return right;
  }
  const std::size_t before = impl_->position;
  const auto row_bytes =
      static_cast<std::size_t>(impl_->engine->model->hyperparameters.vocab) * sizeof(float);
  const std::size_t chunk = std::min(
      impl_->chunk, std::max(kRowGroup, kScoreBytesMax / row_bytes / kRowGroup * kRowGroup));
  for (std::size_t done = 0; done < ids.size();) {
    const std::size_t count = std::min(chunk, ids.size() - done);
    if (auto stepped = impl_->step(ids.subspan(done, count), count); !stepped) {
      impl_->position = before;
      return stepped;
    }
    for (std::size_t i = 0; i < count; ++i) {
      row(static_cast<std::int64_t>(done + i), impl_->logits(i));
    }
    done += count;
    impl_->position += count;
  }
  return {};
}

std::int64_t Session::position() const { return static_cast<std::int64_t>(impl_->position); }
std::int64_t Session::context() const { return impl_->engine->options.context; }

void Session::truncate(std::int64_t position) {
  check(position >= 0 && static_cast<std::size_t>(position) <= impl_->position, position);
  impl_->position = static_cast<std::size_t>(position);
}

void Session::set_chunk(std::int64_t tokens) {
  check(tokens >= 1 && static_cast<std::size_t>(tokens) <= kChunkMax, tokens);
  impl_->chunk = static_cast<std::size_t>(tokens);
}

}  // namespace churon::exec
