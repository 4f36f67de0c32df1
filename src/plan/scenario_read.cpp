#include "plan/scenario_read.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/file.h"
#include "base/text.h"
#include "base/unit.h"
#include "plan/program.h"
#include "plan/scenario_reader.h"

namespace churon::plan {

namespace {

constexpr std::uint64_t kFileSizeMax = 4 << 20;
constexpr int kQuartersMax = 40;
constexpr std::size_t kFuturesMax = 240;
constexpr double kProbabilityTolerance = 1e-6;
constexpr Shares kAboveNone{.with_low = false};
constexpr double kTailWeightMax = 0.95;  // the mean of all futures counts for something

}  // namespace

std::optional<int> ScenarioReader::plan_quarter(const chip::Node* node) {
  const auto quarter = toml_.quarter(node);
  if (!quarter || !has_dates_) {
    return std::nullopt;
  }
  const int at = quarter->count - s_.start.count;
  if (at < 0 || at >= s_.quarters) {
    toml_.find("S0306",
               fmt::format("{} is outside of the plan, {} to {}", text(*quarter), text(s_.start),
                           text({s_.start.count + s_.quarters - 1})),
               *node);
    return std::nullopt;
  }
  return at;
}

int ScenarioReader::quarters(const chip::Node* node, std::string key, int without) {
  return static_cast<int>(toml_.number(node, Measure::quarters, std::move(key)).value_or(without));
}

Fact ScenarioReader::keep(const std::optional<Fact>& fact, const std::string& key) {
  Fact kept = fact.value_or(Fact{});
  kept.key = key;
  if (kept.factor.empty()) {
    kept.factor = key;
  }
  s_.facts.push_back(kept);
  return kept;
}

void ScenarioReader::unique(std::map<std::string, int>& names, const std::string& name,
                            const chip::Node& node) {
  const bool is_name = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
  if (!is_name || name.size() > 40) {
    toml_.find("S0303", "a name has letters, digits, - and _, at most 40 of them", node);
  } else if (!names.emplace(name, static_cast<int>(names.size())).second) {
    toml_.find("S0309", fmt::format("a second `{}`", name), node);
  }
}

std::optional<int> ScenarioReader::known(const std::map<std::string, int>& names,
                                         const std::string& name, const chip::Node& node,
                                         std::string_view what) {
  const auto found = names.find(name);
  if (found != names.end()) {
    return found->second;
  }
  std::vector<std::string> all;
  for (const auto& [one, at] : names) {
    all.push_back(one);
  }
  toml_.find("S0308", fmt::format("there is no {} `{}`", what, escape_control(name)), node, "",
             {all.empty() ? fmt::format("the file has no {}", what)
                          : fmt::format("there are: {}", join(all, ", "))});
  return std::nullopt;
}

void ScenarioReader::head() {
  s_.name = toml_.word(toml_.get(root_, "name")).value_or("plan");
  const auto start = toml_.quarter(toml_.need(root_, "start", "the scenario"));
  const auto quarters = toml_.whole(toml_.need(root_, "quarters", "the scenario"), 1, kQuartersMax);
  s_.start = start.value_or(Quarter{});
  s_.quarters = static_cast<int>(quarters.value_or(kQuartersMax));
  has_dates_ = start && quarters;
  const chip::Node* rate = toml_.get(root_, "discount_rate");
  const Fact discount =
      keep(rate != nullptr ? toml_.fact(rate, Measure::share, "discount_rate") : std::nullopt,
           "discount_rate");
  if (rate == nullptr) {
    toml_.find("S0302", "the scenario lacks `discount_rate`", root_, "",
               {"for example \"finance.wacc\", a row of the cost tables"});
  }
  s_.discount_rate = discount.value;
  if (discount.value < 0 || discount.value > 1) {
    toml_.find("S0304", "a discount rate is 0 to 100 % a year", *rate);
  }
  if (const chip::Node* risk = toml_.table(toml_.get(root_, "risk"))) {
    const chip::Node* tail = toml_.need(*risk, "tail", "[risk]");
    const chip::Node* weight = toml_.need(*risk, "weight", "[risk]");
    s_.tail = 1 - toml_.share(tail, "risk.tail", "the tail", kAboveNone, 1 - s_.tail);
    s_.tail_weight =
        toml_.share(weight, "risk.weight", "the weight of the tail", {.high = kTailWeightMax}, 0);
    toml_.finish(*risk, "[risk]");
  }
  const chip::Node* capital = toml_.get(root_, "capital");
  s_.capital = toml_.series(capital, Measure::money, "capital", s_.start, s_.quarters, kInfinity);
  s_.capital_place = toml_.place(capital != nullptr ? *capital : root_);
  s_.share_place = toml_.place(root_);
  if (const chip::Node* share = toml_.table(toml_.get(root_, "vendor_share"))) {
    s_.vendor_share = toml_.share(toml_.need(*share, "max", "[vendor_share]"), "vendor_share.max",
                                  "the share of a vendor", kAboveNone, 1);
    s_.vendor_share_from = plan_quarter(toml_.need(*share, "from", "[vendor_share]")).value_or(0);
    s_.share_place = toml_.place(*share);
    toml_.finish(*share, "[vendor_share]");
  }
}

// Every step grows from its own quarter on.
std::vector<double> ScenarioReader::demand(const chip::Node* node, const chip::Node* growth,
                                           const std::string& key) {
  std::vector<double> values(index(s_.quarters));
  const double yearly = toml_.number(growth, Measure::share, key + ".growth").value_or(0);
  for (const Step& step : toml_.steps(node, s_.start)) {
    const double value =
        toml_.number(step.value, Measure::rate, key + ".demand" + step.suffix).value_or(0);
    for (int q = std::max(0, step.from); q < s_.quarters; ++q) {
      values[index(q)] = value * std::pow(1 + yearly, (q - step.from) / 4.0);
    }
  }
  return values;
}

void ScenarioReader::classes() {
  const auto tables = toml_.tables(root_, "class");
  if (tables.empty() || tables.size() > kListMax) {
    toml_.find("S0302",
               fmt::format("the scenario has {} classes of demand [[class]]; 1 to {} are taken",
                           tables.size(), kListMax),
               root_);
  }
  for (const chip::Node* table : tables) {
    ServiceClass made;
    made.place = toml_.place(*table);
    const chip::Node* name = toml_.need(*table, "name", "[[class]]");
    made.name = toml_.word(name).value_or("class");
    unique(class_names_, made.name, *table);
    const std::string where = fmt::format("class `{}`", made.name);
    const std::string key = "class." + made.name;
    made.demand = demand(toml_.need(*table, "demand", where), toml_.get(*table, "growth"), key);
    const chip::Node* used = toml_.need(*table, "utilisation", where);
    const auto utilisation = toml_.fact(used, Measure::share, "");
    made.utilisation = keep(utilisation, key + ".utilisation");
    if (utilisation && (made.utilisation.value <= 0 || made.utilisation.value > 1)) {
      toml_.find("S0304", "utilisation is above 0 and at most 100 %", *used);
    }
    made.unmet = keep(toml_.fact(toml_.need(*table, "unmet", where), Measure::money_per_token, ""),
                      key + ".unmet");
    made.must_serve =
        toml_.share(toml_.get(*table, "must_serve"), key + ".must_serve", "must_serve", {}, 0);
    if (const chip::Node* model = toml_.get(*table, "model")) {
      Service service{.model = toml_.word(model).value_or(""),
                      .workload = toml_.word(toml_.need(*table, "workload", where)).value_or("")};
      const auto seconds = [&](std::string_view limit, double& value) {
        const auto text = toml_.word(toml_.get(*table, limit));
        const auto read = text ? parse_quantity(*text, QuantityKind::time)
                               : tl::expected<double, UnitError>(value);
        if (read && *read > 0) {
          value = *read;
        } else {
          toml_.find("S0303", "this is not a time", table->find(limit)->value, "",
                     {"for example 50 ms"});
        }
      };
      seconds("tpot", service.tpot_limit_s);
      seconds("ttft", service.ttft_limit_s);
      services_[made.name] = std::move(service);
    }
    toml_.finish(*table, where);
    s_.classes.push_back(std::move(made));
  }
}

void ScenarioReader::sites() {
  const auto tables = toml_.tables(root_, "site");
  if (tables.empty() || tables.size() > kListMax) {
    toml_.find("S0302",
               fmt::format("the scenario has {} sites [[site]]; 1 to {} are taken", tables.size(),
                           kListMax),
               root_);
  }
  for (const chip::Node* table : tables) {
    Site made;
    made.name = toml_.word(toml_.need(*table, "name", "[[site]]")).value_or("site");
    unique(site_names_, made.name, *table);
    const std::string where = fmt::format("site `{}`", made.name);
    const chip::Node* power = toml_.need(*table, "power", where);
    made.power = toml_.series(power, Measure::power, "site." + made.name + ".power", s_.start,
                              s_.quarters, 0);
    made.place = toml_.place(power != nullptr ? *power : *table);
    toml_.finish(*table, where);
    s_.sites.push_back(std::move(made));
  }
}

void ScenarioReader::sources(const chip::Node& table, Resource& resource,
                             const std::string& where) {
  std::map<std::string, int> vendors;
  for (const chip::Node* one : toml_.tables(table, "source")) {
    Source source;
    source.vendor = toml_.word(toml_.need(*one, "vendor", where)).value_or("vendor");
    unique(vendors, source.vendor, *one);
    const chip::Node* cap = toml_.need(*one, "cap", where);
    source.place = toml_.place(cap != nullptr ? *cap : *one);
    // In whatever the resource is counted in: chips stand for its units.
    source.cap = toml_.series(cap, Measure::chips,
                              fmt::format("resource.{}.{}.cap", resource.name, source.vendor),
                              s_.start, s_.quarters, kInfinity);
    toml_.finish(*one, where);
    resource.sources.push_back(std::move(source));
  }
  if (resource.sources.empty()) {
    toml_.find("S0302", fmt::format("{} has no [[resource.source]]", where), table);
  }
}

void ScenarioReader::resources() {
  const auto tables = toml_.tables(root_, "resource");
  for (const chip::Node* table : tables) {
    Resource made;
    made.name = toml_.word(toml_.need(*table, "name", "[[resource]]")).value_or("resource");
    unique(resource_names_, made.name, *table);
    const std::string where = fmt::format("resource `{}`", made.name);
    made.unit = toml_.word(toml_.get(*table, "unit")).value_or("units");
    const std::string key = "resource." + made.name;
    made.booking = quarters(toml_.get(*table, "booking"), key + ".booking", 0);
    made.fee = keep(toml_.fact(toml_.get(*table, "fee"), Measure::money, ""), key + ".fee");
    const chip::Node* share = toml_.get(*table, "source_share_max");
    made.share_max =
        toml_.share(share, key + ".source_share_max", "source_share_max", kAboveNone, 1);
    made.share_place = toml_.place(share != nullptr ? *share : *table);
    sources(*table, made, where);
    if (made.share_max * static_cast<double>(made.sources.size()) < 1) {
      toml_.find("S0304",
                 fmt::format("{} sources of at most {:.0f} % each cannot make 100 %",
                             made.sources.size(), 100 * made.share_max),
                 share != nullptr ? *share : *table);
    }
    toml_.finish(*table, where);
    s_.resources.push_back(std::move(made));
  }
}

// A factor on demand, from a quarter on, for some quarters or for good.
void ScenarioReader::surge(const chip::Node& table, const std::string& where, Future& future) {
  const chip::Node* begins = toml_.get(table, "begins");
  const chip::Node* factor = toml_.get(table, "factor");
  const chip::Node* lasts = toml_.get(table, "lasts");
  const chip::Node* served = toml_.get(table, "classes");
  if (factor == nullptr) {
    for (const chip::Node* alone : {begins, lasts, served}) {
      if (alone != nullptr) {
        toml_.find("S0302", fmt::format("{} has no `factor` for it", where), *alone);
      }
    }
    return;
  }
  const std::string key = "scenario." + future.name;
  const int from = plan_quarter(toml_.need(table, "begins", where)).value_or(0);
  const int until = lasts == nullptr ? s_.quarters : from + quarters(lasts, key + ".lasts", 0);
  const double by = toml_.number(factor, Measure::share, key + ".factor").value_or(1);
  if (by < 0) {
    toml_.find("S0304", "a factor on demand is not negative", *factor);
  }
  std::vector<bool> is_meant(s_.classes.size(), served == nullptr);
  for (const std::string& name : toml_.words(served)) {
    if (const auto at = known(class_names_, name, *served, "class")) {
      is_meant[index(*at)] = true;
    }
  }
  for (std::size_t c = 0; c < s_.classes.size(); ++c) {
    for (int q = from; q < std::min(until, s_.quarters) && is_meant[c]; ++q) {
      future.demand[c][index(q)] *= by;
    }
  }
}

void ScenarioReader::futures() {
  const auto tables = toml_.tables(root_, "scenario");
  std::map<std::string, int> names;
  std::vector<Future> demands;
  double sum = 0;
  for (const chip::Node* table : tables) {
    Future made;
    made.name = toml_.word(toml_.need(*table, "name", "[[scenario]]")).value_or("scenario");
    unique(names, made.name, *table);
    const std::string where = fmt::format("scenario `{}`", made.name);
    const chip::Node* probability = toml_.need(*table, "probability", where);
    made.probability = toml_.share(probability, "scenario." + made.name + ".probability",
                                   "a probability", kAboveNone, 0);
    sum += made.probability;
    for (const ServiceClass& one : s_.classes) {
      made.demand.push_back(one.demand);
    }
    surge(*table, where, made);
    toml_.finish(*table, where);
    demands.push_back(std::move(made));
  }
  if (demands.empty()) {
    toml_.find("S0302", "the scenario has no [[scenario]] of demand", root_, "",
               {"[[scenario]] name = \"base\", probability = \"100 %\""});
  } else if (std::fabs(sum - 1) > kProbabilityTolerance) {
    toml_.find("S0305", fmt::format("probabilities add up to {:.6g} %, not 100 %", 100 * sum),
               *tables.back(), "the last of them");
  }
  slips(demands);
  if (s_.futures.size() > kFuturesMax) {
    toml_.find("S0304", fmt::format("{} futures; {} are taken", s_.futures.size(), kFuturesMax),
               root_);
  }
}

// Every demand scenario with every slip of the own chip.
void ScenarioReader::slips(const std::vector<Future>& demands) {
  struct Slip {
    int quarters;
    double probability;
  };
  std::vector<Slip> slips{{0, 1}};
  int first_late = s_.quarters;
  for (const Option& one : s_.options) {
    if (has_open_gate(one)) {
      first_late = std::min(first_late, one.from);
    }
  }
  const chip::Node* given_slip = toml_.get(root_, "slip");
  s_.slip_known = first_late;
  if (const chip::Node* table = toml_.table(given_slip)) {
    slips.clear();
    std::vector<int> by{0, 2, 4};
    if (const chip::Node* given = toml_.get(*table, "quarters")) {
      by.clear();
      for (const chip::Node& item : toml_.items(given)) {
        by.push_back(static_cast<int>(toml_.whole(&item, 0, kQuartersMax).value_or(0)));
      }
    }
    const chip::Node* probability = toml_.need(*table, "probability", "[slip]");
    double sum = 0;
    const auto shares = toml_.items(probability);
    for (std::size_t i = 0; i < shares.size(); ++i) {
      const double share =
          toml_.share(&shares[i], fmt::format("slip.{}.probability", i < by.size() ? by[i] : 0),
                      "a probability", kAboveNone, 0);
      slips.push_back({i < by.size() ? by[i] : 0, share});
      sum += share;
    }
    if (slips.size() != by.size()) {
      toml_.find("S0305", fmt::format("{} probabilities for {} slips", slips.size(), by.size()),
                 *table);
    } else if (std::fabs(sum - 1) > kProbabilityTolerance) {
      toml_.find("S0305", fmt::format("probabilities add up to {:.6g} %, not 100 %", 100 * sum),
                 probability != nullptr ? *probability : *table);
    }
    if (const chip::Node* given = toml_.get(*table, "known")) {
      s_.slip_known = plan_quarter(given).value_or(0);
      if (s_.slip_known > first_late) {
        toml_.find("S0306",
                   fmt::format("the slip is known in {}, after own chips may come in {}",
                               text({s_.start.count + s_.slip_known}),
                               text({s_.start.count + first_late})),
                   *given);
      }
    }
    toml_.finish(*table, "[slip]");
  } else if (given_slip == nullptr && first_late < s_.quarters) {
    toml_.find("S0302", "an own chip may slip: the scenario lacks [slip]", root_, "",
               {"[slip] probability = [\"50 %\", \"30 %\", \"20 %\"]  # of 0, 2 and 4 quarters"});
  }
  for (const Future& demand : demands) {
    for (const Slip& slip : slips) {
      Future made = demand;
      made.slip = slip.quarters;
      made.probability *= slip.probability;
      made.name += slips.size() > 1 ? fmt::format("+{}q", slip.quarters) : "";
      s_.futures.push_back(std::move(made));
    }
  }
}

// Caps below what is committed already, as far as one cap alone shows it.
void ScenarioReader::check_commitments() {
  const auto amount = [](double value) {
    return value < 1000 ? fmt::format("{:.4g}", value) : fmt::format("{:.0f}", value);
  };
  const auto below = [&](const SourceSpan& place, std::string what, int q, double cap,
                         double committed, std::string_view unit) {
    toml_.find(Diagnostic{
        .code = "S0307",
        .message = fmt::format("{} in {} is below what is committed already: {} of {} {}", what,
                               text({s_.start.count + q}), amount(cap), amount(committed), unit),
        .span = place,
        .help = {
            "raise the cap, move the commitment, or give it a committed_take_or_pay below 100 %"}});
  };
  std::vector<double> power(index(s_.quarters));
  std::vector<std::vector<double>> use(s_.resources.size(), power);
  for (const Option& one : s_.options) {
    const auto firm_of = [&](int q) {
      return one.committed_take_or_pay == 1 ? one.committed[index(q)] : 0;
    };
    double fleet = 0;
    for (int q = 0; q < s_.quarters; ++q) {
      const double firm = firm_of(q);
      const double most = has_open_gate(one) ? one.max[index(q)] : ramped_max(one, q, 0);
      if (one.committed[index(q)] > most) {
        below(one.place, "the maximum of " + one.name, q, most, one.committed[index(q)], "chips");
      }
      fleet += firm - (q >= one.life ? firm_of(q - one.life) : 0);
      power[index(q)] += (fleet + (q <= one.installed_until ? one.installed : 0)) * one.power.value;
      for (const Use& used : one.uses) {
        if (q - used.ahead >= 0) {
          use[index(used.resource)][index(q - used.ahead)] += firm * used.amount;
        }
      }
    }
  }
  for (int q = 0; q < s_.quarters; ++q) {
    double cap = 0;
    for (const Site& site : s_.sites) {
      cap += site.power[index(q)];
    }
    if (!s_.sites.empty() && power[index(q)] > cap * (1 + 1e-9)) {
      below(s_.sites.front().place, "the power of all sites", q, cap / 1e6, power[index(q)] / 1e6,
            "MW");
      break;
    }
  }
  for (std::size_t r = 0; r < s_.resources.size(); ++r) {
    for (int q = 0; q < s_.quarters; ++q) {
      double cap = 0;
      for (const Source& source : s_.resources[r].sources) {
        cap += source.cap[index(q)];
      }
      if (use[r][index(q)] > cap * (1 + 1e-9)) {
        below(s_.resources[r].sources.front().place, "the cap on " + s_.resources[r].name, q, cap,
              use[r][index(q)], s_.resources[r].unit);
        break;
      }
    }
  }
}

// About what the program will have of decisions: with more, no solver comes to an end, and memory
// may.
void ScenarioReader::check_size() {
  constexpr double kDecisionsMax = 1e6;
  constexpr double kOfSite = 3;  // taken, arrived, there
  double of_quarter = 0;         // and future
  for (const Option& option : s_.options) {
    const auto steps = static_cast<double>(option.steps.size());
    of_quarter += static_cast<double>(s_.classes.size()) +
                  kOfSite * static_cast<double>(s_.sites.size()) +
                  steps * steps;  // each is full before any later one begins
  }
  for (const Resource& resource : s_.resources) {
    of_quarter += static_cast<double>(resource.sources.size());
  }
  const double decisions = of_quarter * s_.quarters * static_cast<double>(s_.futures.size());
  if (decisions > kDecisionsMax) {
    toml_.find("S0304",
               fmt::format("about {:.2g} decisions: each option in each class, site, quarter and "
                           "future; {:.2g} are taken",
                           decisions, kDecisionsMax),
               root_, "",
               {fmt::format("{} quarters and {} futures multiply all else", s_.quarters,
                            s_.futures.size())});
  }
}

void ScenarioReader::run() {
  head();
  classes();
  sites();
  resources();
  options();
  futures();
  toml_.finish(root_, "the scenario");
  if (toml_.findings().empty()) {
    check_commitments();
    check_size();
  }
}

Result<Scenario> parse_scenario(std::string_view toml, const std::string& file,
                                const std::string& data) {
  chip::Texts texts;
  const int at = texts.add(file, toml);
  const auto root = chip::parse_toml(toml, texts, at);
  if (!root) {
    return fail(root);
  }
  const auto costs = cost::read_data({.data = data});
  if (!costs) {
    return fail(costs);
  }
  TomlReader reader(texts, costs->tables);
  ScenarioReader scenario(*root, reader, *costs);
  scenario.run();
  if (!reader.findings().empty()) {
    return tl::unexpected(reader.findings());
  }
  std::vector<Fact>& facts = scenario.scenario().facts;
  facts.insert(facts.end(), reader.facts().begin(), reader.facts().end());
  scenario.scenario().file = file;
  scenario.scenario().digest = sha256_hex(toml);
  return std::move(scenario.scenario());
}

Result<Scenario> read_scenario(const std::string& path, const std::string& data) {
  const auto text = read_file(path == "-" ? "/dev/stdin" : path, kFileSizeMax);
  if (!text) {
    return fail(text);
  }
  return parse_scenario(*text, path, data);
}

}  // namespace churon::plan
