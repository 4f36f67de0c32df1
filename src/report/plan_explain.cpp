// Why a number of a plan is what it is: its formula, what goes into it, and where that comes from.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "base/text.h"
#include "report/plan_explain.h"
#include "report/plan_view.h"

namespace churon::report {

namespace {

// In the unit that a reader expects of it.
std::string value_text(const plan::Fact& fact, double value) {
  if (fact.unit == "1") {
    return number(100 * value) + " %";
  }
  return fact.unit == "USD/token" ? number(1e6 * value) + " USD/Mtok"
                                  : number(value) + " " + fact.unit;
}

std::string fact_text(const plan::Fact& fact) {
  std::string text = fmt::format("{} = {}\n", fact.key, value_text(fact, fact.value));
  if (fact.range.low != fact.range.high) {
    text += fmt::format("  range  {} to {} (P5 to P95)\n", value_text(fact, fact.range.low),
                        value_text(fact, fact.range.high));
  }
  text += fmt::format("  basis  {}{}\n", fact.basis, fact.is_guess() ? ": a guess" : "");
  text += fact.source.empty() ? "" : fmt::format("  source {}\n", fact.source);
  return text + (fact.place.empty() ? "" : fmt::format("  place  {}\n", fact.place));
}

// Dearest first.
std::string by_fact_text(const std::map<const plan::Fact*, double>& sums) {
  std::vector<std::pair<const plan::Fact*, double>> sorted(sums.begin(), sums.end());
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return std::pair(-a.second, a.first->key) < std::pair(-b.second, b.first->key);
  });
  Table table({Align::left, Align::right, Align::left, Align::left});
  table.row({"price", "USD of today", "basis", "source"});
  for (const auto& [fact, sum] : sorted) {
    std::string source = fact->source.empty() ? fact->place : fact->source;
    if (source.size() > 70) {
      source = source.substr(0, complete_utf8_prefix(source.substr(0, 67))) + "...";
    }
    table.row({fact->key, compact(sum), fact->basis, source});
  }
  return table.text("  ");
}

std::string total_text(const PlanRecord& record) {
  const plan::Plan& plan = record.plan;
  const double total = mean(plan, [](const plan::Book& book, std::size_t) { return book.total; });
  const double unmet =
      mean(plan, [](const plan::Book& book, std::size_t) { return book.penalties; });
  std::map<const plan::Fact*, double> sums;
  for (std::size_t f = 0; f < plan.best.books.size(); ++f) {
    for (const auto& [fact, usd_today] : plan.best.books[f].by_fact) {
      sums[fact] += plan.scenario->futures[f].probability * usd_today;
    }
  }
  return fmt::format(
      "total = mean over the futures of the sum over quarters t of payments x (1 + {:.4g})^(-t/4)\n"
      "      = {}, what the fleet is worth at the end taken off, unmet demand of {} in it; {} "
      "without "
      "it\n{}",
      plan.scenario->discount_rate, usd(total), usd(unmet), usd(total - unmet), by_fact_text(sums));
}

std::string future_text(const PlanRecord& record, std::size_t f) {
  const plan::Scenario& s = *record.plan.scenario;
  const plan::Book& book = record.plan.best.books[f];
  return fmt::format(
      "future.{}: probability {:.4g} %, own chips {} quarters late\n"
      "  {} of today without unmet demand of {}, after {} of what the fleet is worth at the "
      "end\n{}",
      s.futures[f].name, 100 * s.futures[f].probability, s.futures[f].slip,
      usd(book.total - book.penalties), usd(book.penalties),
      usd(book.residual * plan::discount_factor(s, s.quarters)),
      by_fact_text({book.by_fact.begin(), book.by_fact.end()}));
}

std::string tail_text(const PlanRecord& record) {
  const plan::Scenario& s = *record.plan.scenario;
  std::string text = fmt::format(
      "tail = mean of the dearest {:.4g} % of the futures, unmet demand in it = {}\n"
      "  what is minimised is {:.4g} % of it and {:.4g} % of the mean of all futures: {}\n",
      100 * (1 - s.tail), usd(plan::tail_mean(s, record.plan.best.books)), 100 * s.tail_weight,
      100 * (1 - s.tail_weight), usd(record.plan.best.objective));
  for (std::size_t f = 0; f < s.futures.size(); ++f) {
    text += fmt::format("  {}: {:.4g} %, {}\n", s.futures[f].name, 100 * s.futures[f].probability,
                        usd(record.plan.best.books[f].total));
  }
  return text;
}

std::string objective_text(const PlanRecord& record) {
  const plan::Scenario& s = *record.plan.scenario;
  const plan::Outcome& best = record.plan.best;
  return fmt::format(
      "objective = {:.4g} % of the mean of all futures + {:.4g} % of the mean of the dearest "
      "{:.4g} "
      "%, unmet demand in both\n"
      "  = {:.4g} x {} + {:.4g} x {} = {} USD of today\n"
      "bound: no plan costs less than {} USD, says {}\n"
      "gap = (objective - bound) / objective = {:.2g} %; {:.2g} % were asked for\n",
      100 * (1 - s.tail_weight), 100 * s.tail_weight, 100 * (1 - s.tail), 1 - s.tail_weight,
      number(mean(record.plan, [](const plan::Book& book, std::size_t) { return book.total; })),
      s.tail_weight, number(plan::tail_mean(s, best.books)), number(best.objective),
      number(best.bound), plan::entry(record.options.solver).meaning, 100 * best.gap,
      100 * record.options.gap);
}

std::string unmet_text(const PlanRecord& record) {
  const plan::Plan& plan = record.plan;
  std::string text = fmt::format(
      "unmet_share = mean over the futures of unmet / all demand, over all classes and quarters = "
      "{}\n",
      percent(unmet_share(plan)));
  for (std::size_t f = 0; f < plan.best.books.size(); ++f) {
    const plan::Book& book = plan.best.books[f];
    text += fmt::format("  {}: {}, {} of today\n", plan.scenario->futures[f].name,
                        percent(unmet_share(book)), usd(book.penalties));
  }
  return text;
}

std::string per_mtok_text(const PlanRecord& record) {
  std::string text = fmt::format(
      "cost_per_mtok = (total - unmet demand) / tokens served, both discounted alike\n"
      "  P10 {}  P50 {}  P90 {} USD, over the futures and 1,000 draws of all uncertain prices, "
      "discounts and residuals (seed {}), the plan held fixed\n",
      number(record.per_mtok.p10), number(record.per_mtok.p50), number(record.per_mtok.p90),
      record.seed);
  const plan::Plan& plan = record.plan;
  for (std::size_t f = 0; f < plan.best.books.size(); ++f) {
    const plan::Book& book = plan.best.books[f];
    text += fmt::format("  {}: {} / {} tokens = {}\n", plan.scenario->futures[f].name,
                        usd(book.total - book.penalties), compact(book.tokens),
                        number(book.per_mtok()));
  }
  return text;
}

std::string order_text(const PlanRecord& record, int o, int d) {
  const plan::Plan& plan = record.plan;
  const plan::Option& option = plan.scenario->options[index(o)];
  std::string text = fmt::format(
      "order.{}.{}: signed {}, cut at the latest in {}, {} USD a chip\n", option.name,
      quarter_text(plan, d),
      plan::first_day({plan.scenario->start.count + plan::signing(option, plan.best.policy, d)}),
      quarter_text(plan, plan::last_cut(option, d)), number(plan::price_at(option, d)));
  if (option.discount.value > 0) {
    text += fmt::format("  {:.4g} % less of what is discounted\n", 100 * option.discount.value);
  }
  Table table({Align::left, Align::right, Align::right, Align::right, Align::right, Align::right});
  table.row({"future", "committed", "new", "paid", "discounted", "arrived"});
  for (std::size_t f = 0; f < plan.best.books.size(); ++f) {
    const plan::OptionBook& book = plan.best.books[f].options[index(o)];
    table.row({plan.scenario->futures[f].name, number(option.committed[index(d)]),
               number(plan.best.decisions[f].options[index(o)].ordered[index(d)]),
               number(book.paid_chips[index(d)]),
               number(plan.best.decisions[f].options[index(o)].discounted[index(d)]),
               number(book.arrived[index(d)])});
  }
  text += table.text("  ");
  for (const plan::ShadowPrice& one : plan.binding) {
    if (one.quarter == d) {
      text += fmt::format("  binds in that quarter: {}, {} USD per {}\n", one.text,
                          number(one.usd_per_unit), one.unit);
    }
  }
  return text;
}

std::string rent_text(const PlanRecord& record, int o, int q) {
  const plan::Plan& plan = record.plan;
  const plan::Option& option = plan.scenario->options[index(o)];
  Table table({Align::left, Align::right});
  table.row({"future", "chips"});
  for (std::size_t f = 0; f < plan.best.books.size(); ++f) {
    table.row({plan.scenario->futures[f].name,
               number(plan.best.decisions[f].options[index(o)].rent[index(q)])});
  }
  return fmt::format(
      "order.{}.{}: rented, signed {}, {} USD an hour of a chip\n{}", option.name,
      quarter_text(plan, q),
      plan::first_day({plan.scenario->start.count + std::max(0, q - option.booking)}),
      number(option.price.value), table.text("  "));
}

std::string reservation_text(const PlanRecord& record, std::size_t r, std::size_t v, int q) {
  const plan::Plan& plan = record.plan;
  const plan::Resource& resource = plan.scenario->resources[r];
  const plan::Source& source = resource.sources[v];
  Table table({Align::left, Align::right});
  table.row({"future", resource.unit});
  for (std::size_t f = 0; f < plan.best.decisions.size(); ++f) {
    table.row(
        {plan.scenario->futures[f].name, number(plan.best.decisions[f].reserve[r][v][index(q)])});
  }
  return fmt::format(
      "reserve.{}.{}.{}: signed {}, {} USD each, used or not; the cap is {} {}, {}:{}\n{}",
      resource.name, source.vendor, quarter_text(plan, q),
      plan::first_day({plan.scenario->start.count + plan::signing(resource, plan.best.policy, q)}),
      number(resource.fee.value), number(source.cap[index(q)]), resource.unit, source.place.file,
      source.place.line, table.text("  "));
}

std::string programme_text(const PlanRecord& record, std::size_t o) {
  const plan::Plan& plan = record.plan;
  const plan::Option& option = plan.scenario->options[o];
  std::string text = fmt::format(
      "programme.{}: {} in equal parts over {} quarters, then the first chips; to be decided by "
      "{}\n",
      option.name, usd(option.gate->nre.value), option.gate->development,
      quarter_text(plan, option.gate->latest));
  for (std::size_t f = 0; f < plan.best.decisions.size(); ++f) {
    const int gate = plan.best.decisions[f].options[o].gate;
    text += fmt::format(
        "  {}: {}\n", plan.scenario->futures[f].name,
        gate < 0 ? "not begun"
                 : fmt::format("decided in {}, first chips in {}", quarter_text(plan, gate),
                               quarter_text(plan, gate + option.gate->development +
                                                      plan.scenario->futures[f].slip)));
  }
  return text;
}

std::string outcome_text(const PlanRecord& record, const plan::Outcome& outcome,
                         const std::string& key) {
  if (!outcome.has_plan) {
    return fmt::format("{}: with {} there is no plan ({})\n", key, outcome.policy.text,
                       name(outcome.status));
  }
  return fmt::format(
      "{} = best plan with {} - this plan = {} USD - {} USD = {}\n"
      "  each within {:.2g} % of its optimum; what is signed already stays signed in both, renting "
      "stays open\n",
      key, outcome.policy.text, number(outcome.objective), number(record.plan.best.objective),
      regret_text(record.plan, outcome), 100 * record.options.gap);
}

std::string own_value_text(const PlanRecord& record, const OwnDecision& own,
                           const plan::Outcome& other, const std::string& key) {
  const auto share = record.cheaper_share.find(own.option);
  const std::string draws =
      share == record.cheaper_share.end()
          ? ""
          : fmt::format(
                "  this plan is the cheaper one in {} of 1,000 draws of all uncertain "
                "prices, discounts and residuals (seed {}), both held fixed\n",
                percent(share->second), record.seed);
  return outcome_text(record, other, key) + draws;
}

void add_outcomes(const PlanRecord& record, std::vector<Answer>& list) {
  const plan::Plan& plan = record.plan;
  const auto add = [&](const std::string& key, const plan::Outcome& of) {
    list.push_back({key, [&record, key, &of] { return outcome_text(record, of, key); }});
  };
  if (plan.waiting) {
    add("waiting", *plan.waiting);
  }
  if (plan.missed) {
    add("missed", *plan.missed);
  }
  if (plan.without_own) {
    add("own_value", *plan.without_own);
  }
  for (const OwnDecision& own : own_decisions(plan)) {
    if (const plan::Outcome* other = without(plan, own)) {
      const std::string key = "own_value." + plan.scenario->options[index(own.option)].name;
      list.push_back({key, [=, &record] { return own_value_text(record, own, *other, key); }});
    }
  }
  for (const plan::Outcome& one : plan.single_vendor) {
    add("regret." + one.policy.vendor, one);
  }
}

void add_orders(const PlanRecord& record, std::vector<Answer>& list) {
  const plan::Plan& plan = record.plan;
  const plan::Scenario& s = *plan.scenario;
  for (int q = 0; q < s.quarters; ++q) {
    const std::string at = quarter_text(plan, q);
    for (int o = 0; o < s.option_count(); ++o) {
      const bool is_rent = s.options[index(o)].kind == plan::Kind::rent;
      list.push_back({fmt::format("order.{}.{}", s.options[index(o)].name, at), [=, &record] {
                        return is_rent ? rent_text(record, o, q) : order_text(record, o, q);
                      }});
    }
    for (std::size_t r = 0; r < s.resources.size(); ++r) {
      for (std::size_t v = 0; v < s.resources[r].sources.size(); ++v) {
        list.push_back({fmt::format("reserve.{}.{}.{}", s.resources[r].name,
                                    s.resources[r].sources[v].vendor, at),
                        [=, &record] { return reservation_text(record, r, v, q); }});
      }
    }
  }
  for (std::size_t o = 0; o < s.options.size(); ++o) {
    if (plan::has_open_gate(s.options[o])) {
      list.push_back(
          {"programme." + s.options[o].name, [=, &record] { return programme_text(record, o); }});
    }
  }
}

std::vector<Answer> answers(const PlanRecord& record) {
  const plan::Plan& plan = record.plan;
  std::vector<Answer> list{{"total", [&] { return total_text(record); }},
                           {"cost_per_mtok", [&] { return per_mtok_text(record); }},
                           {"tail", [&] { return tail_text(record); }},
                           {"objective", [&] { return objective_text(record); }},
                           {"unmet_share", [&] { return unmet_text(record); }}};
  add_outcomes(record, list);
  for (const plan::Fact& fact : plan.scenario->facts) {
    list.push_back({fact.key, [&] { return fact_text(fact); }});
  }
  add_orders(record, list);
  add_quarters(record, list);
  for (std::size_t f = 0; f < plan.best.books.size(); ++f) {
    list.push_back({"future." + plan.scenario->futures[f].name,
                    [f, &record] { return future_text(record, f); }});
  }
  return list;
}

// Of another plan that was left out.
bool is_left_out(const PlanRecord& record, std::string_view key) {
  const bool is_outcome = key == "waiting" || key == "missed" || key.starts_with("own_value") ||
                          key.starts_with("regret.");
  return is_outcome && (!record.options.with_policies || !has_reached_gap(record.plan));
}

// Names of the JSON document and what answers for them.
struct Alias {
  std::string_view name, key;
};
constexpr std::array kAliases{Alias{"objective_usd", "objective"},
                              Alias{"bound_usd", "objective"},
                              Alias{"bound", "objective"},
                              Alias{"gap", "objective"},
                              Alias{"cost_usd_mean", "total"},
                              Alias{"tail_mean_usd", "tail"},
                              Alias{"cost_usd_per_mtok", "cost_per_mtok"},
                              Alias{"without_own", "own_value"}};

}  // namespace

Result<std::string> plan_explanation(const PlanRecord& record, std::string_view key) {
  for (const Alias& one : kAliases) {
    key = key == one.name ? one.key : key;
  }
  std::vector<std::string> keys;
  for (const Answer& one : answers(record)) {
    if (one.key == key) {
      return one.text();
    }
    keys.push_back(one.key);
  }
  if (is_left_out(record, key)) {
    return fail({.code = "S0402",
                 .message = fmt::format("`{}` was not computed", escape_control(key)),
                 .help = {"--quick leaves the other plans out, and so does a search that is ended"},
                 .exit = ExitCode::usage});
  }
  const auto near = did_you_mean(key, keys);
  return fail({.code = "S0402",
               .message = fmt::format("there is no quantity `{}`", escape_control(key)),
               .help = {near ? fmt::format("did you mean `{}`?", *near)
                             : "total, objective, cost_per_mtok, tail, waiting, missed, own_value, "
                               "regret.VENDOR, "
                               "future.NAME, programme.NAME, option.NAME.price, "
                               "order.NAME.2027-Q3, reserve.RESOURCE.VENDOR.2027-Q3, a cap that "
                               "binds, cash.2027-Q3, fleet.2027-Q3, served.2027-Q3, …"},
               .exit = ExitCode::usage});
}

}  // namespace churon::report
