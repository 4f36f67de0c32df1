#include "evaluate/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <thread>

#include "base/text.h"
#include "evaluate/serving_estimate.h"

namespace churon::evaluate {

namespace {

using estimate::Deployment;
using estimate::Device;
using estimate::Figures;
using estimate::Limit;
using estimate::Load;
using estimate::Parallelism;
using estimate::Rate;
using estimate::Served;
using estimate::Server;

constexpr double kKilo = 1024;
constexpr double kTokensMax = 100e6;
// Two concurrencies nearer than this are the same answer.
constexpr double kBisectRatio = 1.01;
// Neighbours of a front.
constexpr double kFrontRatio = 1.3;
constexpr double kMegawatt = 1e6;

// Watts of host, network and cooling beside each watt of TDP, where a chip states nothing of its
// own: host 1.6 (DGX H100 1.82, NVL72 1.45 of the accelerators' TDP at their maximum), network 7 %
// of the IT load, PUE 1.2. B200 states 2.17.
constexpr double kProvisionedPerTdp = 1.6 * 1.07 * 1.2;

std::optional<double> tokens(std::string_view text) {
  double factor = 1;
  if (!text.empty() && (text.back() == 'k' || text.back() == 'K')) {
    factor = kKilo;
    text.remove_suffix(1);
  }
  const double count = parse_number(text).value_or(0) * factor;
  return count > 0 && count <= kTokensMax && count == std::floor(count) ? std::optional(count)
                                                                        : std::nullopt;
}

bool has_rate(const Figures& figures, Rate rate) {
  return figures.peak_ops[static_cast<std::size_t>(rate)] > 0;
}

bool takes(const chip::Chip& chip, numeric::BlockFormat format) {
  const auto formats = chip::native_weights(chip);
  return std::find(formats.begin(), formats.end(), format) != formats.end();
}

NumberFormats own_formats(const chip::Chip& chip, FormatPolicy policy) {
  using numeric::BlockFormat;
  const bool is_mx = chip::activation_format(chip) == BlockFormat::mxint8;
  const estimate::Precision* eight = estimate::precision(is_mx ? "mxint8" : "q8_0");
  NumberFormats formats{.weights = eight, .kv_bits = eight->weight_bits};
  if (policy == FormatPolicy::native) {
    if (takes(chip, BlockFormat::mxfp4)) {
      formats.weights = estimate::precision("mxfp4");
    } else if (takes(chip, BlockFormat::q4_0)) {
      formats.weights = estimate::precision("q4_0");
    }
  }
  return formats;
}

// --- configurations -----------------------------------------------------------------------------

std::vector<int> chip_counts(int chips_max) {
  std::vector<int> counts;
  for (int count = 1; count <= chips_max; count *= 2) {
    counts.push_back(count);
  }
  if (counts.back() != chips_max) {
    counts.push_back(chips_max);  // a whole rack of 72
  }
  return counts;
}

bool is_power_of_two(int value) { return (value & (value - 1)) == 0; }

// --- one chip and model -------------------------------------------------------------------------

struct Plant {
  Parallelism parallelism;
  double chips = 1;
  Server server;
};

struct Nearest {  // to a limit, over all configurations
  double value = INFINITY;
  Parallelism parallelism;

  void offer(double candidate, const Parallelism& where) {
    if (candidate < value) {
      value = candidate;
      parallelism = where;
    }
  }
};

std::string seconds_option(double seconds) {
  return seconds < 1 ? fmt::format("{:.3g}ms", std::ceil(seconds * 1e4) / 10)
                     : fmt::format("{:.3g}s", std::ceil(seconds * 10) / 10);
}

class Search {
 public:
  Search(const CompareRequest& request, const Device& device, const model::Hyperparameters& model,
         const NumberFormats& formats)
      : request_(request), device_(device), model_(model), formats_(formats) {
    const auto domain = static_cast<int>(std::min<double>(device.figures.domain_chips, 1e6));
    for (const Parallelism& parallelism : candidates(model, std::min(domain, request.chips_max))) {
      auto server = Server::create(device, deployment(parallelism));
      if (server) {
        plants_.push_back(
            {parallelism, static_cast<double>(parallelism.chips()), std::move(*server)});
      } else if (server.error().front().exit == ExitCode::infeasible) {
        misfit_ = server.error().front();  // the last has the most chips
      }
    }
  }

  void best(const Workload& workload, ComparedRow& row) {
    const double tokens = workload.input_tokens + workload.output_tokens;
    if (tokens > static_cast<double>(model_.context)) {
      row.infeasible = {"E0615",
                        fmt::format("the model was made for {} positions, {} needs {:.0f}",
                                    model_.context, workload.text, tokens),
                        "a shorter workload"};
      return;
    }
    Nearest tpot;
    Nearest ttft;
    double best_throughput = 0;
    bool any_fits = false;
    for (const Plant& plant : plants_) {
      const double step = plant.parallelism.attention_dp;
      const double most = std::floor(plant.server.fitting(tokens) / step);
      if (most < 1) {
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
        if (per_chip(at_most) <= best_throughput) {
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
      if (throughput > best_throughput) {
        best_throughput = throughput;
        row.usable_context = plant.server.usable_context(low * step);
        row.best = Configuration{.parallelism = plant.parallelism,
                                 .concurrency = low * step,
                                 .chips = plant.chips,
                                 .prefill_chips = std::max(0.0, at_low.chips - plant.chips),
                                 .space = plant.server.space(),
                                 .served = at_low,
                                 .throughput_per_chip = throughput};
      }
    }
    if (!row.best) {
      row.infeasible = any_fits ? missed(tpot, ttft) : misfit(workload);
    }
  }

  std::vector<FrontPoint> front(const Workload& workload) {
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

  [[nodiscard]] ErrorBand design_band(const Configuration& best, const Workload& workload) const {
    const auto server = Server::create(device_, deployment(best.parallelism));
    return server ? design_bands(*server, load(workload, best.concurrency)).throughput
                  : ErrorBand{};
  }

  [[nodiscard]] std::uint64_t served() const { return served_; }

 private:
  [[nodiscard]] Deployment deployment(const Parallelism& parallelism) const {
    return {.shape = &model_,
            .parallelism = parallelism,
            .framework = request_.framework,
            .weights = formats_.weights,
            .kv_bits = formats_.kv_bits};
  }

  [[nodiscard]] Load load(const Workload& workload, double concurrency) const {
    return {.concurrency = concurrency,
            .input_tokens = workload.input_tokens,
            .output_tokens = workload.output_tokens,
            .prefix_hit = request_.prefix_hit,
            .disaggregated = request_.disaggregated};
  }

  Served serve(const Plant& plant, double concurrency, const Workload& workload) {
    ++served_;
    return plant.server.serve(load(workload, concurrency));
  }

  static double per_chip(const Served& served) { return served.output_tokens_per_s / served.chips; }

  [[nodiscard]] bool keeps_limits(const Served& served) const {
    return served.tpot_s <= request_.tpot_limit_s && served.ttft_s <= request_.ttft_limit_s;
  }

  static std::vector<FrontPoint> pareto(std::vector<FrontPoint> points) {
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

  // Memory is too small, or the model cannot be cut so.
  [[nodiscard]] Infeasible misfit(const Workload& workload) const {
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
    return {
        "E0611",
        misfit_.message.empty() ? "no parallelism of this model fits this chip" : misfit_.message,
        misfit_.help.empty() ? "" : misfit_.help.front()};
  }

  // One request a rank is the fastest there is.
  [[nodiscard]] Infeasible missed(const Nearest& tpot, const Nearest& ttft) const {
    if (tpot.value > request_.tpot_limit_s) {
      return {"E0612",
              fmt::format("TPOT is {} at best (one request a rank, {})", seconds_option(tpot.value),
                          estimate::to_text(tpot.parallelism)),
              fmt::format("--slo-tpot {} would do", seconds_option(tpot.value * 1.02))};
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

  const CompareRequest& request_;
  const Device& device_;
  const model::Hyperparameters& model_;
  const NumberFormats& formats_;
  std::vector<Plant> plants_;
  Diagnostic misfit_;
  std::uint64_t served_ = 0;
};

void describe(const Contestant& contestant, const Device& device,
              const model::Hyperparameters& model, const Workload& workload, const Search& search,
              const ErrorBands& bands, ComparedRow& row) {
  const Configuration& best = *row.best;
  const Figures& figures = device.figures;
  row.domain_chips = figures.domain_chips;
  row.throughput_per_domain =
      best.throughput_per_chip * best.chips * std::floor(figures.domain_chips / best.chips);
  const double provisioned = provisioned_power(*contestant.chip).watts;
  row.throughput_per_mw = provisioned > 0 ? best.throughput_per_chip / provisioned * kMegawatt : 0;
  row.energy_per_token_j = best.served.energy_per_output_token_j;
  double total = 0;
  for (std::size_t i = 0; i < estimate::kLimitCount; ++i) {
    total += best.served.limits_s[i];
    if (best.served.limits_s[i] > best.served.limits_s[static_cast<std::size_t>(row.limit)]) {
      row.limit = static_cast<Limit>(i);
    }
  }
  row.limit_share =
      total > 0 ? best.served.limits_s[static_cast<std::size_t>(row.limit)] / total : 0;
  if (figures.own) {
    row.band = search.design_band(best, workload);
  } else {
    row.band = inverse(bands.of(model.experts.count > 0 ? "moe" : "dense", "TPOT",
                                row.support.basis != Basis::datasheet));
  }
}

}  // namespace

Result<Workload> workload(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash != std::string_view::npos) {
    const auto input = tokens(trim(text.substr(0, slash)));
    const auto output = tokens(trim(text.substr(slash + 1)));
    if (input && output) {
      return Workload{std::string(trim(text)), *input, *output};
    }
  }
  return fail({.code = "E0603",
               .message = fmt::format("`{}` is no workload", escape_control(text)),
               .help = {"a workload is INPUT/OUTPUT in tokens: 8k/1k, 1024/256; k is 1,024"},
               .exit = ExitCode::usage});
}

Result<std::vector<Workload>> workloads(std::string_view text) {
  std::vector<Workload> list;
  for (const std::string_view part : split(text, ',')) {
    auto one = workload(trim(part));
    if (!one) {
      return fail(one);
    }
    list.push_back(std::move(*one));
  }
  return list;
}

std::string_view name(FormatPolicy policy) {
  switch (policy) {
    case FormatPolicy::eight_bit:
      return "8bit";
    case FormatPolicy::native:
      return "native";
  }
  return "";
}

NumberFormats number_formats(const chip::Chip& chip, const Figures& figures,
                             const model::Hyperparameters& model, FormatPolicy policy) {
  if (figures.own) {
    return own_formats(chip, policy);
  }
  constexpr double kEightBits = 8;
  const std::string& native = model.native_weights;
  const double fp8 = figures.peak_ops[static_cast<std::size_t>(Rate::fp8)];
  const double int8 = figures.peak_ops[static_cast<std::size_t>(Rate::int8)];
  std::string_view eight = fp8 >= int8 && fp8 > 0 ? "fp8" : int8 > 0 ? "int8" : "int8_wo";
  if (eight == "fp8" && native.find("block") != std::string::npos) {
    eight = "fp8_block";
  }
  NumberFormats formats{.weights = estimate::precision(eight), .kv_bits = kEightBits};
  if (policy == FormatPolicy::native) {
    const bool has_fp4 = has_rate(figures, Rate::fp4);
    const bool is_mxfp4 = native.starts_with("mxfp4");
    if (has_fp4) {
      formats.weights =
          estimate::precision(is_mxfp4 || chip.vendor != "NVIDIA" ? "mxfp4" : "nvfp4");
    } else if (is_mxfp4) {
      formats.weights = estimate::precision("w4a16_mxfp4");
    }
  }
  return formats;
}

std::vector<Parallelism> candidates(const model::Hyperparameters& model, int chips_max) {
  constexpr int kPipelineMax = 8;
  std::vector<Parallelism> list;
  const bool is_mixture = model.experts.count > 0;
  for (const int chips : chip_counts(std::max(1, chips_max))) {
    for (int tp = 1; tp <= chips; ++tp) {
      if (chips % tp != 0 || model.heads % tp != 0 ||
          (is_power_of_two(chips) && !is_power_of_two(tp))) {
        continue;
      }
      const int rest = chips / tp;
      if (!is_mixture) {
        if (rest <= kPipelineMax && model.layers >= rest) {
          list.push_back({.tp = tp, .pp = rest});
        }
        continue;
      }
      for (const int ep : {1, chips}) {
        if (model.experts.count % ep == 0) {
          list.push_back({.tp = tp, .ep = ep, .attention_dp = rest});
        }
        if (chips == 1) {
          break;
        }
      }
    }
  }
  return list;
}

std::vector<std::string> missing_data(const chip::Chip& chip) {
  std::vector<std::string> missing;
  if (chip.kind == chip::Kind::full) {
    return missing;
  }
  if (!chip.peak || !chip.peak->bf16) {
    missing.emplace_back("16-bit peak");
  }
  if (chip::memory_bandwidth(chip).value() <= 0) {
    missing.emplace_back("memory bandwidth");
  }
  if (chip::memory_capacity(chip).value() <= 0) {
    missing.emplace_back("memory size");
  }
  if (chip::link_bandwidth_per_direction(chip).value() <= 0) {
    missing.emplace_back("scale-up bandwidth");
  }
  if (!chip::tdp(chip)) {
    missing.emplace_back("TDP");
  }
  return missing;
}

ProvisionedPower provisioned_power(const chip::Chip& chip) {
  if (chip.system && chip.system->provisioned_power) {
    return {chip.system->provisioned_power->value.value(), "stated"};
  }
  const auto tdp = chip::tdp(chip);
  if (!tdp) {
    return {};
  }
  if (chip.kind == chip::Kind::full && chip.system && chip.system->host_power_per_chip) {
    const chip::System& system = *chip.system;
    const auto value = [](const auto& sourced, double otherwise) {
      return sourced ? static_cast<double>(sourced->value) : otherwise;
    };
    double watts =
        tdp->value() + system.host_power_per_chip->value.value() +
        (system.network_power_per_chip ? system.network_power_per_chip->value.value() : 0);
    watts *=
        (1 + value(system.fan_pump, 0)) / value(system.psu_efficiency, 1) * value(system.pue, 1);
    return {watts, "host, network and cooling of its description"};
  }
  return {tdp->value() * kProvisionedPerTdp, fmt::format("TDP x {:.2f}", kProvisionedPerTdp)};
}

Result<Comparison> compare(const CompareRequest& request, const estimate::Efficiency& efficiency,
                           const ErrorBands& bands, const SupportIndex& support) {
  std::vector<Device> devices;
  for (const Contestant& contestant : request.contestants) {
    auto figures = estimate::figures(*contestant.chip, contestant.derate);
    if (!figures) {
      return fail(figures);
    }
    devices.emplace_back(std::move(*figures), efficiency);
  }
  const std::size_t models = request.models.size();
  const std::size_t loads = request.workloads.size();
  const std::size_t policies = request.policies.size();
  const std::size_t contestants = request.contestants.size();

  Comparison result;
  result.request = request;
  result.cells.resize(models * loads);
  for (std::size_t i = 0; i < result.cells.size(); ++i) {
    result.cells[i].model = static_cast<int>(i / loads);
    result.cells[i].workload = static_cast<int>(i % loads);
    result.cells[i].rows.resize(contestants * policies);
  }

  // An item of work is one chip in one format with one model; its place is known before it starts.
  const std::size_t items = contestants * policies * models;
  std::atomic<std::size_t> next{0};
  std::atomic<std::uint64_t> served{0};
  std::atomic<bool> stopped{false};
  const auto work = [&] {
    for (std::size_t item = next++; item < items; item = next++) {
      if (stopped || (request.interrupted && request.interrupted())) {
        stopped = true;
        return;
      }
      const std::size_t model_index = item % models;
      const std::size_t place = item / models;  // contestant and policy
      const std::size_t contestant_index = place / policies;
      const Contestant& contestant = request.contestants[contestant_index];
      const Device& device = devices[contestant_index];
      const model::Hyperparameters& model = *request.models[model_index];
      const FormatPolicy policy = request.policies[place % policies];
      const NumberFormats formats = number_formats(*contestant.chip, device.figures, model, policy);
      Search search(request, device, model, formats);
      for (std::size_t load = 0; load < loads; ++load) {
        const Workload& workload = request.workloads[load];
        ComparedRow& row = result.cells[model_index * loads + load].rows[place];
        row.contestant = static_cast<int>(contestant_index);
        row.policy = policy;
        row.formats = formats;
        row.support = support.of(*contestant.chip, model);
        search.best(workload, row);
        if (row.best) {
          describe(contestant, device, model, workload, search, bands, row);
        }
        if (request.fronts) {
          row.front = search.front(workload);
        }
      }
      served += search.served();
    }
  };
  std::vector<std::thread> threads;
  for (int i = 1; i < std::max(1, request.threads); ++i) {
    threads.emplace_back(work);
  }
  work();
  for (std::thread& thread : threads) {
    thread.join();
  }
  result.configurations = served;
  result.interrupted = stopped;
  for (ComparedCell& cell : result.cells) {
    std::stable_sort(cell.rows.begin(), cell.rows.end(),
                     [](const ComparedRow& a, const ComparedRow& b) {
                       const double left = a.best ? a.best->throughput_per_chip : -1;
                       const double right = b.best ? b.best->throughput_per_chip : -1;
                       return left > right;
                     });
  }
  return result;
}

}  // namespace churon::evaluate
