// Why a number of a comparison's dollars is what it is.
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "base/text.h"
#include "cost/draws.h"
#include "evaluate/estimate_command.h"
#include "report/cost_explanation.h"
#include "report/dollars_report.h"

namespace churon::report {

namespace {

using cost::NodeId;
using cost::Quantiles;
using evaluate::ComparedCell;
using evaluate::ComparedRow;
using evaluate::Comparison;
using evaluate::Dollars;
using evaluate::RowDollars;
using evaluate::Versus;

// The inputs of a factor (`hbm`), or all names that are `key` or end in it after a dot or colon.
std::vector<NodeId> matching(const cost::Tree& tree, std::string_view key) {
  if (const auto exact = tree.find(key)) {
    return {*exact};
  }
  std::vector<NodeId> found = moved_by(tree, key);
  if (!found.empty()) {
    return found;
  }
  for (NodeId id = 0; id < tree.nodes().size(); ++id) {
    const std::string_view name = tree.at(id).key;
    // "b200:mtok.purchase" stands for all models and workloads of b200.
    const std::size_t colon = key.find(':');
    const std::string_view head = colon == std::string_view::npos ? "" : key.substr(0, colon + 1);
    const std::string_view tail = key.substr(head.size());
    if (name.size() > tail.size() && name.ends_with(tail) && name.starts_with(head) &&
        (name[name.size() - tail.size() - 1] == '.' ||
         name[name.size() - tail.size() - 1] == ':')) {
      found.push_back(id);
    }
  }
  return found;
}

constexpr std::size_t kExplainedMax = 24;

// "churon-1:neutral.advantage.ages": how old the rows behind a quantity are. Empty: none is meant.
std::string ages_of_key(const Dollars& dollars, std::string_view key) {
  constexpr std::string_view kAges = ".ages";
  if (!key.ends_with(kAges)) {
    return "";
  }
  key.remove_suffix(kAges.size());
  std::string text;
  for (const NodeId id : matching(*dollars.tree, key)) {
    const cost::Costing& costing = dollars.chips.front().costing;
    text += ages_explanation_text(*dollars.tree, id,
                                  cost::ages(costing, id, cost::effects(*dollars.tree, id)),
                                  costing.today);
  }
  return text;
}

void for_each_versus(const Dollars& dollars, const std::function<void(const Versus&)>& visit) {
  for (const evaluate::CellDollars& cell : dollars.cells) {
    for (const RowDollars& row : cell.rows) {
      if (row.versus) {
        visit(*row.versus);
      }
    }
  }
}

// What the factors of the inputs that are explained do to each advantage: the numbers of the
// document's `effects` and `flips`.
std::string moved_text(const Dollars& dollars, const std::vector<NodeId>& explained) {
  const cost::Tree& tree = *dollars.tree;
  const auto is_meant = [&](const std::vector<std::uint32_t>& inputs) {
    return std::any_of(explained.begin(), explained.end(), [&](NodeId id) {
      return tree.at(id).op == cost::Op::input &&
             std::find(inputs.begin(), inputs.end(), tree.at(id).index) != inputs.end();
    });
  };
  const bool any = std::any_of(explained.begin(), explained.end(),
                               [&](NodeId id) { return tree.at(id).op == cost::Op::input; });
  std::string text;
  for_each_versus(dollars, [&](const Versus& versus) {
    const std::string& key = tree.at(versus.advantage).key;
    for (const cost::Effect& effect :
         any ? cost::effects(tree, versus.advantage) : std::vector<cost::Effect>{}) {
      if (is_meant(effect.inputs)) {
        text += fmt::format(
            "{} is {} with `{}` alone at its P5, {} at its P95; {} of its variance\n", key,
            number(effect.low), effect.factor, number(effect.high), percent(effect.variance_share));
      }
    }
    for (const cost::Flip& flip : versus.flips) {
      if (is_meant(flip.inputs)) {
        text += fmt::format(
            "{} is 1 with `{}` alone {:.2f} standard deviations from its centre, "
            "{} {}: {:.2g} of its draws lie at least as far out\n",
            key, flip.factor, flip.z, tree.inputs()[flip.inputs.front()].key,
            number(tree.value_at(flip.inputs.front(), flip.z)), flip.probability);
      }
    }
  });
  return text;
}

}  // namespace

Result<std::string> dollars_explanation(const Comparison& comparison, const Dollars& dollars,
                                        std::string_view key) {
  const cost::Tree& tree = *dollars.tree;
  if (std::string text = ages_of_key(dollars, key); !text.empty()) {
    return text;
  }
  std::vector<NodeId> found = matching(tree, key);
  if (found.empty()) {
    const std::vector<std::string> keys = tree.keys();
    const auto near = did_you_mean(key, keys);
    return fail({.code = "K0304",
                 .message = fmt::format("there is no quantity `{}`", escape_control(key)),
                 .help = {near ? fmt::format("did you mean `{}`?", *near)
                               : "CHIP:NAME, as in b200:mtok.purchase, churon-1:neutral.advantage; "
                                 "`key` in the JSON document"},
                 .exit = ExitCode::usage});
  }
  const std::size_t all = found.size();
  found.resize(std::min(all, kExplainedMax));
  // Distributions of all that has a name on the way.
  const std::vector<bool> needed = tree.needed(found);
  std::vector<NodeId> named;
  for (NodeId id = 0; id < needed.size(); ++id) {
    if (needed[id] && !tree.at(id).key.empty() && tree.at(id).op != cost::Op::input) {
      named.push_back(id);
    }
  }
  const auto quantiles = cost::draw(tree, named, dollars.options.draws);
  const QuantilesOf of = [&](NodeId id) -> const Quantiles* {
    const auto at = std::lower_bound(named.begin(), named.end(), id);
    return at != named.end() && *at == id ? &quantiles[static_cast<std::size_t>(at - named.begin())]
                                          : nullptr;
  };
  std::string text;
  for (const NodeId id : found) {
    text += (text.empty() ? "" : "\n") + cost_explanation_text(tree, id, of);
  }
  text += moved_text(dollars, found);
  if (all > found.size()) {
    text += fmt::format("\n{} more fit `{}`; a longer name tells them apart.\n", all - found.size(),
                        escape_control(key));
  }
  if (comparison.cells.size() == 1) {
    text += "\nThroughput, shown term by term:\n";
    const ComparedCell& cell = comparison.cells.front();
    for (const ComparedRow& row : cell.rows) {
      if (row.best) {
        text +=
            fmt::format("  {} --explain\n",
                        escape_control(evaluate::estimate_command(comparison.request, cell, row)));
      }
    }
  }
  return text;
}

}  // namespace churon::report
