#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/plan_report.h"
#include "report/plan_view.h"

namespace churon::report {

namespace {

// Seven digits: what is below them is the solver's rounding.
Json rounded(double value) { return finite_drawn(std::fabs(value) < 1e-9 ? 0 : value); }

Json outcome_json(const PlanRecord& record, const plan::Outcome& outcome) {
  return {{"policy", outcome.policy.key},
          {"text", outcome.policy.text},
          {"status", name(outcome.status)},
          {"objective_usd", outcome.has_plan ? rounded(outcome.objective) : Json()},
          {"regret_usd", outcome.has_plan ? rounded(regret(record.plan, outcome)) : Json()}};
}

Json series(const std::vector<double>& values) {
  Json list = Json::array();
  for (const double value : values) {
    list.push_back(rounded(value));
  }
  return list;
}

Json future_json(const PlanRecord& record, std::size_t f) {
  const plan::Plan& plan = record.plan;
  const plan::Scenario& s = *plan.scenario;
  const plan::Book& book = plan.best.books[f];
  const plan::Future& future = s.futures[f];
  Json json = {{"name", future.name},
               {"probability", future.probability},
               {"slip_quarters", future.slip},
               {"cost_usd", rounded(book.total - book.penalties)},
               {"penalty_usd", rounded(book.penalties)},
               {"cost_usd_per_mtok", rounded(book.per_mtok())},
               {"unmet_share", rounded(unmet_share(book))},
               {"capital_usd", series(book.capital)},
               {"operation_usd", series(book.operation)},
               {"residual_usd", rounded(book.residual)}};
  json["classes"] = Json::array();
  for (std::size_t c = 0; c < s.classes.size(); ++c) {
    json["classes"].push_back({{"class", s.classes[c].name},
                               {"demand_tok_s", series(future.demand[c])},
                               {"served_tok_s", series(book.served[c])},
                               {"unmet_tok_s", series(book.unmet[c])}});
  }
  json["sites"] = Json::array();
  for (std::size_t k = 0; k < s.sites.size(); ++k) {
    json["sites"].push_back({{"site", s.sites[k].name}, {"power_w", series(book.power[k])}});
  }
  json["options"] = Json::array();
  for (std::size_t o = 0; o < s.options.size(); ++o) {
    const plan::OptionBook& one = book.options[o];
    const plan::OptionDecisions& decided = plan.best.decisions[f].options[o];
    Json option = {
        {"option", s.options[o].name},          {"signed_chips", series(one.signed_chips)},
        {"new_chips", series(decided.ordered)}, {"paid_chips", series(one.paid_chips)},
        {"arrived_chips", series(one.arrived)}, {"fleet_chips", series(one.fleet)},
        {"purchase_usd", series(one.purchase)}, {"running_usd", series(one.running)}};
    if (plan::has_open_gate(s.options[o])) {
      option["gate_quarter"] = decided.gate < 0 ? Json() : Json(quarter_text(plan, decided.gate));
    }
    json["options"].push_back(std::move(option));
  }
  return json;
}

Json head_json(const PlanRecord& record) {
  const plan::Plan& plan = record.plan;
  const plan::Scenario& s = *plan.scenario;
  const plan::Program& program = plan.model.program;
  Json json = json_document("plan");
  json["scenario"] = s.name;
  json["scenario_file"] = s.file;
  json["scenario_digest"] = s.digest;
  json["seed"] = record.seed;
  json["start"] = plan::text(s.start);
  json["quarters"] = s.quarters;
  json["discount_rate"] = s.discount_rate;
  json["tail"] = {{"share", rounded(1 - s.tail)}, {"weight", s.tail_weight}};
  json["solver"] = {{"name", plan::entry(record.options.solver).word},
                    {"status", name(plan.best.status)},
                    {"gap_wanted", record.options.gap},
                    {"gap", plan.best.has_plan ? rounded(plan.best.gap) : Json()},
                    {"rows", program.row_count()},
                    {"columns", program.variable_count()},
                    {"integers", program.integer_count()}};
  return json;
}

Json signatures_json(const plan::Plan& plan) {
  Json list = Json::array();
  for (const Signature& one : signatures(plan)) {
    list.push_back({{"sign_by", plan::first_day({plan.scenario->start.count + one.signing})},
                    {"what", one.what},
                    {"kind", name(one.kind)},
                    {"delivery", quarter_text(plan, one.delivery)},
                    {"unit", one.unit},
                    {"amount_mean", rounded(one.amount)},
                    {"amount_min", rounded(one.low)},
                    {"amount_max", rounded(one.high)},
                    {"list_price_usd", rounded(one.usd)},
                    {"now", one.signing == 0}});
  }
  return list;
}

// Of the own chips whose gate is open.
Json own_json(const PlanRecord& record) {
  const plan::Plan& plan = record.plan;
  Json list = Json::array();
  for (const OwnDecision& own : own_decisions(plan)) {
    const plan::Option& option = plan.scenario->options[index(own.option)];
    const plan::Outcome* other = without(plan, own);
    const auto share = record.cheaper_share.find(own.option);
    Json gates = Json::array();
    for (const int gate : own.gate) {
      gates.push_back(gate < 0 ? Json() : Json(quarter_text(plan, gate)));
    }
    list.push_back(
        {{"option", option.name},
         {"build", own.is_taken()},
         {"standing", name(standing(record, own))},
         {"gate_by_future", std::move(gates)},
         {"programme_usd", rounded(option.gate->nre.value)},
         {"cheaper_share", share != record.cheaper_share.end() ? Json(share->second) : Json()},
         {"option_value_usd",
          other != nullptr && other->has_plan ? rounded(regret(plan, *other)) : Json()}});
  }
  return list;
}

Json facts_json(const plan::Scenario& s) {
  Json list = Json::array();
  for (const plan::Fact& fact : s.facts) {
    list.push_back({{"key", fact.key},
                    {"value", fact.value},
                    {"low", fact.range.low},
                    {"high", fact.range.high},
                    {"unit", fact.unit},
                    {"basis", fact.basis},
                    {"guess", fact.is_guess()},
                    {"source", fact.source},
                    {"place", fact.place}});
  }
  return list;
}

Json conflict_json(const plan::Plan& plan) {
  Json rows = Json::array(), relaxation = Json::array();
  for (const CapInQuarter& one : conflicting(plan)) {
    rows.push_back({{"cap", one.cap->key},
                    {"quarter", quarter_text(plan, one.cap->quarter)},
                    {"line", one.cap->place.line}});
  }
  for (const CapInQuarter& one : smallest_relaxation(plan)) {
    relaxation.push_back({{"cap", one.cap->key},
                          {"quarter", quarter_text(plan, one.cap->quarter)},
                          {"more", rounded(one.more)},
                          {"unit", one.cap->unit}});
  }
  return {{"rows", std::move(rows)}, {"smallest_relaxation", std::move(relaxation)}};
}

}  // namespace

Json plan_json(const PlanRecord& record) {
  const plan::Plan& plan = record.plan;
  Json json = head_json(record);
  if (!plan.best.has_plan) {
    json["conflict"] = plan.conflict ? conflict_json(plan) : Json();
    return json;
  }
  json["objective_usd"] = rounded(plan.best.objective);
  json["bound_usd"] = rounded(plan.best.bound);
  json["cost_usd_mean"] = rounded(
      mean(plan, [](const plan::Book& book, std::size_t) { return book.total - book.penalties; }));
  json["tail_mean_usd"] = rounded(plan::tail_mean(*plan.scenario, plan.best.books));
  json["cost_usd_per_mtok"] = {{"p10", rounded(record.per_mtok.p10)},
                               {"p50", rounded(record.per_mtok.p50)},
                               {"p90", rounded(record.per_mtok.p90)}};
  json["unmet_share"] = rounded(unmet_share(plan));
  json["own_chips"] = own_json(record);
  json["signatures"] = signatures_json(plan);
  json["binding"] = Json::array();
  for (const plan::ShadowPrice& one : plan.binding) {
    json["binding"].push_back({{"cap", one.key},
                               {"text", one.text},
                               {"quarter", quarter_text(plan, one.quarter)},
                               {"unit", one.unit},
                               {"shadow_price_usd", rounded(one.usd_per_unit)},
                               {"one_percent_usd", rounded(one.usd_per_percent)}});
  }
  json["waiting"] = plan.waiting ? outcome_json(record, *plan.waiting) : Json();
  json["missed"] = plan.missed ? outcome_json(record, *plan.missed) : Json();
  json["without_own"] = plan.without_own ? outcome_json(record, *plan.without_own) : Json();
  json["without_one_own"] = Json::array();
  for (const plan::Outcome& one : plan.without_one_own) {
    json["without_one_own"].push_back(outcome_json(record, one));
  }
  json["single_vendor"] = Json::array();
  for (const plan::Outcome& one : plan.single_vendor) {
    json["single_vendor"].push_back(outcome_json(record, one));
  }
  json["futures"] = Json::array();
  for (std::size_t f = 0; f < plan.best.books.size(); ++f) {
    json["futures"].push_back(future_json(record, f));
  }
  json["facts"] = facts_json(*plan.scenario);
  return json;
}

}  // namespace churon::report
