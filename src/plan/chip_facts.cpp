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

// A quantity rests on guesses where they make more than this share of its variance.
constexpr double kGuessShare = 0.1;

// Quantities of a chip's costing that become facts, drawn together.
class Costs {
 public:
  Costs(cost::Costing& costing, const std::string& chip) : costing_(costing), chip_(chip) {}

  // The named quantity; none where the chip has no such cost.
  [[nodiscard]] std::optional<cost::Expr> find(std::string_view key) const {
    const auto id = costing_.tree->find(key);
    return id ? std::optional(cost::Expr{costing_.tree.get(), *id}) : std::nullopt;
  }

  void want(std::optional<Fact>& fact, std::optional<cost::Expr> quantity, std::string unit) {
    if (quantity) {
      wanted_.push_back({&fact, quantity->id, std::move(unit)});
    }
  }

  void fill() const {
    const cost::Tree& tree = *costing_.tree;
    std::vector<cost::NodeId> ids;
    for (const Wanted& one : wanted_) {
      ids.push_back(one.id);
    }
    const auto ranges = cost::draw(tree, ids, {.draws = kDraws});
    const auto values = cost::central_values(tree, ids);
    for (std::size_t i = 0; i < wanted_.size(); ++i) {
      const cost::NodeId id = ids[i];
      const std::string& key = tree.at(id).key;
      const double guessed = cost::ages(costing_, id, cost::effects(tree, id)).guess_variance_share;
      *wanted_[i].fact = Fact{.value = values[i],
                              .range = {std::min(std::max(ranges[i].p5, 0.0), values[i]), values[i],
                                        std::max(ranges[i].p95, values[i])},
                              .unit = wanted_[i].unit,
                              .basis = guessed > kGuessShare ? "mixed" : "derived",
                              .source = fmt::format("`churon cost {}`: {}", chip_,
                                                    key.empty() ? tree.formula(id) : key),
                              .place = {}};
    }
  }

 private:
  struct Wanted {
    std::optional<Fact>* fact;
    cost::NodeId id;
    std::string unit;
  };

  cost::Costing& costing_;
  const std::string& chip_;
  std::vector<Wanted> wanted_;
};

}  // namespace

Result<ChipFacts> chip_facts(const chip::Chip& chip, const std::string& name,
                             const cost::Data& data) {
  auto costing = cost::costing(chip, {}, data, std::make_shared<cost::Tree>());
  if (!costing) {
    return fail(costing);
  }
  Costs costs(*costing, name);
  const bool is_own = chip.kind == chip::Kind::full;
  const evaluate::ProvisionedPower power = evaluate::provisioned_power(chip);
  ChipFacts facts{.price = {}, .rent = {}, .running = {}, .power = {}, .nre = {}};
  auto slot = costs.find("slot");
  if (is_own) {
    // The programme is a decision, no part of the unit's price.
    const auto share = costs.find("price.programme");
    slot = slot && share ? std::optional(*slot - *share) : std::nullopt;
    costs.want(facts.nre, costs.find("programme"), "USD");
  }
  costs.want(facts.price, slot, "USD");
  costs.want(facts.rent, costs.find("rent"), "USD/h");
  const auto space = costs.find("hourly.space");
  const auto electricity = costs.find("hourly.electricity");
  const auto upkeep = costs.find("hourly.upkeep");
  if (space && electricity && upkeep) {
    costs.want(facts.running, *space + *electricity + *upkeep, "USD/h");
  }
  costs.fill();
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
