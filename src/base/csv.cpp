#include "base/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/file.h"
#include "base/text.h"

namespace churon {

namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
// A longer line is not shown below a finding: the message names the column.
constexpr std::size_t kShownMax = 160;
// Reading ends at so many findings: this is no table.
constexpr std::size_t kFindingsMax = 1000;

bool is_line_end(char c) { return c == '\n' || c == '\r'; }

class Reader {
 public:
  Reader(CsvTable& table, const CsvLimits& limits) : table_(table), limits_(limits) {
    at_ = table.text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  }

  void read() {
    while (at_ < text().size() && !full_) {
      CsvRow row{.line = line_};
      const bool good = read_row(row);
      const bool blank = row.fields.size() == 1 && row.fields.front().raw_size == 0;
      if (blank || full_) {
        continue;
      }
      if (table_.header.fields.empty()) {
        table_.header = std::move(row);
      } else if (good && has_header_width(row)) {
        table_.rows.push_back(std::move(row));
      }
    }
  }

 private:
  [[nodiscard]] const std::string& text() const { return table_.text; }

  void find(std::string code, std::string message, const CsvRow& row, int column,
            std::string help = {}) {
    table_.findings.push_back({.code = std::move(code),
                               .message = std::move(message),
                               .span = table_.place(row, column)});
    if (!help.empty()) {
      table_.findings.back().help.push_back(std::move(help));
    }
    if (!full_ && table_.findings.size() >= kFindingsMax) {
      table_.findings.back().notes.push_back(
          fmt::format("{} lines are wrong in their form: the rest is not read", kFindingsMax));
      full_ = true;
    }
  }

  bool has_header_width(const CsvRow& row) {
    const std::size_t wanted = table_.header.fields.size();
    if (row.fields.size() == wanted) {
      return true;
    }
    const bool more = row.fields.size() > wanted;
    find("B0007", fmt::format("this row has {} fields, the header {}", row.fields.size(), wanted),
         row, static_cast<int>(std::min(wanted, row.fields.size())),
         more ? "a field that holds a comma stands in double quotes" : "");
    return false;
  }

  void end_line() {
    at_ += text()[at_] == '\r' && at_ + 1 < text().size() && text()[at_ + 1] == '\n' ? 2 : 1;
    ++line_;
  }

  // Up to and with the line end. False: something was wrong and has been said.
  bool read_row(CsvRow& row) {
    bool good = true;
    while (true) {
      CsvField field{.offset = static_cast<std::uint32_t>(at_)};
      const bool fits = row.fields.size() < limits_.columns_max;
      const auto problem =
          at_ < text().size() && text()[at_] == '"' ? read_quoted(field) : read_plain(field);
      field.raw_size = static_cast<std::uint32_t>(at_ - field.offset);
      if (fits) {
        row.fields.push_back(std::move(field));
      }
      const int column = static_cast<int>(row.fields.size()) - 1;
      if (problem && good) {
        find(problem->code, problem->message, row, column, problem->help);
        good = false;
      }
      if (!fits && good) {
        find("B0008", fmt::format("this row has more than {} fields", limits_.columns_max), row,
             column, "give the table in parts, or leave columns out");
        good = false;
      }
      if (++fields_ > limits_.fields_max) {
        find("B0008",
             fmt::format("the table has more than {} fields: the rest is not read",
                         limits_.fields_max),
             row, column, "give the table in parts");
        full_ = true;
        return false;
      }
      if (at_ >= text().size()) {
        return good;
      }
      if (is_line_end(text()[at_])) {
        end_line();
        return good;
      }
      ++at_;  // the comma
    }
  }

  struct Problem {
    std::string code, message, help;
  };

  std::optional<Problem> size_problem(std::size_t size) const {
    if (size <= limits_.field_size_max) {
      return std::nullopt;
    }
    return Problem{
        "B0008",
        fmt::format("this field has {} bytes; at most {} are read", size, limits_.field_size_max),
        "shorten it; a comma or a line end may be missing"};
  }

  std::optional<Problem> read_plain(CsvField& field) {
    const std::size_t end = std::min(text().find_first_of(",\r\n", at_), text().size());
    const std::size_t size = end - at_;
    const auto problem = size_problem(size);
    if (!problem) {
      field.text = text().substr(at_, size);
    }
    at_ = end;
    return problem;
  }

  std::optional<Problem> read_quoted(CsvField& field) {
    const int first_line = line_;
    const std::size_t begin = at_;
    ++at_;
    while (true) {
      const std::size_t quote = text().find('"', at_);
      const std::size_t end = std::min(quote, text().size());
      if (quote == std::string::npos || field.text.size() + (end - at_) > limits_.field_size_max) {
        return give_up(field, begin, first_line,
                       {"B0005", "this quote is not closed", "inside quotes a quote is doubled"});
      }
      for (std::size_t i = at_; i < end; ++i) {
        const bool pair = text()[i] == '\r' && i + 1 < end && text()[i + 1] == '\n';
        line_ += is_line_end(text()[i]) && !pair ? 1 : 0;
      }
      field.text.append(text(), at_, end - at_);
      at_ = quote + 1;
      if (at_ >= text().size() || text()[at_] != '"') {
        break;
      }
      field.text += '"';
      ++at_;
    }
    const std::size_t rest = std::min(text().find_first_of(",\r\n", at_), text().size());
    if (rest != at_) {
      return give_up(field, begin, first_line,
                     {"B0006", "text stands behind the closing quote of this field",
                      "inside quotes a quote is doubled"});
    }
    return std::nullopt;
  }

  // Only the line of the wrong quote is lost, not what follows it.
  Problem give_up(CsvField& field, std::size_t begin, int first_line, Problem problem) {
    line_ = first_line;
    field.text.clear();
    at_ = std::min(text().find_first_of("\r\n", begin), text().size());
    return problem;
  }

  CsvTable& table_;
  const CsvLimits& limits_;
  std::size_t at_ = 0, fields_ = 0;
  int line_ = 1;
  bool full_ = false;
};

}  // namespace

int CsvTable::column(std::string_view name) const {
  const std::string wanted = to_lower_ascii(name);
  for (std::size_t i = 0; i < header.fields.size(); ++i) {
    if (to_lower_ascii(trim(header.fields[i].text)) == wanted) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

SourceSpan CsvTable::place(const CsvRow& row, int column) const {
  SourceSpan span;
  span.file = file;
  span.line = row.line;
  if (row.fields.empty()) {
    return span;
  }
  const bool inside = column >= 0 && column < static_cast<int>(row.fields.size());
  const CsvField& field = inside ? row.fields[static_cast<std::size_t>(column)] : row.fields.back();
  const std::size_t offset = inside ? field.offset : field.offset + field.raw_size;
  for (std::size_t i = row.fields.front().offset; i < offset; ++i) {  // line ends inside quotes
    const bool pair = text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n';
    span.line += is_line_end(text[i]) && !pair ? 1 : 0;
  }
  std::size_t begin = offset;
  while (begin > 0 && !is_line_end(text[begin - 1])) {
    --begin;
  }
  if (begin == 0 && text.starts_with(kByteOrderMark)) {
    begin = kByteOrderMark.size();
  }
  const std::size_t end = std::min(text.find_first_of("\r\n", offset), text.size());
  span.column = static_cast<int>(offset - begin) + 1;
  const std::size_t size = inside ? std::max<std::size_t>(field.raw_size, 1) : 1;
  span.length = static_cast<int>(std::max<std::size_t>(std::min(size, end - offset), 1));
  if (end - begin <= kShownMax) {
    span.text = text.substr(begin, end - begin);
  }
  return span;
}

CsvTable parse_csv(std::string text, std::string file, const CsvLimits& limits) {
  CsvTable table{.file = std::move(file), .text = std::move(text)};
  Reader(table, limits).read();
  return table;
}

Result<CsvTable> read_csv(const std::string& path, std::uint64_t size_max) {
  auto text = read_file(path, size_max);
  if (!text) {
    return fail(text);
  }
  return parse_csv(std::move(*text), path);
}

Diagnostic wrong_unit(std::string code, std::string_view row, std::string_view expected,
                      std::string_view unit, SourceSpan place) {
  place.label = fmt::format("expected {}", expected);
  return {.code = std::move(code),
          .message = fmt::format("`{}` is in `{}`, not in {}", escape_control(std::string(row)),
                                 escape_control(std::string(unit)), expected),
          .span = std::move(place),
          .help = {fmt::format("write the row's numbers in {}, and that as its unit", expected)}};
}

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    return std::string(text);
  }
  std::string quoted = "\"";
  for (const char c : text) {
    quoted += c;
    if (c == '"') {
      quoted += c;
    }
  }
  return quoted + '"';
}

}  // namespace churon
