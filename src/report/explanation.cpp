#include "report/explanation.h"

#include <fmt/format.h>

#include <vector>

#include "base/text.h"

namespace churon::report {

namespace {

struct Lines {
  std::string_view branch, last, through, gap;
};
constexpr Lines kUnicode{"├─ ", "└─ ", "│  ", "   "};
constexpr Lines kAscii{"|- ", "`- ", "|  ", "   "};

struct Row {
  std::string name, value, text;
};

void append(std::vector<Row>& rows, const estimate::Term& term, const std::string& lead,
            const std::string& below, int depth, Charset charset) {
  const Lines& lines = charset == Charset::unicode ? kUnicode : kAscii;
  std::string words = escape_control(term.text);
  if (!term.formula.empty()) {
    words += "  = " + escape_control(term.formula);
  }
  if (!term.source.empty()) {
    words += "  [" + escape_control(term.source) + "]";
  }
  rows.push_back({lead + escape_control(term.key), term_value(term, charset), words});
  if (depth == 0) {
    return;
  }
  for (std::size_t i = 0; i < term.children.size(); ++i) {
    const bool is_last = i + 1 == term.children.size();
    append(rows, term.children[i], below + std::string(is_last ? lines.last : lines.branch),
           below + std::string(is_last ? lines.gap : lines.through), depth - 1, charset);
  }
}

}  // namespace

std::string term_value(const estimate::Term& term, Charset charset) {
  if (term.unit.empty()) {
    return term.value == 0 ? "" : number(term.value);
  }
  if (term.unit == "1") {
    return number(term.value);
  }
  return si(term.value, term.unit, charset);
}

std::string explanation_text(const estimate::Term& term, Charset charset, int depth_max) {
  std::vector<Row> rows;
  append(rows, term, "", "", depth_max, charset);
  Table table({Align::left, Align::right, Align::left});
  for (Row& row : rows) {
    table.row({std::move(row.name), std::move(row.value), std::move(row.text)});
  }
  return table.text();
}

Json explanation_json(const estimate::Term& term) {
  Json json;
  json["key"] = term.key;
  json["text"] = term.text;
  json["value"] = term.value;
  json["unit"] = term.unit;
  if (!term.formula.empty()) {
    json["formula"] = term.formula;
  }
  if (!term.source.empty()) {
    json["source"] = term.source;
  }
  if (!term.children.empty()) {
    Json children = Json::array();
    for (const estimate::Term& child : term.children) {
      children.push_back(explanation_json(child));
    }
    json["terms"] = std::move(children);
  }
  return json;
}

Json explanation_json(std::string_view key, std::string_view text) {
  Json json = json_document("explain");
  json["key"] = key;
  json["text"] = text;
  return json;
}

}  // namespace churon::report
