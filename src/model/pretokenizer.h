// Pre-tokenizers: how a byte-level BPE vocabulary cuts text into words before it merges. Each is a
// regular expression in the tokenizer's publication; here it is a scanner written by hand, linear
// in the text. `tokenizer.ggml.pre` in the file names it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace churon::model {

enum class PreTokenizer : std::uint8_t { gpt2, smollm, llama3, qwen2, tekken, fallback };

struct PreTokenizerEntry {
  std::string_view name;  // in the file
  PreTokenizer pre_tokenizer;
  bool ignore_merges;  // a word that is a token is taken as it is
  bool add_bos;        // where the file does not say
};

// Every name that is known. Nullptr where there is none.
const PreTokenizerEntry* find_pre_tokenizer(std::string_view name);
std::vector<std::string> pre_tokenizer_names();

// The byte offsets at which the words end, ascending; the last is the text's size. At most 4 GiB.
std::vector<std::uint32_t> word_ends(PreTokenizer pre_tokenizer, std::string_view text);

}  // namespace churon::model
