#include "plan/caps_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>

namespace churon::plan {

namespace {

// Relative to the largest of what is compared, in any quarter.
constexpr double kTolerance = 1e-5;
// Less than this part of the smallest order is none.
constexpr double kNoOrder = 0.01;

double sum(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

double larger(double a, double b) { return std::max(a, b); }

class CapsCheck {
 public:
  CapsCheck(const Scenario& scenario, const Policy& policy, const Decisions& decisions,
            const Book& book, const Future& future)
      : s_(scenario), p_(policy), d_(decisions), b_(book), f_(future) {
    for (const OptionBook& one : b_.options) {
      chips_most_ = std::accumulate(one.fleet.begin(), one.fleet.end(), chips_most_, larger);
    }
    for (const std::vector<double>& of_site : b_.power) {
      power_most_ = std::accumulate(of_site.begin(), of_site.end(), power_most_, larger);
    }
  }

  std::vector<std::string> run() {
    for (std::size_t k = 0; k < s_.sites.size(); ++k) {
      at_most("power at " + s_.sites[k].name, b_.power[k], s_.sites[k].power, power_most_);
    }
    at_most("capital", b_.capital, s_.capital);
    for (std::size_t c = 0; c < s_.classes.size(); ++c) {
      std::vector<double> may_miss = f_.demand[c];
      for (double& demand : may_miss) {
        demand *= 1 - s_.classes[c].must_serve;
      }
      at_most("unmet demand of " + s_.classes[c].name, b_.unmet[c], may_miss,
              *std::max_element(f_.demand[c].begin(), f_.demand[c].end()));
    }
    for (int o = 0; o < s_.option_count(); ++o) {
      option(o);
    }
    resources();
    vendor_shares();
    return std::move(found_);
  }

 private:
  // By quarter; `size`: of what rounding is a part.
  void at_most(const std::string& what, const std::vector<double>& values,
               const std::vector<double>& limits, double size = 1) {
    for (const double value : values) {
      size = std::max(size, std::fabs(value));
    }
    for (int q = 0; q < s_.quarters; ++q) {
      const double value = values[index(q)], limit = limits[index(q)];
      if (!(value <= limit + kTolerance * std::max(size, std::fabs(limit)))) {
        found_.push_back(fmt::format("{} in {}: {:.7g} is above {:.7g}", what,
                                     text({s_.start.count + q}), value, limit));
      }
    }
  }

  void option(int o) {
    const Option& one = s_.options[index(o)];
    const OptionDecisions& decided = d_.options[index(o)];
    const OptionBook& book = b_.options[index(o)];
    std::vector<double> serving(index(s_.quarters));
    for (const std::vector<double>& of_class : decided.serve) {
      std::transform(serving.begin(), serving.end(), of_class.begin(), serving.begin(),
                     std::plus<>());
    }
    at_most("chips of " + one.name + " that serve", serving, book.fleet, chips_most_);
    if (one.kind == Kind::rent) {
      at_most("rent of " + one.name, decided.rent, one.max, chips_most_);
      return;
    }
    std::vector<double> taken, orders_most, signed_most;
    for (int d = 0; d < s_.quarters; ++d) {
      taken.push_back(sum(decided.taken[index(d)]));
      const bool is_decided = !has_open_gate(one) || decided.gate >= 0;
      orders_most.push_back(is_decided && may_order(s_, p_, o, d) ? kInfinity : 0);
      signed_most.push_back(is_decided ? ramped_max(one, d, std::max(0, decided.gate)) : 0);
    }
    at_most("chips of " + one.name + " taken", taken, book.signed_chips, chips_most_);
    at_most("chips of " + one.name + " signed", book.signed_chips, signed_most, chips_most_);
    at_most("new orders of " + one.name, decided.ordered, orders_most, chips_most_);
    order_sizes(one, decided.ordered);
  }

  void order_sizes(const Option& one, const std::vector<double>& ordered) {
    std::vector<double> too_few, beyond_lots;
    for (const double chips : ordered) {
      too_few.push_back(chips > kNoOrder * one.minimum_order ? one.minimum_order - chips : 0);
      const double lots = one.lot > 0 ? chips / one.lot : 0;
      beyond_lots.push_back(std::fabs(lots - std::round(lots)));
    }
    const std::vector<double> none(index(s_.quarters));
    at_most("what orders of " + one.name + " lack of the smallest one", too_few, none,
            one.minimum_order);
    at_most("part of a lot of " + one.name, beyond_lots, none);
  }

  void resources() {
    for (std::size_t r = 0; r < s_.resources.size(); ++r) {
      const Resource& resource = s_.resources[r];
      std::vector<double> used(index(s_.quarters)), reserved = used;
      for (std::size_t o = 0; o < s_.options.size(); ++o) {
        for (const Use& use : s_.options[o].uses) {
          for (int d = use.ahead; index(use.resource) == r && d < s_.quarters; ++d) {
            used[index(d - use.ahead)] += use.amount * sum(d_.options[o].taken[index(d)]);
          }
        }
      }
      for (std::size_t v = 0; v < resource.sources.size(); ++v) {
        const std::vector<double>& of_source = d_.reserve[r][v];
        at_most(resource.name + " of " + resource.sources[v].vendor, of_source,
                resource.sources[v].cap);
        std::transform(reserved.begin(), reserved.end(), of_source.begin(), reserved.begin(),
                       std::plus<>());
      }
      at_most("use of " + resource.name, used, reserved, chips_most_);
    }
  }

  void vendor_shares() {
    if (!p_.has_vendor_share || s_.vendor_share >= 1) {
      return;
    }
    std::map<std::string, std::vector<double>> power;
    std::vector<double> allowed(index(s_.quarters));
    for (std::size_t o = 0; o < s_.options.size(); ++o) {
      const Option& one = s_.options[o];
      auto& of_vendor = power.try_emplace(one.vendor, index(s_.quarters)).first->second;
      for (int q = s_.vendor_share_from; one.kind != Kind::rent && q < s_.quarters; ++q) {
        const double watts = b_.options[o].fleet[index(q)] * one.power.value;
        of_vendor[index(q)] += watts;
        allowed[index(q)] += s_.vendor_share * watts;
      }
    }
    for (const auto& [vendor, watts] : power) {
      at_most("share of " + vendor, watts, allowed, power_most_);
    }
  }

  const Scenario& s_;
  const Policy& p_;
  const Decisions& d_;
  const Book& b_;
  const Future& f_;
  double chips_most_ = 1, power_most_ = 1;
  std::vector<std::string> found_;
};

}  // namespace

std::vector<std::string> broken_caps(const Scenario& scenario, const Policy& policy,
                                     const Decisions& decisions, const Book& book,
                                     const Future& future) {
  return CapsCheck(scenario, policy, decisions, book, future).run();
}

}  // namespace churon::plan
