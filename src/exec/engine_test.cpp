#include "exec/engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/random.h"
#include "exec/generate.h"
#include "exec/perplexity.h"
#include "gguf_writer.h"
#include "numeric/kernels.h"
#include "scalar_model.h"

namespace churon::exec {
namespace {

using model::Architecture;
using numeric::ActivationFormat;
using numeric::BlockFormat;
using numeric::KvFormat;
using numeric::TensorType;
using test::ScalarFormats;
using test::ScalarModel;
using test::TinyModelOptions;

template <typename T>
T ok(Result<T> result) {
  if (!result) {
    throw std::runtime_error(to_text(result.error()));
  }
  return std::move(*result);
}

// A small random model in a file.
struct Tiny {
  test::TemporaryFolder folder;
  model::Model model;
  Tiny(Architecture architecture, const TinyModelOptions& options)
      : Tiny(test::tiny_model(architecture, options)) {}
  explicit Tiny(const test::GgufWriter& writer)
      : model(ok(model::load_model(folder.write("tiny.gguf", writer.bytes())))) {}
};

std::vector<std::int32_t> random_ids(std::size_t count, std::int64_t vocab) {
  std::vector<std::int32_t> ids;
  for (std::size_t i = 0; i < count; ++i) {
    const auto bits = philox4x32({static_cast<std::uint32_t>(i), 0, 0, 0}, 3)[0];
    ids.push_back(static_cast<std::int32_t>(bits % static_cast<std::uint64_t>(vocab)));
  }
  return ids;
}

EngineOptions options_of(const ScalarFormats& formats, std::int64_t context) {
  EngineOptions options;
  options.context = context;
  options.native_weights = formats.native;
  options.activation = formats.activation;
  options.kv = formats.kv;
  return options;
}

using Rows = std::vector<std::vector<float>>;

Rows scored(const Engine& engine, std::span<const std::int32_t> ids, std::int64_t chunk = 512) {
  Rows rows;
  Session session = ok(Session::create(engine));
  session.set_chunk(chunk);
  const auto done = session.score(ids, [&](std::int64_t, std::span<const float> logits) {
    rows.emplace_back(logits.begin(), logits.end());
  });
  EXPECT_TRUE(done) << to_text(done.error());
  return rows;
}

Rows scalar(const model::Model& model, const ScalarFormats& formats,
            std::span<const std::int32_t> ids) {
  ScalarModel slow(model, formats);
  Rows rows;
  for (const std::int32_t id : ids) {
    rows.push_back(slow.next(id));
  }
  return rows;
}

void expect_equal(const Rows& a, const Rows& b, const std::string& what) {
  ASSERT_EQ(a.size(), b.size()) << what;
  for (std::size_t row = 0; row < a.size(); ++row) {
    ASSERT_EQ(a[row].size(), b[row].size()) << what;
    ASSERT_EQ(std::memcmp(a[row].data(), b[row].data(), a[row].size() * sizeof(float)), 0)
        << what << ", row " << row;
  }
}

// Sets the kernel set for engines that are loaded while it lives.
class ForcedKernels {
 public:
  explicit ForcedKernels(numeric::KernelSet set) {
    ::setenv("CHURON_KERNELS", numeric::name(set), 1);
  }
  ForcedKernels(const ForcedKernels&) = delete;
  ForcedKernels& operator=(const ForcedKernels&) = delete;
  ~ForcedKernels() { ::unsetenv("CHURON_KERNELS"); }
};

// The executor with every kernel set against one number after another.
void compare(const model::Model& model, const ScalarFormats& formats, std::size_t tokens) {
  const auto ids = random_ids(tokens, model.hyperparameters.vocab);
  const Rows expected = scalar(model, formats, ids);
  for (const numeric::KernelSet set : numeric::kernel_sets()) {
    if (numeric::kernels(set) == nullptr) {
      continue;
    }
    const ForcedKernels forced(set);
    const Engine engine =
        ok(load_engine(model, options_of(formats, static_cast<std::int64_t>(tokens))));
    expect_equal(scored(engine, ids), expected, numeric::name(set));
  }
}

TEST(Engine, every_architecture_equals_the_scalar_model_bit_by_bit) {
  for (const Architecture architecture :
       {Architecture::llama, Architecture::qwen2, Architecture::qwen3, Architecture::gemma3}) {
    SCOPED_TRACE(model::info(architecture).name);
    compare(Tiny(architecture, {}).model, {}, 70);
  }
}

TEST(Engine, odd_shapes_equal_the_scalar_model_bit_by_bit) {
  TinyModelOptions odd;
  odd.matrices = TensorType::f16;
  odd.d_model = 84;
  odd.d_ff = 70;
  odd.heads = 6;
  odd.kv_heads = 2;
  odd.head_dim = 20;
  odd.tied = false;
  compare(Tiny(Architecture::llama, odd).model, {}, 33);
  odd.head_dim = 48;
  odd.heads = 5;
  odd.kv_heads = 1;
  odd.logit_softcap = 5;
  odd.rope_frequencies = true;
  compare(Tiny(Architecture::llama, odd).model, {}, 33);
  odd.heads = 4;
  odd.kv_heads = 4;
  odd.rope_frequencies = false;
  odd.rope_factor = 4;
  compare(Tiny(Architecture::gemma3, odd).model, {}, 33);
}

TEST(Engine, every_tensor_type_equals_the_scalar_model_bit_by_bit) {
  for (const auto& type : numeric::tensor_types()) {
    SCOPED_TRACE(type.name);
    TinyModelOptions options;
    options.matrices = type.type;
    options.layers = 1;
    options.d_model = 256;
    options.d_ff = 256;
    options.heads = 8;
    compare(Tiny(Architecture::llama, options).model, {}, 5);
  }
}

TEST(Engine, every_format_of_activations_and_cache_equals_the_scalar_model_bit_by_bit) {
  const Tiny tiny(Architecture::gemma3, {});
  for (const ActivationFormat activation : {ActivationFormat::q8_0, ActivationFormat::mxint8}) {
    for (const KvFormat kv : {KvFormat::q8_0, KvFormat::mxint8, KvFormat::f32, KvFormat::bf16}) {
      SCOPED_TRACE(numeric::name(kv));
      ScalarFormats formats;
      formats.activation = activation;
      formats.kv = kv;
      compare(tiny.model, formats, 21);
    }
  }
}

TEST(Engine, chips_with_one_weight_format_equal_the_scalar_model_bit_by_bit) {
  TinyModelOptions options;
  options.matrices = TensorType::q4_1;
  const Tiny tiny(Architecture::llama, options);
  for (const auto& format : numeric::block_formats()) {
    SCOPED_TRACE(format.name);
    ScalarFormats formats;
    formats.native = {format.format};
    compare(tiny.model, formats, 9);
  }
}

TEST(Engine, long_histories_equal_the_scalar_model_across_spans) {
  TinyModelOptions options;
  options.layers = 1;
  options.context = 2048;
  const Tiny tiny(Architecture::llama, options);
  const auto ids = random_ids(1100, tiny.model.hyperparameters.vocab);
  const ScalarFormats formats;
  const Rows expected = scalar(tiny.model, formats, ids);
  const Engine engine = ok(load_engine(tiny.model, options_of(formats, 1100)));
  expect_equal(scored(engine, ids), expected, "1100 tokens");
}

TEST(Engine, chunks_and_threads_change_no_bit) {
  for (const Architecture architecture : {Architecture::llama, Architecture::gemma3}) {
    const Tiny tiny(architecture, {});
    const auto ids = random_ids(150, tiny.model.hyperparameters.vocab);
    EngineOptions options = options_of({}, 200);
    const Rows expected = scored(ok(load_engine(tiny.model, options)), ids);
    for (const int threads : {1, 2, 3}) {
      options.threads = threads;
      const Engine engine = ok(load_engine(tiny.model, options));
      for (const std::int64_t chunk : {1, 7, 64, 512}) {
        const std::string what = fmt::format("{} threads, chunks of {}", threads, chunk);
        expect_equal(scored(engine, ids, chunk), expected, what);
        Session session = ok(Session::create(engine));
        session.set_chunk(chunk);
        const auto last = ok(session.prefill(ids));
        expect_equal({{last.begin(), last.end()}}, {expected.back()}, what + ", prefill");
      }
    }
  }
}

TEST(Engine, truncating_forgets_what_came_behind) {
  const Tiny tiny(Architecture::gemma3, {});
  const auto ids = random_ids(40, tiny.model.hyperparameters.vocab);
  const Engine engine = ok(load_engine(tiny.model, options_of({}, 64)));
  const Rows expected = scored(engine, ids);
  Session session = ok(Session::create(engine));
  const std::vector<std::int32_t> other(30, 5);
  ASSERT_TRUE(session.prefill(std::span(ids).first(20)));
  ASSERT_TRUE(session.prefill(other));
  session.truncate(20);
  EXPECT_EQ(session.position(), 20);
  const auto last = ok(session.prefill(std::span(ids).subspan(20)));
  expect_equal({{last.begin(), last.end()}}, {expected.back()}, "after truncate");
}

double relative_noise(const Rows& reference, const Rows& rows) {
  double noise = 0;
  double signal = 0;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    for (std::size_t i = 0; i < rows[row].size(); ++i) {
      signal += std::pow(reference[row][i], 2);
      noise += std::pow(reference[row][i] - rows[row][i], 2);
    }
  }
  return noise / signal;
}

TEST(Engine, reference_mode_is_near_the_datapath_and_independent_of_chunks_and_threads) {
  for (const Architecture architecture :
       {Architecture::llama, Architecture::qwen2, Architecture::qwen3, Architecture::gemma3}) {
    TinyModelOptions tiny_options;
    tiny_options.matrices = TensorType::q5_1;
    tiny_options.logit_softcap = 20;
    const Tiny tiny(architecture, tiny_options);
    const auto ids = random_ids(70, tiny.model.hyperparameters.vocab);
    EngineOptions options = options_of({}, 100);
    const Rows datapath = scored(ok(load_engine(tiny.model, options)), ids);
    options.arithmetic = Arithmetic::f32;
    const Engine engine = ok(load_engine(tiny.model, options));
    const Rows reference = scored(engine, ids);
    const double noise = relative_noise(reference, datapath);
    EXPECT_LT(noise, 2e-3) << model::info(architecture).name;
    EXPECT_GT(noise, 0);
    expect_equal(scored(engine, ids, 7), reference, "chunks of 7");
    options.threads = 3;
    expect_equal(scored(ok(load_engine(tiny.model, options)), ids), reference, "3 threads");
  }
}

// As Qwen2 has them: the bias of the slowest pair is a hundred times the rest.
TEST(Engine, large_key_biases_cost_the_cache_no_precision) {
  test::GgufWriter writer = test::tiny_model(Architecture::qwen2);
  for (const char* name : {"blk.0.attn_k.bias", "blk.1.attn_k.bias"}) {
    std::string& data = writer.tensor(name).data;
    for (const std::size_t element : {15UL, 31UL, 32 + 15UL, 32 + 31UL}) {
      const float value = 100;
      std::memcpy(data.data() + element * sizeof value, &value, sizeof value);
    }
  }
  const Tiny tiny(writer);
  const auto ids = random_ids(70, tiny.model.hyperparameters.vocab);
  compare(tiny.model, {}, 20);
  EngineOptions options = options_of({}, 100);
  const Rows datapath = scored(ok(load_engine(tiny.model, options)), ids);
  options.kv = KvFormat::f32;
  const Rows plain_cache = scored(ok(load_engine(tiny.model, options)), ids);
  options.arithmetic = Arithmetic::f32;
  const Rows reference = scored(ok(load_engine(tiny.model, options)), ids);
  EXPECT_LT(relative_noise(reference, datapath), 2 * relative_noise(reference, plain_cache));
}

TEST(Engine, says_what_was_transcoded_and_what_it_costs) {
  TinyModelOptions options;
  options.matrices = TensorType::f16;
  options.embedding = TensorType::q8_0;
  options.layers = 1;
  const Tiny tiny(Architecture::llama, options);
  const Engine engine = ok(load_engine(tiny.model, options_of({}, 64)));
  ASSERT_EQ(engine.transcodings().size(), 7U);
  for (const Transcoding& one : engine.transcodings()) {
    EXPECT_EQ(one.from, TensorType::f16);
    EXPECT_EQ(one.to, BlockFormat::q8_0);
    EXPECT_FALSE(one.exact);
    EXPECT_GT(one.signal_to_noise_db, 40) << one.tensor;
    EXPECT_LT(one.signal_to_noise_db, 55) << one.tensor;
    EXPECT_EQ(one.bytes_on_chip, one.bytes_in_file / 64 * 34);
  }
  EXPECT_EQ(engine.transcodings().front().tensor, "blk.0.attn_q.weight");
}

TEST(Engine, transcoding_figures_do_not_depend_on_threads) {
  TinyModelOptions options;
  options.matrices = TensorType::f32;
  options.d_ff = 4096;
  const Tiny tiny(Architecture::llama, options);
  EngineOptions engine_options = options_of({}, 64);
  const Engine one = ok(load_engine(tiny.model, engine_options));
  engine_options.threads = 3;
  const Engine three = ok(load_engine(tiny.model, engine_options));
  ASSERT_EQ(one.transcodings().size(), three.transcodings().size());
  for (std::size_t i = 0; i < one.transcodings().size(); ++i) {
    EXPECT_EQ(one.transcodings()[i].signal_to_noise_db, three.transcodings()[i].signal_to_noise_db);
  }
}

TEST(Engine, a_full_context_is_a_clean_error) {
  const Tiny tiny(Architecture::llama, {});
  const Engine engine = ok(load_engine(tiny.model, options_of({}, 10)));
  Session session = ok(Session::create(engine));
  const std::vector<std::int32_t> ids(10, 1);
  const auto too_many = session.prefill(std::vector<std::int32_t>(11, 1));
  ASSERT_FALSE(too_many);
  EXPECT_EQ(too_many.error().front().code, kContextFull);
  EXPECT_EQ(session.position(), 0);
  ASSERT_TRUE(session.prefill(ids));
  const auto full = session.decode(1);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().front().code, kContextFull);
  EXPECT_EQ(session.position(), 10);
}

TEST(Engine, an_id_outside_the_vocabulary_is_an_error) {
  const Tiny tiny(Architecture::llama, {});
  const Engine engine = ok(load_engine(tiny.model, options_of({}, 10)));
  Session session = ok(Session::create(engine));
  for (const std::int64_t id : {std::int64_t{-1}, tiny.model.hyperparameters.vocab}) {
    const auto logits = session.decode(static_cast<std::int32_t>(id));
    ASSERT_FALSE(logits);
    EXPECT_EQ(logits.error().front().code, "X0203");
  }
}

TEST(Engine, a_number_that_is_not_finite_names_operator_and_layer) {
  test::GgufWriter writer = test::tiny_model(Architecture::llama);
  // A norm so large that its products are infinite.
  std::string& data = writer.tensor("blk.1.attn_norm.weight").data;
  const std::vector<float> values(data.size() / sizeof(float), 3e38F);
  std::memcpy(data.data(), values.data(), data.size());
  const Tiny tiny(writer);
  for (const Arithmetic arithmetic : {Arithmetic::datapath, Arithmetic::f32}) {
    EngineOptions options = options_of({}, 10);
    options.arithmetic = arithmetic;
    const Engine engine = ok(load_engine(tiny.model, options));
    Session session = ok(Session::create(engine));
    const auto logits = session.prefill(std::vector<std::int32_t>{1, 2, 3});
    ASSERT_FALSE(logits);
    EXPECT_EQ(logits.error().front().code, "X0204");
    EXPECT_NE(logits.error().front().message.find("layer 1"), std::string::npos)
        << logits.error().front().message;
    EXPECT_EQ(session.position(), 0);
  }
}

TEST(Engine, a_scale_that_is_not_finite_names_tensor_and_row) {
  test::GgufWriter writer = test::tiny_model(Architecture::llama);
  std::string& data = writer.tensor("blk.1.ffn_up.weight").data;
  const std::size_t row_bytes = 2 * 34;
  data[row_bytes * 5] = '\0';
  data[row_bytes * 5 + 1] = '\x7C';  // infinity
  const Tiny tiny(writer);
  const auto engine = load_engine(tiny.model, options_of({}, 10));
  ASSERT_FALSE(engine);
  EXPECT_EQ(engine.error().front().code, "X0102");
  EXPECT_NE(engine.error().front().message.find("`blk.1.ffn_up.weight`, row 5"), std::string::npos)
      << engine.error().front().message;
}

TEST(Engine, an_interrupt_stops_between_operators_and_keeps_the_position) {
  const Tiny tiny(Architecture::llama, {});
  EngineOptions options = options_of({}, 100);
  int calls_left = 1000;
  options.interrupted = [&] { return --calls_left < 0; };
  const Engine engine = ok(load_engine(tiny.model, options));
  Session session = ok(Session::create(engine));
  calls_left = 1000;
  ASSERT_TRUE(session.prefill(random_ids(20, 100)));
  const Rows expected = scored(engine, random_ids(20, 100));
  int calls = 0;
  for (;; ++calls) {
    calls_left = calls;
    session.truncate(20);
    const auto logits = session.prefill(random_ids(60, 100));
    if (logits) {
      break;
    }
    EXPECT_EQ(logits.error().front().code, kInterrupted);
    EXPECT_EQ(logits.error().front().exit, ExitCode::interrupted);
    EXPECT_EQ(session.position(), 20);
  }
  EXPECT_GT(calls, 4);
  // What was computed in vain leaves no trace.
  calls_left = 1000;
  session.truncate(0);
  const auto logits = ok(session.prefill(random_ids(20, 100)));
  expect_equal({{logits.begin(), logits.end()}}, {expected.back()}, "after interrupts");
}

TEST(Engine, wrong_options_are_errors) {
  const Tiny tiny(Architecture::llama, {});
  const auto code = [&](auto change) {
    EngineOptions options = options_of({}, 10);
    change(options);
    const auto engine = load_engine(tiny.model, options);
    return engine ? std::string() : engine.error().front().code;
  };
  EXPECT_EQ(code([](EngineOptions& o) { o.context = -1; }), "X0105");
  EXPECT_EQ(code([](EngineOptions& o) { o.context = std::int64_t{1} << 40; }), "X0105");
  EXPECT_EQ(code([](EngineOptions& o) { o.threads = 0; }), "X0106");
  EXPECT_EQ(code([](EngineOptions& o) { o.native_weights.clear(); }), "X0101");
}

TEST(Generate, stops_for_every_reason) {
  const Tiny tiny(Architecture::llama, {});
  EngineOptions options = options_of({}, 20);
  bool interrupt = false;
  options.interrupted = [&] { return interrupt; };
  const Engine engine = ok(load_engine(tiny.model, options));
  const auto prompt = random_ids(5, 200);
  const auto run = [&](const GenerateOptions& generate_options, const TokenCallback& callback) {
    Session session = ok(Session::create(engine));
    return ok(generate(session, {}, prompt, generate_options, callback));
  };
  const Generation whole = run({}, {});
  EXPECT_EQ(whole.stop, StopReason::context_full);
  EXPECT_EQ(whole.ids.size(), 16U);  // the last one needs no place in the cache
  EXPECT_EQ(whole.prompt_tokens, 5);

  const Generation three = run({.count = 3}, {});
  EXPECT_EQ(three.stop, StopReason::count);
  EXPECT_EQ(three.ids, std::vector<std::int32_t>(whole.ids.begin(), whole.ids.begin() + 3));

  const auto first = std::find(whole.ids.begin(), whole.ids.end(), whole.ids[4]);
  const Generation ended = run({.end_ids = {whole.ids[4]}}, {});
  EXPECT_EQ(ended.stop, StopReason::end_token);
  EXPECT_EQ(ended.ids, std::vector<std::int32_t>(whole.ids.begin(), first + 1));

  int seen = 0;
  const Generation called = run({}, [&](const GeneratedToken&) { return ++seen < 2; });
  EXPECT_EQ(called.stop, StopReason::callback);
  EXPECT_EQ(called.ids.size(), 2U);

  const Generation interrupted = run({}, [&](const GeneratedToken&) {
    interrupt = true;
    return true;
  });
  EXPECT_EQ(interrupted.stop, StopReason::interrupted);
  EXPECT_EQ(interrupted.ids.size(), 1U);
}

TEST(Generate, a_conversation_goes_on_where_it_was) {
  const Tiny tiny(Architecture::llama, {});
  const Engine engine = ok(load_engine(tiny.model, options_of({}, 64)));
  const auto ids = random_ids(12, 200);
  Session whole = ok(Session::create(engine));
  const Generation expected = ok(generate(whole, {}, ids, {.count = 4}, {}));
  Session parts = ok(Session::create(engine));
  ASSERT_TRUE(parts.prefill(std::span(ids).first(7)));
  const Generation rest =
      ok(generate(parts, std::span(ids).first(7), std::span(ids).subspan(7), {.count = 4}, {}));
  EXPECT_EQ(rest.ids, expected.ids);
}

TEST(Generate, log_probabilities_are_those_of_the_logits) {
  const Tiny tiny(Architecture::llama, {});
  const Engine engine = ok(load_engine(tiny.model, options_of({}, 64)));
  Session session = ok(Session::create(engine));
  const auto ids = random_ids(5, 200);
  std::vector<GeneratedToken> tokens;
  ok(generate(session, {}, ids, {.count = 2, .log_probabilities = 3},
              [&](const GeneratedToken& token) {
                tokens.push_back(token);
                return true;
              }));
  ASSERT_EQ(tokens.size(), 2U);
  for (const GeneratedToken& token : tokens) {
    ASSERT_EQ(token.alternatives.size(), 3U);
    EXPECT_EQ(token.alternatives[0].id, token.id);  // greedy
    EXPECT_EQ(token.alternatives[0].log_probability, token.log_probability);
    EXPECT_LE(token.log_probability, 0);
    EXPECT_GE(token.alternatives[0].log_probability, token.alternatives[1].log_probability);
  }
}

TEST(Perplexity, windows_are_disjoint_and_score_all_but_their_first_token) {
  const Tiny tiny(Architecture::llama, {});
  const Engine engine = ok(load_engine(tiny.model, options_of({}, 16)));
  const auto ids = random_ids(37, 200);
  const Perplexity plain = ok(perplexity(engine, ids, {}, 16));
  EXPECT_EQ(plain.positions.size(), 15U + 15U + 4U);
  EXPECT_EQ(plain.positions.front().id, ids[1]);
  EXPECT_EQ(plain.positions[15].id, ids[17]);
  const Perplexity with_bos = ok(perplexity(engine, ids, 1, 16));
  EXPECT_EQ(with_bos.positions.size(), 37U);
  EXPECT_EQ(with_bos.positions[15].id, ids[15]);
  double sum = 0;
  for (const ScoredPosition& position : with_bos.positions) {
    sum += position.nll;
    EXPECT_GE(position.gap, 0);
  }
  EXPECT_DOUBLE_EQ(with_bos.nll_mean, sum / 37);
  EXPECT_DOUBLE_EQ(with_bos.ppl, std::exp(sum / 37));
  const auto nothing = perplexity(engine, std::span(ids).first(1), {}, 16);
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().front().code, "X0301");
}

}  // namespace
}  // namespace churon::exec
