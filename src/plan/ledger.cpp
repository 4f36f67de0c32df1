#include "plan/ledger.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

namespace churon::plan {

namespace {

// A number of lots within this of a whole one is that one.
constexpr double kWhole = 1e-6;

class Reader {
 public:
  Reader(const Scenario& scenario, const FutureTree& tree, const Model& model,
         const std::vector<double>& values)
      : s_(scenario), t_(tree), m_(model), values_(values) {}

  Decisions of(int future) {
    Decisions made;
    for (int o = 0; o < s_.option_count(); ++o) {
      made.options.push_back(option(o, future));
    }
    for (std::size_t r = 0; r < s_.resources.size(); ++r) {
      made.reserve.emplace_back();
      for (const auto& source : m_.reserve[r]) {
        made.reserve.back().emplace_back();
        for (int q = 0; q < s_.quarters; ++q) {
          const int n = t_.node(signing(s_.resources[r], m_.policy, q), future);
          made.reserve.back().back().push_back(value(source[index(q)], n));
        }
      }
    }
    return made;
  }

 private:
  OptionDecisions option(int o, int future) {
    const Option& one = s_.options[index(o)];
    const OptionVariables& v = m_.options[index(o)];
    OptionDecisions made;
    for (int q = 0; q < s_.quarters; ++q) {
      const int here = t_.node(q, future);
      made.rent.push_back(one.kind == Kind::rent ? value(v.rent, here) : 0);
      made.ordered.push_back(0);
      made.discounted.push_back(0);
      made.taken.emplace_back(s_.sites.size(), 0.0);
      if (one.kind == Kind::rent) {
        continue;
      }
      const int signed_in = t_.node(std::min(q, signing(one, m_.policy, q)), future);
      const int cut = t_.node(last_cut(one, q), future);
      made.ordered.back() = value(v.order[index(q)], signed_in) / unit_ * v.scale;
      made.discounted.back() = value(v.discounted[index(q)], cut);
      for (std::size_t k = 0; k < s_.sites.size(); ++k) {
        made.taken.back()[k] = value(v.taken[index(q)][k], cut);
      }
    }
    for (std::size_t c = 0; c < s_.classes.size(); ++c) {
      made.serve.emplace_back();
      for (int q = 0; q < s_.quarters; ++q) {
        made.serve.back().push_back(value(v.serve[c], t_.node(q, future)));
      }
    }
    for (std::size_t tau = 0; tau < v.gate.size(); ++tau) {
      const int n = t_.node(static_cast<int>(tau), future);
      made.gate = value(v.gate[tau], n) / unit_ > 0.5 ? static_cast<int>(tau) : made.gate;
    }
    return made;
  }

  // In chips, of a variable in units of chips.
  double value(const ByNode& of, int node) {
    const VariableId id = of[index(node)];
    const double in_units = id.index < 0 ? 0 : values_[index(id.index)];
    return std::max(0.0, in_units) * unit_;
  }

  const Scenario& s_;
  const FutureTree& t_;
  const Model& m_;
  const std::vector<double>& values_;
  double unit_ = m_.chips;
};

// Of an order that may be cut down, more than anybody takes is worth nothing: what is signed is the
// most that a future with the same knowledge takes.
void trim_orders(const Scenario& s, const FutureTree& tree, const Policy& policy, int o,
                 std::vector<Decisions>& by_future) {
  const Option& one = s.options[index(o)];
  for (int d = 0; d < s.quarters; ++d) {
    const int signed_in = std::min(d, signing(one, policy, d));
    std::map<int, double> most;  // by node of the signing
    for (std::size_t f = 0; f < by_future.size(); ++f) {
      const auto& taken = by_future[f].options[index(o)].taken[index(d)];
      const double beyond = std::accumulate(taken.begin(), taken.end(), -one.committed[index(d)]);
      double& chips = most[tree.node(signed_in, static_cast<int>(f))];
      chips = std::max(chips, beyond);
    }
    for (std::size_t f = 0; f < by_future.size(); ++f) {
      double& ordered = by_future[f].options[index(o)].ordered[index(d)];
      double needed = most[tree.node(signed_in, static_cast<int>(f))];
      if (needed > 0) {
        needed = std::max(needed, one.minimum_order);
        needed = one.lot > 0 ? std::ceil(needed / one.lot - kWhole) * one.lot : needed;
      }
      ordered = std::min(ordered, needed);
    }
  }
}

// Whether what is signed of an option and not taken is worth nothing: it earns no discount of
// another option, and what is paid for it neither a discount nor a step of price.
bool may_trim(const Scenario& s, int o) {
  const Option& option = s.options[index(o)];
  const bool earns_by_paying =
      option.take_or_pay > 0 && (option.discount.value > 0 || !option.steps.empty());
  return option.kind != Kind::rent && option.take_or_pay < 1 && !earns_by_paying &&
         std::none_of(
             s.options.begin(), s.options.end(),
             [&](const Option& one) {
               return std::find(one.alternatives.begin(), one.alternatives.end(), o) !=
                      one.alternatives.end();
             });
}

class Keeper {
 public:
  Keeper(const Scenario& scenario, const Policy& policy, const Decisions& decisions,
         const Future& future)
      : s_(scenario), p_(policy), d_(decisions), f_(future) {
    const auto zeros = std::vector<double>(index(s_.quarters));
    b_.capital = b_.operation = b_.penalty = b_.reservation = b_.programme = zeros;
    b_.power.assign(s_.sites.size(), zeros);
    b_.served.assign(s_.classes.size(), zeros);
    b_.unmet.assign(s_.classes.size(), zeros);
  }

  Book run() {
    for (int o = 0; o < s_.option_count(); ++o) {
      option(o);
    }
    for (std::size_t r = 0; r < s_.resources.size(); ++r) {
      for (int q = 0; q < s_.quarters; ++q) {
        for (const auto& source : d_.reserve[r]) {
          const double fee = source[index(q)] * s_.resources[r].fee.value;
          b_.reservation[index(q)] += fee;
          pay(b_.capital, s_.resources[r].fee, q, fee);
        }
      }
    }
    demand();
    std::sort(b_.by_fact.begin(), b_.by_fact.end(),
              [](const auto& a, const auto& b) { return a.first->key < b.first->key; });
    return std::move(b_);
  }

 private:
  void pay(std::vector<double>& book, const Fact& fact, int quarter, double usd) {
    book[index(quarter)] += usd;
    account(fact, usd * discount_factor(s_, quarter));
  }
  void account(const Fact& fact, double usd_today) {
    if (usd_today == 0) {
      return;
    }
    b_.total += usd_today;
    for (auto& [known, sum] : b_.by_fact) {
      if (known == &fact) {
        sum += usd_today;
        return;
      }
    }
    b_.by_fact.emplace_back(&fact, usd_today);
  }

  void option(int o) {
    const Option& one = s_.options[index(o)];
    const OptionDecisions& decided = d_.options[index(o)];
    OptionBook made;
    const auto zeros = std::vector<double>(index(s_.quarters));
    made.signed_chips = made.paid_chips = made.arrived = made.fleet = made.purchase = made.running =
        zeros;
    if (one.kind == Kind::rent) {
      for (int q = 0; q < s_.quarters; ++q) {
        const double usd = decided.rent[index(q)] * one.price.value * kHoursPerQuarter;
        made.fleet[index(q)] = decided.rent[index(q)];
        made.running[index(q)] = usd;
        pay(b_.operation, one.price, q, usd);
      }
    } else {
      purchases(one, decided, made);
      fleet(one, decided, made);
      programme(one, decided);
    }
    b_.options.push_back(std::move(made));
  }

  void purchases(const Option& one, const OptionDecisions& decided, OptionBook& made) {
    const auto buy = [&](int quarter, double usd) {
      if (quarter < s_.quarters) {
        made.purchase[index(quarter)] += usd;
        pay(b_.capital, one.price, quarter, usd);
      }
    };
    const int late = slip(one, f_);
    for (int d = 0; d < s_.quarters; ++d) {
      const auto at = index(d);
      const double price = price_at(one, d);
      const double taken = std::accumulate(decided.taken[at].begin(), decided.taken[at].end(), 0.0);
      made.signed_chips[at] = one.committed[at] + decided.ordered[at];
      made.paid_chips[at] = std::max(taken, one.committed_take_or_pay * one.committed[at] +
                                                one.take_or_pay * decided.ordered[at]);
      if (decided.ordered[at] > 0) {
        const double deposit = one.deposit * price * decided.ordered[at];
        buy(signing(one, p_, d), deposit);
        buy(d + late, -deposit);
      }
      buy(d + late, price * made.paid_chips[at]);
      buy(d + late,
          -one.discount.value * price * std::min(decided.discounted[at], made.paid_chips[at]));
      if (d % 4 == 3 || d == s_.quarters - 1) {
        double volume = 0;
        for (int of_year = d - d % 4; of_year <= d; ++of_year) {
          volume += made.paid_chips[index(of_year)];
        }
        buy(d, price * settlement(one, volume));
      }
      if (d + late < s_.quarters) {
        const double worth = taken * price * residual_share(one, s_.quarters - d - late);
        b_.residual += worth;
        account(one.price, -worth * discount_factor(s_, s_.quarters));
      }
    }
  }

  // Chips times the change of price, piece by piece.
  static double settlement(const Option& one, double volume) {
    double sum = 0;
    for (std::size_t i = 0; i < one.steps.size(); ++i) {
      const double to = i + 1 < one.steps.size() ? one.steps[i + 1].from : kInfinity;
      sum += one.steps[i].change * std::max(0.0, std::min(volume, to) - one.steps[i].from);
    }
    return sum;
  }

  void fleet(const Option& one, const OptionDecisions& decided, OptionBook& made) {
    const int late = slip(one, f_);
    for (int q = 0; q < s_.quarters; ++q) {
      const auto at = index(q);
      double all = 0;
      for (std::size_t k = 0; k < s_.sites.size(); ++k) {
        double there = k == 0 && q <= one.installed_until ? one.installed : 0;
        for (int d = std::max(0, q - late - one.life + 1); d <= q - late; ++d) {
          there += decided.taken[index(d)][k];
        }
        b_.power[k][at] += there * one.power.value;
        made.arrived[at] += q - late >= 0 ? decided.taken[index(q - late)][k] : 0;
        all += there;
      }
      made.fleet[at] = all;
      made.running[at] = all * one.running.value * kHoursPerQuarter;
      pay(b_.operation, one.running, q, made.running[at]);
    }
  }

  void programme(const Option& one, const OptionDecisions& decided) {
    if (!one.gate || decided.gate < 0) {
      return;
    }
    for (int q = decided.gate; q < std::min(decided.gate + one.gate->development, s_.quarters);
         ++q) {
      const double usd = one.gate->nre.value / one.gate->development;
      b_.programme[index(q)] += usd;
      pay(b_.capital, one.gate->nre, q, usd);
    }
  }

  void demand() {
    for (std::size_t c = 0; c < s_.classes.size(); ++c) {
      const ServiceClass& wanted = s_.classes[c];
      for (int q = 0; q < s_.quarters; ++q) {
        double served = 0;
        for (std::size_t o = 0; o < s_.options.size(); ++o) {
          served += d_.options[o].serve[c][index(q)] * s_.options[o].tokens[c].value *
                    wanted.utilisation.value;
        }
        const double unmet = std::max(0.0, f_.demand[c][index(q)] - served);
        const double usd = unmet * kSecondsPerQuarter * wanted.unmet.value;
        b_.served[c][index(q)] = served;
        b_.unmet[c][index(q)] = unmet;
        b_.tokens += served * kSecondsPerQuarter * discount_factor(s_, q);
        b_.penalties += usd * discount_factor(s_, q);
        pay(b_.penalty, wanted.unmet, q, usd);
      }
    }
  }

  const Scenario& s_;
  const Policy& p_;
  const Decisions& d_;
  const Future& f_;
  Book b_;
};

}  // namespace

std::vector<Decisions> decisions(const Scenario& scenario, const FutureTree& tree,
                                 const Model& model, const std::vector<double>& values) {
  Reader reader(scenario, tree, model, values);
  std::vector<Decisions> made;
  for (int f = 0; f < static_cast<int>(scenario.futures.size()); ++f) {
    made.push_back(reader.of(f));
  }
  for (int o = 0; o < scenario.option_count(); ++o) {
    if (may_trim(scenario, o)) {
      trim_orders(scenario, tree, model.policy, o, made);
    }
  }
  return made;
}

Book book(const Scenario& scenario, const Policy& policy, const Decisions& decisions,
          const Future& future) {
  return Keeper(scenario, policy, decisions, future).run();
}

double tail_mean(const Scenario& scenario, const std::vector<Book>& books) {
  std::vector<std::pair<double, double>> totals;  // with probability, dearest first
  for (std::size_t f = 0; f < books.size(); ++f) {
    totals.emplace_back(books[f].total, scenario.futures[f].probability);
  }
  std::sort(totals.rbegin(), totals.rend());
  double left = 1 - scenario.tail, sum = 0;
  for (const auto& [total, probability] : totals) {
    const double part = std::min(left, probability);
    sum += part * total;
    left -= part;
  }
  return sum / (1 - scenario.tail);
}

double objective(const Scenario& scenario, const std::vector<Book>& books) {
  double mean = 0;
  for (std::size_t f = 0; f < books.size(); ++f) {
    mean += scenario.futures[f].probability * books[f].total;
  }
  return scenario.tail_weight == 0 ? mean
                                   : (1 - scenario.tail_weight) * mean +
                                         scenario.tail_weight * tail_mean(scenario, books);
}

}  // namespace churon::plan
