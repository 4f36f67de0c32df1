// A TOML file as a tree of nodes that know where they stand. The only user of toml++ in
// this room is document.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chip/chip.h"

namespace churon::chip {

// A place in one of the texts that a chip was read from; lines and columns count from 1.
struct Place {
  int text = -1;  // index into `Texts`; -1: nowhere
  int line = 0;
  int column = 0;  // in bytes
  int length = 1;
};

// The files and --set options that a chip is read from, kept for diagnostics.
class Texts {
 public:
  // Returns the index. `name` is what diagnostics print.
  int add(std::string name, std::string_view text);
  [[nodiscard]] const std::string& name(int index) const;
  [[nodiscard]] std::string_view line(const Place& place) const;
  [[nodiscard]] SourceSpan span(const Place& place, std::string label = {}) const;

 private:
  struct Text {
    std::string name;
    std::vector<std::string> lines;
  };
  std::vector<Text> texts_;
};

enum class NodeType { text, integer, number, flag, date, time, array, table };
// With its article: "a text", "an array".
std::string_view name(NodeType type);

struct Entry;

struct Node {
  NodeType type = NodeType::table;
  std::string text;  // of texts and dates
  std::int64_t integer = 0;
  double number = 0;
  bool flag = false;
  std::vector<Node> items;     // of an array
  std::vector<Entry> entries;  // of a table, in the order of the text
  Place place;
  OriginKind origin = OriginKind::file;
  int stated = 0, since = 0;  // as those of chip::Value

  [[nodiscard]] const Entry* find(std::string_view key) const;
  [[nodiscard]] Entry* find(std::string_view key);
};

struct Entry {
  std::string key;
  Place key_place;
  Node value;
};

// The file at `index` of `texts`. What is no TOML, or nested too deep, is an error with its place.
Result<Node> parse_toml(std::string_view toml, const Texts& texts, int index);

}  // namespace churon::chip
