#include "cost/draws.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "base/parallel.h"
#include "base/random.h"

namespace churon::cost {

namespace {

// Lanes of one evaluation: what stays in the second-level cache.
constexpr std::size_t kBlock = 256;
// Targets that are drawn together at least: each slice evaluates anew what its targets rest on.
constexpr std::size_t kSliceMin = 64;
// Equally likely cases of a factor that is moved alone.
constexpr std::size_t kCases = 32;
constexpr double kP95 = 1.645;

// What cannot be said counts as more than anything.
double or_endless(double value) {
  return std::isnan(value) ? std::numeric_limits<double>::infinity() : value;
}

// No finite number where a value is none.
double variance(std::span<const double> values) {
  const auto count = static_cast<double>(values.size());
  double mean = 0, sum = 0;
  for (const double value : values) {
    mean += value / count;
  }
  for (const double value : values) {
    sum += (value - mean) * (value - mean) / count;
  }
  return sum;
}

double swing(const Effect& effect) { return or_endless(std::abs(effect.high - effect.low)); }

// FNV-1a.
std::uint64_t hash(std::string_view text) {
  std::uint64_t value = 0xcbf29ce484222325;
  for (const char c : text) {
    value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return value;
}

// Order statistics by counting: every value falls into one of many bins between the extremes, and
// only the bins that hold a wanted rank are looked into.
class Ranks {
 public:
  explicit Ranks(const std::vector<float>& values) : values_(values) {
    float low = std::numeric_limits<float>::max(), high = std::numeric_limits<float>::lowest();
    for (const float value : values) {
      low = std::isfinite(value) ? std::min(low, value) : low;
      high = std::isfinite(value) ? std::max(high, value) : high;
    }
    low_ = low;
    scale_ = high > low ? (kBins - 1) / (static_cast<double>(high) - low) : 0;
    for (const float value : values) {
      ++counts_[bin(value)];
    }
  }

  // By linear interpolation between the order statistics.
  [[nodiscard]] std::vector<double> quantiles(std::span<const double> shares) const {
    std::vector<std::size_t> ranks;
    for (const double share : shares) {
      const double place = share * static_cast<double>(values_.size() - 1);
      const auto rank = static_cast<std::size_t>(place);
      ranks.push_back(rank);
      ranks.push_back(std::min(rank + 1, values_.size() - 1));
    }
    const std::vector<double> at = ranked(ranks);
    std::vector<double> found;
    for (std::size_t i = 0; i < shares.size(); ++i) {
      const double place = shares[i] * static_cast<double>(values_.size() - 1);
      const double rest = place - std::floor(place);
      const double low = at[2 * i], high = at[2 * i + 1];
      found.push_back(low == high ? low : low + rest * (high - low));
    }
    return found;
  }

 private:
  static constexpr std::size_t kBins = 4096;

  [[nodiscard]] std::size_t bin(float value) const {
    if (!std::isfinite(value)) {
      return value < 0 ? 0 : kBins - 1;
    }
    return static_cast<std::size_t>((value - low_) * scale_);
  }

  // What a sorted vector has at some places, rising, is there.
  static void put_in_place(std::vector<float>& values, const std::vector<std::ptrdiff_t>& places) {
    std::ptrdiff_t from = 0;
    for (const std::ptrdiff_t place : places) {
      if (place >= from) {
        std::nth_element(values.begin() + from, values.begin() + place, values.end());
        from = place + 1;
      }
    }
  }

  [[nodiscard]] std::vector<double> ranked(const std::vector<std::size_t>& ranks) const {
    struct Wanted {
      std::size_t bin, before;  // values in the bins before it
    };
    std::vector<Wanted> wanted;
    std::array<std::uint8_t, kBins> slots{};  // 1 + index into `members`
    std::vector<std::vector<float>> members;
    for (const std::size_t rank : ranks) {
      Wanted want{0, 0};
      while (want.before + counts_[want.bin] <= rank) {
        want.before += counts_[want.bin++];
      }
      if (slots[want.bin] == 0) {
        members.emplace_back().reserve(counts_[want.bin]);
        slots[want.bin] = static_cast<std::uint8_t>(members.size());
      }
      wanted.push_back(want);
    }
    for (const float value : values_) {
      if (const std::uint8_t slot = slots[bin(value)]; slot != 0) {
        members[slot - 1U].push_back(value);
      }
    }
    std::vector<std::vector<std::ptrdiff_t>> places(members.size());
    for (std::size_t i = 0; i < ranks.size(); ++i) {
      places[slots[wanted[i].bin] - 1U].push_back(
          static_cast<std::ptrdiff_t>(ranks[i] - wanted[i].before));
    }
    for (std::size_t slot = 0; slot < members.size(); ++slot) {
      std::sort(places[slot].begin(), places[slot].end());
      put_in_place(members[slot], places[slot]);
    }
    std::vector<double> found;
    for (std::size_t i = 0; i < ranks.size(); ++i) {
      found.push_back(members[slots[wanted[i].bin] - 1U][ranks[i] - wanted[i].before]);
    }
    return found;
  }

  const std::vector<float>& values_;
  double low_ = 0, scale_ = 0;
  std::array<std::size_t, kBins> counts_{};
};

Quantiles quantiles(const std::vector<float>& values) {
  double sum = 0, squares = 0;
  for (const float value : values) {
    sum += value;
  }
  const auto count = static_cast<double>(values.size());
  Quantiles result;
  result.mean = sum / count;
  for (const float value : values) {
    squares += (value - result.mean) * (value - result.mean);
  }
  result.deviation = std::sqrt(squares / count);
  constexpr std::array kShares{0.05, 0.10, 0.50, 0.90, 0.95};
  const std::vector<double> at = Ranks(values).quantiles(kShares);
  result.p5 = at[0];
  result.p10 = at[1];
  result.p50 = at[2];
  result.p90 = at[3];
  result.p95 = at[4];
  return result;
}

void fill_factors(const Tree& tree, const Evaluator& evaluator, std::uint64_t seed,
                  std::size_t block, std::vector<double>& z) {
  for (std::size_t factor = 0; factor < tree.factors().size(); ++factor) {
    if (evaluator.factors()[factor]) {
      factor_numbers(seed, tree.factors()[factor], block * kBlock,
                     {z.data() + factor * kBlock, kBlock});
    }
  }
}

// All targets' values are held until they are sorted.
std::vector<Quantiles> draw_slice(const Tree& tree, std::span<const NodeId> targets,
                                  const DrawOptions& options) {
  const auto count = static_cast<std::size_t>(options.draws);
  const std::size_t blocks = (count + kBlock - 1) / kBlock;
  // A share of the blocks has an evaluator of its own.
  const std::size_t shares = std::clamp<std::size_t>(
      static_cast<std::size_t>(std::max(options.threads, 1)), 1, std::max<std::size_t>(blocks, 1));
  std::vector<std::vector<float>> values(targets.size(), std::vector<float>(count));
  in_parallel(shares, options.threads, [&](std::size_t share) {
    Evaluator evaluator(tree, targets, kBlock);
    std::vector<double> z(tree.factors().size() * kBlock);
    for (std::size_t block = share; block < blocks; block += shares) {
      fill_factors(tree, evaluator, options.seed, block, z);
      evaluator.run(z.data());
      const std::size_t size = std::min(kBlock, count - block * kBlock);
      for (std::size_t t = 0; t < targets.size(); ++t) {
        const auto lanes = evaluator.lanes(targets[t]);
        std::transform(lanes.begin(), lanes.begin() + static_cast<std::ptrdiff_t>(size),
                       values[t].begin() + static_cast<std::ptrdiff_t>(block * kBlock),
                       [](double value) { return static_cast<float>(or_endless(value)); });
      }
    }
  });
  std::vector<Quantiles> result(targets.size());
  in_parallel(targets.size(), options.threads,
              [&](std::size_t t) { result[t] = quantiles(values[t]); });
  return result;
}

}  // namespace

void factor_numbers(std::uint64_t seed, std::string_view factor, std::uint64_t first,
                    std::span<double> z) {
  check(z.size() <= kBlock, z.size());
  const std::uint64_t name = hash(factor);
  std::array<std::uint32_t, kBlock> bits;
  for (std::size_t i = 0; i < z.size();) {
    const std::uint64_t at = first + i;
    const std::uint64_t group = at / 4;
    const PhiloxCounter four =
        philox4x32({static_cast<std::uint32_t>(group), static_cast<std::uint32_t>(group >> 32),
                    static_cast<std::uint32_t>(name), static_cast<std::uint32_t>(name >> 32)},
                   seed);
    for (std::size_t k = at % 4; k < 4 && i < z.size(); ++k, ++i) {
      bits[i] = four[k];
    }
  }
  normal_quantiles({bits.data(), z.size()}, z.data());
}

std::vector<Quantiles> draw(const Tree& tree, std::span<const NodeId> targets,
                            const DrawOptions& options) {
  const auto draws = static_cast<std::size_t>(std::max<std::int64_t>(options.draws, 1));
  const std::size_t most = std::max(kSliceMin, options.values_max / draws);
  std::vector<Quantiles> result;
  result.reserve(targets.size());
  for (std::size_t first = 0; first < targets.size(); first += most) {
    const std::size_t count = std::min(most, targets.size() - first);
    const auto slice = draw_slice(tree, targets.subspan(first, count), options);
    result.insert(result.end(), slice.begin(), slice.end());
  }
  return result;
}

std::vector<Effect> effects(const Tree& tree, NodeId target) {
  constexpr std::size_t kLanes = kCases + 2;
  Evaluator evaluator(tree, {&target, 1}, kLanes);
  std::array<double, kLanes> cases{};
  for (std::size_t i = 0; i < kCases; ++i) {
    cases[i] = normal_quantile((static_cast<double>(i) + 0.5) / kCases);
  }
  cases[kCases] = -kP95;
  cases[kCases + 1] = kP95;
  auto inputs = inputs_by_factor(tree, tree.needed({&target, 1}));
  std::vector<Effect> found;
  std::vector<double> z(tree.factors().size() * kLanes);
  double all = 0, endless = 0;  // the finite variances' sum, how many others
  for (std::size_t factor = 0; factor < tree.factors().size(); ++factor) {
    if (!evaluator.factors()[factor]) {
      continue;
    }
    std::copy(cases.begin(), cases.end(), z.begin() + static_cast<std::ptrdiff_t>(factor * kLanes));
    evaluator.run(z.data());
    std::fill_n(z.begin() + static_cast<std::ptrdiff_t>(factor * kLanes), kLanes, 0.0);
    const auto lanes = evaluator.lanes(target);
    Effect effect{.factor = tree.factors()[factor],
                  .low = or_endless(lanes[kCases]),
                  .high = or_endless(lanes[kCases + 1]),
                  .inputs = std::move(inputs[factor])};
    effect.variance = variance(lanes.first(kCases));
    if (std::isfinite(effect.variance)) {
      all += effect.variance;
    } else {
      ++endless;
    }
    effect.is_guess =
        std::any_of(effect.inputs.begin(), effect.inputs.end(),
                    [&](std::uint32_t input) { return tree.inputs()[input].is_guess(); });
    found.push_back(std::move(effect));
  }
  for (Effect& effect : found) {
    const bool is_endless = !std::isfinite(effect.variance);
    effect.variance_share = endless > 0 ? (is_endless ? 1 / endless : 0)
                            : all > 0   ? effect.variance / all
                                        : 0;
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const Effect& a, const Effect& b) { return swing(a) > swing(b); });
  return found;
}

}  // namespace churon::cost
