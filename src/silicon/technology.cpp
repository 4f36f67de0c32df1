#include "silicon/technology.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include "base/data_dir.h"
#include "base/text.h"

namespace churon::silicon {

namespace {

constexpr std::array<std::string_view, 6> kColumns{"quantity", "unit",   "node",
                                                   "value",    "source", "note"};

// Spreads that no row gives; guesses. Libraries of a node differ in track height, macros in how
// much of them are cells, and the savings of a node are quoted for its best case.
constexpr double kLibrarySpread = 0.10;
constexpr double kMacroSpread = 0.10;
constexpr double kEnergySpread = 0.15;

// Units that the formulas take the rows to be in.
constexpr std::string_view kUm2 = "um2", kTransistorsMm2 = "MTr/mm2", kMibMm2 = "Mib/mm2",
                           kPj = "pJ", kTimes = "x";

constexpr double kTransistorsOfNand2 = 4;
constexpr double kPerSquareMillimetre = 1e6;  // to per square metre
constexpr double kSquareMicrometres = 1e-12;  // to square metres
constexpr double kMega = 1e6;

struct Range {
  double low = 0, high = 0;
};
// "0.021", "250-450", "1.7 / 2.5 / 5".
std::optional<Range> range(std::string_view text) {
  const auto first = trim(text.substr(0, text.find('/')));
  const auto dash = first.find('-', 1);
  const auto low = parse_number(trim(first.substr(0, dash)));
  const auto high =
      dash == std::string_view::npos ? low : parse_number(trim(first.substr(dash + 1)));
  return low && high ? std::optional(Range{*low, *high}) : std::nullopt;
}

Band around(double central, double share) {
  return {central * (1 - share), central, central * (1 + share)};
}

// a / b of independent numbers.
Band ratio(const Band& a, const Band& b) {
  return spread({{"a", a.low, a.central, a.high}, {"b", b.low, b.central, b.high}},
                [](const std::vector<double>& v) { return v[0] / v[1]; });
}

// What is asked of the table for a node. A node is listed where its rows are there.
struct Entry {
  std::string_view id, name;
  std::string_view logic;        // quantity of its logic density, in the row of `name`
  std::string_view bit_cell;     // node of its row; empty: not known
  std::string_view same_energy;  // id of the node whose energies it has, being of its class
};
constexpr std::string_view kNand2 = "NAND2 cell area";
constexpr std::array kEntries{
    Entry{"osu180", "OSU 180nm", kNand2, "", ""},
    Entry{"ihp130", "IHP SG13G2 130nm", kNand2, "", ""},
    Entry{"nangate45", "Nangate 45nm", kNand2, "45nm class", "45nm"},
    Entry{"n16", "TSMC N16", "logic density (peak, HD library)", "TSMC N16", "n16"},
    Entry{"asap7", "ASAP7 7nm", kNand2, "TSMC N7", "n7"},
    Entry{"n7", "TSMC N7", "logic density (peak, NAND2/SFF weighted)", "TSMC N7", "n7"},
    Entry{"n5", "TSMC N5", "logic density (peak, H210 library)", "TSMC N5", "n5"},
    Entry{"n3e", "TSMC N3E", "logic density (peak, 2-1 fin)", "TSMC N3E", "n3e"},
    Entry{"n2", "TSMC N2", "", "", "n2"},
    Entry{"gt2n", "GT2N 2nm", kNand2, "", ""},
};

// Names of libraries and PDKs that mean one of them.
struct Alias {
  std::string_view word, id;
};
constexpr std::array kAliases{
    Alias{"osu018", "osu180"}, Alias{"sg13g2", "ihp130"}, Alias{"ihp-sg13g2", "ihp130"},
    Alias{"16nm", "n16"},      Alias{"7nm", "n7"},        Alias{"5nm", "n5"},
    Alias{"3nm", "n3e"},       Alias{"n3", "n3e"},        Alias{"2nm", "n2"},
    Alias{"45nm", "nangate45"}};

class Derivation {
 public:
  explicit Derivation(const TechnologyTable& table) : table_(table) {}

  std::optional<Range> take(std::string_view quantity, std::string_view node,
                            std::string_view unit) {
    const TechnologyRow* row = table_.find(quantity, node);
    if (row == nullptr) {
      return std::nullopt;
    }
    if (row->unit != unit) {
      findings_.try_emplace(row->line, wrong_unit("A0108", fmt::format("{}, {}", quantity, node),
                                                  unit, row->unit, row->unit_place));
      return std::nullopt;
    }
    rests_on_.push_back(fmt::format(
        "{}, {}: {:g}{} {} (line {})", row->quantity, row->node, row->low,
        row->high > row->low ? fmt::format("-{:g}", row->high) : "", row->unit, row->line));
    return Range{row->low, row->high};
  }
  std::optional<double> middle(std::string_view quantity, std::string_view node,
                               std::string_view unit) {
    const auto found = take(quantity, node, unit);
    return found ? std::optional((found->low + found->high) / 2) : std::nullopt;
  }

  std::vector<std::string> take_rests_on() { return std::exchange(rests_on_, {}); }
  // Rows in another unit than their use expects.
  [[nodiscard]] Diagnostics findings() const {
    Diagnostics all;
    for (const auto& [line, finding] : findings_) {
      all.push_back(finding);
    }
    return all;
  }

  // Transistors per square metre.
  std::optional<Band> logic_density(const Entry& entry) {
    constexpr double kUnit = kMega * kPerSquareMillimetre;
    if (entry.id == "n2") {
      return density_of_n2();
    }
    const auto row =
        middle(entry.logic, entry.name, entry.logic == kNand2 ? kUm2 : kTransistorsMm2);
    if (!row) {
      return std::nullopt;
    }
    if (entry.logic == kNand2) {
      return around(kTransistorsOfNand2 / (*row * kSquareMicrometres), kLibrarySpread);
    }
    // What the foundry claims of the step is the other witness.
    double low = *row;
    double high = *row;
    const auto claim = [&](std::string_view step, std::string_view of, std::string_view before_row,
                           std::string_view before) {
      const auto factor = middle(step, of, kTimes);
      const auto base = middle(before_row, before, kTransistorsMm2);
      if (factor && base) {
        low = std::min(low, *factor * *base);
        high = std::max(high, *factor * *base);
      }
    };
    if (entry.id == "n5") {
      claim("logic density ratio N7 -> N5", "TSMC N5 vs N7",
            "logic density (peak, NAND2/SFF weighted)", "TSMC N7");
    } else if (entry.id == "n3e") {
      claim("logic density ratio N5 -> N3E", "TSMC N3E vs N5", "logic density (peak, H210 library)",
            "TSMC N5");
    }
    const double down = std::hypot(*row - low, *row * kLibrarySpread);
    const double up = std::hypot(high - *row, *row * kLibrarySpread);
    return Band{(*row - down) * kUnit, *row * kUnit, (*row + up) * kUnit};
  }

  std::optional<Band> bit_cell(const Entry& entry) {
    if (entry.id == "n2") {
      // No cell is published, but what a macro holds: at the array efficiency of N3E.
      const auto cell = middle("SRAM HD bitcell area", "TSMC N3E", kUm2);
      const auto macro = middle("SRAM macro density estimate", "TSMC N3E and N5", kMibMm2);
      const auto macro_n2 = middle("SRAM macro density", "TSMC N2", kMibMm2);
      return cell && macro && macro_n2
                 ? std::optional(
                       around(*cell * *macro / *macro_n2 * kSquareMicrometres, kMacroSpread))
                 : std::nullopt;
    }
    if (entry.bit_cell.empty()) {
      return std::nullopt;
    }
    const auto cell = take("SRAM HD bitcell area", entry.bit_cell, kUm2);
    if (!cell) {
      return std::nullopt;
    }
    const double central = (cell->low + cell->high) / 2;
    const double down = std::hypot(central - cell->low, central * kMacroSpread);
    const double up = std::hypot(cell->high - central, central * kMacroSpread);
    return Band{(central - down) * kSquareMicrometres, central * kSquareMicrometres,
                (central + up) * kSquareMicrometres};
  }

  // N7 is 1; each step takes away what the foundry says it saves at the same speed.
  std::optional<double> logic_energy(std::string_view id) {
    const auto kept = [&](std::string_view step, std::string_view of) -> std::optional<double> {
      const auto saved = middle(step, of, "%");
      return saved ? std::optional(1 - *saved / 100) : std::nullopt;
    };
    const auto after = [](std::optional<double> before,
                          std::optional<double> factor) -> std::optional<double> {
      return before && factor ? std::optional(*before * *factor) : std::nullopt;
    };
    if (id == "n7") {
      return 1;
    }
    if (id == "n16") {
      const auto factor = kept("iso-speed power reduction N16 -> N7", "TSMC N7 vs N16");
      return factor ? std::optional(1 / *factor) : std::nullopt;
    }
    if (id == "45nm") {
      const auto old_multiply = middle("energy int8 multiply", "45nm", kPj);
      const auto old_add = middle("energy int8 add", "45nm", kPj);
      const auto multiply = middle("energy int8 multiply", "7nm", kPj);
      const auto add = middle("energy int8 add", "7nm", kPj);
      return old_multiply && old_add && multiply && add
                 ? std::optional((*old_multiply + *old_add) / (*multiply + *add))
                 : std::nullopt;
    }
    if (id == "n5") {
      return kept("iso-speed power reduction N7 -> N5", "TSMC N5 vs N7");
    }
    if (id == "n3e") {
      return after(logic_energy("n5"),
                   kept("iso-speed power reduction N5 -> N3E", "TSMC N3E vs N5"));
    }
    if (id == "n2") {
      return after(logic_energy("n3e"),
                   kept("iso-speed power reduction N3E -> N2", "TSMC N2 vs N3E"));
    }
    return std::nullopt;
  }

  // Bit and word lines are as long as the cells are wide: the root of the cell's area. From 45 nm
  // the voltage falls as well; there both ends are in the table.
  std::optional<double> sram_energy(const Entry& entry, const std::optional<Band>& cell) {
    if (entry.same_energy == "45nm") {
      const auto old = middle("energy 64-bit SRAM access 32 KB", "45nm", kPj);
      const auto now = middle("energy 64-bit SRAM access 32 KB", "7nm", kPj);
      return old && now ? std::optional(*old / *now) : std::nullopt;
    }
    const auto cell_n7 = middle("SRAM HD bitcell area", "TSMC N7", kUm2);
    return cell && cell_n7
               ? std::optional(std::sqrt(cell->central / (*cell_n7 * kSquareMicrometres)))
               : std::nullopt;
  }

 private:
  // The foundry's chip density is of half logic, 30 % SRAM and a fifth that does not shrink:
  // 1 / c = 0.5 / l + 0.3 / s + 0.2.
  std::optional<Band> density_of_n2() {
    const auto n3e = middle("logic density (peak, 2-1 fin)", "TSMC N3E", kTransistorsMm2);
    const auto chip = middle("chip density ratio N3E -> N2 (mixed chip)", "TSMC N2 vs N3E", kTimes);
    const auto macro = middle("SRAM macro density estimate", "TSMC N3E and N5", kMibMm2);
    const auto macro_n2 = middle("SRAM macro density", "TSMC N2", kMibMm2);
    if (!n3e || !chip || !macro || !macro_n2) {
      return std::nullopt;
    }
    const double of_logic = 1 / *chip - 0.3 * *macro / *macro_n2 - 0.2;
    if (of_logic <= 0) {
      return std::nullopt;
    }
    return around(*n3e * (0.5 / of_logic) * kMega * kPerSquareMillimetre, kLibrarySpread);
  }

  const TechnologyTable& table_;
  std::vector<std::string> rests_on_;
  std::map<int, Diagnostic> findings_;  // by line
};

}  // namespace

const TechnologyRow* TechnologyTable::find(std::string_view quantity, std::string_view node) const {
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const TechnologyRow& row) {
    return row.quantity == quantity && row.node == node;
  });
  return found == rows.end() ? nullptr : &*found;
}

Result<TechnologyTable> parse_technology(std::string text, const std::string& file) {
  const CsvTable csv = parse_csv(std::move(text), file);
  Diagnostics findings = csv.findings;
  std::array<int, kColumns.size()> at{};
  for (std::size_t i = 0; i < kColumns.size(); ++i) {
    at[i] = csv.column(kColumns[i]);
    if (at[i] < 0) {
      findings.push_back(
          {.code = "A0101",
           .message = fmt::format("the technology table has no column `{}`", kColumns[i]),
           .span = csv.place(csv.header, 0),
           .help = {"the columns are: quantity, unit, node, value, source, note"}});
    }
  }
  if (!findings.empty()) {
    return tl::unexpected(findings);
  }
  TechnologyTable table{.file = file, .rows = {}};
  std::set<std::string> seen;
  for (const CsvRow& row : csv.rows) {
    const auto field = [&](std::size_t i) {
      return std::string(trim(row.fields[static_cast<std::size_t>(at[i])].text));
    };
    const auto found = [&](std::string code, std::string message, std::size_t column) {
      findings.push_back({.code = std::move(code),
                          .message = std::move(message),
                          .span = csv.place(row, at[column])});
    };
    const std::string value = field(3);
    const auto numbers = range(value);
    if (!numbers) {
      found("A0102", fmt::format("`{}` is neither a number nor a range", escape_control(value)), 3);
      continue;
    }
    if (numbers->low > numbers->high || numbers->low <= 0) {
      found("A0104",
            numbers->low <= 0 ? fmt::format("{} is not positive", value)
                              : fmt::format("the range {} begins above its end", value),
            3);
      continue;
    }
    // Two sources may say something of the same: they are two rows. The same source says it once.
    if (!seen.insert(fmt::format("{}\n{}\n{}", field(0), field(2), field(4))).second) {
      found("A0103",
            fmt::format("`{}` of {} is there twice", escape_control(field(0)),
                        escape_control(field(2))),
            0);
      continue;
    }
    table.rows.push_back({field(0), field(1), field(2), numbers->low, numbers->high, field(4),
                          field(5), row.line, csv.place(row, at[1])});
  }
  if (!findings.empty()) {
    return tl::unexpected(findings);
  }
  return table;
}

Result<TechnologyTable> read_technology() {
  auto csv = read_csv(data_path("data/technology.csv"));
  if (!csv) {
    return fail(csv);
  }
  const std::string file = csv->file;
  return parse_technology(std::move(csv->text), file);
}

Result<std::vector<Node>> nodes(const TechnologyTable& table) {
  Derivation derivation(table);
  std::vector<Node> result;
  for (const Entry& entry : kEntries) {
    const auto logic = derivation.logic_density(entry);
    if (!logic) {
      derivation.take_rests_on();
      continue;
    }
    Node node{.id = std::string(entry.id),
              .name = std::string(entry.name),
              .logic_density = *logic,
              .bit_cell = derivation.bit_cell(entry),
              .logic_energy = {},
              .sram_energy = {},
              .rests_on = {}};
    if (const auto energy = derivation.logic_energy(entry.same_energy)) {
      node.logic_energy = around(*energy, kEnergySpread);
      if (const auto sram = derivation.sram_energy(entry, node.bit_cell)) {
        node.sram_energy = around(*sram, kEnergySpread);
      }
    }
    node.rests_on = derivation.take_rests_on();
    std::vector<std::string> once;
    for (std::string& row : node.rests_on) {
      if (std::find(once.begin(), once.end(), row) == once.end()) {
        once.push_back(std::move(row));
      }
    }
    node.rests_on = std::move(once);
    result.push_back(std::move(node));
  }
  if (auto findings = derivation.findings(); !findings.empty()) {
    return tl::unexpected(std::move(findings));
  }
  if (result.empty()) {
    return fail("A0105", fmt::format("{} has no logic density of any node", table.file),
                {"rows such as `logic density (peak, 2-1 fin)` of `TSMC N3E` are needed"});
  }
  return result;
}

Result<Node> find_node(const std::vector<Node>& nodes, std::string_view word) {
  std::string wanted = to_lower_ascii(trim(word));
  constexpr std::string_view kMaker = "tsmc-";
  constexpr std::string_view kPublic = "-public";
  if (wanted.starts_with(kMaker)) {
    wanted.erase(0, kMaker.size());
  }
  if (wanted.ends_with(kPublic)) {
    wanted.erase(wanted.size() - kPublic.size());
  }
  for (const Alias& alias : kAliases) {
    if (wanted == alias.word) {
      wanted = alias.id;
    }
  }
  std::vector<std::string> ids;
  for (const Node& node : nodes) {
    if (node.id == wanted) {
      return node;
    }
    ids.push_back(node.id);
  }
  std::vector<std::string> help{"there are: " + join(ids, ", ")};
  if (const auto near = did_you_mean(wanted, ids)) {
    help.insert(help.begin(), fmt::format("did you mean `{}`?", *near));
  }
  return fail(
      "A0106",
      fmt::format("the technology table has no node `{}`", escape_control(std::string(word))),
      std::move(help));
}

Result<Move> move(const Node& from, const Node& to) {
  Move result{.from = from.id, .to = to.id};
  if (from.id == to.id) {
    return result;
  }
  Diagnostics missing;
  for (const Node* node : {&from, &to}) {
    if (!node->bit_cell) {
      missing.push_back({.code = "A0107",
                         .message = fmt::format("no SRAM bit cell of {} is known", node->name),
                         .help = {"areas move by the density of logic and by the bit cell; "
                                  "data/technology.csv needs both of a node"}});
    }
  }
  if (!missing.empty()) {
    return tl::unexpected(missing);
  }
  result.logic_area = ratio(from.logic_density, to.logic_density);
  result.sram_area = ratio(*to.bit_cell, *from.bit_cell);
  result.has_energy = from.logic_energy && to.logic_energy && from.sram_energy && to.sram_energy;
  if (result.has_energy) {
    result.logic_energy = ratio(*to.logic_energy, *from.logic_energy);
    result.sram_energy = ratio(*to.sram_energy, *from.sram_energy);
    const Band& area = result.logic_area;
    result.wire_energy = {std::sqrt(area.low), std::sqrt(area.central), std::sqrt(area.high)};
  }
  return result;
}

}  // namespace churon::silicon
