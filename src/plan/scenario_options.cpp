// The options of a scenario: bought, rented and own chips.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "plan/program.h"
#include "plan/scenario_reader.h"

namespace churon::plan {

namespace {

std::string counted_quarters(int count) {
  return fmt::format("{} {}", count, count == 1 ? "quarter" : "quarters");
}

// More than these no chip costs or serves: beside such numbers a solver takes all others for zero.
constexpr double kPriceMost = 1e8;   // USD
constexpr double kTokensMost = 1e8;  // tokens/s

struct KindEntry {
  std::string_view word;
  Kind kind;
};
constexpr std::array kKinds{KindEntry{"buy", Kind::buy}, KindEntry{"rent", Kind::rent},
                            KindEntry{"own", Kind::own}};

}  // namespace

const chip::Chip* ScenarioReader::chip_of(const chip::Node& table, const Option& option) {
  if (option.chip.empty()) {
    return nullptr;
  }
  const auto [known, is_new] = chips_.try_emplace(option.chip);
  if (is_new) {
    if (auto chip = chip::load(option.chip)) {
      known->second = std::move(*chip);
    } else {
      toml_.find("S0308", fmt::format("chip `{}` cannot be used", option.chip),
                 table.find("chip")->value, chip.error().front().message);
    }
  }
  return known->second ? &*known->second : nullptr;
}

const ChipFacts* ScenarioReader::facts_of(const chip::Node& table, const Option& option) {
  const chip::Chip* chip = chip_of(table, option);
  if (chip == nullptr) {
    return nullptr;
  }
  const auto [known, is_new] = facts_.try_emplace(option.chip);
  if (is_new) {
    if (auto facts = chip_facts(*chip, option.chip, data_)) {
      known->second = std::move(*facts);
    } else {
      toml_.find("S0308", fmt::format("the costs of chip `{}` are not known", option.chip),
                 table.find("chip")->value, facts.error().front().message);
    }
  }
  return known->second ? &*known->second : nullptr;
}

const Result<std::optional<Fact>>& ScenarioReader::compared(const chip::Chip& chip,
                                                            const Option& option,
                                                            const std::string& class_name) {
  const std::string derate = chip.kind == chip::Kind::full ? option.derate : "";
  const auto [known, is_new] = compared_.try_emplace({option.chip, derate, class_name});
  if (is_new) {
    if (!rate_data_) {
      rate_data_ = rate_data();
    }
    if (*rate_data_) {
      known->second = throughput(chip, derate, services_.at(class_name), **rate_data_);
    } else {
      known->second = fail(*rate_data_);
    }
  }
  return known->second;
}

Fact ScenarioReader::chip_value(const chip::Node& table, const chip::Node& in,
                                const std::string& where, const Option& option,
                                std::string_view name, Measure measure,
                                std::optional<Fact> ChipFacts::* of_chip) {
  const std::string key = fmt::format("option.{}.{}", option.name, name);
  if (const chip::Node* node = toml_.get(in, name)) {
    return keep(toml_.fact(node, measure, ""), key);
  }
  const ChipFacts* facts = facts_of(table, option);
  const auto known = facts != nullptr ? facts->*of_chip : std::optional<Fact>();
  if (!known && (facts != nullptr || option.chip.empty())) {
    toml_.find("S0310",
               fmt::format("{} needs `{}`{}", where, name,
                           facts == nullptr ? "" : ": it is not known of the chip"),
               in);
  }
  return keep(known, key);
}

void ScenarioReader::option_prices(const chip::Node& table, const std::string& where,
                                   Option& option) {
  const std::string key = "option." + option.name;
  const auto value = [&](std::string_view name, Measure measure,
                         std::optional<Fact> ChipFacts::* of_chip) {
    return chip_value(table, table, where, option, name, measure, of_chip);
  };
  if (option.kind == Kind::rent) {
    option.price = value("price", Measure::money_per_hour, &ChipFacts::rent);
    return;
  }
  option.price = value("price", Measure::money, &ChipFacts::price);
  if (option.price.value > kPriceMost) {
    toml_.find("S0304", fmt::format("a chip of {} costs more than 100 million USD", where), table);
  }
  option.running = value("running", Measure::money_per_hour, &ChipFacts::running);
  option.power = value("power", Measure::power, &ChipFacts::power);
  option.price_change =
      toml_.number(toml_.get(table, "price_change"), Measure::share, key + ".price_change")
          .value_or(0);
  if (option.price_change <= -1) {
    toml_.find("S0304", "a price falls by less than 100 % a year",
               table.find("price_change")->value);
  }
  const chip::Node* residual = toml_.get(table, "residual");
  option.residual = keep(residual != nullptr ? toml_.fact(residual, Measure::share, "")
                                             : std::optional(Fact{.unit = "1", .basis = "stated"}),
                         key + ".residual");
  if (option.residual.value < 0 || option.residual.value > 1) {
    toml_.find("S0304", "the residual is 0 to 100 %", *residual);
  }
}

void ScenarioReader::option_dates(const chip::Node& table, const std::string& where,
                                  Option& option) {
  const chip::Node* booking = toml_.get(table, "booking");
  const bool is_rent = option.kind == Kind::rent;
  const std::string key = "option." + option.name;
  option.lead = is_rent ? 0 : quarters(toml_.get(table, "lead"), key + ".lead", 1);
  option.booking = quarters(booking, key + ".booking", option.lead);
  if (option.booking < option.lead) {
    toml_.find("S0306",
               fmt::format("{} is signed {} ahead, and takes {}", where,
                           counted_quarters(option.booking), counted_quarters(option.lead)),
               *booking, "", {"booking is not shorter than lead"});
  }
  const chip::Node* from = toml_.get(table, "from");
  const chip::Node* until = toml_.get(table, "until");
  option.from = from == nullptr ? 0 : plan_quarter(from).value_or(0);
  option.until = until == nullptr ? s_.quarters - 1 : plan_quarter(until).value_or(s_.quarters - 1);
  if (option.from > option.until) {
    toml_.find("S0306", fmt::format("{} ends before it begins", where), *until);
  }
  const chip::Node* life = toml_.get(table, "life");
  option.life = is_rent ? 1 : quarters(life, key + ".life", 20);
  if (option.life < 1 && life != nullptr) {
    toml_.find("S0304", "a chip lives for at least one quarter", *life);
  }
}

void ScenarioReader::option_contract(const chip::Node& table, const std::string& where,
                                     Option& option) {
  const std::string key = "option." + option.name;
  const auto share = [&](std::string_view name, double without) {
    return toml_.share(toml_.get(table, name), fmt::format("{}.{}", key, name), name, {}, without);
  };
  option.take_or_pay = share("take_or_pay", 1);
  option.committed_take_or_pay = share("committed_take_or_pay", option.take_or_pay);
  option.deposit = share("deposit", 0);
  if (const chip::Node* discount = toml_.get(table, "discount")) {
    option.discount = keep(toml_.fact(discount, Measure::share, ""), key + ".discount");
    if (option.discount.value < 0 || option.discount.value > 1) {
      toml_.find("S0304", "discount is 0 to 100 %", *discount);
    }
  }
  if (option.deposit > option.take_or_pay) {
    toml_.find("S0304", fmt::format("the deposit of {} is more than what has to be paid", where),
               table.find("deposit")->value);
  }
  for (const chip::Node* step : toml_.tables(table, "steps")) {
    const std::string of_step = fmt::format("{}.steps.{}", key, option.steps.size() + 1);
    const auto from = toml_.number(toml_.need(*step, "from", "a step of price"), Measure::chips,
                                   of_step + ".from");
    const auto change = toml_.number(toml_.need(*step, "change", "a step of price"), Measure::share,
                                     of_step + ".change");
    toml_.finish(*step, "a step of price");
    if (from && change && !option.steps.empty() && *from <= option.steps.back().from) {
      toml_.find("S0306", "steps of price are out of order", *step);
    }
    option.steps.push_back({from.value_or(1), change.value_or(0)});
  }
  double least = 0;
  for (const PriceStep& step : option.steps) {
    least = std::min(least, step.change);
  }
  if (option.discount.value - least >= 1) {
    toml_.find("S0304",
               fmt::format("the discount and the steps of {} leave nothing to pay: {:.4g} % of its "
                           "price",
                           where, 100 * (1 + least - option.discount.value)),
               table);
  }
  if (option.discount.value > 0 && toml_.get(table, "alternatives") == nullptr) {
    toml_.find("S0302", fmt::format("{} has a discount and no `alternatives` that earn it", where),
               table);
  }
  (void)toml_.get(table, "alternatives");
  option.alternative_minimum =
      toml_.number(toml_.get(table, "credible_from"), Measure::chips, key + ".credible_from")
          .value_or(1);
}

void ScenarioReader::option_tokens(const chip::Node& table, const std::string& where,
                                   Option& option) {
  option.tokens.assign(s_.classes.size(), Fact{.unit = "tok/s", .basis = "stated"});
  const chip::Node* tokens = toml_.table(toml_.need(table, "tokens", where));
  if (tokens == nullptr) {
    return;
  }
  for (const chip::Entry& entry : tokens->entries) {
    const auto at = known(class_names_, entry.key, entry.value, "class");
    if (!at) {
      continue;
    }
    const std::string key = fmt::format("option.{}.tokens.{}", option.name, entry.key);
    const bool is_compared =
        entry.value.type == chip::NodeType::text && entry.value.text == "compare";
    if (!is_compared) {
      option.tokens[index(*at)] = keep(toml_.fact(&entry.value, Measure::rate, ""), key);
      if (option.tokens[index(*at)].value > kTokensMost) {
        toml_.find("S0304", "a chip serves at most 100 Mtok/s", entry.value);
      }
      continue;
    }
    const chip::Chip* chip = chip_of(table, option);
    if (option.chip.empty() || !services_.contains(entry.key)) {
      toml_.find("S0310", "`compare` needs the option's chip and the class's model and workload",
                 entry.value);
      continue;
    }
    if (chip == nullptr) {
      continue;
    }
    const auto& found = compared(*chip, option, entry.key);
    if (!found) {
      toml_.find("S0310", found.error().front().message, entry.value);
    } else if (!*found) {
      toml_.find("S0310",
                 fmt::format("{} serves class `{}` within its limits in no configuration",
                             option.chip, entry.key),
                 entry.value, "", {"leave the class out of the option's tokens"});
    } else {
      Fact fact = **found;
      const SourceSpan span = toml_.place(entry.value);
      fact.place = fmt::format("{}:{}", span.file, span.line);
      option.tokens[index(*at)] = keep(fact, key);
    }
  }
}

void ScenarioReader::option_uses(const chip::Node& table, const std::string& where,
                                 Option& option) {
  for (const chip::Node* node : toml_.tables(table, "uses")) {
    const chip::Node* name = toml_.need(*node, "resource", where);
    const auto resource = toml_.word(name);
    const auto at = resource ? known(resource_names_, *resource, *name, "resource") : std::nullopt;
    Use use;
    const chip::Node* per_chip = toml_.get(*node, "per_chip");
    const chip::Node* chips_per = toml_.get(*node, "chips_per_unit");
    if ((per_chip == nullptr) == (chips_per == nullptr)) {
      toml_.find("S0302", "a use has either `per_chip` or `chips_per_unit`", *node);
    }
    const auto plain = [&](const chip::Node* of) {
      const bool is_number = of != nullptr && (of->type == chip::NodeType::integer ||
                                               of->type == chip::NodeType::number);
      const double value = !is_number                            ? 0
                           : of->type == chip::NodeType::integer ? static_cast<double>(of->integer)
                                                                 : of->number;
      if (of != nullptr && (value <= 0 || value >= 1e6)) {
        toml_.find("S0304", "expected a number above 0", *of);
        return 1.0;
      }
      return value;
    };
    use.amount = per_chip != nullptr    ? plain(per_chip)
                 : chips_per != nullptr ? 1 / plain(chips_per)
                                        : 1;
    const chip::Node* ahead = toml_.get(*node, "ahead");
    use.ahead =
        quarters(ahead, fmt::format("option.{}.uses.{}.ahead", option.name, resource.value_or("")),
                 std::min(1, option.lead));
    if (use.ahead > option.lead) {
      toml_.find("S0306", fmt::format("{} uses it before it is ordered", where),
                 ahead != nullptr ? *ahead : *node, "", {"ahead is not longer than lead"});
    }
    const chip::Node* from = toml_.get(*node, "from");
    if (at) {
      use.resource = *at;
      const Resource& used = s_.resources[index(*at)];
      const auto wanted = toml_.words(from);
      for (std::size_t v = 0; v < used.sources.size(); ++v) {
        const bool is_named =
            std::find(wanted.begin(), wanted.end(), used.sources[v].vendor) != wanted.end();
        if (from == nullptr || is_named) {
          use.sources.push_back(static_cast<int>(v));
        }
      }
      if (use.sources.empty() || (from != nullptr && use.sources.size() != wanted.size())) {
        toml_.find("S0308", fmt::format("resource `{}` has no such source", used.name),
                   from != nullptr ? *from : *node);
      } else {
        option.uses.push_back(use);
      }
    }
    toml_.finish(*node, fmt::format("a use of {}", where));
  }
}

void ScenarioReader::option_gate(const chip::Node& table, const std::string& where,
                                 Option& option) {
  const chip::Node* node = toml_.get(table, "gate");
  if (option.kind != Kind::own) {
    if (node != nullptr) {
      toml_.find("S0303", fmt::format("{} is not an own chip and has no gate", where), *node);
    }
    return;
  }
  Gate gate;
  if (node == nullptr || node->type != chip::NodeType::table) {
    toml_.find("S0302", fmt::format("{} is an own chip and lacks its gate", where), table, "",
               {"gate = { decide_by = …, tapeout = …, qualification = …, ramp = […] }"});
    return;
  }
  const std::string in = "the gate of " + where;
  gate.is_passed = toml_.flag(toml_.get(*node, "passed")).value_or(false);
  const std::string key = "option." + option.name;
  const int tapeout = quarters(toml_.need(*node, "tapeout", in), key + ".tapeout", 0);
  const int qualification =
      quarters(toml_.need(*node, "qualification", in), key + ".qualification", 1);
  gate.development = std::max(gate.is_passed ? 0 : 1, tapeout + qualification);
  if (!gate.is_passed) {
    gate.latest = plan_quarter(toml_.need(*node, "decide_by", in)).value_or(0);
    gate.nre = chip_value(table, *node, in, option, "nre", Measure::money, &ChipFacts::nre);
  }
  double before = 0;
  for (const chip::Node& item : toml_.items(toml_.get(*node, "ramp"))) {
    const double share =
        toml_.number(&item, Measure::share, fmt::format("{}.ramp.{}", key, gate.ramp.size() + 1))
            .value_or(1);
    if (share < before || share > 1) {
      toml_.find("S0304", "a ramp rises to 100 % at most", item);
    }
    before = share;
    gate.ramp.push_back(share);
  }
  toml_.finish(*node, in);
  option.from = std::max(option.from, gate.development);
  if (option.from >= s_.quarters) {
    toml_.find("S0306", fmt::format("{} comes after the plan has ended", where), *node);
    option.from = s_.quarters - 1;
  }
  option.gate = std::move(gate);
}

// Deliveries signed already: { quarter, v, src, … }, v in chips or in power.
std::vector<double> ScenarioReader::commitments(const chip::Node& table, const Option& option) {
  std::vector<double> chips(index(s_.quarters));
  for (const chip::Node* item : toml_.tables(table, "committed")) {
    const auto quarter = plan_quarter(toml_.need(*item, "quarter", "a commitment"));
    const chip::Node* amount = toml_.need(*item, "v", "a commitment");
    if (!quarter || amount == nullptr) {
      continue;
    }
    const bool is_power = amount->type == chip::NodeType::text && amount->text.ends_with("W");
    const std::string key =
        fmt::format("option.{}.committed.{}", option.name, text({s_.start.count + *quarter}));
    const double value =
        toml_.number(item, is_power ? Measure::power : Measure::chips, key).value_or(0);
    if (is_power && option.power.value <= 0) {
      toml_.find("S0310", "a commitment in watts needs the option's power", *amount);
      continue;
    }
    chips[index(*quarter)] += value / (is_power ? option.power.value : 1);
  }
  return chips;
}

// An option of which nothing can ever be ordered is a mistake.
void ScenarioReader::check_orders(const chip::Node& table, const std::string& where,
                                  const Option& option) {
  const bool is_there =
      option.installed > 0 || option.committed != std::vector<double>(index(s_.quarters));
  if (has_dates_ && !is_there && std::max(option.from, option.lead) > option.until) {
    toml_.find(
        "S0306",
        fmt::format("no chip of {} can arrive by {}", where, text({s_.start.count + option.until})),
        table, "",
        {"it is ordered `lead` quarters ahead, in the plan's first quarter at the earliest"});
  }
  const double most = *std::max_element(option.max.begin(), option.max.end());
  const double least =
      option.lot > 0 ? option.lot * std::max(1.0, std::ceil(option.minimum_order / option.lot))
                     : option.minimum_order;
  if (least > most && most > 0) {
    toml_.find("S0304",
               fmt::format("the smallest order of {} is {:g} chips, and no more than {:g} are "
                           "delivered in a quarter",
                           where, least, most),
               table.find(option.lot > 0 ? "lot" : "minimum_order")->value, "",
               {"raise `max`, or order less at once"});
  }
}

void ScenarioReader::option_amounts(const chip::Node& table, const std::string& where,
                                    Option& option) {
  const std::string key = "option." + option.name;
  option.max = toml_.series(toml_.get(table, "max"), Measure::chips, key + ".max", s_.start,
                            s_.quarters, kInfinity);
  if (option.gate && !std::isfinite(option.max.front())) {
    toml_.find("S0302",
               fmt::format("{} needs `max`, the deliveries of a quarter after the ramp", where),
               table);
  }
  option.committed = commitments(table, option);
  if (const chip::Node* installed = toml_.get(table, "installed")) {
    option.installed = toml_.number(installed, Measure::chips, key + ".installed").value_or(0);
    option.installed_until = plan_quarter(toml_.need(table, "installed_until", where)).value_or(0);
  }
  option.minimum_order =
      toml_.number(toml_.get(table, "minimum_order"), Measure::chips, key + ".minimum_order")
          .value_or(0);
  option.lot = toml_.number(toml_.get(table, "lot"), Measure::chips, key + ".lot").value_or(0);
  check_orders(table, where, option);
  if (option.gate) {
    // Until a slip is known, deliveries are where they were agreed: none may come before it.
    const int first = option.gate->is_passed ? option.from : s_.quarters;
    if (std::any_of(option.committed.begin(), option.committed.begin() + first,
                    [](double chips) { return chips > 0; })) {
      toml_.find("S0306",
                 option.gate->is_passed
                     ? fmt::format("{} is committed before its first chips, in {}", where,
                                   text({s_.start.count + first}))
                     : fmt::format("{} is committed before its gate is decided", where),
                 table.find("committed")->value);
    }
  }
}

Option ScenarioReader::option(const chip::Node& table) {
  Option made;
  made.place = toml_.place(table);
  made.name = toml_.word(toml_.need(table, "name", "[[option]]")).value_or("option");
  unique(option_names_, made.name, table);
  const std::string where = fmt::format("option `{}`", made.name);
  const chip::Node* kind = toml_.need(table, "kind", where);
  const auto word = toml_.word(kind);
  const auto found = std::find_if(kKinds.begin(), kKinds.end(),
                                  [&](const KindEntry& one) { return word && one.word == *word; });
  if (found != kKinds.end()) {
    made.kind = found->kind;
  } else if (kind != nullptr) {
    toml_.find("S0303", "unknown kind of option", *kind, "buy, rent or own");
  }
  made.chip = toml_.word(toml_.get(table, "chip")).value_or("");
  made.vendor = toml_.word(toml_.get(table, "vendor")).value_or(made.name);
  made.derate = toml_.word(toml_.get(table, "derate")).value_or("neutral");
  (void)chip_of(table, made);  // that there is none is found even where nothing is asked of it
  option_prices(table, where, made);
  option_dates(table, where, made);
  option_gate(table, where, made);
  option_tokens(table, where, made);
  if (made.kind == Kind::rent) {
    made.max = toml_.series(toml_.get(table, "max"), Measure::chips, "option." + made.name + ".max",
                            s_.start, s_.quarters, kInfinity);
    made.committed.assign(index(s_.quarters), 0);
    made.installed_until = -1;
  } else {
    option_contract(table, where, made);
    option_uses(table, where, made);
    made.installed_until = -1;
    option_amounts(table, where, made);
  }
  toml_.finish(table, where);
  return made;
}

void ScenarioReader::alternatives() {
  for (std::size_t o = 0; o < s_.options.size(); ++o) {
    const chip::Entry* entry = option_nodes_[o]->find("alternatives");
    if (entry == nullptr) {
      continue;
    }
    for (const std::string& name : toml_.words(&entry->value)) {
      if (const auto at = known(option_names_, name, entry->value, "option")) {
        const Option& other = s_.options[index(*at)];
        if (other.kind == Kind::rent || other.vendor == s_.options[o].vendor) {
          toml_.find("S0304",
                     fmt::format("`{}` is no alternative: rented, or of the same vendor", name),
                     entry->value);
        }
        s_.options[o].alternatives.push_back(*at);
      }
    }
  }
}

void ScenarioReader::options() {
  option_nodes_ = toml_.tables(root_, "option");
  if (option_nodes_.empty() || option_nodes_.size() > kListMax) {
    toml_.find("S0302",
               fmt::format("the scenario has {} options [[option]]; 1 to {} are taken",
                           option_nodes_.size(), kListMax),
               root_);
    option_nodes_.resize(std::min(option_nodes_.size(), kListMax));
  }
  for (const chip::Node* table : option_nodes_) {
    s_.options.push_back(option(*table));
  }
  if (option_names_.size() == s_.options.size()) {
    alternatives();
  }
}

}  // namespace churon::plan
