#include "cost/costing.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/data_dir.h"
#include "base/text.h"
#include "cost/builder.h"
#include "cost/draws.h"
#include "cost/process.h"
#include "cost/sheet.h"

namespace churon::cost {

namespace {

std::vector<std::string> group_names() {
  std::vector<std::string> names;
  for (const Group& group : groups()) {
    if (std::find(names.begin(), names.end(), group.name) == names.end()) {
      names.emplace_back(group.name);
    }
  }
  return names;
}

void price_nothing(Costing& made, const char* what) {
  if (!made.cogs && made.not_priced.empty()) {
    made.not_priced.emplace_back(what);
  }
}

// Nothing that is printed is infinite: a yield or a life of zero is in its formula. Only a way may
// never be cheaper than another.
Result<void> check_finite(const Costing& made) {
  const Tree& tree = *made.tree;
  std::vector<NodeId> targets = made.printed();
  std::erase_if(targets, [&](NodeId id) {
    return std::any_of(made.ways.begin(), made.ways.end(),
                       [&](const Way& way) { return way.break_even == id; });
  });
  const auto found = not_finite(tree, targets);
  if (!found) {
    return {};
  }
  Diagnostic finding{
      .code = "K0308",
      .message = fmt::format("`{}` is no finite number", tree.at(*found).key),
      .notes = {fmt::format("it is {}", tree.formula(*found))},
      .help = {"a yield, a share, a life or a number of units in it leaves nothing"}};
  for (const NodeId argument : tree.shown_arguments(*found)) {
    const Node& node = tree.at(argument);
    const bool is_input = node.op == Op::input;
    const std::string& place = is_input ? tree.input_of(node).place : node.text;
    finding.notes.push_back(
        fmt::format("{} = {:g}{}{}", is_input ? tree.input_of(node).key : node.key,
                    central_value(tree, argument), place.empty() ? "" : ", ", place));
  }
  return fail(std::move(finding));
}

}  // namespace

Result<Scenario> parse_scenario(std::string_view text) {
  constexpr double kPercentMax = 1e6;
  const std::size_t sign = text.find_first_of("+-");
  const bool has_form = sign != std::string_view::npos && sign > 0 && text.ends_with('%');
  const auto percent =
      has_form ? parse_number(text.substr(sign + 1, text.size() - sign - 2)) : std::nullopt;
  if (!percent || *percent < 0 || *percent > kPercentMax ||
      (text[sign] == '-' && *percent >= 100)) {
    return fail({.code = "K0301",
                 .message = fmt::format("`{}` is not a scenario", text),
                 .help = {"GROUP+PERCENT% or GROUP-PERCENT%: hbm+20%, wafer-10%",
                          fmt::format("from -100% (excluded) to +{:.0f}%", kPercentMax)},
                 .exit = ExitCode::usage});
  }
  const std::string group(text.substr(0, sign));
  const std::vector<std::string> names = group_names();
  if (std::find(names.begin(), names.end(), group) == names.end()) {
    const auto near = did_you_mean(group, names);
    return fail({.code = "K0302",
                 .message = fmt::format("there is no group `{}`", group),
                 .help = {near ? fmt::format("did you mean `{}`?", *near)
                               : fmt::format("one of {}", join(names, ", "))},
                 .exit = ExitCode::usage});
  }
  return Scenario{std::string(text), group, 1 + (text[sign] == '-' ? -1 : 1) * *percent / 100};
}

std::vector<std::string> texts(std::span<const Scenario> scenarios) {
  std::vector<std::string> texts;
  texts.reserve(scenarios.size());
  for (const Scenario& scenario : scenarios) {
    texts.push_back(scenario.text);
  }
  return texts;
}

Ages ages(const Costing& costing, NodeId target, std::span<const Effect> effects) {
  constexpr int kYear = 12;
  const Tree& tree = *costing.tree;
  const auto is_old = [&](const Input& input) {
    const Month date = last_date(input.as_of);
    return date.is_known() && date.count + kYear < costing.today.count;
  };
  const auto is_later = [&](const Input& input) { return last_date(input.as_of) > costing.today; };
  Ages found;
  const std::vector<bool> needed = tree.needed({&target, 1});
  for (NodeId id = 0; id < needed.size(); ++id) {
    const Node& node = tree.at(id);
    if (needed[id] && node.op == Op::input && !tree.input_of(node).as_of.empty()) {
      found.rows.push_back(node.index);
      if (is_old(tree.input_of(node))) {
        found.old.push_back(node.index);
      }
      if (is_later(tree.input_of(node))) {
        found.later.push_back(node.index);
      }
    }
  }
  for (const Effect& effect : effects) {
    const bool has_old = std::any_of(effect.inputs.begin(), effect.inputs.end(),
                                     [&](std::uint32_t at) { return is_old(tree.inputs()[at]); });
    found.old_variance_share += has_old ? effect.variance_share : 0;
    found.guess_variance_share += effect.is_guess ? effect.variance_share : 0;
  }
  return found;
}

bool is_row(std::string_view key, const Tables& tables) { return tables.find(key) != nullptr; }

Diagnostics check_set(const CostOptions& options, const Tables& tables) {
  Diagnostics findings;
  for (const std::string& set : options.set) {
    const std::size_t equals = set.find('=');
    const std::string key = set.substr(0, equals);
    const auto value =
        equals == std::string::npos ? std::nullopt : parse_number(set.substr(equals + 1));
    if (tables.find(key) == nullptr || !value || *value < 0 || *value > kNumberMax) {
      const Input* row = tables.find(key);
      findings.push_back(
          {.code = "K0303",
           .message = fmt::format("`--set {}` does not set a row of the tables", set),
           .help = {row == nullptr ? "KEY=NUMBER, with the key of a row"
                                   : fmt::format("{}=NUMBER, in {}, from 0 to {:g}", key, row->unit,
                                                 kNumberMax)},
           .exit = ExitCode::usage});
    }
  }
  return findings;
}

std::vector<NodeId> Costing::printed() const {
  std::vector<NodeId> ids;
  const auto add = [&](NodeId id) {
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) {
      ids.push_back(id);
    }
  };
  for (const auto& id : {cogs, price, slot, hourly}) {
    if (id) {
      add(*id);
    }
  }
  std::for_each(cogs_lines.begin(), cogs_lines.end(), add);
  std::for_each(hourly_lines.begin(), hourly_lines.end(), add);
  for (const Section& section : sections) {
    std::for_each(section.lines.begin(), section.lines.end(), add);
  }
  for (const Way& way : ways) {
    for (const NodeId id : {way.nre, way.unit, way.per_chip, way.months}) {
      add(id);
    }
    if (way.break_even) {
      add(*way.break_even);
    }
  }
  return ids;
}

std::string data_folder(const std::string& data) {
  return data.empty() ? data_path("data/cost") : data;
}

Result<Data> read_data(const CostOptions& options) {
  const std::string folder = data_folder(options.data);
  auto tables = Tables::load(folder);
  if (!tables) {
    return fail(tables);
  }
  auto recipes = Recipes::load(folder);
  if (!recipes) {
    return fail(recipes);
  }
  return Data{std::move(*tables), std::move(*recipes)};
}

Result<Costing> costing(const chip::Chip& chip, const CostOptions& options) {
  const auto data = read_data(options);
  if (!data) {
    return fail(data);
  }
  return costing(chip, options, *data, std::make_shared<Tree>());
}

Result<Costing> costing(const chip::Chip& chip, const CostOptions& options, const Data& data,
                        std::shared_ptr<Tree> tree) {
  if (auto findings = check_set(options, data.tables); !findings.empty()) {
    return tl::unexpected(std::move(findings));
  }
  Costing made;
  made.tree = std::move(tree);
  made.chip = chip.id;
  made.chip_name = chip.name;
  made.chip_digest = chip.digest;
  made.is_own = chip.kind == chip::Kind::full;
  made.today = options.as_of.is_known() ? options.as_of : *parse_month(kToday);
  Builder builder(chip, data.tables, options, made);
  if (made.is_own) {
    if (auto library = check_library(builder); !library) {
      return fail(library);
    }
    const Bill bill = bill_of_own(builder);
    made.cogs = bill.cogs ? std::optional(bill.cogs->id) : std::nullopt;
    price_nothing(made, "the bill of material");
    ownership_of_own(builder, bill, programme(builder, bill));
  } else {
    const Recipe* recipe = data.recipes.find(chip.id);
    made.recipe = recipe != nullptr ? recipe->source : "packaged and tested like other chips";
    const Bill bill = bill_of_bought(builder, recipe);
    made.cogs = bill.cogs ? std::optional(bill.cogs->id) : std::nullopt;
    price_nothing(made, "the bill of material");
    ownership_of_bought(builder, bill, recipe);
  }
  if (!builder.findings().empty()) {
    return tl::unexpected(builder.findings());
  }
  if (auto finite = check_finite(made); !finite) {
    return fail(finite);
  }
  return made;
}

}  // namespace churon::cost
