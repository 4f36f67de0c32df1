#include "plan/chip_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "cost/costing.h"
#include "cost/draws.h"
#include "evaluate/compare.h"
#include "model/shapes.h"

namespace churon::plan {

namespace {

// Enough for the ends of a range: their error is a few percent of its width.
constexpr std::int64_t kDraws = 1000;

class Costs {
 public:
  explicit Costs(const cost::Costing& costing) : tree_(*costing.tree) {}

  // The sum of named quantities, some with a minus; none where one is missing.
  std::optional<Fact> sum(const std::string& chip,
                          std::initializer_list<std::pair<const char*, int>> parts,
                          std::string unit) {
    std::vector<cost::NodeId> ids;
    std::string formula;
    double value = 0, low = 0, high = 0;
    bool is_guess = false;
    for (const auto& [key, sign] : parts) {
      const auto id = tree_.find(key);
      if (!id) {
        return std::nullopt;
      }
      const double central = cost::central_value(tree_, *id);
      const cost::Quantiles range = cost::draw(tree_, std::vector{*id}, {.draws = kDraws}).front();
      value += sign * central;
      // Parts move together: widths add up.
      low += sign * (sign > 0 ? std::min(range.p5, central) : std::max(range.p95, central));
      high += sign * (sign > 0 ? std::max(range.p95, central) : std::min(range.p5, central));
      formula += fmt::format("{}{}",
                             formula.empty() ? (sign < 0 ? "-" : "")
                             : sign < 0      ? " - "
                                             : " + ",
                             key);
      is_guess = is_guess || rests_on_guesses(*id);
    }
    return Fact{.value = value,
                .range = {std::min(std::max(low, 0.0), value), value, std::max(high, value)},
                .unit = std::move(unit),
                .basis = is_guess ? "mixed" : "derived",
                .source = fmt::format("`churon cost {}`: {}", chip, formula),
                .place = {}};
  }

 private:
  // More than a tenth of its variance.
  bool rests_on_guesses(cost::NodeId id) const {
    double share = 0;
    for (const cost::Effect& effect : cost::effects(tree_, id)) {
      share += effect.is_guess ? effect.variance_share : 0;
    }
    return share > 0.1;
  }

  const cost::Tree& tree_;
};

}  // namespace

Result<ChipFacts> chip_facts(const chip::Chip& chip, const std::string& name,
                             const cost::Data& data) {
  const auto costing = cost::costing(chip, {}, data, std::make_shared<cost::Tree>());
  if (!costing) {
    return fail(costing);
  }
  Costs costs(*costing);
  const bool is_own = chip.kind == chip::Kind::full;
  const evaluate::ProvisionedPower power = evaluate::provisioned_power(chip);
  ChipFacts facts{.price = {}, .rent = {}, .running = {}, .power = {}, .nre = {}};
  // Of an own chip the programme is a decision, no part of the unit's price.
  facts.price = is_own ? costs.sum(name, {{"slot", 1}, {"price.programme", -1}}, "USD")
                       : costs.sum(name, {{"slot", 1}}, "USD");
  facts.rent = costs.sum(name, {{"rent", 1}}, "USD/h");
  facts.running = costs.sum(
      name, {{"hourly.space", 1}, {"hourly.electricity", 1}, {"hourly.upkeep", 1}}, "USD/h");
  facts.nre = is_own ? costs.sum(name, {{"programme", 1}}, "USD") : std::nullopt;
  if (power.watts > 0) {
    facts.power = Fact{.value = power.watts,
                       .range = {power.watts, power.watts, power.watts},
                       .unit = "W",
                       .basis = "derived",
                       .source = fmt::format("provisioned for {}: {}", name, power.basis),
                       .place = {}};
  }
  return facts;
}

Result<RateData> rate_data() {
  const auto efficiency = estimate::shipped_efficiency();
  if (!efficiency) {
    return fail(efficiency);
  }
  auto bands = evaluate::ErrorBands::shipped();
  if (!bands) {
    return fail(bands);
  }
  return RateData{*efficiency, std::move(*bands)};
}

Result<std::optional<Fact>> throughput(const chip::Chip& chip, const std::string& derate,
                                       const Service& service, const RateData& data) {
  const auto model = model::shape(service.model);
  if (!model) {
    return fail(model);
  }
  const auto workload = evaluate::workload(service.workload);
  if (!workload) {
    return fail(workload);
  }
  evaluate::CompareRequest request;
  request.contestants = {{&chip, derate}};
  request.models = {&*model};
  request.workloads = {*workload};
  request.tpot_limit_s = service.tpot_limit_s;
  request.ttft_limit_s = service.ttft_limit_s;
  const auto comparison =
      evaluate::compare(request, data.efficiency, data.bands, evaluate::SupportIndex{});
  if (!comparison) {
    return fail(comparison);
  }
  const evaluate::ComparedRow& row = comparison->cells.front().rows.front();
  if (!row.best) {
    return std::optional<Fact>();
  }
  const double value = row.best->throughput_per_chip;
  return std::optional<Fact>(
      Fact{.value = value,
           .range = {value, value, value},
           .unit = "tok/s",
           .basis = "derived",
           .source = fmt::format(
               "`churon compare`: {} {}, TPOT {:.3g} s, TTFT {:.3g} s, {:.0f} chips, {:.0f} "
               "requests at once{}",
               service.model, service.workload, service.tpot_limit_s, service.ttft_limit_s,
               row.best->chips, row.best->concurrency, derate.empty() ? "" : ", derate " + derate),
           .place = {}});
}

}  // namespace churon::plan
