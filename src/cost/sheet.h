// A CSV table read strictly: columns by name, numbers within bounds; everything wrong is found,
// each with file, line and column. Codes: K0101 a column is missing, K0102 a key or a column is
// there twice, K0103 no number, K0104 out of bounds, K0105 empty, and those of the CSV form.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/csv.h"
#include "base/result.h"

namespace churon::cost {

struct Bounds {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_included = true;
};

class Sheet {
 public:
  // Errors of the file and its form. A table without rows is fine.
  static Result<Sheet> open(const std::string& path);
  static Sheet of(std::string text, std::string file);

  // The column of that name, -1 where there is none; one that is there twice is a finding.
  int column(std::string_view name);
  // The same; a missing one is a finding.
  int need(std::string_view column);

  [[nodiscard]] const CsvTable& table() const { return table_; }
  [[nodiscard]] std::string_view text(const CsvRow& row, int column) const;  // trimmed
  // A finding where the field is empty.
  std::optional<std::string> word(const CsvRow& row, int column);
  std::optional<double> number(const CsvRow& row, int column, Bounds bounds = {});
  std::optional<std::int64_t> count(const CsvRow& row, int column, std::int64_t low,
                                    std::int64_t high);
  // Findings where a key stands in more than one row.
  void unique(int column);

  void find(const CsvRow& row, int column, std::string code, std::string message, std::string label,
            std::vector<std::string> help = {});
  [[nodiscard]] bool good() const { return findings_.empty(); }
  [[nodiscard]] const Diagnostics& findings() const { return findings_; }

 private:
  CsvTable table_;
  Diagnostics findings_;
};

}  // namespace churon::cost
