// Lines of an MPS text as fields that know where they stand.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace churon::plan {

struct MpsField {
  std::string_view text;
  int column = 0;  // from 1
};

struct MpsLine {
  int number = 0;  // from 1
  std::string_view text;
  std::vector<MpsField> fields;
  bool starts_at_margin = false;
};

// The lines that hold something: comments (`*` in front) and blank ones are left out. Free format
// cuts at spaces and tabs; fixed format at columns 2, 5, 15, 25, 40 and 50, where lines that start
// at the margin, the heads of sections, are cut at spaces.
enum class MpsFormat { free, fixed };
std::vector<MpsLine> mps_lines(std::string_view text, MpsFormat format);

}  // namespace churon::plan
