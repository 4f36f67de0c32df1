// Do the vector kernels compute the bits of the plain reference? Random matrices in every layout
// that the host keeps, random activations, and random attention, for every kernel set of this
// processor. Prints the number of block dots and of differing results; exit code 1 when one
// differs.
//
//   validate_kernels [BLOCK_DOTS] [SEED]      default: 1e9 block dots a set, seed 1
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/random.h"
#include "numeric/float16.h"
#include "numeric/fp_environment.h"
#include "numeric/kernels.h"

namespace {

using namespace churon::numeric;

class Random {
 public:
  explicit Random(std::uint64_t seed) : seed_(seed) {}
  std::uint32_t bits() {
    if (used_ == 4) {
      ++counter_;
      values_ = churon::philox4x32(
          {static_cast<std::uint32_t>(counter_), static_cast<std::uint32_t>(counter_ >> 32), 0, 0},
          seed_);
      used_ = 0;
    }
    return values_[used_++];
  }
  // 0 .. limit - 1.
  template <typename Number>
  Number below(Number limit) {
    return static_cast<Number>(bits() % static_cast<std::uint32_t>(limit));
  }
  // Both signs, magnitudes 2^-spread .. 2^spread, now and then a zero.
  float number(int spread) {
    const std::uint32_t r = bits();
    if (r % 61 == 0) {
      return 0;
    }
    const int exponent = below(2 * spread + 1) - spread;
    return std::ldexp(1 + static_cast<float>(r >> 9) * 0x1p-23F, exponent) *
           ((r & 1) != 0 ? -1.0F : 1.0F);
  }

 private:
  std::uint64_t seed_;
  std::uint64_t counter_ = 0;
  churon::PhiloxCounter values_{};
  std::size_t used_ = 4;
};

struct Layout {
  TensorType type;
  BlockFormat format;
  ActivationFormat activation;
};
constexpr Layout kLayouts[]{
    {TensorType::q4_0, BlockFormat::q4_0, ActivationFormat::q8_0},
    {TensorType::q4_1, BlockFormat::q4_1, ActivationFormat::q8_0},
    {TensorType::q5_0, BlockFormat::q8_0, ActivationFormat::q8_0},
    {TensorType::q5_1, BlockFormat::q8_m, ActivationFormat::q8_0},
    {TensorType::q8_0, BlockFormat::q8_0, ActivationFormat::q8_0},
    {TensorType::q4_k, BlockFormat::q4_1, ActivationFormat::q8_0},
    {TensorType::q5_k, BlockFormat::q8_m, ActivationFormat::q8_0},
    {TensorType::mxfp4, BlockFormat::mxfp4, ActivationFormat::q8_0},
    {TensorType::mxfp4, BlockFormat::mxint8, ActivationFormat::mxint8},
};

// Random bytes; scales and exponents are made valid.
std::vector<std::byte> random_tensor(TensorType type, std::size_t blocks, Random& random) {
  const auto size = static_cast<std::size_t>(info(type).block_bytes);
  std::vector<std::byte> bytes(blocks * size);
  for (std::size_t i = 0; i < bytes.size(); i += 4) {
    const std::uint32_t word = random.bits();
    std::memcpy(&bytes[i], &word, std::min<std::size_t>(4, bytes.size() - i));
  }
  const bool second = type == TensorType::q4_1 || type == TensorType::q5_1 ||
                      type == TensorType::q4_k || type == TensorType::q5_k;
  for (std::size_t b = 0; b < blocks; ++b) {
    std::byte* block = &bytes[b * size];
    if (type == TensorType::mxfp4) {
      // As mxint8 a block's exponent is larger by 5.
      const int exponent = kExponentMin + random.below(kExponentMax - 5 - kExponentMin + 1);
      block[0] = static_cast<std::byte>(127 + exponent);
      continue;
    }
    // Any finite half, subnormals too; a K-quant multiplies it by up to 63.
    const std::uint32_t exponents = type == TensorType::q4_k || type == TensorType::q5_k ? 25 : 31;
    for (std::size_t at = 0; at < (second ? 4U : 2U); at += 2) {
      std::uint16_t half;
      std::memcpy(&half, block + at, sizeof half);
      if ((half >> 10 & 31) >= exponents) {
        half = static_cast<std::uint16_t>(half & 0x83FF);
      }
      std::memcpy(block + at, &half, sizeof half);
    }
  }
  return bytes;
}

std::uint64_t differing(const std::vector<float>& a, const std::vector<float>& b) {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    count += std::bit_cast<std::uint32_t>(a[i]) != std::bit_cast<std::uint32_t>(b[i]) ? 1U : 0U;
  }
  return count;
}

struct Tally {
  std::uint64_t results = 0;
  std::uint64_t different = 0;
};
using Tallies = std::vector<Tally>;  // one a kernel set

void matrices(const Layout& layout, std::uint64_t dots, const std::vector<const Kernels*>& sets,
              Random& random, Tallies& tallies) {
  const auto elements = static_cast<std::size_t>(info(layout.type).block_elements);
  for (std::uint64_t done = 0; done < dots;) {
    const std::size_t n = 200 + random.below<std::size_t>(100);
    const std::size_t k = elements * (1 + random.below(2304 / elements));
    const std::size_t m = 1 + random.below<std::size_t>(37);
    const std::size_t blocks = k / kBlock;
    const auto tensor = random_tensor(layout.type, n * k / elements, random);
    const std::size_t row_bytes = bytes_of(layout.type, k);
    std::vector<float> x(m * k);
    const int spread = static_cast<int>(random.below<std::size_t>(20));
    for (float& value : x) {
      value = random.number(spread);
    }

    std::vector<WeightBlock> weights(n * blocks);
    std::vector<ActivationBlock> rows(m * blocks);
    bool good = true;
    for (std::size_t i = 0; i < n; ++i) {
      good =
          weight_blocks(layout.format, layout.type, &tensor[i * row_bytes], k, &weights[i * blocks])
              .has_value() &&
          good;
    }
    for (std::size_t i = 0; i < m; ++i) {
      good = quantize_row(layout.activation, &x[i * k], k, &rows[i * blocks]) && good;
    }
    std::vector<float> reference(m * n);
    matmul(weights.data(), n, rows.data(), m, blocks, info(layout.format).has_minimum,
           reference.data());

    Buffer memory(packed_bytes(layout.format, layout.type, n, k), false);
    PackedMatrix packed(layout.format, layout.type, n, k, memory.data());
    good = packed.pack(0, n, tensor.data()).has_value() && good;
    for (std::size_t s = 0; s < sets.size(); ++s) {
      ActivationBlocks a;
      a.resize(layout.activation, m, k);
      good = sets[s]->quantize(a, x.data(), k, 0, m) && good;
      std::vector<float> y(m * n);
      sets[s]->matmul(packed, a, 0, packed.tiles(), y.data(), n);
      tallies[s].results += y.size();
      tallies[s].different += differing(y, reference);
    }
    if (!good) {
      fmt::print(stderr, "a random tensor or row was refused\n");
      std::exit(1);
    }
    done += m * n * blocks;
  }
}

void attentions(int cases, const std::vector<const Kernels*>& sets, Random& random,
                Tallies& tallies) {
  for (int i = 0; i < cases; ++i) {
    const std::size_t head_dim = 8 * (1 + random.below<std::size_t>(32));
    const std::size_t group = 1 + random.below<std::size_t>(8);
    const std::size_t tokens = 1 + random.below<std::size_t>(40);
    const std::size_t past = random.below<std::size_t>(4) == 0
                                 ? 900 + random.below<std::size_t>(2500)
                                 : random.below<std::size_t>(200);
    const std::size_t positions = past + tokens;
    const auto format = random.below<std::size_t>(2) == 0 ? KvFormat::q8_0 : KvFormat::mxint8;
    AttentionShape shape{.head_dim = static_cast<int>(head_dim), .scale = 0.125F};
    shape.softcap = random.below<std::size_t>(3) == 0 ? 30.0F : 0.0F;
    shape.window = random.below<std::size_t>(2) == 0
                       ? 0
                       : static_cast<int>(1 + random.below<std::size_t>(1200));
    std::vector<float> k(positions * head_dim);
    std::vector<float> v(positions * head_dim);
    std::vector<float> q(tokens * group * head_dim);
    for (auto* x : {&k, &v, &q}) {
      const int spread = static_cast<int>(random.below<std::size_t>(5));
      for (float& value : *x) {
        value = random.number(spread);
      }
    }

    KvCache layout(format, {1, 1, head_dim}, positions);
    const std::size_t blocks = layout.blocks();
    std::vector<ActivationBlock> keys(positions * blocks);
    std::vector<ActivationBlock> values(positions * blocks);
    std::vector<ActivationBlock> query(blocks);
    bool good = true;
    for (std::size_t p = 0; p < positions; ++p) {
      good = quantize_row(layout.block_format(), &k[p * head_dim], head_dim, &keys[p * blocks]) &&
             quantize_row(layout.block_format(), &v[p * head_dim], head_dim, &values[p * blocks]) &&
             good;
    }
    std::vector<float> reference(q.size());
    for (std::size_t row = 0; row < tokens * group; ++row) {
      good = quantize_row(layout.block_format(), &q[row * head_dim], head_dim, query.data()) &&
             attention(shape, query.data(), past + row / group, keys.data(), values.data(),
                       &reference[row * head_dim]) &&
             good;
    }
    for (std::size_t s = 0; s < sets.size(); ++s) {
      KvCache cache(format, {1, 1, head_dim}, positions);
      for (std::size_t p = 0; p < positions; ++p) {
        good = sets[s]->kv_append(cache, 0, p, &k[p * head_dim], &v[p * head_dim]) && good;
      }
      std::vector<float> out(q.size());
      const AttentionCall call{.shape = shape,
                               .cache = &cache,
                               .group = group,
                               .first_position = past,
                               .queries = q.data(),
                               .query_stride = group * head_dim,
                               .out = out.data(),
                               .out_stride = group * head_dim};
      good = sets[s]->attention(call, 0, 0, tokens) && good;
      tallies[s].results += out.size();
      tallies[s].different += differing(out, reference);
    }
    if (!good) {
      fmt::print(stderr, "a random cache or query was refused\n");
      std::exit(1);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  enter_fp_environment();
  const auto dots = static_cast<std::uint64_t>(argc > 1 ? std::strtod(argv[1], nullptr) : 1e9);
  Random random(argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1);
  std::vector<const Kernels*> sets;
  for (const KernelSet set : kernel_sets()) {
    if (const Kernels* here = kernels(set)) {
      sets.push_back(here);
    }
  }
  std::uint64_t wrong = 0;
  const auto print = [&](const std::string& what, const Tallies& tallies) {
    std::string line = fmt::format("{:<28} {:>12} results; different:", what, tallies[0].results);
    for (std::size_t s = 0; s < sets.size(); ++s) {
      line += fmt::format("  {} {}", sets[s]->name, tallies[s].different);
      wrong += tallies[s].different;
    }
    fmt::print("{}\n", line);
    std::fflush(stdout);
  };
  const std::uint64_t share = dots / std::size(kLayouts) + 1;
  fmt::print("{} block dots a kernel set, {} of each layout\n", share * std::size(kLayouts), share);
  for (const auto& layout : kLayouts) {
    Tallies tallies(sets.size());
    matrices(layout, share, sets, random, tallies);
    print(fmt::format("{} as {}", info(layout.type).name, info(layout.format).name), tallies);
  }
  Tallies tallies(sets.size());
  attentions(static_cast<int>(dots / 10'000'000) + 10, sets, random, tallies);
  print("attention", tallies);
  return wrong == 0 ? 0 : 1;
}
