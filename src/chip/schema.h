// The key tables: every table and key that a chip description may have. Parsing, defaults, error
// messages, --set paths, the resolved text and docs/chip-reference.md are all made from them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/unit.h"
#include "chip/chip.h"

namespace churon::chip {

// A value as read: which members count depends on the form of its row.
struct Scalar {
  double number = 0;  // of a quantity, in base units; of a word, its index
  std::optional<double> low = {}, high = {};
  std::string source = {};
  Basis basis = Basis::none;
  std::string text = {};
  bool flag = false;
  std::vector<std::string> texts = {};
  std::vector<std::int64_t> counts = {};
};

enum class Form {
  quantity,  // "1.25 GHz", 64
  text,
  word,    // one of a list
  flag,    // true, false
  date,    // 2027-03-01
  texts,   // ["a", "b"]
  words,   // of a list
  counts,  // [1, 3, 2]
};

enum class Need {
  required,
  full,  // required of our own chips, optional for bought ones
  optional,
};

using Words = std::span<const std::string_view>;

// What is plausible, as texts in a unit of the key; empty: no bound.
struct Range {
  std::string_view low = {}, high = {};
};

struct Row {
  std::string_view key;
  Form form = Form::text;
  QuantityKind kind = QuantityKind::number;
  bool sourced = false;  // may be written with its provenance
  Need need = Need::required;
  std::string_view standard = {};  // the value where the key is missing, as TOML
  Range range = {};
  Words words = {};
  std::string_view doc = {};
  void (*bind)(void* table, const Scalar& value) = nullptr;

  [[nodiscard]] constexpr Row optional() const { return with(Need::optional, ""); }
  [[nodiscard]] constexpr Row full() const { return with(Need::full, ""); }
  [[nodiscard]] constexpr Row or_else(std::string_view toml) const {
    return with(Need::optional, toml);
  }

 private:
  [[nodiscard]] constexpr Row with(Need wanted, std::string_view toml) const {
    Row row = *this;
    row.need = wanted;
    row.standard = toml;
    return row;
  }
};

struct Table {
  // "core.matrix"; "memory.*" is a table for each id, "" the top of the file.
  std::string_view path;
  // The key that names an element of an array of tables ("id"); empty where sub-tables are named.
  std::string_view id_key;
  Need need = Need::optional;    // of a chip of our own
  Need bought = Need::optional;  // of a bought one
  bool long_form = false;        // every number states its provenance
  std::string_view doc;
  std::span<const Row> rows;
  // The struct that the rows bind to, made in `chip` where it is an element or optional.
  void* (*open)(Chip& chip, std::string_view id) = nullptr;

  [[nodiscard]] bool repeated() const { return path.ends_with(".*"); }
  // "memory" of "memory.*"
  [[nodiscard]] std::string_view stem() const {
    return repeated() ? path.substr(0, path.size() - 2) : path;
  }
  [[nodiscard]] const Row* find(std::string_view key) const;
};

// In the order in which a description is read and printed; parents before children.
std::span<const Table> schema();

// The words of `Basis`, in its order.
Words basis_words();

// "text", "frequency", "list of words", for messages and docs.
std::string form_name(const Row& row);

// docs/chip-reference.md.
std::string reference_page();

}  // namespace churon::chip
