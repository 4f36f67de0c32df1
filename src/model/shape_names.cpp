#include "model/shape_names.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/text.h"

namespace churon::model {

namespace {

// Words behind a model's name that leave its shape as it is.
constexpr std::array<std::string_view, 40> kTunings{
    "instruct", "chat",      "it",        "hf",    "base",    "thinking", "fp16",        "bf16",
    "fp8",      "fp8kv",     "fp4",       "nvfp4", "mxfp4",   "mxfp8",    "kv",          "block",
    "dynamic",  "int8",      "int4",      "awq",   "gptq",    "bnb",      "4bit",        "8bit",
    "g128",     "marlin",    "quantized", "quark", "ptpc",    "turbo",    "original",    "unsloth",
    "gguf",     "autoround", "99",        "99.9",  "offline", "server",   "interactive", "torchao"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "w4a16", "w8a8"
bool is_weight_activation(std::string_view word) {
  const auto a = word.find('a');
  const auto digits = [](std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
  };
  return word.size() >= 4 && word.front() == 'w' && a != std::string_view::npos &&
         digits(word.substr(1, a - 1)) && digits(word.substr(a + 1));
}

bool is_tuning(std::string_view word) {
  return std::find(kTunings.begin(), kTunings.end(), word) != kTunings.end() ||
         is_weight_activation(word);
}

// "v0.1", "v1.5", and months or days: "2507", "0528".
bool is_version(std::string_view word) {
  if (word.size() == 4 && std::all_of(word.begin(), word.end(), is_digit)) {
    return true;
  }
  return word.size() >= 4 && word.front() == 'v' && is_digit(word[1]) &&
         word.find('.') != std::string_view::npos &&
         std::all_of(word.begin() + 1, word.end(), [](char c) { return is_digit(c) || c == '.'; });
}

// In lower case, behind the organisation.
std::vector<std::string> words_of(std::string_view name) {
  std::string lower = to_lower_ascii(trim(name));
  if (const auto slash = lower.rfind('/'); slash != std::string::npos) {
    lower.erase(0, slash + 1);
  }
  std::replace_if(lower.begin(), lower.end(), [](char c) { return c == '_' || c == ' '; }, '-');
  std::vector<std::string> words;
  for (const std::string_view word : split(lower, '-')) {
    if (word.starts_with("quantized.")) {
      words.emplace_back("quantized");
      words.emplace_back(word.substr(std::string_view("quantized.").size()));
    } else if (!word.empty()) {
      words.emplace_back(word);
    }
  }
  if (words.size() > 1 && words.front() == "meta") {
    words.erase(words.begin());
  }
  return words;
}

}  // namespace

std::string comparable_name(std::string_view name, NameForm form) {
  std::string text;
  bool first = true;
  for (const std::string& word : words_of(name)) {
    const bool forgotten = !first && ((form != NameForm::whole && is_tuning(word)) ||
                                      (form == NameForm::unversioned && is_version(word)));
    if (!forgotten) {
      text += word;
    }
    first = false;
  }
  return text;
}

bool is_part_of_name(std::string_view wanted, std::string_view name) {
  const std::string begin = comparable_name(wanted, NameForm::untuned);
  if (begin.empty()) {
    return false;
  }
  if (comparable_name(name, NameForm::whole).starts_with(begin)) {
    return true;
  }
  auto words = words_of(wanted);
  std::erase_if(words, is_tuning);
  const auto names = words_of(name);
  auto at = names.begin();
  for (const std::string& word : words) {
    at = std::find(at, names.end(), word);
    if (at == names.end()) {
      return false;
    }
    ++at;
  }
  return !words.empty();
}

}  // namespace churon::model
