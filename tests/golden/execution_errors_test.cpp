// Every error of running a model as a user reads it: errors/X.txt.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstring>

#include "exec/engine.h"
#include "exec/perplexity.h"
#include "gguf_writer.h"
#include "golden.h"

namespace churon::exec {
namespace {

using model::Architecture;
using numeric::TensorType;
using test::GgufWriter;

// While it lives the system gives this process no more memory than it has, and `more_bytes`.
class MemoryLimit {
 public:
  explicit MemoryLimit(rlim_t more_bytes) {
    ::getrlimit(RLIMIT_AS, &before_);
    std::ifstream pages("/proc/self/statm");
    rlim_t count = 0;
    pages >> count;
    rlimit limit = before_;
    limit.rlim_cur = count * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) + more_bytes;
    ::setrlimit(RLIMIT_AS, &limit);
  }
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;
  ~MemoryLimit() { ::setrlimit(RLIMIT_AS, &before_); }

 private:
  rlimit before_ = {};
};

struct ExecutionErrors : testing::Test {
  test::TemporaryFolder folder;
  golden::Errors errors;
  EngineOptions options;

  ExecutionErrors() {
    options.context = 10;
    options.native_weights = {numeric::BlockFormat::q8_0};
  }
  model::Model load(const GgufWriter& writer) const {
    return *model::load_model(folder.write("m.gguf", writer.bytes()));
  }
  model::Model tiny() const { return load(test::tiny_model(Architecture::llama)); }
  template <typename Change>
  void add_options(std::string_view what, const Change& change) {
    EngineOptions wrong = options;
    change(wrong);
    errors.add(what, load_engine(tiny(), wrong));
  }

  void add_models() {
    GgufWriter writer = test::tiny_model(Architecture::llama, {.layers = 1});
    writer.set("llama.attention.value_length", 16U);
    for (const char* name : {"blk.0.attn_v.weight", "blk.0.attn_output.weight"}) {
      writer.remove_tensor(name);
    }
    writer.add_tensor("blk.0.attn_v.weight", {64, 32}, TensorType::f32, std::vector<float>(2048));
    writer.add_tensor("blk.0.attn_output.weight", {64, 64}, TensorType::f32,
                      std::vector<float>(4096));
    errors.add("values shorter than keys", load_engine(load(writer), options));

    writer = test::tiny_model(Architecture::llama);
    std::string& up = writer.tensor("blk.1.ffn_up.weight").data;
    up[2 * 34 * 5 + 1] = '\x7C';  // the scale of a block in row 5: infinity and beyond
    errors.add("a scale that is not finite", load_engine(load(writer), options));

    writer = test::tiny_model(Architecture::llama);
    std::string& norm = writer.tensor("blk.1.attn_norm.weight").data;
    const std::vector<float> values(norm.size() / sizeof(float), 3e38F);
    std::memcpy(norm.data(), values.data(), norm.size());
    const model::Model large = load(writer);
    auto engine = load_engine(large, options);
    ASSERT_TRUE(engine) << to_text(engine.error());
    errors.add("products that are infinite",
               Session::create(*engine)->prefill(std::vector<std::int32_t>{1, 2, 3}));
  }
  void add_memory() {
    const model::Model model = tiny();
    EngineOptions large = options;
    large.context = 1 << 20;
    large.kv = numeric::KvFormat::f32;
    const auto engine = load_engine(model, large);
    ASSERT_TRUE(engine) << to_text(engine.error());
    const MemoryLimit limit(rlim_t{256} << 20);
    errors.add("a cache of a gigabyte in less memory", Session::create(*engine));
  }
  void add_sessions() {
    const model::Model model = tiny();
    bool is_ended = false;
    options.interrupted = [&] { return is_ended; };
    const auto engine = load_engine(model, options);
    ASSERT_TRUE(engine) << to_text(engine.error());
    auto session = Session::create(*engine);
    ASSERT_TRUE(session) << to_text(session.error());
    const std::vector<std::int32_t> ids(11, 1);
    errors.add("eleven tokens where ten fit", session->prefill(ids));
    errors.add("a token below all", session->decode(-1));
    errors.add("a token behind all", session->decode(299));
    errors.add("a text of one token", perplexity(*engine, std::span(ids).first(1), {}, 10));
    is_ended = true;
    errors.add("Ctrl-C in a prompt", session->prefill(std::span(ids).first(5)));
    errors.add("Ctrl-C while a model is loaded", load_engine(model, options));
  }
};

TEST_F(ExecutionErrors, read_as_they_are_meant_to) {
  add_options("no weight format", [](EngineOptions& o) { o.native_weights.clear(); });
  add_options("no position", [](EngineOptions& o) { o.context = -1; });
  add_options("2^40 positions", [](EngineOptions& o) { o.context = std::int64_t{1} << 40; });
  add_options("no thread", [](EngineOptions& o) { o.threads = 0; });
  add_models();
  add_memory();
  add_sessions();
  golden::compare(golden::replaced(errors.text(), folder.path(""), "FOLDER/"),
                  CHURON_SOURCE_DIR "/tests/golden/errors/X.txt");
}

}  // namespace
}  // namespace churon::exec
