#include "numeric/kernels.h"

#include <array>
#include <cstdlib>

#include "numeric/kernels_attention.h"

namespace churon::numeric {

const Kernels& portable_kernels();
const Kernels& avx2_kernels();
const Kernels& avx512_kernels();

namespace {

bool always() { return true; }
bool has_avx2() {
  return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0 &&
         __builtin_cpu_supports("f16c") != 0;
}
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") != 0 &&
         __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
         __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vnni") != 0;
}

struct SetEntry {
  KernelSet set;
  const char* name;
  const char* needs;
  bool (*available)();
  const Kernels& (*kernels)();
};
// From the plainest to the fastest.
constexpr std::array kSets{
    SetEntry{KernelSet::portable, "portable", "nothing", always, portable_kernels},
    SetEntry{KernelSet::avx2, "avx2", "AVX2, FMA, F16C", has_avx2, avx2_kernels},
    SetEntry{KernelSet::avx512, "avx512", "AVX-512 F, BW, VL, DQ, VNNI", has_avx512,
             avx512_kernels},
};
constexpr std::array kOrder{KernelSet::portable, KernelSet::avx2, KernelSet::avx512};

}  // namespace

std::span<const KernelSet> kernel_sets() { return kOrder; }

const char* name(KernelSet set) { return kSets[static_cast<std::size_t>(set)].name; }

const Kernels* kernels(KernelSet set) {
  const auto& entry = kSets[static_cast<std::size_t>(set)];
  return entry.available() ? &entry.kernels() : nullptr;
}

std::byte* attention_scratch(std::size_t bytes) {
  thread_local Buffer memory;
  if (memory.size() < bytes) {
    memory = Buffer(bytes, false);
  }
  return memory.data();
}

Result<const Kernels*> choose_kernels() {
  const char* wanted = std::getenv("CHURON_KERNELS");
  if (wanted == nullptr || *wanted == '\0') {
    const Kernels* best = nullptr;
    for (const KernelSet set : kOrder) {
      if (const Kernels* candidate = kernels(set)) {
        best = candidate;
      }
    }
    return best;
  }
  for (const auto& entry : kSets) {
    if (std::string_view(wanted) == entry.name) {
      if (!entry.available()) {
        return fail("N0103",
                    fmt::format("CHURON_KERNELS={}: this processor lacks {}", wanted, entry.needs),
                    {"unset CHURON_KERNELS to take the best set that it can run"});
      }
      return &entry.kernels();
    }
  }
  return fail("N0102", fmt::format("CHURON_KERNELS={}: there is no such set of kernels", wanted),
              {"use portable, avx2 or avx512, or unset it"});
}

}  // namespace churon::numeric
