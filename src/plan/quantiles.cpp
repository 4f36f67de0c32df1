#include "plan/quantiles.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <span>
#include <utility>

#include "base/parallel.h"
#include "cost/draws.h"

namespace churon::plan {

namespace {

// What is drawn, always in the same order.
std::vector<Fact*> prices(Scenario& s) {
  std::vector<Fact*> list;
  for (Option& one : s.options) {
    list.insert(list.end(), {&one.price, &one.running, &one.residual, &one.discount});
    if (one.gate) {
      list.push_back(&one.gate->nre);
    }
  }
  for (Resource& one : s.resources) {
    list.push_back(&one.fee);
  }
  return list;
}

// By draw.
std::vector<double> draws_of(const Fact& fact, std::uint64_t seed, std::size_t draws) {
  std::vector<double> values(draws, fact.value);
  if (fact.range.low == fact.range.high || fact.value <= 0) {
    return values;
  }
  std::vector<double> z(draws);
  constexpr std::size_t kBlock = 256;
  for (std::size_t at = 0; at < draws; at += kBlock) {
    cost::factor_numbers(seed, fact.factor, at,
                         std::span(z).subspan(at, std::min(kBlock, draws - at)));
  }
  cost::Spread(fact.range, fact.unit == "1").at(z, values.data());
  return values;
}

// Calls work(i, the scenario with the values of draw i), from several threads.
void for_each_draw(const Scenario& scenario, std::uint64_t seed, std::size_t draws, int threads,
                   const std::function<void(std::size_t, const Scenario&)>& work) {
  constexpr std::size_t kBlock = 50;
  Scenario centre = scenario;
  std::vector<std::vector<double>> drawn;
  for (const Fact* fact : prices(centre)) {
    drawn.push_back(draws_of(*fact, seed, draws));
  }
  in_parallel((draws + kBlock - 1) / kBlock, threads, [&](std::size_t block) {
    Scenario s = centre;
    const std::vector<Fact*> facts = prices(s);
    for (std::size_t i = block * kBlock; i < std::min(draws, (block + 1) * kBlock); ++i) {
      for (std::size_t fact = 0; fact < facts.size(); ++fact) {
        facts[fact]->value = drawn[fact][i];
      }
      work(i, s);
    }
  });
}

std::vector<Book> books_of(const Scenario& s, const Outcome& outcome) {
  std::vector<Book> books;
  for (std::size_t f = 0; f < s.futures.size(); ++f) {
    books.push_back(book(s, outcome.policy, outcome.decisions[f], s.futures[f]));
  }
  return books;
}

using Weighted = std::pair<double, double>;  // with its probability

// USD per million tokens of every future in every draw, from the least on.
std::vector<Weighted> all_costs(const Plan& plan, std::uint64_t seed, std::size_t draws,
                                int threads) {
  const std::size_t futures = plan.scenario->futures.size();
  std::vector<Weighted> costs(draws * futures);
  for_each_draw(*plan.scenario, seed, draws, threads, [&](std::size_t i, const Scenario& s) {
    const std::vector<Book> books = books_of(s, plan.best);
    for (std::size_t f = 0; f < futures; ++f) {
      costs[i * futures + f] = {books[f].per_mtok(),
                                s.futures[f].probability / static_cast<double>(draws)};
    }
  });
  std::sort(costs.begin(), costs.end());
  return costs;
}

}  // namespace

PlanQuantiles cost_per_mtok(const Plan& plan, std::uint64_t seed, int draws, int threads) {
  std::vector<Weighted> costs = all_costs(plan, seed, static_cast<std::size_t>(draws), threads);
  std::erase_if(costs, [](const Weighted& one) { return one.first == 0; });  // nothing is served
  const auto quantile = [&](double share) {
    double sum = 0;
    for (const auto& [value, weight] : costs) {
      sum += weight;
      if (sum >= share) {
        return value;
      }
    }
    return costs.empty() ? 0 : costs.back().first;
  };
  PlanQuantiles made{.p10 = quantile(0.1), .p50 = quantile(0.5), .p90 = quantile(0.9)};
  constexpr int kBins = 24;
  const double low = quantile(0.01), width = (quantile(0.99) - low) / kBins;
  if (width > 0) {
    made.shares.assign(kBins, 0);
    for (int i = 0; i <= kBins; ++i) {
      made.edges.push_back(low + i * width);
    }
    for (const auto& [value, weight] : costs) {
      const double bin = std::floor((value - low) / width);
      if (bin >= 0 && bin < kBins) {
        made.shares[static_cast<std::size_t>(bin)] += weight;
      }
    }
  }
  return made;
}

double share_cheaper(const Plan& plan, const Outcome& other, std::uint64_t seed, int draws,
                     int threads) {
  std::vector<char> is_cheaper(static_cast<std::size_t>(draws));
  for_each_draw(*plan.scenario, seed, is_cheaper.size(), threads,
                [&](std::size_t i, const Scenario& s) {
                  const double difference =
                      objective(s, books_of(s, plan.best)) - objective(s, books_of(s, other));
                  is_cheaper[i] = difference < 0 ? 1 : 0;
                });
  return static_cast<double>(std::count(is_cheaper.begin(), is_cheaper.end(), 1)) / draws;
}

}  // namespace churon::plan
