#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/text.h"
#include "plan/mps.h"
#include "plan/mps_fields.h"

namespace churon::plan {

namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
// Solvers take numbers of this size for infinite.
constexpr double kInfinite = 1e20;

enum class Section { none, sense, objective_name, rows, columns, rhs, ranges, bounds };

enum class BoundType { up, lo, fx, fr, mi, pl, bv, li, ui };
struct BoundEntry {
  std::string_view word;
  BoundType type;
  bool has_value;
};
constexpr std::array kBounds{
    BoundEntry{"up", BoundType::up, true},  BoundEntry{"lo", BoundType::lo, true},
    BoundEntry{"fx", BoundType::fx, true},  BoundEntry{"fr", BoundType::fr, false},
    BoundEntry{"mi", BoundType::mi, false}, BoundEntry{"pl", BoundType::pl, false},
    BoundEntry{"bv", BoundType::bv, false}, BoundEntry{"li", BoundType::li, true},
    BoundEntry{"ui", BoundType::ui, true},
};

class Reader {
 public:
  Reader(std::string_view text, const std::string& file, MpsFormat format)
      : file_(file), format_(format), lines_(mps_lines(text, format)) {}

  Result<Program> run() {
    bool ended = false;
    for (const MpsLine& line : lines_) {
      line_ = &line;
      if (ended) {
        break;
      }
      if (is_head(line) ? !head(ended) : !data()) {
        return tl::unexpected(std::move(findings_));
      }
    }
    if (!finish(ended)) {
      return tl::unexpected(std::move(findings_));
    }
    return program();
  }

 private:
  struct RowData {
    std::string name;
    char type = 'n';
    double rhs = 0;
    std::optional<double> range;
    bool has_rhs = false;
    std::vector<Term> terms;
  };
  struct ColumnData {
    Variable variable;
    bool has_bound = false, has_lower = false, has_upper = false, between_markers = false;
  };

  bool wrong(std::string code, std::string message, const MpsField& field, std::string label = {},
             std::vector<std::string> help = {}) {
    findings_.push_back({.code = std::move(code),
                         .message = std::move(message),
                         .span = SourceSpan{.file = file_,
                                            .line = line_->number,
                                            .column = field.column,
                                            .length = static_cast<int>(field.text.size()),
                                            .text = std::string(line_->text.substr(0, 200)),
                                            .label = std::move(label)},
                         .help = std::move(help)});
    return false;
  }
  bool wrong_form(std::string message) {
    return wrong("S0102", std::move(message), line_->fields.back());
  }

  // A word of MPS at the margin that nothing but its own words follows.
  static bool is_head(const MpsLine& line) {
    if (!line.starts_at_margin) {
      return false;
    }
    const std::string word = to_lower_ascii(line.fields[0].text);
    const bool alone = line.fields.size() == 1;
    if (word == "name" || word == "objsense" || word == "objname") {
      return true;
    }
    for (const std::string_view known : {"rows", "columns", "rhs", "ranges", "bounds", "endata"}) {
      if (word == known) {
        return alone;
      }
    }
    // Sections of other kinds of programs, and what is no MPS at all.
    return alone || line.fields.size() == 2;
  }

  bool head(bool& ended) {
    const MpsField& field = line_->fields[0];
    const std::string word = to_lower_ascii(field.text);
    if (word == "name") {
      name_ = line_->fields.size() > 1 ? std::string(line_->fields[1].text) : "";
      return true;
    }
    if (word == "objsense") {
      section_ = Section::sense;
      return line_->fields.size() == 1 || sense(line_->fields[1]);
    }
    if (word == "objname") {
      section_ = Section::objective_name;
      objective_ = line_->fields.size() > 1 ? std::string(line_->fields[1].text) : objective_;
      return true;
    }
    if (section_ == Section::sense && (word.starts_with("max") || word.starts_with("min"))) {
      return sense(field);
    }
    if (word == "endata") {
      ended = true;
      return true;
    }
    using Entry = std::pair<std::string_view, Section>;
    constexpr std::array kSections{Entry{"rows", Section::rows}, Entry{"columns", Section::columns},
                                   Entry{"rhs", Section::rhs}, Entry{"ranges", Section::ranges},
                                   Entry{"bounds", Section::bounds}};
    for (const auto& [text, section] : kSections) {
      if (word == text) {
        section_ = section;
        return true;
      }
    }
    // Data may start at the margin too.
    if (format_ == MpsFormat::free && line_->fields.size() == 2 &&
        (section_ == Section::rows || section_ == Section::rhs || section_ == Section::ranges ||
         section_ == Section::bounds)) {
      return data();
    }
    return wrong("S0101", fmt::format("unknown section `{}`", escape_control(field.text)), field,
                 {},
                 {"linear and integer programs have NAME, OBJSENSE, OBJNAME, ROWS, COLUMNS, RHS, "
                  "RANGES, BOUNDS, ENDATA"});
  }

  bool data() {
    switch (section_) {
      case Section::none:
        return wrong("S0101", "this is not MPS: data before any section", line_->fields[0]);
      case Section::sense:
        return sense(line_->fields[0]);
      case Section::objective_name:
        objective_ = line_->fields[0].text;
        return true;
      case Section::rows:
        return row();
      case Section::columns:
        return column();
      case Section::rhs:
      case Section::ranges:
        return sides();
      case Section::bounds:
        return bound();
    }
    return false;
  }

  bool sense(const MpsField& field) {
    const std::string word = to_lower_ascii(field.text);
    if (!word.starts_with("max") && !word.starts_with("min")) {
      return wrong("S0102", fmt::format("`{}` is no sense", escape_control(field.text)), field,
                   "MAX or MIN");
    }
    maximise_ = word.starts_with("max");
    return true;
  }

  bool row() {
    if (line_->fields.size() != 2) {
      return wrong_form("a row has a type and a name");
    }
    const std::string type = to_lower_ascii(line_->fields[0].text);
    if (type != "n" && type != "l" && type != "g" && type != "e") {
      return wrong("S0106",
                   fmt::format("unknown type of row `{}`", escape_control(line_->fields[0].text)),
                   line_->fields[0], "N, L, G or E");
    }
    const std::string name(line_->fields[1].text);
    if (!row_of_.emplace(name, static_cast<int>(rows_.size())).second) {
      return wrong("S0105", fmt::format("a second row `{}`", escape_control(name)),
                   line_->fields[1]);
    }
    rows_.push_back({.name = name, .type = type[0], .range = {}, .terms = {}});
    return true;
  }

  std::optional<double> number(const MpsField& field) {
    std::string_view text = field.text;
    text.remove_prefix(text.starts_with('+') ? 1 : 0);
    std::string spelled(text);
    for (char& c : spelled) {  // 1.5D+3, as Fortran writes it
      c = c == 'D' || c == 'd' ? 'e' : c;
    }
    if (const std::size_t e = spelled.find_first_of("eE");
        e != std::string::npos && e + 1 < spelled.size() && spelled[e + 1] == '+') {
      spelled.erase(e + 1, 1);
    }
    const std::string lower = to_lower_ascii(text);
    if (lower == "inf" || lower == "infinity" || lower == "-inf" || lower == "-infinity") {
      return lower.front() == '-' ? -kInfinity : kInfinity;
    }
    if (const auto value = parse_number(spelled)) {
      return *value >= kInfinite ? kInfinity : *value <= -kInfinite ? -kInfinity : *value;
    }
    wrong("S0103", fmt::format("`{}` is no number", escape_control(field.text)), field);
    return std::nullopt;
  }
  std::optional<double> finite_number(const MpsField& field) {
    const auto value = number(field);
    if (value && !std::isfinite(*value)) {
      wrong("S0103", fmt::format("`{}` is not finite", escape_control(field.text)), field);
      return std::nullopt;
    }
    return value;
  }

  RowData* find_row(const MpsField& field) {
    const auto found = row_of_.find(std::string(field.text));
    if (found == row_of_.end()) {
      wrong("S0104", fmt::format("no row `{}`", escape_control(field.text)), field,
            "is not under ROWS");
      return nullptr;
    }
    return &rows_[static_cast<std::size_t>(found->second)];
  }

  bool marker() {
    const std::string_view what = line_->fields[2].text;
    const bool begins = what == "'INTORG'";
    if ((!begins && what != "'INTEND'") || begins == between_markers_) {
      return wrong("S0107", "markers of integers come in pairs: 'INTORG', then 'INTEND'",
                   line_->fields[2]);
    }
    between_markers_ = begins;
    return true;
  }

  bool column() {
    const auto& fields = line_->fields;
    if (fields.size() == 3 && fields[1].text == "'MARKER'") {
      return marker();
    }
    if (fields.size() != 3 && fields.size() != 5) {
      return wrong_form("a column has a name and one or two rows with their coefficients");
    }
    const std::string name(fields[0].text);
    if (columns_.empty() || columns_.back().variable.name != name) {
      if (!column_of_.emplace(name, static_cast<int>(columns_.size())).second) {
        return wrong("S0105", fmt::format("column `{}` stands in two places", escape_control(name)),
                     fields[0]);
      }
      columns_.push_back({.variable = {.name = name, .is_integer = between_markers_},
                          .between_markers = between_markers_});
    }
    return coefficient(fields[1], fields[2]) &&
           (fields.size() == 3 || coefficient(fields[3], fields[4]));
  }

  bool coefficient(const MpsField& row_field, const MpsField& value_field) {
    RowData* row = find_row(row_field);
    const auto value = row == nullptr ? std::nullopt : finite_number(value_field);
    if (!value) {
      return false;
    }
    // Terms come column by column.
    const VariableId column{static_cast<int>(columns_.size()) - 1};
    if (!row->terms.empty() && row->terms.back().variable == column) {
      return wrong(
          "S0105",
          fmt::format("a second coefficient of `{}` in row `{}`",
                      escape_control(columns_.back().variable.name), escape_control(row->name)),
          row_field);
    }
    row->terms.push_back({column, *value});
    return true;
  }

  // RHS and RANGES: the name of the set may be left out.
  bool sides() {
    const auto& fields = line_->fields;
    if (fields.size() < 2 || fields.size() > 5) {
      return wrong_form("a set has a name and one or two rows with their values");
    }
    for (std::size_t at = fields.size() % 2; at + 1 < fields.size(); at += 2) {
      RowData* row = find_row(fields[at]);
      // A row may have no end on one side; a range and the objective's constant have a size.
      const bool may_be_infinite = row != nullptr && row->type != 'n' && section_ == Section::rhs;
      const auto value = row == nullptr    ? std::nullopt
                         : may_be_infinite ? number(fields[at + 1])
                                           : finite_number(fields[at + 1]);
      if (!value || !side(*row, *value, fields[at])) {
        return false;
      }
    }
    return true;
  }

  bool side(RowData& row, double value, const MpsField& field) {
    const bool is_rhs = section_ == Section::rhs;
    if (is_rhs ? row.has_rhs : row.range.has_value()) {
      return wrong("S0105",
                   fmt::format("a second {} of row `{}`", is_rhs ? "right-hand side" : "range",
                               escape_control(row.name)),
                   field);
    }
    if (is_rhs) {
      row.rhs = value;
      row.has_rhs = true;
    } else {
      row.range = value;
    }
    return true;
  }

  bool bound() {
    const auto& fields = line_->fields;
    const std::string word = to_lower_ascii(fields[0].text);
    const auto entry = std::find_if(kBounds.begin(), kBounds.end(),
                                    [&](const BoundEntry& known) { return known.word == word; });
    if (entry == kBounds.end()) {
      return wrong("S0106",
                   fmt::format("unknown type of bound `{}`", escape_control(fields[0].text)),
                   fields[0], "UP, LO, FX, FR, MI, PL, BV, LI or UI");
    }
    // type [set] column [value]; a value that is not needed is passed over.
    std::size_t at = 1;
    if (fields.size() == 4 || (fields.size() == 3 && !entry->has_value &&
                               column_of_.contains(std::string(fields[2].text)))) {
      at = 2;
    }
    const std::size_t needed = at + (entry->has_value ? 2 : 1);
    if (fields.size() < needed || fields.size() > 4) {
      return wrong_form(fmt::format("a bound {} has a set, a column{}", fields[0].text,
                                    entry->has_value ? " and a value" : ""));
    }
    const auto found = column_of_.find(std::string(fields[at].text));
    if (found == column_of_.end()) {
      return wrong("S0104", fmt::format("no column `{}`", escape_control(fields[at].text)),
                   fields[at], "is not under COLUMNS");
    }
    const auto value = entry->has_value ? number(fields[at + 1]) : std::optional<double>(0);
    return value && apply(entry->type, *value, columns_[static_cast<std::size_t>(found->second)]);
  }

  static bool apply(BoundType type, double value, ColumnData& column) {
    Variable& variable = column.variable;
    const auto lower = [&](double bound) {
      variable.lower = bound;
      column.has_lower = true;
    };
    const auto upper = [&](double bound) {
      variable.upper = bound;
      column.has_upper = true;
    };
    column.has_bound = true;
    switch (type) {
      case BoundType::ui:
      case BoundType::up:
        variable.is_integer = variable.is_integer || type == BoundType::ui;
        upper(value);
        break;
      case BoundType::li:
      case BoundType::lo:
        variable.is_integer = variable.is_integer || type == BoundType::li;
        lower(value);
        break;
      case BoundType::fx:
        lower(value);
        upper(value);
        break;
      case BoundType::fr:
        lower(-kInfinity);
        upper(kInfinity);
        break;
      case BoundType::mi:
        lower(-kInfinity);
        break;
      case BoundType::pl:
        upper(kInfinity);
        break;
      case BoundType::bv:
        variable.is_integer = true;
        lower(0);
        upper(1);
        break;
    }
    return true;
  }

  bool finish(bool ended) {
    const MpsField nowhere{"", 1};
    static const MpsLine kEmpty;
    line_ = lines_.empty() ? &kEmpty : &lines_.back();
    if (lines_.empty() || !ended) {
      return wrong("S0108", "the file ends without ENDATA", nowhere, {},
                   {"an MPS file: NAME, ROWS, COLUMNS, RHS, RANGES, BOUNDS, ENDATA"});
    }
    if (between_markers_) {
      return wrong("S0107", "the last marker 'INTORG' has no 'INTEND'", nowhere);
    }
    if (columns_.empty()) {
      return wrong("S0108", "no columns: there is nothing to solve", nowhere);
    }
    if (!objective_.empty() && !row_of_.contains(objective_)) {
      return wrong("S0104", fmt::format("no row `{}` for OBJNAME", escape_control(objective_)),
                   nowhere);
    }
    return true;
  }

  Program program() {
    Program made;
    made.name = name_.empty() ? "program" : name_;
    made.maximise = maximise_;
    for (ColumnData& column : columns_) {
      Variable& variable = column.variable;
      if (column.between_markers && !column.has_bound) {
        variable.upper = 1;
      }
      if (column.has_upper && !column.has_lower && variable.upper < 0) {
        variable.lower = -kInfinity;
      }
      made.add(std::move(variable));
    }
    bool has_objective = false;
    for (const RowData& row : rows_) {
      if (row.type != 'n') {
        made.add(bounds(row), row.terms);
      } else if (!has_objective && (objective_.empty() || objective_ == row.name)) {
        has_objective = true;
        made.objective_name = row.name;
        made.offset = -row.rhs;
        for (const Term& term : row.terms) {
          made.at(term.variable).cost = term.factor;
        }
      }
    }
    return made;
  }

  static Row bounds(const RowData& row) {
    Row made{.name = row.name, .lower = row.rhs, .upper = row.rhs};
    const double range = row.range.value_or(0);
    if (row.type == 'l') {
      made.lower = row.range ? row.rhs - std::fabs(range) : -kInfinity;
    } else if (row.type == 'g') {
      made.upper = row.range ? row.rhs + std::fabs(range) : kInfinity;
    } else if (range < 0) {
      made.lower = row.rhs + range;
    } else {
      made.upper = row.rhs + range;
    }
    return made;
  }

  std::string file_;
  MpsFormat format_;
  std::vector<MpsLine> lines_;
  const MpsLine* line_ = nullptr;
  Diagnostics findings_;

  Section section_ = Section::none;
  std::string name_, objective_;
  bool maximise_ = false, between_markers_ = false;
  std::vector<RowData> rows_;
  std::vector<ColumnData> columns_;
  std::unordered_map<std::string, int> row_of_, column_of_;
};

}  // namespace

Result<Program> parse_mps(std::string_view text, const std::string& file) {
  if (text.starts_with(kByteOrderMark)) {
    text.remove_prefix(kByteOrderMark.size());
  }
  auto free = Reader(text, file, MpsFormat::free).run();
  if (free) {
    return free;
  }
  auto fixed = Reader(text, file, MpsFormat::fixed).run();
  return fixed ? std::move(fixed) : std::move(free);
}

}  // namespace churon::plan
