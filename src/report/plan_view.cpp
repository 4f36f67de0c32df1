#include "report/plan_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "report/format.h"

namespace churon::report {

namespace {

// An amount below this is rounding of the solver.
constexpr double kNothing = 1e-3;
constexpr double kNothingUnmet = 1e-6;  // share of the demand

void add(std::vector<Signature>& list, Signature made, const plan::Plan& plan, double price) {
  const auto [low, high] = std::minmax_element(made.by_future.begin(), made.by_future.end());
  made.low = *low;
  made.high = *high;
  for (std::size_t f = 0; f < made.by_future.size(); ++f) {
    made.amount += plan.scenario->futures[f].probability * made.by_future[f];
  }
  made.usd = made.amount * price;
  if (made.high > kNothing) {
    list.push_back(std::move(made));
  }
}

void add_reservations(const plan::Plan& plan, std::vector<Signature>& list) {
  const plan::Scenario& s = *plan.scenario;
  for (std::size_t r = 0; r < s.resources.size(); ++r) {
    const plan::Resource& resource = s.resources[r];
    for (std::size_t v = 0; v < resource.sources.size() && resource.booking > 0; ++v) {
      for (int q = 0; q < s.quarters; ++q) {
        std::vector<double> by_future;
        for (const plan::Decisions& one : plan.best.decisions) {
          by_future.push_back(one.reserve[r][v][index(q)]);
        }
        add(list,
            {.kind = SignatureKind::reservation,
             .what = resource.name + " of " + resource.sources[v].vendor,
             .unit = resource.unit,
             .delivery = q,
             .signing = plan::signing(resource, plan.best.policy, q),
             .by_future = std::move(by_future)},
            plan, resource.fee.value);
      }
    }
  }
}

void add_programmes(const plan::Plan& plan, std::vector<Signature>& list) {
  const plan::Scenario& s = *plan.scenario;
  for (std::size_t o = 0; o < s.options.size(); ++o) {
    const plan::Option& option = s.options[o];
    for (int q = 0; plan::has_open_gate(option) && q <= option.gate->latest; ++q) {
      std::vector<double> by_future;
      for (const plan::Decisions& one : plan.best.decisions) {
        by_future.push_back(one.options[o].gate == q ? 1 : 0);
      }
      add(list,
          {.kind = SignatureKind::programme,
           .what = "programme of " + option.name,
           .unit = "gate",
           .delivery = q + option.gate->development,
           .signing = q,
           .by_future = std::move(by_future)},
          plan, option.gate->nre.value);
    }
  }
}

void add(std::vector<CapInQuarter>& list, const plan::Plan& plan, plan::RowId row, double by) {
  const auto& caps = plan.model.caps;
  const auto cap =
      std::find_if(caps.begin(), caps.end(), [&](const plan::Cap& one) { return one.row == row; });
  const double more = std::fabs(by) * cap->scale;
  const bool has_size = cap->size > 0 && cap->size_terms.empty();
  const double share = has_size ? std::fabs(by) / cap->size : 0;
  const auto same = std::find_if(list.begin(), list.end(), [&](const CapInQuarter& one) {
    return one.cap->key == cap->key && one.cap->quarter == cap->quarter;
  });
  if (same == list.end()) {
    list.push_back({&*cap, more, share});
  } else {
    same->more = std::max(same->more, more);
    same->share = std::max(same->share, share);
  }
}

// Caps stay in the order in which they first come.
void sort(std::vector<CapInQuarter>& list) {
  std::vector<std::string_view> keys;
  for (const CapInQuarter& one : list) {
    keys.push_back(one.cap->key);
  }
  const auto rank = [&](const CapInQuarter& one) {
    return std::pair(std::find(keys.begin(), keys.end(), one.cap->key) - keys.begin(),
                     one.cap->quarter);
  };
  std::stable_sort(list.begin(), list.end(),
                   [&](const CapInQuarter& a, const CapInQuarter& b) { return rank(a) < rank(b); });
}

}  // namespace

std::vector<CapInQuarter> conflicting(const plan::Plan& plan) {
  std::vector<CapInQuarter> list;
  for (const plan::RowId row : plan.conflict->rows) {
    add(list, plan, row, 0);
  }
  sort(list);
  return list;
}

std::vector<CapInQuarter> smallest_relaxation(const plan::Plan& plan) {
  std::vector<CapInQuarter> list;
  for (const plan::Relaxation& one : plan.conflict->smallest) {
    add(list, plan, one.row, one.by);
  }
  sort(list);
  return list;
}

std::string usd(double value) {
  const double size = std::fabs(value);
  if (size >= 1e9) {
    return fmt::format("{} billion USD", number(value / 1e9));
  }
  if (size >= 1e6) {
    return fmt::format("{} million USD", number(value / 1e6));
  }
  return fmt::format("{} USD", number(value));
}

std::string watts(double value) { return si(value, "W", Charset::ascii); }

std::string_view name(SignatureKind kind) {
  switch (kind) {
    case SignatureKind::order:
      return "order";
    case SignatureKind::reservation:
      return "reservation";
    case SignatureKind::programme:
      return "programme";
  }
  return "";
}

void Signature::add(const Signature& other) {
  amount += other.amount;
  usd += other.usd;
  for (std::size_t f = 0; f < by_future.size(); ++f) {
    by_future[f] += other.by_future[f];
  }
  low = *std::min_element(by_future.begin(), by_future.end());
  high = *std::max_element(by_future.begin(), by_future.end());
}

std::vector<Signature> signatures(const plan::Plan& plan) {
  const plan::Scenario& s = *plan.scenario;
  std::vector<Signature> list;
  for (int o = 0; o < s.option_count(); ++o) {
    const plan::Option& option = s.options[index(o)];
    for (int d = 0; d < s.quarters; ++d) {
      std::vector<double> by_future;
      for (const plan::Decisions& one : plan.best.decisions) {
        by_future.push_back(one.options[index(o)].ordered[index(d)]);
      }
      add(list,
          {.what = option.name,
           .unit = "chips",
           .delivery = d,
           .signing = plan::signing(option, plan.best.policy, d),
           .by_future = std::move(by_future)},
          plan, plan::price_at(option, d));
    }
  }
  add_reservations(plan, list);
  add_programmes(plan, list);
  std::stable_sort(list.begin(), list.end(), [](const Signature& a, const Signature& b) {
    return std::tie(a.signing, a.what, a.delivery) < std::tie(b.signing, b.what, b.delivery);
  });
  return list;
}

std::string quarter_text(const plan::Plan& plan, int quarter) {
  return plan::text(plan::Quarter{plan.scenario->start.count + quarter});
}

std::optional<int> OwnDecision::first() const {
  std::optional<int> earliest;
  for (const int at : gate) {
    if (at >= 0 && at < earliest.value_or(at + 1)) {
      earliest = at;
    }
  }
  return earliest;
}

bool has_reached_gap(const plan::Plan& plan) { return plan.best.status == plan::Status::optimal; }

std::string_view name(Standing standing) {
  switch (standing) {
    case Standing::settled:
      return "settled";
    case Standing::hidden_by_gap:
    case Standing::hidden_by_prices:
      return "close call";
    case Standing::not_looked_at:
      return "not looked at";
    case Standing::not_settled:
      return "not settled";
  }
  return "";
}

Standing standing(const PlanRecord& record, const OwnDecision& own) {
  const plan::Plan& plan = record.plan;
  // Nobody begins a programme for less than this share of its price.
  constexpr double kWorthwhile = 0.01;
  if (!has_reached_gap(plan)) {
    return Standing::not_settled;
  }
  const plan::Outcome* other = without(plan, own);
  if (other == nullptr) {
    return Standing::not_looked_at;
  }
  if (!other->has_plan) {
    return Standing::settled;
  }
  const double nre = plan.scenario->options[index(own.option)].gate->nre.value;
  const double hidden = hidden_by_gaps(plan, *other);
  const bool is_close = own.is_taken() ? regret(plan, *other) < hidden : hidden > kWorthwhile * nre;
  if (is_close) {
    return Standing::hidden_by_gap;
  }
  // Three to one: what is less sure than that is told as open.
  constexpr double kSure = 0.75;
  const auto share = record.cheaper_share.find(own.option);
  const bool is_sure = share == record.cheaper_share.end() || share->second >= kSure;
  return is_sure ? Standing::settled : Standing::hidden_by_prices;
}

std::vector<OwnDecision> own_decisions(const plan::Plan& plan) {
  std::vector<OwnDecision> made;
  for (int o = 0; o < plan.scenario->option_count(); ++o) {
    if (!plan::has_open_gate(plan.scenario->options[index(o)])) {
      continue;
    }
    made.push_back({.option = o, .gate = {}});
    for (const plan::Decisions& one : plan.best.decisions) {
      made.back().gate.push_back(one.options[index(o)].gate);
    }
  }
  return made;
}

const plan::Outcome* without(const plan::Plan& plan, const OwnDecision& own) {
  for (const plan::Outcome& one : plan.without_one_own) {
    if (one.policy.without == own.option) {
      return &one;
    }
  }
  const bool is_alone = own_decisions(plan).size() == 1;
  return is_alone && plan.without_own ? &*plan.without_own : nullptr;
}

std::vector<BindingCap> binding_caps(const plan::Plan& plan) {
  std::vector<BindingCap> caps;
  for (const plan::ShadowPrice& one : plan.binding) {
    auto same = std::find_if(caps.begin(), caps.end(),
                             [&](const BindingCap& cap) { return cap.key == one.key; });
    if (same == caps.end()) {
      same = caps.insert(same, {.key = one.key, .text = one.text, .first_quarter = one.quarter});
    }
    same->usd_per_percent += one.usd_per_percent;
  }
  std::stable_sort(caps.begin(), caps.end(), [](const BindingCap& a, const BindingCap& b) {
    return a.usd_per_percent > b.usd_per_percent;
  });
  return caps;
}

double regret(const plan::Plan& plan, const plan::Outcome& outcome) {
  return std::max(0.0, outcome.objective - plan.best.objective);
}

double hidden_by_gaps(const plan::Plan& plan, const plan::Outcome& outcome) {
  return (plan.best.objective - plan.best.bound) + (outcome.objective - outcome.bound);
}

std::string regret_text(const plan::Plan& plan, const plan::Outcome& outcome) {
  const double more = regret(plan, outcome);
  const double hidden = hidden_by_gaps(plan, outcome);
  return more < hidden ? "less than " + usd(std::max(hidden, 1.0)) : usd(more);
}

double unmet_share(const plan::Book& book) {
  double unmet = 0, all = 0;
  for (std::size_t c = 0; c < book.unmet.size(); ++c) {
    for (std::size_t q = 0; q < book.unmet[c].size(); ++q) {
      unmet += book.unmet[c][q];
      all += book.unmet[c][q] + book.served[c][q];
    }
  }
  return unmet > kNothingUnmet * all ? unmet / all : 0;
}

double unmet_share(const plan::Plan& plan) {
  return mean(plan, [](const plan::Book& book, std::size_t) { return unmet_share(book); });
}

}  // namespace churon::report
