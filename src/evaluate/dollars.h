// Dollars per million tokens of a comparison: what an hour of a chip costs (cost/) over the tokens
// that it makes in one at its best configuration, with bands from joint draws of both; an own chip
// held against the cheapest that one can get. docs/cost.md has the rules.
//
// All chips share one tree of costs: what moves together moves together in all of them, and every
// number can be asked for its formula. Names of a chip's quantities begin with its id and a colon:
// "b200:cogs.dies", "b200:mtok.purchase"; with several models or workloads
// "b200:llama-3.1-70b.8k-1k.mtok.purchase"; of an own chip with its derate set in front
// ("churon-1:neutral.mtok.purchase").
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cost/costing.h"
#include "cost/draws.h"
#include "cost/flips.h"
#include "evaluate/compare.h"

namespace churon::evaluate {

// Whose price an hour has.
enum class PriceKind {
  build,     // at cost: no margin of anybody, no programme
  purchase,  // bought; own chips: from the partner, a share of the programme in it
  rent,
};
std::string_view name(PriceKind kind);

struct DollarOptions {
  cost::CostOptions cost = {};  // its prefixes are set here; `like` goes for all chips
  cost::DrawOptions draws = {};
  // Of all hours, with work at full load. The others are paid for as well.
  double occupancy = 1;
};

// All in USD per million tokens. A prompt's and an answer's tokens cost what their share of the
// busy time does: output * output tokens + input * input tokens = blended * (both).
struct TokenPrice {
  PriceKind kind = PriceKind::purchase;
  cost::NodeId blended = 0;
  double central = 0;         // blended, everything at its centre
  cost::Quantiles quantiles;  // blended
};

// Why an own chip is cheaper than another by a factor: the product of three.
struct Split {
  double silicon = 1;   // tokens that physics allows per dollar of an hour at build cost
  double margin = 1;    // what is paid above build cost: the other's over one's own
  double software = 1;  // achieved of what physics allows: one's own over the other's
  cost::NodeId silicon_node = 0, margin_node = 0, software_node = 0;
};

// An own chip against the cheapest that one can buy or rent, in the same formats.
struct Versus {
  int rival = 0;  // row of the cell
  PriceKind kind = PriceKind::purchase;
  cost::NodeId advantage = 0;  // the other's price over one's own: above 1 one's own is cheaper
  double central = 1;
  cost::Quantiles quantiles;
  cost::NodeId cheaper = 0;    // 1 where one's own is cheaper, else 0
  double cheaper_share = 0;    // of the draws in which one's own is cheaper
  std::optional<Split> split;  // absent where nobody says what the other costs to build
  // Chips at which the programme is earned back, and what they make in a year (input + output);
  // infinite where a chip saves nothing.
  cost::NodeId break_even_chips = 0, break_even_tokens = 0;
  double chips = 0, tokens_per_year = 0;  // everything at its centre
  cost::Quantiles chips_quantiles, tokens_quantiles;
  double planned_chips = 0;       // of the description; 0: not stated
  std::vector<cost::Flip> flips;  // that take the advantage across 1
};

struct RowDollars {
  std::vector<TokenPrice> prices;  // in the order of PriceKind; those that are known
  std::optional<Versus> versus;    // of own chips
  // What a token of prompts and one of answers costs over any of the blended prices: both are facts
  // of the configuration.
  double input_ratio = 0, output_ratio = 0;

  [[nodiscard]] const TokenPrice* of(PriceKind kind) const;
  // What one can get: the lower of purchase and rent; nullptr: neither is known.
  [[nodiscard]] const TokenPrice* cheapest() const;
};

struct ChipDollars {
  const chip::Chip* chip = nullptr;
  cost::Costing costing;  // in the shared tree
  std::string prefix;     // "b200:"
};

struct CellDollars {
  std::vector<RowDollars> rows;  // as those of the cell
};

struct Dollars {
  DollarOptions options;
  std::shared_ptr<cost::Tree> tree;
  std::vector<ChipDollars> chips;  // each once, in the order of the request
  std::vector<int> chip_of;        // by contestant
  std::vector<CellDollars> cells;  // as those of the comparison
  bool interrupted = false;        // by the request's: not all cells are there, or not all draws

  [[nodiscard]] const cost::Costing& costing(int contestant) const {
    return chips[static_cast<std::size_t>(chip_of[static_cast<std::size_t>(contestant)])].costing;
  }
};

// `data` are the tables that `options.cost` means. Errors: K0111, K0303 (cost::costing()).
Result<Dollars> dollars(const Comparison& comparison, const DollarOptions& options,
                        const cost::Data& data);

// P5, central and P95 of a value whose expected figure has that band.
cost::Range range_of(double value, const ErrorBand& band);

}  // namespace churon::evaluate
