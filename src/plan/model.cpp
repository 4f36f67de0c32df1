#include "plan/model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "plan/model_builder.h"

namespace churon::plan {

int signing(const Option& option, const Policy& policy, int delivery) {
  return std::max(policy.first_signing, delivery - option.booking);
}

int signing(const Resource& resource, const Policy& policy, int use) {
  return std::min(use, std::max(policy.first_signing, use - resource.booking));
}

int last_cut(const Option& option, int delivery) { return std::max(0, delivery - option.lead); }

namespace {

// Whether an order and all that it uses may be signed in the policy's first quarter or later, as
// their booking windows have it.
bool is_in_time(const Scenario& scenario, const Policy& policy, const Option& o, int delivery) {
  return delivery - o.booking >= policy.first_signing &&
         std::all_of(o.uses.begin(), o.uses.end(), [&](const Use& use) {
           const int ahead = use.ahead + scenario.resources[index(use.resource)].booking;
           return use.ahead > delivery || delivery - ahead >= policy.first_signing;
         });
}

}  // namespace

bool may_order(const Scenario& scenario, const Policy& policy, int option, int delivery) {
  const Option& o = scenario.options[index(option)];
  const bool is_open = policy.may_order.empty() || policy.may_order[index(option)];
  return is_open && delivery >= o.from && delivery <= o.until &&
         delivery >= policy.first_signing + o.lead &&
         (!policy.is_late_lost || is_in_time(scenario, policy, o, delivery));
}

double discount_factor(const Scenario& scenario, double t) {
  return std::pow(1 + scenario.discount_rate, -t / 4);
}

double size(const Cap& cap, const std::vector<double>& values) {
  double sum = cap.size;
  for (const Term& term : cap.size_terms) {
    sum += term.factor * values[index(term.variable.index)];
  }
  return sum * cap.scale;
}

ModelBuilder::ModelBuilder(const Scenario& scenario, const FutureTree& tree, const Policy& policy)
    : s_(scenario), t_(tree), p_(policy) {}

std::string ModelBuilder::named(const std::string& what, int at_quarter, int at_node) const {
  const auto& all = t_.of_quarter(node(at_node).quarter);
  std::string name = fmt::format("{}.{}", what, text(quarter(at_quarter)));
  return all.size() == 1 ? name : fmt::format("{}@{}", name, at_node);
}

Cap& ModelBuilder::cap(const std::string& key, const std::string& text, const std::string& unit,
                       double scale, int at_node, const Linear& expression, double limit,
                       const SourceSpan& place) {
  const int at = node(at_node).quarter;
  const RowId made = row(named(key, at, at_node), -kInfinity, expression, limit);
  m_.caps.push_back({made, key, text, unit, at, at_node, scale, place, limit});
  return m_.caps.back();
}

// Numbers of a few hundred: the largest demand in chips of the best option.
void ModelBuilder::scales() {
  double most = 1;
  for (const Future& future : s_.futures) {
    for (int q = 0; q < s_.quarters; ++q) {
      double need = 0;
      for (std::size_t c = 0; c < s_.classes.size(); ++c) {
        double best = 0;
        for (const Option& one : s_.options) {
          best = std::max(best, one.tokens[c].value);
        }
        need += best > 0 ? future.demand[c][index(q)] / best / s_.classes[c].utilisation.value : 0;
      }
      most = std::max(most, need);
    }
  }
  chips_ = std::max(1.0, std::pow(10, std::floor(std::log10(most / 100))));
  double price = 1e4;
  for (const Option& one : s_.options) {
    price = one.kind == Kind::buy ? std::max(price, one.price.value) : price;
  }
  m_.money = chips_ * std::pow(10, std::floor(std::log10(price)));
  double rate = 1;
  for (const Option& one : s_.options) {
    for (const Fact& tokens : one.tokens) {
      rate = std::max(rate, tokens.value);
    }
  }
  m_.tokens = chips_ * std::pow(10, std::floor(std::log10(rate)));
}

int ModelBuilder::delivery_arriving(int o, int at_node) const {
  const int at = node(at_node).quarter;
  return at < s_.slip_known ? at : at - slip(option(o), s_.futures[index(node(at_node).future)]);
}

Linear ModelBuilder::signed_chips(int o, int delivery, int at_node) {
  Linear sum{.terms = {}, .constant = option(o).committed[index(delivery)]};
  const int at = std::min(signing(option(o), p_, delivery), node(at_node).quarter);
  sum.add(variables(o).order[index(delivery)][index(t_.ancestor(at_node, at))], variables(o).scale);
  return sum;
}

Linear ModelBuilder::taken_chips(int o, int delivery, int at_node) {
  Linear sum;
  const int at = t_.ancestor(at_node, last_cut(option(o), delivery));
  for (const ByNode& site : variables(o).taken[index(delivery)]) {
    sum.add(site[index(at)], chips_);
  }
  return sum;
}

Linear ModelBuilder::owed_chips(int o, int delivery, int at_node) {
  const double committed = option(o).committed[index(delivery)];
  Linear sum;
  sum.add(signed_chips(o, delivery, at_node), option(o).take_or_pay);
  sum.constant += committed * (option(o).committed_take_or_pay - option(o).take_or_pay);
  return sum;
}

Linear ModelBuilder::paid_chips(int o, int delivery, int at_node) {
  if (is_free(o)) {
    return taken_chips(o, delivery, at_node);
  }
  if (is_firm(o)) {
    return signed_chips(o, delivery, at_node);
  }
  Linear sum;
  const int at = t_.ancestor(at_node, last_cut(option(o), delivery));
  sum.add(variables(o).paid[index(delivery)][index(at)], chips_);
  return sum;
}

// fleet = fleet of the quarter before + arrivals - those whose life has ended, site by site.
void ModelBuilder::fleets(int o) {
  const Option& one = option(o);
  for (std::size_t k = 0; k < s_.sites.size(); ++k) {
    ByNode fleet = no_nodes();
    const auto arrivals = [&](int at_node, double sign, Linear& sum) {
      const int d = delivery_arriving(o, at_node);
      if (d >= 0) {
        const int at = t_.ancestor(at_node, last_cut(one, d));
        sum.add(variables(o).taken[index(d)][k][index(at)], sign);
      }
    };
    for (int n = 0; n < node_count(); ++n) {
      const int at = node(n).quarter;
      fleet[index(n)] = variable(
          named(fmt::format("fleet.{}.{}", one.name, s_.sites[k].name), at, n), 0, kInfinity);
      Linear balance;
      balance.add(fleet[index(n)], -1);
      if (node(n).parent >= 0) {
        balance.add(fleet[index(node(n).parent)], 1);
      }
      arrivals(n, 1, balance);
      if (at - one.life >= 0) {
        arrivals(t_.ancestor(n, at - one.life), -1, balance);
      }
      row(named(fmt::format("balance.{}.{}", one.name, s_.sites[k].name), at, n), 0, balance, 0);
    }
    variables(o).fleet.push_back(std::move(fleet));
  }
}

void ModelBuilder::rents(int o) {
  const Option& one = option(o);
  variables(o).rent = no_nodes();
  for (int q = one.from; q <= one.until; ++q) {
    // One variable for each node in which the rent of quarter q is signed; the nodes of quarter q
    // below it share it. Renting stays open under every policy.
    const int signed_in = std::max(0, q - one.booking);
    for (const int n : t_.of_quarter(signed_in)) {
      const VariableId rent = variable(named("rent." + one.name, q, n), 0, kInfinity);
      for (const int below : t_.of_quarter(q)) {
        if (t_.ancestor(below, signed_in) == n) {
          variables(o).rent[index(below)] = rent;
        }
      }
      if (std::isfinite(one.max[index(q)])) {
        Linear amount;
        amount.add(rent, 1);
        const RowId made =
            row(named("max." + one.name, q, n), -kInfinity, amount, one.max[index(q)] / chips_);
        m_.caps.push_back({made, "max." + one.name, "rent of " + one.name, "chip", q, n, chips_,
                           one.place, one.max[index(q)] / chips_});
      }
    }
  }
}

void ModelBuilder::power() {
  for (std::size_t k = 0; k < s_.sites.size(); ++k) {
    const Site& site = s_.sites[k];
    for (int n = 0; n < node_count(); ++n) {
      const int at = node(n).quarter;
      Linear used;
      double largest = 1;
      for (int o = 0; o < s_.option_count(); ++o) {
        const Option& one = option(o);
        largest = std::max(largest, one.power.value);
        if (one.kind != Kind::rent) {
          used.add(variables(o).fleet[k][index(n)], chips_ * one.power.value);
          // What is installed stands at the first site.
          used.constant +=
              k == 0 && at <= one.installed_until ? one.installed * one.power.value : 0;
        }
      }
      const double scale = chips_ * std::pow(10, std::floor(std::log10(largest)));
      Linear scaled;
      scaled.add(used, 1 / scale);
      cap("power." + site.name, "power at " + site.name, "MW", scale / 1e6, n, scaled,
          site.power[index(at)] / scale, site.place);
    }
  }
}

void ModelBuilder::demand() {
  for (int o = 0; o < s_.option_count(); ++o) {
    for (std::size_t c = 0; c < s_.classes.size(); ++c) {
      ByNode serve = no_nodes();
      for (int n = 0; n < node_count() && option(o).tokens[c].value > 0; ++n) {
        serve[index(n)] =
            variable(named(fmt::format("serve.{}.{}", option(o).name, s_.classes[c].name),
                           node(n).quarter, n),
                     0, kInfinity);
      }
      variables(o).serve.push_back(std::move(serve));
    }
    for (int n = 0; n < node_count(); ++n) {
      const int at = node(n).quarter;
      Linear used;
      for (std::size_t c = 0; c < s_.classes.size(); ++c) {
        used.add(variables(o).serve[c][index(n)], 1);
      }
      if (used.terms.empty()) {
        continue;
      }
      if (option(o).kind == Kind::rent) {
        used.add(variables(o).rent[index(n)], -1);
      } else {
        used.constant -= at <= option(o).installed_until ? option(o).installed / chips_ : 0;
        for (const ByNode& site : variables(o).fleet) {
          used.add(site[index(n)], -1);
        }
      }
      row(named("capacity." + option(o).name, at, n), -kInfinity, used, 0);
    }
  }
  for (std::size_t c = 0; c < s_.classes.size(); ++c) {
    const ServiceClass& served = s_.classes[c];
    ByNode unmet = no_nodes();
    for (int n = 0; n < node_count(); ++n) {
      const int at = node(n).quarter;
      const double wanted = s_.futures[index(node(n).future)].demand[c][index(at)] / m_.tokens;
      unmet[index(n)] = variable(named("unmet." + served.name, at, n), 0, kInfinity);
      Linear sum;
      sum.add(unmet[index(n)], 1);
      for (int o = 0; o < s_.option_count(); ++o) {
        sum.add(variables(o).serve[c][index(n)],
                chips_ * option(o).tokens[c].value * served.utilisation.value / m_.tokens);
      }
      // What is there beyond demand serves nobody.
      row(named("demand." + served.name, at, n), wanted, sum, wanted);
      if (served.must_serve > 0) {
        Linear missing;
        missing.add(unmet[index(n)], 1);
        cap("serve." + served.name, "unmet demand of " + served.name, "tok/s", m_.tokens, n,
            missing, (1 - served.must_serve) * wanted, served.place)
            .size = wanted;
      }
    }
    m_.unmet.push_back(std::move(unmet));
  }
}

Model ModelBuilder::build() {
  m_.policy = p_;
  m_.program.name = "plan";
  scales();
  m_.options.resize(s_.options.size());
  for (int o = 0; o < s_.option_count(); ++o) {
    variables(o).scale = option(o).lot > 0 ? option(o).lot : chips_;
    order_bounds_.push_back(order_bounds(o));
  }
  for (int o = 0; o < s_.option_count(); ++o) {
    if (option(o).kind == Kind::rent) {
      rents(o);
    } else {
      gates(o);
    }
  }
  for (int o = 0; o < s_.option_count(); ++o) {
    if (option(o).kind != Kind::rent) {
      orders(o);
      fleets(o);
    }
  }
  for (int o = 0; o < s_.option_count(); ++o) {
    discounts(o);
  }
  resources();
  power();
  demand();
  vendor_shares();
  costs();
  tail();
  return std::move(m_);
}

Model model(const Scenario& scenario, const FutureTree& tree, const Policy& policy) {
  return ModelBuilder(scenario, tree, policy).build();
}

}  // namespace churon::plan
