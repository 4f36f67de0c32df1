#include "report/estimate_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "report/definitions.h"

namespace churon::report {

namespace {

using estimate::Limit;
using evaluate::ErrorBand;
using evaluate::OperatorLine;
using evaluate::ServingEstimate;
using evaluate::ServingQuestion;

constexpr int kBarWidth = 32;
// Operators of a smaller share of a step stand together in one line.
constexpr double kVisibleShare = 0.005;

std::string model_name(const model::Hyperparameters& model) { return escape_control(model.name); }

std::string band_text(double value, const ErrorBand& band, std::string_view unit, Charset charset) {
  return band.is_known() ? fmt::format("{} .. {}", si(value * band.p10, unit, charset),
                                       si(value * band.p90, unit, charset))
                         : "-";
}

Json band_json(double value, const ErrorBand& band) {
  if (!band.is_known()) {
    return nullptr;
  }
  return {{"p10", value * band.p10},
          {"p90", value * band.p90},
          {"groups", band.groups},
          {"rows", band.rows},
          {"source", band.source}};
}

Json positive_or_null(double value) { return value > 0 ? Json(value) : Json(nullptr); }

// The four largest of compute, memory, vector, link and fixed: as many as a bar has shades.
std::vector<Part> limit_parts(const std::array<double, estimate::kLimitCount>& limits) {
  std::vector<Part> parts;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    parts.push_back({estimate::name(static_cast<Limit>(i)), limits[i]});
  }
  const auto smallest = std::min_element(
      parts.begin(), parts.end(), [](const Part& a, const Part& b) { return a.value < b.value; });
  parts.erase(smallest);
  return parts;
}

std::string support_text(const evaluate::Support& support) {
  switch (support.basis) {
    case evaluate::Basis::design:
      return "design: nothing was built; achieved shares are those of the derate set";
    case evaluate::Basis::datasheet:
      return "datasheet: no row of this chip was measured; achieved shares are those of others";
    case evaluate::Basis::calibrated:
      return fmt::format("calibrated: {} measured rows of this chip, none with this model",
                         support.chip_rows);
    case evaluate::Basis::measured: {
      std::string files;
      for (const evaluate::SupportingFile& file : support.files) {
        files += fmt::format("{}{} ({})", files.empty() ? "" : ", ", file.file, file.rows);
      }
      return "calibrated; measured rows of this chip with this model: " + files;
    }
  }
  return "";
}

std::string energy_note(const ServingEstimate& estimate) {
  return estimate.power_is_guess ? "TDP not stated: no power" : "chips alone";
}

std::string per_peak(double done, double seconds, double peak) {
  return peak > 0 && done > 0 && seconds > 0 ? percent(done / seconds / peak) : "-";
}

std::string operators_text(const std::vector<OperatorLine>& operators,
                           const estimate::StepTime& step, double peak, double bandwidth,
                           bool is_own, Charset charset) {
  Table table({Align::left, Align::right, Align::right, Align::right, Align::left, Align::right,
               Align::right});
  table.row({"operator", "count", "time of all", "share", "limit", "of peak", "of bandwidth"});
  double rest = 0;
  int rest_count = 0;
  double listed = 0;
  for (const OperatorLine& op : operators) {
    const double time = op.count * op.price.expected_s;
    listed += time;
    if (time < kVisibleShare * step.expected_s) {
      rest += time;
      ++rest_count;
      continue;
    }
    table.row({escape_control(op.name), fmt::format("{:.0f}", op.count), si(time, "s", charset),
               percent(time / step.expected_s), std::string(estimate::name(op.price.limit)),
               per_peak(op.price.operations, op.price.expected_s, peak),
               per_peak(op.price.bytes, op.price.expected_s, bandwidth)});
  }
  if (rest_count > 0) {
    table.row({counted(rest_count, "smaller one"), "", si(rest, "s", charset),
               percent(rest / step.expected_s), "", "", ""});
  }
  // Graph capture hides a part of the fixed times, the host adds its own.
  const double host = step.expected_s - listed;
  table.row({is_own     ? "layers and host"
             : host < 0 ? "fixed times hidden by graph capture, less the host's"
                        : "host, less fixed times hidden by graph capture",
             "", si(host, "s", charset),
             fmt::format("{}{}", host < 0 ? "-" : "", percent(std::abs(host) / step.expected_s)),
             "", "", ""});
  return table.text("    ");
}

Json operators_json(const std::vector<OperatorLine>& operators) {
  Json list = Json::array();
  for (const OperatorLine& op : operators) {
    list.push_back({{"name", op.name},
                    {"count", op.count},
                    {"time_s", op.count * op.price.expected_s},
                    {"bound_s", op.count * op.price.bound_s},
                    {"limit", estimate::name(op.price.limit)},
                    {"compute_s", op.count * op.price.compute_s},
                    {"memory_s", op.count * op.price.memory_s},
                    {"vector_s", op.count * op.price.vector_s},
                    {"link_s", op.count * op.price.link_s},
                    {"fixed_s", op.count * op.price.fixed_s},
                    {"operations", op.count * op.price.operations},
                    {"memory_bytes", op.count * op.price.bytes},
                    {"link_bytes", op.count * op.price.link_bytes}});
  }
  return list;
}

Json limits_json(const std::array<double, estimate::kLimitCount>& limits) {
  Json json;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    json[fmt::format("{}_s", estimate::name(static_cast<Limit>(i)))] = limits[i];
  }
  return json;
}

double weight_peak(const ServingQuestion& question, const estimate::Figures& figures) {
  return figures.peak(question.weights->rate);
}

void add_points(Roofline& roofline, const std::vector<OperatorLine>& operators,
                std::string_view phase) {
  // Of operators of one name the one that takes most; the largest first, so that letters and labels
  // go to what matters.
  const auto time = [](const OperatorLine& op) { return op.count * op.price.expected_s; };
  std::vector<const OperatorLine*> order;
  for (const OperatorLine& op : operators) {
    if (op.price.operations <= 0 || op.price.bytes <= 0) {
      continue;
    }
    const auto same = std::find_if(order.begin(), order.end(), [&](const OperatorLine* known) {
      return known->name == op.name;
    });
    if (same == order.end()) {
      order.push_back(&op);
    } else if (time(op) > time(**same)) {
      *same = &op;
    }
  }
  std::stable_sort(order.begin(), order.end(), [&](const OperatorLine* a, const OperatorLine* b) {
    return time(*a) > time(*b);
  });
  for (const OperatorLine* op : order) {
    roofline.points.push_back({.name = op->name,
                               .phase = std::string(phase),
                               .intensity = op->price.operations / op->price.bytes,
                               .operations_per_s = op->price.operations / op->price.expected_s});
  }
}

std::vector<Roof> roofs(const estimate::Figures& figures) {
  std::vector<Roof> list;
  for (const estimate::Rate rate :
       {estimate::Rate::fp4, estimate::Rate::fp8, estimate::Rate::int8, estimate::Rate::bf16}) {
    const double peak = figures.peak_ops[static_cast<std::size_t>(rate)];
    const auto same = std::find_if(list.begin(), list.end(),
                                   [&](const Roof& roof) { return roof.operations_per_s == peak; });
    if (peak > 0 && same != list.end()) {
      same->name += fmt::format(", {}", estimate::name(rate));
    } else if (peak > 0) {
      list.push_back({std::string(estimate::name(rate)), peak});
    }
  }
  return list;
}

std::string reason(const Diagnostics& diagnostics) {
  return diagnostics.empty() ? "" : escape_control(diagnostics.front().message);
}

// Those that decode, and after a plus those that prefill.
std::string chip_count_text(const estimate::Served& served) {
  const std::string decode = fmt::format("{:.0f}", served.chips - served.prefill_chips);
  return served.prefill_chips > 0 ? fmt::format("({} + {})", decode, number(served.prefill_chips))
                                  : decode;
}

std::string first_token_text(const estimate::FirstToken& first, Charset charset) {
  std::string text;
  for (const estimate::FirstTokenPart& part : estimate::kFirstTokenParts) {
    if (const double seconds = first.*part.seconds; seconds > 0) {
      text +=
          fmt::format("{}{} {}", text.empty() ? "" : " + ", part.name, si(seconds, "s", charset));
    }
  }
  return text;
}

Json first_token_json(const estimate::FirstToken& first) {
  Json json;
  for (const estimate::FirstTokenPart& part : estimate::kFirstTokenParts) {
    json[fmt::format("{}_s", part.key)] = first.*part.seconds;
  }
  return json;
}

std::string value_text(double value) { return fmt::format("{:.0f}", value); }

}  // namespace

std::string transfer_text(const estimate::KvTransfer& transfer, Charset charset) {
  return transfer.bytes > 0
             ? fmt::format("{} of {} a chip, {} link", si(transfer.seconds, "s", charset),
                           si(transfer.bytes, "B", charset), transfer.link())
             : "-";
}

Json kv_transfer_json(const estimate::Served& served) {
  const estimate::KvTransfer& transfer = served.transfer;
  if (transfer.bytes <= 0) {
    return nullptr;
  }
  return {{"per_chip_bytes", transfer.bytes},
          {"time_s", transfer.seconds},
          {"link", transfer.link()},
          {"link_bytes_per_s", transfer.bytes_per_s}};
}

std::string serving_text(const ServingQuestion& question, const ServingEstimate& estimate,
                         Charset charset) {
  const estimate::Load& load = question.load;
  const estimate::Served& served = estimate.served;
  const auto figures = estimate::figures(*question.chip, question.derate);
  std::string out =
      fmt::format("{} on {} x {} ({}{}): {:.0f} requests at once, {:.0f} tokens in, {:.0f} out\n",
                  model_name(*question.model), chip_count_text(served),
                  escape_control(question.chip->name), estimate::to_text(question.parallelism),
                  figures && figures->own ? fmt::format(", derate {}", figures->derate.name) : "",
                  load.concurrency, load.input_tokens, load.output_tokens);
  out += fmt::format(
      "weights {}, KV of {:g} bits, framework profile {}{}{}\n\n", question.weights->name,
      question.kv_bits,
      figures && figures->own ? "none (own chip)" : std::string(estimate::name(question.framework)),
      load.disaggregated ? fmt::format(", prefill on {} of the chips", number(served.prefill_chips))
                         : "",
      load.prefix_hit > 0 ? fmt::format(", prefix hit {}", percent(load.prefix_hit)) : "");
  Table table({Align::left, Align::right, Align::left, Align::right, Align::left});
  table.row({"", "expected", "P10 .. P90", "bound", ""});
  table.row({"TTFT", si(served.ttft_s, "s", charset),
             band_text(served.ttft_s, estimate.ttft, "s", charset),
             si(served.ttft_bound_s, "s", charset), "to the first token"});
  table.row({"TPOT", si(served.tpot_s, "s", charset),
             band_text(served.tpot_s, estimate.tpot, "s", charset),
             si(served.tpot_bound_s, "s", charset),
             fmt::format("{} tokens/s a user", number(1 / served.tpot_s))});
  table.row({"ITL", si(served.itl_s, "s", charset), "", "", "median time between two tokens"});
  table.row(
      {"throughput", fmt::format("{} tok/s", number(served.output_tokens_per_s)),
       estimate.throughput.is_known()
           ? fmt::format("{} .. {}", number(served.output_tokens_per_s * estimate.throughput.p10),
                         number(served.output_tokens_per_s * estimate.throughput.p90))
           : "-",
       "", fmt::format("{} tok/s a chip", number(served.output_tokens_per_s / served.chips))});
  if (served.power_w > 0) {
    table.row(
        {"energy", fmt::format("{} J/tok", number(served.energy_per_output_token_j)),
         estimate.energy.is_known()
             ? fmt::format("{} .. {}",
                           number(served.energy_per_output_token_j * estimate.energy.p10),
                           number(served.energy_per_output_token_j * estimate.energy.p90))
             : "-",
         "", fmt::format("{} mean, {}", si(served.power_w, "W", charset), energy_note(estimate))});
  } else {
    table.row({"energy", "-", "", "", energy_note(estimate)});
  }
  out += table.text("  ");

  const estimate::Space& space = estimate.space;
  out += fmt::format("\n  memory of a chip  {}: weights {}, free for caches {}\n",
                     si(space.capacity_bytes, "B", charset), si(space.weights_bytes, "B", charset),
                     si(std::max(0.0, space.usable_bytes - space.weights_bytes), "B", charset));
  out += fmt::format(
      "  requests          {:.0f} of this length fit at once{}; {:.0f} positions each "
      "while {:.0f} run\n",
      estimate.fitting,
      load.concurrency > served.running
          ? fmt::format("; {:.0f} run, the other {:.0f} wait", served.running,
                        load.concurrency - served.running)
          : "",
      estimate.usable_context, served.running);
  out += fmt::format("  first token       {}\n", first_token_text(served.first, charset));
  if (estimate.domains > 1) {
    out += fmt::format(
        "  scale-up domains  {:.0f}: between them over scale-out adapters, which no measured row "
        "is about\n",
        estimate.domains);
  }
  if (served.transfer.bytes > 0) {
    out += fmt::format("  cache sent over   {}\n", transfer_text(served.transfer, charset));
  }
  out += fmt::format("  numbers           {}\n", support_text(estimate.support));
  const auto parts = limit_parts(served.limits_s);
  out += fmt::format("  time of a token   {}  {}\n", bar(parts, kBarWidth, charset),
                     bar_legend(parts, charset));
  if (served.prefill_share > 0.005) {
    out += fmt::format("                    prompts of others take {} of it\n",
                       percent(served.prefill_share));
  }
  const double peak = figures ? weight_peak(question, *figures) : 0;
  const double bandwidth = figures ? figures->memory_bytes_per_s : 0;
  out += fmt::format(
      "\n  a decode step of {:.0f} requests at {:.0f} positions, on one rank: {} (bound {})\n",
      served.running, estimate.decode_context, si(estimate.decode_step.expected_s, "s", charset),
      si(estimate.decode_step.bound_s, "s", charset));
  const bool is_own = figures && figures->own;
  out += operators_text(estimate.decode, estimate.decode_step, peak, bandwidth, is_own, charset);
  out += fmt::format("\n  the prefill of one prompt of {:.0f} tokens, on one rank: {} (bound {})\n",
                     load.input_tokens, si(estimate.prefill_step.expected_s, "s", charset),
                     si(estimate.prefill_step.bound_s, "s", charset));
  out += operators_text(estimate.prefill, estimate.prefill_step, peak, bandwidth, is_own, charset);
  return out + "\nDefinitions:\n" + definitions_text();
}

Json serving_json(const ServingQuestion& question, const ServingEstimate& estimate) {
  const estimate::Load& load = question.load;
  const estimate::Served& served = estimate.served;
  Json json = json_document("estimate");
  json["fidelity"] = "analytic";
  json["seed"] = nullptr;
  json["chip"] = question.chip->id;
  json["chip_name"] = question.chip->name;
  json["chip_digest"] = question.chip->digest;
  json["derate"] = question.derate.empty() ? Json(nullptr) : Json(question.derate);
  json["model"] = question.model->name;
  json["model_canonical"] = question.model->canonical_name;
  json["chip_count"] = served.chips;
  json["prefill_chip_count"] = served.prefill_chips;
  json["parallelism"] = estimate::to_text(question.parallelism);
  json["framework"] = estimate::name(question.framework);
  json["weights"] = question.weights->name;
  json["weight_bits"] = question.weights->weight_bits;
  json["kv_bits"] = question.kv_bits;
  json["concurrency"] = load.concurrency;
  json["input_tokens"] = load.input_tokens;
  json["output_tokens"] = load.output_tokens;
  json["prefix_hit_share"] = load.prefix_hit;
  json["disaggregated"] = load.disaggregated;
  json["domain_count"] = estimate.domains;
  json["kv_transfer"] = kv_transfer_json(served);
  json["ttft_s"] = served.ttft_s;
  json["ttft_bound_s"] = served.ttft_bound_s;
  json["ttft_s_band"] = band_json(served.ttft_s, estimate.ttft);
  json["ttft_parts"] = first_token_json(served.first);
  json["tpot_s"] = served.tpot_s;
  json["tpot_bound_s"] = served.tpot_bound_s;
  json["tpot_s_band"] = band_json(served.tpot_s, estimate.tpot);
  json["itl_s"] = served.itl_s;
  json["output_tokens_per_s"] = served.output_tokens_per_s;
  json["output_tokens_per_s_band"] = band_json(served.output_tokens_per_s, estimate.throughput);
  json["output_tokens_per_s_per_chip"] = served.output_tokens_per_s / served.chips;
  json["power_w"] = positive_or_null(served.power_w);
  json["power_is_guess"] = estimate.power_is_guess;
  json["energy_per_token_j"] = positive_or_null(served.energy_per_output_token_j);
  json["energy_per_token_j_band"] =
      served.energy_per_output_token_j > 0
          ? band_json(served.energy_per_output_token_j, estimate.energy)
          : Json(nullptr);
  json["running"] = served.running;
  json["fitting"] = estimate.fitting;
  json["usable_context_tokens"] = estimate.usable_context;
  json["prefill_share"] = served.prefill_share;
  json["weights_per_chip_bytes"] = estimate.space.weights_bytes;
  json["usable_per_chip_bytes"] = estimate.space.usable_bytes;
  json["capacity_per_chip_bytes"] = estimate.space.capacity_bytes;
  json["kv_per_token_and_chip_bytes"] = estimate.space.kv_bytes_per_token;
  json["limits"] = limits_json(served.limits_s);
  json["basis"] = evaluate::name(estimate.support.basis);
  Json files = Json::array();
  for (const evaluate::SupportingFile& file : estimate.support.files) {
    files.push_back({{"file", file.file}, {"rows", file.rows}});
  }
  json["measured_rows"] = std::move(files);
  json["decode_step"] = {{"time_s", estimate.decode_step.expected_s},
                         {"bound_s", estimate.decode_step.bound_s},
                         {"host_s", estimate.decode_step.host_s},
                         {"context_tokens", estimate.decode_context},
                         {"operators", operators_json(estimate.decode)}};
  json["prefill_step"] = {{"time_s", estimate.prefill_step.expected_s},
                          {"bound_s", estimate.prefill_step.bound_s},
                          {"host_s", estimate.prefill_step.host_s},
                          {"operators", operators_json(estimate.prefill)}};
  json["definitions"] = definitions_json();
  return json;
}

std::string operator_text(const chip::Chip& chip, const evaluate::OperatorEstimate& estimate,
                          Charset charset) {
  const estimate::Price& price = estimate.price;
  std::string out =
      fmt::format("{} on {}: {}\n\n", estimate.kind, escape_control(chip.name), estimate.shape);
  Table table({Align::left, Align::right, Align::left});
  table.row(
      {"expected", si(price.expected_s, "s", charset),
       estimate.band.is_known()
           ? fmt::format("P10..P90 {}", band_text(price.expected_s, estimate.band, "s", charset))
           : ""});
  table.row({"bound", si(price.bound_s, "s", charset),
             fmt::format("{} of what is expected", percent(price.bound_s / price.expected_s))});
  table.row({"limit", std::string(estimate::name(price.limit)), ""});
  if (price.operations > 0 && estimate.peak_ops_per_s > 0) {
    table.row({"reaches", si(price.operations / price.expected_s, "op/s", charset),
               fmt::format("{} of the {} peak",
                           percent(price.operations / price.expected_s / estimate.peak_ops_per_s),
                           estimate::name(estimate.native_rate))});
  }
  if (price.bytes > 0) {
    table.row({"memory", si(price.bytes / price.expected_s, "B/s", charset),
               fmt::format("{} of the bandwidth; {} moved",
                           percent(price.bytes / price.expected_s / estimate.memory_bytes_per_s),
                           si(price.bytes, "B", charset))});
  }
  if (price.link_bytes > 0) {
    table.row({"links", si(price.link_bytes / price.expected_s, "B/s", charset),
               fmt::format("{} of a direction; {} sent by a rank",
                           percent(price.link_bytes / price.expected_s / estimate.link_bytes_per_s),
                           si(price.link_bytes, "B", charset))});
  }
  out += table.text("  ");
  Table parts({Align::left, Align::right});
  for (const auto& [name, seconds] :
       {std::pair{"compute", price.compute_s}, std::pair{"memory", price.memory_s},
        std::pair{"vector", price.vector_s}, std::pair{"link", price.link_s},
        std::pair{"fixed", price.fixed_s}}) {
    if (seconds > 0) {
      parts.row({name, si(seconds, "s", charset)});
    }
  }
  out += "\n  what overlaps, and the fixed time:\n" + parts.text("    ");
  out += fmt::format(
      "\nbound: what physics allows. expected: with what chips achieve{}. --explain shows formulas "
      "and sources.\n",
      chip.kind == chip::Kind::full ? " by its derate set" : " (data/efficiency.csv)");
  return out;
}

Json operator_json(const chip::Chip& chip, const evaluate::OperatorEstimate& estimate) {
  const estimate::Price& price = estimate.price;
  Json json = json_document("estimate");
  json["fidelity"] = "analytic";
  json["seed"] = nullptr;
  json["chip"] = chip.id;
  json["chip_name"] = chip.name;
  json["chip_digest"] = chip.digest;
  json["operator"] = estimate.kind;
  json["shape"] = estimate.shape;
  json["time_s"] = price.expected_s;
  json["time_s_band"] = band_json(price.expected_s, estimate.band);
  json["bound_s"] = price.bound_s;
  json["limit"] = estimate::name(price.limit);
  json["compute_s"] = price.compute_s;
  json["memory_s"] = price.memory_s;
  json["vector_s"] = price.vector_s;
  json["link_s"] = price.link_s;
  json["fixed_s"] = price.fixed_s;
  json["operations"] = price.operations;
  json["memory_bytes"] = price.bytes;
  json["link_bytes"] = price.link_bytes;
  json["peak_ops_per_s"] = positive_or_null(estimate.peak_ops_per_s);
  return json;
}

std::string serving_sweep_text(std::string_view name, const ServingSweep& sweep, Charset charset) {
  Table table({Align::right, Align::right, Align::right, Align::right, Align::right, Align::right,
               Align::right, Align::right, Align::left});
  table.row({std::string(name), "TTFT", "TPOT", "TPOT bound", "ITL", "tok/s", "tok/s/chip", "J/tok",
             "limit"});
  for (const auto& row : sweep) {
    if (!row.estimate) {
      table.row({value_text(row.value), "", "", "", "", "", "", "", reason(row.estimate.error())});
      continue;
    }
    const estimate::Served& served = row.estimate->served;
    const auto largest = std::max_element(served.limits_s.begin(), served.limits_s.end());
    std::string limit(estimate::name(static_cast<Limit>(largest - served.limits_s.begin())));
    if (row.estimate->fitting < served.running + 0.5) {
      limit += ", memory full";
    }
    table.row({value_text(row.value), si(served.ttft_s, "s", charset),
               si(served.tpot_s, "s", charset), si(served.tpot_bound_s, "s", charset),
               si(served.itl_s, "s", charset), number(served.output_tokens_per_s),
               number(served.output_tokens_per_s / served.chips),
               served.power_w > 0 ? number(served.energy_per_output_token_j) : "-", limit});
  }
  return table.text() + "\nDefinitions:\n" + definitions_text();
}

Json serving_sweep_json(const ServingSweep& sweep) {
  Json list = Json::array();
  for (const auto& row : sweep) {
    Json json = {{"value", row.value}};
    if (row.estimate) {
      const estimate::Served& served = row.estimate->served;
      json["chip_count"] = served.chips;
      json["ttft_s"] = served.ttft_s;
      json["ttft_bound_s"] = served.ttft_bound_s;
      json["tpot_s"] = served.tpot_s;
      json["tpot_bound_s"] = served.tpot_bound_s;
      json["itl_s"] = served.itl_s;
      json["output_tokens_per_s"] = served.output_tokens_per_s;
      json["output_tokens_per_s_per_chip"] = served.output_tokens_per_s / served.chips;
      json["energy_per_token_j"] = positive_or_null(served.energy_per_output_token_j);
      json["running"] = served.running;
      json["limits"] = limits_json(served.limits_s);
    } else {
      json["error"] = {{"code", row.estimate.error().front().code},
                       {"reason", row.estimate.error().front().message}};
    }
    list.push_back(std::move(json));
  }
  return list;
}

std::string operator_sweep_text(std::string_view name, const OperatorSweep& sweep,
                                Charset charset) {
  Table table({Align::right, Align::right, Align::right, Align::right, Align::right, Align::left});
  table.row({std::string(name), "time", "bound", "op/s", "memory", "limit"});
  for (const auto& row : sweep) {
    if (!row.estimate) {
      table.row({value_text(row.value), "", "", "", "", reason(row.estimate.error())});
      continue;
    }
    const estimate::Price& price = row.estimate->price;
    table.row(
        {value_text(row.value), si(price.expected_s, "s", charset), si(price.bound_s, "s", charset),
         price.operations > 0 ? si(price.operations / price.expected_s, "op/s", charset) : "-",
         price.bytes > 0 ? si(price.bytes / price.expected_s, "B/s", charset) : "-",
         std::string(estimate::name(price.limit))});
  }
  return table.text();
}

Json operator_sweep_json(const OperatorSweep& sweep) {
  Json list = Json::array();
  for (const auto& row : sweep) {
    Json json = {{"value", row.value}};
    if (row.estimate) {
      const estimate::Price& price = row.estimate->price;
      json["time_s"] = price.expected_s;
      json["bound_s"] = price.bound_s;
      json["limit"] = estimate::name(price.limit);
      json["operations"] = price.operations;
      json["memory_bytes"] = price.bytes;
      json["link_bytes"] = price.link_bytes;
    } else {
      json["error"] = {{"code", row.estimate.error().front().code},
                       {"reason", row.estimate.error().front().message}};
    }
    list.push_back(std::move(json));
  }
  return list;
}

Roofline serving_roofline(const ServingQuestion& question, const ServingEstimate& estimate,
                          const estimate::Figures& figures) {
  Roofline roofline{
      .title = fmt::format("{} on {} ({}): {:.0f} requests, {:.0f}/{:.0f} tokens",
                           model_name(*question.model), question.chip->name,
                           estimate::to_text(question.parallelism), question.load.concurrency,
                           question.load.input_tokens, question.load.output_tokens),
      .bytes_per_s = figures.memory_bytes_per_s,
      .roofs = roofs(figures),
      .points = {}};
  add_points(roofline, estimate.decode, "decode");
  add_points(roofline, estimate.prefill, "prefill");
  return roofline;
}

Roofline operator_roofline(const chip::Chip& chip, const evaluate::OperatorEstimate& estimate,
                           const estimate::Figures& figures) {
  Roofline roofline{.title = fmt::format("{} on {}: {}", estimate.kind, chip.name, estimate.shape),
                    .bytes_per_s = figures.memory_bytes_per_s,
                    .roofs = roofs(figures),
                    .points = {}};
  const estimate::Price& price = estimate.price;
  if (price.operations > 0 && price.bytes > 0) {
    roofline.points.push_back({.name = estimate.kind,
                               .phase = "operator",
                               .intensity = price.operations / price.bytes,
                               .operations_per_s = price.operations / price.expected_s});
  }
  return roofline;
}

}  // namespace churon::report
