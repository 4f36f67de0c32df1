// Writes small GGUF files for tests: any metadata, any tensor, right or deliberately wrong; and
// whole random models of every architecture, deterministic from a seed.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/text.h"
#include "model/gguf.h"
#include "model/hyperparameters.h"
#include "numeric/tensor_type.h"
#include "temporary_folder.h"

namespace churon::test {

using model::MetadataType;

inline void append_bytes(std::string& out, const void* data, std::size_t size) {
  out.append(static_cast<const char*>(data), size);
}
template <typename T>
void append_number(std::string& out, T value) {
  append_bytes(out, &value, sizeof value);
}
inline void append_string(std::string& out, std::string_view text) {
  append_number<std::uint64_t>(out, text.size());
  out.append(text);
}

class GgufWriter {
 public:
  // Entries and tensors are public so that a test can spoil one field and write again.
  struct Entry {
    std::string key;
    std::uint32_t type = 0;
    std::string value;  // in the file's form
  };
  struct Tensor {
    std::string name;
    std::vector<std::uint64_t> dims = {};
    std::uint32_t type = 0;
    std::string data = {};
    // From the start of the tensor data; else the next free one.
    std::optional<std::uint64_t> offset = {};
  };
  std::string magic = "GGUF";
  std::uint32_t version = 3;
  std::uint64_t alignment = 32;  // of what is written; the key is the test's business
  std::optional<std::uint64_t> entry_count;
  std::optional<std::uint64_t> tensor_count;
  std::vector<Entry> entries;
  std::vector<Tensor> tensors;

  Entry& entry(std::string_view key) {
    for (Entry& found : entries) {
      if (found.key == key) {
        return found;
      }
    }
    return entries.emplace_back(Entry{std::string(key), 0, ""});
  }
  Tensor& tensor(std::string_view name) {
    for (Tensor& found : tensors) {
      if (found.name == name) {
        return found;
      }
    }
    return tensors.emplace_back(Tensor{.name = std::string(name)});
  }
  void remove_entry(std::string_view key) {
    std::erase_if(entries, [&](const Entry& found) { return found.key == key; });
  }
  void remove_tensor(std::string_view name) {
    std::erase_if(tensors, [&](const Tensor& found) { return found.name == name; });
  }

  // Adds the key or replaces its value.
  void set(std::string_view key, std::uint32_t value) {
    set_number(key, MetadataType::uint32, value);
  }
  void set(std::string_view key, std::int32_t value) {
    set_number(key, MetadataType::int32, value);
  }
  void set(std::string_view key, std::uint64_t value) {
    set_number(key, MetadataType::uint64, value);
  }
  void set(std::string_view key, float value) { set_number(key, MetadataType::float32, value); }
  void set(std::string_view key, double value) { set_number(key, MetadataType::float64, value); }
  void set(std::string_view key, bool value) {
    set_number<std::uint8_t>(key, MetadataType::boolean, value ? 1 : 0);
  }
  void set(std::string_view key, std::string_view value) {
    std::string bytes;
    append_string(bytes, value);
    set_encoded(key, MetadataType::string, std::move(bytes));
  }
  void set(std::string_view key, const char* value) { set(key, std::string_view(value)); }
  void set(std::string_view key, const std::vector<std::string>& values) {
    std::string bytes = array_head(MetadataType::string, values.size());
    for (const std::string& value : values) {
      append_string(bytes, value);
    }
    set_encoded(key, MetadataType::array, std::move(bytes));
  }
  void set(std::string_view key, const std::vector<float>& values) {
    set_numbers(key, MetadataType::float32, values);
  }
  void set(std::string_view key, const std::vector<std::int32_t>& values) {
    set_numbers(key, MetadataType::int32, values);
  }
  void set(std::string_view key, const std::vector<std::uint32_t>& values) {
    set_numbers(key, MetadataType::uint32, values);
  }
  template <typename T>
  void set_number(std::string_view key, MetadataType type, T value) {
    std::string bytes;
    append_number(bytes, value);
    set_encoded(key, type, std::move(bytes));
  }
  template <typename T>
  void set_numbers(std::string_view key, MetadataType element, const std::vector<T>& values) {
    std::string bytes = array_head(element, values.size());
    append_bytes(bytes, values.data(), values.size() * sizeof(T));
    set_encoded(key, MetadataType::array, std::move(bytes));
  }
  void set_encoded(std::string_view key, MetadataType type, std::string value) {
    Entry& target = entry(key);
    target.type = static_cast<std::uint32_t>(type);
    target.value = std::move(value);
  }
  static std::string array_head(MetadataType element, std::uint64_t count) {
    std::string bytes;
    append_number(bytes, static_cast<std::uint32_t>(element));
    append_number(bytes, count);
    return bytes;
  }

  // `dims[0]` is the length of a row. The values are quantised to `type`.
  void add_tensor(std::string name, std::vector<std::uint64_t> dims, numeric::TensorType type,
                  std::span<const float> values) {
    const auto& layout = numeric::info(type);
    const std::size_t blocks = values.size() / static_cast<std::size_t>(layout.block_elements);
    std::string data(blocks * static_cast<std::size_t>(layout.block_bytes), '\0');
    numeric::quantize(type, values.data(), values.size(),
                      reinterpret_cast<std::byte*>(data.data()));
    tensors.push_back({std::move(name), std::move(dims), layout.ggml_id, std::move(data), {}});
  }

  // The header up to and without the padding before the tensor data.
  [[nodiscard]] std::string header() const {
    std::string out = magic;
    append_number(out, version);
    append_number(out, tensor_count.value_or(tensors.size()));
    append_number(out, entry_count.value_or(entries.size()));
    for (const Entry& each : entries) {
      append_string(out, each.key);
      append_number(out, each.type);
      out += each.value;
    }
    std::uint64_t next = 0;
    for (const Tensor& each : tensors) {
      append_string(out, each.name);
      append_number(out, static_cast<std::uint32_t>(each.dims.size()));
      for (const std::uint64_t dim : each.dims) {
        append_number(out, dim);
      }
      append_number(out, each.type);
      append_number(out, each.offset.value_or(next));
      next += padded(each.data.size());
    }
    return out;
  }

  // The whole file. Data lies in the order of the tensors, whatever their offsets say.
  [[nodiscard]] std::string bytes() const {
    std::string out = header();
    out.resize(padded(out.size()), '\0');
    const std::size_t data_begin = out.size();
    for (const Tensor& each : tensors) {
      out += each.data;
      out.resize(data_begin + padded(out.size() - data_begin), '\0');
    }
    return out;
  }

  [[nodiscard]] std::uint64_t padded(std::uint64_t size) const {
    return (size + alignment - 1) / alignment * alignment;
  }
};

// The bytes as the reader takes them.
inline std::vector<std::byte> as_byte_vector(std::string_view text) {
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  return {begin, begin + text.size()};
}
inline Result<model::GgufFile> parse(std::string_view bytes) {
  return model::parse_gguf(as_byte_vector(bytes), bytes.size(), "test.gguf");
}

// ---- Tokenizers ------------------------------------------------------------------------------

enum class TinyTokenizer { none, bpe, spm };

// Byte-level BPE writes every byte as a printable character; the table is GPT-2's.
inline std::string bpe_byte_token(unsigned byte) {
  const auto printable = [](unsigned b) {
    return (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
  };
  char32_t code_point = byte;
  if (!printable(byte)) {
    code_point = 0x100;
    for (unsigned before = 0; before < byte; ++before) {
      code_point += printable(before) ? 0 : 1;
    }
  }
  std::string text;
  append_utf8(text, code_point);
  return text;
}

// 256 bytes, a few merges, three control tokens: 0 is end of text, 1 and 2 open and close a
// message.
inline void add_bpe_tokenizer(GgufWriter& writer, std::string_view pre = "smollm") {
  std::vector<std::string> tokens = {"<|endoftext|>", "<|im_start|>", "<|im_end|>"};
  std::vector<std::int32_t> types = {3, 3, 3};
  for (unsigned byte = 0; byte < 256; ++byte) {
    tokens.push_back(bpe_byte_token(byte));
    types.push_back(1);
  }
  const std::string space = bpe_byte_token(' ');
  const std::vector<std::pair<std::string, std::string>> pairs = {
      {space, "t"},  {space, "a"},        {"h", "e"},          {"i", "n"},
      {"r", "e"},    {"o", "n"},          {space + "t", "he"}, {"e", "r"},
      {space, "s"},  {"a", "t"},          {space, "w"},        {space, "o"},
      {"e", "n"},    {space, "c"},        {"i", "t"},          {"i", "s"},
      {"a", "n"},    {"o", "r"},          {"e", "s"},          {space, "b"},
      {"e", "d"},    {space, "f"},        {"in", "g"},         {space, "p"},
      {"o", "u"},    {space + "a", "n"},  {"a", "l"},          {"a", "r"},
      {space, "m"},  {space + "o", "f"},  {space, "in"},       {space, "d"},
      {space, "h"},  {space + "an", "d"}, {"l", "l"},          {"he", "ll"},
      {"hell", "o"}, {"u", "s"},          {"er", "e"},         {space, space},
  };
  std::vector<std::string> merges;
  for (const auto& [left, right] : pairs) {
    merges.push_back(fmt::format("{} {}", left, right));
    tokens.push_back(left + right);
    types.push_back(1);
  }
  writer.set("tokenizer.ggml.model", "gpt2");
  writer.set("tokenizer.ggml.pre", pre);
  writer.set("tokenizer.ggml.tokens", tokens);
  writer.set("tokenizer.ggml.token_type", types);
  writer.set("tokenizer.ggml.merges", merges);
  writer.set("tokenizer.ggml.bos_token_id", std::uint32_t{1});
  writer.set("tokenizer.ggml.eos_token_id", std::uint32_t{2});
  writer.set("tokenizer.ggml.unknown_token_id", std::uint32_t{0});
  writer.set("tokenizer.ggml.padding_token_id", std::uint32_t{2});
  writer.set("tokenizer.ggml.add_bos_token", false);
}

// <unk>, <s>, </s>, 256 byte tokens, then pieces with falling scores.
inline void add_spm_tokenizer(GgufWriter& writer) {
  std::vector<std::string> tokens = {"<unk>", "<s>", "</s>"};
  std::vector<std::int32_t> types = {2, 3, 3};
  std::vector<float> scores = {0, 0, 0};
  constexpr std::string_view digits = "0123456789ABCDEF";
  for (unsigned byte = 0; byte < 256; ++byte) {
    tokens.push_back({'<', '0', 'x', digits[byte / 16], digits[byte % 16], '>'});
    types.push_back(6);
    scores.push_back(0);
  }
  const std::string space = "\xE2\x96\x81";
  std::vector<std::string> pieces = {space + "the", space + "an", "he", space + "t",   space + "a",
                                     "in",          "re",         "er", "on",          "ing",
                                     "hello",       "hell",       "ll", space + space, space};
  for (char letter = 'a'; letter <= 'z'; ++letter) {
    pieces.emplace_back(1, letter);
  }
  float score = -1;
  for (const std::string& piece : pieces) {
    tokens.push_back(piece);
    types.push_back(1);
    scores.push_back(score);
    score -= 1;
  }
  writer.set("tokenizer.ggml.model", "llama");
  writer.set("tokenizer.ggml.pre", "default");
  writer.set("tokenizer.ggml.tokens", tokens);
  writer.set("tokenizer.ggml.scores", scores);
  writer.set("tokenizer.ggml.token_type", types);
  writer.set("tokenizer.ggml.bos_token_id", std::uint32_t{1});
  writer.set("tokenizer.ggml.eos_token_id", std::uint32_t{2});
  writer.set("tokenizer.ggml.unknown_token_id", std::uint32_t{0});
  writer.set("tokenizer.ggml.add_bos_token", true);
  writer.set("tokenizer.ggml.add_space_prefix", false);
}

inline constexpr std::string_view kTinyChatTemplate =
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + "
    "'<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
    "{% endif %}";

// ---- Models ----------------------------------------------------------------------------------

struct TinyModelOptions {
  std::uint64_t seed = 1;
  numeric::TensorType matrices = numeric::TensorType::q8_0;
  // Also of the output matrix; `matrices` where not given.
  std::optional<numeric::TensorType> embedding = std::nullopt;
  std::uint64_t layers = 0;  // 0: 2, gemma3: 7, so that one of them is global
  std::uint64_t d_model = 64;
  std::uint64_t d_ff = 96;
  std::uint64_t heads = 4;
  std::uint64_t kv_heads = 2;
  std::uint64_t head_dim = 32;
  std::uint64_t context = 256;
  std::uint64_t window = 8;  // gemma3; others: only where `windowed`
  bool windowed = false;
  bool tied = true;
  bool rope_frequencies = false;  // Llama 3's factors
  float rope_factor = 1;          // linear scaling
  float logit_softcap = 0;
  TinyTokenizer tokenizer = TinyTokenizer::bpe;
  bool chat_template = true;  // with the BPE tokenizer
};

// Uniform values with the given standard deviation around a mean. The stream is that of the
// tensor's name, so that a tensor keeps its values whatever else a model has.
inline std::vector<float> random_values(std::uint64_t seed, std::string_view name,
                                        std::size_t count, double deviation, double mean = 0) {
  std::uint32_t stream = 2166136261U;
  for (const char letter : name) {
    stream = (stream ^ static_cast<std::uint8_t>(letter)) * 16777619U;
  }
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto bits = philox4x32({static_cast<std::uint32_t>(i / 4), stream, 0, 0}, seed)[i % 4];
    values[i] = static_cast<float>(mean + (uniform24(bits) - 0.5) * std::sqrt(12.0) * deviation);
  }
  return values;
}

// A small random model that runs: logits have a standard deviation of about 2.
inline GgufWriter tiny_model(model::Architecture architecture,
                             const TinyModelOptions& options = {}) {
  const bool gemma = architecture == model::Architecture::gemma3;
  const bool bias = architecture == model::Architecture::qwen2;
  const auto& known = model::info(architecture);
  const std::string prefix(known.name);
  const std::uint64_t layers = options.layers != 0 ? options.layers : (gemma ? 7 : 2);

  GgufWriter writer;
  writer.set("general.architecture", prefix);
  writer.set("general.name", "tiny " + prefix);
  writer.set("general.license", "apache-2.0");
  const auto set_size = [&](const char* key, std::uint64_t value) {
    writer.set(prefix + key, static_cast<std::uint32_t>(value));
  };
  set_size(".block_count", layers);
  set_size(".context_length", options.context);
  set_size(".embedding_length", options.d_model);
  set_size(".feed_forward_length", options.d_ff);
  set_size(".attention.head_count", options.heads);
  set_size(".attention.head_count_kv", options.kv_heads);
  set_size(".attention.key_length", options.head_dim);
  set_size(".attention.value_length", options.head_dim);
  set_size(".rope.dimension_count", options.head_dim);
  writer.set(prefix + ".attention.layer_norm_rms_epsilon", 1e-5F);
  writer.set(prefix + ".rope.freq_base", gemma ? 1e6F : 1e4F);
  if (gemma || options.windowed) {
    set_size(".attention.sliding_window", options.window);
  }
  if (options.rope_factor != 1) {
    writer.set(prefix + ".rope.scaling.type", "linear");
    writer.set(prefix + ".rope.scaling.factor", options.rope_factor);
  }
  if (options.logit_softcap != 0) {
    writer.set(prefix + ".final_logit_softcapping", options.logit_softcap);
  }
  std::uint64_t vocab = 299;
  if (options.tokenizer == TinyTokenizer::bpe) {
    add_bpe_tokenizer(writer);
    if (options.chat_template) {
      writer.set("tokenizer.chat_template", kTinyChatTemplate);
    }
  } else if (options.tokenizer == TinyTokenizer::spm) {
    add_spm_tokenizer(writer);
  }
  if (options.tokenizer != TinyTokenizer::none) {
    std::memcpy(&vocab, writer.entry("tokenizer.ggml.tokens").value.data() + 4, sizeof vocab);
  }

  const auto add_vector = [&](const std::string& name, std::uint64_t size, double deviation,
                              double mean) {
    writer.add_tensor(name, {size}, numeric::TensorType::f32,
                      random_values(options.seed, name, size, deviation, mean));
  };
  const auto add_norm = [&](const std::string& name, std::uint64_t size) {
    add_vector(name, size, 0.1, 1);
  };
  // Rows that the type's blocks do not divide become F16.
  const auto add_matrix = [&](const std::string& name, std::uint64_t columns, std::uint64_t rows,
                              numeric::TensorType type, double deviation) {
    const auto block = static_cast<std::uint64_t>(numeric::info(type).block_elements);
    writer.add_tensor(name, {columns, rows}, columns % block == 0 ? type : numeric::TensorType::f16,
                      random_values(options.seed, name, columns * rows, deviation));
  };
  const auto add_weight = [&](const std::string& name, std::uint64_t columns, std::uint64_t rows) {
    add_matrix(name, columns, rows, options.matrices, 1 / std::sqrt(static_cast<double>(columns)));
  };
  const double embedding_deviation = 2 / std::sqrt(static_cast<double>(options.d_model));
  const auto embedding_type = options.embedding.value_or(options.matrices);

  add_matrix("token_embd.weight", options.d_model, vocab, embedding_type, embedding_deviation);
  add_norm("output_norm.weight", options.d_model);
  if (!options.tied) {
    add_matrix("output.weight", options.d_model, vocab, embedding_type, embedding_deviation);
  }
  if (options.rope_frequencies) {
    std::vector<float> factors(options.head_dim / 2);
    for (std::size_t i = 0; i < factors.size(); ++i) {
      factors[i] = i < factors.size() / 2 ? 1.0F : 8.0F;
    }
    writer.add_tensor("rope_freqs.weight", {factors.size()}, numeric::TensorType::f32, factors);
  }
  const std::uint64_t q_dim = options.heads * options.head_dim;
  const std::uint64_t kv_dim = options.kv_heads * options.head_dim;
  for (std::uint64_t layer = 0; layer < layers; ++layer) {
    const std::string block = "blk." + std::to_string(layer) + ".";
    add_norm(block + "attn_norm.weight", options.d_model);
    add_weight(block + "attn_q.weight", options.d_model, q_dim);
    add_weight(block + "attn_k.weight", options.d_model, kv_dim);
    add_weight(block + "attn_v.weight", options.d_model, kv_dim);
    add_weight(block + "attn_output.weight", q_dim, options.d_model);
    if (bias) {
      add_vector(block + "attn_q.bias", q_dim, 0.1, 0);
      add_vector(block + "attn_k.bias", kv_dim, 0.1, 0);
      add_vector(block + "attn_v.bias", kv_dim, 0.1, 0);
    }
    if (known.has_qk_norm) {
      add_norm(block + "attn_q_norm.weight", options.head_dim);
      add_norm(block + "attn_k_norm.weight", options.head_dim);
    }
    add_norm(block + "ffn_norm.weight", options.d_model);
    add_weight(block + "ffn_gate.weight", options.d_model, options.d_ff);
    add_weight(block + "ffn_up.weight", options.d_model, options.d_ff);
    add_weight(block + "ffn_down.weight", options.d_ff, options.d_model);
    if (known.has_post_norms) {
      add_norm(block + "post_attention_norm.weight", options.d_model);
      add_norm(block + "post_ffw_norm.weight", options.d_model);
    }
  }
  return writer;
}

}  // namespace churon::test
