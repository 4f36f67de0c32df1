// The tree of terms behind the figures of a model in service.
#include "estimate/serving.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace churon::estimate {

namespace {

constexpr std::string_view kParameters = "data/efficiency.csv";

Term operator_term(const OperatorTime& op, bool own) {
  const Price& one = op.price;
  Term term{.key = std::string(op.name),
            .text = fmt::format("{:.0f} of them, each limited by {}", op.count, name(one.limit)),
            .value = op.seconds(),
            .unit = "s",
            .formula = own ? "count * (work that overlaps + fixed)"
                           : "count * (work_factor * work that overlaps + fixed_factor * fixed)"};
  const std::pair<const char*, double> parts[] = {
      {"compute", one.compute_s}, {"memory", one.memory_s}, {"vector", one.vector_s},
      {"link", one.link_s},       {"across", one.across_s}, {"fixed", one.fixed_s}};
  for (const auto& [key, seconds] : parts) {
    if (seconds > 0) {
      term.children.push_back({.key = key, .text = "of one", .value = seconds, .unit = "s"});
    }
  }
  if (!own) {
    const std::string source(kParameters);
    term.children.push_back({.key = "work_factor",
                             .text = "in service, over benchmarks of kernels",
                             .value = op.work_factor,
                             .unit = "1",
                             .source = source});
    term.children.push_back({.key = "fixed_factor",
                             .text = "in a captured graph",
                             .value = op.fixed_factor,
                             .unit = "1",
                             .source = source});
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

Term bound_term(std::string key, std::string text, double bound_s,
                const std::vector<OperatorTime>& operators) {
  Term term{.key = std::move(key),
            .text = std::move(text),
            .value = bound_s,
            .unit = "s",
            .formula =
                "sum of operators, each count * max(operations / peak, bytes that must "
                "move / bandwidth, or link bytes / link bandwidth)"};
  for (const OperatorTime& op : operators) {
    term.children.push_back({.key = std::string(op.name),
                             .text = fmt::format("{:.0f} of them", op.count),
                             .value = op.count * op.price.bound_s,
                             .unit = "s"});
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

Term power_term(const Figures& figures, const Served& served) {
  Term power{.key = "power", .text = "all chips, mean", .value = served.power_w, .unit = "W"};
  if (!figures.own && figures.tdp_w <= 0) {
    power.text = "not known: the chip's sources state no TDP";
    return power;
  }
  if (!figures.own) {
    power.formula =
        "idle + (TDP - idle) * min(1, (busy + widen) * time + memory * share of its rate + "
        "compute * share of the peak ^ bend)";
    power.source = kParameters;
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

Term energy_term(const Served& served) {
  return {.key = "energy",
          .text = served.power_w > 0 ? "of an output token, chips alone" : "not known, as power",
          .value = served.energy_per_output_token_j,
          .unit = "J",
          .formula = served.power_w > 0 ? "power / throughput" : ""};
}

}  // namespace

// One prompt, where `together` of them wait on a rank.
Term Server::prompt_term(const Load& load, double together) const {
  const StepTime one = prompt(load, together);
  const double at_once = prompts_at_once(load, together);
  const double fresh = std::max(1.0, load.input_tokens * (1 - load.prefix_hit));
  Term term{.key = "prompt",
            .text = at_once > 1 ? fmt::format("one of {:.3g} prompts of a pass, {:.0f} new tokens "
                                              "each",
                                              at_once, fresh)
                                : fmt::format("a prompt of {:.0f} new tokens", fresh),
            .value = one.expected_s,
            .unit = "s",
            .formula = at_once > 1 ? "(sum of operators + host) / prompts of the pass"
                                   : "sum of operators + host"};
  for (const OperatorTime& op : operators({.phase = Phase::prefill,
                                           .sequences = at_once,
                                           .tokens = fresh,
                                           .context = load.input_tokens})) {
    term.children.push_back(operator_term(op, device_.figures.own));
  }
  term.children.push_back({.key = "host",
                           .text = "what the framework adds to a pass and to each further chunk",
                           .value = one.host_s * at_once,
                           .unit = "s"});
  return term;
}

Term Server::token_term(const Load& load, const Served& served) const {
  const bool own = device_.figures.own;
  const std::string profile =
      fmt::format("{}, profile:{}", kParameters, name(deployment_.framework));
  const double context = load.input_tokens + load.output_tokens / 2;
  const StepTime decode = decode_step(served.running, context);
  Term step{.key = "decode",
            .text = fmt::format("one step of {:.0f} requests at {:.0f} positions", served.running,
                                context),
            .value = decode.expected_s,
            .unit = "s",
            .formula = "sum of operators + host"};
  for (const OperatorTime& op : operators(Phase::decode, served.running, context)) {
    step.children.push_back(operator_term(op, own));
  }
  step.children.push_back({.key = "host",
                           .text = "what the framework adds to a step",
                           .value = decode.host_s,
                           .unit = "s",
                           .formula = own ? "layers * derate.layer + derate.step_host"
                                          : "step + request * running of a rank",
                           .source = own ? "the chip's derate set" : profile});
  const Prompts others = prompts(load, served.running);
  Term prefill{.key = "prefill",
               .text = load.disaggregated ? "none: prompts run on chips of their own"
                                          : "prompts of others between two tokens",
               .value = served.tpot_s - decode.expected_s,
               .unit = "s"};
  if (!load.disaggregated) {
    prefill.formula = "prompts * prompt * share";
    prefill.children = {{.key = "prompts",
                         .text = "of others, while a request gets a token",
                         .value = others.per_token,
                         .unit = "1",
                         .formula = "(running of a rank - 1) / output tokens / pipeline stages"},
                        {.key = "share",
                         .text = "of a prompt's time that tokens wait for",
                         .value = others.held,
                         .unit = "1",
                         .source = own ? "" : profile},
                        prompt_term(load, std::max(1.0, others.together))};
  }
  return {.key = "tpot",
          .text = "time per output token",
          .value = served.tpot_s,
          .unit = "s",
          .formula = "decode + prefill",
          .children = {std::move(step), std::move(prefill)}};
}

// Parts that are zero are left out.
Term Server::first_token_term(const Load& load, const Served& served) const {
  Term term{.key = "ttft",
            .text = "time to the first token",
            .value = served.ttft_s,
            .unit = "s",
            .formula = "sum of the parts"};
  for (const FirstTokenPart& part : kFirstTokenParts) {
    if (const double seconds = served.first.*part.seconds; seconds > 0) {
      Term child{.key = part.key,
                 .text = part.text,
                 .value = seconds,
                 .unit = "s",
                 .formula = part.formula};
      if (part.seconds == &FirstToken::prompt_s) {
        child.children = prompt_term(load, 1).children;
      }
      if (part.seconds == &FirstToken::transfer_s) {
        describe(served.transfer, child);
      }
      term.children.push_back(std::move(child));
    }
  }
  return term;
}

Term Server::token_bound_term(const Load& load, const Served& served) const {
  const double context = load.input_tokens + load.output_tokens / 2;
  const StepTime decode = decode_step(served.running, context);
  Term term{.key = "tpot_bound",
            .text = "what physics allows: no fixed time, no host, peak rates",
            .value = served.tpot_bound_s,
            .unit = "s",
            .formula = load.disaggregated ? "decode_bound" : "decode_bound + prompts_bound",
            .children = {bound_term("decode_bound", "one decode step", decode.bound_s,
                                    operators(Phase::decode, served.running, context))}};
  if (!load.disaggregated) {
    term.children.push_back({.key = "prompts_bound",
                             .text = "prompts of others between two tokens",
                             .value = served.tpot_bound_s - decode.bound_s,
                             .unit = "s",
                             .formula = "prompts * bound of a prompt"});
  }
  return term;
}

std::vector<Term> Server::space_terms(const Load& load, const Served& served) const {
  const Space room = space();
  const double positions = load.input_tokens + load.output_tokens;
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
                            .source = std::string(kParameters)},
                           {.key = "weights",
                            .text = "of the fullest chip, scales included",
                            .value = room.weights_bytes,
                            .unit = "B",
                            .formula = "parameters of its layers and experts * bits / 8"},
                           {.key = "kv",
                            .text = "cache of one position",
                            .value = room.kv_bytes_per_token,
                            .unit = "B",
                            .formula = "layers of a stage * elements of a rank * bits / 8"}}};
  Term requests{.key = "requests",
                .text = fmt::format("of {:.0f} tokens that fit at once", positions),
                .value = fitting(positions),
                .unit = "1",
                .formula = "floor(memory / cache of a request) * attention ranks",
                .children = {{.key = "cache",
                              .text = "of a request, windows cut, on a chip",
                              .value = kv_bytes(positions),
                              .unit = "B"}}};
  Term context{.key = "context",
               .text = fmt::format("positions a request may reach while {:.0f} run, at most the "
                                   "model's",
                                   served.running),
               .value = usable_context(served.running),
               .unit = "1",
               .formula = "the most of which as many requests fit"};
  return {std::move(memory), std::move(requests), std::move(context)};
}

Term Server::explain(const Load& load) const {
  const Served served = serve(load);
  Term root{.key = "throughput",
            .text = "output tokens of all requests",
            .value = served.output_tokens_per_s,
            .unit = "token/s",
            .formula = "requests * output tokens / (ttft + (output tokens - 1) * tpot)",
            .children = {token_term(load, served), first_token_term(load, served)}};
  root.children.push_back({.key = "itl",
                           .text = "median time between two tokens",
                           .value = served.itl_s,
                           .unit = "s",
                           .formula = "decode + prefill * min(1, 2 * prompts)"});
  root.children.push_back(token_bound_term(load, served));
  root.children.push_back(
      bound_term("ttft_bound", "what physics allows: one prompt alone", served.ttft_bound_s,
                 operators({.phase = Phase::prefill,
                            .sequences = prompts_at_once(load, 1),
                            .tokens = std::max(1.0, load.input_tokens * (1 - load.prefix_hit)),
                            .context = load.input_tokens})));
  root.children.push_back(power_term(device_.figures, served));
  root.children.push_back(energy_term(served));
  for (Term& term : space_terms(load, served)) {
    root.children.push_back(std::move(term));
  }
  return root;
}

}  // namespace churon::estimate
