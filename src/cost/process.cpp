#include "cost/process.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "chip/values.h"
#include "silicon/technology.h"

namespace churon::cost {

namespace {

std::optional<double> number_of(std::string_view node) {
  return node.starts_with('N') ? parse_number(node.substr(1)) : std::nullopt;
}

void note(Builder& b, std::string text) {
  auto& notes = b.costing.notes;
  if (std::find(notes.begin(), notes.end(), text) == notes.end()) {
    notes.push_back(std::move(text));
  }
}

}  // namespace

Process process_of(Builder& b, const chip::Die& die) {
  const chip::Value* from = chip::find_value(b.chip, fmt::format("die.{}.node", die.id));
  const chip::Value* library = chip::find_value(b.chip, "tech.library");
  Process process{.name = die.node, .node = {}};
  if (library != nullptr && (from == nullptr || library->since < from->since)) {
    process.name = b.chip.technology->library;
    from = library;
  }
  process.node = node_class(process.name);
  const auto is_of_it = [&](std::string_view path) {
    const chip::Value* value = chip::find_value(b.chip, path);
    return value == nullptr || from == nullptr || value->stated <= from->since;
  };
  process.price_described = b.chip.cost && b.chip.cost->wafer && is_of_it("cost.wafer");
  process.density_described = b.chip.yield && is_of_it("yield.d0");
  std::vector<std::string> replaced;
  const auto replace = [&](bool is_replaced, std::string_view path, const std::string& row) {
    if (is_replaced && b.has_row(row)) {
      replaced.push_back(
          fmt::format("{} and not {} ({})", row, path, chip::find_value(b.chip, path)->where));
    }
  };
  replace(b.chip.cost && b.chip.cost->wafer && !process.price_described, "cost.wafer",
          "wafer_price." + process.node);
  replace(b.chip.yield && !process.density_described, "yield.d0", "d0." + process.node);
  if (!replaced.empty()) {
    note(b, fmt::format("Die `{}` is moved to {} ({}): {} count; sizes, areas and powers stay as "
                        "described",
                        die.id, process.name, from->where, join(replaced, ", ")));
  }
  return process;
}

std::vector<std::string> priced_nodes(const Builder& b) {
  std::vector<std::string> nodes = b.named_after("wafer_price.");
  std::erase_if(
      nodes, [&](const std::string& node) { return !number_of(node) || !b.has_row("d0." + node); });
  std::sort(nodes.begin(), nodes.end(), [](const std::string& a, const std::string& c) {
    return *number_of(a) < *number_of(c);
  });
  return nodes;
}

std::string mask_row(const Builder& b, std::string_view node) {
  std::string best = "N3";
  double nearest = 0;
  for (const std::string& row : b.named_after("mask_set.")) {
    const auto of = number_of(row), wanted = number_of(node);
    if (of && wanted && *of <= *wanted && *of > nearest) {
      nearest = *of;
      best = row;
    }
  }
  return "mask_set." + best;
}

Result<void> check_library(const Builder& b) {
  const std::string& library = b.chip.technology->library;
  if (b.has_row("wafer_price." + node_class(library))) {
    return {};
  }
  const auto table = silicon::read_technology();
  if (!table) {
    return fail(table);
  }
  const auto known = silicon::nodes(*table);
  if (!known) {
    return fail(known);
  }
  if (silicon::find_node(*known, library)) {
    return {};
  }
  std::vector<std::string> ids;
  std::transform(known->begin(), known->end(), std::back_inserter(ids),
                 [](const silicon::Node& node) { return node.id; });
  for (const std::string& node : priced_nodes(b)) {
    const std::string id = to_lower_ascii(node);
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) {
      ids.push_back(id);
    }
  }
  const chip::Value* const stated = chip::find_value(b.chip, "tech.library");
  const auto near = did_you_mean(library, ids);
  std::vector<std::string> help{"there are: " + join(ids, ", ") + "; tsmc-n5-public is n5"};
  if (near) {
    help.insert(help.begin(), fmt::format("did you mean `{}`?", *near));
  }
  return fail(
      {.code = "K0306",
       .message = fmt::format("`tech.library` is `{}`, and no table knows that process",
                              escape_control(library)),
       .notes = {fmt::format("it stands in {}", stated == nullptr ? b.chip.id : stated->where)},
       .help = std::move(help)});
}

}  // namespace churon::cost
