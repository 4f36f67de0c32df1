// Compares token ids with llama.cpp's, which tests/data/golden/tok-*.json holds for three models:
//
//   validate_tokenizers MODEL.gguf tests/data/golden/tok-….json
//
// Prints for both columns how many cases are equal, and the CPU time to load the tokenizer and for
// 1 MB of text without a space. The exit code is 1 where a case differs.
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "model/gguf.h"
#include "model/tokenizer.h"

namespace {

using churon::model::EncodeOptions;
using churon::model::TokenId;
using churon::model::Tokenizer;

// CPU time of this process, which other work on the machine disturbs least.
double milliseconds() {
  return static_cast<double>(std::clock()) * 1e3 / static_cast<double>(CLOCKS_PER_SEC);
}

std::size_t count_equal(const churon::Json& cases, const Tokenizer& tokenizer, const char* column,
                        EncodeOptions options) {
  std::size_t equal = 0;
  for (const auto& one : cases) {
    const auto text = one.at("text").get<std::string>();
    const auto ids = tokenizer.encode(text, options);
    if (ids == one.at(column).get<std::vector<TokenId>>()) {
      ++equal;
    } else {
      fmt::print("differs: {} of \"{}\"\n  expected {}\n  got      [{}]\n", column,
                 churon::escape_control(text), one.at(column).dump(), fmt::join(ids, ","));
    }
  }
  return equal;
}

std::size_t count_round_trips(const churon::Json& cases, const Tokenizer& tokenizer) {
  return static_cast<std::size_t>(std::count_if(cases.begin(), cases.end(), [&](const auto& one) {
    const auto text = one.at("text").template get<std::string>();
    return tokenizer.decode(tokenizer.encode(text)) == text;
  }));
}

// A megabyte without a space, of one kind each.
void print_times(const Tokenizer& tokenizer) {
  const auto repeat = [](std::string_view text) {
    std::string megabyte;
    while (megabyte.size() < 1'000'000) {
      megabyte += text;
    }
    return megabyte;
  };
  for (const std::string_view part :
       {"a", "internationalisation", "7", "\n", "=", "안녕하세요", "\xff"}) {
    const std::string text = repeat(part);
    const double start = milliseconds();
    const auto ids = tokenizer.encode(text);
    fmt::print("1 MB of {:<24} {:>8.0f} ms, {} tokens{}\n", churon::escape_control(part),
               milliseconds() - start, ids.size(),
               tokenizer.decode(ids) == text ? "" : " (not the same when decoded)");
  }
}

int run(const std::string& model, const std::string& golden) {
  const auto file = churon::model::open_gguf(model);
  if (!file) {
    fmt::print(stderr, "{}\n", churon::to_text(file.error()));
    return 1;
  }
  const double start = milliseconds();
  const auto tokenizer = Tokenizer::from_metadata(file->metadata);
  const double load_ms = milliseconds() - start;
  if (!tokenizer) {
    fmt::print(stderr, "{}\n", churon::to_text(tokenizer.error()));
    return 1;
  }
  fmt::print("{}: {} tokens, loaded in {:.1f} ms\n", tokenizer->description(),
             tokenizer->token_count(), load_ms);
  const auto text = churon::read_file(golden, std::uint64_t{1} << 26);
  if (!text) {
    fmt::print(stderr, "{}\n", churon::to_text(text.error()));
    return 1;
  }
  const auto cases = churon::Json::parse(*text).at("cases");
  const std::size_t plain = count_equal(cases, *tokenizer, "ids", {});
  const std::size_t special =
      count_equal(cases, *tokenizer, "ids_special", {.add_special = true, .parse_special = true});
  fmt::print("plain   {} / {}\nspecial {} / {}\n", plain, cases.size(), special, cases.size());
  fmt::print("decoded to the same text {} / {}\n", count_round_trips(cases, *tokenizer),
             cases.size());
  print_times(*tokenizer);
  return plain == cases.size() && special == cases.size() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: validate_tokenizers MODEL.gguf GOLDEN.json\n");
    return 2;
  }
  try {
    return run(argv[1], argv[2]);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
