#include "evaluate/measured_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/text.h"

namespace churon::evaluate {

using estimate::Framework;

namespace {

// --- metrics and units --------------------------------------------------------------------------

constexpr std::array kMetrics{
    MetricRow{Metric::kernel_time, "kernel_time", Kind::time},
    MetricRow{Metric::achieved, "achieved", Kind::rate},
    MetricRow{Metric::ttft, "TTFT", Kind::time},
    MetricRow{Metric::tpot, "TPOT", Kind::time},
    MetricRow{Metric::itl_median, "ITL_median", Kind::time},
    MetricRow{Metric::batch_latency, "batch_latency", Kind::time},
    MetricRow{Metric::throughput, "output_throughput_total", Kind::throughput},
    MetricRow{Metric::throughput_per_chip, "output_throughput_per_chip", Kind::throughput},
    MetricRow{Metric::throughput_per_chip, "output_throughput_per_gpu", Kind::throughput},
    MetricRow{Metric::average_power, "avg_power", Kind::power},
    MetricRow{Metric::energy_per_token, "energy_per_output_token", Kind::energy},
    MetricRow{Metric::element_rate, "element_rate", Kind::elements},
};

constexpr std::array kUnits{
    UnitRow{"s", Kind::time, 1},
    UnitRow{"ms", Kind::time, 1e-3},
    UnitRow{"us", Kind::time, 1e-6},
    UnitRow{"µs", Kind::time, 1e-6},
    UnitRow{"ns", Kind::time, 1e-9},
    UnitRow{"tflop/s", Kind::rate, 1e12},
    UnitRow{"tflops", Kind::rate, 1e12},
    UnitRow{"gflop/s", Kind::rate, 1e9},
    UnitRow{"pflop/s", Kind::rate, 1e15},
    UnitRow{"tops", Kind::rate, 1e12},
    UnitRow{"gb/s", Kind::rate, 1e9, true},
    UnitRow{"tb/s", Kind::rate, 1e12, true},
    UnitRow{"mb/s", Kind::rate, 1e6, true},
    UnitRow{"tok/s", Kind::throughput, 1},
    UnitRow{"tokens/s", Kind::throughput, 1},
    UnitRow{"w", Kind::power, 1},
    UnitRow{"kw", Kind::power, 1e3},
    UnitRow{"j", Kind::energy, 1},
    UnitRow{"mj", Kind::energy, 1e-3},
    UnitRow{"j/token", Kind::energy, 1},
    UnitRow{"gelem/s", Kind::elements, 1e9},
};

// --- operators ----------------------------------------------------------------------------------

constexpr std::array kOperators{
    OperatorRow{"gemm", Operator::gemm},
    OperatorRow{"gemm best shape", Operator::gemm},
    OperatorRow{"matmul", Operator::gemm},
    OperatorRow{"attention_prefill", Operator::attention_prefill},
    OperatorRow{"attention_decode", Operator::attention_decode},
    OperatorRow{"moe_ffn", Operator::experts},
    OperatorRow{"all_reduce", Operator::all_reduce},
    OperatorRow{"allreduce", Operator::all_reduce},
    OperatorRow{"custom_all_reduce", Operator::all_reduce},
    OperatorRow{"all_gather", Operator::all_gather},
    OperatorRow{"allgather", Operator::all_gather},
    OperatorRow{"reduce_scatter", Operator::reduce_scatter},
    OperatorRow{"alltoall", Operator::all_to_all},
    OperatorRow{"all_to_all", Operator::all_to_all},
    OperatorRow{"hbm_copy", Operator::memory_copy},
    OperatorRow{"softmax", Operator::elementwise},
    OperatorRow{"layernorm", Operator::elementwise},
    OperatorRow{"rmsnorm", Operator::elementwise},
    OperatorRow{"gelu", Operator::elementwise},
};

// --- frameworks ---------------------------------------------------------------------------------

// The first that the name contains.
constexpr std::array kFrameworks{
    FrameworkRow{"trtllm", "TensorRT-LLM", Framework::tensorrt_llm},
    FrameworkRow{"trt-llm", "TensorRT-LLM", Framework::tensorrt_llm},
    FrameworkRow{"tensorrt", "TensorRT-LLM", Framework::tensorrt_llm},
    FrameworkRow{"vllm", "vLLM", Framework::vllm},
    FrameworkRow{"sglang", "SGLang", Framework::sglang},
    FrameworkRow{"deepspeed", "DeepSpeed", Framework::static_batch},
    FrameworkRow{"neuronx", "NeuronX", Framework::generic},
    FrameworkRow{"nxd", "NeuronX", Framework::generic},
    FrameworkRow{"static", "static batch", Framework::static_batch},
    FrameworkRow{"rccl", "RCCL", Framework::generic},
    FrameworkRow{"nccl", "NCCL", Framework::generic},
    FrameworkRow{"pytorch", "PyTorch", Framework::generic},
    FrameworkRow{"jax", "JAX", Framework::generic},
};

// Sizes that notes state; other numbers there are for people.
constexpr std::array<std::string_view, 14> kSizeNames{
    "m",        "n",      "k",     "heads", "kv_heads", "head_dim", "bytes",
    "elements", "hidden", "inter", "topk",  "experts",  "moe_ep",   "moe_tp"};

// --- numbers and notes --------------------------------------------------------------------------

std::optional<double> number(std::string_view text) { return parse_number(trim(text)); }

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

}  // namespace

const MetricRow* find_metric(std::string_view name) {
  const std::string wanted = to_lower_ascii(name);
  const auto* const found =
      std::find_if(kMetrics.begin(), kMetrics.end(),
                   [&](const MetricRow& row) { return to_lower_ascii(row.name) == wanted; });
  return found == kMetrics.end() ? nullptr : found;
}

std::vector<std::string> metric_names() {
  std::vector<std::string> names;
  for (const MetricRow& row : kMetrics) {
    names.emplace_back(row.name);
  }
  return names;
}

const UnitRow* find_unit(Kind kind, std::string_view unit) {
  const std::string wanted = to_lower_ascii(unit);
  const auto* const found = std::find_if(kUnits.begin(), kUnits.end(), [&](const UnitRow& row) {
    return row.kind == kind && row.unit == wanted;
  });
  return found == kUnits.end() ? nullptr : found;
}

std::vector<std::string> units_of(Kind kind) {
  std::vector<std::string> units;
  for (const UnitRow& row : kUnits) {
    if (row.kind == kind) {
      units.emplace_back(row.unit);
    }
  }
  return units;
}

const OperatorRow* find_operator(std::string_view name) {
  const std::string wanted = to_lower_ascii(name);
  const auto* const found =
      std::find_if(kOperators.begin(), kOperators.end(),
                   [&](const OperatorRow& row) { return row.name == wanted; });
  return found == kOperators.end() ? nullptr : found;
}

const FrameworkRow* framework_row(std::string_view framework) {
  const std::string wanted = to_lower_ascii(framework);
  for (const FrameworkRow& row : kFrameworks) {
    if (wanted.find(row.part) != std::string::npos) {
      return &row;
    }
  }
  return nullptr;
}

std::vector<Dimension> dimensions(std::string_view note) {
  std::vector<Dimension> found;
  const auto add = [&](std::string name, double value) {
    if (std::none_of(found.begin(), found.end(),
                     [&](const Dimension& known) { return known.name == name; })) {
      found.push_back({std::move(name), value});
    }
  };
  std::vector<std::string> waiting;  // names of a chain before their number
  for (std::size_t at = note.find('='); at != std::string_view::npos; at = note.find('=', at + 1)) {
    std::size_t begin = at;
    while (begin > 0 && is_word(note[begin - 1])) {
      --begin;
    }
    waiting.push_back(to_lower_ascii(note.substr(begin, at - begin)));
    const std::size_t next = at + 1;
    const std::size_t digits = next < note.size() && note[next] == '-' ? next + 1 : next;
    const bool is_number = digits < note.size() && note[digits] >= '0' && note[digits] <= '9';
    if (!is_number) {
      std::size_t end = next;
      while (end < note.size() && is_word(note[end])) {
        ++end;
      }
      if (end >= note.size() || note[end] != '=') {
        waiting.clear();  // a text, not a number
      }
      continue;
    }
    std::size_t end = std::min(note.find_first_not_of("0123456789.xeE+", digits), note.size());
    const std::string_view value = note.substr(next, end - next);
    if (waiting.size() == 1 && waiting.front() == "mxnxk") {
      const auto parts = split(value, 'x');
      static constexpr std::array<std::string_view, 3> kNames{"m", "n", "k"};
      for (std::size_t i = 0; i < kNames.size() && parts.size() == kNames.size(); ++i) {
        if (const auto part = number(parts[i])) {
          add(std::string(kNames[i]), *part);
        }
      }
    } else if (const auto parsed = number(value)) {
      for (std::string& name : waiting) {
        add(std::move(name), *parsed);
      }
    }
    waiting.clear();
  }
  return found;
}

bool is_size(std::string_view dimension) {
  return std::find(kSizeNames.begin(), kSizeNames.end(), dimension) != kSizeNames.end();
}

std::optional<double> routing_exponent(std::string_view note) {
  constexpr std::string_view kPowerLaw = "routing=power_law_";
  if (const std::size_t at = note.find(kPowerLaw); at != std::string_view::npos) {
    const std::string_view rest = note.substr(at + kPowerLaw.size());
    return number(rest.substr(0, std::min(rest.find_first_not_of("0123456789."), rest.size())));
  }
  const bool even = note.find("routing=uniform") != std::string_view::npos ||
                    note.find("routing=balanced") != std::string_view::npos;
  return even ? std::optional(0.0) : std::nullopt;
}

std::string task(std::string_view note) {
  constexpr std::string_view kKey = "task=";
  const std::size_t at = note.find(kKey);
  if (at == std::string_view::npos) {
    return "";
  }
  const std::size_t begin = at + kKey.size();
  return std::string(
      trim(note.substr(begin, std::min(note.find_first_of(";,", begin), note.size()) - begin)));
}

// --- names --------------------------------------------------------------------------------------

std::string_view name(Grade grade) {
  switch (grade) {
    case Grade::a:
      return "A";
    case Grade::b:
      return "B";
    case Grade::c:
      return "C";
  }
  return "";
}

std::string_view name(Metric metric) {
  const auto row = std::find_if(kMetrics.begin(), kMetrics.end(),
                                [&](const MetricRow& entry) { return entry.metric == metric; });
  check(row != kMetrics.end());
  return row->name;
}

std::string text(Metric metric, double value) {
  const auto row = std::find_if(kMetrics.begin(), kMetrics.end(),
                                [&](const MetricRow& entry) { return entry.metric == metric; });
  check(row != kMetrics.end());
  switch (row->kind) {
    case Kind::time:
      return value >= 1      ? fmt::format("{:.4g} s", value)
             : value >= 1e-3 ? fmt::format("{:.3g} ms", value * 1e3)
                             : fmt::format("{:.3g} us", value * 1e6);
    case Kind::rate:
      return fmt::format("{:.3g} T/s", value / 1e12);
    case Kind::throughput:
      return fmt::format("{:.4g} tok/s", value);
    case Kind::power:
      return fmt::format("{:.4g} W", value);
    case Kind::energy:
      return fmt::format("{:.3g} J", value);
    case Kind::elements:
      return fmt::format("{:.3g} Gelem/s", value / 1e9);
  }
  return "";
}

std::string_view name(Operator op) {
  switch (op) {
    case Operator::gemm:
      return "gemm";
    case Operator::attention_prefill:
      return "attention_prefill";
    case Operator::attention_decode:
      return "attention_decode";
    case Operator::experts:
      return "moe_ffn";
    case Operator::all_reduce:
      return "all_reduce";
    case Operator::all_gather:
      return "all_gather";
    case Operator::reduce_scatter:
      return "reduce_scatter";
    case Operator::all_to_all:
      return "all_to_all";
    case Operator::memory_copy:
      return "hbm_copy";
    case Operator::elementwise:
      return "elementwise";
  }
  return "";
}

bool is_collective(Operator op) {
  switch (op) {
    case Operator::all_reduce:
    case Operator::all_gather:
    case Operator::reduce_scatter:
    case Operator::all_to_all:
      return true;
    case Operator::gemm:
    case Operator::attention_prefill:
    case Operator::attention_decode:
    case Operator::experts:
    case Operator::memory_copy:
    case Operator::elementwise:
      return false;
  }
  return false;
}

std::string framework_family(std::string_view framework) {
  if (const FrameworkRow* row = framework_row(framework)) {
    return std::string(row->family);
  }
  // The first word: "MyServer 1.2 (2025)" is MyServer.
  const std::string_view word = split(trim(framework), ' ').front();
  return word.empty() ? "not stated" : std::string(word);
}

std::span<const TaskAssumption> task_assumptions() {
  static constexpr std::array kTasks{
      TaskAssumption{"lm-arena-chat", 150, 0, "one turn of a chat: a short question"},
      TaskAssumption{"gpqa", 300, 0, "a question with four answers and what to do with them"},
      TaskAssumption{"gpqa-diamond", 300, 0, "as gpqa"},
      TaskAssumption{"sourcegraph-fim", 1000, 0, "the code around a gap"},
  };
  return kTasks;
}

std::optional<double> MeasuredRow::dimension(std::string_view wanted) const {
  for (const Dimension& entry : dimensions) {
    if (entry.name == wanted) {
      return entry.value;
    }
  }
  return std::nullopt;
}

}  // namespace churon::evaluate
