// The tree of terms behind the figures of a model in service.
#include "estimate/serving.h"

#include <fmt/format.h>

#include <string>
#include <utility>

namespace churon::estimate {

namespace {

Term operator_term(const OperatorTime& op) {
  const Price& one = op.price;
  Term term{.key = std::string(op.name),
            .text = fmt::format("{:.0f} of them, each limited by {}", op.count, name(one.limit)),
            .value = op.count * one.expected_s,
            .unit = "s",
            .formula = "count * (work that overlaps + fixed)"};
  const std::pair<const char*, double> parts[] = {
      {"compute", one.compute_s}, {"memory", one.memory_s}, {"vector", one.vector_s},
      {"link", one.link_s},       {"across", one.across_s}, {"fixed", one.fixed_s}};
  for (const auto& [key, seconds] : parts) {
    if (seconds > 0) {
      term.children.push_back({.key = key, .text = "of one", .value = seconds, .unit = "s"});
    }
  }
  if (one.operations > 0) {
    term.children.push_back({.key = "operations",
                             .text = "of one, two per multiply-add",
                             .value = one.operations,
                             .unit = "1"});
  }
  if (one.bytes > 0) {
    term.children.push_back(
        {.key = "bytes", .text = "of one, memory", .value = one.bytes, .unit = "B"});
  }
  if (one.across_bytes > 0) {
    term.children.push_back({.key = "across_bytes",
                             .text = "of one, sent by a rank to other domains",
                             .value = one.across_bytes,
                             .unit = "B"});
  }
  return term;
}

void describe(const KvTransfer& transfer, Term& term) {
  term.text += fmt::format(", limited by the {} link", transfer.link());
  if (transfer.across) {
    term.formula = "latency + cache of a prompt on a chip / rate / share";
  }
  term.children = {{.key = "cache",
                    .text = "of a prompt, on a chip",
                    .value = transfer.bytes,
                    .unit = "B",
                    .formula = "positions * bytes of a position in a chip's layers and heads"},
                   {.key = "rate",
                    .text = fmt::format("{}, a chip and direction", transfer.link()),
                    .value = transfer.bytes_per_s,
                    .unit = "B/s",
                    .source = transfer.across ? "system.scaleout_rate of the chip"
                                              : "link.*.bandwidth of the chip"}};
}

// Parts that are zero are left out.
Term first_token_term(const Served& served) {
  Term term{.key = "ttft",
            .text = "time to the first token",
            .value = served.ttft_s,
            .unit = "s",
            .formula = "sum of the parts"};
  for (const FirstTokenPart& part : kFirstTokenParts) {
    if (const double seconds = served.first.*part.seconds; seconds > 0) {
      term.children.push_back({.key = part.key,
                               .text = part.text,
                               .value = seconds,
                               .unit = "s",
                               .formula = part.formula});
      if (part.seconds == &FirstToken::transfer_s) {
        describe(served.transfer, term.children.back());
      }
    }
  }
  return term;
}

Term power_term(const Figures& figures, const Served& served, const std::string& parameters) {
  Term power{.key = "power", .text = "all chips, mean", .value = served.power_w, .unit = "W"};
  if (!figures.own) {
    power.formula =
        "idle + (TDP - idle) * min(1, (busy + widen) * time + memory * share of its rate + "
        "compute * share of the peak ^ bend)";
    power.source = parameters;
    return power;
  }
  const double idle_w = served.chips * figures.action_prices[stats::Action::powered];
  power.formula = "idle + actions";
  power.children = {
      {.key = "idle", .text = "of all chips, at rest", .value = idle_w, .unit = "W"},
      {.key = "actions",
       .text = "multiply-adds, vector work, bytes of memory, scratch memory, mesh and links",
       .value = served.power_w - idle_w,
       .unit = "W",
       .formula = "sum of count * energy of one / time",
       .source = fmt::format("{}: [energy], `energy` of memory and links", figures.chip)}};
  return power;
}

}  // namespace

Term Server::explain(const Load& load) const {
  const Served served = serve(load);
  const double context = load.input_tokens + load.output_tokens / 2;
  const StepTime decode = decode_step(served.running, context);
  const std::string parameters = "data/efficiency.csv";
  Term step{.key = "decode",
            .text = fmt::format("one step of {:.0f} requests at {:.0f} positions", served.running,
                                context),
            .value = decode.expected_s,
            .unit = "s",
            .formula = "sum of operators + host"};
  for (const OperatorTime& op : operators(Phase::decode, served.running, context)) {
    step.children.push_back(operator_term(op));
  }
  step.children.push_back(
      {.key = "host",
       .text = "what the framework adds to a step",
       .value = decode.host_s,
       .unit = "s",
       .formula = device_.figures.own ? "layers * derate.layer + derate.step_host"
                                      : "step + request * running",
       .source = device_.figures.own
                     ? "the chip's derate set"
                     : fmt::format("{}, profile:{}", parameters, name(deployment_.framework))});
  Term prompts{.key = "prefill",
               .text = "prompts of others between two tokens",
               .value = served.tpot_s - decode.expected_s,
               .unit = "s",
               .formula = "running / output tokens * time of a prompt * profile's share"};
  for (const OperatorTime& op : operators(Phase::prefill, 1, load.input_tokens)) {
    prompts.children.push_back(operator_term(op));
  }
  Term tpot{.key = "tpot",
            .text = "time per output token",
            .value = served.tpot_s,
            .unit = "s",
            .formula = "decode + prefill",
            .children = {std::move(step), std::move(prompts)}};
  Term ttft = first_token_term(served);
  const Space room = space();
  Term memory{.key = "memory",
              .text = "space for caches on a chip",
              .value = room.usable_bytes - room.weights_bytes,
              .unit = "B",
              .formula = "usable - weights",
              .children = {{.key = "usable",
                            .text = "of a chip's memory",
                            .value = room.usable_bytes,
                            .unit = "B",
                            .formula = "capacity * profile's memory - reserve",
                            .source = parameters},
                           {.key = "weights", .text = "", .value = room.weights_bytes, .unit = "B"},
                           {.key = "kv",
                            .text = "cache of one position",
                            .value = room.kv_bytes_per_token,
                            .unit = "B"}}};
  return {.key = "throughput",
          .text = "output tokens of all requests",
          .value = served.output_tokens_per_s,
          .unit = "token/s",
          .formula = "requests * output tokens / (ttft + (output tokens - 1) * tpot)",
          .children = {std::move(tpot), std::move(ttft),
                       power_term(device_.figures, served, parameters), std::move(memory)}};
}

}  // namespace churon::estimate
