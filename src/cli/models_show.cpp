// `churon models show`: what a GGUF file holds.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>

#include "base/json.h"
#include "base/text.h"
#include "cli/verb.h"
#include "model/catalogue.h"
#include "model/model.h"
#include "report/format.h"

namespace churon::cli {

namespace {

constexpr std::size_t kElementsShown = 8;
constexpr std::size_t kCharactersShown = 80;

struct ShowWords {
  std::string model;
  bool digest = false;
  bool tensors = false;
};

// What is known of a file; the model part is missing where it cannot run here.
struct Shown {
  model::GgufFile file;
  Result<model::Hyperparameters> hyperparameters;
  std::string file_sha256;  // with --digest
};

struct TypeTotal {
  std::int64_t tensors = 0;
  std::uint64_t elements = 0;
  std::uint64_t bytes = 0;
};
using TypeTotals = std::map<numeric::TensorType, TypeTotal>;

TypeTotals totals_by_type(const model::GgufFile& file) {
  TypeTotals totals;
  for (const auto& tensor : file.tensors) {
    TypeTotal& total = totals[tensor.type];
    total.tensors += 1;
    total.elements += tensor.elements();
    total.bytes += tensor.bytes;
  }
  return totals;
}

std::string grouped(std::uint64_t count) {
  std::string text = std::to_string(count);
  for (std::size_t i = text.size(); i > 3; i -= 3) {
    text.insert(i - 3, ",");
  }
  return text;
}
std::string grouped(std::int64_t count) { return grouped(static_cast<std::uint64_t>(count)); }

std::string size_text(std::uint64_t bytes) {
  return report::text(Bytes(static_cast<double>(bytes)));
}

// The text of a key, or "" where it is missing or no string.
std::string string_of(const model::Metadata& metadata, std::string_view key) {
  const auto text = metadata.string(key);
  return text ? std::string(*text) : "";
}

std::string escaped_value(const model::MetadataEntry& entry) {
  return escape_control(model::to_text(entry, kElementsShown, kCharactersShown));
}

std::string type_text(const model::MetadataEntry& entry) {
  return entry.type == model::MetadataType::array
             ? fmt::format("{}[{}]", name(entry.element_type), entry.count)
             : std::string(name(entry.type));
}

std::string rope_text(const model::Rope& rope, const model::Hyperparameters& h) {
  std::string text = fmt::format(
      "{} of {} elements of a head in {}, base {}", rope.dims, h.key_dim,
      rope.pairing == model::RopePairing::norm ? "neighbouring pairs" : "halves", rope.base);
  if (rope.factor != 1) {
    text += fmt::format(", positions / {}", rope.factor);
  }
  if (rope.has_frequency_factors) {
    text += ", frequency factors";
  }
  if (h.window != 0 && (rope.local_base != rope.base || rope.local_factor != rope.factor)) {
    text += fmt::format("; base {} in layers with a window", rope.local_base);
  }
  return text;
}

std::string layers_text(const model::Hyperparameters& h) {
  if (h.window == 0) {
    return std::to_string(h.layers);
  }
  const auto windowed = std::count(h.layer_has_window.begin(), h.layer_has_window.end(), true);
  return fmt::format("{}, {} of them with a window of {}", h.layers, windowed, grouped(h.window));
}

std::string extras_text(const model::Hyperparameters& h) {
  std::vector<std::string> extras;
  const std::array<std::pair<bool, const char*>, 5> possible{{
      {h.tied, "tied embeddings"},
      {h.has_qkv_bias, "bias of Q, K and V"},
      {h.has_attention_output_bias, "bias of the attention's output"},
      {h.qk_norm != model::QkNorm::none, "norms of Q and K"},
      {h.has_post_norms, "norms behind attention and feed-forward"},
  }};
  for (const auto& [present, text] : possible) {
    if (present) {
      extras.emplace_back(text);
    }
  }
  if (h.embedding_scale != 1) {
    extras.push_back(fmt::format("embeddings times {}", h.embedding_scale));
  }
  if (h.attention_softcap != 0) {
    extras.push_back(fmt::format("attention capped at {}", h.attention_softcap));
  }
  if (h.logit_softcap != 0) {
    extras.push_back(fmt::format("logits capped at {}", h.logit_softcap));
  }
  return extras.empty() ? "none" : join(extras, ", ");
}

std::string summary_text(const Shown& shown) {
  const auto& file = shown.file;
  const auto& metadata = file.metadata;
  using report::Align;
  report::Table table({Align::left, Align::left});
  const auto row = [&](const std::string& key, const std::string& value) {
    table.row({key, value});
  };
  row("file", fmt::format("{}, {}, GGUF version {}", escape_control(file.path),
                          size_text(file.size), file.version));
  row("header sha256", file.digest());
  if (!shown.file_sha256.empty()) {
    row("file sha256", shown.file_sha256);
  }
  if (shown.hyperparameters) {
    const auto& h = *shown.hyperparameters;
    const auto& known = model::info(*h.architecture);
    row("architecture", fmt::format("{} ({})", known.name, known.models));
    row("parameters", grouped(h.parameters));
    row("layers", layers_text(h));
    row("embedding", grouped(h.d_model));
    row("attention",
        fmt::format("{}, {} of {}", report::counted(h.heads, "head"),
                    report::counted(h.kv_heads, "key-value head"),
                    h.key_dim == h.value_dim ? std::to_string(h.key_dim)
                                             : fmt::format("{} and {}", h.key_dim, h.value_dim)));
    row("rope", rope_text(h.rope, h));
    row("feed-forward", fmt::format("{}, {}", grouped(h.d_ff),
                                    h.activation == model::Activation::silu ? "SwiGLU" : "GEGLU"));
    row("besides", extras_text(h));
    row("vocabulary", grouped(h.vocab));
    row("context", grouped(h.context));
  } else {
    row("architecture", escape_control(string_of(metadata, "general.architecture")));
  }
  const std::string tokenizer = string_of(metadata, "tokenizer.ggml.model");
  const std::string pre = string_of(metadata, "tokenizer.ggml.pre");
  row("tokenizer",
      tokenizer.empty() ? "none" : escape_control(tokenizer + (pre.empty() ? "" : ", " + pre)));
  row("chat template", metadata.contains("tokenizer.chat_template") ? "yes" : "no");
  const std::string licence = string_of(metadata, "general.license");
  row("licence", licence.empty() ? "not stated" : escape_control(licence));
  const std::string name =
      shown.hyperparameters ? shown.hyperparameters->name : string_of(metadata, "general.name");
  return escape_control(name) + "\n" + table.text("  ");
}

std::string types_text(const model::GgufFile& file) {
  using report::Align;
  report::Table table({Align::left, Align::right, Align::right, Align::right, Align::right});
  table.row({"type", "tensors", "elements", "size", "share"});
  const TypeTotals totals = totals_by_type(file);
  std::uint64_t bytes = 0;
  for (const auto& [type, total] : totals) {
    bytes += total.bytes;
  }
  for (const auto& [type, total] : totals) {
    table.row({numeric::info(type).name, grouped(total.tensors), grouped(total.elements),
               size_text(total.bytes),
               report::percent(static_cast<double>(total.bytes) / static_cast<double>(bytes))});
  }
  return table.text("  ");
}

std::string metadata_text(const model::Metadata& metadata) {
  using report::Align;
  report::Table table({Align::left, Align::left, Align::left});
  for (const auto& entry : metadata.entries()) {
    table.row({escape_control(entry.key), type_text(entry), escaped_value(entry)});
  }
  return table.text("  ");
}

std::string tensors_text(const model::GgufFile& file) {
  using report::Align;
  report::Table table({Align::left, Align::left, Align::right, Align::right, Align::right});
  table.row({"tensor", "type", "shape", "offset", "bytes"});
  for (const auto& tensor : file.tensors) {
    table.row({escape_control(tensor.name), numeric::info(tensor.type).name, shape_text(tensor),
               std::to_string(tensor.offset), std::to_string(tensor.bytes)});
  }
  return table.text("  ");
}

Json model_json(const model::Hyperparameters& h) {
  return Json{
      {"name", h.name},
      {"architecture", model::info(*h.architecture).name},
      {"parameters", h.parameters},
      {"layers", h.layers},
      {"embedding", h.d_model},
      {"feed_forward", h.d_ff},
      {"heads", h.heads},
      {"kv_heads", h.kv_heads},
      {"key_dim", h.key_dim},
      {"value_dim", h.value_dim},
      {"vocabulary", h.vocab},
      {"context", h.context},
      {"rms_epsilon", h.rms_epsilon},
      {"rope_pairing", h.rope.pairing == model::RopePairing::norm ? "norm" : "neox"},
      {"rope_dims", h.rope.dims},
      {"rope_base", h.rope.base},
      {"rope_factor", h.rope.factor},
      {"rope_local_base", h.rope.local_base},
      {"rope_frequency_factors", h.rope.has_frequency_factors},
      {"window", h.window},
      {"layer_has_window", h.layer_has_window},
      {"embedding_scale", h.embedding_scale},
      {"attention_scale", h.attention_scale},
      {"attention_softcap", h.attention_softcap},
      {"logit_softcap", h.logit_softcap},
      {"activation", h.activation == model::Activation::silu ? "silu" : "gelu"},
      {"qkv_bias", h.has_qkv_bias},
      {"attention_output_bias", h.has_attention_output_bias},
      {"qk_norm", h.qk_norm != model::QkNorm::none},
      {"post_norms", h.has_post_norms},
      {"tied", h.tied},
  };
}

Json show_json(const Shown& shown) {
  const auto& file = shown.file;
  Json document = json_document("models.show");
  document["path"] = file.path;
  document["file_bytes"] = file.size;
  document["model_digest"] = file.digest();
  document["file_sha256"] = shown.file_sha256.empty() ? Json() : Json(shown.file_sha256);
  document["gguf_version"] = file.version;
  document["alignment_bytes"] = file.alignment;
  document["data_offset_bytes"] = file.data_offset;
  document["model"] = shown.hyperparameters ? model_json(*shown.hyperparameters) : Json();
  document["errors"] = Json::array();
  if (!shown.hyperparameters) {
    for (const Diagnostic& error : shown.hyperparameters.error()) {
      document["errors"].push_back({{"code", error.code}, {"message", error.message}});
    }
  }
  document["tokenizer"] = string_of(file.metadata, "tokenizer.ggml.model");
  document["chat_template"] = file.metadata.contains("tokenizer.chat_template");
  document["licence"] = string_of(file.metadata, "general.license");
  document["metadata"] = Json::array();
  for (const auto& entry : file.metadata.entries()) {
    document["metadata"].push_back({{"key", entry.key},
                                    {"type", type_text(entry)},
                                    {"value", model::to_text(entry, kElementsShown)}});
  }
  document["tensors"] = Json::array();
  for (const auto& tensor : file.tensors) {
    document["tensors"].push_back(
        {{"name", tensor.name},
         {"type", numeric::info(tensor.type).name},
         {"shape",
          std::vector<std::uint64_t>(tensor.dims.begin(), tensor.dims.begin() + tensor.rank)},
         {"offset_bytes", tensor.offset},
         {"size_bytes", tensor.bytes}});
  }
  return document;
}

Result<Shown> shown_file(const ShowWords& words) {
  const auto path = model::resolve_model(words.model);
  if (!path) {
    return fail(path);
  }
  auto file = model::open_gguf(*path);
  if (!file) {
    return fail(file);
  }
  std::string sha256;
  if (words.digest) {
    auto digest = sha256_of_file(*path);
    if (!digest) {
      return fail(digest);
    }
    sha256 = std::move(*digest);
  }
  auto hyperparameters = model::check_model(*file);
  return Shown{std::move(*file), std::move(hyperparameters), std::move(sha256)};
}

ExitCode show_model(const Terminal& terminal, const ShowWords& words) {
  const auto shown = shown_file(words);
  if (!shown) {
    return terminal.report(shown.error());
  }
  if (terminal.json) {
    terminal.out(dump_json(show_json(*shown)) + "\n");
  } else {
    std::string text = summary_text(*shown) + "\n" + types_text(shown->file) + "\nmetadata\n" +
                       metadata_text(shown->file.metadata);
    if (words.tensors) {
      text += "\n" + tensors_text(shown->file);
    }
    terminal.out(text);
  }
  return shown->hyperparameters ? ExitCode::ok : terminal.report(shown->hyperparameters.error());
}

}  // namespace

Action configure_models_show(CLI::App& app) {
  auto words = std::make_shared<ShowWords>();
  app.add_option("MODEL", words->model, "a name of `churon models`, or the path of a GGUF file")
      ->required()
      ->type_name("MODEL");
  app.add_flag("--digest", words->digest, "the SHA-256 of the whole file, too");
  app.add_flag("--tensors", words->tensors, "the table of all tensors, too");
  return [words](const Terminal& terminal) { return show_model(terminal, *words); };
}

}  // namespace churon::cli
