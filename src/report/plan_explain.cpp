// Why a number of a plan is what it is: its formula, what goes into it, and where that comes from.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "report/plan_report.h"
#include "report/plan_view.h"

namespace churon::report {

namespace {

std::size_t index(int i) { return static_cast<std::size_t>(i); }

std::string fact_text(const plan::Fact& fact) {
  std::string text = fmt::format("{} = {} {}\n", fact.key, number(fact.value), fact.unit);
  if (fact.range.low != fact.range.high) {
    text += fmt::format("  range  {} to {} (P5 to P95)\n", number(fact.range.low),
                        number(fact.range.high));
  }
  text += fmt::format("  basis  {}{}\n", fact.basis, fact.is_guess() ? ": a guess" : "");
  text += fact.source.empty() ? "" : fmt::format("  source {}\n", fact.source);
  return text + (fact.place.empty() ? "" : fmt::format("  place  {}\n", fact.place));
}

std::string total_text(const PlanRecord& record) {
  const plan::Plan& plan = record.plan;
  std::map<const plan::Fact*, double> sums;
  for (std::size_t f = 0; f < plan.best.books.size(); ++f) {
    for (const auto& [fact, usd_today] : plan.best.books[f].by_fact) {
      sums[fact] += plan.scenario->futures[f].probability * usd_today;
    }
  }
  std::vector<std::pair<const plan::Fact*, double>> sorted(sums.begin(), sums.end());
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return std::pair(-a.second, a.first->key) < std::pair(-b.second, b.first->key);
  });
  Table table({Align::left, Align::right, Align::left, Align::left});
  table.row({"price", "USD of today", "basis", "source"});
  double all = 0;
  for (const auto& [fact, sum] : sorted) {
    all += sum;
    std::string source = fact->source.empty() ? fact->place : fact->source;
    if (source.size() > 70) {
      source = source.substr(0, complete_utf8_prefix(source.substr(0, 67))) + "...";
    }
    table.row({fact->key, compact(sum), fact->basis, source});
  }
  return fmt::format(
      "total = mean over the futures of the sum over quarters t of payments x (1 + {:.4g})^(-t/4)\n"
      "      = {}, what the fleet is worth at the end taken off, unmet demand in it\n{}",
      plan.scenario->discount_rate, usd(all), table.text("  "));
}

std::string per_mtok_text(const PlanRecord& record) {
  std::string text = fmt::format(
      "cost_per_mtok = (total - unmet demand) / tokens served, both discounted alike\n"
      "  P10 {}  P50 {}  P90 {} USD, over the futures and 1,000 draws of all uncertain prices "
      "(seed {}), the plan held fixed\n",
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
  Table table({Align::left, Align::right, Align::right, Align::right, Align::right});
  table.row({"future", "committed", "new", "paid", "arrived"});
  for (std::size_t f = 0; f < plan.best.books.size(); ++f) {
    const plan::OptionBook& book = plan.best.books[f].options[index(o)];
    table.row({plan.scenario->futures[f].name, number(option.committed[index(d)]),
               number(plan.best.decisions[f].options[index(o)].ordered[index(d)]),
               number(book.paid_chips[index(d)]), number(book.arrived[index(d)])});
  }
  text += table.text("  ");
  for (const plan::ShadowPrice& one : plan.binding) {
    if (one.quarter == d) {
      text += fmt::format("  binds in that quarter: {}, {} USD per {}\n", one.text,
                          number(one.usd_per_unit * (one.unit == "W" ? 1e6 : 1)),
                          one.unit == "W" ? "MW" : one.unit);
    }
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
      "{} = best plan with {} - this plan = {} - {} = {}\n"
      "  each within {:.2g} % of its optimum; what is signed already stays signed in both, renting "
      "stays open\n",
      key, outcome.policy.text, usd(outcome.objective), usd(record.plan.best.objective),
      regret_text(record.plan, outcome), 100 * record.options.gap);
}

std::optional<std::string> known(const PlanRecord& record, std::string_view key,
                                 std::vector<std::string>& keys) {
  const plan::Plan& plan = record.plan;
  std::optional<std::string> found;
  const auto offer = [&](const std::string& name, const auto& text) {
    keys.push_back(name);
    if (name == key && !found) {
      found = text();
    }
  };
  offer("total", [&] { return total_text(record); });
  offer("cost_per_mtok", [&] { return per_mtok_text(record); });
  const auto outcome = [&](const std::string& name, const plan::Outcome& of) {
    offer(name, [&] { return outcome_text(record, of, name); });
  };
  if (plan.waiting) {
    outcome("waiting", *plan.waiting);
  }
  if (plan.without_own) {
    outcome("own_value", *plan.without_own);
  }
  for (const plan::Outcome& one : plan.single_vendor) {
    outcome("regret." + one.policy.key.substr(5), one);
  }
  for (const plan::Fact& fact : plan.scenario->facts) {
    offer(fact.key, [&] { return fact_text(fact); });
  }
  for (int o = 0; o < plan.scenario->option_count(); ++o) {
    const plan::Option& option = plan.scenario->options[index(o)];
    for (int d = 0; d < plan.scenario->quarters && option.kind != plan::Kind::rent; ++d) {
      offer(fmt::format("order.{}.{}", option.name, quarter_text(plan, d)),
            [&] { return order_text(record, o, d); });
    }
  }
  return found;
}

}  // namespace

Result<std::string> plan_explanation(const PlanRecord& record, std::string_view key) {
  std::vector<std::string> keys;
  if (auto text = known(record, key, keys)) {
    return std::move(*text);
  }
  const auto near = did_you_mean(key, keys);
  return fail({.code = "S0402",
               .message = fmt::format("there is no quantity `{}`", escape_control(key)),
               .help = {near ? fmt::format("did you mean `{}`?", *near)
                             : "total, cost_per_mtok, waiting, own_value, regret.VENDOR, "
                               "option.NAME.price, order.NAME.2027-Q3, …"},
               .exit = ExitCode::usage});
}

}  // namespace churon::report
