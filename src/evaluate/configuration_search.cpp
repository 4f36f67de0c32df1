#include "evaluate/configuration_search.h"

#include <fmt/format.h>

#include <algorithm>

namespace churon::evaluate {

using estimate::Deployment;
using estimate::Parallelism;
using estimate::Served;
using estimate::Server;

namespace {

// Two concurrencies nearer than this are the same answer.
constexpr double kBisectRatio = 1.01;
// Neighbours of a front.
constexpr double kFrontRatio = 1.3;

std::string seconds_option(double seconds) {
  return seconds < 1 ? fmt::format("{:.3g}ms", std::ceil(seconds * 1e4) / 10)
                     : fmt::format("{:.3g}s", std::ceil(seconds * 10) / 10);
}

double per_chip(const Served& served) { return served.output_tokens_per_s / served.chips; }

}  // namespace

ConfigurationSearch::ConfigurationSearch(const CompareRequest& request,
                                         const estimate::Device& device,
                                         const model::Hyperparameters& model,
                                         const NumberFormats& formats,
                                         estimate::Framework framework)
    : request_(request), device_(device), model_(model), formats_(formats), framework_(framework) {
  const auto domain = static_cast<int>(std::min<double>(device.figures.domain_chips, 1e6));
  add(candidates(model, std::min(domain, request.chips_max)));
  add_wide();
}

void ConfigurationSearch::add(const std::vector<Parallelism>& ways) {
  for (const Parallelism& parallelism : ways) {
    auto server = Server::create(device_, deployment(parallelism));
    if (server) {
      plants_.push_back(
          {parallelism, static_cast<double>(parallelism.chips()), std::move(*server)});
    } else if (server.error().front().exit == ExitCode::infeasible) {
      misfit_ = server.error().front();  // the last has the most chips
    }
  }
}

void ConfigurationSearch::add_wide() {
  const double joined = estimate::joined_chips(device_.figures);
  if (device_.figures.scale_out_bytes_per_s <= 0 || request_.domains_max == 1) {
    return;
  }
  const auto most = static_cast<int>(std::min<double>(
      request_.chips_max / joined, request_.domains_max > 0 ? request_.domains_max : 1e6));
  const auto domain = static_cast<int>(joined);
  if (request_.domains_max > 0) {
    for (int count = 2; count <= most;
         count = count == most ? most + 1 : std::min(2 * count, most)) {
      add(wide_candidates(model_, domain, count));
    }
    return;
  }
  for (int count = 2; count <= most && plants_.empty(); ++count) {
    add(wide_candidates(model_, domain, count));
  }
}

Deployment ConfigurationSearch::deployment(const Parallelism& parallelism) const {
  return {.shape = &model_,
          .parallelism = parallelism,
          .framework = framework_,
          .weights = formats_.weights,
          .kv_bits = formats_.kv_bits};
}

estimate::Load ConfigurationSearch::load(const Workload& workload, double concurrency) const {
  return {.concurrency = concurrency,
          .input_tokens = workload.input_tokens,
          .output_tokens = workload.output_tokens,
          .prefix_hit = request_.prefix_hit,
          .disaggregated = request_.disaggregated};
}

Served ConfigurationSearch::serve(const Plant& plant, double concurrency,
                                  const Workload& workload) {
  ++served_;
  return plant.server.serve(load(workload, concurrency));
}

bool ConfigurationSearch::keeps_limits(const Served& served) const {
  return served.tpot_s <= request_.tpot_limit_s && served.ttft_s <= request_.ttft_limit_s;
}

tl::expected<Configuration, Infeasible> ConfigurationSearch::best(const Workload& workload,
                                                                  double chips_max) {
  const double tokens = workload.input_tokens + workload.output_tokens;
  if (tokens > static_cast<double>(model_.context)) {
    return tl::unexpected(
        Infeasible{"E0615",
                   fmt::format("the model was made for {} positions, {} needs {:.0f}",
                               model_.context, workload.text, tokens),
                   "a shorter workload"});
  }
  Nearest tpot;
  Nearest ttft;
  std::optional<Configuration> best;
  bool any_fits = false;
  for (const Plant& plant : plants_) {
    const double step = plant.parallelism.attention_dp;
    const double most = std::floor(plant.server.fitting(tokens) / step);
    if (most < 1 || plant.chips > chips_max) {
      continue;
    }
    any_fits = true;
    const Served first = serve(plant, step, workload);
    tpot.offer(first.tpot_s, plant.parallelism);
    ttft.offer(first.ttft_s, plant.parallelism);
    if (!keeps_limits(first)) {
      continue;
    }
    double low = 1;  // in units of `step`
    Served at_low = first;
    if (most > 1) {
      const Served at_most = serve(plant, most * step, workload);
      if (best && per_chip(at_most) <= best->throughput_per_chip) {
        continue;
      }
      if (keeps_limits(at_most)) {
        low = most;
        at_low = at_most;
      } else {
        double high = most;
        while (high - low > 1 && high / low > kBisectRatio) {
          const double middle = std::clamp(std::round(std::sqrt(low * high)), low + 1, high - 1);
          const Served there = serve(plant, middle * step, workload);
          if (keeps_limits(there)) {
            low = middle;
            at_low = there;
          } else {
            high = middle;
          }
        }
      }
    }
    const double throughput = per_chip(at_low);
    if (!best || throughput > best->throughput_per_chip) {
      best = Configuration{.parallelism = plant.parallelism,
                           .concurrency = low * step,
                           .chips = plant.chips,
                           .prefill_chips = at_low.prefill_chips,
                           .space = plant.server.space(),
                           .served = at_low,
                           .throughput_per_chip = throughput,
                           .usable_context = plant.server.usable_context(low * step)};
    }
  }
  if (!best) {
    return tl::unexpected(any_fits ? missed(tpot, ttft) : misfit(workload));
  }
  return *best;
}

std::vector<FrontPoint> ConfigurationSearch::front(const Workload& workload) {
  const double tokens = workload.input_tokens + workload.output_tokens;
  std::vector<FrontPoint> points;
  if (tokens > static_cast<double>(model_.context)) {
    return points;
  }
  for (const Plant& plant : plants_) {
    const double step = plant.parallelism.attention_dp;
    const double most = std::floor(plant.server.fitting(tokens) / step);
    for (double count = 1; count <= most;
         count = std::max(count + 1, std::round(count * kFrontRatio))) {
      const Served served = serve(plant, count * step, workload);
      if (served.ttft_s > request_.ttft_limit_s) {
        break;
      }
      points.push_back({.interactivity = 1 / served.tpot_s,
                        .throughput_per_chip = per_chip(served),
                        .concurrency = count * step,
                        .parallelism = plant.parallelism});
    }
  }
  return pareto(std::move(points));
}

std::vector<FrontPoint> pareto(std::vector<FrontPoint> points) {
  std::stable_sort(points.begin(), points.end(), [](const FrontPoint& a, const FrontPoint& b) {
    return a.interactivity > b.interactivity;
  });
  std::vector<FrontPoint> front;
  for (const FrontPoint& point : points) {
    if (front.empty() || point.throughput_per_chip > front.back().throughput_per_chip) {
      front.push_back(point);
    }
  }
  std::reverse(front.begin(), front.end());
  return front;
}

ServedBands ConfigurationSearch::bands(const Configuration& best, const Workload& workload) const {
  const auto server = Server::create(device_, deployment(best.parallelism));
  return server ? design_bands(*server, load(workload, best.concurrency)) : ServedBands{};
}

// Memory is too small, or the model cannot be cut so.
Infeasible ConfigurationSearch::misfit(const Workload& workload) const {
  if (!plants_.empty()) {
    double most = 0;
    for (const Plant& plant : plants_) {
      most = std::max(most, plant.server.usable_context(plant.parallelism.attention_dp));
    }
    return {"E0611",
            fmt::format("the cache of one request of {} does not fit beside the weights",
                        workload.text),
            most > 0 ? fmt::format("{:.0f} positions would", most) : ""};
  }
  return {"E0611",
          misfit_.message.empty() ? "no parallelism of this model fits this chip" : misfit_.message,
          misfit_.help.empty() ? "" : misfit_.help.front()};
}

// One request a rank is the fastest there is.
Infeasible ConfigurationSearch::missed(const Nearest& tpot, const Nearest& ttft) const {
  if (tpot.value > request_.tpot_limit_s) {
    return {"E0612",
            fmt::format("TPOT is {} at best (one request a rank, {})", seconds_option(tpot.value),
                        estimate::to_text(tpot.parallelism)),
            fmt::format("--slo-tpot {} would do", seconds_option(tpot.value * 1.02))};
  }
  if (std::isinf(ttft.value)) {
    return {
        "E0408",
        fmt::format("caches leave the {:.0f} chips that scale-up links join, and no rate beyond "
                    "them is stated",
                    estimate::joined_chips(device_.figures)),
        fmt::format("--set '{}:system.scaleout_rate=400 Gb/s' states one", device_.figures.chip)};
  }
  if (ttft.value > request_.ttft_limit_s) {
    return {"E0613",
            fmt::format("TTFT is {} at best (one request a rank, {})", seconds_option(ttft.value),
                        estimate::to_text(ttft.parallelism)),
            fmt::format("--slo-ttft {} would do", seconds_option(ttft.value * 1.02))};
  }
  return {"E0614",
          fmt::format("no configuration keeps both limits: TPOT {} needs {}, TTFT {} needs {}",
                      seconds_option(tpot.value), estimate::to_text(tpot.parallelism),
                      seconds_option(ttft.value), estimate::to_text(ttft.parallelism)),
          "relax one of --slo-tpot and --slo-ttft"};
}

}  // namespace churon::evaluate
