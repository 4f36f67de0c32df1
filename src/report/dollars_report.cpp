#include "report/dollars_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/text.h"
#include "report/compare_report.h"
#include "report/cost_explanation.h"

namespace churon::report {

namespace {

using cost::NodeId;
using cost::Quantiles;
using evaluate::ComparedCell;
using evaluate::ComparedRow;
using evaluate::Comparison;
using evaluate::Contestant;
using evaluate::Dollars;
using evaluate::PriceKind;
using evaluate::RowDollars;
using evaluate::TokenPrice;
using evaluate::Versus;

// A factor that has to go further than one case in a hundred is not worth a word.
constexpr double kUnlikely = 0.01;
constexpr std::size_t kFlipsShown = 3;

std::string_view verb_of(PriceKind kind) {
  switch (kind) {
    case PriceKind::build:
      return "at build cost";
    case PriceKind::purchase:
      return "bought";
    case PriceKind::rent:
      return "rented";
  }
  return "";
}

// "0.0413", with three digits also below a cent.
std::string price_text(double value) {
  return std::isfinite(value) ? number(value) : std::string("-");
}

std::string times(double value) {
  return std::isfinite(value) ? fmt::format("{} x", number(value)) : std::string("-");
}

std::string band(const Quantiles& q) {
  return fmt::format("{}..{}", price_text(q.p10), price_text(q.p90));
}

double geometric_mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) {
    sum += std::log(value);
  }
  return values.empty() ? 0 : std::exp(sum / static_cast<double>(values.size()));
}

// One own chip at one derate set in one cell.
struct Case {
  const ComparedCell* cell;
  const ComparedRow* row;
  const RowDollars* dollars;
  const ComparedRow* rival;

  [[nodiscard]] const Versus& versus() const { return *dollars->versus; }
};

std::vector<Case> cases_of(const Comparison& comparison, const Dollars& dollars,
                           const chip::Chip* chip, std::string_view derate) {
  std::vector<Case> cases;
  for (std::size_t i = 0; i < comparison.cells.size(); ++i) {
    const ComparedCell& cell = comparison.cells[i];
    for (std::size_t j = 0; j < cell.rows.size(); ++j) {
      const ComparedRow& row = cell.rows[j];
      const Contestant& who = contestant(comparison.request, row);
      const RowDollars& priced = dollars.cells[i].rows[j];
      if (who.chip == chip && who.derate == derate && priced.versus &&
          row.policy == comparison.request.policies.front()) {
        cases.push_back(
            {&cell, &row, &priced, &cell.rows[static_cast<std::size_t>(priced.versus->rival)]});
      }
    }
  }
  return cases;
}

// The derate set of an own chip that counts where one is asked for; empty: a bought chip.
std::string default_set(const chip::Chip& chip) {
  const chip::Derate* set = chip.kind == chip::Kind::full ? chip::derate(chip, {}) : nullptr;
  return set == nullptr ? "" : set->name;
}

std::string cell_name(const Comparison& comparison, const ComparedCell& cell) {
  return fmt::format("{} {}", escape_control(model_of(comparison.request, cell).name),
                     workload_of(comparison.request, cell).text);
}

std::string rival_name(const Comparison& comparison, const Case& one) {
  return fmt::format("{} {}", contestant_name(contestant(comparison.request, *one.rival)),
                     verb_of(one.versus().kind));
}

// The rival that most cases name.
std::string usual_rival(const Comparison& comparison, const std::vector<Case>& cases) {
  std::map<std::string, int> counts;
  std::string most;
  for (const Case& one : cases) {
    const std::string name = rival_name(comparison, one);
    const int count = ++counts[name];
    if (most.empty() || count > counts[most]) {
      most = name;
    }
  }
  return counts[most] < static_cast<int>(cases.size()) ? "mostly " + most : most;
}

double mean_advantage(const std::vector<Case>& cases) {
  std::vector<double> values;
  for (const Case& one : cases) {
    values.push_back(one.versus().central);
  }
  return geometric_mean(values);
}

std::string other_sets(const Comparison& comparison, const Dollars& dollars, const chip::Chip* chip,
                       std::string_view shown) {
  std::string text;
  for (const Contestant& who : comparison.request.contestants) {
    const auto cases = who.chip == chip && who.derate != shown
                           ? cases_of(comparison, dollars, chip, who.derate)
                           : std::vector<Case>{};
    if (!cases.empty()) {
      text += fmt::format(", {} at {}", times(mean_advantage(cases)), who.derate);
    }
  }
  return text;
}

std::string dollars_line(const Comparison& comparison, const Dollars& dollars,
                         const chip::Chip* chip, std::string_view derate,
                         const std::vector<Case>& cases) {
  const std::string others = other_sets(comparison, dollars, chip, derate);
  if (cases.size() == 1) {
    const Case& one = cases.front();
    const TokenPrice& mine = *one.dollars->of(PriceKind::purchase);
    const Versus& versus = one.versus();
    return fmt::format(
        "Dollars: {} {} makes a million tokens for {} USD (P10..P90 {}); {}, the cheapest one can "
        "get, costs {} that (P10..P90 {}; dearer in {} of draws){}.",
        chip->id, derate, price_text(mine.central), band(mine.quantiles),
        rival_name(comparison, one), times(versus.central), band(versus.quantiles),
        percent(versus.cheaper_share), others);
  }
  const auto [least, most] = std::minmax_element(
      cases.begin(), cases.end(),
      [](const Case& a, const Case& b) { return a.versus().central < b.versus().central; });
  const auto wins = std::count_if(cases.begin(), cases.end(),
                                  [](const Case& one) { return one.versus().central > 1; });
  return fmt::format(
      "Dollars: a token of the cheapest chip one can get ({}) costs {} that of {} {} ({} to {} "
      "over {} cases; dearer in {} of them){}.",
      usual_rival(comparison, cases), times(mean_advantage(cases)), chip->id, derate,
      times(least->versus().central), times(most->versus().central), cases.size(), wins, others);
}

std::string why_line(const Comparison& comparison, const std::vector<Case>& cases) {
  std::vector<double> silicon, margin, software, all;
  int no_split = 0;
  for (const Case& one : cases) {
    if (!one.versus().split) {
      ++no_split;
      continue;
    }
    silicon.push_back(one.versus().split->silicon);
    margin.push_back(one.versus().split->margin);
    software.push_back(one.versus().split->software);
    all.push_back(one.versus().central);
  }
  if (all.empty()) {
    return fmt::format("Why: nobody says what {} costs to build, so there is no split.",
                       usual_rival(comparison, cases));
  }
  return fmt::format(
      "Why: {} = silicon {} (tokens that physics allows per dollar of build cost), merchant margin "
      "{}, software {} (achieved of what physics allows){}.",
      times(geometric_mean(all)), times(geometric_mean(silicon)), times(geometric_mean(margin)),
      times(geometric_mean(software)),
      no_split > 0 ? fmt::format("; {} cases without public build cost left out", no_split) : "");
}

std::string chips_text(double chips) {
  return std::isfinite(chips) ? fmt::format("{} chips", compact(chips)) : std::string("no volume");
}

std::string break_even_line(const Comparison& comparison, const Dollars& dollars,
                            const chip::Chip* chip, std::string_view derate,
                            const std::vector<Case>& cases) {
  // Over several cases the fleet does the dearest of them: the highest volume.
  const auto worst = [](const std::vector<Case>& of) {
    return *std::max_element(of.begin(), of.end(), [](const Case& a, const Case& b) {
      return a.versus().chips < b.versus().chips;
    });
  };
  const Case one = worst(cases);
  const Versus& versus = one.versus();
  std::string text = "Break-even: ";
  if (!std::isfinite(versus.chips)) {
    text +=
        fmt::format("no volume earns the programme back against {}", rival_name(comparison, one));
  } else {
    const Quantiles& q = versus.chips_quantiles;
    text += fmt::format("the programme is earned back from {} ({} to {}), {} tokens a year",
                        chips_text(versus.chips), compact(q.p10),
                        std::isfinite(q.p90) ? compact(q.p90) : "never",
                        compact(versus.tokens_per_year));
  }
  text += cases.size() > 1
              ? fmt::format(" in the hardest case, {}", cell_name(comparison, *one.cell))
              : "";
  for (const Contestant& who : comparison.request.contestants) {
    const auto others = who.chip == chip && who.derate != derate
                            ? cases_of(comparison, dollars, chip, who.derate)
                            : std::vector<Case>{};
    if (!others.empty()) {
      text += fmt::format("; {} at {}", chips_text(worst(others).versus().chips), who.derate);
    }
  }
  return text + (versus.planned_chips > 0
                     ? fmt::format("; planned are {}.", compact(versus.planned_chips))
                     : ".");
}

std::string flip_text(const cost::Tree& tree, const cost::Flip& flip) {
  const std::uint32_t first = flip.inputs.front();
  const cost::Input& input = tree.inputs()[first];
  const double value = tree.value_at(first, flip.z);
  const std::string unit = has_no_unit(input.unit) ? "" : " " + input.unit;
  std::string name = input.key;
  if (flip.inputs.size() > 1) {
    name += fmt::format(" and {} others that move with it", flip.inputs.size() - 1);
  }
  const double percentile = 100 * (flip.z < 0 ? flip.probability : 1 - flip.probability);
  return fmt::format("{} {} {}{} (from {}; P{:.0f})", name,
                     value < input.range.central ? "falls to" : "rises to", number(value), unit,
                     number(input.range.central), percentile);
}

std::string flips_text(const cost::Tree& tree, const Versus& versus) {
  std::string text;
  std::size_t shown = 0;
  for (const cost::Flip& flip : versus.flips) {
    if (flip.probability < kUnlikely || shown == kFlipsShown) {
      break;
    }
    text += (shown++ == 0 ? "" : ", or ") + flip_text(tree, flip);
  }
  return text;
}

// The case whose answer is nearest to changing.
Case closest(const std::vector<Case>& cases) {
  return *std::min_element(cases.begin(), cases.end(), [](const Case& a, const Case& b) {
    return std::abs(std::log(a.versus().central)) < std::abs(std::log(b.versus().central));
  });
}

std::string unless_line(const Comparison& comparison, const Dollars& dollars,
                        const std::vector<Case>& cases) {
  const Case one = closest(cases);
  const Versus& versus = one.versus();
  const std::string flips = flips_text(*dollars.tree, versus);
  std::string text = versus.central > 1 ? "Wins unless: " : "Loses unless: ";
  text += flips.empty() ? "no input of the model moved alone between its P1 and P99 changes that"
                        : flips;
  const double needed = 1 / versus.central;  // of this set's throughput
  text += !std::isfinite(needed) ? std::string("; no throughput would do")
          : versus.central > 1
              ? fmt::format("; or its own throughput is below {} of this set's", percent(needed))
              : fmt::format("; or its own throughput is above {} this set's", times(needed));
  return text +
         (cases.size() > 1
              ? fmt::format(" (the closest case, {})", cell_name(comparison, *one.cell))
              : "") +
         ".";
}

// What the closest case of each own chip rests on.
std::string ages_text(const Comparison& comparison, const Dollars& dollars) {
  std::string text;
  for (const evaluate::ChipDollars& one : dollars.chips) {
    const std::string derate = default_set(*one.chip);
    const auto cases = cases_of(comparison, dollars, one.chip, derate);
    if (cases.empty()) {
      continue;
    }
    const NodeId advantage = closest(cases).versus().advantage;
    const cost::Ages ages =
        cost::ages(one.costing, advantage, cost::effects(*dollars.tree, advantage));
    const std::string what = fmt::format("{} {}'s advantage", one.chip->id, derate);
    text += fmt::format("  {}: {} of its variance; {} rests on guesses\n", old_rows(ages, what),
                        percent(ages.old_variance_share), percent(ages.guess_variance_share));
    if (const std::string later = later_rows(ages, what, one.costing.today); !later.empty()) {
      text += fmt::format("  {}\n", later);
    }
  }
  return text;
}

std::string not_priced_text(const cost::Costing& costing) { return join(costing.not_priced, "; "); }

// An own chip that no other one's price stands beside.
std::string alone_line(const Comparison& comparison, const Dollars& dollars,
                       const evaluate::ChipDollars& one, std::string_view derate) {
  if (!one.costing.price) {
    return fmt::format("Dollars: the price of {} is not known: {}.\n", one.chip->id,
                       not_priced_text(one.costing));
  }
  std::vector<double> prices;
  for (std::size_t i = 0; i < comparison.cells.size(); ++i) {
    for (std::size_t j = 0; j < comparison.cells[i].rows.size(); ++j) {
      const ComparedRow& row = comparison.cells[i].rows[j];
      const TokenPrice* price = dollars.cells[i].rows[j].of(PriceKind::purchase);
      if (price != nullptr && contestant(comparison.request, row).chip == one.chip &&
          contestant(comparison.request, row).derate == derate &&
          row.policy == comparison.request.policies.front()) {
        prices.push_back(price->central);
      }
    }
  }
  if (prices.empty()) {
    return "";
  }
  const auto [least, most] = std::minmax_element(prices.begin(), prices.end());
  return fmt::format(
      "Dollars: {} {} makes a million tokens for {}{} USD; no price of another chip stands beside "
      "it.\n",
      one.chip->id, derate, price_text(*least),
      prices.size() > 1 ? fmt::format(" to {}", price_text(*most)) : "");
}

// --- without an own chip

std::string bought_verdict(const Comparison& comparison, const Dollars& dollars) {
  std::string text;
  for (std::size_t i = 0; i < comparison.cells.size(); ++i) {
    const ComparedCell& cell = comparison.cells[i];
    std::vector<std::pair<const TokenPrice*, std::size_t>> ranked;
    for (std::size_t j = 0; j < cell.rows.size(); ++j) {
      if (const TokenPrice* price = dollars.cells[i].rows[j].cheapest()) {
        ranked.emplace_back(price, j);
      }
    }
    std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) {
      return a.first->central < b.first->central;
    });
    if (ranked.empty()) {
      continue;
    }
    const auto said = [&](const auto& one) {
      return fmt::format("{} {} at {} (P10..P90 {})",
                         contestant_name(contestant(comparison.request, cell.rows[one.second])),
                         verb_of(one.first->kind), price_text(one.first->central),
                         band(one.first->quantiles));
    };
    text += fmt::format("{}: {} USD a million tokens is the cheapest one can get",
                        cell_name(comparison, cell), said(ranked[0]));
    text += ranked.size() > 1 ? fmt::format("; then {}.\n", said(ranked[1])) : ".\n";
  }
  return text;
}

// --- the table

// "1.83 x = 1.56 x 1.15 x 1.02": silicon, merchant margin, software.
std::vector<std::string> advantage_cells(std::string name, const Versus& versus) {
  std::vector<std::string> cells{std::move(name), times(versus.central), band(versus.quantiles)};
  for (const auto part :
       {&evaluate::Split::silicon, &evaluate::Split::margin, &evaluate::Split::software}) {
    cells.push_back(versus.split ? number(*versus.split.*part) : "-");
  }
  return cells;
}

std::vector<std::size_t> by_price(const ComparedCell& cell, const evaluate::CellDollars& dollars) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < cell.rows.size(); ++i) {
    if (cell.rows[i].best) {
      order.push_back(i);
    }
  }
  const auto price = [&](std::size_t i) {
    const TokenPrice* cheapest = dollars.rows[i].cheapest();
    return cheapest == nullptr ? INFINITY : cheapest->central;
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return price(a) < price(b); });
  return order;
}

// --- why

}  // namespace

std::string dollars_verdict(const Comparison& comparison, const Dollars& dollars) {
  std::string text, without;
  for (const evaluate::ChipDollars& one : dollars.chips) {
    if (one.chip->kind != chip::Kind::full) {
      continue;
    }
    const std::string derate = default_set(*one.chip);
    const auto cases = cases_of(comparison, dollars, one.chip, derate);
    if (cases.empty()) {
      without += alone_line(comparison, dollars, one, derate);
      continue;
    }
    text += text.empty() ? "" : "\n";
    text += dollars_line(comparison, dollars, one.chip, derate, cases) + "\n";
    text += why_line(comparison, cases) + "\n";
    text += break_even_line(comparison, dollars, one.chip, derate, cases) + "\n";
    text += unless_line(comparison, dollars, cases) + "\n";
  }
  if (!text.empty()) {
    return text;
  }
  return without.empty() ? bought_verdict(comparison, dollars) : without;
}

std::string dollars_table(const Comparison& comparison, const Dollars& dollars, std::size_t cell,
                          std::size_t width) {
  const ComparedCell& compared = comparison.cells[cell];
  const evaluate::CellDollars& priced = dollars.cells[cell];
  Table table({Align::left, Align::right, Align::right, Align::right, Align::right, Align::right,
               Align::right, Align::right, Align::right});
  table.row({"USD/Mtok", "purchase", "P10..P90", "rent", "P10..P90", "build", "P10..P90", "input",
             "output"});
  Table advantages(
      {Align::left, Align::right, Align::right, Align::right, Align::right, Align::right});
  advantages.row({"advantage", "", "P10..P90", "= silicon", "x margin", "x software"});
  bool any_advantage = false;
  bool any = false;
  std::vector<std::string> remarks;
  for (const std::size_t i : by_price(compared, priced)) {
    const ComparedRow& row = compared.rows[i];
    const RowDollars& of = priced.rows[i];
    std::vector<std::string> cells{row_name(comparison, row)};
    for (const PriceKind kind : {PriceKind::purchase, PriceKind::rent, PriceKind::build}) {
      const TokenPrice* price = of.of(kind);
      cells.push_back(price == nullptr ? "-" : price_text(price->central));
      cells.push_back(price == nullptr ? "" : band(price->quantiles));
    }
    const TokenPrice* price = of.cheapest();
    any = any || !of.prices.empty();
    cells.push_back(price == nullptr ? "-" : price_text(price->central * of.input_ratio));
    cells.push_back(price == nullptr ? "-" : price_text(price->central * of.output_ratio));
    table.row(std::move(cells));
    if (of.versus) {
      advantages.row(advantage_cells(row_name(comparison, row), *of.versus));
      any_advantage = true;
    }
    const cost::Costing& costing = dollars.costing(row.contestant);
    const auto remark = [&](std::string line) {
      if (std::find(remarks.begin(), remarks.end(), line) == remarks.end()) {
        remarks.push_back(std::move(line));
      }
    };
    if (!costing.not_priced.empty()) {
      remark(folded(fmt::format("  not known of {}: {}", costing.chip, not_priced_text(costing)),
                    "    ", width) +
             "\n");
    }
    for (const std::string& note : costing.notes) {
      remark(folded(fmt::format("  {}: {}", costing.chip, note), "    ", width) + "\n");
    }
  }
  return any ? table.text("  ") + (any_advantage ? advantages.text("  ") : "") + join(remarks, "")
             : "";
}

std::string dollars_conditions(const Comparison& comparison, const Dollars& dollars) {
  const evaluate::DollarOptions& options = dollars.options;
  std::string text =
      fmt::format("Dollars: hours {}, {} of them with work; {} draws, seed {}",
                  options.cost.like == nullptr
                      ? std::string("as the cost tables say")
                      : fmt::format("like {}'s (life and cost of capital, space, electricity, PUE)",
                                    options.cost.like->id),
                  percent(options.occupancy), options.draws.draws, options.draws.seed);
  if (!options.cost.scenarios.empty()) {
    text += fmt::format("; scenario {}", join(cost::texts(options.cost.scenarios), ", "));
  }
  return text + ".\n" + ages_text(comparison, dollars);
}

}  // namespace churon::report
