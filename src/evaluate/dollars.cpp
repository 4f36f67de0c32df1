#include "evaluate/dollars.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>

#include "base/text.h"

namespace churon::evaluate {

namespace {

using cost::Expr;
using cost::NodeId;
using cost::Tree;

constexpr double kMillion = 1e6;
constexpr double kSecondsHour = 3600;
constexpr double kHoursYear = 8760;
// Values of one call of draw(): some 20 MB of single precision at the default number of draws.
constexpr std::size_t kTargetsAtOnce = 1000;

const cost::Function kCheaper{"cheaper", "1 where a < b, else 0", "a, b",
                              [](const double* a) { return a[0] < a[1] ? 1.0 : 0.0; }};
const cost::Function kEarnedBack{
    "earned_back", "cost / saving; never where nothing is saved",
    "cost in an hour, saving of a chip in an hour", [](const double* a) {
      return a[1] > 0 ? a[0] / a[1] : std::numeric_limits<double>::infinity();
    }};

// As a part of a name: no signs that a formula has.
std::string word_of(std::string_view text) {
  std::string word = to_lower_ascii(text);
  for (char& c : word) {
    const bool is_kept = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
    c = is_kept ? c : '-';
  }
  return word;
}

// The word, or the word with a number behind it where it is taken.
std::string unique_word(std::string word, std::set<std::string>& taken) {
  const std::string wanted = word;
  for (int count = 2; !taken.insert(word).second; ++count) {
    word = fmt::format("{}-{}", wanted, count);
  }
  return word;
}

// What is known of a row while the tree is built.
struct RowNodes {
  std::string prefix;
  std::optional<Expr> tokens_hour, achieved;
  std::optional<Expr> input_ratio, output_ratio;  // of a blended price
  std::array<std::optional<Expr>, 3> hours;       // by PriceKind
};

class Pricing {
 public:
  Pricing(const Comparison& comparison, const DollarOptions& options, const cost::Data& data)
      : comparison_(comparison), request_(comparison.request), data_(data) {
    result_.options = options;
    result_.tree = std::make_shared<Tree>();
  }

  Result<Dollars> run() {
    if (const auto priced = price_chips(); !priced) {
      return fail(priced);
    }
    std::set<std::string> taken;
    std::vector<Pending> pending;
    for (std::size_t i = 0; i < comparison_.cells.size(); ++i) {
      if (is_interrupted()) {
        return std::move(result_);
      }
      const ComparedCell& cell = comparison_.cells[i];
      CellDollars& cell_dollars = result_.cells.emplace_back();
      cell_dollars.rows.resize(cell.rows.size());
      price_cell(cell, cell_tag(cell, taken), cell_dollars);
      for (RowDollars& row : cell_dollars.rows) {
        want(row, pending);
      }
      if (pending.size() >= kTargetsAtOnce) {
        draw(pending);
      }
    }
    draw(pending);
    is_interrupted();
    return std::move(result_);
  }

 private:
  // A quantity whose distribution is wanted, and where it goes.
  struct Pending {
    NodeId target;
    cost::Quantiles* quantiles = nullptr;
    double* mean = nullptr;
  };
  // A quantity whose value with everything at its centre is wanted, and where it goes.
  struct Central {
    NodeId target;
    double* value;
  };

  Tree& tree() { return *result_.tree; }

  bool is_interrupted() {
    result_.interrupted = request_.interrupted && request_.interrupted();
    return result_.interrupted;
  }

  // --- hours of the chips -----------------------------------------------------------------------

  Result<void> price_chips() {
    std::set<std::string> taken;
    cost::CostOptions options = result_.options.cost;
    if (options.like != nullptr) {
      options.like_prefix = options.like->id + ":";
    }
    for (const Contestant& contestant : request_.contestants) {
      const auto known =
          std::find_if(result_.chips.begin(), result_.chips.end(),
                       [&](const ChipDollars& seen) { return seen.chip == contestant.chip; });
      result_.chip_of.push_back(static_cast<int>(known - result_.chips.begin()));
      if (known != result_.chips.end()) {
        continue;
      }
      options.prefix = unique_word(contestant.chip->id, taken) + ":";
      auto made = cost::costing(*contestant.chip, options, data_, result_.tree);
      if (!made) {
        return fail(made);
      }
      result_.chips.push_back({contestant.chip, std::move(*made), options.prefix});
    }
    return {};
  }

  // --- prices of tokens -------------------------------------------------------------------------

  std::string cell_tag(const ComparedCell& cell, std::set<std::string>& taken) const {
    if (comparison_.cells.size() == 1) {
      return "";
    }
    const std::string& model = model_of(request_, cell).name;
    const std::string& load = workload_of(request_, cell).text;
    return unique_word(fmt::format("{}.{}", word_of(model), word_of(load)), taken) + ".";
  }

  void price_cell(const ComparedCell& cell, const std::string& tag, CellDollars& dollars) {
    nodes_.assign(cell.rows.size(), {});
    for (std::size_t i = 0; i < cell.rows.size(); ++i) {
      if (cell.rows[i].best) {
        price_row(cell, cell.rows[i], tag, nodes_[i], dollars.rows[i]);
        for (TokenPrice& price : dollars.rows[i].prices) {
          centrals_.push_back({price.blended, &price.central});
        }
      }
    }
    set_centrals();  // the cheapest is chosen by them
    for (std::size_t i = 0; i < cell.rows.size(); ++i) {
      const bool is_own = contestant(request_, cell.rows[i]).chip->kind == chip::Kind::full;
      if (is_own) {
        hold_against(cell, i, dollars);
      }
    }
    set_centrals();
  }

  // One evaluation of the tree for all of them.
  void set_centrals() {
    std::vector<NodeId> targets;
    targets.reserve(centrals_.size());
    for (const Central& central : centrals_) {
      targets.push_back(central.target);
    }
    const std::vector<double> values = cost::central_values(tree(), targets);
    for (std::size_t i = 0; i < centrals_.size(); ++i) {
      *centrals_[i].value = values[i];
    }
    centrals_.clear();
  }

  // What a figure of the model rests on: an own chip's derate set is a guess until it is measured.
  [[nodiscard]] std::string basis_of(const ComparedRow& row) const {
    return contestant(request_, row).derate.empty() ? std::string(name(row.support.basis))
                                                    : "guess";
  }
  [[nodiscard]] std::string note_of(const ComparedRow& row) const {
    const std::string& derate = contestant(request_, row).derate;
    return derate.empty() ? row.band.source : fmt::format("derate set {}, simulated", derate);
  }

  // A figure of the analytic model as an input.
  Expr figure(const std::string& key, std::string unit, std::string text, cost::Range range,
              const ComparedRow& row, std::string factor) {
    return tree().input({.key = key,
                         .unit = std::move(unit),
                         .range = range,
                         .text = std::move(text),
                         .basis = basis_of(row),
                         .as_of = {},
                         .source = "analytic model at the best configuration (churon estimate)",
                         .note = note_of(row),
                         .place = {},
                         .factor = std::move(factor)});
  }

  void price_row(const ComparedCell& cell, const ComparedRow& row, const std::string& tag,
                 RowNodes& nodes, RowDollars& dollars) {
    const Contestant& who = contestant(request_, row);
    const ChipDollars& chip = result_.chips[static_cast<std::size_t>(
        result_.chip_of[static_cast<std::size_t>(row.contestant)])];
    const cost::Costing& costing = chip.costing;
    const Configuration& best = *row.best;
    nodes.prefix = chip.prefix + (who.derate.empty() ? "" : who.derate + ".") +
                   (row.policy == FormatPolicy::native ? "native." : "") + tag;
    const Workload& load = workload_of(request_, cell);
    const std::string& p = nodes.prefix;
    const Expr rate = figure(p + "rate", "token/s", "output tokens of a chip",
                             range_of(best.throughput_per_chip, row.band), row,
                             fmt::format("throughput of {}", who.chip->id));
    const Expr per_output = tree().constant(1 + load.input_tokens / load.output_tokens);
    nodes.tokens_hour =
        tree().name(p + "tokens", "input and output tokens of a chip in an hour, empty hours in it",
                    "token/h", rate * per_output * (kSecondsHour * result_.options.occupancy));
    const double achieved = best.served.tpot_bound_s / best.served.tpot_s;
    nodes.achieved =
        figure(p + "achieved", "1", "achieved of what physics allows: bound / expected TPOT",
               {achieved, achieved, achieved}, row, {});
    const double busy = prefill_share(best);
    const Expr prefill = figure(p + "prefill", "1", "share of the busy time that prompts take",
                                {busy, busy, busy}, row, {});
    const double both = load.input_tokens + load.output_tokens;
    nodes.input_ratio = prefill * (both / load.input_tokens);
    nodes.output_ratio = (1 - prefill) * (both / load.output_tokens);
    centrals_.push_back({nodes.input_ratio->id, &dollars.input_ratio});
    centrals_.push_back({nodes.output_ratio->id, &dollars.output_ratio});
    const std::array<std::optional<NodeId>, 3> hours{costing.build_hourly, costing.hourly,
                                                     costing.rent_hourly};
    for (const PriceKind kind : {PriceKind::build, PriceKind::purchase, PriceKind::rent}) {
      const auto hour = hours[static_cast<std::size_t>(kind)];
      if (!hour) {
        continue;
      }
      nodes.hours[static_cast<std::size_t>(kind)] = Expr{&tree(), *hour};
      dollars.prices.push_back(token_price(kind, nodes));
    }
  }

  TokenPrice token_price(PriceKind kind, const RowNodes& nodes) {
    const std::string key = fmt::format("{}mtok.{}", nodes.prefix, name(kind));
    const Expr hour = *nodes.hours[static_cast<std::size_t>(kind)];
    const std::string unit = "USD/Mtok";
    const Expr blended = tree().name(key, "a million tokens, input and output alike", unit,
                                     hour / *nodes.tokens_hour * kMillion);
    tree().name(key + ".input", "a million tokens of prompts", unit, blended * *nodes.input_ratio);
    tree().name(key + ".output", "a million tokens of answers", unit,
                blended * *nodes.output_ratio);
    return {.kind = kind, .blended = blended.id, .central = 0, .quantiles = {}};
  }

  static double prefill_share(const Configuration& best) {
    return best.prefill_chips > 0 ? best.prefill_chips / (best.chips + best.prefill_chips)
                                  : best.served.prefill_share;
  }

  // --- own against the cheapest -----------------------------------------------------------------

  // The row of a bought chip with the lowest price one can get, formats alike; -1: none.
  [[nodiscard]] int rival_of(const ComparedCell& cell, const CellDollars& dollars,
                             FormatPolicy policy) const {
    int found = -1;
    for (std::size_t i = 0; i < cell.rows.size(); ++i) {
      const TokenPrice* price = dollars.rows[i].cheapest();
      if (price == nullptr || cell.rows[i].policy != policy ||
          contestant(request_, cell.rows[i]).chip->kind == chip::Kind::full) {
        continue;
      }
      const TokenPrice* best =
          found < 0 ? nullptr : dollars.rows[static_cast<std::size_t>(found)].cheapest();
      if (best == nullptr || price->central < best->central) {
        found = static_cast<int>(i);
      }
    }
    return found;
  }

  void hold_against(const ComparedCell& cell, std::size_t own, CellDollars& dollars) {
    const int rival = rival_of(cell, dollars, cell.rows[own].policy);
    const TokenPrice* mine = dollars.rows[own].of(PriceKind::purchase);
    if (rival < 0 || mine == nullptr) {
      return;
    }
    const auto other = static_cast<std::size_t>(rival);
    const TokenPrice& theirs = *dollars.rows[other].cheapest();
    const cost::Costing& costing = result_.costing(cell.rows[own].contestant);
    const std::string& p = nodes_[own].prefix;
    Versus& versus = dollars.rows[own].versus.emplace();
    versus.rival = rival;
    versus.kind = theirs.kind;
    const Expr a{&tree(), mine->blended}, b{&tree(), theirs.blended};
    const Expr advantage =
        tree().name(p + "advantage", "the cheapest other's price over one's own", "1", b / a);
    versus.advantage = advantage.id;
    centrals_.push_back({advantage.id, &versus.central});
    versus.cheaper = tree()
                         .name(p + "cheaper", "1 where one's own is the cheaper one", "1",
                               tree().call(kCheaper, {a, b}))
                         .id;
    split(nodes_[own], nodes_[other], theirs.kind, versus);
    break_even(costing, nodes_[own], b, versus);
    if (const chip::Chip& chip = *contestant(request_, cell.rows[own]).chip;
        chip.cost && chip.cost->units) {
      versus.planned_chips = chip.cost->units->value;
    }
    versus.flips = cost::flips(tree(), advantage.id, 1);
  }

  void split(const RowNodes& own, const RowNodes& other, PriceKind kind, Versus& versus) {
    const auto at = [](const RowNodes& nodes, PriceKind of) {
      return nodes.hours[static_cast<std::size_t>(of)];
    };
    const auto own_build = at(own, PriceKind::build), other_build = at(other, PriceKind::build);
    if (!own_build || !other_build) {
      return;
    }
    const std::string& p = own.prefix;
    const Expr silicon =
        tree().name(p + "split.silicon", "tokens that physics allows per dollar at build cost", "1",
                    *own.tokens_hour / *own.achieved / *own_build /
                        (*other.tokens_hour / *other.achieved / *other_build));
    const Expr margin =
        tree().name(p + "split.margin", "paid above build cost", "1",
                    *at(other, kind) / *other_build / (*at(own, PriceKind::purchase) / *own_build));
    const Expr software = tree().name(p + "split.software", "achieved of what physics allows", "1",
                                      *own.achieved / *other.achieved);
    Split& parts = versus.split.emplace();
    parts.silicon_node = silicon.id;
    parts.margin_node = margin.id;
    parts.software_node = software.id;
    centrals_.push_back({silicon.id, &parts.silicon});
    centrals_.push_back({margin.id, &parts.margin});
    centrals_.push_back({software.id, &parts.software});
  }

  void break_even(const cost::Costing& costing, const RowNodes& own, Expr their_price,
                  Versus& versus) {
    const std::string& p = own.prefix;
    const Expr programme{&tree(), *costing.programme}, recovery{&tree(), *costing.recovery};
    const Expr hour =
        tree().name(p + "break_even.programme", "the programme, recovered hour by hour", "USD/h",
                    programme * recovery / kHoursYear);
    const Expr saving = tree().name(
        p + "break_even.saving", "what a chip saves in an hour, the programme left out", "USD/h",
        their_price / kMillion * *own.tokens_hour - Expr{&tree(), *costing.unit_hourly});
    const Expr chips = tree().name(p + "break_even.chips", "that earn the programme back", "chips",
                                   tree().call(kEarnedBack, {hour, saving}));
    const Expr tokens = tree().name(p + "break_even.tokens", "that they make in a year", "token/yr",
                                    chips * *own.tokens_hour * kHoursYear);
    versus.break_even_chips = chips.id;
    versus.break_even_tokens = tokens.id;
    centrals_.push_back({chips.id, &versus.chips});
    centrals_.push_back({tokens.id, &versus.tokens_per_year});
  }

  // --- draws ------------------------------------------------------------------------------------

  void want(RowDollars& row, std::vector<Pending>& pending) {
    for (TokenPrice& price : row.prices) {
      pending.push_back({price.blended, &price.quantiles});
    }
    if (row.versus) {
      Versus& versus = *row.versus;
      pending.push_back({versus.advantage, &versus.quantiles});
      pending.push_back({versus.break_even_chips, &versus.chips_quantiles});
      pending.push_back({versus.break_even_tokens, &versus.tokens_quantiles});
      pending.push_back({versus.cheaper, nullptr, &versus.cheaper_share});
    }
  }

  void draw(std::vector<Pending>& pending) {
    std::vector<NodeId> targets;
    targets.reserve(pending.size());
    for (const Pending& one : pending) {
      targets.push_back(one.target);
    }
    const auto quantiles = cost::draw(tree(), targets, result_.options.draws);
    for (std::size_t i = 0; i < pending.size(); ++i) {
      if (pending[i].quantiles != nullptr) {
        *pending[i].quantiles = quantiles[i];
      }
      if (pending[i].mean != nullptr) {
        *pending[i].mean = quantiles[i].mean;
      }
    }
    pending.clear();
  }

  const Comparison& comparison_;
  const CompareRequest& request_;
  const cost::Data& data_;
  Dollars result_;
  std::vector<RowNodes> nodes_;    // of the cell in work
  std::vector<Central> centrals_;  // of the cell in work, until the next set_centrals()
};

}  // namespace

std::string_view name(PriceKind kind) {
  switch (kind) {
    case PriceKind::build:
      return "build";
    case PriceKind::purchase:
      return "purchase";
    case PriceKind::rent:
      return "rent";
  }
  return "";
}

const TokenPrice* RowDollars::of(PriceKind kind) const {
  const auto found = std::find_if(prices.begin(), prices.end(),
                                  [&](const TokenPrice& price) { return price.kind == kind; });
  return found == prices.end() ? nullptr : &*found;
}

const TokenPrice* RowDollars::cheapest() const {
  const TokenPrice* buy = of(PriceKind::purchase);
  const TokenPrice* rent = of(PriceKind::rent);
  return buy == nullptr || (rent != nullptr && rent->central < buy->central) ? rent : buy;
}

cost::Range range_of(double value, const ErrorBand& band) {
  // P5 and P95 lie this much further out than P10 and P90, in standard deviations.
  constexpr double kFurther = 1.6449 / 1.2816;
  constexpr double kLogarithmicFrom = 3;
  if (!band.is_known()) {
    return {value, value, value};
  }
  const double p10 = std::min(band.p10, 1.0), p90 = std::max(band.p90, 1.0);
  const double low = 1 - (1 - p10) * kFurther, high = 1 + (p90 - 1) * kFurther;
  if (low > 0 && high <= kLogarithmicFrom * low) {
    return {value * low, value, value * high};
  }
  return {value * std::pow(p10, kFurther), value, value * std::pow(p90, kFurther)};
}

Result<Dollars> dollars(const Comparison& comparison, const DollarOptions& options,
                        const cost::Data& data) {
  return Pricing(comparison, options, data).run();
}

}  // namespace churon::evaluate
