#include "estimate/efficiency.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/csv.h"
#include "base/data_dir.h"
#include "base/text.h"

namespace churon::estimate {

namespace {

// The member of a member: one function per parameter.
template <auto kPart, auto kMember>
double& at(Efficiency& efficiency) {
  return efficiency.*kPart.*kMember;
}

template <Framework kFramework, auto kMember>
double& of_profile(Efficiency& efficiency) {
  return efficiency.profiles[static_cast<std::size_t>(kFramework)].*kMember;
}

using E = Efficiency;
using P = Efficiency::Profile;
using F = Framework;

// Every parameter there is: scope, name, unit, start, low, high, varied by factors, fitted.
// clang-format off
constexpr std::array kParameters{
    Parameter{"gemm", "compute", "1", 0.8, 0.5, 1, false, true, "share of the peak rate", at<&E::gemm, &E::Gemm::compute>},
    Parameter{"gemm", "memory", "1", 0.85, 0.5, 1, false, true, "share of the memory's rate", at<&E::gemm, &E::Gemm::memory>},
    Parameter{"gemm", "wave", "1", 0.2, 0, 1, false, true, "of the idle last wave", at<&E::gemm, &E::Gemm::wave>},
    Parameter{"gemm", "feed", "B/cycle", 64, 8, 400, true, true, "cache to core", at<&E::gemm, &E::Gemm::feed>},
    Parameter{"gemm", "split", "s", 2e-06, 1e-07, 2e-05, true, true, "adding parts", at<&E::gemm, &E::Gemm::split>},
    Parameter{"gemm", "cache_share", "1", 0.3, 0.01, 1, true, true, "warm weights", at<&E::gemm, &E::Gemm::cache_share>},
    Parameter{"gemm", "cache_rate", "1", 3, 1, 8, true, true, "over the memory's", at<&E::gemm, &E::Gemm::cache_rate>},
    Parameter{"gemm", "fixed", "s", 4e-06, 1e-06, 1.5e-05, true, true, "launch, fill, drain", at<&E::gemm, &E::Gemm::fixed>},
    Parameter{"gemm", "dies", "1", 1.2, 1, 2, false, true, "several dies", at<&E::gemm, &E::Gemm::dies>},
    Parameter{"formats", "narrow", "1", 0.1, 0, 0.5, false, true, "exponent of a halving", at<&E::formats, &E::Formats::narrow>},
    Parameter{"formats", "block_compute", "1", 0.85, 0.3, 1, false, true, "fp8_block", at<&E::formats, &E::Formats::block_compute>},
    Parameter{"formats", "quantise", "s", 8e-06, 1e-06, 2.5e-05, true, true, "fp8, fp4, int8", at<&E::formats, &E::Formats::quantise>},
    Parameter{"formats", "quantise_bytes", "B", 3, 1, 15, true, true, "an activation", at<&E::formats, &E::Formats::quantise_bytes>},
    Parameter{"formats", "block", "s", 3e-06, 1e-07, 2e-05, true, true, "fp8_block", at<&E::formats, &E::Formats::block>},
    Parameter{"formats", "weight_only", "s", 8e-06, 1e-06, 3e-05, true, true, "widened weights", at<&E::formats, &E::Formats::weight_only>},
    Parameter{"attention", "compute", "1", 0.7, 0.3, 1, false, true, "share of the peak rate", at<&E::attention, &E::Attention::compute>},
    Parameter{"attention", "softmax", "1", 0.7, 0.1, 4, true, true, "exponentials, over 16 a cycle and core", at<&E::attention, &E::Attention::softmax>},
    Parameter{"attention", "overlap", "1", 1.5, 1, 6, true, true, "norm of products and exponentials", at<&E::attention, &E::Attention::overlap>},
    Parameter{"attention", "row", "cycles", 60, 1, 500, true, true, "a query of a head", at<&E::attention, &E::Attention::row>},
    Parameter{"attention", "wave", "1", 0.5, 0.01, 5, true, true, "tiles that the last wave waits", at<&E::attention, &E::Attention::wave>},
    Parameter{"attention", "prefill_memory", "1", 0.7, 0.2, 1, false, true, "queries, keys, values, outputs", at<&E::attention, &E::Attention::prefill_memory>},
    Parameter{"attention", "prefill_cache", "1", 0.3, 0.01, 2, true, true, "share of the cache that holds them", at<&E::attention, &E::Attention::prefill_cache>},
    Parameter{"attention", "prefill_fixed", "s", 1.2e-05, 3e-06, 4e-05, true, true, "with the kernel that prepares them", at<&E::attention, &E::Attention::prefill_fixed>},
    Parameter{"attention", "memory", "1", 0.9, 0.5, 1, false, true, "decode: share of the memory's rate", at<&E::attention, &E::Attention::memory>},
    Parameter{"attention", "cache_share", "1", 0.5, 0.05, 1, true, true, "warm KV cache", at<&E::attention, &E::Attention::cache_share>},
    Parameter{"attention", "cache_rate", "1", 4, 1, 10, true, true, "over the memory's", at<&E::attention, &E::Attention::cache_rate>},
    Parameter{"attention", "ramp", "B", 20000000, 100000, 200000000, true, true, "until the stream is at its rate", at<&E::attention, &E::Attention::ramp>},
    Parameter{"attention", "decode_fixed", "s", 1e-05, 3e-06, 3e-05, true, true, "", at<&E::attention, &E::Attention::decode_fixed>},
    Parameter{"experts", "compute", "1", 0.6, 0.1, 1, false, true, "share of the peak rate", at<&E::experts, &E::Experts::compute>},
    Parameter{"experts", "memory", "1", 0.8, 0.3, 1, false, true, "share of the memory's rate", at<&E::experts, &E::Experts::memory>},
    Parameter{"experts", "narrow", "1", 0.2, 0, 1, false, true, "exponent of a halving", at<&E::experts, &E::Experts::narrow>},
    Parameter{"experts", "block_compute", "1", 0.6, 0.1, 1, false, true, "fp8_block", at<&E::experts, &E::Experts::block_compute>},
    Parameter{"experts", "dequantise", "1/cycle", 16, 2, 100, true, true, "a core", at<&E::experts, &E::Experts::dequantise>},
    Parameter{"experts", "tile", "tokens", 64, 8, 256, true, true, "tokens an expert is filled up to", at<&E::experts, &E::Experts::tile>},
    Parameter{"experts", "width", "columns", 100, 1, 2000, true, true, "narrow experts", at<&E::experts, &E::Experts::width>},
    Parameter{"experts", "activation", "1", 0.5, 0.05, 1, false, true, "permuted activations", at<&E::experts, &E::Experts::activation>},
    Parameter{"experts", "fixed", "s", 2e-05, 3e-06, 6e-05, true, true, "all kernels together", at<&E::experts, &E::Experts::fixed>},
    Parameter{"experts", "block", "s", 5e-06, 1e-07, 6e-05, true, true, "fp8_block", at<&E::experts, &E::Experts::block>},
    Parameter{"experts", "per_expert", "s", 1e-07, 5e-09, 1e-06, true, true, "fp8_block", at<&E::experts, &E::Experts::per_expert>},
    Parameter{"experts", "weight_only", "s", 5e-06, 1e-07, 6e-05, true, true, "widened weights", at<&E::experts, &E::Experts::weight_only>},
    Parameter{"collective", "fixed", "s", 5e-06, 1e-06, 2e-05, true, true, "NCCL", at<&E::collective, &E::Collective::fixed>},
    Parameter{"collective", "hop", "s", 1e-06, 1e-07, 5e-06, true, true, "a step of a ring", at<&E::collective, &E::Collective::hop>},
    Parameter{"collective", "exchange", "s", 1e-05, 1e-06, 3e-05, true, true, "all-to-all", at<&E::collective, &E::Collective::exchange>},
    Parameter{"collective", "simple", "s", 2e-05, 1e-06, 0.0002, true, true, "protocol for long messages", at<&E::collective, &E::Collective::simple>},
    Parameter{"collective", "fill", "B", 5000000, 100000, 50000000, true, true, "of its pipeline", at<&E::collective, &E::Collective::fill>},
    Parameter{"collective", "dies", "1", 1.2, 1, 2.5, false, true, "several dies", at<&E::collective, &E::Collective::dies>},
    Parameter{"collective", "link", "1", 0.95, 0.5, 1, false, true, "share of the rate", at<&E::collective, &E::Collective::link>},
    Parameter{"collective", "bus", "1", 0.7, 0.3, 1, false, true, "share of a host bus", at<&E::collective, &E::Collective::bus>},
    Parameter{"collective", "low_latency", "1", 0.45, 0.05, 1, false, true, "protocol for short messages", at<&E::collective, &E::Collective::low_latency>},
    Parameter{"collective", "copy", "1", 0.5, 0, 1, false, true, "copied locally", at<&E::collective, &E::Collective::copy>},
    Parameter{"collective", "kernel_fixed", "s", 3e-06, 5e-07, 1e-05, true, true, "a framework's kernel", at<&E::collective, &E::Collective::kernel_fixed>},
    Parameter{"collective", "kernel_hop", "s", 3e-07, 2e-08, 2e-06, true, true, "", at<&E::collective, &E::Collective::kernel_hop>},
    Parameter{"collective", "kernel_link", "1", 0.6, 0.1, 1, false, true, "", at<&E::collective, &E::Collective::kernel_link>},
    Parameter{"collective", "two_shot", "1", 2, 1, 6, true, true, "factor of the fixed time", at<&E::collective, &E::Collective::two_shot>},
    Parameter{"network", "ring", "s", 2.7e-06, 5e-07, 0.0001, true, false, "a step of a ring between domains, short messages", at<&E::network, &E::Network::ring>, "NCCL src/graph/tuning.cc @b6475625: hwLat of the network, ring LL"},
    Parameter{"network", "tree", "s", 5e-06, 5e-07, 0.0001, true, false, "a level of a tree between domains, short messages", at<&E::network, &E::Network::tree>, "NCCL src/graph/tuning.cc @b6475625: hwLat of the network, tree LL"},
    Parameter{"network", "simple", "s", 1.4e-05, 5e-07, 0.001, true, false, "a step or level, long messages", at<&E::network, &E::Network::simple>, "NCCL src/graph/tuning.cc @b6475625: hwLat of the network, ring Simple (of a tree 28; 14 in later versions)"},
    Parameter{"network", "low_latency", "1", 0.25, 0.05, 1, false, false, "share of the rate of short messages", at<&E::network, &E::Network::low_latency>, "NCCL src/graph/tuning.cc @b6475625: a quarter of the bus rate for ring LL between nodes"},
    Parameter{"network", "link", "1", 0.89, 0.3, 1, false, false, "share of the adapter's rate", at<&E::network, &E::Network::link>, "DeepEP README @0297fc80: dispatch and combine over 2 and 4 nodes move 45 of the 50 GB/s of a ConnectX-7 in the mean"},
    Parameter{"elementwise", "memory", "1", 0.8, 0.3, 1, false, true, "share of the memory's rate", at<&E::elementwise, &E::Elementwise::memory>},
    Parameter{"elementwise", "fixed", "s", 3e-06, 5e-07, 1.5e-05, true, true, "launch", at<&E::elementwise, &E::Elementwise::fixed>},
    Parameter{"serving", "chunk", "tokens", 8192, 512, 65536, true, false, "prefilled together", at<&E::serving, &E::Serving::chunk>},
    Parameter{"serving", "collective", "1", 0.8, 0.1, 2, false, true, "of its fixed time, in a captured graph", at<&E::serving, &E::Serving::collective>},
    Parameter{"serving", "apart", "1", 0.8, 0.2, 1, false, true, "of tokens, that choose experts on their own", at<&E::serving, &E::Serving::apart>},
    Parameter{"profile:tensorrt_llm", "memory", "1", 0.966, 0.7, 1.1, false, false, "of the stated capacity: 0.9 of as many GiB", of_profile<F::tensorrt_llm, &P::memory>},
    Parameter{"profile:tensorrt_llm", "reserve", "B", 2e9, 0, 2e10, false, false, "taken off that", of_profile<F::tensorrt_llm, &P::reserve>},
    Parameter{"profile:tensorrt_llm", "growth", "1", 1, 0, 1, false, false, "of the output, that space is reserved for", of_profile<F::tensorrt_llm, &P::growth>},
    Parameter{"profile:tensorrt_llm", "work", "1", 1, 0.7, 2, true, true, "over benchmarks of kernels", of_profile<F::tensorrt_llm, &P::work>},
    Parameter{"profile:tensorrt_llm", "launch", "1", 0.5, 0.05, 1.5, true, true, "of kernels' fixed times", of_profile<F::tensorrt_llm, &P::launch>},
    Parameter{"profile:tensorrt_llm", "step", "s", 0.0004, 1e-05, 0.03, true, true, "host, a step", of_profile<F::tensorrt_llm, &P::step>},
    Parameter{"profile:tensorrt_llm", "request", "s", 1e-05, 1e-07, 0.0003, true, true, "host, a step and request", of_profile<F::tensorrt_llm, &P::request>},
    Parameter{"profile:tensorrt_llm", "prefill", "1", 1, 0.2, 1.5, false, true, "of others' prefills", of_profile<F::tensorrt_llm, &P::prefill>},
    Parameter{"profile:tensorrt_llm", "prompt", "s", 0.02, 0.001, 0.2, true, true, "host, a prompt", of_profile<F::tensorrt_llm, &P::prompt>},
    Parameter{"profile:tensorrt_llm", "burst", "1", 0.1, 0.0001, 1, true, true, "prompts before one's own", of_profile<F::tensorrt_llm, &P::burst>},
    Parameter{"profile:vllm", "memory", "1", 0.966, 0.7, 1.1, false, false, "of the stated capacity: 0.9 of as many GiB", of_profile<F::vllm, &P::memory>, "vLLM documentation, gpu_memory_utilization: 0.9 by default"},
    Parameter{"profile:vllm", "reserve", "B", 2e9, 0, 2e10, false, false, "taken off that", of_profile<F::vllm, &P::reserve>},
    Parameter{"profile:vllm", "growth", "1", 0.5, 0, 1, false, false, "of the output, that space is reserved for", of_profile<F::vllm, &P::growth>},
    Parameter{"profile:vllm", "work", "1", 1, 0.7, 2, true, true, "over benchmarks of kernels", of_profile<F::vllm, &P::work>},
    Parameter{"profile:vllm", "launch", "1", 0.5, 0.05, 1.5, true, true, "of kernels' fixed times", of_profile<F::vllm, &P::launch>},
    Parameter{"profile:vllm", "step", "s", 0.0015, 1e-05, 0.03, true, true, "host, a step", of_profile<F::vllm, &P::step>},
    Parameter{"profile:vllm", "request", "s", 1e-05, 1e-07, 0.0003, true, true, "host, a step and request", of_profile<F::vllm, &P::request>},
    Parameter{"profile:vllm", "prefill", "1", 1, 0.2, 1.5, false, true, "of others' prefills", of_profile<F::vllm, &P::prefill>},
    Parameter{"profile:vllm", "prompt", "s", 0.02, 0.001, 0.2, true, true, "host, a prompt", of_profile<F::vllm, &P::prompt>},
    Parameter{"profile:vllm", "burst", "1", 0.1, 0.0001, 1, true, true, "prompts before one's own", of_profile<F::vllm, &P::burst>},
    Parameter{"profile:sglang", "memory", "1", 1.0737, 0.7, 1.1, false, false, "of the stated capacity: as many GiB", of_profile<F::sglang, &P::memory>, "SGLang docs/advanced_features/hyperparameter_tuning.md @21ff1af0: weights and caches take all but 5 to 8 GB"},
    Parameter{"profile:sglang", "reserve", "B", 6.5e9, 0, 2e10, false, false, "taken off that", of_profile<F::sglang, &P::reserve>, "SGLang docs/advanced_features/hyperparameter_tuning.md @21ff1af0: weights and caches take all but 5 to 8 GB"},
    Parameter{"profile:sglang", "growth", "1", 0.5, 0, 1, false, false, "of the output, that space is reserved for", of_profile<F::sglang, &P::growth>},
    Parameter{"profile:sglang", "work", "1", 1, 0.7, 2, true, true, "over benchmarks of kernels", of_profile<F::sglang, &P::work>},
    Parameter{"profile:sglang", "launch", "1", 0.5, 0.05, 1.5, true, true, "of kernels' fixed times", of_profile<F::sglang, &P::launch>},
    Parameter{"profile:sglang", "step", "s", 0.001, 1e-05, 0.03, true, true, "host, a step", of_profile<F::sglang, &P::step>},
    Parameter{"profile:sglang", "request", "s", 1e-05, 1e-07, 0.0003, true, true, "host, a step and request", of_profile<F::sglang, &P::request>},
    Parameter{"profile:sglang", "prefill", "1", 1, 0.2, 1.5, false, true, "of others' prefills", of_profile<F::sglang, &P::prefill>},
    Parameter{"profile:sglang", "prompt", "s", 0.02, 0.001, 0.2, true, true, "host, a prompt", of_profile<F::sglang, &P::prompt>},
    Parameter{"profile:sglang", "burst", "1", 0.1, 0.0001, 1, true, true, "prompts before one's own", of_profile<F::sglang, &P::burst>},
    Parameter{"profile:static_batch", "memory", "1", 0.966, 0.7, 1.1, false, false, "of the stated capacity: 0.9 of as many GiB", of_profile<F::static_batch, &P::memory>},
    Parameter{"profile:static_batch", "reserve", "B", 2e9, 0, 2e10, false, false, "taken off that", of_profile<F::static_batch, &P::reserve>},
    Parameter{"profile:static_batch", "growth", "1", 1, 0, 1, false, false, "of the output, that space is reserved for", of_profile<F::static_batch, &P::growth>},
    Parameter{"profile:static_batch", "work", "1", 1, 0.7, 2, true, true, "over benchmarks of kernels", of_profile<F::static_batch, &P::work>},
    Parameter{"profile:static_batch", "launch", "1", 0.5, 0.05, 1.5, true, true, "of kernels' fixed times", of_profile<F::static_batch, &P::launch>},
    Parameter{"profile:static_batch", "step", "s", 0.002, 1e-05, 0.03, true, true, "host, a step", of_profile<F::static_batch, &P::step>},
    Parameter{"profile:static_batch", "request", "s", 1e-05, 1e-07, 0.0003, true, true, "host, a step and request", of_profile<F::static_batch, &P::request>},
    Parameter{"profile:static_batch", "prefill", "1", 1, 0.2, 1.5, false, true, "of others' prefills", of_profile<F::static_batch, &P::prefill>},
    Parameter{"profile:static_batch", "prompt", "s", 0.02, 0.001, 0.2, true, true, "host, a prompt", of_profile<F::static_batch, &P::prompt>},
    Parameter{"profile:static_batch", "burst", "1", 0.1, 0.0001, 1, true, true, "prompts before one's own", of_profile<F::static_batch, &P::burst>},
    Parameter{"profile:generic", "memory", "1", 0.966, 0.7, 1.1, false, false, "of the stated capacity: 0.9 of as many GiB", of_profile<F::generic, &P::memory>},
    Parameter{"profile:generic", "reserve", "B", 2e9, 0, 2e10, false, false, "taken off that", of_profile<F::generic, &P::reserve>},
    Parameter{"profile:generic", "growth", "1", 1, 0, 1, false, false, "of the output, that space is reserved for", of_profile<F::generic, &P::growth>},
    Parameter{"profile:generic", "work", "1", 1, 0.7, 2, true, true, "over benchmarks of kernels", of_profile<F::generic, &P::work>},
    Parameter{"profile:generic", "launch", "1", 0.5, 0.05, 1.5, true, true, "of kernels' fixed times", of_profile<F::generic, &P::launch>},
    Parameter{"profile:generic", "step", "s", 0.0015, 1e-05, 0.03, true, true, "host, a step", of_profile<F::generic, &P::step>},
    Parameter{"profile:generic", "request", "s", 1e-05, 1e-07, 0.0003, true, true, "host, a step and request", of_profile<F::generic, &P::request>},
    Parameter{"profile:generic", "prefill", "1", 1, 0.2, 1.5, false, true, "of others' prefills", of_profile<F::generic, &P::prefill>},
    Parameter{"profile:generic", "prompt", "s", 0.02, 0.001, 0.2, true, true, "host, a prompt", of_profile<F::generic, &P::prompt>},
    Parameter{"profile:generic", "burst", "1", 0.1, 0.0001, 1, true, true, "prompts before one's own", of_profile<F::generic, &P::burst>},
    Parameter{"power", "idle", "1", 0.15, 0.05, 0.4, false, true, "of TDP, where none is stated", at<&E::power, &E::Power::idle>},
    Parameter{"power", "busy", "1", 0.3, 0, 1, false, true, "while kernels run", at<&E::power, &E::Power::busy>},
    Parameter{"power", "widen", "1", 0.1, 0, 1, false, true, "while weights are widened", at<&E::power, &E::Power::widen>},
    Parameter{"power", "memory", "1", 0.4, 0, 1, false, true, "at the memory's rate", at<&E::power, &E::Power::memory>},
    Parameter{"power", "compute", "1", 0.6, 0, 2, false, true, "at the peak rate", at<&E::power, &E::Power::compute>},
    Parameter{"power", "bend", "1", 0.5, 0.2, 1, false, true, "exponent of the share of the peak rate", at<&E::power, &E::Power::bend>},
};
// clang-format on

struct Reader {
  const CsvTable& table;
  Diagnostics findings;

  void report(const CsvRow& row, int column, std::string code, std::string message,
              std::string label, std::vector<std::string> help = {}) {
    Diagnostic diagnostic{.code = std::move(code),
                          .message = std::move(message),
                          .span = table.place(row, column),
                          .help = std::move(help)};
    diagnostic.span->label = std::move(label);
    findings.push_back(std::move(diagnostic));
  }
};

constexpr std::array<std::string_view, 10> kColumns{"scope", "name",  "value",    "low",    "high",
                                                    "unit",  "basis", "fit_rows", "source", "note"};

}  // namespace

std::span<const Parameter> parameters() { return kParameters; }

Efficiency unfitted() {
  Efficiency result;
  for (const Parameter& parameter : kParameters) {
    parameter.of(result) = parameter.start;
  }
  return result;
}

Result<Efficiency> load_efficiency(const std::string& path) {
  const auto read = read_csv(path);
  if (!read) {
    return fail(read);
  }
  const CsvTable& table = *read;
  Reader reader{.table = table, .findings = table.findings};
  std::array<int, kColumns.size()> columns{};
  for (std::size_t i = 0; i < kColumns.size(); ++i) {
    columns[i] = table.column(kColumns[i]);
    if (columns[i] < 0) {
      reader.report(table.header, 0, "E0301", fmt::format("column `{}` is missing", kColumns[i]),
                    "in the first line",
                    {fmt::format("the columns are {}", fmt::join(kColumns, ","))});
    }
  }
  if (!reader.findings.empty()) {
    return tl::unexpected(std::move(reader.findings));
  }
  Efficiency result = unfitted();
  std::vector<bool> seen(kParameters.size());
  for (const CsvRow& row : table.rows) {
    const auto text = [&](std::size_t column) {
      const auto index = static_cast<std::size_t>(columns[column]);
      return index < row.fields.size() ? trim(row.fields[index].text) : std::string_view{};
    };
    const auto* const found =
        std::find_if(kParameters.begin(), kParameters.end(), [&](const Parameter& parameter) {
          return parameter.scope == text(0) && parameter.name == text(1);
        });
    if (found == kParameters.end()) {
      reader.report(row, columns[1], "E0302",
                    fmt::format("there is no parameter `{}` of scope `{}`", text(1), text(0)),
                    "unknown", {"`churon validate --fit` writes a table of all parameters"});
      continue;
    }
    const auto index = static_cast<std::size_t>(found - kParameters.begin());
    if (seen[index]) {
      reader.report(row, columns[1], "E0303",
                    fmt::format("`{}` of scope `{}` is given twice", text(1), text(0)), "again");
      continue;
    }
    seen[index] = true;
    if (text(5) != found->unit) {
      reader.report(row, columns[5], "E0304",
                    fmt::format("`{}` is in the unit `{}`", found->name, found->unit),
                    "another unit");
      continue;
    }
    const auto value = parse_number(text(2));
    if (!value || *value < found->low || *value > found->high) {
      reader.report(row, columns[2], "E0305",
                    fmt::format("`{}` is not a value of `{}`", text(2), found->name),
                    "not a number of the range",
                    {fmt::format("it lies between {} and {}{}", found->low, found->high,
                                 found->unit == "1" ? "" : fmt::format(" {}", found->unit))});
      continue;
    }
    found->of(result) = *value;
  }
  if (!reader.findings.empty()) {
    return tl::unexpected(std::move(reader.findings));
  }
  return result;
}

Result<Efficiency> shipped_efficiency() {
  return load_efficiency(data_path("data/efficiency.csv"));
}

}  // namespace churon::estimate
