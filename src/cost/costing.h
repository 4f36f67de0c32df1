// From a chip description to dollars: the bill of material, what a programme costs, what an hour of
// a chip costs. Every printed number is a named quantity of one tree (tree.h); formulas and their
// reasons are in docs/cost.md.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chip/chip.h"
#include "cost/tables.h"
#include "cost/tree.h"

namespace churon::cost {

// Whose prices of memory stacks: the chip's description where it has one, published bills of
// material, or contracts as the press reports them.
enum class HbmBasis { description, bom, contract };
// What is lost when a package fails its last test, and who pays for it.
enum class Loss {
  buyer,      // the buyer of the chip pays for all that was in it
  consigned,  // the buyer pays for the dies and stacks it provided, the packager for its own work
  packager,   // the packager pays for everything
};

struct LossEntry {
  Loss loss;
  std::string_view word, meaning;
};
std::span<const LossEntry> losses();

// How dies and stacks are put together, for own chips; `description` takes the chip's own prices.
enum class PackageKind { description, organic, cowos_r, cowos_s, cowos_l, stacked_3d };
struct PackageEntry {
  PackageKind kind;
  std::string_view word, meaning;
};
std::span<const PackageEntry> packages();

// A group of inputs (tables.h) times a factor: "hbm+20%".
struct Scenario {
  std::string text;
  std::string group;
  double factor = 1;
};
// Errors: K0301 (form), K0302 (no such group).
Result<Scenario> parse_scenario(std::string_view text);

// As they were asked for.
std::vector<std::string> texts(std::span<const Scenario> scenarios);

// When the data were read: what counts as today unless --as-of says otherwise. No clock is asked.
constexpr std::string_view kToday = "2026-11";

struct CostOptions {
  // Of the names of quantities where several chips share a tree: "b200:"; of what `like` describes.
  std::string prefix = {}, like_prefix = {};
  std::optional<HbmBasis> hbm_basis = {};  // own chips: description where it has a price, else
                                           // contract; bought ones: bom
  Loss loss = Loss::buyer;
  PackageKind package = PackageKind::description;
  std::vector<Scenario> scenarios = {};
  Month as_of = {};                   // none: kToday
  std::vector<std::string> set = {};  // "wafer_price.N3=21000": a row of the tables, without range
  const chip::Chip* like = nullptr;   // whose life, cost of capital, space, electricity, PUE
  std::string data = {};              // folder of the tables; empty: the tool's
};

// Named quantities under a heading.
struct Section {
  std::string title;
  std::vector<NodeId> lines;
};

// One of several ways to make an own chip.
struct Way {
  std::string name, text;
  NodeId nre, unit, per_chip, months;
  std::optional<NodeId> break_even;  // units from which it is cheaper than the way before
};

struct Costing {
  std::shared_ptr<Tree> tree = std::make_shared<Tree>();
  std::string chip, chip_name, chip_digest;
  bool is_own = false;
  std::string hbm_basis;  // as a word

  // Absent where something that is needed is not public.
  std::optional<NodeId> cogs, price, slot, hourly;
  // An hour at build cost, without anybody's margin, and one that is rented.
  std::optional<NodeId> build_hourly, rent_hourly;
  // Of an own chip: all that is paid before volume (USD); an hour without any share of it; the
  // share of capital that is recovered in a year.
  std::optional<NodeId> programme, unit_hourly, recovery;
  std::vector<NodeId> cogs_lines, hourly_lines;
  std::vector<Section> sections;
  std::vector<Way> ways;
  std::vector<std::string> notes;       // what a reader would not expect of the description
  bool is_part_of_bill = false;         // parts of the chip that are not priced are not in `cogs`
  std::vector<std::string> not_priced;  // "2 I/O dies: no area is public"
  std::string recipe;                   // of a bought chip: what its bill was made from
  Month today;

  // All quantities that are printed with their distribution, each once.
  [[nodiscard]] std::vector<NodeId> printed() const;
};

// Errors: those of the tables; K0111 (a row that is needed is missing), K0113 (… is in
// another unit), K0303 (--set),
// K0306 (tech.library is no known process), K0307 (no die fits the wafer), K0308 (a result is
// infinite).
Result<Costing> costing(const chip::Chip& chip, const CostOptions& options);

// Where the tables are: `data`, or the tool's own where it is empty.
std::string data_folder(const std::string& data);

// The folder that the options mean, read once for several chips.
struct Data {
  Tables tables;
  Recipes recipes;
};
Result<Data> read_data(const CostOptions& options);
// The same in a tree that several chips share; `options.prefix` tells them apart.
Result<Costing> costing(const chip::Chip& chip, const CostOptions& options, const Data& data,
                        std::shared_ptr<Tree> tree);

// True for the key of a table's row: such a --set is not for the chip description.
bool is_row(std::string_view key, const Tables& tables);
// What is wrong with `options.set`, which costing() finds as well: K0303.
Diagnostics check_set(const CostOptions& options, const Tables& tables);

// What the ages and origins of the rows that a quantity uses amount to.
struct Ages {
  std::vector<std::uint32_t> rows;   // inputs that are rows of the tables, used by the quantity
  std::vector<std::uint32_t> old;    // of these, older than a year
  std::vector<std::uint32_t> later;  // … dated after what counts as today
  double old_variance_share = 0;     // of the quantity's variance, factors moved alone
  double guess_variance_share =
      0;  // … of factors with a guess, a recollection or a judgement in them
};
struct Effect;
Ages ages(const Costing& costing, NodeId target, std::span<const Effect> effects);

}  // namespace churon::cost
