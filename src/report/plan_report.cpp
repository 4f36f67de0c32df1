#include "report/plan_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/text.h"
#include "report/plan_view.h"

namespace churon::report {

namespace {

std::string chips(double value) { return value < 0.5 ? "-" : number(value); }

// --- the verdict --------------------------------------------------------------------------------

// The first quarter in which it is decided, in whatever future.
std::string gate_text(const plan::Plan& plan, const OwnDecision& own) {
  const int first = *own.first();
  const auto taken = std::count_if(own.gate.begin(), own.gate.end(), [](int q) { return q >= 0; });
  std::string text = first == 0 ? "now" : "in " + quarter_text(plan, first);
  if (index(static_cast<int>(taken)) < own.gate.size()) {
    text += fmt::format(" in {} of {} futures", taken, own.gate.size());
  }
  return text;
}

// What is left of the verdict on an own chip where nobody looked for the plan without it.
std::string_view why_not_looked_at(const PlanRecord& record) {
  return record.options.with_policies ? "the search for the plan without it ended early"
                                      : "--quick leaves out the plan without it";
}

// What the option to build it is worth.
std::string worth_text(const plan::Plan& plan, const plan::Outcome* other) {
  if (other == nullptr) {
    return "what the option to build it is worth was not computed";
  }
  return other->has_plan
             ? fmt::format("the option to build it is worth {}", regret_text(plan, *other))
             : "without it there is no plan";
}

// Of a plan that builds it: how often it is the cheaper one.
std::string draws_text(const PlanRecord& record, const OwnDecision& own) {
  const auto share = record.cheaper_share.find(own.option);
  return share == record.cheaper_share.end()
             ? ""
             : fmt::format(", and this plan is the cheaper one in {} of the draws of prices",
                           percent(share->second));
}

std::string own_sentence(const PlanRecord& record, const OwnDecision& own) {
  const plan::Plan& plan = record.plan;
  const std::string& name = plan.scenario->options[index(own.option)].name;
  const std::string nre = usd(plan.scenario->options[index(own.option)].gate->nre.value);
  const std::string worth = worth_text(plan, without(plan, own));
  const std::string found =
      own.is_taken() ? "with it, decided " + gate_text(plan, own) : std::string("without it");
  switch (standing(record, own)) {
    case Standing::not_settled:
      return fmt::format(
          "Own chip {}: not settled. The search ended before the gap was reached; the best plan "
          "found so far is {}. Its programme costs {}; {}.",
          name, found, nre, worth);
    case Standing::not_looked_at:
      return fmt::format(
          "Own chip {}: this plan is {}; whether that is a close call was not looked at ({}). Its "
          "programme costs {}.",
          name, found, why_not_looked_at(record), nre);
    case Standing::hidden_by_gap:
      return fmt::format(
          "Own chip {}: a close call. Its programme costs {}; {}, which the gap hides; this plan "
          "is {}.",
          name, nre, worth, found);
    case Standing::hidden_by_prices:
      return fmt::format(
          "Own chip {}: a close call. Its programme costs {}; {}; this plan is {}{}.", name, nre,
          worth, found, draws_text(record, own));
    case Standing::settled:
      break;
  }
  if (!own.is_taken()) {
    return fmt::format("Own chip {}: no. Its programme of {} does not come back here; {}.", name,
                       nre, worth);
  }
  return fmt::format("Own chip {}: yes, decide {}. Its programme costs {}; {}{}.", name,
                     gate_text(plan, own), nre, worth, draws_text(record, own));
}

// Of an own chip whose programme is decided and paid: what more of it is signed.
std::string decided_sentence(const plan::Plan& plan, std::size_t o) {
  const double more = mean(plan, [&](const plan::Book&, std::size_t f) {
    const auto& ordered = plan.best.decisions[f].options[o].ordered;
    return std::accumulate(ordered.begin(), ordered.end(), 0.0);
  });
  return fmt::format("Own chip {}, decided before: {}.", plan.scenario->options[o].name,
                     more < 0.5 ? "nothing more is signed"
                                : fmt::format("{} more are signed over the plan", number(more)));
}

std::string own_line(const PlanRecord& record) {
  const plan::Plan& plan = record.plan;
  const auto open = own_decisions(plan);
  std::vector<std::string> sentences;
  for (const OwnDecision& own : open) {
    sentences.push_back(own_sentence(record, own));
  }
  if (open.size() > 1 && plan.without_own) {
    sentences.push_back(plan.without_own->has_plan
                            ? fmt::format("The option to build any of them is worth {}.",
                                          regret_text(plan, *plan.without_own))
                            : std::string("Without any of them there is no plan."));
  }
  for (std::size_t o = 0; o < plan.scenario->options.size(); ++o) {
    const plan::Option& option = plan.scenario->options[o];
    if (option.gate && option.gate->is_passed) {
      sentences.push_back(decided_sentence(plan, o));
    }
  }
  return sentences.empty() ? "Own chip: none is on offer here.\n" : join(sentences, " ") + "\n";
}

std::string now_line(const std::vector<Signature>& list, const PlanRecord& record) {
  struct Sum {
    std::string what, unit;
    bool is_programme = false;
    double amount = 0, dollars = 0;
  };
  std::vector<Sum> sums;
  double total = 0;
  for (const Signature& one : list) {
    if (one.signing > 0) {
      continue;
    }
    const auto same = std::find_if(sums.begin(), sums.end(),
                                   [&](const Sum& sum) { return sum.what == one.what; });
    Sum& sum = same != sums.end() ? *same
                                  : sums.emplace_back(Sum{
                                        .what = one.what,
                                        .unit = one.unit,
                                        .is_programme = one.kind == SignatureKind::programme,
                                    });
    sum.amount += one.amount;
    sum.dollars += one.usd;
    total += one.usd;
  }
  if (sums.empty()) {
    return "Decide now: sign nothing.\n";
  }
  std::vector<std::string> parts;
  for (const Sum& sum : sums) {
    parts.push_back(sum.is_programme
                        ? "the " + sum.what
                        : fmt::format("{} {} {}", number(sum.amount), sum.unit, sum.what));
  }
  return fmt::format("Decide now, by {}: sign {} ({}).\n",
                     plan::first_day(record.plan.scenario->start), join(parts, ", "), usd(total));
}

std::string cost_line(const PlanRecord& record) {
  const plan::Plan& plan = record.plan;
  const double total =
      mean(plan, [](const plan::Book& book, std::size_t) { return book.total - book.penalties; });
  return fmt::format(
      "It costs {} of today over {} quarters: {} ({} to {}) USD per million tokens; {} of the "
      "demand stays unmet.\n",
      usd(total), plan.scenario->quarters, number(record.per_mtok.p50), number(record.per_mtok.p10),
      number(record.per_mtok.p90), percent(unmet_share(plan)));
}

// At best and at worst: whether vendors take next quarter what was to be signed now.
std::string waiting_text(const plan::Plan& plan) {
  if (!plan.waiting->has_plan) {
    return "waiting a quarter leaves no plan";
  }
  std::string text = "waiting a quarter costs " + regret_text(plan, *plan.waiting);
  if (plan.missed) {
    text += plan.missed->has_plan
                ? fmt::format(", or {} where what is not signed now is not to be had later",
                              regret_text(plan, *plan.missed))
                : ", and leaves no plan where what is not signed now is not to be had later";
  }
  return text;
}

std::string rest_line(const PlanRecord& record) {
  const plan::Plan& plan = record.plan;
  std::vector<std::string> parts;
  if (const auto caps = binding_caps(plan); !caps.empty()) {
    const BindingCap& dearest = caps.front();
    parts.push_back(fmt::format("{} binds{} from {} (1 % more of it saves {})", dearest.text,
                                caps.size() > 1 ? " dearest," : "",
                                quarter_text(plan, dearest.first_quarter),
                                usd(dearest.usd_per_percent)));
  } else {
    parts.emplace_back("no cap binds");
  }
  if (plan.waiting) {
    parts.push_back(waiting_text(plan));
  } else {
    parts.push_back(
        plan.single_vendor.empty()
            ? "what waiting a quarter costs and what a single vendor does were not looked at"
            : "what waiting a quarter costs was not looked at");
  }
  const plan::Outcome* least = nullptr;
  for (const plan::Outcome& one : plan.single_vendor) {
    if (one.has_plan && (least == nullptr || one.objective < least->objective)) {
      least = &one;
    }
  }
  if (least != nullptr) {
    parts.push_back(fmt::format("the best single vendor ({}) costs {} more", least->policy.vendor,
                                regret_text(plan, *least)));
  }
  std::string line = join(parts, "; ");
  line.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(line.front())));
  return line + ".\n";
}

// --- tables -------------------------------------------------------------------------------------

// Of one thing and one date, all deliveries together.
std::string signatures_text(const PlanRecord& record, const std::vector<Signature>& list) {
  const plan::Plan& plan = record.plan;
  Table table({Align::left, Align::left, Align::left, Align::right, Align::left, Align::right,
               Align::right});
  table.row({"sign by", "what", "for", "mean", "", "futures", "USD"});
  for (std::size_t i = 0; i < list.size();) {
    Signature sum = list[i];
    std::size_t end = i + 1;
    for (; end < list.size() && list[end].signing == sum.signing && list[end].what == sum.what;
         ++end) {
      sum.add(list[end]);
    }
    const std::string first = quarter_text(plan, list[i].delivery);
    const std::string last = quarter_text(plan, list[end - 1].delivery);
    const std::string range = sum.high - sum.low > 0.5
                                  ? fmt::format("{} to {}", number(sum.low), number(sum.high))
                                  : "all";
    table.row({plan::first_day({plan.scenario->start.count + sum.signing}), sum.what,
               first == last ? first : fmt::format("{} .. {}", first, last), number(sum.amount),
               sum.unit, range, compact(sum.usd)});
    i = end;
  }
  return fmt::format("Sign by when (beyond what is committed; at list price)\n{}\n",
                     list.empty() ? "  nothing\n" : table.text("  "));
}

std::string orders_text(const PlanRecord& record) {
  const plan::Plan& plan = record.plan;
  const plan::Scenario& s = *plan.scenario;
  std::vector<Align> columns{Align::left};
  std::vector<std::string> head{"quarter"};
  for (const plan::Option& option : s.options) {
    columns.push_back(Align::right);
    head.push_back(option.name);
  }
  Table table(columns);
  table.row(head);
  for (int q = 0; q < s.quarters; ++q) {
    std::vector<std::string> cells{quarter_text(plan, q)};
    for (std::size_t o = 0; o < s.options.size(); ++o) {
      cells.push_back(chips(mean(plan, [&](const plan::Book& book, std::size_t) {
        return s.options[o].kind == plan::Kind::rent ? book.options[o].fleet[index(q)]
                                                     : book.options[o].arrived[index(q)];
      })));
    }
    table.row(cells);
  }
  return fmt::format(
      "Order book: chips that arrive, of rent chips that are rented; mean of the futures\n{}\n",
      table.text("  "));
}

std::string flow_text(const PlanRecord& record) {
  const plan::Plan& plan = record.plan;
  const plan::Scenario& s = *plan.scenario;
  Table table({Align::left, Align::right, Align::right, Align::right, Align::right, Align::right,
               Align::right, Align::right});
  table.row({"quarter", "capital", "operation", "cash", "fleet", "demand", "served", "unmet"});
  const auto of = [&](auto get) {
    return mean(plan, [&](const plan::Book& book, std::size_t f) { return get(book, f); });
  };
  for (int q = 0; q < s.quarters; ++q) {
    const auto at = index(q);
    const double power = of([&](const plan::Book& book, std::size_t) {
      double sum = 0;
      for (const auto& site : book.power) {
        sum += site[at];
      }
      return sum;
    });
    const auto tokens = [&](const std::vector<std::vector<double>>& by_class) {
      double sum = 0;
      for (const auto& one : by_class) {
        sum += one[at];
      }
      return sum;
    };
    const double served =
        of([&](const plan::Book& book, std::size_t) { return tokens(book.served); });
    const double unmet =
        of([&](const plan::Book& book, std::size_t) { return tokens(book.unmet); });
    table.row({quarter_text(plan, q),
               compact(of([&](const plan::Book& book, std::size_t) { return book.capital[at]; })),
               compact(of([&](const plan::Book& book, std::size_t) { return book.operation[at]; })),
               compact(of([&](const plan::Book& book, std::size_t) { return book.cash(q); })),
               watts(power), compact(served + unmet), compact(served),
               unmet > 1e-6 * served ? percent(unmet / (served + unmet)) : "-"});
  }
  return fmt::format("Cash in USD, fleet, tokens/s; mean of the futures\n{}\n", table.text("  "));
}

std::string futures_text(const PlanRecord& record) {
  const plan::Plan& plan = record.plan;
  Table table({Align::left, Align::right, Align::right, Align::right, Align::right});
  table.row({"future", "probability", "cost of today", "USD/Mtok", "unmet"});
  for (std::size_t f = 0; f < plan.best.books.size(); ++f) {
    const plan::Book& book = plan.best.books[f];
    const double unmet = unmet_share(book);
    table.row({plan.scenario->futures[f].name, percent(plan.scenario->futures[f].probability),
               compact(book.total - book.penalties), number(book.per_mtok()),
               unmet > 0 ? percent(unmet) : "-"});
  }
  std::string text = fmt::format("Futures\n{}", table.text("  "));
  if (plan.scenario->tail_weight > 0) {
    text += fmt::format(
        "  the dearest {} cost {} on average, unmet demand in it; they weigh {} in "
        "what is minimised\n",
        percent(1 - plan.scenario->tail), usd(plan::tail_mean(*plan.scenario, plan.best.books)),
        percent(plan.scenario->tail_weight));
  }
  return text + "\n";
}

std::string binding_text(const PlanRecord& record) {
  const plan::Plan& plan = record.plan;
  if (plan.binding.empty()) {
    return "What binds\n  no cap\n\n";
  }
  Table table({Align::left, Align::left, Align::left, Align::right, Align::right, Align::left});
  table.row({"cap", "what", "quarter", "1 % more saves", "one more saves", ""});
  for (const plan::ShadowPrice& one : plan.binding) {
    table.row({one.key, one.text, quarter_text(plan, one.quarter), compact(one.usd_per_percent),
               compact(one.usd_per_unit), "USD of today per " + one.unit});
  }
  return fmt::format("What binds, and what more of it would save (whole decisions held)\n{}\n",
                     table.text("  "));
}

std::string others_text(const PlanRecord& record) {
  const plan::Plan& plan = record.plan;
  Table table({Align::left, Align::right, Align::right});
  table.row({"other plans", "cost of today", "more than this plan"});
  const auto row = [&](const std::string& what, const plan::Outcome& outcome) {
    table.row({what, outcome.has_plan ? compact(outcome.objective) : "no plan",
               &outcome == &plan.best ? "-"
               : outcome.has_plan     ? regret_text(plan, outcome)
                                      : ""});
  };
  row("this plan, unmet demand and weight of the tail in it", plan.best);
  if (plan.waiting) {
    row(plan.waiting->policy.text, *plan.waiting);
  }
  if (plan.missed) {
    row(plan.missed->policy.text, *plan.missed);
  }
  if (plan.without_own) {
    row(plan.without_own->policy.text, *plan.without_own);
  }
  for (const plan::Outcome& one : plan.without_one_own) {
    row(one.policy.text, one);
  }
  for (const plan::Outcome& one : plan.single_vendor) {
    row(one.policy.text, one);
  }
  return fmt::format("Beside other plans\n{}\n", table.text("  "));
}

std::string sources_text(const PlanRecord& record) {
  const auto& facts = record.plan.scenario->facts;
  std::vector<std::string> named;  // all steps of a series together
  std::size_t guesses = 0, compared = 0;
  for (const plan::Fact& fact : facts) {
    const std::size_t dot = fact.key.rfind('.');
    const bool is_step = dot != std::string::npos && plan::parse_quarter(fact.key.substr(dot + 1));
    const std::string name = is_step ? fact.key.substr(0, dot) : fact.key;
    if (fact.is_guess()) {
      ++guesses;
      if (std::find(named.begin(), named.end(), name) == named.end()) {
        named.push_back(name);
      }
    }
    compared += fact.source.starts_with("`churon compare`") ? 1 : 0;
  }
  return fmt::format(
      "{} of {} numbers rest on guesses: {}.\n{} rates of tokens are those of `churon compare`.\n",
      guesses, facts.size(), named.empty() ? "none" : join(named, ", "), compared);
}

}  // namespace

PlanRecord plan_record(plan::Plan plan, plan::PlanOptions options, std::uint64_t seed) {
  constexpr int kDraws = 1000;
  PlanRecord record{
      .plan = std::move(plan), .options = std::move(options), .seed = seed, .per_mtok = {}};
  if (record.plan.best.has_plan) {
    const int threads = record.options.threads;
    record.per_mtok = plan::cost_per_mtok(record.plan, seed, kDraws, threads);
    for (const OwnDecision& own : own_decisions(record.plan)) {
      const plan::Outcome* other = without(record.plan, own);
      if (own.is_taken() && other != nullptr && other->has_plan) {
        record.cheaper_share[own.option] =
            plan::share_cheaper(record.plan, *other, seed, kDraws, threads);
      }
    }
  }
  return record;
}

std::string plan_text(const PlanRecord& record, std::size_t width) {
  const plan::Plan& plan = record.plan;
  const auto list = signatures(plan);
  const plan::Program& program = plan.model.program;
  std::string text = folded_lines(
      own_line(record) + now_line(list, record) + cost_line(record) + rest_line(record) + "\n",
      "  ", width);
  text += signatures_text(record, list) + orders_text(record) + flow_text(record) +
          futures_text(record) + binding_text(record) + others_text(record);
  text += folded_lines(sources_text(record), "  ", width);
  text += fmt::format(
      "{}: {} rows, {} columns ({} integer); {}, within {:.2g} % of the optimum ({:.2g} % were "
      "asked for), checked.\n`--explain KEY` says why a number is what it is.\n",
      plan::entry(record.options.solver).word, program.row_count(), program.variable_count(),
      program.integer_count(), name(plan.best.status), 100 * plan.best.gap,
      100 * record.options.gap);
  return text;
}

std::string infeasible_text(const PlanRecord& record) {
  const plan::Plan& plan = record.plan;
  if (!plan.conflict) {
    return "No plan keeps the caps. Which of them conflict was not found:\n"
           "the search for it was ended, or no change of the caps is enough.\n";
  }
  std::string text = "No plan keeps all of these together:\n";
  // Quarters that follow each other are told as one.
  const auto caps = conflicting(plan);
  for (std::size_t i = 0; i < caps.size();) {
    std::size_t end = i + 1;
    while (end < caps.size() && caps[end].cap->key == caps[i].cap->key &&
           caps[end].cap->quarter == caps[end - 1].cap->quarter + 1) {
      ++end;
    }
    const plan::Cap& cap = *caps[i].cap;
    const std::string first = quarter_text(plan, cap.quarter);
    const std::string last = quarter_text(plan, caps[end - 1].cap->quarter);
    text += fmt::format("  {} in {} ({}:{})\n", cap.text,
                        first == last ? first : fmt::format("{} .. {}", first, last),
                        cap.place.file, cap.place.line);
    i = end;
  }
  text += "The smallest relaxation (least sum of relative changes):\n";
  for (const CapInQuarter& one : smallest_relaxation(plan)) {
    const plan::Cap& cap = *one.cap;
    text += fmt::format("  {} in {}: {} {} more{}\n", cap.text, quarter_text(plan, cap.quarter),
                        number(one.more), cap.unit,
                        one.share == 0
                            ? ""
                            : fmt::format(" ({} of {})", percent(one.share),
                                          cap.key.starts_with("serve.") ? "the demand" : "it"));
  }
  return text;
}

std::string plan_solution_text(const PlanRecord& record) {
  std::string text =
      fmt::format("objective {}\n", record.plan.best.objective / record.plan.model.money);
  const auto& variables = record.plan.model.program.variables();
  for (std::size_t i = 0; i < record.plan.values.size(); ++i) {
    if (record.plan.values[i] != 0) {
      text += fmt::format("{} {}\n", variables[i].name, record.plan.values[i]);
    }
  }
  return text;
}

}  // namespace churon::report
