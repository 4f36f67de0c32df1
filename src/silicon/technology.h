// The processes that dies are made in: data/technology.csv, read strictly, and what follows from
// its rows for a node: density of logic, area of the bit cell, energy of the same action relative
// to N7. docs/silicon.md gives the formulas and says which rows they rest on.
//
// Errors: A0101 a column is missing, A0102 no number, A0103 a row is there twice, A0104 a range
// whose low is above its high or a value that is not positive, A0105 a row that is needed is
// missing, A0106 no node of that name, A0108 a row that is needed is in another unit; those of the
// CSV form.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/csv.h"
#include "base/result.h"
#include "silicon/band.h"

namespace churon::silicon {

struct TechnologyRow {
  std::string quantity, unit, node;
  double low = 0, high = 0;  // the same where the table gives one number
  std::string source, note;
  int line = 0;
  SourceSpan unit_place;

  [[nodiscard]] double middle() const { return (low + high) / 2; }
};

struct TechnologyTable {
  std::string file;
  std::vector<TechnologyRow> rows;

  [[nodiscard]] const TechnologyRow* find(std::string_view quantity, std::string_view node) const;
};

// Values are one number or a range, "0.30-0.37". Of several numbers ("1.7 / 2.5 / 5") the first
// counts.
Result<TechnologyTable> parse_technology(std::string text, const std::string& file);
// The shipped table.
Result<TechnologyTable> read_technology();

struct Node {
  std::string id;                // "n5", as --node takes it
  std::string name;              // "TSMC N5"
  Band logic_density;            // transistors per square metre, as the densest library has them
  std::optional<Band> bit_cell;  // square metres
  // Of the same action at the same speed, N7 being 1.
  std::optional<Band> logic_energy, sram_energy;
  std::vector<std::string> rests_on;  // "logic density (peak, H210 library), TSMC N5: 137.6"
};
// Every node whose rows are there, from the oldest to the newest.
Result<std::vector<Node>> nodes(const TechnologyTable& table);

// "n5", "N5", "tsmc-n5", "tsmc-n5-public" are one node.
Result<Node> find_node(const std::vector<Node>& nodes, std::string_view word);

// From one node to another: factors on areas and energies.
struct Move {
  std::string from, to;  // ids; empty: nothing moves
  Band logic_area{1, 1, 1}, sram_area{1, 1, 1};
  Band logic_energy{1, 1, 1}, sram_energy{1, 1, 1};
  // Of wires over the same blocks: as long as the blocks are wide.
  Band wire_energy{1, 1, 1};
  bool has_energy = true;

  [[nodiscard]] bool moves() const { return from != to; }
};
// Errors: A0107, a bit cell is not known.
Result<Move> move(const Node& from, const Node& to);

}  // namespace churon::silicon
