#include "model/shapes.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/csv.h"
#include "base/text.h"
#include "model/findings.h"
#include "model/shape_check.h"
#include "model/shape_names.h"

namespace churon::model {

namespace {

constexpr std::size_t kFieldsMax = 200'000;  // of a table: thousands of models

// The columns of data/models.csv. docs/models.md says what each means.
struct Column {
  std::string_view name;
  bool required = false;
};
constexpr std::array kColumns{
    Column{"name", true},
    Column{"hf_id"},
    Column{"aliases"},
    Column{"released"},
    Column{"n_layers", true},
    Column{"d_model", true},
    Column{"attn", true},
    Column{"n_heads", true},
    Column{"n_kv_heads", true},
    Column{"head_dim", true},
    Column{"d_ff_dense", true},
    Column{"mlp", true},
    Column{"n_moe_layers"},
    Column{"n_experts"},
    Column{"experts_per_tok"},
    Column{"n_shared_experts"},
    Column{"d_ff_expert"},
    Column{"d_ff_shared"},
    Column{"vocab", true},
    Column{"max_context", true},
    Column{"pos", true},
    Column{"rope_theta"},
    Column{"norm", true},
    Column{"extra_norms"},
    Column{"sliding_window"},
    Column{"n_sliding_layers"},
    Column{"n_global_layers"},
    Column{"mla_q_lora"},
    Column{"mla_kv_lora"},
    Column{"mla_qk_nope"},
    Column{"mla_qk_rope"},
    Column{"mla_v_head"},
    Column{"tied_embeddings", true},
    Column{"qkv_bias"},
    Column{"params_total_B"},
    Column{"params_active_B"},
    Column{"params_published_total"},
    Column{"params_published_active"},
    Column{"kv_bytes_per_token_16bit"},
    Column{"native_weights"},
    Column{"license"},
    Column{"source"},
    Column{"notes"},
    Column{"rotary_dims"},
    Column{"attention_softcap"},
    Column{"logit_softcap"},
    Column{"expert_groups"},
    Column{"expert_groups_kept"},
    Column{"index_heads"},
    Column{"index_dim"},
    Column{"index_topk"},
    Column{"features"},
};

struct Feature {
  std::string_view name;
  bool Hyperparameters::* member;
};
struct ExpertFeature {
  std::string_view name;
  bool Experts::* member;
};
constexpr std::array kFeatures{
    Feature{"sinks", &Hyperparameters::has_sinks},
    Feature{"chunked_window", &Hyperparameters::window_is_chunk},
    Feature{"output_bias", &Hyperparameters::has_attention_output_bias},
    Feature{"mlp_bias", &Hyperparameters::has_feed_forward_bias},
};
constexpr std::array kExpertFeatures{
    ExpertFeature{"expert_bias", &Experts::has_bias},
    ExpertFeature{"router_bias", &Experts::has_router_bias},
    ExpertFeature{"shared_gate", &Experts::has_shared_gate},
};
constexpr std::string_view kNoGlobalRope = "no_global_rope";
constexpr std::string_view kScaledEmbedding = "scaled_embedding";  // by sqrt(d_model)

template <typename Word>
using Choice = std::pair<std::string_view, Word>;

// Reads the fields of one row; what is wrong is noted with its place.
class RowReader {
 public:
  RowReader(const CsvTable& table, const CsvRow& row, Findings& findings)
      : table_(table), row_(row), findings_(findings) {}

  std::string text(std::string_view column) const {
    const int index = table_.column(column);
    return index < 0 ? "" : std::string(trim(row_.fields[static_cast<std::size_t>(index)].text));
  }

  // An empty field is the fallback; without one it is an error.
  std::int64_t integer(std::string_view column, std::int64_t low, std::int64_t high,
                       std::optional<std::int64_t> fallback = std::nullopt) {
    const std::string field = text(column);
    if (field.empty() && fallback) {
      return *fallback;
    }
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
    if (error != std::errc() || end != field.data() + field.size() || value < low || value > high) {
      problem(column, fmt::format("`{}` is a whole number from {} to {}", column, low, high));
      return std::max<std::int64_t>(low, fallback.value_or(low));
    }
    return value;
  }

  double number(std::string_view column) {
    const std::string field = text(column);
    const auto value = field.empty() ? std::optional(0.0) : positive(field);
    if (!value) {
      problem(column, fmt::format("`{}` is a positive number or empty", column));
    }
    return value.value_or(0);
  }

  bool flag(std::string_view column) { return integer(column, 0, 1, 0) == 1; }

  template <typename Word, std::size_t kCount>
  Word choice(std::string_view column, const std::array<Choice<Word>, kCount>& choices) {
    const std::string field = text(column);
    std::vector<std::string> names;
    for (const auto& [name, word] : choices) {
      if (name == field) {
        return word;
      }
      names.emplace_back(name);
    }
    problem(column, fmt::format("`{}` is one of {}", column, join(names, ", ")));
    return choices.front().second;
  }

  static std::optional<double> positive(std::string_view field) {
    const auto value = parse_number(field);
    return value && *value > 0 ? value : std::nullopt;
  }

  void problem(std::string_view column, std::string message, std::string code = "M0601") {
    findings_.add({.code = std::move(code),
                   .message = std::move(message),
                   .span = table_.place(row_, table_.column(column))});
  }

 private:
  const CsvTable& table_;
  const CsvRow& row_;
  Findings& findings_;
};

// Which of `layers` layers are marked, where only their number is known: the last of every period
// where that gives the number (Gemma 3: every sixth is global; gpt-oss: every second), else evenly.
std::vector<bool> spread(std::int64_t layers, std::int64_t marked) {
  std::vector<bool> result(static_cast<std::size_t>(layers), false);
  if (marked == 0) {
    return result;
  }
  const std::int64_t period = layers / marked;
  for (std::int64_t layer = 0; layer < layers; ++layer) {
    result[static_cast<std::size_t>(layer)] =
        layers / period == marked ? layer % period == period - 1
                                  : (layer + 1) * marked / layers != layer * marked / layers;
  }
  return result;
}

void read_attention(RowReader& row, Hyperparameters& h) {
  const std::string kind = row.text("attn");
  h.heads = row.integer("n_heads", 1, kShapeHeadsMax);
  if (kind == "MLA") {
    h.latent.q_lora = row.integer("mla_q_lora", 0, kShapeWidthMax, 0);
    h.latent.kv_lora = row.integer("mla_kv_lora", 1, kShapeWidthMax);
    h.latent.nope = row.integer("mla_qk_nope", 1, kShapeHeadDimMax);
    h.latent.rope = row.integer("mla_qk_rope", 2, kShapeHeadDimMax);
    h.value_dim = row.integer("mla_v_head", 1, kShapeHeadDimMax);
    h.kv_heads = h.heads;
    h.key_dim = h.latent.nope + h.latent.rope;
    h.rope.dims = h.latent.rope;
    h.indexer.heads = row.integer("index_heads", 0, kShapeHeadsMax, 0);
    h.indexer.head_dim = row.integer("index_dim", 0, kShapeHeadDimMax, 0);
    h.indexer.top = row.integer("index_topk", 0, kShapeContextMax, 0);
    return;
  }
  for (const std::string_view column : {"mla_q_lora", "mla_kv_lora", "mla_qk_nope", "mla_qk_rope",
                                        "mla_v_head", "index_heads", "index_dim", "index_topk"}) {
    if (!row.text(column).empty()) {
      row.problem(column, fmt::format("`{}` is for MLA alone", column));
    }
  }
  h.kv_heads = row.integer("n_kv_heads", 1, kShapeHeadsMax);
  h.key_dim = h.value_dim = row.integer("head_dim", 1, kShapeHeadDimMax);
  h.rope.dims = row.integer("rotary_dims", 2, kShapeHeadDimMax, h.key_dim);
  if (kind != attention_kind(h)) {
    row.problem("attn", fmt::format("{} heads and {} key-value heads are {}; `attn` is MHA, GQA, "
                                    "MQA or MLA",
                                    h.heads, h.kv_heads, attention_kind(h)));
  }
}

void read_window(RowReader& row, Hyperparameters& h) {
  h.window = row.integer("sliding_window", 0, kShapeContextMax, 0);
  const std::int64_t windowed = row.integer("n_sliding_layers", 0, h.layers, 0);
  const std::int64_t global = row.integer("n_global_layers", 0, h.layers, h.layers - windowed);
  if (windowed + global != h.layers) {
    row.problem("n_global_layers", fmt::format("{} layers with and {} without a window make {}, "
                                               "not the {} of `n_layers`",
                                               windowed, global, windowed + global, h.layers));
    return;
  }
  if ((h.window == 0) != (windowed == 0)) {
    row.problem("n_sliding_layers",
                "a window and layers that have it are both stated, or neither is");
    return;
  }
  h.layer_has_window = spread(h.layers, global);
  h.layer_has_window.flip();
}

// The experts are in every layer, in all but the first, or in every second.
void read_experts(RowReader& row, Hyperparameters& h) {
  const std::int64_t layers = row.integer("n_moe_layers", 0, h.layers, 0);
  h.d_ff = row.integer("d_ff_dense", 1, kShapeWidthMax, 0);
  if (layers == 0) {
    return;
  }
  Experts& e = h.experts;
  e.count = row.integer("n_experts", 1, kShapeExpertsMax);
  e.per_token = row.integer("experts_per_tok", 1, kShapeExpertsMax);
  e.shared = row.integer("n_shared_experts", 0, kShapeExpertsMax, 0);
  e.d_ff = row.integer("d_ff_expert", 1, kShapeWidthMax);
  e.d_ff_shared = row.integer("d_ff_shared", 0, kShapeWidthMax, 0);
  e.groups = row.integer("expert_groups", 1, kShapeExpertsMax, 1);
  e.groups_kept = row.integer("expert_groups_kept", 1, kShapeExpertsMax, 1);
  const std::int64_t dense = h.layers - layers;
  for (std::int64_t layer = 0; layer < h.layers; ++layer) {
    h.layer_has_experts.push_back(dense == layers ? layer % 2 == 1 : layer >= dense);
  }
}

// "1000000", or "1000000 global / 10000 local".
void read_rope_base(RowReader& row, Hyperparameters& h) {
  const std::string field = row.text("rope_theta");
  if (field.empty()) {
    return;
  }
  constexpr std::string_view kGlobal = " global / ";
  constexpr std::string_view kLocal = " local";
  const auto at = field.find(kGlobal);
  const std::string_view first = std::string_view(field).substr(0, at);
  std::string_view second = first;
  if (at != std::string::npos && field.ends_with(kLocal)) {
    second = std::string_view(field).substr(at + kGlobal.size());
    second.remove_suffix(std::min(second.size(), kLocal.size()));
  }
  const auto base = RowReader::positive(first);
  const auto local_base = RowReader::positive(second);
  if (!base || !local_base) {
    row.problem("rope_theta",
                "`rope_theta` is a positive number, or as in `1000000 global / 10000 local`");
    return;
  }
  h.rope.base = *base;
  h.rope.local_base = *local_base;
}

void read_extra_norms(RowReader& row, Hyperparameters& h) {
  const std::string field = row.text("extra_norms");
  if (field.empty()) {
    return;
  }
  for (const std::string_view part : split(field, ';')) {
    const std::string_view norm = trim(part);
    if (norm == "per-head q/k rmsnorm") {
      h.qk_norm = QkNorm::head;
    } else if (norm == "q/k rmsnorm over the layer") {
      h.qk_norm = QkNorm::layer;
    } else if (norm == "pre+post norm each block") {
      h.has_post_norms = true;
    } else {
      row.problem(
          "extra_norms",
          "`extra_norms` holds, with ; between them: per-head q/k rmsnorm, q/k rmsnorm over "
          "the layer, pre+post norm each block");
    }
  }
}

bool set_feature(std::string_view name, Hyperparameters& h) {
  for (const Feature& feature : kFeatures) {
    if (feature.name == name) {
      h.*feature.member = true;
      return true;
    }
  }
  for (const ExpertFeature& feature : kExpertFeatures) {
    if (feature.name == name) {
      h.experts.*feature.member = true;
      return true;
    }
  }
  if (name == kNoGlobalRope) {
    h.layer_has_rope = h.layer_has_window;
    return true;
  }
  if (name == kScaledEmbedding) {
    h.embedding_scale = std::sqrt(static_cast<float>(h.d_model));
    return true;
  }
  return false;
}

void read_features(RowReader& row, Hyperparameters& h) {
  const std::string field = row.text("features");
  if (field.empty()) {
    return;
  }
  for (const std::string_view feature : split(field, ';')) {
    if (!set_feature(trim(feature), h)) {
      std::vector<std::string> names{std::string(kNoGlobalRope), std::string(kScaledEmbedding)};
      for (const Feature& known : kFeatures) {
        names.emplace_back(known.name);
      }
      for (const ExpertFeature& known : kExpertFeatures) {
        names.emplace_back(known.name);
      }
      row.problem("features",
                  fmt::format("`features` holds, with ; between them: {}", join(names, ", ")));
      return;
    }
  }
}

void read_feed_forward(RowReader& row, Hyperparameters& h) {
  struct Block {
    bool gated;
    Activation activation;
  };
  constexpr std::array<Choice<Block>, 5> kBlocks{{{"swiglu", {true, Activation::silu}},
                                                  {"geglu", {true, Activation::gelu}},
                                                  {"reglu", {true, Activation::relu}},
                                                  {"gelu", {false, Activation::gelu}},
                                                  {"relu", {false, Activation::relu}}}};
  const Block block = row.choice("mlp", kBlocks);
  h.is_gated = block.gated;
  h.activation = block.activation;
  read_experts(row, h);
}

Shape read_shape(RowReader& row) {
  constexpr std::array<Choice<NormKind>, 2> kNorms{
      {{"rmsnorm", NormKind::rms}, {"layernorm", NormKind::layer}}};
  constexpr std::array<Choice<bool>, 2> kPositions{{{"rope", false}, {"learned", true}}};
  Shape shape;
  Hyperparameters& h = shape.hyperparameters;
  h.name = row.text("name");
  if (h.name.empty() || h.name.size() > kShapeNameSizeMax) {
    row.problem("name", fmt::format("`name` has 1 to {} bytes", kShapeNameSizeMax));
  }
  h.layers = row.integer("n_layers", 1, kShapeLayersMax);
  h.d_model = row.integer("d_model", 1, kShapeWidthMax);
  h.vocab = row.integer("vocab", 1, kShapeVocabMax);
  h.context = row.integer("max_context", 1, kShapeContextMax);
  read_attention(row, h);
  read_window(row, h);
  read_feed_forward(row, h);
  h.has_learned_positions = row.choice("pos", kPositions);
  h.norm = row.choice("norm", kNorms);
  h.rms_epsilon = 1e-5;
  read_rope_base(row, h);
  read_extra_norms(row, h);
  read_features(row, h);
  h.tied = row.flag("tied_embeddings");
  h.has_qkv_bias = row.flag("qkv_bias");
  h.attention_softcap = static_cast<float>(row.number("attention_softcap"));
  h.logit_softcap = static_cast<float>(row.number("logit_softcap"));
  h.native_weights = row.text("native_weights");

  shape.hub_id = row.text("hf_id");
  if (const std::string aliases = row.text("aliases"); !aliases.empty()) {
    for (const std::string_view alias : split(aliases, ';')) {
      shape.aliases.emplace_back(trim(alias));
    }
  }
  shape.total_parameters = row.number("params_total_B") * 1e9;
  shape.active_parameters = row.number("params_active_B") * 1e9;
  shape.kv_bytes_per_token =
      row.integer("kv_bytes_per_token_16bit", 0, std::numeric_limits<std::int64_t>::max(), 0);
  shape.source = row.text("source");
  return shape;
}

void check_columns(const CsvTable& table, Findings& findings) {
  std::vector<std::string> names;
  std::vector<std::string> missing;
  for (const Column& column : kColumns) {
    names.emplace_back(column.name);
    if (column.required && table.column(column.name) < 0) {
      missing.push_back(fmt::format("`{}`", column.name));
    }
  }
  std::set<std::string> seen;
  for (std::size_t i = 0; i < table.header.fields.size(); ++i) {
    const std::string name = to_lower_ascii(trim(table.header.fields[i].text));
    const bool is_new = seen.insert(name).second;
    const bool is_known = std::any_of(names.begin(), names.end(), [&](const std::string& known) {
      return to_lower_ascii(known) == name;
    });
    if (is_new && is_known) {
      continue;
    }
    const auto near = is_new ? did_you_mean(name, names) : std::nullopt;
    Diagnostic wrong{.code = "M0602",
                     .message = is_new ? fmt::format("unknown column `{}`", name)
                                       : fmt::format("column `{}` stands twice", name),
                     .span = table.place(table.header, static_cast<int>(i))};
    wrong.span->label = near ? fmt::format("did you mean `{}`?", *near) : "";
    findings.add(std::move(wrong));
  }
  if (!missing.empty()) {
    findings.add({.code = "M0602",
                  .message = fmt::format("`{}` lacks the column{} {}", table.file,
                                         missing.size() == 1 ? "" : "s", join(missing, ", "))});
  }
}

}  // namespace

Result<Shapes> parse_shapes(std::string text, const std::string& path) {
  const CsvTable table = parse_csv(std::move(text), path, {.fields_max = kFieldsMax});
  Findings findings;
  findings.add(table.findings);
  check_columns(table, findings);
  if (!findings.empty()) {
    return tl::unexpected(findings.take());
  }
  Shapes shapes;
  std::map<std::string, std::string> owners;  // of every comparable name
  std::set<std::string> rows;                 // by name
  for (const CsvRow& line : table.rows) {
    Findings of_row;
    RowReader row(table, line, of_row);
    Shape shape = read_shape(row);
    if (of_row.empty()) {
      complete_shape(shape.hyperparameters);
      for (std::string& problem : shape_problems(shape.hyperparameters)) {
        row.problem("name", std::move(problem), "M0609");
      }
    }
    for (const std::string& name : names_of(shape)) {
      const auto [owner, is_new] =
          owners.emplace(comparable_name(name, NameForm::whole), shape.hyperparameters.name);
      if (!is_new && owner->second != shape.hyperparameters.name) {
        row.problem("name", fmt::format("`{}` is a name of `{}` already", name, owner->second),
                    "M0603");
      }
    }
    if (!rows.insert(shape.hyperparameters.name).second) {
      row.problem("name", fmt::format("`{}` stands twice", shape.hyperparameters.name), "M0603");
    }
    shape.catalogue = path;
    findings.add(of_row.take());
    shapes.rows.push_back(std::move(shape));
  }
  if (!findings.empty()) {
    return tl::unexpected(findings.take());
  }
  return shapes;
}

}  // namespace churon::model
