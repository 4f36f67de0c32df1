// Dollars of a comparison as fields of its JSON document.
#include <fmt/format.h>

#include <array>

#include "report/cost_json.h"
#include "report/dollars_report.h"

namespace churon::report {

namespace {

using cost::NodeId;
using cost::Quantiles;
using evaluate::ComparedCell;
using evaluate::ComparedRow;
using evaluate::Dollars;
using evaluate::PriceKind;
using evaluate::RowDollars;
using evaluate::TokenPrice;
using evaluate::Versus;

constexpr std::array kKinds{PriceKind::build, PriceKind::purchase, PriceKind::rent};

Json with_central(double central, const Quantiles& q, double factor = 1) {
  Json json = quantiles_json(q, factor);
  json["central"] = finite_drawn(central * factor);
  return json;
}

Json flips_json(const cost::Tree& tree, const std::vector<cost::Flip>& flips) {
  Json json = Json::array();
  for (const cost::Flip& flip : flips) {
    Json inputs = Json::array();
    for (const std::uint32_t at : flip.inputs) {
      const cost::Input& input = tree.inputs()[at];
      inputs.push_back({{"key", input.key},
                        {"unit", input.unit},
                        {"central", input.range.central},
                        {"low", input.range.low},
                        {"high", input.range.high},
                        {"flips_at", tree.value_at(at, flip.z)}});
    }
    json.push_back({{"factor", flip.factor},
                    {"standard_deviations", flip.z},
                    {"probability", flip.probability},
                    {"inputs", std::move(inputs)}});
  }
  return json;
}

Json versus_json(const Dollars& dollars, const Versus& versus, const std::string& rival) {
  const cost::Tree& tree = *dollars.tree;
  Json json;
  json["rival"] = rival;
  json["rival_price"] = evaluate::name(versus.kind);
  json["advantage_ratio"] = with_central(versus.central, versus.quantiles);
  json["cheaper_share"] = versus.cheaper_share;
  json["split"] = versus.split ? Json{{"silicon_ratio", versus.split->silicon},
                                      {"merchant_margin_ratio", versus.split->margin},
                                      {"software_ratio", versus.split->software}}
                               : Json(nullptr);
  json["break_even_chips"] = with_central(versus.chips, versus.chips_quantiles);
  json["break_even_tokens_per_year"] =
      with_central(versus.tokens_per_year, versus.tokens_quantiles);
  json["planned_chips"] = versus.planned_chips > 0 ? Json(versus.planned_chips) : Json(nullptr);
  json["flips"] = flips_json(tree, versus.flips);
  json["effects"] = effects_json(tree, cost::effects(tree, versus.advantage), finite_drawn);
  json["keys"] = {{"advantage", tree.at(versus.advantage).key},
                  {"cheaper_share", tree.at(versus.cheaper).key},
                  {"break_even_chips", tree.at(versus.break_even_chips).key},
                  {"break_even_tokens_per_year", tree.at(versus.break_even_tokens).key}};
  if (versus.split) {
    json["keys"].update({{"silicon", tree.at(versus.split->silicon_node).key},
                         {"merchant_margin", tree.at(versus.split->margin_node).key},
                         {"software", tree.at(versus.split->software_node).key}});
  }
  return json;
}

}  // namespace

Json dollars_row_json(const Dollars& dollars, const ComparedCell& cell,
                      const evaluate::CompareRequest& request, std::size_t cell_index,
                      std::size_t row_index) {
  const RowDollars& of = dollars.cells[cell_index].rows[row_index];
  const cost::Tree& tree = *dollars.tree;
  Json json;
  const TokenPrice* cheapest = of.cheapest();
  json["cheapest_price"] =
      cheapest == nullptr ? Json(nullptr) : Json(evaluate::name(cheapest->kind));
  for (const auto& [key, ratio] :
       {std::pair{"blended_usd_per_mtok", 1.0}, std::pair{"input_usd_per_mtok", of.input_ratio},
        std::pair{"output_usd_per_mtok", of.output_ratio}}) {
    json[key] = cheapest == nullptr ? Json(nullptr) : finite_drawn(cheapest->central * ratio);
  }
  Json prices;
  for (const PriceKind kind : kKinds) {
    const TokenPrice* price = of.of(kind);
    if (price == nullptr) {
      prices[std::string(evaluate::name(kind))] = nullptr;
      continue;
    }
    prices[std::string(evaluate::name(kind))] = {
        {"blended_usd_per_mtok", with_central(price->central, price->quantiles)},
        {"input_usd_per_mtok", with_central(price->central, price->quantiles, of.input_ratio)},
        {"output_usd_per_mtok", with_central(price->central, price->quantiles, of.output_ratio)},
        {"key", tree.at(price->blended).key}};
  }
  json["prices"] = std::move(prices);
  const ComparedRow& row = cell.rows[row_index];
  json["notes"] = dollars.costing(row.contestant).notes;
  json["not_priced"] = dollars.costing(row.contestant).not_priced;
  if (of.versus) {
    const ComparedRow& rival = cell.rows[static_cast<std::size_t>(of.versus->rival)];
    json["versus"] = versus_json(dollars, *of.versus, contestant(request, rival).chip->id);
  }
  return json;
}

Json dollars_json(const Dollars& dollars) {
  const evaluate::DollarOptions& options = dollars.options;
  Json chips = Json::array();
  for (const evaluate::ChipDollars& one : dollars.chips) {
    const cost::Costing& costing = one.costing;
    Json chip = {{"chip", one.chip->id}, {"hbm_basis", costing.hbm_basis}};
    for (const auto& [name, id] : {std::pair{"cogs_usd", costing.cogs},
                                   {"price_usd", costing.price},
                                   {"build_hour_usd", costing.build_hourly},
                                   {"purchase_hour_usd", costing.hourly},
                                   {"rent_hour_usd", costing.rent_hourly},
                                   {"programme_usd", costing.programme}}) {
      chip[name] = id ? finite_drawn(cost::central_value(*dollars.tree, *id)) : Json(nullptr);
      if (id) {
        chip["keys"][name] = dollars.tree->at(*id).key;
      }
    }
    chips.push_back(std::move(chip));
  }
  return {{"like", options.cost.like == nullptr ? Json(nullptr) : Json(options.cost.like->id)},
          {"occupancy_share", options.occupancy},
          {"draws", options.draws.draws},
          {"seed", options.draws.seed},
          {"scenarios", cost::texts(options.cost.scenarios)},
          {"chips", std::move(chips)}};
}

}  // namespace churon::report
