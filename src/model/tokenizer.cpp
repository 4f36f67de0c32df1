#include "model/tokenizer.h"

#include <algorithm>
#include <array>
#include <variant>

#include "base/check.h"
#include "base/text.h"
#include "model/gguf.h"
#include "model/pretokenizer.h"
#include "model/tokenizer_bpe.h"
#include "model/tokenizer_special.h"
#include "model/tokenizer_spm.h"
#include "model/tokenizer_vocabulary.h"

namespace churon::model {

namespace {

// Tokens that end a reply whatever the file says, by the names that model families gave them.
constexpr std::array<std::string_view, 18> kEndNames{
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|eom_id|>",
    "</s>",
    "<eos>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<end_of_utterance>",
    "<turn|>",
    "<|tool_response>",
    "<｜end▁of▁sentence｜>",
    "[e~[",
};

// Tokens with a meaning that the file gives by a key or, where it does not, that are known by name.
// They are control tokens even where the file calls them normal.
struct Role {
  std::string_view key;
  bool ends;  // generation stops after it
  std::vector<std::string_view> names;
};

const std::vector<Role>& roles() {
  static const std::vector<Role> table{
      {"tokenizer.ggml.eot_token_id",
       true,
       {"<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<|end_of_text|>",
        "<EOT>", "_<EOT>", "[EOT]", "<｜end▁of▁sentence｜>", "<end_of_utterance>"}},
      {"tokenizer.ggml.eom_token_id", true, {"<|eom_id|>"}},
      {"tokenizer.ggml.fim_pre_token_id",
       false,
       {"<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<｜fim▁begin｜>", "<PRE>", "▁<PRE>",
        "<|code_prefix|>", "<|prefix|>"}},
      {"tokenizer.ggml.fim_suf_token_id",
       false,
       {"<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>", "<｜fim▁hole｜>", "<SUF>", "▁<SUF>",
        "<|code_suffix|>", "<|suffix|>"}},
      {"tokenizer.ggml.fim_mid_token_id",
       false,
       {"<|fim_middle|>", "<fim-middle>", "<fim_middle>", "<｜fim▁end｜>", "<MID>", "▁<MID>",
        "<|code_middle|>", "<|middle|>"}},
      {"tokenizer.ggml.fim_pad_token_id",
       true,
       {"<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"}},
      {"tokenizer.ggml.fim_rep_token_id",
       true,
       {"<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>"}},
      {"tokenizer.ggml.fim_sep_token_id", true, {"<|file_sep|>"}},
  };
  return table;
}

// The id under `key`, checked against the vocabulary; the fallback where the key is missing, if the
// vocabulary has such an id.
Result<std::optional<TokenId>> special_id(const Metadata& metadata, const Vocabulary& vocabulary,
                                          std::string_view key,
                                          std::optional<TokenId> fallback = {}) {
  if (!metadata.contains(key)) {
    return fallback && vocabulary.contains(*fallback) ? fallback : std::nullopt;
  }
  const auto id = metadata.integer(key);
  if (!id) {
    return fail(id);
  }
  if (*id < 0 || static_cast<std::uint64_t>(*id) >= vocabulary.size()) {
    return fail("T0107",
                fmt::format("`{}` is {}, but the vocabulary has ids 0 to {}", key, *id,
                            vocabulary.size() - 1),
                {"correct the key, or remove it where the model has no such token"});
  }
  return static_cast<TokenId>(*id);
}

}  // namespace

struct Tokenizer::State {
  Vocabulary vocabulary;
  std::variant<BytePairEncoder, SentencePieceEncoder> encoder;
  SpecialTokens special_tokens;
  std::string description;
  std::optional<TokenId> bos;
  std::optional<TokenId> eos;
  std::optional<TokenId> eot;
  std::optional<TokenId> unknown;
  std::vector<TokenId> end_ids;  // ascending
  bool add_bos = false;
  bool add_eos = false;
  bool add_space_prefix = false;

  [[nodiscard]] bool is_byte_level() const {
    return std::holds_alternative<BytePairEncoder>(encoder);
  }
  Result<void> read_special_ids(const Metadata& metadata);
  Result<void> read_flags(const Metadata& metadata, bool add_bos_default);
  void encode_text(std::string_view text, std::span<const TextRange> trusted,
                   std::vector<TokenId>& ids) const;
};

Result<void> Tokenizer::State::read_special_ids(const Metadata& metadata) {
  // SentencePiece vocabularies begin with <unk>, <s>, </s>.
  const auto fallback = [this](TokenId id) {
    return is_byte_level() ? std::nullopt : std::optional(id);
  };
  Diagnostics found;
  const auto read = [&](std::string_view key, std::optional<TokenId> otherwise) {
    const auto id = special_id(metadata, vocabulary, key, otherwise);
    if (!id) {
      found.insert(found.end(), id.error().begin(), id.error().end());
    }
    return id.value_or(std::nullopt);
  };
  bos = read("tokenizer.ggml.bos_token_id", fallback(1));
  eos = read("tokenizer.ggml.eos_token_id", fallback(2));
  unknown = read("tokenizer.ggml.unknown_token_id", fallback(0));
  if (eos) {
    end_ids.push_back(*eos);
  }
  for (const Role& role : roles()) {
    auto id = read(role.key, std::nullopt);
    for (std::size_t i = 0; !id && i < role.names.size(); ++i) {
      id = vocabulary.find(role.names[i]);
      if (id) {
        vocabulary.set_kind(*id, TokenKind::control);
      }
    }
    if (&role == &roles().front()) {
      eot = id;
    }
    if (id && role.ends) {
      end_ids.push_back(*id);
    }
  }
  for (const std::string_view name : kEndNames) {
    if (const auto id = vocabulary.find(name)) {
      vocabulary.set_kind(*id, TokenKind::control);
      end_ids.push_back(*id);
    }
  }
  std::sort(end_ids.begin(), end_ids.end());
  end_ids.erase(std::unique(end_ids.begin(), end_ids.end()), end_ids.end());
  if (!found.empty()) {
    return tl::unexpected(found);
  }
  return {};
}

Result<void> Tokenizer::State::read_flags(const Metadata& metadata, bool add_bos_default) {
  const auto bos_flag = metadata.boolean_or("tokenizer.ggml.add_bos_token", add_bos_default);
  const auto eos_flag = metadata.boolean_or("tokenizer.ggml.add_eos_token", false);
  const auto space_flag = metadata.boolean_or("tokenizer.ggml.add_space_prefix", !is_byte_level());
  for (const auto* flag : {&bos_flag, &eos_flag, &space_flag}) {
    if (!*flag) {
      return fail(*flag);
    }
  }
  add_bos = *bos_flag;
  add_eos = *eos_flag;
  add_space_prefix = *space_flag && !is_byte_level();
  if ((add_bos && !bos) || (add_eos && !eos)) {
    const std::string_view what = add_bos && !bos ? "bos" : "eos";
    return fail("T0109",
                fmt::format("the model asks for a token in every prompt "
                            "(`tokenizer.ggml.add_{0}_token`), but the file does not say "
                            "which: `tokenizer.ggml.{0}_token_id` is missing",
                            what),
                {"add the id, or set the flag to false"});
  }
  return {};
}

void Tokenizer::State::encode_text(std::string_view text, std::span<const TextRange> trusted,
                                   std::vector<TokenId>& ids) const {
  check(text.size() <= kTextSizeMax, text.size());
  bool behind_token = true;  // the start counts as such
  for (const auto& [range, token] : special_tokens.partition(text, trusted)) {
    if (token) {
      ids.push_back(*token);
    } else {
      const std::string_view part = text.substr(range.begin, range.end - range.begin);
      if (const auto* bpe = std::get_if<BytePairEncoder>(&encoder)) {
        bpe->encode(vocabulary, part, ids);
      } else {
        std::get<SentencePieceEncoder>(encoder).encode(vocabulary, part,
                                                       add_space_prefix && behind_token, ids);
      }
    }
    behind_token = token.has_value();
  }
}

Result<Tokenizer> Tokenizer::from_metadata(const Metadata& metadata) {
  const auto model = metadata.string("tokenizer.ggml.model");
  if (!model) {
    return fail(model);
  }
  if (*model != "gpt2" && *model != "llama") {
    return fail("T0101",
                fmt::format("the file's tokenizer is of kind `{}`", escape_control(*model)),
                {"known kinds: gpt2 (byte-level BPE), llama (SentencePiece)"});
  }
  auto vocabulary = Vocabulary::from_metadata(metadata);
  if (!vocabulary) {
    return fail(vocabulary);
  }
  const bool byte_level = *model == "gpt2";
  bool add_bos_default = !byte_level;
  std::string description(*model);
  std::optional<BytePairEncoder> bpe;
  if (byte_level) {
    const auto name = metadata.string_or("tokenizer.ggml.pre", "default");
    if (!name) {
      return fail(name);
    }
    const PreTokenizerEntry* entry = find_pre_tokenizer(*name);
    if (entry == nullptr) {
      return fail("T0102", fmt::format("the file's pre-tokenizer is `{}`", escape_control(*name)),
                  {"known pre-tokenizers: " + join(pre_tokenizer_names(), ", ")});
    }
    auto encoder = BytePairEncoder::from_metadata(metadata, *entry);
    if (!encoder) {
      return fail(encoder);
    }
    bpe = std::move(*encoder);
    add_bos_default = entry->add_bos;
    description += fmt::format(" ({})", *name);
  }
  auto state = std::make_unique<State>();
  state->vocabulary = std::move(*vocabulary);
  state->description = std::move(description);
  if (bpe) {
    state->encoder = std::move(*bpe);
  } else {
    state->encoder = SentencePieceEncoder();
  }
  if (const auto read = state->read_special_ids(metadata); !read) {
    return fail(read);
  }
  if (const auto read = state->read_flags(metadata, add_bos_default); !read) {
    return fail(read);
  }
  if (!byte_level) {
    state->encoder = SentencePieceEncoder(state->vocabulary, state->unknown);
  }
  const auto name = metadata.string_or("general.name", "");
  if (!name) {
    return fail(name);
  }
  const std::string lower = to_lower_ascii(*name);
  const bool phi3 =
      lower.find("phi-3") != std::string::npos || lower.find("phi3") != std::string::npos;
  state->special_tokens = SpecialTokens(state->vocabulary, phi3);
  return Tokenizer(std::move(state));
}

Tokenizer::Tokenizer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

std::vector<TokenId> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  std::vector<TokenId> ids;
  if (options.add_special && state_->add_bos) {
    ids.push_back(*state_->bos);
  }
  const TextRange whole{0, text.size()};
  state_->encode_text(text, {&whole, options.parse_special ? std::size_t{1} : 0}, ids);
  if (options.add_special && state_->add_eos) {
    ids.push_back(*state_->eos);
  }
  return ids;
}

std::vector<TokenId> Tokenizer::encode(std::span<const TextSegment> segments) const {
  std::string text;
  std::vector<TextRange> trusted;
  for (const TextSegment& segment : segments) {
    const std::size_t begin = text.size();
    text += segment.text;
    if (!segment.from_template) {
      continue;
    }
    if (!trusted.empty() && trusted.back().end == begin) {
      trusted.back().end = text.size();
    } else {
      trusted.push_back({begin, text.size()});
    }
  }
  std::vector<TokenId> ids;
  state_->encode_text(text, trusted, ids);
  if (state_->add_bos && (ids.empty() || ids.front() != *state_->bos)) {
    ids.insert(ids.begin(), *state_->bos);
  }
  return ids;
}

std::string Tokenizer::piece(TokenId id, bool special) const {
  const Vocabulary& vocabulary = state_->vocabulary;
  if (!vocabulary.contains(id)) {
    return "";
  }
  const std::string_view text = vocabulary.text(id);
  switch (vocabulary.kind(id)) {
    case TokenKind::control:
    case TokenKind::unknown:
      return special ? std::string(text) : "";
    case TokenKind::user_defined:
      return state_->is_byte_level() ? std::string(text) : unescape_spaces(text);
    case TokenKind::byte:
      if (const auto byte = byte_of_token(text)) {
        return {*byte};
      }
      return std::string(text);
    case TokenKind::normal:
      return state_->is_byte_level() ? bytes_of_token(text) : unescape_spaces(text);
    case TokenKind::undefined:
    case TokenKind::unused:
      return "";
  }
  return "";
}

std::string Tokenizer::decode(std::span<const TokenId> ids, bool special) const {
  std::string text;
  bool at_start = state_->add_space_prefix;
  for (const TokenId id : ids) {
    std::string part = piece(id, special);
    if (at_start && !is_control(id)) {
      if (part.starts_with(' ')) {
        part.erase(0, 1);
      }
      at_start = false;
    }
    text += part;
  }
  return text;
}

TokenId Tokenizer::token_count() const { return static_cast<TokenId>(state_->vocabulary.size()); }

std::string_view Tokenizer::token_text(TokenId id) const {
  return state_->vocabulary.contains(id) ? state_->vocabulary.text(id) : std::string_view();
}

std::optional<TokenId> Tokenizer::find(std::string_view token_text) const {
  return state_->vocabulary.find(token_text);
}

bool Tokenizer::is_control(TokenId id) const {
  return state_->vocabulary.contains(id) && (state_->vocabulary.kind(id) == TokenKind::control ||
                                             state_->vocabulary.kind(id) == TokenKind::unknown);
}

bool Tokenizer::is_end(TokenId id) const {
  return std::binary_search(state_->end_ids.begin(), state_->end_ids.end(), id);
}

std::span<const TokenId> Tokenizer::end_ids() const { return state_->end_ids; }
std::optional<TokenId> Tokenizer::bos() const { return state_->bos; }
std::optional<TokenId> Tokenizer::eos() const { return state_->eos; }
std::optional<TokenId> Tokenizer::eot() const { return state_->eot; }
std::optional<TokenId> Tokenizer::unknown() const { return state_->unknown; }
bool Tokenizer::add_bos() const { return state_->add_bos; }
bool Tokenizer::add_eos() const { return state_->add_eos; }
std::string Tokenizer::description() const { return state_->description; }

}  // namespace churon::model
