#include "plan/mps_fields.h"

#include <array>

#include "base/text.h"

namespace churon::plan {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v'; }

std::vector<MpsField> words(std::string_view line) {
  std::vector<MpsField> fields;
  std::size_t at = 0;
  while (at < line.size()) {
    if (is_blank(line[at])) {
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < line.size() && !is_blank(line[end])) {
      ++end;
    }
    fields.push_back({line.substr(at, end - at), static_cast<int>(at) + 1});
    at = end;
  }
  return fields;
}

// Empty fields are kept out, but for the first: whether a line has a type decides what follows.
std::vector<MpsField> columns(std::string_view line) {
  struct Range {
    std::size_t from, to;
  };
  constexpr std::array kFields{Range{1, 3},   Range{4, 12},  Range{14, 22},
                               Range{24, 36}, Range{39, 47}, Range{49, 61}};
  std::vector<MpsField> fields;
  for (const Range& range : kFields) {
    if (range.from >= line.size()) {
      break;
    }
    const std::string_view part = line.substr(range.from, range.to - range.from);
    const std::string_view text = trim(part);
    if (!text.empty()) {
      fields.push_back({text, static_cast<int>(range.from + part.find(text)) + 1});
    }
  }
  return fields;
}

}  // namespace

std::vector<MpsLine> mps_lines(std::string_view text, MpsFormat format) {
  std::vector<MpsLine> lines;
  int number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    at = end + 1;
    ++number;
    if (line.empty() || line.front() == '*' || trim(line).empty()) {
      continue;
    }
    const bool at_margin = !is_blank(line.front());
    auto fields = format == MpsFormat::fixed && !at_margin ? columns(line) : words(line);
    if (!fields.empty()) {
      lines.push_back({number, line, std::move(fields), at_margin});
    }
  }
  return lines;
}

}  // namespace churon::plan
