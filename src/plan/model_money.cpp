// What every node's quarter costs, and the worst futures' weight.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "plan/model_builder.h"

namespace churon::plan {

// Volume of a contract year (four quarters of deliveries) cut into pieces, settled in the year's
// last quarter. Where a later piece is cheaper than an earlier one, a whole number keeps their
// order.
void ModelBuilder::year_steps(int o, int n, Linear& capital) {
  const Option& one = option(o);
  const int at = node(n).quarter;
  if (one.steps.empty() || (at % 4 != 3 && at != s_.quarters - 1)) {
    return;
  }
  Linear volume;
  double most = 0;
  for (int d = at - at % 4; d <= at; ++d) {
    volume.add(paid_chips(o, d, n), 1 / chips_);
    most += (order_bound(o, d) + one.committed[index(d)]) / chips_;
  }
  std::vector<Piece> pieces;
  Linear cut;
  for (std::size_t i = 0; i <= one.steps.size(); ++i) {
    const double from = i == 0 ? 0 : one.steps[i - 1].from / chips_;
    const double to = i < one.steps.size() ? one.steps[i].from / chips_ : std::max(most, from);
    const double change = i == 0 ? 0 : one.steps[i - 1].change;
    pieces.push_back({variable(named(fmt::format("piece{}.{}", i, one.name), at, n), 0, to - from),
                      to - from, change});
    cut.add(pieces.back().variable, 1);
    capital.add(pieces.back().variable, change * price_at(one, at) * chips_);
  }
  const auto is_cheaper = [](const Piece& a, const Piece& b) { return a.change < b.change; };
  for (std::size_t later = 1; later < pieces.size(); ++later) {
    const auto middle = pieces.begin() + static_cast<std::ptrdiff_t>(later);
    if (std::min_element(middle, pieces.end(), is_cheaper)->change <
        std::max_element(pieces.begin(), middle, is_cheaper)->change) {
      order_pieces(o, n, pieces, later);
    }
  }
  cut.add(volume, -1);
  row(named("volume." + one.name, at, n), 0, cut, 0);
}

// Nothing of the pieces from `later` on before all others are full.
void ModelBuilder::order_pieces(int o, int n, const std::vector<Piece>& pieces, std::size_t later) {
  const auto name = [&](std::string_view what) {
    return named(fmt::format("{}{}.{}", what, later, option(o).name), node(n).quarter, n);
  };
  const VariableId full = variable(name("full"), 0, 1, true);
  Linear filled, opened;
  double width_before = 0, width_later = 0;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    (i < later ? filled : opened).add(pieces[i].variable, 1);
    (i < later ? width_before : width_later) += pieces[i].width;
  }
  filled.add(full, -width_before);
  opened.add(full, -width_later);
  row(name("filled"), 0, filled, kInfinity);
  row(name("opened"), -kInfinity, opened, 0);
}

void ModelBuilder::option_cost(int o, int n, Linear& capital, Linear& running) {
  const Option& one = option(o);
  OptionVariables& v = variables(o);
  const int at = node(n).quarter;
  if (one.kind == Kind::rent) {
    running.add(v.rent[index(n)], chips_ * one.price.value * kHoursPerQuarter);
    return;
  }
  // Of new orders: what was committed before is paid when it arrives.
  const auto deposit = [&](int d, double sign) {
    const int signed_in = t_.ancestor(n, std::min(signing(one, p_, d), at));
    capital.add(v.order[index(d)][index(signed_in)],
                sign * v.scale * one.deposit * price_at(one, d));
  };
  for (int d = at; d < s_.quarters; ++d) {
    if (signing(one, p_, d) == at) {
      deposit(d, 1);
    }
  }
  if (const int d = delivery_arriving(o, n); d >= 0) {
    capital.add(paid_chips(o, d, n), price_at(one, d));
    deposit(d, -1);
    const int cut = t_.ancestor(n, last_cut(one, d));
    capital.add(v.discounted[index(d)][index(cut)],
                -chips_ * one.discount.value * price_at(one, d));
  }
  year_steps(o, n, capital);
  for (std::size_t tau = 0; tau < v.gate.size(); ++tau) {
    const int since = at - static_cast<int>(tau);
    if (since >= 0 && since < one.gate->development) {
      capital.add(v.gate[tau][index(t_.ancestor(n, static_cast<int>(tau)))],
                  one.gate->nre.value / one.gate->development);
    }
  }
  for (const ByNode& site : v.fleet) {
    running.add(site[index(n)], chips_ * one.running.value * kHoursPerQuarter);
  }
  running.constant +=
      at <= one.installed_until ? one.installed * one.running.value * kHoursPerQuarter : 0;
  if (at == s_.quarters - 1) {
    // What the fleet is worth at the end, a quarter after this node's payments.
    const double later = discount_factor(s_, s_.quarters) / discount_factor(s_, at);
    for (int d = 0; d <= delivery_arriving(o, n); ++d) {
      const int age = delivery_arriving(o, n) - d + 1;
      running.add(taken_chips(o, d, n), -later * price_at(one, d) * residual_share(one, age));
    }
  }
}

void ModelBuilder::costs() {
  m_.cost = no_nodes();
  for (int n = 0; n < node_count(); ++n) {
    const int at = node(n).quarter;
    Linear capital, sum;
    for (int o = 0; o < s_.option_count(); ++o) {
      option_cost(o, n, capital, sum);
    }
    for (std::size_t r = 0; r < s_.resources.size(); ++r) {
      const int booked = t_.ancestor(n, signing(s_.resources[r], p_, at));
      for (const auto& source : m_.reserve[r]) {
        capital.add(source[index(at)][index(booked)], chips_ * s_.resources[r].fee.value);
      }
    }
    for (std::size_t c = 0; c < s_.classes.size(); ++c) {
      sum.add(m_.unmet[c][index(n)], m_.tokens * kSecondsPerQuarter * s_.classes[c].unmet.value);
    }
    if (std::isfinite(s_.capital[index(at)])) {
      Linear scaled;
      scaled.add(capital, 1 / m_.money);
      cap("capital", "capital", "USD", m_.money, n, scaled, s_.capital[index(at)] / m_.money,
          s_.capital_place);
    }
    m_.cost[index(n)] = variable(named("cost", at, n), -kInfinity, kInfinity);
    Linear balance;
    balance.add(capital, 1 / m_.money);
    balance.add(sum, 1 / m_.money);
    balance.add(m_.cost[index(n)], -1);
    row(named("cost", at, n), 0, balance, 0);
    m_.program.at(m_.cost[index(n)]).cost =
        (1 - s_.tail_weight) * node(n).probability * discount_factor(s_, at);
  }
}

// CVaR (Rockafellar and Uryasev): edge + 1 / (1 - tail) x mean of what a future costs beyond it.
void ModelBuilder::tail() {
  if (s_.tail_weight == 0) {
    return;
  }
  const VariableId edge = variable("tail.edge", -kInfinity, kInfinity);
  m_.program.at(edge).cost = s_.tail_weight;
  for (int f = 0; f < static_cast<int>(s_.futures.size()); ++f) {
    const VariableId beyond = variable("tail." + s_.futures[index(f)].name, 0, kInfinity);
    m_.program.at(beyond).cost = s_.tail_weight * s_.futures[index(f)].probability / (1 - s_.tail);
    Linear over;
    over.add(beyond, 1);
    over.add(edge, 1);
    for (int q = 0; q < s_.quarters; ++q) {
      over.add(m_.cost[index(t_.node(q, f))], -discount_factor(s_, q));
    }
    row("tail." + s_.futures[index(f)].name, 0, over, kInfinity);
  }
}

}  // namespace churon::plan
