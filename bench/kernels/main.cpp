// How fast are the kernels? The shapes of SmolLM2-135M, random weights, one thread. Every figure is
// the best of several short runs, in CPU time of the thread, so that a busy machine disturbs
// little.
//
//   bench_kernels [SET...]   portable, avx2, avx512; default: all that this processor has
//
// Decode is limited by memory: beside it stands a plain loop that reads the same bytes.
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "numeric/fp_environment.h"
#include "numeric/kernels.h"

namespace {

using namespace churon::numeric;

constexpr std::size_t kModel = 576;
constexpr std::size_t kHidden = 1536;
constexpr std::size_t kHeads = 9;
constexpr std::size_t kKvHeads = 3;
constexpr std::size_t kHeadDim = 64;
constexpr std::size_t kLayers = 30;
constexpr std::size_t kBatch = 512;

double cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// The shortest of several runs; at most about a second in all.
template <typename Function>
double best(int runs, const Function& function) {
  double shortest = 1e30;
  double total = 0;
  for (int i = 0; i < runs && total < 1; ++i) {
    const double begin = cpu_seconds();
    function();
    const double seconds = cpu_seconds() - begin;
    shortest = std::min(shortest, seconds);
    total += seconds;
  }
  return shortest;
}

std::vector<float> random_numbers(std::size_t count, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> x(count);
  for (auto& value : x) {
    value = normal(random);
  }
  return x;
}

struct Shape {
  const char* name;
  std::size_t rows;
  std::size_t columns;
};
constexpr Shape kLayer[]{{"qkv", (kHeads + 2 * kKvHeads) * kHeadDim, kModel},
                         {"output", kModel, kHeads* kHeadDim},
                         {"gate, up", 2 * kHidden, kModel},
                         {"down", kModel, kHidden}};

// The bytes of a tensor of `rows` rows: 16 rows of random values again and again.
std::vector<std::byte> random_tensor(TensorType type, std::size_t rows, std::size_t columns) {
  const std::size_t row_bytes = bytes_of(type, columns);
  const auto values = random_numbers(kTileRows * columns, 1);
  std::vector<std::byte> tensor(rows * row_bytes);
  quantize(type, values.data(), kTileRows * columns, tensor.data());
  for (std::size_t row = kTileRows; row < rows; ++row) {
    std::memcpy(&tensor[row * row_bytes], &tensor[row % kTileRows * row_bytes], row_bytes);
  }
  return tensor;
}

struct Weights {
  Buffer memory;
  std::vector<PackedMatrix> matrices;
};

Weights packed(const std::vector<Shape>& shapes, TensorType type, BlockFormat format) {
  Weights weights;
  std::size_t bytes = 0;
  for (const auto& shape : shapes) {
    bytes += packed_bytes(format, type, shape.rows, shape.columns);
  }
  weights.memory = Buffer(bytes, true);
  std::byte* memory = weights.memory.data();
  for (const auto& shape : shapes) {
    const auto tensor = random_tensor(type, shape.rows, shape.columns);
    PackedMatrix matrix(format, type, shape.rows, shape.columns, memory);
    if (!matrix.pack(0, shape.rows, tensor.data())) {
      fmt::print(stderr, "a random tensor has a defect\n");
    }
    memory += packed_bytes(format, type, shape.rows, shape.columns);
    weights.matrices.push_back(matrix);
  }
  return weights;
}

std::uint64_t read_all(const Buffer& memory) {
  const auto* words = reinterpret_cast<const std::uint64_t*>(memory.data());
  std::uint64_t sums[8]{};
  for (std::size_t i = 0; i + 8 <= memory.size() / 8; i += 8) {
    for (std::size_t j = 0; j < 8; ++j) {
      sums[j] += words[i + j];
    }
  }
  return sums[0] + sums[1] + sums[2] + sums[3] + sums[4] + sums[5] + sums[6] + sums[7];
}

ActivationBlocks activations(const Kernels& kernels, std::size_t rows, std::size_t columns) {
  ActivationBlocks a;
  a.resize(ActivationFormat::q8_0, rows, columns);
  const auto x = random_numbers(rows * columns, 2);
  if (!kernels.quantize(a, x.data(), columns, 0, rows)) {
    fmt::print(stderr, "a random row is not finite\n");
  }
  return a;
}

void matrices(const Kernels& kernels, const Weights& layers, const Weights& head) {
  std::vector<float> y(std::max<std::size_t>(49152, kBatch * 2 * kHidden));
  const int runs = kernels.set == KernelSet::portable ? 2 : 30;
  volatile std::uint64_t sink = 0;
  const auto decode = [&](const char* name, const Weights& weights) {
    const auto a_model = activations(kernels, 1, kModel);
    const auto a_hidden = activations(kernels, 1, kHidden);
    const auto bytes = static_cast<double>(weights.memory.size());
    const double seconds = best(runs, [&] {
      for (const auto& matrix : weights.matrices) {
        kernels.matmul(matrix, matrix.columns() == kModel ? a_model : a_hidden, 0, matrix.tiles(),
                       y.data(), matrix.rows());
      }
    });
    const double read = best(runs, [&] { sink = read_all(weights.memory); });
    fmt::print("  decode {:<22} {:8.3f} ms  {:6.1f} GB/s  (plain read {:.1f} GB/s)\n", name,
               seconds * 1e3, bytes / seconds / 1e9, bytes / read / 1e9);
  };
  decode("layers", layers);
  decode("head", head);
  const auto a_model = activations(kernels, kBatch, kModel);
  const auto a_hidden = activations(kernels, kBatch, kHidden);
  double total = 0;
  double operations = 0;
  for (std::size_t i = 0; i < std::size(kLayer); ++i) {
    const auto& matrix = layers.matrices[i];
    const auto& a = matrix.columns() == kModel ? a_model : a_hidden;
    const double seconds =
        best(runs, [&] { kernels.matmul(matrix, a, 0, matrix.tiles(), y.data(), matrix.rows()); });
    const double work = 2.0 * static_cast<double>(matrix.rows() * matrix.columns() * kBatch);
    fmt::print("  prefill {:<21} {:8.3f} ms  {:6.1f} GOPS\n", kLayer[i].name, seconds * 1e3,
               work / seconds / 1e9);
    total += seconds;
    operations += work;
  }
  fmt::print("  prefill 30 layers             {:8.3f} ms  {:6.1f} GOPS\n", total * kLayers * 1e3,
             operations / total / 1e9);
}

// Every way in which the host keeps weights, from the second cache.
void formats(const Kernels& kernels) {
  struct Case {
    TensorType type;
    BlockFormat format;
  };
  std::vector<float> y(kBatch * kModel);
  for (const auto& [type, format] :
       {Case{TensorType::q4_0, BlockFormat::q4_0}, Case{TensorType::q4_1, BlockFormat::q4_1},
        Case{TensorType::q5_0, BlockFormat::q8_0}, Case{TensorType::q5_1, BlockFormat::q8_m},
        Case{TensorType::q8_0, BlockFormat::q8_0}, Case{TensorType::q4_k, BlockFormat::q8_m},
        Case{TensorType::mxfp4, BlockFormat::mxfp4}, Case{TensorType::f32, BlockFormat::mxint8}}) {
    const Weights weights = packed({{"", kModel, 1024}}, type, format);
    const int runs = kernels.set == KernelSet::portable ? 1 : 50;
    const auto work = 2.0 * static_cast<double>(kModel * 1024);
    std::string line =
        fmt::format("  {:<6} as {:<7} GOPS by rows:", info(type).name, info(format).name);
    for (const std::size_t rows : {1U, 2U, 4U, 8U, 12U, 96U}) {
      const auto a = activations(kernels, rows, 1024);
      const double seconds = best(runs, [&] {
        kernels.matmul(weights.matrices[0], a, 0, weights.matrices[0].tiles(), y.data(), kModel);
      });
      line +=
          fmt::format(" {:>3}: {:5.1f}", rows, work * static_cast<double>(rows) / seconds / 1e9);
    }
    fmt::print("{}\n", line);
  }
}

void attention(const Kernels& kernels) {
  constexpr std::size_t kRow = kHeads * kHeadDim;
  KvCache cache(KvFormat::q8_0, {1, kKvHeads, kHeadDim}, 4096);
  const auto x = random_numbers(4096 * kKvHeads * kHeadDim, 3);
  const int runs = kernels.set == KernelSet::portable ? 1 : 30;
  const double append = best(1, [&] {
    for (std::size_t i = 0; i < 4096; ++i) {
      const float* row = x.data() + i * kKvHeads * kHeadDim;
      kernels.kv_append(cache, 0, i, row, row);
    }
  });
  fmt::print("  append keys and values        {:8.3f} us a position and layer\n",
             append / 4096 * 1e6);
  std::vector<float> out(kBatch * kRow);
  AttentionCall call{.shape = {.head_dim = kHeadDim, .scale = 0.125F},
                     .cache = &cache,
                     .group = kHeads / kKvHeads,
                     .queries = x.data(),
                     .query_stride = kRow,
                     .out = out.data(),
                     .out_stride = kRow};
  for (const std::size_t past : {0U, 1024U}) {
    call.first_position = past;
    const double seconds = best(runs, [&] {
      for (std::size_t head = 0; head < kKvHeads; ++head) {
        kernels.attention(call, head, 0, kBatch);
      }
    });
    fmt::print("  attention, 512 tokens at {:<4} {:8.3f} ms a layer, {:8.3f} ms in all\n", past,
               seconds * 1e3, seconds * kLayers * 1e3);
  }
  for (const std::size_t past : {64U, 127U, 1056U, 4095U}) {
    call.first_position = past;
    const double seconds = best(runs * 10, [&] {
      for (std::size_t head = 0; head < kKvHeads; ++head) {
        kernels.attention(call, head, 0, 1);
      }
    });
    fmt::print("  attention, 1 token at {:<7} {:8.3f} us a layer, {:8.3f} ms in all\n", past,
               seconds * 1e6, seconds * kLayers * 1e3);
  }
}

void vectors(const Kernels& kernels) {
  const int runs = kernels.set == KernelSet::portable ? 2 : 30;
  const auto x = random_numbers(kBatch * kHidden, 4);
  std::vector<float> y(kBatch * kHidden);
  ActivationBlocks a;
  a.resize(ActivationFormat::q8_0, kBatch, kHidden);
  const auto report = [&](const char* name, std::size_t columns, const auto& function) {
    const double seconds = best(runs, function);
    fmt::print("  {:<29} {:8.3f} ns an element\n", name,
               seconds / static_cast<double>(kBatch * columns) * 1e9);
  };
  report("quantise", kHidden, [&] { kernels.quantize(a, x.data(), kHidden, 0, kBatch); });
  const auto each_row = [&](const auto& function) {
    return [&x, &y, function] {
      for (std::size_t i = 0; i < kBatch; ++i) {
        function(x.data() + i * kHidden, y.data() + i * kHidden);
      }
    };
  };
  report("silu_mul", kHidden, each_row([&](const float* from, float* to) {
           kernels.silu_mul(from, from, kHidden, to);
         }));
  report("gelu_mul", kHidden, each_row([&](const float* from, float* to) {
           kernels.gelu_mul(from, from, kHidden, to);
         }));
  report("rms_norm", kModel, each_row([&](const float* from, float* to) {
           kernels.rms_norm(from, from, kModel, 1e-5F, to);
         }));
  for (const auto pairing : {RopePairing::adjacent, RopePairing::halves}) {
    report(pairing == RopePairing::adjacent ? "rope, adjacent" : "rope, halves", kHeadDim,
           each_row([&](const float* from, float* to) {
             kernels.rope(to, kHeadDim, pairing, from, from + kHeadDim / 2);
           }));
  }
  constexpr std::size_t kRows = 64;
  const double seconds = best(runs, [&] {
    kernels.matmul_f32(x.data(), kHidden, 0, kRows, x.data(), kHidden, kRows, y.data(), kRows);
  });
  fmt::print("  FP32 product                  {:8.1f} GFLOPS\n",
             2.0 * kRows * kRows * kHidden / seconds / 1e9);
}

void loading() {
  struct Case {
    TensorType type;
    BlockFormat format;
  };
  for (const auto& [type, format] :
       {Case{TensorType::q4_1, BlockFormat::q4_1}, Case{TensorType::q8_0, BlockFormat::q8_0},
        Case{TensorType::q5_0, BlockFormat::q8_0}, Case{TensorType::q4_k, BlockFormat::q4_1},
        Case{TensorType::q5_k, BlockFormat::q8_m}, Case{TensorType::q6_k, BlockFormat::q8_0},
        Case{TensorType::f16, BlockFormat::q8_0}}) {
    constexpr std::size_t kColumns = 1536;
    const auto tensor = random_tensor(type, kModel, kColumns);
    Buffer memory(packed_bytes(format, type, kModel, kColumns), true);
    PackedMatrix matrix(format, type, kModel, kColumns, memory.data());
    const double seconds = best(5, [&] { (void)matrix.pack(0, kModel, tensor.data()); });
    fmt::print("  pack {:<6} as {:<7}          {:8.3f} ns a weight, {:6.2f} GB/s of the file\n",
               info(type).name, info(format).name,
               seconds / static_cast<double>(kModel * kColumns) * 1e9,
               static_cast<double>(tensor.size()) / seconds / 1e9);
  }
}

}  // namespace

int main(int argc, char** argv) {
  enter_fp_environment();
  std::vector<Shape> shapes;
  for (std::size_t i = 0; i < kLayers; ++i) {
    shapes.insert(shapes.end(), std::begin(kLayer), std::end(kLayer));
  }
  const Weights layers = packed(shapes, TensorType::q4_1, BlockFormat::q4_1);
  const Weights head = packed({{"head", 49152, kModel}}, TensorType::q8_0, BlockFormat::q8_0);
  for (const KernelSet set : kernel_sets()) {
    const std::vector<std::string> wanted(argv + 1, argv + argc);
    const Kernels* chosen = kernels(set);
    if (chosen == nullptr ||
        (!wanted.empty() && std::find(wanted.begin(), wanted.end(), name(set)) == wanted.end())) {
      continue;
    }
    fmt::print("{}\n", chosen->name);
    matrices(*chosen, layers, head);
    formats(*chosen);
    attention(*chosen);
    vectors(*chosen);
  }
  fmt::print("loading\n");
  loading();
}
