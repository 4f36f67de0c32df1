#include "report/cost_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <set>
#include <span>

#include "base/text.h"
#include "report/cost_explanation.h"
#include "report/cost_json.h"

namespace churon::report {

namespace {

using cost::Costing;
using cost::Effect;
using cost::Input;
using cost::Node;
using cost::NodeId;
using cost::Quantiles;
using cost::Tree;

constexpr int kBarWidth = 24;

const Quantiles* of(const CostRecord& record, std::optional<NodeId> id) {
  for (std::size_t i = 0; id && i < record.printed.size(); ++i) {
    if (record.printed[i] == *id) {
      return &record.quantiles[i];
    }
  }
  return nullptr;
}

std::string years(double months) { return fmt::format("{:.1f} years", months / 12); }

bool is_share(const Node& node) { return node.unit == "1"; }

// --- the text -----------------------------------------------------------------------------------

void add_line(Table& table, const CostRecord& record, NodeId id) {
  const Tree& tree = *record.costing.tree;
  const Node& node = tree.at(id);
  const Quantiles* q = of(record, id);
  const auto cell = [&](double value) {
    return is_share(node) ? fmt::format("{:.3f}", value) : money(value);
  };
  std::string text = node.text;
  if (node.op == cost::Op::input && text.empty()) {
    text = tree.input_of(node).note.empty() ? "" : tree.input_of(node).note;
    if (display_width(text) > 60) {
      text.clear();
    }
  }
  table.row({node.key, cell(q->p10), cell(q->p50), cell(q->p90),
             has_no_unit(node.unit) ? "" : node.unit, text});
}

std::string lines_text(const CostRecord& record, const std::vector<NodeId>& lines) {
  Table table({Align::left, Align::right, Align::right, Align::right, Align::left, Align::left});
  table.row({"", "P10", "P50", "P90", "", ""});
  for (const NodeId id : lines) {
    add_line(table, record, id);
  }
  return table.text("  ");
}

std::string range(const Quantiles& q) {
  return fmt::format("{} ({} to {})", money(q.p50), money(q.p10), money(q.p90));
}

std::string effect_inputs(const Tree& tree, const Effect& effect) {
  std::vector<std::string> keys;
  for (const std::uint32_t at : effect.inputs) {
    keys.push_back(tree.inputs()[at].key);
  }
  return join(keys, ", ");
}

// How old what was used is, and what it rests on.
std::string ages_line(const CostRecord& record) {
  const Costing& c = record.costing;
  std::vector<std::string> parts, later;
  const auto add = [&](std::string_view what, const std::optional<NodeId>& target,
                       const std::vector<Effect>& effects) {
    if (!target) {
      return;
    }
    const cost::Ages ages = cost::ages(c, *target, effects);
    parts.push_back(fmt::format("{} ({} of its variance), {} rests on guesses",
                                old_rows(ages, what), percent(ages.old_variance_share),
                                percent(ages.guess_variance_share)));
    if (std::string line = later_rows(ages, what, c.today); !line.empty()) {
      later.push_back(std::move(line));
    }
  };
  add("the bill", c.cogs, record.cogs_effects);
  add("the hour", c.hourly, record.hourly_effects);
  std::string text = fmt::format("Tables: {}.\n", join(parts, ";\n        "));
  for (const std::string& line : later) {
    text += fmt::format("        {}.\n", line);
  }
  return text;
}

// One line for each thing a reader takes away.
std::string verdict(const CostRecord& record) {
  const Costing& c = record.costing;
  std::string text;
  if (!record.obstacles.empty()) {
    text +=
        fmt::format("Nobody can make it as described: {} (`churon silicon` says what would fit).\n",
                    join(record.obstacles, "; "));
  }
  if (const Quantiles* cogs = of(record, c.cogs)) {
    text += fmt::format(
        "{} costs {}{} USD to make (P10 to P90 {} to {}); {} of it is memory, {} HBM prices.\n",
        c.chip_name, c.is_part_of_bill ? "more than " : "", money(cogs->p50), money(cogs->p10),
        money(cogs->p90), percent(of(record, c.cogs_lines[1])->p50 / cogs->p50), c.hbm_basis);
  } else {
    text += fmt::format("What {} costs to make cannot be said: {}.\n", c.chip_name,
                        join(c.not_priced, "; "));
  }
  const Quantiles* price = of(record, c.price);
  const Quantiles* hourly = of(record, c.hourly);
  if (price != nullptr && hourly != nullptr) {
    text += fmt::format("{} it costs {} USD, in its slot {}, and {} USD an hour.\n",
                        c.is_own ? "From a partner" : "Bought", range(*price),
                        money(of(record, c.slot)->p50), range(*hourly));
  }
  for (const std::string& note : c.notes) {
    text += fmt::format("Note: {}.\n", note);
  }
  const auto& effects = record.cogs_effects.empty() ? record.hourly_effects : record.cogs_effects;
  if (!effects.empty()) {
    const Effect& first = effects.front();
    text += fmt::format("What moves it most: {}, {} to {} USD between its P5 and P95.\n",
                        effect_inputs(*c.tree, first), money(first.low), money(first.high));
    text += ages_line(record);
  }
  return text;
}

std::string ways_text(const CostRecord& record) {
  const Costing& c = record.costing;
  if (c.ways.empty()) {
    return "";
  }
  Table table({Align::left, Align::right, Align::right, Align::right, Align::right, Align::right,
               Align::left});
  table.row({"", "programme", "unit", "with its share", "to volume", "cheaper from", ""});
  table.row({"", ".nre, MUSD", ".unit, USD", ".per_chip, USD", ".months", ".break_even", ""});
  for (const cost::Way& way : c.ways) {
    const Quantiles* even = of(record, way.break_even);
    const std::string units = even == nullptr ? ""
                              : !std::isfinite(even->p50) || even->p50 < 0
                                  ? "never"
                                  : money(even->p50) + " units";
    table.row({"way." + way.name, money(of(record, way.nre)->p50), money(of(record, way.unit)->p50),
               money(of(record, way.per_chip)->p50), years(of(record, way.months)->p50), units,
               way.text});
  }
  return fmt::format("Three ways to make it (medians; units: cost.units of the description)\n{}\n",
                     table.text("  "));
}

std::string tornado_text(const CostRecord& record, const std::vector<Effect>& effects,
                         std::optional<NodeId> target, Charset charset) {
  if (effects.empty() || !target) {
    return "";
  }
  const Tree& tree = *record.costing.tree;
  Table table({Align::left, Align::right, Align::right, Align::left, Align::right, Align::left});
  table.row({"", "at P5", "at P95", "", "variance", "basis"});
  const double widest = std::abs(effects[0].high - effects[0].low);
  for (std::size_t i = 0; i < std::min(kTornado, effects.size()); ++i) {
    const Effect& effect = effects[i];
    const int width = std::max(
        1, static_cast<int>(std::lround(kBarWidth * std::abs(effect.high - effect.low) / widest)));
    std::string bar;
    for (int k = 0; k < width; ++k) {
      bar += charset == Charset::unicode ? "█" : "#";
    }
    std::vector<std::string> bases;
    for (const std::uint32_t at : effect.inputs) {
      const std::string& basis = tree.inputs()[at].basis;
      if (std::find(bases.begin(), bases.end(), basis) == bases.end()) {
        bases.push_back(basis);
      }
    }
    table.row({effect_inputs(tree, effect), money(effect.low), money(effect.high), bar,
               percent(effect.variance_share), join(bases, ", ")});
  }
  return fmt::format("What moves {} ({}), each factor alone\n{}\n", tree.at(*target).key,
                     tree.at(*target).unit, table.text("  "));
}

// --- JSON ---------------------------------------------------------------------------------------

// "USD/h" -> "usd_per_hour": field names end in their unit.
std::string unit_name(std::string_view unit) {
  struct UnitName {
    std::string_view unit, name;
  };
  static constexpr UnitName kNames[]{{"USD", "usd"},          {"USD/h", "usd_per_hour"},
                                     {"1", "ratio"},          {"-", "ratio"},
                                     {"USD million", "musd"}, {"USD billion", "busd"}};
  for (const UnitName& entry : kNames) {
    if (entry.unit == unit) {
      return std::string(entry.name);
    }
  }
  return std::string(unit);
}

Json distribution_json(const Quantiles& q) {
  Json json = quantiles_json(q);
  json["mean"] = finite_drawn(q.mean);
  json["deviation"] = finite_drawn(q.deviation);
  return json;
}

// What stands first in the JSON document, and as such can be explained too.
struct Headline {
  std::string_view name;
  std::optional<NodeId> Costing::* of;
};
constexpr std::array kHeadlines{
    Headline{"cogs_usd", &Costing::cogs},
    Headline{"price_usd", &Costing::price},
    Headline{"slot_usd", &Costing::slot},
    Headline{"hourly_usd", &Costing::hourly},
    Headline{"build_hourly_usd", &Costing::build_hourly},
    Headline{"rent_hourly_usd", &Costing::rent_hourly},
};

Json headline(const CostRecord& record, std::optional<NodeId> id) {
  const Quantiles* q = of(record, id);
  return q == nullptr ? Json(nullptr) : distribution_json(*q);
}

Json line_json(const CostRecord& record, NodeId id) {
  const Tree& tree = *record.costing.tree;
  const Node& node = tree.at(id);
  Json json = {{"key", node.key}, {"text", node.text}, {"unit", unit_name(node.unit)}};
  if (const Quantiles* q = of(record, id)) {
    json.update(distribution_json(*q));
  }
  if (node.op != cost::Op::input) {
    json["formula"] = tree.formula(id);
  }
  return json;
}

Json lines_json(const CostRecord& record, const std::vector<NodeId>& lines) {
  Json json = Json::array();
  for (const NodeId id : lines) {
    json.push_back(line_json(record, id));
  }
  return json;
}

Json ages_json(const CostRecord& record, NodeId target, const std::vector<Effect>& effects) {
  const cost::Ages ages = cost::ages(record.costing, target, effects);
  return {{"rows", ages.rows.size()},
          {"rows_over_a_year", ages.old.size()},
          {"rows_after_as_of", ages.later.size()},
          {"variance_share_over_a_year", ages.old_variance_share},
          {"variance_share_guesses", ages.guess_variance_share}};
}

Json inputs_json(const CostRecord& record) {
  const Tree& tree = *record.costing.tree;
  const std::vector<bool> needed = tree.needed(record.printed);
  Json json = Json::array();
  for (NodeId id = 0; id < tree.nodes().size(); ++id) {
    if (!needed[id] || tree.at(id).op != cost::Op::input) {
      continue;
    }
    const Input& input = tree.input_of(tree.at(id));
    json.push_back({{"key", input.key},
                    {"unit", input.unit},
                    {"low", input.range.low},
                    {"central", input.range.central},
                    {"high", input.range.high},
                    {"basis", input.basis},
                    {"as_of", input.as_of},
                    {"source", input.source},
                    {"place", input.place},
                    {"clipped_share", cost::Spread(input.range, input.is_share).clipped_share()}});
  }
  return json;
}

// The quantities that a key means: a quantity or input, a headline of the JSON document, all inputs
// that a factor moves ("hbm"), all that is printed under a name ("way.inhouse").
std::vector<NodeId> meant_by(const CostRecord& record, std::string_view key) {
  const Costing& c = record.costing;
  if (const auto id = c.tree->find(key)) {
    return {*id};
  }
  for (const Headline& one : kHeadlines) {
    if (one.name == key && c.*one.of) {
      return {*(c.*one.of)};
    }
  }
  std::vector<NodeId> found = moved_by(*c.tree, key);
  if (found.empty()) {
    const std::string stem = fmt::format("{}.", key);
    std::copy_if(record.printed.begin(), record.printed.end(), std::back_inserter(found),
                 [&](NodeId id) { return c.tree->at(id).key.starts_with(stem); });
  }
  return found;
}

// What the factors of inputs do to the bill and to the hour: the numbers of the tornado.
std::string moved_text(const CostRecord& record, std::span<const NodeId> explained) {
  const Tree& tree = *record.costing.tree;
  const auto is_explained = [&](std::uint32_t input) {
    return std::any_of(explained.begin(), explained.end(), [&](NodeId id) {
      return tree.at(id).op == cost::Op::input && tree.at(id).index == input;
    });
  };
  std::string text;
  for (const auto& [effects, target] : {std::pair{&record.cogs_effects, record.costing.cogs},
                                        {&record.hourly_effects, record.costing.hourly}}) {
    for (const Effect& effect : *effects) {
      if (std::any_of(effect.inputs.begin(), effect.inputs.end(), is_explained)) {
        text +=
            fmt::format("{} is {} with `{}` alone at its P5, {} at its P95; {} of its variance\n",
                        tree.at(*target).key, money(effect.low), effect.factor,
                        fmt::format("{} {}", money(effect.high), tree.at(*target).unit),
                        percent(effect.variance_share));
      }
    }
  }
  return text;
}

// What was asked for, and stands in the document as it was.
struct Setting {
  std::string_view key, text;
};
constexpr std::array kSettings{
    Setting{"draws", "how often all uncertain inputs were drawn: --draws"},
    Setting{"seed", "of the draws' numbers: --seed"},
    Setting{"as_of_month", "what counts as today: --as-of"},
};

// What the key says of the document as a whole: how old the rows behind a quantity are
// ("cogs.ages", in the document `cogs_ages`), a setting. Empty: nothing.
std::string document_text(const CostRecord& record, std::string_view key) {
  const Costing& c = record.costing;
  for (const auto& [of, effects] :
       {std::pair{c.cogs, &record.cogs_effects}, {c.hourly, &record.hourly_effects}}) {
    const std::string name = of ? c.tree->at(*of).key : "";
    if (of && (key == name + ".ages" || key == name + "_ages")) {
      return ages_explanation_text(*c.tree, *of, cost::ages(c, *of, *effects), c.today);
    }
  }
  const auto* const setting = std::find_if(kSettings.begin(), kSettings.end(),
                                           [&](const Setting& one) { return one.key == key; });
  return setting == kSettings.end() ? "" : fmt::format("{}: {}\n", key, setting->text);
}

}  // namespace

CostRecord cost_record(cost::Costing costing, const cost::DrawOptions& draws,
                       std::vector<std::string> scenarios) {
  CostRecord record{.costing = std::move(costing),
                    .draws = draws,
                    .scenarios = std::move(scenarios),
                    .printed = {},
                    .quantiles = {},
                    .cogs_effects = {},
                    .hourly_effects = {}};
  const Costing& c = record.costing;
  record.printed = c.printed();
  record.quantiles = cost::draw(*c.tree, record.printed, draws);
  if (c.cogs) {
    record.cogs_effects = cost::effects(*c.tree, *c.cogs);
  }
  if (c.hourly) {
    record.hourly_effects = cost::effects(*c.tree, *c.hourly);
  }
  return record;
}

std::string cost_text(const CostRecord& record, Charset charset, std::size_t width) {
  const Costing& c = record.costing;
  std::string text = folded_lines(verdict(record), "      ", width) + "\n";
  if (!record.scenarios.empty()) {
    text += fmt::format("Scenario: {}\n\n", join(record.scenarios, ", "));
  }
  if (c.cogs) {
    std::vector<NodeId> lines = c.cogs_lines;
    lines.push_back(*c.cogs);
    text += fmt::format("Bill of material\n{}\n", lines_text(record, lines));
  }
  for (const cost::Section& section : c.sections) {
    text += fmt::format("{}\n{}\n", section.title, lines_text(record, section.lines));
  }
  text += ways_text(record);
  text += tornado_text(record, record.cogs_effects, c.cogs, charset);
  text += tornado_text(record, record.hourly_effects, c.hourly, charset);
  if (!c.not_priced.empty()) {
    text += "Not priced\n";
    for (const std::string& what : c.not_priced) {
      text += fmt::format("  {}\n", what);
    }
    text += "\n";
  }
  if (!c.recipe.empty() && c.cogs) {
    text += fmt::format("Its bill: {}.\n", c.recipe);
  }
  text += fmt::format(
      "{} draws, seed {}, as of {}. Dollars are nominal and public figures disagree by 20-60 %.\n"
      "`--explain KEY` says why a number is what it is.\n",
      record.draws.draws, record.draws.seed, month_text(c.today));
  return text;
}

Json cost_json(const CostRecord& record) {
  const Costing& c = record.costing;
  Json json = json_document("cost");
  json["chip"] = c.chip;
  json["chip_name"] = c.chip_name;
  json["chip_digest"] = c.chip_digest;
  json["seed"] = record.draws.seed;
  json["draws"] = record.draws.draws;
  json["as_of_month"] = month_text(c.today);
  json["scenarios"] = record.scenarios;
  json["hbm_basis"] = c.hbm_basis;
  for (const Headline& one : kHeadlines) {
    json[std::string(one.name)] = headline(record, c.*one.of);
  }
  json["cogs_lines"] = lines_json(record, c.cogs_lines);
  json["hourly_lines"] = lines_json(record, c.hourly_lines);
  json["cogs_is_complete"] = c.cogs.has_value() && !c.is_part_of_bill;
  json["notes"] = c.notes;
  json["not_priced"] = c.not_priced;
  json["obstacles"] = record.obstacles;
  json["recipe"] = c.recipe;
  json["sections"] = Json::array();
  for (const cost::Section& section : c.sections) {
    json["sections"].push_back(
        {{"title", section.title}, {"lines", lines_json(record, section.lines)}});
  }
  json["ways"] = Json::array();
  for (const cost::Way& way : c.ways) {
    json["ways"].push_back({{"way", way.name},
                            {"text", way.text},
                            {"nre_musd", headline(record, way.nre)},
                            {"unit_usd", headline(record, way.unit)},
                            {"per_chip_usd", headline(record, way.per_chip)},
                            {"months", headline(record, way.months)},
                            {"break_even_units", headline(record, way.break_even)}});
  }
  json["cogs_effects"] = effects_json(*c.tree, record.cogs_effects, finite);
  json["hourly_effects"] = effects_json(*c.tree, record.hourly_effects, finite);
  if (c.cogs) {
    json["cogs_ages"] = ages_json(record, *c.cogs, record.cogs_effects);
  }
  if (c.hourly) {
    json["hourly_ages"] = ages_json(record, *c.hourly, record.hourly_effects);
  }
  json["inputs"] = inputs_json(record);
  return json;
}

Result<std::string> cost_explanation(const CostRecord& record, std::string_view key) {
  if (std::string text = document_text(record, key); !text.empty()) {
    return text;
  }
  const Tree& tree = *record.costing.tree;
  const std::vector<NodeId> found = meant_by(record, key);
  if (!found.empty()) {
    std::string text;
    for (const NodeId id : found) {
      text += cost_explanation_text(tree, id, [&](NodeId node) { return of(record, node); });
    }
    return text + moved_text(record, found);
  }
  const std::vector<std::string> keys = tree.keys();
  const auto near = did_you_mean(key, keys);
  return fail({.code = "K0304",
               .message = fmt::format("there is no quantity `{}`", escape_control(key)),
               .help = {near ? fmt::format("did you mean `{}`?", *near)
                             : fmt::format("the first column of `churon cost {}` lists them",
                                           record.costing.chip)},
               .exit = ExitCode::usage});
}

}  // namespace churon::report
