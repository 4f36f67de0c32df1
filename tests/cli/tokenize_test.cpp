// `churon tokenize` as a user meets it, on a small file that the test writes.
#include <gmock/gmock.h>

#include <array>
#include <cstdio>
#include <string>

#include "base/json.h"
#include "gguf_writer.h"

namespace churon {
namespace {

using ::testing::HasSubstr;

struct Finished {
  int exit = -1;
  std::string text;  // both streams
};

// Runs a command of the shell; `churon` is the program.
Finished shell(const std::string& command) {
  Finished result;
  FILE* pipe = ::popen(("alias churon='" CHURON_BINARY "'\n" + command + " 2>&1").c_str(), "r");
  std::array<char, 4096> buffer{};
  for (std::size_t got = 0; (got = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    result.text.append(buffer.data(), got);
  }
  result.exit = WEXITSTATUS(::pclose(pipe));
  return result;
}

class TokenizeVerb : public ::testing::Test {
 protected:
  TokenizeVerb() {
    test::GgufWriter writer;
    test::add_bpe_tokenizer(writer);
    model_ = folder_.write("m.gguf", writer.bytes());
  }
  test::TemporaryFolder folder_;
  std::string model_;
};

TEST_F(TokenizeVerb, shows_ids_and_what_they_stand_for) {
  const Finished result = shell("churon tokenize " + model_ + " 'the<|im_end|>' --special");
  EXPECT_EQ(result.exit, 0);
  EXPECT_EQ(result.text, "119  \"t\"\n261  \"he\"\n  2  \"<|im_end|>\"  control\n3 tokens\n");
}

TEST_F(TokenizeVerb, reads_a_pipe_with_any_bytes_and_escapes_what_it_shows) {
  const Finished result = shell("printf 'a\\033\\377' | churon tokenize " + model_);
  EXPECT_EQ(result.exit, 0);
  EXPECT_THAT(result.text, HasSubstr("\"\\x1b\""));
  EXPECT_THAT(result.text, HasSubstr("\"\\xff\""));
}

TEST_F(TokenizeVerb, answers_lines_with_lines) {
  const std::string lines = folder_.write("in.jsonl", "{\"text\": \"a b\"}\n\n{\"text\": \"\"}\n");
  const Finished result = shell("churon tokenize " + model_ + " --jsonl " + lines);
  EXPECT_EQ(result.exit, 0);
  EXPECT_EQ(result.text, "{\"ids\": [100, 278]}\n{\"ids\": []}\n");
}

TEST_F(TokenizeVerb, names_the_line_that_is_wrong) {
  const std::string lines = folder_.write("in.jsonl", "{\"text\": \"a\"}\n{\"text\": 5}\n");
  const Finished result = shell("churon tokenize " + model_ + " --jsonl " + lines);
  EXPECT_EQ(result.exit, 1);
  EXPECT_THAT(result.text, HasSubstr("error[T0202]: line 2"));
}

TEST_F(TokenizeVerb, gives_a_document_on_demand) {
  const Finished result = shell("churon tokenize " + model_ + " the --json");
  EXPECT_EQ(result.exit, 0);
  const Json document = Json::parse(result.text, nullptr, false);
  EXPECT_EQ(document["schema"], "churon.tokenize");
  EXPECT_EQ(document["ids"], Json({119, 261}));
  EXPECT_EQ(document["pieces"], Json({"t", "he"}));
}

TEST_F(TokenizeVerb, wants_one_text_and_no_endless_one) {
  const Finished two = shell("churon tokenize " + model_ + " a -f b");
  EXPECT_EQ(two.exit, 2);
  EXPECT_THAT(two.text, HasSubstr("T0201"));
  const Finished endless = shell("churon tokenize " + model_ + " -f /dev/zero");
  EXPECT_EQ(endless.exit, 1);
  EXPECT_THAT(endless.text, HasSubstr("B0004"));
}

}  // namespace
}  // namespace churon
