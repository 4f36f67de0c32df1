#include "evaluate/measured.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "chip/names.h"
#include "evaluate/measured_words.h"
#include "model/shapes.h"

namespace churon::evaluate {

using estimate::Framework;
using estimate::Precision;

namespace {

// --- the columns --------------------------------------------------------------------------------

enum Column {
  kGrade,
  kChip,
  kChipsCount,
  kParallelism,
  kFramework,
  kModel,
  kWeightDtype,
  kKvDtype,
  kInputLen,
  kOutputLen,
  kBatch,
  kMetric,
  kValue,
  kUnit,
  kNote,
  kColumns
};
constexpr std::array<std::string_view, kColumns> kColumnNames{
    "grade", "chip",         "chips_count", "parallelism", "framework",
    "model", "weight_dtype", "kv_dtype",    "input_len",   "output_len",
    "batch", "metric",       "value",       "unit",        "note"};
// Without these nothing can be compared.
constexpr std::array kNeeded{kChip, kModel, kMetric, kValue, kUnit};

Load load(const MeasuredRow& row, std::string_view note) {
  if (note.starts_with("offline") || row.is_batch_max) {
    return Load::offline;
  }
  const bool is_static =
      row.metric == Metric::batch_latency || row.profile == Framework::static_batch ||
      note.find("static batch") != std::string_view::npos || note.starts_with("batch latency");
  return is_static ? Load::static_batch : Load::continuous;
}

void note_assumption(MeasuredRow& row, std::string_view text) {
  row.assumptions += row.assumptions.empty() ? "" : "; ";
  row.assumptions += text;
}

}  // namespace

// --- reading ------------------------------------------------------------------------------------

struct MeasuredReader::State {
  // A finding that may come again.
  struct Said {
    std::size_t index = 0;  // of the last one that is shown
    std::string_view what;
    std::vector<int> lines = {};  // of the others
  };
  template <typename T>
  struct Found {
    std::shared_ptr<const T> value;
    Diagnostics errors;
  };

  Measured result;
  std::map<std::string, Said> said;
  std::map<std::string, int> shown;  // findings of one code and file
  std::vector<chip::Listed> listed;  // read for the first chip
  std::vector<chip::Names> listed_names;
  std::unordered_map<std::string, Found<chip::Chip>> loaded;  // by id
  std::unordered_map<std::string, Found<chip::Chip>> chips;   // by the name of a row
  std::unordered_map<std::string, Found<model::Hyperparameters>> models;
  std::optional<Result<model::Shapes>> shapes;  // read for the first model

  const CsvTable* table = nullptr;
  std::array<int, kColumns> columns{};

  Found<chip::Chip> find_chip(const std::string& name);
  [[nodiscard]] std::string_view field(const CsvRow& row, Column column) const {
    const int at = columns[column];
    return at < 0 ? std::string_view() : trim(row.fields[static_cast<std::size_t>(at)].text);
  }

  // `key`: what makes two findings one; without, each is its own. Of one code and file no more than
  // kAlikeMax are shown.
  void find(const CsvRow& row, Column column, Diagnostic diagnostic,
            const std::optional<std::string>& key = std::nullopt);
  bool read_header();
  void name_repeated_columns(const std::vector<std::string>& names);
  void read_row(const CsvRow& row);
  bool read_number(const CsvRow& row, MeasuredRow& out);
  void read_chip(const CsvRow& row, MeasuredRow& out);
  void read_model(const CsvRow& row, MeasuredRow& out);
  void read_formats(const CsvRow& row, MeasuredRow& out);
  void read_parallelism(const CsvRow& row, MeasuredRow& out);
  void read_sizes(const CsvRow& row, MeasuredRow& out);
  void read_lengths(const CsvRow& row, MeasuredRow& out);
  std::optional<double> read_count(const CsvRow& row, Column column, MeasuredRow& out);
  void finish_findings();
};

namespace {

constexpr int kAlikeMax = 50;         // findings of one code and file that are each their own
constexpr std::size_t kLinesMax = 8;  // lines named in "also in"

void set_obstacle(MeasuredRow& row, std::string text) {
  if (row.obstacle.empty()) {
    row.obstacle = std::move(text);
  }
}

}  // namespace

void MeasuredReader::State::find(const CsvRow& row, Column column, Diagnostic diagnostic,
                                 const std::optional<std::string>& key) {
  diagnostic.span = table->place(row, columns[column] < 0 ? 0 : columns[column]);
  const std::string group = diagnostic.code + '\n' + table->file;
  const auto known = key ? said.find(group + '\n' + *key) : said.end();
  if (known != said.end()) {
    known->second.lines.push_back(diagnostic.span->line);
    return;
  }
  Said& alike = said[group];
  int& count = shown[group];
  if (count == kAlikeMax) {
    alike.lines.push_back(diagnostic.span->line);
    return;
  }
  ++count;
  alike = {.index = result.findings.size(), .what = "more of this kind in line"};
  if (key) {
    said[group + '\n' + *key] = {.index = alike.index, .what = "also in line"};
  }
  result.findings.push_back(std::move(diagnostic));
}

void MeasuredReader::State::finish_findings() {
  for (const auto& [key, entry] : said) {
    if (entry.lines.empty()) {
      continue;
    }
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < entry.lines.size() && i < kLinesMax; ++i) {
      lines.push_back(std::to_string(entry.lines[i]));
    }
    std::string note = fmt::format("{} {}", entry.what, join(lines, ", "));
    if (entry.lines.size() > kLinesMax) {
      note += fmt::format(" and {} more", entry.lines.size() - kLinesMax);
    }
    result.findings[entry.index].notes.push_back(std::move(note));
  }
  said.clear();
  shown.clear();
}

namespace {

// What a first line of one field is, where it is no table of one column.
std::string_view other_form(std::string_view header) {
  return header.find('\0') != std::string_view::npos
             ? "the file is no UTF-8 text: another encoding (UTF-16), or no text at all"
         : header.find_first_of(";\t") != std::string_view::npos
             ? "fields are separated by commas, not by semicolons or tabs"
             : "";
}

}  // namespace

void MeasuredReader::State::name_repeated_columns(const std::vector<std::string>& names) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    const bool is_known =
        std::find(kColumnNames.begin(), kColumnNames.end(), names[i]) != kColumnNames.end();
    const auto first = std::find(names.begin(), names.end(), names[i]) - names.begin();
    if (is_known && static_cast<std::size_t>(first) != i) {
      result.findings.push_back(
          {.code = "V0112",
           .message = fmt::format("column `{}` stands twice: the first is read", names[i]),
           .span = table->place(table->header, static_cast<int>(i)),
           .help = {"leave out the one that is not meant"}});
    }
  }
}

bool MeasuredReader::State::read_header() {
  std::vector<std::string> names;
  for (const CsvField& field : table->header.fields) {
    names.emplace_back(to_lower_ascii(trim(field.text)));
  }
  name_repeated_columns(names);
  std::vector<std::string> missing;
  for (int i = 0; i < kColumns; ++i) {
    columns[static_cast<std::size_t>(i)] = table->column(kColumnNames[static_cast<std::size_t>(i)]);
    if (columns[static_cast<std::size_t>(i)] < 0) {
      missing.emplace_back(kColumnNames[static_cast<std::size_t>(i)]);
    }
  }
  const bool usable = std::all_of(kNeeded.begin(), kNeeded.end(),
                                  [&](Column column) { return columns[column] >= 0; });
  if (missing.empty()) {
    return true;
  }
  Diagnostic diagnostic{
      .code = "V0101",
      .message = table->header.fields.empty()
                     ? "the file is empty"
                     : fmt::format("missing column{}: {}", missing.size() == 1 ? "" : "s",
                                   join(missing, ", "))};
  SourceSpan span;
  span.file = table->file;
  if (!table->header.fields.empty()) {
    span = table->place(table->header, static_cast<int>(table->header.fields.size()));
  }
  diagnostic.span = span;
  for (const std::string& name : missing) {
    if (const auto near = did_you_mean(name, names)) {
      diagnostic.help.push_back(fmt::format("is `{}` meant to be `{}`?", *near, name));
    }
  }
  if (names.size() == 1 && !other_form(names.front()).empty()) {
    diagnostic.help.emplace_back(other_form(names.front()));
  }
  diagnostic.notes.emplace_back(
      usable ? "a missing column is read as empty; without `grade` every row counts as A"
             : "chip, model, metric, value and unit are needed: the file is not scored");
  result.findings.push_back(std::move(diagnostic));
  return usable;
}

bool MeasuredReader::State::read_number(const CsvRow& row, MeasuredRow& out) {
  const std::string_view grade = field(row, kGrade);
  const bool no_grade = columns[kGrade] < 0;
  if (!no_grade && grade != "A" && grade != "B" && grade != "C") {
    find(row, kGrade,
         {.code = "V0102",
          .message = fmt::format("`{}` is no grade", grade),
          .help = {"A (configuration stated), B (a part implied) or C (not scored)"}});
    return false;
  }
  out.grade = no_grade || grade == "A" ? Grade::a : grade == "B" ? Grade::b : Grade::c;

  const std::string_view metric = field(row, kMetric);
  const MetricRow* known = find_metric(metric);
  if (known == nullptr) {
    const auto names = metric_names();
    Diagnostic diagnostic{.code = "V0103",
                          .message = fmt::format("`{}` is no metric", metric),
                          .notes = {"there are: " + join(names, ", ")}};
    if (const auto near = did_you_mean(metric, names)) {
      diagnostic.help.push_back(fmt::format("did you mean `{}`?", *near));
    }
    find(row, kMetric, std::move(diagnostic), std::string(metric) + " ");
    return false;
  }
  out.metric = known->metric;

  const auto value = parse_number(field(row, kValue));
  if (!value || *value <= 0) {
    find(row, kValue,
         {.code = "V0104",
          .message =
              fmt::format("`{}` is no {}number", field(row, kValue), value ? "positive " : ""),
          .help = {"a plain number such as 12.5; its unit stands in the column `unit`"}});
    return false;
  }
  const std::string unit = to_lower_ascii(field(row, kUnit));
  const UnitRow* unit_row = find_unit(known->kind, unit);
  if (unit_row == nullptr) {
    find(row, kUnit,
         {.code = "V0105",
          .message = fmt::format("`{}` is no unit of {}", field(row, kUnit), known->name),
          .help = {"one of: " + join(units_of(known->kind), ", ")}},
         fmt::format("{} {}", unit, known->name));
    return false;
  }
  out.value = *value * unit_row->factor;
  out.is_byte_rate = unit_row->is_bytes;
  return true;
}

MeasuredReader::State::Found<chip::Chip> MeasuredReader::State::find_chip(const std::string& name) {
  // A path would read any file of the system; a table names chips.
  if (name.find('/') != std::string::npos || name.ends_with(".toml")) {
    return {nullptr, {{.code = "V0106", .message = "a path is no chip's name"}}};
  }
  if (listed.empty()) {
    listed = chip::listed();
    listed_names = chip::names_of(listed);
  }
  const auto found = chip::find_by_name(listed_names, name);
  if (!found) {
    return {nullptr, found.error()};
  }
  auto [entry, is_new] = loaded.try_emplace(listed[*found].id);
  if (is_new) {
    if (auto chip = chip::load(listed[*found].path)) {
      entry->second.value = std::make_shared<const chip::Chip>(std::move(*chip));
    } else {
      entry->second.errors = chip.error();
    }
  }
  return entry->second;
}

void MeasuredReader::State::read_chip(const CsvRow& row, MeasuredRow& out) {
  const std::string name(field(row, kChip));
  auto [entry, is_new] = chips.try_emplace(to_lower_ascii(name));
  if (is_new) {
    entry->second = find_chip(name);
  }
  if (entry->second.value) {
    out.chip = entry->second.value;
    out.chip_name = out.chip->name;
    return;
  }
  out.chip_name = name.empty() ? "not stated" : name;
  set_obstacle(out, fmt::format("unknown chip `{}`", name));
  Diagnostic diagnostic{.code = "V0106",
                        .message = name.empty() ? std::string("no chip is named")
                                                : fmt::format("there is no chip `{}`", name),
                        .help = {"a chip is one TOML file: chips/*.toml, or "
                                 "~/.config/churon/chips"}};
  if (!entry->second.errors.empty()) {
    const Diagnostic& error = entry->second.errors.front();
    if (error.code == "C0002") {
      diagnostic.notes = error.notes;  // the candidates
    }
    for (const std::string& help : error.help) {
      if (help.starts_with("did you mean")) {
        diagnostic.help.insert(diagnostic.help.begin(), help);
      }
    }
  }
  find(row, kChip, std::move(diagnostic), name);
}

void MeasuredReader::State::read_model(const CsvRow& row, MeasuredRow& out) {
  const std::string name(field(row, kModel));
  const std::string lower = to_lower_ascii(name);
  const OperatorRow* op = find_operator(name);
  if (op != nullptr) {
    out.op = op->op;
    out.model_name = op->op == Operator::elementwise ? lower : std::string(evaluate::name(op->op));
    return;
  }
  auto [entry, is_new] = models.try_emplace(lower);
  if (is_new) {
    if (!shapes) {
      shapes = model::load_shapes();
      if (!*shapes) {
        result.findings.insert(result.findings.end(), shapes->error().begin(),
                               shapes->error().end());
      }
    }
    if (auto shape = *shapes ? model::find_shape(**shapes, name)
                             : Result<model::Hyperparameters>(fail(*shapes))) {
      entry->second.value = std::make_shared<const model::Hyperparameters>(std::move(*shape));
    } else {
      entry->second.errors = shape.error();
    }
  }
  if (entry->second.value) {
    out.model = entry->second.value;
    out.model_name = out.model->canonical_name.empty() ? name : out.model->canonical_name;
    return;
  }
  out.model_name = name.empty() ? "not stated" : name;
  set_obstacle(out, fmt::format("unknown model or operator `{}`", name));
  Diagnostic diagnostic{.code = "V0107",
                        .message = name.empty()
                                       ? std::string("no model is named")
                                       : fmt::format("there is no model or operator `{}`", name)};
  if (!entry->second.errors.empty()) {
    diagnostic.notes = entry->second.errors.front().notes;
    diagnostic.help = entry->second.errors.front().help;
  }
  find(row, kModel, std::move(diagnostic), name);
}

namespace {

// "nvfp4/mxfp4", "bf16/fp16": the first that is known.
const Precision* precision_of(std::string_view text) {
  if (const Precision* found = estimate::precision(text)) {
    return found;
  }
  for (const std::string_view part : split(text, '/')) {
    if (const Precision* found = estimate::precision(trim(part))) {
      return found;
    }
  }
  return nullptr;
}

std::string kv_text(double bits) {
  return bits == 8 ? "fp8" : bits == 16 ? "16 bit" : fmt::format("{:g} bit", bits);
}

bool is_narrow(const Precision& precision) {
  return precision.family == estimate::FormatFamily::fp8 ||
         precision.family == estimate::FormatFamily::fp8_block ||
         precision.family == estimate::FormatFamily::fp4;
}

}  // namespace

void MeasuredReader::State::read_formats(const CsvRow& row, MeasuredRow& out) {
  const auto unknown = [&](Column column) {
    const std::string name(field(row, column));
    set_obstacle(out, fmt::format("unknown number format `{}`", name));
    std::vector<std::string> names;
    for (const Precision& entry : estimate::precisions()) {
      names.emplace_back(entry.name);
    }
    Diagnostic diagnostic{.code = "V0108",
                          .message = fmt::format("`{}` is no number format", name),
                          .notes = {"there are: " + join(names, ", ")}};
    if (const auto near = did_you_mean(name, names)) {
      diagnostic.help.push_back(fmt::format("did you mean `{}`?", *near));
    }
    find(row, column, std::move(diagnostic), name);
  };
  const bool has_cache =
      !out.op || *out.op == Operator::attention_decode || *out.op == Operator::attention_prefill;
  const bool has_weights =
      !out.op || *out.op == Operator::gemm || *out.op == Operator::experts || has_cache;
  const std::string_view weights = field(row, kWeightDtype);
  out.weights_name = weights.empty() ? "-" : std::string(weights);
  if (!weights.empty()) {
    out.weights = precision_of(weights);
    if (out.model != nullptr && out.weights == estimate::precision("fp8")) {
      out.weights = estimate::published_fp8(out.model->native_weights);
      if (out.weights->family == estimate::FormatFamily::fp8_block) {
        note_assumption(out, "weights fp8_block: how the model is published");
      }
    }
    if (out.weights != nullptr) {
      out.weights_name = out.weights->name;
    } else if (has_weights) {
      unknown(kWeightDtype);
    }
  } else if (has_weights && !out.is_reported_only) {
    out.weights = estimate::precision("bf16");
    out.weights_name = out.weights->name;
    note_assumption(out, "weights bf16: not stated");
  }
  out.kv_name = "-";
  if (!has_cache) {
    return;
  }
  const std::string_view kv = field(row, kKvDtype);
  if (!kv.empty()) {
    if (const Precision* format = precision_of(kv)) {
      out.kv_bits = format->weight_bits;
      out.kv_name = kv_text(out.kv_bits);
    } else {
      out.kv_name = kv;
      unknown(kKvDtype);
    }
    return;
  }
  const bool fp8 =
      out.profile == Framework::tensorrt_llm && out.weights != nullptr && is_narrow(*out.weights);
  out.kv_bits = fp8 ? 8 : 16;
  out.kv_name = kv_text(out.kv_bits);
  note_assumption(out, fp8 ? "KV fp8: not stated, TensorRT-LLM with fp8 or fp4 weights"
                           : "KV 16 bit: not stated");
}

namespace {

// Text in brackets is a comment.
std::string without_comments(std::string_view text) {
  std::string kept;
  int depth = 0;
  for (const char c : text) {
    depth += c == '(' || c == '[' ? 1 : 0;
    if (depth == 0) {
      kept += c;
    }
    depth -= (c == ')' || c == ']') && depth > 0 ? 1 : 0;
  }
  return std::string(trim(kept));
}

}  // namespace

void MeasuredReader::State::read_parallelism(const CsvRow& row, MeasuredRow& out) {
  const std::string_view count = field(row, kChipsCount);
  const auto stated = count.empty() ? std::optional(1.0) : parse_number(count);
  if (!stated || *stated <= 0 || *stated > 1e6) {
    set_obstacle(out, fmt::format("`{}` is no number of chips", count));
    find(row, kChipsCount,
         {.code = "V0110", .message = fmt::format("`{}` is no number of chips", count)});
    return;
  }
  out.chips = *stated;
  const std::string_view whole = field(row, kParallelism);
  const std::string text = without_comments(whole);
  out.parallelism_name = text;
  if (out.op && *out.op != Operator::experts) {
    return;  // collectives span the row's chips
  }
  if (text.empty()) {
    if (!out.op && out.chips > 1 && !out.is_reported_only) {
      out.parallelism.tp = static_cast<int>(out.chips);
      note_assumption(out, fmt::format("parallelism tp{}: not stated", out.parallelism.tp));
    }
    return;
  }
  const auto refuse = [&](std::string message) {
    set_obstacle(out, message);
    find(row, kParallelism,
         {.code = "V0109",
          .message = std::move(message),
          .help = {"tpN, ppN, epN, attn_dpN and moe_tpN with `/` between, such as "
                   "tp8/moe_tp1/ep8; text in brackets is a comment"}},
         fmt::format("{} {}", text, out.chips));
  };
  const auto parsed = estimate::parallelism(text);
  if (!parsed) {
    refuse(fmt::format("`{}` is no parallelism", text));
    return;
  }
  out.parallelism = *parsed;
  estimate::Parallelism& ways = out.parallelism;
  if (out.op) {
    return;  // of the experts alone, on one rank
  }
  if (out.chips != std::floor(out.chips)) {
    refuse(fmt::format("a model on {} chips is not modelled", out.chips));
    return;
  }
  const int have = static_cast<int>(out.chips);
  const bool names_dp = text.find("dp") != std::string::npos;
  // tp1/ep8 on 8 chips: every rank holds requests of its own.
  if (!names_dp && ways.ep > 1 && ways.tp * ways.pp < have && ways.ep > ways.tp &&
      have % (ways.tp * ways.pp) == 0) {
    ways.attention_dp = have / (ways.tp * ways.pp);
    note_assumption(out, fmt::format("attention data parallel {}: ep{} beside tp{} on {} chips",
                                     ways.attention_dp, ways.ep, ways.tp, have));
  }
  const int ranks = ways.tp * ways.pp * ways.attention_dp;
  if (ranks > have && ranks % have == 0 && ways.tp % (ranks / have) == 0 &&
      to_lower_ascii(whole).find("core") != std::string::npos) {
    const int cores = ranks / have;
    ways.tp /= cores;
    note_assumption(out, fmt::format("tp{} counts cores, {} a chip", ways.tp * cores, cores));
  } else if (ranks > have) {
    refuse(fmt::format("`{}` takes {} chips, the row has {}", text, ranks, have));
  } else if (have % ranks != 0) {
    refuse(fmt::format("`{}` takes {} chips: {} are no multiple of it", text, ranks, have));
  } else if (ranks < have) {
    const int copies = have / ranks;
    out.replicas = copies;
    note_assumption(out, fmt::format("{} copies of the model share the load", out.replicas));
  }
}

std::optional<double> MeasuredReader::State::read_count(const CsvRow& row, Column column,
                                                        MeasuredRow& out) {
  const std::string_view text = field(row, column);
  if (text.empty()) {
    return std::nullopt;
  }
  const auto value = parse_number(text);
  if (value && *value > 0 && *value < 1e12) {
    return value;
  }
  set_obstacle(out, fmt::format("{} is `{}`", kColumnNames[column], text));
  find(row, column,
       {.code = "V0110",
        .message = fmt::format("`{}` is no {}", text, kColumnNames[column]),
        .help = {column == kBatch ? "a positive number, or `max`: as much as memory holds"
                                  : "a positive number of tokens"}});
  return std::nullopt;
}

void MeasuredReader::State::read_sizes(const CsvRow& row, MeasuredRow& out) {
  if (!out.op) {
    return;
  }
  for (const Dimension& size : out.dimensions) {
    if (!is_size(size.name) || (size.value >= 1 && size.value <= kSizeMax)) {
      continue;
    }
    set_obstacle(out, fmt::format("{} is {:g}", size.name, size.value));
    find(row, kNote,
         {.code = "V0111",
          .message = fmt::format("{} is {:g}", size.name, size.value),
          .help = {fmt::format("a size of an operator is a number from 1 to {:g}", kSizeMax)}});
  }
}

void MeasuredReader::State::read_lengths(const CsvRow& row, MeasuredRow& out) {
  out.input_len = read_count(row, kInputLen, out);
  out.output_len = read_count(row, kOutputLen, out);
  out.is_batch_max = to_lower_ascii(field(row, kBatch)) == "max";
  if (!out.is_batch_max) {
    out.batch = read_count(row, kBatch, out);
  }
  if (out.op || out.input_len || out.task.empty()) {
    return;
  }
  for (const TaskAssumption& entry : task_assumptions()) {
    if (entry.task == to_lower_ascii(out.task)) {
      out.input_len = entry.input_len;
      note_assumption(out,
                      fmt::format("input_len {:g}: assumed for {}", entry.input_len, entry.task));
      if (!out.output_len && entry.output_len > 0) {
        out.output_len = entry.output_len;
        note_assumption(
            out, fmt::format("output_len {:g}: assumed for {}", entry.output_len, entry.task));
      }
    }
  }
}

void MeasuredReader::State::read_row(const CsvRow& row) {
  MeasuredRow out;
  out.file = static_cast<int>(result.files.size()) - 1;
  out.line = row.line;
  if (!read_number(row, out)) {
    return;
  }
  const std::string_view note = field(row, kNote);
  out.is_reported_only = out.metric == Metric::element_rate || note.starts_with("MLPerf");
  out.framework = field(row, kFramework);
  out.framework_name = framework_family(out.framework);
  const FrameworkRow* profile = framework_row(out.framework);
  out.profile = profile == nullptr ? Framework::generic : profile->profile;
  out.dimensions = dimensions(note);
  if (const auto exponent = routing_exponent(note)) {
    out.dimensions.push_back({"routing_exponent", *exponent});
  }
  out.task = task(note);
  read_chip(row, out);
  read_model(row, out);
  read_formats(row, out);
  read_parallelism(row, out);
  read_sizes(row, out);
  read_lengths(row, out);
  out.load = load(out, to_lower_ascii(note));
  if (out.is_reported_only) {
    set_obstacle(out, "reported only: it states no configuration to predict from");
  }
  out.group = fmt::format("{} | {} | {}", out.chip_name, out.model_name, out.framework_name);
  if (out.op) {
    out.group += fmt::format(" | {} | {}", out.weights_name, out.kv_name);
  }
  result.rows.push_back(std::move(out));
}

MeasuredReader::MeasuredReader() : state_(std::make_unique<State>()) {}
MeasuredReader::~MeasuredReader() = default;

bool MeasuredReader::read(const std::string& path) {
  auto table = read_csv(path);
  if (!table) {
    state_->result.findings.insert(state_->result.findings.end(), table.error().begin(),
                                   table.error().end());
    return false;
  }
  return read(std::move(*table));
}

bool MeasuredReader::read(CsvTable table) {
  State& state = *state_;
  state.table = &table;
  const std::size_t slash = table.file.find_last_of('/');
  MeasuredFile file{.path = table.file,
                    .name = slash == std::string::npos ? table.file : table.file.substr(slash + 1),
                    .rows = static_cast<int>(table.rows.size())};
  for (MeasuredFile& other : state.result.files) {
    if (other.name == file.name && other.path != file.path) {
      other.name = other.path;
      file.name = file.path;
    }
  }
  state.result.files.push_back(std::move(file));
  state.result.findings.insert(state.result.findings.end(), table.findings.begin(),
                               table.findings.end());
  const bool usable = state.read_header();
  if (usable) {
    for (const CsvRow& row : table.rows) {
      state.read_row(row);
    }
  }
  state.finish_findings();
  state.table = nullptr;
  return usable;
}

Measured MeasuredReader::take() { return std::exchange(state_->result, {}); }

}  // namespace churon::evaluate
