#include "report/run_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <tuple>

#include "base/text.h"

namespace churon::report {

namespace {

using estimate::EnergyModel;
using estimate::Limit;
using evaluate::Evaluation;

constexpr int kWidth = 72;
constexpr int kBarWidth = 24;
// Smaller parts of a bar are left out.
constexpr double kVisibleShare = 0.005;
// From this share of fixed time on, the chip waits more than it works.
constexpr double kMostlyFixed = 0.5;

std::vector<Part> limit_parts(const evaluate::Phase& phase) {
  std::vector<Part> parts;
  for (const Limit limit : {Limit::compute, Limit::memory, Limit::vector, Limit::fixed}) {
    parts.push_back(
        {estimate::name(limit), phase.total.by_limit[static_cast<std::size_t>(limit)].value()});
  }
  return parts;
}

double share(const evaluate::Phase& phase, Limit limit) {
  return phase.total.by_limit[static_cast<std::size_t>(limit)] / phase.total.expected;
}

Limit largest_limit(const evaluate::Phase& phase) {
  const auto& parts = phase.total.by_limit;
  return static_cast<Limit>(std::max_element(parts.begin(), parts.end()) - parts.begin());
}

// What the numbers of a chip rest on.
std::string_view basis(const Evaluation& chip) {
  return chip.kind == chip::Kind::opaque ? "datasheet" : "description";
}

std::string_view energy_basis(EnergyModel model) {
  switch (model) {
    case EnergyModel::actions:
      return "sum of its actions";
    case EnergyModel::power:
      return "73.5 % of TDP while busy";
    case EnergyModel::power_guess:
      return "TDP not stated, guessed at 0.4 W/TOPS; busy 73.5 % of it";
  }
  return "";
}

void append_chip(std::string& out, const RunRecord& record, Charset charset) {
  const Evaluation& chip = record.chips.front();
  const auto& workload = chip.workload;
  out += fmt::format("{}: simulated, {}, not yet validated; {} derates{}\n",
                     escape_control(chip.chip_name), evaluate::name(chip.fidelity), chip.derate,
                     workload.batch > 1 ? fmt::format("; {} users at once", workload.batch) : "");
  Table table({Align::left, Align::right, Align::left});
  const auto bound = [&](Seconds time) { return fmt::format("at best {}", text(time, charset)); };
  table.row({"first token", text(chip.ttft, charset), bound(chip.ttft_bound)});
  table.row({"per token", text(chip.tpot, charset), bound(chip.tpot_bound)});
  table.row(
      {"speed", fmt::format("{} tok/s", number(chip.tokens_per_s)),
       workload.batch > 1 ? fmt::format("{} tok/s a user", number(1 / chip.tpot.value())) : ""});
  table.row({"energy", text(chip.energy_per_token, charset) + "/token",
             std::string(energy_basis(chip.energy_model))});
  table.row({"memory traffic", text(chip.memory_per_token, charset) + "/token",
             fmt::format("weights {}, cache {} of {}", text(chip.footprint.weights, charset),
                         text(chip.footprint.kv_per_sequence * static_cast<double>(workload.batch),
                              charset),
                         text(chip.footprint.capacity, charset))});
  out += table.text("  ");
  for (const auto& [label, phase] :
       {std::pair{"prompt", &chip.prefill}, std::pair{"tokens", &chip.decode}}) {
    auto parts = limit_parts(*phase);
    for (Part& part : parts) {
      part.value = part.value < kVisibleShare * phase->total.expected.value() ? 0 : part.value;
    }
    out += fmt::format("  time of {}  {}  {}\n", label, bar(parts, kBarWidth, charset),
                       bar_legend(parts, charset));
  }
  if (share(chip.decode, Limit::fixed) > kMostlyFixed && workload.batch == 1) {
    out +=
        "  A model this small leaves the chip waiting for fixed times; --sim-batch 64 shows it\n"
        "  with 64 users.\n";
  }
}

void append_host(std::string& out, const RunRecord& record) {
  const HostSpeed& host = record.host;
  out += fmt::format("this machine: prompt {} tok/s", number(host.prefill_tokens_per_s()));
  if (host.decode_tokens > 0) {
    out += fmt::format(", tokens {} tok/s", number(host.decode_tokens_per_s()));
  }
  out += fmt::format(" ({}, {} kernels)\n", counted(host.threads, "thread"), host.kernels);
}

// Tensors that took the same way, together.
struct TranscodingGroup {
  int count = 0;
  double noise_db_worst = 0;
  std::uint64_t bytes_in_file = 0, bytes_on_chip = 0;
};

void append_transcodings(std::string& out, const RunRecord& record, Charset charset) {
  if (record.transcodings.empty()) {
    return;
  }
  std::map<std::tuple<numeric::TensorType, numeric::BlockFormat, bool>, TranscodingGroup> groups;
  for (const exec::Transcoding& one : record.transcodings) {
    TranscodingGroup& group = groups[{one.from, one.to, one.exact}];
    group.noise_db_worst = group.count == 0
                               ? one.signal_to_noise_db
                               : std::min(group.noise_db_worst, one.signal_to_noise_db);
    ++group.count;
    group.bytes_in_file += one.bytes_in_file;
    group.bytes_on_chip += one.bytes_on_chip;
  }
  out += "transcoded for the chip:\n";
  Table table({Align::left, Align::left, Align::right, Align::left});
  for (const auto& [key, group] : groups) {
    const auto& [from, to, exact] = key;
    table.row({fmt::format("{} {} {}", to_lower_ascii(numeric::info(from).name),
                           charset == Charset::unicode ? "→" : "->", numeric::info(to).name),
               exact ? "exact" : fmt::format("{:.1f} dB at worst", group.noise_db_worst),
               counted(group.count, "tensor"),
               fmt::format("{} in the file, {} on the chip",
                           text(Bytes{static_cast<double>(group.bytes_in_file)}, charset),
                           text(Bytes{static_cast<double>(group.bytes_on_chip)}, charset))});
  }
  out += table.text("  ");
}

void append_comparison(std::string& out, const RunRecord& record, Charset charset) {
  if (record.chips.size() < 2 && record.misfits.empty()) {
    return;
  }
  out += "the same run on other chips:\n";
  Table table({Align::left, Align::right, Align::right, Align::right, Align::right, Align::left,
               Align::left});
  table.row({"chip", "first token", "per token", "tok/s", "energy", "limit", "numbers"});
  for (const Evaluation& chip : record.chips) {
    const Limit limit = largest_limit(chip.decode);
    table.row({escape_control(chip.chip_id), text(chip.ttft, charset), text(chip.tpot, charset),
               number(chip.tokens_per_s), text(chip.energy_per_token, charset),
               fmt::format("{} {}", estimate::name(limit), percent(share(chip.decode, limit))),
               fmt::format("{}, {}", basis(chip), chip.derate)});
  }
  out += table.text("  ");
  const auto is_bought = [](const Evaluation& chip) { return chip.kind == chip::Kind::opaque; };
  if (std::any_of(record.chips.begin(), record.chips.end(), is_bought)) {
    out += "  datasheet: the maker's peak rates, derated; energy from TDP, not from actions\n";
  }
  for (const Misfit& misfit : record.misfits) {
    out += fmt::format("  {}: {}\n", escape_control(misfit.chip),
                       escape_control(misfit.reasons.front().message));
  }
}

std::string_view finish_words(const std::string& reason) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 5> meanings{{
      {"stop", "the model ended its text"},
      {"stop_string", "a stop string was found"},
      {"length", "as many as asked for"},
      {"context_full", "the context is full: -c makes it larger"},
      {"interrupted", "interrupted"},
  }};
  for (const auto& [name, words] : meanings) {
    if (name == reason) {
      return words;
    }
  }
  return reason;
}

Json phase_json(const evaluate::Phase& phase) {
  Json json;
  json["step_count"] = phase.steps;
  json["time_s"] = phase.total.expected.value();
  json["bound_s"] = phase.total.bound.value();
  Json limits;
  for (const Part& part : limit_parts(phase)) {
    limits[fmt::format("{}_s", part.name)] = part.value;
  }
  json["limits"] = limits;
  Json operators;
  for (std::size_t i = 0; i < estimate::kOpKindCount; ++i) {
    const double time = phase.total.by_kind[i].value();
    if (time > 0) {
      operators[fmt::format("{}_s", graph::name(static_cast<graph::OpKind>(i)))] = time;
    }
  }
  json["operators"] = operators;
  Json activity;
  for (const stats::ActionEntry& entry : stats::actions()) {
    activity[std::string(entry.name)] = phase.total.activity[entry.action];
  }
  json["activity"] = activity;
  json["energy_j"] = phase.energy.value();
  return json;
}

Json chip_json(const Evaluation& chip) {
  Json json;
  json["chip"] = chip.chip_id;
  json["chip_name"] = chip.chip_name;
  json["chip_digest"] = chip.chip_digest;
  json["fidelity"] = evaluate::name(chip.fidelity);
  json["validated"] = false;
  json["basis"] = basis(chip);
  json["derate"] = chip.derate;
  json["batch"] = chip.workload.batch;
  json["ttft_s"] = chip.ttft.value();
  json["ttft_bound_s"] = chip.ttft_bound.value();
  json["tpot_s"] = chip.tpot.value();
  json["tpot_bound_s"] = chip.tpot_bound.value();
  json["tokens_per_s"] = chip.tokens_per_s;
  json["energy_per_token_j"] = chip.energy_per_token.value();
  json["energy_basis"] = energy_basis(chip.energy_model);
  json["memory_per_token_bytes"] = chip.memory_per_token.value();
  json["weights_bytes"] = chip.footprint.weights.value();
  json["kv_per_sequence_bytes"] = chip.footprint.kv_per_sequence.value();
  json["capacity_bytes"] = chip.footprint.capacity.value();
  json["prefill"] = phase_json(chip.prefill);
  json["decode"] = phase_json(chip.decode);
  return json;
}

Json transcodings_json(const RunRecord& record) {
  Json list = Json::array();
  for (const exec::Transcoding& one : record.transcodings) {
    Json json;
    json["tensor"] = one.tensor;
    json["from"] = to_lower_ascii(numeric::info(one.from).name);
    json["to"] = numeric::info(one.to).name;
    json["exact"] = one.exact;
    json["signal_to_noise_db"] = one.exact ? Json() : Json(one.signal_to_noise_db);
    json["in_file_bytes"] = one.bytes_in_file;
    json["on_chip_bytes"] = one.bytes_on_chip;
    list.push_back(std::move(json));
  }
  return list;
}

Json log_probabilities_json(const RunRecord& record) {
  Json list = Json::array();
  for (const exec::GeneratedToken& token : record.log_probabilities) {
    Json best = Json::array();
    for (const exec::LogProbability& one : token.alternatives) {
      best.push_back({{"id", one.id}, {"logprob", one.log_probability}});
    }
    list.push_back({{"id", token.id}, {"logprob", token.log_probability}, {"top", best}});
  }
  return list;
}

}  // namespace

double HostSpeed::prefill_tokens_per_s() const {
  return prefill_time.value() > 0 ? static_cast<double>(prefill_tokens) / prefill_time.value() : 0;
}
double HostSpeed::decode_tokens_per_s() const {
  return decode_time.value() > 0 ? static_cast<double>(decode_tokens) / decode_time.value() : 0;
}

std::string run_text(const RunRecord& record, Charset charset) {
  std::string out = rule(kWidth, charset) + "\n";
  out += fmt::format("{}; {} in the prompt, {} generated: {}\n", escape_control(record.model_name),
                     counted(static_cast<long long>(record.prompt_ids.size()), "token"),
                     record.ids.size(), finish_words(record.finish_reason));
  if (record.arithmetic == exec::Arithmetic::f32) {
    out += "values: FP32 reference (--arith f32), not what the chip computes\n";
  } else if (record.kv_format == "f32" || record.kv_format == "bf16") {
    out += fmt::format("values: cache in {} (--kv), for comparison on this machine\n",
                       record.kv_format);
  }
  if (!record.chips.empty()) {
    append_chip(out, record, charset);
  }
  append_host(out, record);
  append_transcodings(out, record, charset);
  append_comparison(out, record, charset);
  return out;
}

Json run_json(const RunRecord& record) {
  Json json = json_document("run");
  json["model"] = record.model_name;
  json["model_path"] = record.model_path;
  json["model_digest"] = record.model_digest;
  json["model_file_bytes"] = record.model_file_bytes;
  json["prompt_ids"] = record.prompt_ids;
  json["ids"] = record.ids;
  json["text"] = to_valid_utf8(record.text);
  if (!is_valid_utf8(record.text)) {
    json["text_base64"] = base64(record.text);
  }
  json["finish_reason"] = record.finish_reason;
  if (record.stop_string) {
    json["stop_string"] = *record.stop_string;
  }
  json["arithmetic"] = record.arithmetic == exec::Arithmetic::f32 ? "f32" : "datapath";
  json["kv"] = record.kv_format;
  json["context"] = record.context;
  json["seed"] = record.seed;
  json["greedy"] = record.greedy;
  json["threads"] = record.host.threads;
  json["kernels"] = record.host.kernels;
  json["host_load_s"] = record.host.load_time.value();
  json["host_weight_bytes"] = record.host.weight_bytes;
  json["host_kv_bytes"] = record.host.kv_bytes;
  json["host_prefill_s"] = record.host.prefill_time.value();
  json["host_decode_s"] = record.host.decode_time.value();
  json["host_prefill_tok_s"] = record.host.prefill_tokens_per_s();
  json["host_decode_tok_s"] = record.host.decode_tokens_per_s();
  if (!record.chips.empty()) {
    json.update(chip_json(record.chips.front()));
  }
  json["transcodings"] = transcodings_json(record);
  if (!record.log_probabilities.empty()) {
    json["logprobs"] = log_probabilities_json(record);
  }
  Json others = Json::array();
  for (std::size_t i = 1; i < record.chips.size(); ++i) {
    others.push_back(chip_json(record.chips[i]));
  }
  for (const Misfit& misfit : record.misfits) {
    others.push_back({{"chip", misfit.chip}, {"error", misfit.reasons.front().message}});
  }
  json["compare"] = others;
  json["definitions"] = {
      {"ttft_s", "arrival of the prompts to the first token of the last user"},
      {"tpot_s", "mean time between tokens of a user after the first, context growing"},
      {"tokens_per_s", "batch / tpot_s"},
      {"energy_per_token_j", "energy of the chip in decode / tokens made there"},
      {"memory_per_token_bytes", "memory traffic of the chip in decode / tokens made there"}};
  return json;
}

}  // namespace churon::report
