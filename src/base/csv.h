// Comma-separated values by RFC 4180: quoted fields may hold commas, line ends and doubled quotes.
// Besides that a byte order mark, CR LF, LF and CR as line ends, blank lines and a missing line end
// at the end of the file are taken. Every field knows where it stands, so that who reads a table
// can name the line and the column of what is wrong in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace churon {

struct CsvField {
  std::string text = {};       // without quotes
  std::uint32_t offset = 0;    // of its first byte in the file's text, the opening quote included
  std::uint32_t raw_size = 0;  // bytes as it stands in the file
};

struct CsvRow {
  std::vector<CsvField> fields = {};
  int line = 0;  // of its first byte; counts from 1
};

struct CsvLimits {
  std::size_t fields_max = 4'000'000;  // of the table
  std::size_t columns_max = 256;
  std::size_t field_size_max = 64 << 10;
};

struct CsvTable {
  std::string file;
  std::string text;
  CsvRow header = {};
  std::vector<CsvRow> rows = {};
  // What is wrong with the form: B0005 … B0008. Rows with such a finding are left out; reading ends
  // at a limit.
  Diagnostics findings = {};

  // The column of that name, in any case, spaces around it left out; -1: none.
  [[nodiscard]] int column(std::string_view name) const;
  // The place of a field; a field that the row does not have is placed at the row's end.
  [[nodiscard]] SourceSpan place(const CsvRow& row, int column) const;
};

// Any text gives a table; an empty one has no header.
CsvTable parse_csv(std::string text, std::string file, const CsvLimits& limits = {});
// Errors: the file cannot be read (B0001), is longer than `size_max` (B0004).
Result<CsvTable> read_csv(const std::string& path,
                          std::uint64_t size_max = std::uint64_t{64} << 20);

// The finding of a row that is in another unit than its use expects: `place` is that of its unit.
Diagnostic wrong_unit(std::string code, std::string_view row, std::string_view expected,
                      std::string_view unit, SourceSpan place);

// A field as it is written: quoted where it holds a comma, a quote or a line end.
std::string csv_field(std::string_view text);

}  // namespace churon
