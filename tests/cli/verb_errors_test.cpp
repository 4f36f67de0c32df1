// The errors of the verbs as a user reads them: errors/U.txt and U0105.txt (the command line),
// T.txt (tokenizers and templates), M05.txt (quantising), S04.txt (planning), V02.txt (validating).
// The built program is given each mistake.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <limits>

#include "base/text.h"
#include "golden.h"
#include "model/tokenizer_vocabulary.h"
#include "program.h"
#include "programs.h"

namespace churon {
namespace {

using golden::replaced;
using test::GgufWriter;

const std::map<std::string, std::string> kEnvironment = {
    {"CHURON_DATA", CHURON_SOURCE_DIR}, {"LC_ALL", "C.UTF-8"}, {"NO_COLOR", "1"}};

struct VerbErrors : testing::Test {
  test::TemporaryFolder folder;
  std::string text;

  VerbErrors() {
    write("m.gguf", test::tiny_model(model::Architecture::llama));
    folder.write("text.txt", "Hello");
  }
  void write(std::string_view name, const GgufWriter& writer) const {
    folder.write(name, writer.bytes());
  }
  // FOLDER/ in a word is the folder of the test.
  [[nodiscard]] std::vector<std::string> program(const std::vector<std::string>& words) const {
    std::vector<std::string> all = {CHURON_BINARY};
    for (const std::string& word : words) {
      all.push_back(replaced(word, "FOLDER/", folder.path("")));
    }
    return all;
  }
  void add(const std::string& what, const test::Ended& ended) {
    text += fmt::format("# {}\n{}exit {}\n\n", what,
                        replaced(ended.err, folder.path(""), "FOLDER/"), ended.exit);
  }
  void run(const std::vector<std::string>& words) {
    add("churon " + join(words, " "), test::run_program(program(words), kEnvironment));
  }
  void run_at_silent_terminal(const std::vector<std::string>& words) {
    add("churon " + join(words, " "), test::run_at_silent_terminal(program(words), kEnvironment));
  }
  void compare(const std::string& name) const {
    golden::compare(text, CHURON_SOURCE_DIR "/tests/golden/errors/" + name);
  }
};

TEST_F(VerbErrors, of_words_read_as_they_are_meant_to) {
  run({"rnu"});
  run({"run", "FOLDER/m.gguf", "--promt", "Hello"});
  run({"run", "FOLDER/m.gguf", "Hello"});
  run({"run"});
  run({"run", "FOLDER/m.gguf", "-n", "many"});
  run_at_silent_terminal({"run", "FOLDER/m.gguf"});
  run({"run", "FOLDER/m.gguf", "-c", "9", "-p", "a prompt that is longer than nine tokens"});
  run({"run", "FOLDER/m.gguf", "--raw", "-p", ""});
  run({"run", "FOLDER/m.gguf", "-p", "Hello", "-f", "FOLDER/text.txt"});
  run({"run", "FOLDER/m.gguf", "--chat", "--json"});
  run({"run", "FOLDER/m.gguf", "-p", "Hello", "-n", "0"});
  run({"run", "FOLDER/m.gguf", "-p", "Hello", "--temp", "-1"});
  run({"perplexity", "FOLDER/m.gguf", "FOLDER/text.txt", "-c", "1"});
  compare("U.txt");
}

// Sanitizers reserve far more memory than the limit.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_F(VerbErrors, of_memory_read_as_they_are_meant_to) {
  std::filesystem::resize_file(folder.write("large.mps", ""), std::uintmax_t{100} << 20);
  const std::string command = fmt::format("ulimit -v 200000; exec '{}' plan --mps '{}'",
                                          CHURON_BINARY, folder.path("large.mps"));
  add("a file of 100 MB in 200 MB", test::run_program({"/bin/sh", "-c", command}, kEnvironment));
  compare("U0105.txt");
}
#endif

// One thing that is done to a file that is right.
struct Mistake {
  std::string_view what;
  void (*make)(GgufWriter&);
};

void set_pieces(GgufWriter& w, std::vector<std::string> tokens) {
  w.set("tokenizer.ggml.tokens", tokens);
  w.remove_entry("tokenizer.ggml.token_type");
  w.remove_entry("tokenizer.ggml.scores");
}

// Their hashes agree where the index looks.
std::vector<std::string> colliding_tokens() {
  std::vector<std::string> tokens;
  for (std::uint32_t i = 0; tokens.size() < 1100; ++i) {
    std::string token = fmt::format("{:x}", i);
    if ((model::hash_text(token) & 0xfff) == 0) {
      tokens.push_back(std::move(token));
    }
  }
  return tokens;
}

using W = GgufWriter;
const std::vector<Mistake> kTokenizerMistakes = {
    {"no tokenizer", [](W& w) { w.remove_entry("tokenizer.ggml.model"); }},
    {"a WordPiece vocabulary", [](W& w) { w.set("tokenizer.ggml.model", "bert"); }},
    {"an unknown pre-tokenizer", [](W& w) { test::add_bpe_tokenizer(w, "no-such"); }},
    {"no tokens", [](W& w) { w.set("tokenizer.ggml.tokens", std::vector<std::string>{}); }},
    {"two scores", [](W& w) { w.set("tokenizer.ggml.scores", std::vector<float>{1, 2}); }},
    {"a token twice", [](W& w) { set_pieces(w, {"<unk>", "<s>", "</s>", "hell", "hell"}); }},
    {"a merge of one part",
     [](W& w) {
       test::add_bpe_tokenizer(w);
       w.set("tokenizer.ggml.merges", std::vector<std::string>{"a b", "ab"});
     }},
    {"a token id behind all", [](W& w) { w.set("tokenizer.ggml.eos_token_id", 5000U); }},
    {"a score that is no number",
     [](W& w) {
       w.set("tokenizer.ggml.scores",
             std::vector<float>(500, std::numeric_limits<float>::quiet_NaN()));
     }},
    {"no BOS token",
     [](W& w) {
       test::add_bpe_tokenizer(w);
       w.remove_entry("tokenizer.ggml.bos_token_id");
       w.set("tokenizer.ggml.add_bos_token", true);
     }},
    {"tokens that collide", [](W& w) { set_pieces(w, colliding_tokens()); }},
    {"a long special token",
     [](W& w) {
       set_pieces(w, {"<unk>", "<s>", "</s>", std::string(1025, 'x')});
       w.set("tokenizer.ggml.token_type", std::vector<std::int32_t>{2, 3, 3, 4});
     }},
};

struct WrongTemplate {
  std::string_view what;
  std::string source;
};
const std::vector<WrongTemplate> kTemplates = {
    {"a value is missing", "{% if true %}\n  {{ 1 + }}\n{% endif %}"},
    {"another file is included", "{% include 'x' %}"},
    {"a filter that is not known", "{{ messages|nofilter }}"},
    {"a number and a text are added", "{{ 1 + 'a' }}"},
    {"the template refuses", "{{ raise_exception('roles must alternate') }}"},
    {"a text without end", "{{ 'x' * 9223372036854775807 }}"},
    {"a template of two megabytes", std::string(2'000'000, 'x')},
};

TEST_F(VerbErrors, of_tokenizers_and_templates_read_as_they_are_meant_to) {
  for (const Mistake& mistake : kTokenizerMistakes) {
    GgufWriter writer;
    test::add_spm_tokenizer(writer);
    mistake.make(writer);
    write("t.gguf", writer);
    add(std::string(mistake.what),
        test::run_program(program({"tokenize", "FOLDER/t.gguf", "Hello"}), kEnvironment));
  }
  run_at_silent_terminal({"tokenize", "FOLDER/m.gguf"});
  run({"tokenize", "FOLDER/m.gguf", "Hello", "-f", "FOLDER/text.txt"});
  folder.write("lines.jsonl", "{\"text\": \"a\"}\n{\"txt\": \"b\"}\n");
  run({"tokenize", "FOLDER/m.gguf", "--jsonl", "FOLDER/lines.jsonl"});
  for (const WrongTemplate& wrong : kTemplates) {
    GgufWriter writer = test::tiny_model(model::Architecture::llama);
    writer.set("tokenizer.chat_template", wrong.source);
    write("t.gguf", writer);
    add(std::string(wrong.what),
        test::run_program(program({"run", "FOLDER/t.gguf", "-p", "Hi", "-n", "1"}), kEnvironment));
    EXPECT_EQ(test::run_program(program({"run", "FOLDER/t.gguf", "--raw", "-p", "Hi", "-n", "1"}),
                                kEnvironment)
                  .exit,
              0)
        << "--raw needs no template: " << wrong.what;
  }
  compare("T.txt");
}

TEST_F(VerbErrors, of_quantising_read_as_they_are_meant_to) {
  run({"quantize", "FOLDER/m.gguf", "FOLDER/out.gguf", "q4_9"});
  compare("M05.txt");
}

constexpr std::string_view kScenario = R"(start = "2027-Q1"
quarters = 2
discount_rate = "10 %"
capital = "10 million USD"

[[class]]
name = "chat"
demand = "0.1 Mtok/s"
growth = "0 %"
utilisation = "60 %"
unmet = "1 USD/Mtok"

[[scenario]]
name = "base"
probability = "100 %"

[[site]]
name = "colo"
power = "5 MW"

[[option]]
name = "gpu"
kind = "rent"
price = "2 USD/h"
tokens = { chat = "9000 tok/s" }
max = "900 chips"
)";

TEST_F(VerbErrors, of_planning_read_as_they_are_meant_to) {
  const std::string head = "ROWS\n N obj\n G r\nCOLUMNS\n x obj -1 r 1\nRHS\n R r 4\nBOUNDS\n";
  folder.write("none.mps", head + " UP B x 3\nENDATA\n");
  folder.write("endless.mps", head + "ENDATA\n");
  folder.write("hard.mps", test::hard_mps());
  folder.write("plan.toml", kScenario);
  run({"plan"});
  run({"plan", "--mps", "FOLDER/none.mps"});
  run({"plan", "--mps", "FOLDER/endless.mps"});
  run({"plan", "--mps", "FOLDER/hard.mps", "--time-limit", "0.1"});
  run({"plan", "FOLDER/plan.toml", "--quick", "--explain", "cost_per_mtoc"});
  run({"plan", "FOLDER/plan.toml", "--quick", "--explain", "waiting"});
  // Whether something was found by then is the machine's affair.
  text = replaced(std::move(text), " before anything was found", "");
  compare("S04.txt");
}

constexpr std::string_view kTable =
    "grade,source,date,chip,chips_count,parallelism,framework,model,weight_dtype,kv_dtype,"
    "input_len,output_len,batch,metric,value,unit,note\n"
    "A,s,2025,H100-SXM,1,,trtllm 1.3,gemm,bfloat16,,,,1,kernel_time,16.56,us,m=1;n=4096;k=4096\n"
    "A,s,2025,H200,8,tp8,vllm,meta-llama/Llama-3.1-70B,fp8,,1024,1024,8,TPOT,9,ms,\n";

TEST_F(VerbErrors, of_validating_read_as_they_are_meant_to) {
  run({"validate", "FOLDER/absent.csv"});
  folder.write("table.csv", kTable);
  folder.write("validation.md", "nothing\n");
  run({"validate", "FOLDER/table.csv", "--docs", "FOLDER/"});
  const std::string absurd =
      "A,s,2025,H200,8,tp8,vllm,meta-llama/Llama-3.1-70B,fp8,,1024,1024,1e9,TPOT,9,ms,\n";
  folder.write("absurd.csv", std::string(kTable) + absurd);
  run({"validate", "FOLDER/absurd.csv", "--strict"});
  // So many rows that a fit takes long enough.
  const std::string rows = CHURON_SOURCE_DIR "/data/measured/serving_neuron.csv";
  bool is_ended = false;
  test::Ended stopped =
      test::run_in_terminal(program({"validate", rows, "--fit", "--data", "FOLDER/"}), kEnvironment,
                            [&](pid_t child, const std::string& said) {
                              if (!is_ended && said.find("fit to all rows") != std::string::npos) {
                                is_ended = true;
                                ::kill(child, SIGINT);
                              }
                            });
  // A terminal gets CR LF, and progress before the error.
  stopped.err = replaced(
      stopped.err.substr(std::min(stopped.err.find("error["), stopped.err.size())), "\r\n", "\n");
  add("churon validate TABLE --fit, and Ctrl-C", stopped);
  compare("V02.txt");
}

}  // namespace
}  // namespace churon
