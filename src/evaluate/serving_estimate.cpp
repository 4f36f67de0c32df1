#include "evaluate/serving_estimate.h"

#include <fmt/format.h>

#include <cmath>

#include "evaluate/explain.h"

namespace churon::evaluate {

namespace {

using estimate::Deployment;
using estimate::Device;
using estimate::Phase;
using estimate::Served;
using estimate::Server;
using estimate::Term;

constexpr double kP10OverP5 = 1.2816 / 1.6449;

// Changes of a logarithm that add as independent ones.
struct Changes {
  double below = 0, above = 0;

  void add(double changed, double from) {
    if (changed > 0 && from > 0) {
      const double change = std::log(changed / from);
      (change < 0 ? below : above) += change * change;
    }
  }
  [[nodiscard]] ErrorBand band() const {
    return {.p10 = std::exp(-kP10OverP5 * std::sqrt(below)),
            .p90 = std::exp(kP10OverP5 * std::sqrt(above)),
            .source = "low and high of the derate set"};
  }
};

Result<Device> device_of(const ServingQuestion& question, const estimate::Efficiency& efficiency) {
  auto figures = estimate::figures(*question.chip, question.derate);
  if (!figures) {
    return fail(figures);
  }
  return Device(*figures, efficiency);
}

Result<Server> server_of(const ServingQuestion& question, const Device& device) {
  auto server = Server::create(device, Deployment{.shape = question.model,
                                                  .parallelism = question.parallelism,
                                                  .framework = question.framework,
                                                  .weights = question.weights,
                                                  .kv_bits = question.kv_bits});
  if (server) {
    if (const auto good = server->check(question.load); !good) {
      return fail(good);
    }
  }
  return server;
}

// With names that outlive the server.
std::vector<OperatorLine> lines(const std::vector<estimate::OperatorTime>& operators) {
  std::vector<OperatorLine> result;
  result.reserve(operators.size());
  for (const estimate::OperatorTime& op : operators) {
    result.push_back({std::string(op.name), op.count, op.price});
  }
  return result;
}

}  // namespace

ServedBands design_bands(const Server& server, const estimate::Load& load) {
  Server varied = server;
  const Served from = server.serve(load);
  Changes tpot;
  Changes ttft;
  Changes throughput;
  Changes energy;
  const auto vary = [&](const auto member) {
    const auto sourced = server.device().figures.derate.*member;
    for (const auto& end : {sourced.low, sourced.high}) {
      if (end) {
        Device device = server.device();
        (device.figures.derate.*member).value = *end;
        varied.set(device);
        const Served served = varied.serve(load);
        tpot.add(served.tpot_s, from.tpot_s);
        ttft.add(served.ttft_s, from.ttft_s);
        throughput.add(served.output_tokens_per_s, from.output_tokens_per_s);
        energy.add(served.energy_per_output_token_j, from.energy_per_output_token_j);
      }
    }
  };
  for (const auto member :
       {&chip::Derate::memory, &chip::Derate::mac_prefill, &chip::Derate::mac_decode,
        &chip::Derate::link, &chip::Derate::overlap, &chip::Derate::software}) {
    vary(member);
  }
  for (const auto member :
       {&chip::Derate::layer, &chip::Derate::collective, &chip::Derate::step_host}) {
    vary(member);
  }
  return {tpot.band(), ttft.band(), throughput.band(), energy.band()};
}

namespace {

ServedBands served_bands(const ServingQuestion& question, const Server& server,
                         const ErrorBands& bands, const Support& support) {
  const estimate::Figures& figures = server.device().figures;
  if (figures.own) {
    return design_bands(server, question.load);
  }
  const bool seen = support.basis != Basis::datasheet &&
                    estimate::domains(figures, question.parallelism.chips()) == 1;
  const std::string_view scope = question.model->experts.count > 0 ? "moe" : "dense";
  const ErrorBand tpot = bands.of(scope, "TPOT", seen);
  return {.tpot = tpot,
          .ttft = bands.of(scope, "TTFT", seen),
          .throughput = inverse(tpot),
          .energy = bands.of("power", "energy", seen)};
}

Term bands_term(const ServedBands& bands, const Served& served) {
  return {.key = "bands",
          .text = "P10 and P90 around what is expected",
          .children = {
              Explainer::band("tpot_band", served.tpot_s, "s", bands.tpot),
              Explainer::band("ttft_band", served.ttft_s, "s", bands.ttft),
              Explainer::band("throughput_band", served.output_tokens_per_s, "token/s",
                              bands.throughput),
              Explainer::band("energy_band", served.energy_per_output_token_j, "J", bands.energy)}};
}

}  // namespace

Result<ServingEstimate> serving_estimate(const ServingQuestion& question,
                                         const estimate::Efficiency& efficiency,
                                         const ErrorBands& bands, const SupportIndex& support) {
  const auto device = device_of(question, efficiency);
  if (!device) {
    return fail(device);
  }
  const auto server = server_of(question, *device);
  if (!server) {
    return fail(server);
  }
  const estimate::Load& load = question.load;
  ServingEstimate result;
  result.served = server->serve(load);
  result.domains = estimate::domains(device->figures, question.parallelism.chips());
  result.space = server->space();
  result.fitting = server->fitting(load.input_tokens + load.output_tokens);
  result.usable_context = server->usable_context(result.served.running);
  result.power_is_guess = server->power_is_guess();
  result.support = support.of(*question.chip, *question.model);
  const ServedBands around = served_bands(question, *server, bands, result.support);
  result.tpot = around.tpot;
  result.ttft = around.ttft;
  result.throughput = around.throughput;
  result.energy = around.energy;
  result.decode_context = load.input_tokens + load.output_tokens / 2;
  result.decode =
      lines(server->operators(Phase::decode, result.served.running, result.decode_context));
  result.prefill = lines(server->operators(Phase::prefill, 1, load.input_tokens));
  result.decode_step = server->decode_step(result.served.running, result.decode_context);
  result.prefill_step = server->prefill_step(1, load.input_tokens, load.input_tokens);
  return result;
}

Result<Term> explain(const ServingQuestion& question, const estimate::Efficiency& efficiency,
                     const ErrorBands& bands, const SupportIndex& support) {
  const auto device = device_of(question, efficiency);
  if (!device) {
    return fail(device);
  }
  const auto server = server_of(question, *device);
  if (!server) {
    return fail(server);
  }
  const auto explainer = Explainer::create(*question.chip, *device);
  if (!explainer) {
    return fail(explainer);
  }
  Term tree = server->explain(question.load);
  tree.children.push_back(bands_term(
      served_bands(question, *server, bands, support.of(*question.chip, *question.model)),
      server->serve(question.load)));
  const estimate::Figures& figures = device->figures;
  Term inputs{.key = "inputs", .text = "what the terms above are made of"};
  const auto add = [&](Term term) { inputs.children.push_back(std::move(term)); };
  const estimate::Rate native = figures.native(question.weights->rate);
  add(explainer->of_chip("peak", fmt::format("dense peak, {}", estimate::name(native)),
                         figures.peak(native), "op/s",
                         fmt::format("peak.{}", estimate::name(native))));
  add(explainer->of_chip("bandwidth", "memory bandwidth", figures.memory_bytes_per_s, "B/s",
                         "memory.*.bandwidth"));
  add(explainer->of_chip("capacity", "memory", figures.memory_bytes, "B", "memory.*.capacity"));
  add(explainer->of_chip("link", "scale-up bandwidth, per direction", figures.link_bytes_per_s,
                         "B/s", "link.*.bandwidth"));
  const bool crosses = question.parallelism.chips() > estimate::joined_chips(figures) ||
                       server->serve(question.load).transfer.across;
  if (crosses) {
    add(explainer->of_chip("scaleout", "between domains, a chip and direction",
                           figures.scale_out_bytes_per_s, "B/s", "system.scaleout_rate"));
    add(explainer->parameters("network", "network"));
  }
  add(explainer->of_chip("tdp", "thermal design power", figures.tdp_w, "W", "power.tdp"));
  if (figures.own) {
    add(explainer->derate());
  } else {
    for (const std::string& scope :
         {std::string("gemm"), std::string("formats"), std::string("attention"),
          std::string(question.model->experts.count > 0 ? "experts" : ""),
          std::string(question.parallelism.chips() > 1 ? "collective" : ""), std::string("serving"),
          fmt::format("profile:{}", estimate::name(question.framework)), std::string("power")}) {
      if (!scope.empty()) {
        Term parameters = explainer->parameters(scope);
        parameters.key = scope;
        add(std::move(parameters));
      }
    }
  }
  tree.children.push_back(std::move(inputs));
  return tree;
}

}  // namespace churon::evaluate
