#include "plan/planner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"

namespace churon::plan {
namespace {

struct Draws {
  std::uint64_t seed;
  std::uint32_t at = 0;
  double draw(double low, double high) {
    return low + (high - low) * uniform24(philox4x32({at++, 0, 0, 0}, seed)[0]);
  }
};

Fact fact(std::string key, double value) {
  return {.key = std::move(key), .value = value, .range = {value, value, value}};
}

constexpr int kQuarters = 4;
constexpr double kLot = 100;

Option option(Draws& draws, std::string name, Kind kind) {
  Option made;
  made.name = made.vendor = std::move(name);
  made.kind = kind;
  made.price = fact(made.name + ".price", draws.draw(2e4, 6e4));
  made.running = fact(made.name + ".running", draws.draw(0.2, 0.8));
  made.power = fact(made.name + ".power", draws.draw(1000, 2500));
  made.tokens = {fact(made.name + ".tokens", draws.draw(500, 3000))};
  made.from = kind == Kind::own ? 1 : 0;
  made.until = kQuarters - 1;
  made.lead = 1;
  made.booking = kQuarters;  // all is signed now
  made.residual = fact(made.name + ".residual", 0.3);
  made.max.assign(kQuarters, 2 * kLot);
  made.committed.assign(kQuarters, 0);
  made.installed_until = -1;
  made.lot = kLot;
  return made;
}

// Steps of price of every order: cheaper, cheaper after dearer, less cheap after cheaper.
std::vector<PriceStep> steps(std::uint64_t seed) {
  switch (seed % 4) {
    case 1:
      return {{.from = 1.5 * kLot, .change = 0.2}, {.from = 2.5 * kLot, .change = -0.4}};
    case 2:
      return {{.from = 1.5 * kLot, .change = -0.4}, {.from = 2.5 * kLot, .change = -0.2}};
    case 3:
      return {{.from = 0.5 * kLot, .change = 0.1},
              {.from = 1.5 * kLot, .change = -0.5},
              {.from = 3.5 * kLot, .change = 0.3}};
    default:
      return {{.from = 2.5 * kLot, .change = -0.3}};
  }
}

// Three options, four quarters, whole lots: a buys at least two lots at once and gets a discount
// from the own chip, b has a step of price, c is the own chip that may slip.
Scenario tiny(std::uint64_t seed) {
  Draws draws{seed};
  Scenario s;
  s.start = {2027 * 4};
  s.quarters = kQuarters;
  s.discount_rate = 0.1;
  s.tail = 0.75;
  s.tail_weight = seed % 3 == 0 ? 0 : 0.4;
  s.capital.assign(kQuarters, seed % 2 == 0 ? kInfinity : draws.draw(1.5e7, 3e7));
  s.slip_known = 1;
  s.sites = {{"site", std::vector<double>(kQuarters, draws.draw(4e5, 2e6)), {}}};
  const double demand = draws.draw(2e5, 1.5e6);
  s.classes.resize(1);
  s.classes[0].name = "chat";
  s.classes[0].utilisation = fact("chat.utilisation", 0.6);
  s.classes[0].unmet = fact("class.chat.unmet", draws.draw(1e-6, 6e-6));
  for (int f = 0; f < 4; ++f) {
    Future future{.name = "f" + std::to_string(f),
                  .probability = f < 2 ? 0.3 : 0.2,
                  .demand = {},
                  .slip = f % 2};
    future.demand.emplace_back();
    for (int q = 0; q < kQuarters; ++q) {
      future.demand[0].push_back(demand * (1 + 0.3 * q) * (f >= 2 && q >= 2 ? 1.7 : 1));
    }
    s.futures.push_back(std::move(future));
  }
  s.options = {option(draws, "a", Kind::buy), option(draws, "b", Kind::buy),
               option(draws, "c", Kind::own)};
  s.options[0].minimum_order = 2 * kLot;
  s.options[0].discount = fact("a.discount", 0.25);
  s.options[0].alternatives = {2};
  s.options[1].steps = steps(seed);
  s.options[1].deposit = 0.2;
  s.options[2].gate = Gate{
      .nre = fact("c.nre", draws.draw(1e5, 6e6)), .latest = 0, .development = 1, .ramp = {0.5}};
  Option rent = option(draws, "r", Kind::rent);
  rent.price = fact("r.price", draws.draw(1, 8));
  rent.lead = rent.booking = 0;
  rent.max.assign(kQuarters, 300);
  rent.lot = 0;
  s.options.push_back(std::move(rent));
  return s;
}

// Fills in what follows from orders: fleets serve, then rent where it is cheaper than not to serve.
Decisions with_recourse(const Scenario& s, const Future& future, Decisions made) {
  for (int q = 0; q < kQuarters; ++q) {
    const auto at = static_cast<std::size_t>(q);
    double left = future.demand[0][at];
    for (std::size_t o = 0; o < 3; ++o) {
      const int slip = o == 2 ? future.slip : 0;
      double fleet = 0;
      for (int d = 0; d <= q - slip; ++d) {
        fleet += made.options[o].taken[static_cast<std::size_t>(d)][0];
      }
      const double rate = s.options[o].tokens[0].value * 0.6;
      const double used = std::min(fleet, left / rate);
      made.options[o].serve[0][at] = used;
      left -= used * rate;
    }
    const Option& rent = s.options[3];
    const double rate = rent.tokens[0].value * 0.6;
    if (rent.price.value / 3600 / rate < s.classes[0].unmet.value) {
      const double used = std::min(rent.max[at], left / rate);
      made.options[3].rent[at] = made.options[3].serve[0][at] = used;
    }
  }
  return made;
}

// The cost of an assignment of lots; nothing where it breaks a cap.
std::optional<double> cost(const Scenario& s, int code, bool has_gate) {
  Decisions made;
  made.options.resize(4);
  for (OptionDecisions& one : made.options) {
    one.ordered.assign(kQuarters, 0);
    one.taken.assign(kQuarters, {0});
    one.discounted.assign(kQuarters, 0);
    one.rent.assign(kQuarters, 0);
    one.serve.assign(1, std::vector<double>(kQuarters, 0));
  }
  made.options[2].gate = has_gate ? 0 : -1;
  for (std::size_t o = 0; o < 3; ++o) {
    for (int d = 1; d < kQuarters; ++d, code /= 3) {
      const double chips = kLot * (code % 3);
      const auto at = static_cast<std::size_t>(d);
      if ((o == 0 && chips == kLot) ||
          (o == 2 && chips > (has_gate ? ramped_max(s.options[2], d, 0) : 0))) {
        return std::nullopt;
      }
      made.options[o].ordered[at] = made.options[o].taken[at][0] = chips;
      made.options[o].discounted[at] = o == 0 && has_gate ? chips : 0;
    }
  }
  std::vector<Book> books;
  for (const Future& future : s.futures) {
    books.push_back(book(s, Policy{}, with_recourse(s, future, made), future));
    for (std::size_t q = 0; q < kQuarters; ++q) {
      if (books.back().power[0][q] > s.sites[0].power[q] + 1e-6 ||
          books.back().capital[q] > s.capital[q] + 1e-6) {
        return std::nullopt;
      }
    }
  }
  return objective(s, books);
}

double best_by_trying_all(const Scenario& s) {
  double best = kInfinity;
  for (const bool has_gate : {false, true}) {
    for (int code = 0; code < (has_gate ? 19683 : 729); ++code) {
      if (const auto found = cost(s, code, has_gate)) {
        best = std::min(best, *found);
      }
    }
  }
  return best;
}

TEST(Planner, agrees_with_trying_all_plans_of_a_tiny_scenario) {
  int with_own = 0, with_orders = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const double best = best_by_trying_all(tiny(seed));
    for (const SolverEntry& solver : solvers()) {
      const auto made = plan(tiny(seed), {.solver = solver.kind, .gap = 0, .with_policies = false});
      ASSERT_TRUE(made) << seed << " " << solver.word << to_text(made.error());
      ASSERT_TRUE(made->best.has_plan) << seed << " " << solver.word;
      EXPECT_NEAR(made->best.objective, best, 1e-6 * std::fabs(best)) << seed << " " << solver.word;
      with_own += made->best.decisions[0].options[2].gate >= 0 ? 1 : 0;
      with_orders += made->best.decisions[0].options[0].ordered[1] +
                         made->best.decisions[0].options[1].ordered[1] >
                     0;
    }
  }
  EXPECT_GT(with_own, 0);
  EXPECT_GT(with_orders, 0);
}

TEST(Planner, orders_inside_the_booking_window_are_the_same_in_all_futures) {
  Scenario s = tiny(4);
  for (Option& one : s.options) {
    one.booking = one.kind == Kind::rent ? 0 : 2;
    one.lot = 0;
    one.minimum_order = 0;
  }
  const FutureTree tree(s);
  EXPECT_EQ(tree.of_quarter(0).size(), 1U);
  EXPECT_EQ(tree.of_quarter(1).size(), 2U);  // the slip is known
  EXPECT_EQ(tree.of_quarter(2).size(), 4U);  // and the surge
  const auto made = plan(std::move(s), {.gap = 1e-6, .with_policies = false});
  ASSERT_TRUE(made && made->best.has_plan);
  for (std::size_t o = 0; o < 3; ++o) {
    for (std::size_t f = 1; f < 4; ++f) {
      for (std::size_t d = 0; d <= 2; ++d) {
        EXPECT_EQ(made->best.decisions[f].options[o].ordered[d],
                  made->best.decisions[0].options[o].ordered[d]);
      }
    }
  }
}

TEST(Planner, signs_no_more_than_somebody_takes) {
  double signed_chips = 0;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    Scenario s = tiny(seed);
    Option& b = s.options[1];
    b.take_or_pay = b.committed_take_or_pay = seed % 2 == 0 ? 0 : 0.4;
    b.deposit = b.lot = 0;
    b.steps.clear();
    const auto made = plan(std::move(s), {.gap = 1e-6, .with_policies = false});
    ASSERT_TRUE(made && made->best.has_plan);
    for (std::size_t d = 0; d < kQuarters; ++d) {  // all is signed now
      double most = 0;
      for (const Decisions& one : made->best.decisions) {
        most = std::max(most, one.options[1].taken[d][0]);
      }
      for (const Decisions& one : made->best.decisions) {
        EXPECT_NEAR(one.options[1].ordered[d], most, 1e-6) << seed << " " << d;
        signed_chips += one.options[1].ordered[d];
      }
    }
  }
  EXPECT_GT(signed_chips, 0);
}

TEST(Planner, believes_no_solver_that_finds_no_end) {
  for (const SolverEntry& solver : solvers()) {
    Scenario s = tiny(2);
    s.options[3].price = fact("r.price", -1);  // no scenario that was read has such a price
    s.options[3].max.assign(kQuarters, kInfinity);
    const auto made = plan(std::move(s), {.solver = solver.kind, .with_policies = false});
    ASSERT_FALSE(made) << solver.word;
    EXPECT_EQ(made.error().front().code, "S0203") << solver.word;
  }
}

TEST(Planner, begins_no_other_plan_once_one_is_interrupted) {
  for (const SolverKind solver : {SolverKind::highs, SolverKind::cbc}) {
    const auto made =
        plan(tiny(1), {.solver = solver, .threads = 2, .interrupted = [] { return true; }});
    ASSERT_TRUE(made) << to_text(made.error());
    EXPECT_EQ(made->best.status, Status::interrupted);
    EXPECT_FALSE(made->waiting);
    EXPECT_FALSE(made->without_own);
    EXPECT_TRUE(made->single_vendor.empty());
  }
}

TEST(Planner, says_what_waiting_doing_without_and_one_vendor_cost) {
  const auto made = plan(tiny(5), {.gap = 0, .threads = 2});
  ASSERT_TRUE(made && made->best.has_plan);
  ASSERT_TRUE(made->waiting && made->without_own);
  ASSERT_EQ(made->single_vendor.size(), 3U);
  for (const Outcome* other : {&*made->waiting, &*made->without_own, &made->single_vendor[0],
                               &made->single_vendor[1], &made->single_vendor[2]}) {
    EXPECT_GE(other->objective, made->best.objective * (1 - 1e-9)) << other->policy.text;
  }
}

// All are signed two quarters ahead; what c uses is reserved three quarters before it comes.
TEST(Planner, says_what_waiting_costs_where_booking_windows_are_kept) {
  Scenario s = tiny(5);
  s.resources.resize(1);
  s.resources[0].booking = 1;
  s.resources[0].sources = {{"v", std::vector<double>(kQuarters, kInfinity), {}}};
  s.options[0].booking = s.options[1].booking = s.options[2].booking = 2;
  s.options[2].lead = 2;
  s.options[2].uses = {{.resource = 0, .amount = 1, .ahead = 2, .sources = {0}}};
  const auto may = [&](int option, bool is_late_lost) {
    std::vector<int> deliveries;
    for (int d = 0; d < kQuarters; ++d) {
      const Policy policy{
          .key = "", .text = "", .may_order = {}, .first_signing = 1, .is_late_lost = is_late_lost};
      if (may_order(s, policy, option, d)) {
        deliveries.push_back(d);
      }
    }
    return deliveries;
  };
  EXPECT_THAT(may(1, false), testing::ElementsAre(2, 3));
  EXPECT_THAT(may(1, true), testing::ElementsAre(3));
  // Delivered in quarter 3 it uses the resource in 1, to be reserved in 0.
  EXPECT_THAT(may(2, false), testing::ElementsAre(3));
  EXPECT_THAT(may(2, true), testing::ElementsAre());
  const auto made = plan(std::move(s), {.gap = 0, .threads = 2});
  ASSERT_TRUE(made && made->waiting && made->missed);
  ASSERT_TRUE(made->waiting->has_plan && made->missed->has_plan);
  EXPECT_GE(made->missed->objective, made->waiting->objective * (1 - 1e-9));
  for (const Decisions& one : made->missed->decisions) {
    EXPECT_EQ(one.options[1].ordered[2], 0);
    EXPECT_EQ(one.options[2].ordered[3], 0);
  }
}

// Without whole numbers: a little more of a cap saves what its price says.
Result<Plan> linear_plan(double power, double share, double must_serve) {
  Scenario s = tiny(2);
  s.capital.assign(kQuarters, kInfinity);
  for (Option& one : s.options) {
    one.lot = one.minimum_order = 0;
    one.steps.clear();
  }
  s.options[2].gate.reset();
  s.options[2].kind = Kind::buy;
  s.sites[0].power.assign(kQuarters, power);
  s.vendor_share = share;
  if (must_serve > 0) {  // what is not served costs nothing: only that it has to be counts
    s.classes[0].must_serve = must_serve;
    s.classes[0].unmet = fact("class.chat.unmet", 0);
    s.options[3].max.assign(kQuarters, kInfinity);
  }
  return plan(std::move(s), {.gap = 0, .with_policies = false});
}

double sum_of(const Plan& plan, std::string_view key, double ShadowPrice::* what) {
  double sum = 0;
  for (const ShadowPrice& one : plan.binding) {
    sum += one.key.starts_with(key) ? one.*what : 0;
  }
  return sum;
}

TEST(Planner, gives_the_price_of_a_cap_that_a_little_more_of_it_confirms) {
  const double power = 2e5;
  const auto made = linear_plan(power, 1, 0);
  const auto more = linear_plan(power * 1.001, 1, 0);
  ASSERT_TRUE(made && more);
  const double price = sum_of(*made, "power.site", &ShadowPrice::usd_per_unit);
  ASSERT_GT(price, 0);
  EXPECT_NEAR(price, (made->best.objective - more->best.objective) / (0.001 * power / 1e6),
              0.01 * price);
}

TEST(Planner, says_what_a_percent_more_of_a_cap_saves_in_whatever_unit) {
  const auto expect = [](const Result<Plan>& made, const Result<Plan>& more, double percent,
                         std::string_view key) {
    ASSERT_TRUE(made && more) << key;
    ASSERT_TRUE(made->best.has_plan && more->best.has_plan) << key;
    const double saves = sum_of(*made, key, &ShadowPrice::usd_per_percent);
    ASSERT_GT(saves, 0) << key;
    EXPECT_NEAR(saves, (made->best.objective - more->best.objective) / percent, 0.02 * saves)
        << key;
  };
  expect(linear_plan(2e5, 1, 0), linear_plan(2e5 * 1.001, 1, 0), 0.1, "power.");
  expect(linear_plan(1e6, 0.4, 0), linear_plan(1e6, 0.4 * 1.001, 0), 0.1, "share.");
  expect(linear_plan(2e5, 1, 0.5), linear_plan(2e5, 1, 0.499), 0.1, "serve.");
}

TEST(Planner, names_what_conflicts_where_there_is_no_plan) {
  Scenario s = tiny(2);
  s.classes[0].must_serve = 1;
  s.options.pop_back();  // nothing to rent
  for (Option& one : s.options) {
    one.alternatives.clear();
    one.discount = {};
  }
  const auto made = plan(std::move(s), {.with_policies = false});
  ASSERT_TRUE(made);
  EXPECT_FALSE(made->best.has_plan);
  EXPECT_EQ(made->best.status, Status::infeasible);
  ASSERT_TRUE(made->conflict);
  std::vector<std::string> gives_way;
  for (const Relaxation& one : made->conflict->smallest) {
    gives_way.push_back(made->model.program.at(one.row).name);
  }
  // Nothing arrives in the first quarter, whatever the caps are.
  EXPECT_THAT(gives_way, testing::Contains("serve.chat.2027-Q1"));
  EXPECT_FALSE(made->conflict->rows.empty());
}

TEST(Ledger, adds_up_a_plan_by_hand) {
  Scenario s = tiny(1);
  s.tail_weight = 0;
  s.discount_rate = 0;
  s.options[1].steps = steps(0);
  s.options[1].price = fact("b.price", 10000);
  s.options[1].running = fact("b.running", 0.5);
  s.options[1].residual = fact("b.residual", 1);
  s.options[1].life = 100;
  s.classes[0].unmet = fact("class.chat.unmet", 0);
  Decisions made;
  made.options.resize(4);
  for (OptionDecisions& one : made.options) {
    one.ordered.assign(kQuarters, 0);
    one.taken.assign(kQuarters, {0});
    one.discounted.assign(kQuarters, 0);
    one.rent.assign(kQuarters, 0);
    one.serve.assign(1, std::vector<double>(kQuarters, 0));
  }
  made.options[1].ordered = {0, 200, 100, 0};
  made.options[1].taken = {{0}, {200}, {100}, {0}};
  const Book kept = book(s, Policy{}, made, s.futures[0]);
  // Deposits of 20 % now, the rest at delivery; 50 chips beyond the step are 30 % off, settled
  // last.
  EXPECT_NEAR(kept.capital[0], 0.2 * 300 * 10000, 1e-6);
  EXPECT_NEAR(kept.capital[1], 0.8 * 200 * 10000, 1e-6);
  EXPECT_NEAR(kept.capital[2], 0.8 * 100 * 10000, 1e-6);
  EXPECT_NEAR(kept.capital[3], -0.3 * 50 * 10000, 1e-6);
  EXPECT_NEAR(kept.operation[1], 200 * 0.5 * 2191.5, 1e-6);
  EXPECT_NEAR(kept.operation[3], 300 * 0.5 * 2191.5, 1e-6);
  EXPECT_NEAR(kept.residual, 300 * 10000, 1e-6);
  EXPECT_NEAR(kept.total, -0.3 * 50 * 10000 + (200 + 300 + 300) * 0.5 * 2191.5, 1e-3);
}

}  // namespace
}  // namespace churon::plan
