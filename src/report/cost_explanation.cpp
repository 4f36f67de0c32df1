#include "report/cost_explanation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "report/format.h"

namespace churon::report {

namespace {

using cost::Input;
using cost::Node;
using cost::NodeId;
using cost::Quantiles;
using cost::Tree;

std::string plain_text(double value, std::string_view unit) {
  return has_no_unit(unit) ? fmt::format("{:.4g}", value) : money(value);
}

std::string value_text(double value, std::string_view unit) {
  return has_no_unit(unit) ? plain_text(value, unit)
                           : fmt::format("{} {}", plain_text(value, unit), unit);
}

class Explanation {
 public:
  Explanation(const Tree& tree, const QuantilesOf& quantiles)
      : quantiles_(quantiles), tree_(tree) {}

  std::string of_node(NodeId id) {
    write(id, 0);
    return std::move(text_);
  }

 private:
  void write(NodeId id, std::size_t depth) {
    const std::string indent(2 * depth, ' ');
    const Node& node = tree_.at(id);
    if (node.op == cost::Op::input) {
      write_input(tree_.input_of(node), id, indent);
      return;
    }
    const double central = cost::central_value(tree_, id);
    text_ += fmt::format("{}{} = {}", indent, node.key, value_text(central, node.unit));
    if (const Quantiles* q = quantiles_(id)) {
      text_ += fmt::format("  [P10 {}, P50 {}, P90 {}]", plain_text(q->p10, node.unit),
                           plain_text(q->p50, node.unit), plain_text(q->p90, node.unit));
    }
    text_ += node.text.empty() ? "\n" : fmt::format("  {}\n", node.text);
    text_ += fmt::format("{}  = {}\n", indent, tree_.formula(id));
    if (!seen_.insert(id).second) {
      text_ += fmt::format("{}  (above)\n", indent);
      return;
    }
    write_functions(id, indent);
    for (const NodeId argument : tree_.shown_arguments(id)) {
      write(argument, depth + 1);
    }
  }

  void write_functions(NodeId id, const std::string& indent) {
    const Node& node = tree_.at(id);
    if (node.function != nullptr) {
      text_ += fmt::format("{}  {} = {}; {}\n", indent, node.function->name, node.function->formula,
                           node.function->arguments);
    }
    for (const NodeId argument : node.arguments) {
      if (tree_.at(argument).key.empty()) {
        write_functions(argument, indent);
      }
    }
  }

  void write_input(const Input& input, NodeId id, const std::string& indent) {
    text_ +=
        fmt::format("{}{} = {}", indent, input.key, value_text(input.range.central, input.unit));
    if (input.is_uncertain()) {
      text_ += fmt::format(" (P5 {}, P95 {})", plain_text(input.range.low, input.unit),
                           plain_text(input.range.high, input.unit));
    }
    text_ += input.text.empty() ? "\n" : fmt::format("  {}\n", input.text);
    if (!seen_.insert(id).second) {
      return;
    }
    std::vector<std::string> parts{fmt::format("basis {}", input.basis)};
    const auto part = [&](std::string_view name, const std::string& value) {
      if (!value.empty()) {
        parts.push_back(name.empty() ? value : fmt::format("{} {}", name, value));
      }
    };
    part("as of", input.as_of);
    part("moves with", input.factor);
    const double clipped = cost::Spread(input.range, input.is_share).clipped_share();
    part("", clipped > 0 ? fmt::format("{} of its distribution is clipped", percent(clipped))
                         : std::string());
    part("", input.place);
    text_ += fmt::format("{}    {}\n", indent, join(parts, "; "));
    if (!input.source.empty()) {
      text_ += fmt::format("{}    source: {}\n", indent, input.source);
    }
    if (!input.note.empty()) {
      text_ += fmt::format("{}    note: {}\n", indent, input.note);
    }
  }

  const QuantilesOf& quantiles_;
  const Tree& tree_;
  std::set<NodeId> seen_;
  std::string text_;
};

}  // namespace

std::vector<NodeId> moved_by(const Tree& tree, std::string_view factor) {
  std::vector<NodeId> inputs;
  for (NodeId id = 0; id < tree.nodes().size(); ++id) {
    const Node& node = tree.at(id);
    if (node.op == cost::Op::input && !factor.empty() && tree.input_of(node).factor == factor) {
      inputs.push_back(id);
    }
  }
  return inputs;
}

bool has_no_unit(std::string_view unit) { return unit.empty() || unit == "1" || unit == "-"; }

std::string old_rows(const cost::Ages& ages, std::string_view what) {
  return fmt::format("of {} behind {} {} {} older than a year",
                     counted(static_cast<long long>(ages.rows.size()), "row"), what,
                     ages.old.size(), ages.old.size() == 1 ? "is" : "are");
}

std::string later_rows(const cost::Ages& ages, std::string_view what, cost::Month today) {
  return ages.later.empty()
             ? ""
             : fmt::format(
                   "Of those behind {}, {} dated after {} and used all the same", what,
                   ages.later.size() == 1 ? "1 is" : fmt::format("{} are", ages.later.size()),
                   month_text(today));
}

std::string ages_explanation_text(const Tree& tree, NodeId target, const cost::Ages& ages,
                                  cost::Month today) {
  const std::string& key = tree.at(target).key;
  std::string text = fmt::format(
      "{0}.ages: {1}: the last date of `as_of` lies more than twelve months before {2}\n"
      "  {3} of its variance rests on these\n"
      "    = sum of the variances of {0} with one factor alone moved, factors that move such a row "
      "/ sum over all factors\n"
      "  {4} of its variance rests on guesses\n"
      "    = the same of factors with an input of basis guess, memory or mixed\n",
      key, old_rows(ages, key), month_text(today), percent(ages.old_variance_share),
      percent(ages.guess_variance_share));
  if (const std::string later = later_rows(ages, key, today); !later.empty()) {
    text += fmt::format("  {}\n", later);
  }
  const auto contains = [](const std::vector<std::uint32_t>& rows, std::uint32_t at) {
    return std::find(rows.begin(), rows.end(), at) != rows.end();
  };
  Table table({Align::left, Align::left, Align::left, Align::left, Align::left});
  table.row({"row", "as of", "", "basis", ""});
  for (const std::uint32_t at : ages.rows) {
    const Input& row = tree.inputs()[at];
    table.row({row.key, row.as_of,
               contains(ages.old, at)     ? "old"
               : contains(ages.later, at) ? "later"
                                          : "",
               row.basis, row.place});
  }
  return text + table.text("  ");
}

std::string month_text(cost::Month month) {
  return fmt::format("{:04}-{:02}", month.count / 12, month.count % 12 + 1);
}

std::string money(double value) {
  const double size = std::abs(value);
  if (!std::isfinite(value)) {
    return "-";
  }
  if (size >= 1000) {
    const std::string digits = fmt::format("{:.0f}", size);
    std::string text = value < 0 ? "-" : "";
    for (std::size_t i = 0; i < digits.size(); ++i) {
      text += i > 0 && (digits.size() - i) % 3 == 0 ? "," : "";
      text += digits[i];
    }
    return text;
  }
  return fmt::format("{:.{}f}", value, size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

std::string cost_explanation_text(const Tree& tree, NodeId id, const QuantilesOf& quantiles) {
  return Explanation(tree, quantiles).of_node(id);
}

}  // namespace churon::report
