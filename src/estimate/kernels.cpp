#include "estimate/kernels.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "estimate/actions.h"

namespace churon::estimate {

namespace {

// Constants that no fold fits again. They are not free of the data: the clock is a first fit to all
// rows of kernels_gemm.csv (1.815 GHz), rounded and then held; 3000 was set where the measured
// chips part. So the test folds have seen them. What a data sheet states beyond the clock is not
// sustained under a matrix load (data/chips.csv notes 1.4 to 1.75 GHz on H100). It is also the
// clock to which fixed times are reduced.
constexpr double kSustainedHz = 1.8e9;
// From this many 16-bit operations a cycle and core on, matrix units fetch their operands
// themselves (Hopper's 4096; Ampere's 2048 and Ada's 1024 do not), and frameworks have kernels that
// turn 16-bit queries into fp8 for an fp8 cache.
constexpr double kAsynchronousOperations = 3000;
// Where neither cores nor clock are stated: operations a cycle and core of the chips that do.
constexpr double kOperationsPerCoreCycle = 4096;
// Fewer cores than this are large ones, each of many units: tiles are not dealt to them one by one.
constexpr double kFewCores = 16;
constexpr double kExponentialsPerCoreCycle = 16;
// Tokens of a query tile.
constexpr double kQueryTile = 128;
// Sharpness of the transitions into the cache: streams that are used in turn fall out at once.
constexpr double kKvCacheEdge = 8;
constexpr double kWeightRowTile = 64;  // rows for which widened weights are kept

// Of what is not negative and below 2^63; std::ceil is a call where SSE 4.1 is not assumed.
double ceil_of(double x) {
  const double whole = static_cast<double>(static_cast<std::int64_t>(x));
  return whole + (whole < x ? 1 : 0);
}
double ceil_div(double a, double b) { return ceil_of(a / b); }
double square(double x) { return x * x; }
double fourth(double x) { return square(square(x)); }
double fourth_root(double x) { return std::sqrt(std::sqrt(x)); }

// How many times the format is half as wide as 16 bit. Integer units take less power: what narrow
// floating-point formats lose of their peak they do not.
double halvings(Rate rate) {
  switch (rate) {
    case Rate::bf16:
    case Rate::int8:
      return 0;
    case Rate::fp8:
      return 1;
    case Rate::fp4:
      return 2;
  }
  return 0;
}

double narrow_share(double exponent, Rate rate) { return std::exp2(-exponent * halvings(rate)); }

bool many_cores(const Figures& f) { return f.cores >= kFewCores && f.clock_hz > 0; }

Price finish(Price price, double work_s) {
  price.expected_s = std::max(price.bound_s, work_s + price.fixed_s);
  const double longest = std::max({price.compute_s, price.memory_s, price.vector_s});
  price.limit = price.fixed_s > longest      ? Limit::fixed
                : price.memory_s == longest  ? Limit::memory
                : price.compute_s == longest ? Limit::compute
                                             : Limit::vector;
  return price;
}

// --- own chips ----------------------------------------------------------------------------------

Price finish_own(const Device& device, Price price, double mac_share) {
  const chip::Derate& derate = device.figures.derate;
  const double software = derate.software.value;
  price.compute_s /= mac_share * software;
  price.memory_s =
      price.bytes / (device.figures.memory_bytes_per_s * derate.memory.value * software);
  price.vector_s /= software;
  return finish(price, std::max({price.compute_s, price.memory_s, price.vector_s}));
}

double mac_share(const Device& device, bool prefill) {
  const chip::Derate& derate = device.figures.derate;
  return prefill ? derate.mac_prefill.value : derate.mac_decode.value;
}

// What its actions move and take.
Price own_price(const Figures& f, const stats::Activity& activity) {
  Price price;
  price.bytes = activity[stats::Action::memory_read] + activity[stats::Action::memory_write];
  price.energy_j = stats::energy(activity, f.action_prices).value();
  return price;
}

Price own_gemm(const Device& device, const Gemm& work) {
  const Figures& f = device.figures;
  const double rate = f.peak(work.precision->rate);
  const double weights = work.copies * work.n * work.k * work.precision->weight_bits / 8;
  Price price = own_price(f, actions(f, work));
  price.operations = 2 * work.copies * work.m * work.n * work.k;
  price.bound_s = std::max(price.operations / rate, weights / f.memory_bytes_per_s);
  price.compute_s = unit_seconds(f.unit, work.copies, work.m, work.n, work.k, rate);
  return finish_own(device, price, mac_share(device, work.prefill));
}

Price own_experts(const Device& device, const ExpertsWork& work) {
  const Figures& f = device.figures;
  const double rate = f.peak(work.precision->rate);
  const ExpertLoads loads = expert_loads(work);
  const double inter = work.inter / work.ranks_tp;
  const double elements = work.projections * work.hidden * inter;
  double row_tiles = 0;
  for (std::size_t i = 0; i < loads.count; ++i) {
    row_tiles += loads.actives[i] * ceil_div(std::max(1.0, loads.loads[i]), f.unit.tile_rows);
  }
  const double rows = std::max(1.0, row_tiles) * f.unit.tile_rows;
  Price price = own_price(f, actions(f, work, loads));
  price.operations = 2 * loads.pairs * elements;
  price.compute_s =
      unit_seconds(f.unit, 1, rows, (work.projections - 1) * inter, work.hidden, rate) +
      unit_seconds(f.unit, 1, rows, work.hidden, inter, rate);
  return finish_own(device, price, mac_share(device, work.prefill));
}

// Positions that `tokens` new ones see together, after `before` old ones.
double seen_positions(double tokens, double before, double window) {
  if (window <= 0 || before + tokens <= window) {
    return tokens * before + tokens * (tokens + 1) / 2;
  }
  const double rising = std::clamp(window - before, 0.0, tokens);
  return rising * before + rising * (rising + 1) / 2 + (tokens - rising) * window;
}

Price own_attention(const Device& device, const AttentionWork& work) {
  const Figures& f = device.figures;
  const AttentionSizes sizes = attention_sizes(work);
  const double scores_rate = f.peak(Rate::int8);
  const double values_rate = f.peak(Rate::bf16);  // 16-bit probabilities
  const double kv_heads = work.latent ? 1 : work.kv_heads;
  const double copies = work.sequences * kv_heads;
  const double queries = work.tokens * work.heads / kv_heads;
  const double visible = sizes.pairs / sizes.rows;
  Price price = own_price(f, actions(f, work, sizes));
  price.operations = sizes.operations;
  price.bound_s = std::max(
      2 * sizes.pairs * work.key_dim / scores_rate + 2 * sizes.pairs * work.value_dim / values_rate,
      sizes.cached_bytes / f.memory_bytes_per_s);
  price.compute_s = unit_seconds(f.unit, copies, queries, visible, work.key_dim, scores_rate) +
                    unit_seconds(f.unit, copies, queries, work.value_dim, visible, values_rate);
  price.vector_s = sizes.pairs * f.unit.softmax_operations / f.unit.vector_per_s;
  price.bound_s = std::max(price.bound_s, price.vector_s);
  return finish_own(device, price, mac_share(device, work.prefill));
}

// --- products -----------------------------------------------------------------------------------

struct Tile {
  double rows, columns;
};
// Output tiles that the kernels of cuBLAS and CUTLASS offer.
constexpr std::array kTiles{Tile{256, 128}, Tile{128, 256}, Tile{128, 128}, Tile{64, 128},
                            Tile{64, 256},  Tile{128, 64},  Tile{64, 64},   Tile{64, 32}};
constexpr std::array kSplits{1.0, 2.0, 4.0, 8.0};

// Of `bytes` that were touched by the run before, the share that the cache still holds.
double cached_share(double bytes, double cache, double sharpness) {
  if (cache <= 0) {
    return 0;
  }
  const double ratio = bytes / cache;
  return 1 / (1 + (sharpness == 2 ? square(ratio) : square(fourth(ratio))));
}

double warm_bound_bytes(double bytes, double cache) { return std::max(0.0, bytes - cache); }

struct FormatCost {
  double share = 1;       // of the peak that 16 bit achieves
  double fixed_s = 0;     // at the reference clock
  double quantise_b = 0;  // bytes an activation
};

FormatCost format_cost(const Efficiency::Formats& e, const Precision& p, Rate rate) {
  FormatCost cost{.share = narrow_share(e.narrow, rate)};
  switch (p.family) {
    case FormatFamily::plain:
      break;
    case FormatFamily::fp8:
    case FormatFamily::fp4:
    case FormatFamily::int8:
      cost.fixed_s = e.quantise;
      cost.quantise_b = e.quantise_bytes;
      break;
    case FormatFamily::fp8_block:
      cost.share = e.block_compute;
      cost.fixed_s = e.block;
      cost.quantise_b = e.quantise_bytes;
      break;
    case FormatFamily::weight_only:
      cost.fixed_s = e.weight_only;
      break;
  }
  return cost;
}

}  // namespace

Device::Device(const Figures& chip_figures, const Efficiency& shared)
    : figures(chip_figures), efficiency(shared) {
  const Figures& f = figures;
  const double bf16 = f.peak(Rate::bf16);
  if (!f.own && many_cores(f)) {
    sustained = std::min(1.0, kSustainedHz / f.clock_hz);
    slower = kSustainedHz / f.clock_hz;
  }
  core_cycles_per_s =
      sustained * (many_cores(f) ? f.cores * f.clock_hz : bf16 / kOperationsPerCoreCycle);
  asynchronous = !many_cores(f) || bf16 / (f.cores * f.clock_hz) > kAsynchronousOperations;
}

Price gemm(const Device& device, const Gemm& work) {
  const Figures& f = device.figures;
  if (f.own) {
    return own_gemm(device, work);
  }
  const Efficiency::Gemm& e = device.efficiency.gemm;
  const Precision& p = *work.precision;
  const Rate rate = f.native(p.rate);
  const double peak = f.peak(rate);
  const FormatCost format = format_cost(device.efficiency.formats, p, rate);

  const double weights = work.copies * work.n * work.k * p.weight_bits / 8;
  const double values =
      work.copies * work.m * (work.k * p.activation_bits / 8 + work.n * work.output_bits / 8);
  Price price;
  price.operations = 2 * work.copies * work.m * work.n * work.k;
  price.bytes = weights + values;
  const double bound_bytes = work.warm ? warm_bound_bytes(price.bytes, f.cache_bytes)
                                       : weights + warm_bound_bytes(values, f.cache_bytes);
  price.bound_s = std::max(price.operations / peak, bound_bytes / f.memory_bytes_per_s);

  const double warm = work.warm ? cached_share(price.bytes, f.cache_bytes * e.cache_share, 2) : 0;
  const double memory_rate = f.memory_bytes_per_s * e.memory;
  price.memory_s = price.bytes / memory_rate * ((1 - warm) + warm / e.cache_rate);
  const double achieved = peak * e.compute * format.share * device.sustained;

  double best = 0;
  if (!many_cores(f)) {
    price.compute_s = price.operations / achieved;
    best = fourth_root(fourth(price.compute_s) + fourth(price.memory_s));
  } else {
    // The best of the tiles and of the cuts along k. Time of a wave: its products, or its operands
    // from the cache into the core.
    const double core_rate = achieved / f.cores;
    const double feed_rate = e.feed * f.clock_hz;
    const double weight_byte = p.weight_bits / 8;
    const double value_byte = p.activation_bits / 8;
    const double memory4 = fourth(price.memory_s);
    // Kernels of asynchronous units stay on their core and cut what is left among all of them.
    const double wave = device.asynchronous ? 0 : e.wave;
    std::array<double, kTiles.size()> tiles{};       // of the output, all copies
    std::array<double, kTiles.size()> product_s{};   // of one core, a step of k
    std::array<double, kTiles.size()> operands_s{};  // into one core, a step of k
    double fewest = 0;
    for (std::size_t i = 0; i < kTiles.size(); ++i) {
      const Tile& tile = kTiles[i];
      tiles[i] = work.copies * ceil_div(work.m, tile.rows) * ceil_div(work.n, tile.columns);
      product_s[i] = 2 * tile.rows * tile.columns / core_rate;
      operands_s[i] = (std::min(tile.rows, work.m) * value_byte +
                       std::min(tile.columns, work.n) * weight_byte) /
                      feed_rate;
      fewest = i == 0 ? tiles[i] : std::min(fewest, tiles[i]);
    }
    best = 1e300;
    for (const double split : kSplits) {
      if (split > 1 && fewest * split >= 2 * f.cores) {
        break;  // there is work for all cores without
      }
      const double depth = work.k / split;
      double least = 1e300;
      double least_compute = 0;
      for (std::size_t i = 0; i < kTiles.size(); ++i) {
        const double full = tiles[i] * split / f.cores;
        const double waves = wave == 0 ? std::max(full, 1.0)
                                       : (1 - wave) * std::max(full, 1.0) + wave * ceil_of(full);
        const double compute = waves * depth * product_s[i];
        const double sum = fourth(compute) + fourth(waves * depth * operands_s[i]);
        if (sum < least) {
          least = sum;
          least_compute = compute;
        }
      }
      double time = fourth_root(least + memory4);
      if (split > 1) {
        time += e.split + 8 * split * work.copies * work.m * work.n / (3 * f.memory_bytes_per_s);
      }
      if (time < best) {
        best = time;
        price.compute_s = least_compute;
      }
    }
  }
  double fixed = e.fixed;
  double quantise = 0;
  if (!work.fused) {
    fixed += format.fixed_s;
    quantise = work.copies * work.m * work.k * format.quantise_b / memory_rate;
  }
  price.fixed_s = fixed * device.slower * (f.compute_dies > 1 ? e.dies : 1);
  price.memory_s += quantise;
  return finish(price, best + quantise);
}

// --- attention ----------------------------------------------------------------------------------

AttentionSizes attention_sizes(const AttentionWork& work) {
  AttentionSizes sizes;
  const double before = std::max(0.0, work.context - work.tokens);
  const double one = seen_positions(work.tokens, before, work.window);
  sizes.rows = work.sequences * work.heads * work.tokens;
  sizes.pairs = work.sequences * work.heads * one;
  sizes.operations = 2 * sizes.pairs * (work.key_dim + work.value_dim);
  sizes.seen =
      work.window > 0 ? std::min(work.context, work.window + work.tokens - 1) : work.context;
  sizes.position = work.latent ? work.key_dim : work.kv_heads * (work.key_dim + work.value_dim);
  // The new tokens' own keys and values come from the products before.
  const double read = work.prefill ? std::max(0.0, sizes.seen - work.tokens) : sizes.seen;
  sizes.cached_bytes = work.sequences * read * sizes.position * work.kv_bits / 8;
  return sizes;
}

Price attention(const Device& device, const AttentionWork& work) {
  const Figures& f = device.figures;
  if (f.own) {
    return own_attention(device, work);
  }
  const Efficiency::Attention& e = device.efficiency.attention;
  const AttentionSizes sizes = attention_sizes(work);
  const bool fp8_cache = work.kv_bits <= 8.5;
  const bool fp8 =
      work.precision->rate == Rate::fp8 || (work.prefill && fp8_cache && device.asynchronous);
  const double peak = f.peak(fp8 ? Rate::fp8 : Rate::bf16);

  Price price;
  price.operations = sizes.operations;
  const double products_s = [&] {
    const double wasted = work.prefill ? sizes.rows * (kQueryTile - 1) / 2 : 0;
    return (sizes.operations + 2 * wasted * (work.key_dim + work.value_dim)) /
           (peak * e.compute * device.sustained);
  }();
  if (!work.prefill) {
    const double values = sizes.rows * (work.key_dim + work.value_dim) * 2;
    price.bytes = sizes.cached_bytes + values;
    const double bound_bytes =
        work.warm ? warm_bound_bytes(sizes.cached_bytes, f.cache_bytes) : sizes.cached_bytes;
    price.bound_s = std::max(price.operations / peak, bound_bytes / f.memory_bytes_per_s);
    const double warm =
        work.warm ? cached_share(price.bytes, f.cache_bytes * e.cache_share, kKvCacheEdge) : 0;
    const double stream = price.bytes / e.memory + e.ramp * price.bytes / (price.bytes + e.ramp);
    price.memory_s = ((1 - warm) * stream + warm * price.bytes / std::max(1.0, e.cache_rate)) /
                     f.memory_bytes_per_s;
    price.compute_s = products_s;
    price.fixed_s = e.decode_fixed;
    return finish(price, fourth_root(fourth(price.compute_s) + fourth(price.memory_s)));
  }

  const double exponentials_s = (sizes.pairs + sizes.rows * (kQueryTile - 1) / 2) /
                                (device.core_cycles_per_s * kExponentialsPerCoreCycle * e.softmax);
  price.vector_s = exponentials_s;
  // Only asynchronous units multiply while the core takes exponentials.
  const double overlap = device.asynchronous ? e.overlap : 1;
  const double joined =
      std::pow(std::pow(products_s, overlap) + std::pow(exponentials_s, overlap), 1 / overlap);
  const double row_s =
      sizes.rows * (work.key_dim + work.value_dim) / 256 * e.row / device.core_cycles_per_s;
  const double units = work.sequences * work.heads * std::max(1.0, work.tokens / kQueryTile);
  const double cores = many_cores(f) ? f.cores : 1;
  price.compute_s = (joined + row_s) * (1 + e.wave * cores / units);

  // A kernel before lays out queries and appends keys and values to the cache.
  const double kv_heads = work.latent ? 1 : work.kv_heads;
  const double tokens = work.sequences * work.tokens;
  const double kv_elements = kv_heads * (work.key_dim + (work.latent ? 0 : work.value_dim));
  const double query_bytes = work.precision->rate == Rate::fp8 ? 1 : 2;
  const double laid_out = tokens * (work.heads * work.key_dim + kv_elements) * 2 +
                          tokens * work.heads * work.key_dim * query_bytes * 2 +
                          tokens * kv_elements * work.kv_bits / 8 +
                          tokens * work.heads * work.value_dim * 2;
  price.bytes = laid_out + sizes.cached_bytes;
  const double warm = cached_share(laid_out, f.cache_bytes * e.prefill_cache, 2);
  price.memory_s =
      (laid_out * ((1 - warm) + warm / std::max(1.0, e.cache_rate)) + sizes.cached_bytes) /
      (f.memory_bytes_per_s * e.prefill_memory);
  price.fixed_s = e.prefill_fixed;
  // What must move: new keys and values into the cache, and of the old ones what is seen.
  const double written = tokens * kv_elements * work.kv_bits / 8;
  price.bound_s = std::max(
      price.operations / f.peak(fp8_cache || fp8 ? Rate::fp8 : Rate::bf16),
      warm_bound_bytes(written + sizes.cached_bytes, f.cache_bytes) / f.memory_bytes_per_s);
  return finish(price, price.compute_s + price.memory_s);
}

// --- experts ------------------------------------------------------------------------------------

ExpertLoads expert_loads(const ExpertsWork& work) {
  ExpertLoads result;
  const double pairs = work.tokens * work.per_token;
  const double local = work.experts / work.ranks_ep;
  const double mean = pairs / work.experts;
  const double apart = work.tokens > 1 ? (1 + work.apart * (work.tokens - 1)) / work.tokens : 1;
  if (work.skew <= 0) {
    result.count = 1;
    result.loads[0] = mean;
    result.weights[0] = local;
    result.pairs = pairs / work.ranks_ep;
    result.active = local * (1 - std::exp(-mean * apart));
    result.actives[0] = result.active;
    return result;
  }
  const std::size_t groups = static_cast<std::size_t>(
      std::clamp(work.experts, 1.0, static_cast<double>(ExpertLoads::kGroups - 1)));
  const double low = pairs > work.experts ? 1 : 0.01;
  const double high = pairs > work.experts ? std::max(0.8 * work.tokens, 1.0001) : 2;
  const double exponent = 1 - work.skew;
  const bool logarithmic = std::abs(exponent) < 1e-6;
  const double from = logarithmic ? std::log(low) : std::pow(low, exponent);
  const double to = logarithmic ? std::log(high) : std::pow(high, exponent);
  double sum = 0;
  for (std::size_t i = 0; i < groups; ++i) {
    const double u = (static_cast<double>(i) + 0.5) / static_cast<double>(groups);
    const double x = from + (to - from) * u;
    result.loads[i] = logarithmic ? std::exp(x) : std::pow(x, 1 / exponent);
    sum += result.loads[i];
  }
  const double count = static_cast<double>(groups);
  double total = 0;
  for (std::size_t i = 0; i < groups; ++i) {
    result.loads[i] = std::min(result.loads[i] * mean * count / sum, work.tokens);
    total += result.loads[i];
  }
  result.count = groups;
  if (work.ranks_ep <= 1) {
    for (std::size_t i = 0; i < groups; ++i) {
      result.weights[i] = local / count;
    }
  } else {
    // The hottest rank holds the hottest expert and its share of the others; with few choices it is
    // a matter of chance: the mean and the expected largest of ranks_ep deviations.
    const double average = total / count;
    const double top = result.loads[groups - 1];
    const double rest = (average * work.experts - top) / std::max(1.0, work.experts - 1);
    double variance = 0;
    for (std::size_t i = 0; i < groups; ++i) {
      variance += square(result.loads[i] - average) / count;
    }
    variance += average;  // of choices one by one
    const double chance =
        local * average + std::sqrt(2 * std::log(work.ranks_ep) * local *
                                    std::min(variance, 4 * square(average) + average));
    double hot = std::max(top + (local - 1) * rest,
                          std::min(chance, work.tokens * std::min(work.per_token, local)));
    double sum_of_rank = top;
    for (std::size_t i = 0; i < groups; ++i) {
      result.loads[i] *= rest / average;
      result.weights[i] = (local - 1) / count;
      sum_of_rank += result.loads[i] * result.weights[i];
    }
    result.loads[groups] = top;
    result.weights[groups] = 1;
    result.count = groups + 1;
    const double scale = hot / sum_of_rank;
    for (std::size_t i = 0; i < result.count; ++i) {
      result.loads[i] = std::min(result.loads[i] * scale, work.tokens);
    }
  }
  for (std::size_t i = 0; i < result.count; ++i) {
    result.pairs += result.weights[i] * result.loads[i];
    // Loads are means: an expert with few may get none.
    const double load = result.loads[i] * apart;
    result.actives[i] = result.weights[i] * (load > 40 ? 1 : 1 - std::exp(-load));
    result.active += result.actives[i];
  }
  return result;
}

Price experts(const Device& device, const ExpertsWork& work) {
  const Figures& f = device.figures;
  const Precision& p = *work.precision;
  const Rate rate = f.native(p.rate);
  const double peak = f.peak(rate);
  const double inter = work.inter / work.ranks_tp;
  const double elements = work.projections * work.hidden * inter;  // of one expert
  // Whatever the routing: each token's experts are read and multiplied by some rank.
  const double read = std::max(1.0, work.per_token / work.ranks_ep) * elements * p.weight_bits / 8;
  const double least_bytes = work.warm ? warm_bound_bytes(read, f.cache_bytes) : read;
  const double bound_s =
      std::max(2 * work.tokens * work.per_token / work.ranks_ep * elements / peak,
               std::min(1.0, work.tokens) * least_bytes / f.memory_bytes_per_s);
  if (f.own) {
    Price price = own_experts(device, work);
    price.bound_s = bound_s;
    price.expected_s = std::max(price.expected_s, bound_s);
    return price;
  }
  const Efficiency::Experts& e = device.efficiency.experts;
  const ExpertLoads loads = expert_loads(work);
  double padded = 0;  // rows of all experts, filled up to tiles
  double row_tiles = 0;
  for (std::size_t i = 0; i < loads.count; ++i) {
    const double active = loads.actives[i];
    padded += active * ceil_div(loads.loads[i], e.tile) * e.tile;
    row_tiles += active * ceil_div(loads.loads[i], kWeightRowTile);
  }
  padded = std::max(padded, loads.pairs);

  Price price;
  price.bound_s = bound_s;
  price.operations = 2 * loads.pairs * elements;
  const double share =
      p.family == FormatFamily::fp8_block ? e.block_compute : narrow_share(e.narrow, rate);
  price.compute_s =
      2 * padded * elements / (peak * e.compute * share * device.sustained) * (1 + e.width / inter);
  if (p.family == FormatFamily::weight_only) {
    price.vector_s = row_tiles * elements / (device.core_cycles_per_s * e.dequantise);
  }
  const double weights = loads.active * elements * p.weight_bits / 8;
  // Rows are copied in, products between, sums out.
  const double values = loads.pairs * (work.hidden * (p.activation_bits / 8 + 4) +
                                       inter * (4 + p.activation_bits / 4));
  price.bytes = weights + values;
  const double weights_s = weights / (f.memory_bytes_per_s * e.memory);
  const double values_s = values / (f.memory_bytes_per_s * e.activation);
  price.memory_s = weights_s + values_s;
  const double joined =
      std::cbrt(price.compute_s * square(price.compute_s) + weights_s * square(weights_s) +
                price.vector_s * square(price.vector_s));
  double fixed = e.fixed;
  if (p.family == FormatFamily::fp8_block) {
    fixed += e.block;
  } else if (p.family == FormatFamily::weight_only) {
    fixed += e.weight_only;
  }
  price.fixed_s = fixed * device.slower;
  if (p.family == FormatFamily::fp8_block && work.walks_experts) {
    price.fixed_s += e.per_expert * work.experts / work.ranks_ep;
  }
  return finish(price, joined + values_s);
}

// --- element by element
// ---------------------------------------------------------------------------

Price elementwise(const Device& device, const ElementwiseWork& work) {
  const Figures& f = device.figures;
  if (f.own) {
    Price price = own_price(f, actions(f, work));
    price.operations = work.operations;
    price.vector_s = work.operations / f.unit.vector_per_s;
    price.bound_s = price.vector_s;
    return finish_own(device, price, 1);
  }
  const Efficiency::Elementwise& e = device.efficiency.elementwise;
  Price price;
  price.operations = work.operations;
  price.bytes = work.bytes;
  price.bound_s = warm_bound_bytes(work.bytes, f.cache_bytes) / f.memory_bytes_per_s;
  price.memory_s = work.bytes / (f.memory_bytes_per_s * e.memory);
  price.fixed_s = e.fixed;
  return finish(price, price.memory_s);
}

}  // namespace churon::estimate
