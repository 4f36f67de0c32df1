// The best way to serve one model on one chip: every parallelism, the concurrency bisected.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "estimate/serving.h"
#include "evaluate/compare.h"
#include "evaluate/serving_estimate.h"

namespace churon::evaluate {

// All that it is made of must outlive it.
class ConfigurationSearch {
 public:
  ConfigurationSearch(const CompareRequest& request, const estimate::Device& device,
                      const model::Hyperparameters& model, const NumberFormats& formats,
                      estimate::Framework framework);

  // The best configuration within `chips_max` chips for one copy of the model, or what stands in
  // the way of every one.
  tl::expected<Configuration, Infeasible> best(const Workload& workload,
                                               double chips_max = INFINITY);
  // All configurations that are best at some speed.
  std::vector<FrontPoint> front(const Workload& workload);
  // Of an own chip.
  [[nodiscard]] ServedBands bands(const Configuration& best, const Workload& workload) const;
  [[nodiscard]] estimate::Framework framework() const { return framework_; }
  // Configurations served so far.
  [[nodiscard]] std::uint64_t served() const { return served_; }

 private:
  struct Plant {
    estimate::Parallelism parallelism;
    double chips = 1;
    estimate::Server server;
  };
  // To a limit, over all configurations.
  struct Nearest {
    double value = INFINITY;
    estimate::Parallelism parallelism;

    void offer(double candidate, const estimate::Parallelism& where) {
      if (candidate < value) {
        value = candidate;
        parallelism = where;
      }
    }
  };

  void add(const std::vector<estimate::Parallelism>& ways);
  // Over several domains, where the request allows it or the weights need it.
  void add_wide();
  [[nodiscard]] estimate::Deployment deployment(const estimate::Parallelism& parallelism) const;
  [[nodiscard]] estimate::Load load(const Workload& workload, double concurrency) const;
  estimate::Served serve(const Plant& plant, double concurrency, const Workload& workload);
  [[nodiscard]] bool keeps_limits(const estimate::Served& served) const;
  [[nodiscard]] Infeasible misfit(const Workload& workload) const;
  [[nodiscard]] Infeasible missed(const Nearest& tpot, const Nearest& ttft) const;

  const CompareRequest& request_;
  const estimate::Device& device_;
  const model::Hyperparameters& model_;
  const NumberFormats& formats_;
  estimate::Framework framework_;
  std::vector<Plant> plants_;
  Diagnostic misfit_;
  std::uint64_t served_ = 0;
};

// The points that no other one beats in both, by rising interactivity.
std::vector<FrontPoint> pareto(std::vector<FrontPoint> points);

}  // namespace churon::evaluate
