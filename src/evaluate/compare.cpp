#include "evaluate/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>

#include "base/parallel.h"
#include "base/text.h"
#include "evaluate/configuration_search.h"

namespace churon::evaluate {

namespace {

using estimate::Device;
using estimate::Figures;
using estimate::Limit;
using estimate::Parallelism;
using estimate::Rate;

constexpr double kKilo = 1024;
constexpr double kTokensMax = 100e6;
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

// The profiles that a search tries for a chip. Own chips have none: their derate set says it all.
std::vector<estimate::Framework> frameworks_of(const chip::Chip& chip, const Figures& figures,
                                               const CompareRequest& request) {
  using estimate::Framework;
  if (request.framework) {
    return {*request.framework};
  }
  if (figures.own) {
    return {estimate::kFrameworkDefault};
  }
  if (chip.vendor == "NVIDIA") {
    return {Framework::vllm, Framework::sglang, Framework::tensorrt_llm};
  }
  return chip.vendor == "AMD" ? std::vector{Framework::vllm, Framework::sglang}
                              : std::vector{Framework::vllm};
}

// The search whose best makes the most; of several that find nothing the first.
ConfigurationSearch& best_of(std::vector<ConfigurationSearch>& searches, const Workload& workload,
                             ComparedRow& row) {
  std::size_t best = 0;
  auto found = searches.front().best(workload);
  for (std::size_t i = 1; i < searches.size(); ++i) {
    auto other = searches[i].best(workload);
    if (other && (!found || other->throughput_per_chip > found->throughput_per_chip)) {
      best = i;
      found = std::move(other);
    }
  }
  row.framework = searches[best].framework();
  if (found) {
    row.best = *found;
  } else {
    row.infeasible = std::move(found.error());
  }
  return searches[best];
}

std::vector<FrontPoint> front_of(std::vector<ConfigurationSearch>& searches,
                                 const Workload& workload) {
  std::vector<FrontPoint> points;
  for (ConfigurationSearch& search : searches) {
    const auto more = search.front(workload);
    points.insert(points.end(), more.begin(), more.end());
  }
  return searches.size() == 1 ? points : pareto(std::move(points));
}

// The smallest scale-up domain of the bought chips; 0: there is none.
double smallest_domain(const std::vector<Device>& devices) {
  double smallest = 0;
  for (const Device& device : devices) {
    const double chips = device.figures.domain_chips;
    if (!device.figures.own && chips > 1 && (smallest == 0 || chips < smallest)) {
      smallest = chips;
    }
  }
  return smallest;
}

void narrow(const Workload& workload, double chips, ConfigurationSearch& search, ComparedRow& row) {
  if (const auto within = search.best(workload, chips)) {
    row.narrow_chips = chips;
    row.narrow_throughput_per_chip = within->throughput_per_chip;
  }
}

void describe(const Contestant& contestant, const Device& device,
              const model::Hyperparameters& model, const Workload& workload,
              const ConfigurationSearch& search, const ErrorBands& bands, ComparedRow& row) {
  const Configuration& best = *row.best;
  const Figures& figures = device.figures;
  row.domain_chips = figures.domain_chips;
  row.domains = estimate::domains(figures, best.chips);
  row.throughput_per_domain =
      best.throughput_per_chip * (row.domains > 1
                                      ? figures.domain_chips
                                      : best.chips * std::floor(figures.domain_chips / best.chips));
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
    const ServedBands own = search.bands(best, workload);
    row.band = own.throughput;
    row.energy_band = own.energy;
  } else {
    // What crosses a domain was measured nowhere.
    row.band = inverse(bands.of(model.experts.count > 0 ? "moe" : "dense", "TPOT",
                                row.support.basis != Basis::datasheet && row.domains == 1));
    row.energy_band = bands.of("power", "energy", row.support.basis != Basis::datasheet);
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
  NumberFormats formats{.weights = fp8 >= int8 && fp8 > 0
                                       ? estimate::published_fp8(native)
                                       : estimate::precision(int8 > 0 ? "int8" : "int8_wo"),
                        .kv_bits = kEightBits};
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

std::vector<Parallelism> wide_candidates(const model::Hyperparameters& model, int domain,
                                         int domains) {
  constexpr int kPipelineMax = 32;
  std::vector<Parallelism> list;
  const int chips = domain * domains;
  const bool is_mixture = model.experts.count > 0;
  const auto spreads = [&](int ep) { return is_mixture && model.experts.count % ep == 0; };
  for (int tp = 1; tp <= domain; ++tp) {
    if (domain % tp != 0 || model.heads % tp != 0) {
      continue;
    }
    if (is_mixture) {
      const int rest = domain / tp;
      list.push_back({.tp = tp, .pp = domains, .attention_dp = rest});
      if (spreads(domain) && domain > 1) {
        list.push_back({.tp = tp, .pp = domains, .ep = domain, .attention_dp = rest});
      }
      if (spreads(chips)) {
        list.push_back({.tp = tp, .ep = chips, .attention_dp = chips / tp});
      }
    } else if (chips / tp <= kPipelineMax) {
      list.push_back({.tp = tp, .pp = chips / tp});
    }
  }
  if (!is_mixture && model.heads % chips == 0) {
    list.push_back({.tp = chips});
  }
  std::erase_if(list, [&](const Parallelism& p) { return p.pp > model.layers; });
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
  const double domain = smallest_domain(devices);
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
  std::atomic<std::uint64_t> served{0};
  std::atomic<bool> stopped{false};
  in_parallel(items, request.threads, [&](std::size_t item) {
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
    std::vector<ConfigurationSearch> searches;
    for (const estimate::Framework framework :
         frameworks_of(*contestant.chip, device.figures, request)) {
      searches.emplace_back(request, device, model, formats, framework);
    }
    for (std::size_t load = 0; load < loads; ++load) {
      const Workload& workload = request.workloads[load];
      ComparedRow& row = result.cells[model_index * loads + load].rows[place];
      row.contestant = static_cast<int>(contestant_index);
      row.policy = policy;
      row.formats = formats;
      row.support = support.of(*contestant.chip, model);
      ConfigurationSearch& search = best_of(searches, workload, row);
      if (row.best) {
        describe(contestant, device, model, workload, search, bands, row);
        if (device.figures.own && model.experts.count > 0 && domain > 0 &&
            row.best->chips > domain) {
          narrow(workload, domain, search, row);
        }
      }
      if (request.fronts) {
        row.front = front_of(searches, workload);
      }
    }
    for (const ConfigurationSearch& search : searches) {
      served += search.served();
    }
  });
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
