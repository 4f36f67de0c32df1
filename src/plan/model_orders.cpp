// Orders, gates, minimum orders, discounts, vendor shares.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "plan/model_builder.h"

namespace churon::plan {

// No order is larger than what the largest demand could use at once, what the maximum allows, or
// the smallest order there is.
std::vector<double> ModelBuilder::order_bounds(int o) const {
  const Option& one = option(o);
  std::vector<double> bounds(index(s_.quarters));
  double need = 0;
  for (int delivery = s_.quarters - 1; delivery >= 0; --delivery) {
    for (const Future& future : s_.futures) {
      double chips_needed = 0;
      for (std::size_t c = 0; c < s_.classes.size(); ++c) {
        chips_needed += one.tokens[c].value > 0
                            ? future.demand[c][index(delivery)] / one.tokens[c].value /
                                  s_.classes[c].utilisation.value
                            : 0;
      }
      need = std::max(need, chips_needed);
    }
    const double lots = one.lot > 0 ? std::ceil(need / one.lot) * one.lot : need;
    bounds[index(delivery)] = std::min(std::max(lots, one.minimum_order), one.max[index(delivery)]);
  }
  return bounds;
}

void ModelBuilder::gates(int o) {
  const Option& one = option(o);
  if (!has_open_gate(one)) {
    return;
  }
  const bool is_open = p_.may_order.empty() || p_.may_order[index(o)];
  for (int tau = 0; tau <= one.gate->latest; ++tau) {
    ByNode gate = no_nodes();
    for (const int n : t_.of_quarter(tau)) {
      const bool may = is_open && tau >= p_.first_signing;
      gate[index(n)] = variable(named("gate." + one.name, tau, n), 0, may ? 1 : 0, true);
    }
    variables(o).gate.push_back(std::move(gate));
  }
  for (const int n : t_.of_quarter(one.gate->latest)) {
    row(named("gate_once." + one.name, one.gate->latest, n), -kInfinity,
        decided(o, one.gate->latest, n), 1);
  }
}

Linear ModelBuilder::decided(int o, int until, int at_node) {
  Linear sum;
  const auto& gate = variables(o).gate;
  for (int tau = 0; tau <= until && index(tau) < gate.size(); ++tau) {
    sum.add(gate[index(tau)][index(t_.ancestor(at_node, tau))], 1);
  }
  return sum;
}

void ModelBuilder::minimum_order(int o, int delivery, int n, VariableId order) {
  const Option& one = option(o);
  const double bound = order_bound(o, delivery) / variables(o).scale;
  const VariableId any = variable(named("any." + one.name, delivery, n), 0, 1, true);
  Linear least, most;
  least.add(order, 1);
  least.add(any, -one.minimum_order / variables(o).scale);
  most.add(order, 1);
  most.add(any, -bound);
  row(named("least." + one.name, delivery, n), 0, least, kInfinity);
  row(named("most." + one.name, delivery, n), -kInfinity, most, 0);
}

void ModelBuilder::orders(int o) {
  const Option& one = option(o);
  OptionVariables& v = variables(o);
  for (int d = 0; d < s_.quarters; ++d) {
    ByNode order = no_nodes();
    const int signed_in = signing(one, p_, d);
    if (may_order(s_, p_, o, d) && order_bound(o, d) > 0) {
      for (const int n : t_.of_quarter(signed_in)) {
        const VariableId made =
            variable(named("order." + one.name, d, n), 0, order_bound(o, d) / v.scale, one.lot > 0);
        order[index(n)] = made;
        if (one.minimum_order > 0) {
          minimum_order(o, d, n, made);
        }
      }
    }
    v.order.push_back(std::move(order));
    v.taken.emplace_back(s_.sites.size(), no_nodes());
    v.paid.push_back(no_nodes());
    v.discounted.push_back(no_nodes());
    // A gate's ramp and the maximum hold for all that is signed.
    for (const int n : t_.of_quarter(std::min(signed_in, d))) {
      Linear chips_signed;
      chips_signed.add(signed_chips(o, d, n), 1 / chips_);
      if (chips_signed.terms.empty()) {
        continue;
      }
      if (has_open_gate(one)) {
        for (int tau = 0; tau <= std::min(signed_in, one.gate->latest); ++tau) {
          chips_signed.add(v.gate[index(tau)][index(t_.ancestor(n, tau))],
                           -std::min(ramped_max(one, d, tau), order_bound(o, d)) / chips_);
        }
        row(named("ramp." + one.name, d, n), -kInfinity, chips_signed, 0);
      } else if (std::isfinite(ramped_max(one, d, 0))) {
        const RowId made = row(named("max." + one.name, d, n), -kInfinity, chips_signed,
                               ramped_max(one, d, 0) / chips_);
        m_.caps.push_back({made, "max." + one.name, "the maximum of " + one.name, "chip", d, n,
                           chips_, one.place, ramped_max(one, d, 0) / chips_});
      }
    }
    for (const int n : t_.of_quarter(last_cut(one, d))) {
      deliveries(o, d, n);
    }
  }
}

// What is taken of what is signed, site by site, and what is paid for.
void ModelBuilder::deliveries(int o, int d, int n) {
  const Option& one = option(o);
  OptionVariables& v = variables(o);
  Linear left;
  left.add(signed_chips(o, d, n), -1 / chips_);
  if (left.terms.empty() && left.constant == 0) {
    return;
  }
  for (std::size_t k = 0; k < s_.sites.size(); ++k) {
    v.taken[index(d)][k][index(n)] =
        variable(named(fmt::format("take.{}.{}", one.name, s_.sites[k].name), d, n), 0, kInfinity);
  }
  left.add(taken_chips(o, d, n), 1 / chips_);
  row(named("taken." + one.name, d, n), is_firm(o) ? 0 : -kInfinity, left, 0);
  if (!is_firm(o) && !is_free(o)) {
    const VariableId paid = variable(named("pay." + one.name, d, n), 0, kInfinity);
    v.paid[index(d)][index(n)] = paid;
    Linear of_taken, of_signed;
    of_taken.add(paid, 1);
    of_taken.add(taken_chips(o, d, n), -1 / chips_);
    of_signed.add(paid, 1);
    of_signed.add(owed_chips(o, d, n), -1 / chips_);
    row(named("pay_taken." + one.name, d, n), 0, of_taken, kInfinity);
    row(named("pay_signed." + one.name, d, n), 0, of_signed, kInfinity);
  }
}

// The discount holds for what is signed once an alternative is credible: the own chip's gate
// decided, or enough of another vendor's chips signed now.
void ModelBuilder::discounts(int o) {
  const Option& one = option(o);
  if (one.kind != Kind::buy || one.discount.value == 0) {
    return;
  }
  bool is_certain = false;
  Linear bought;  // 1 or more where one of them is credible
  for (const int a : one.alternatives) {
    const Option& other = option(a);
    if (other.gate) {
      is_certain = is_certain || other.gate->is_passed;
      continue;
    }
    const VariableId credible =
        variable(fmt::format("credible.{}.for.{}", other.name, one.name), 0, 1, true);
    Linear enough;
    for (int d = 0; d < s_.quarters; ++d) {
      enough.add(signing(other, p_, d) == 0
                     ? signed_chips(a, d, 0)
                     : Linear{.terms = {}, .constant = other.committed[index(d)]},
                 1 / chips_);
    }
    enough.add(credible, -one.alternative_minimum / chips_);
    row(fmt::format("credible.{}.for.{}", other.name, one.name), 0, enough, kInfinity);
    bought.add(credible, 1);
  }
  for (int d = 0; d < s_.quarters; ++d) {
    for (const int n : t_.of_quarter(last_cut(one, d))) {
      Linear within;
      within.add(paid_chips(o, d, n), -1 / chips_);
      if (within.terms.empty() && within.constant == 0) {
        continue;
      }
      const VariableId cheaper = variable(named("cheaper." + one.name, d, n), 0, kInfinity);
      variables(o).discounted[index(d)][index(n)] = cheaper;
      within.add(cheaper, 1);
      row(named("cheaper." + one.name, d, n), -kInfinity, within, 0);
      if (is_certain) {
        continue;
      }
      Linear earned;
      earned.add(cheaper, 1);
      const double bound = (order_bound(o, d) + one.committed[index(d)]) / chips_;
      earned.add(bought, -bound);
      for (const int a : one.alternatives) {
        const int until = std::min(signing(one, p_, d), last_cut(one, d));
        earned.add(decided(a, until, n), -bound);
      }
      row(named("earned." + one.name, d, n), -kInfinity, earned, 0);
    }
  }
}

double ModelBuilder::site_power(int quarter) const {
  return std::accumulate(s_.sites.begin(), s_.sites.end(), 0.0, [&](double sum, const Site& site) {
    return sum + site.power[index(quarter)];
  });
}

void ModelBuilder::vendor_shares() {
  std::vector<std::string> vendors;
  for (const Option& one : s_.options) {
    if (one.kind != Kind::rent &&
        std::find(vendors.begin(), vendors.end(), one.vendor) == vendors.end()) {
      vendors.push_back(one.vendor);
    }
  }
  if (!p_.has_vendor_share || s_.vendor_share >= 1) {
    return;
  }
  for (const std::string& vendor : vendors) {
    for (int n = 0; n < node_count(); ++n) {
      const int at = node(n).quarter;
      if (at < s_.vendor_share_from) {
        continue;
      }
      Linear own, allowed;
      for (int o = 0; o < s_.option_count(); ++o) {
        const Option& one = option(o);
        if (one.kind == Kind::rent) {
          continue;
        }
        Linear fleet;
        const double kw = one.power.value / 1000;
        fleet.constant = at <= one.installed_until ? one.installed * kw / chips_ : 0;
        for (const ByNode& site : variables(o).fleet) {
          fleet.add(site[index(n)], kw);
        }
        allowed.add(fleet, s_.vendor_share);
        own.add(fleet, one.vendor == vendor ? 1 : 0);
      }
      own.add(allowed, -1);
      Cap& made = cap("share." + vendor, "share of " + vendor, "MW", chips_ / 1000, n, own, 0,
                      s_.share_place);
      made.size = allowed.constant;
      made.size_most = s_.vendor_share * site_power(at) / (1000 * chips_);
      made.size_terms = allowed.terms;
    }
  }
}

}  // namespace churon::plan
