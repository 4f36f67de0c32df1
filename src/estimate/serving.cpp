#include "estimate/serving.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"

namespace churon::estimate {

namespace {

// Beyond these a request is a mistake.
constexpr double kConcurrencyMax = 1e6;
constexpr double kTokensMax = 1e8;

const Efficiency::Profile& profile_of(const Device& device, Framework framework) {
  return device.efficiency.profiles[static_cast<std::size_t>(framework)];
}

Diagnostic infeasible(std::string message, std::vector<std::string> notes,
                      std::vector<std::string> help) {
  return {.code = "E0406",
          .message = std::move(message),
          .notes = std::move(notes),
          .help = std::move(help),
          .exit = ExitCode::infeasible};
}

Diagnostic out_of_reach(std::string message) {
  return {.code = "E0408",
          .message = std::move(message),
          .notes = {"its description states no rate per chip beyond them"},
          .help = {"--set 'system.scaleout_rate=400 Gb/s' states one, of a chip and direction"},
          .exit = ExitCode::infeasible};
}

// More chips than scale-up links join need a stated rate between domains.
Result<void> check_reach(const Figures& figures, const Parallelism& p) {
  if (reaches(figures, p.chips())) {
    return {};
  }
  const double joined = joined_chips(figures);
  Diagnostic found = out_of_reach(fmt::format("{} chips, but the scale-up links of {} join {:.0f}",
                                              p.chips(), figures.chip, joined));
  found.help.push_back(fmt::format("or take at most {:.0f} chips for a copy of the model", joined));
  return fail(std::move(found));
}

std::string gigabytes(double bytes) { return fmt::format("{:.1f} GB", bytes / 1e9); }

}  // namespace

StepTime& StepTime::operator+=(const StepTime& other) {
  bound_s += other.bound_s;
  expected_s += other.expected_s;
  fixed_s += other.fixed_s;
  host_s += other.host_s;
  operations += other.operations;
  bytes += other.bytes;
  link_bytes += other.link_bytes;
  energy_j += other.energy_j;
  for (std::size_t i = 0; i < kLimitCount; ++i) {
    limits_s[i] += other.limits_s[i];
  }
  return *this;
}

StepTime& StepTime::operator*=(double factor) {
  for (double* value :
       {&bound_s, &expected_s, &fixed_s, &host_s, &operations, &bytes, &link_bytes, &energy_j}) {
    *value *= factor;
  }
  for (double& value : limits_s) {
    value *= factor;
  }
  return *this;
}

Server::Server(const Device& device, const Deployment& deployment)
    : device_(device), deployment_(deployment) {}

Result<Server> Server::create(const Device& device, const Deployment& deployment) {
  churon::check(deployment.shape != nullptr && deployment.weights != nullptr);
  if (auto rules = check_parallelism(*deployment.shape, deployment); !rules) {
    return fail(rules);
  }
  Server server(device, deployment);
  const double joined = joined_chips(device.figures);
  if (auto reached = check_reach(device.figures, deployment.parallelism); !reached) {
    return fail(reached);
  }
  const Lowered lowered = lower(*deployment.shape, deployment, joined);
  server.decode_ = lowered.decode;
  server.prefill_ = lowered.prefill;
  server.windows_ = lowered.windows;
  server.kv_elements_ = lowered.kv_elements;
  server.weights_bytes_ = lowered.weights_bytes;
  server.model_name_ = deployment.shape->canonical_name;
  server.layers_ = static_cast<double>(deployment.shape->layers);
  server.context_max_ = static_cast<double>(deployment.shape->context);
  server.deployment_.shape = nullptr;
  const Space space = server.space();
  if (space.weights_bytes >= space.usable_bytes) {
    const double chips = std::ceil(space.weights_bytes * deployment.parallelism.chips() /
                                   std::max(1.0, space.usable_bytes));
    return fail(infeasible(
        fmt::format("the weights of {} do not fit {} x {}", server.model_name_,
                    deployment.parallelism.chips(), device.figures.chip),
        {fmt::format("weights in {}: {} on a chip, of {} that a framework may use of {}",
                     deployment.weights->name, gigabytes(space.weights_bytes),
                     gigabytes(space.usable_bytes), gigabytes(space.capacity_bytes))},
        {fmt::format(
            "at least {:.0f} chips hold them: raise --tp, --pp or --ep, or take a narrower "
            "--weights format",
            chips)}));
  }
  return server;
}

// --- memory -------------------------------------------------------------------------------------

Space Server::space() const {
  const Efficiency::Profile& profile = profile_of(device_, deployment_.framework);
  const double reserve = device_.figures.own ? 0 : profile.reserve;
  const double share = device_.figures.own ? 1 : profile.memory;
  return {.weights_bytes = weights_bytes_,
          .usable_bytes = device_.figures.memory_bytes * share - reserve,
          .capacity_bytes = device_.figures.memory_bytes,
          .kv_bytes_per_token = kv_bytes(1)};
}

double Server::kv_bytes(double positions) const {
  double seen = 0;
  for (const WindowLayers& kind : windows_) {
    seen += kind.layers * (kind.window > 0 ? std::min(kind.window, positions) : positions);
  }
  return seen * kv_elements_ * deployment_.kv_bits / 8 / deployment_.parallelism.pp;
}

double Server::fitting(double positions) const {
  const Space room = space();
  const double free = room.usable_bytes - room.weights_bytes;
  const double each = kv_bytes(positions);
  return each > 0 ? std::floor(free / each) * deployment_.parallelism.attention_dp : 0;
}

double Server::usable_context(double concurrency) const {
  if (fitting(context_max_) >= concurrency) {
    return context_max_;
  }
  double low = 0;
  double high = context_max_;
  while (high - low > 1) {
    const double middle = std::floor((low + high) / 2);
    (fitting(middle) >= concurrency ? low : high) = middle;
  }
  return low;
}

Result<void> Server::check(const Load& load) const {
  if (!(load.concurrency >= 1) || load.concurrency > kConcurrencyMax || !(load.input_tokens >= 1) ||
      !(load.output_tokens >= 1) || load.input_tokens > kTokensMax ||
      load.output_tokens > kTokensMax) {
    return fail({.code = "E0407",
                 .message = fmt::format("no such load: {} requests of {} + {} tokens",
                                        load.concurrency, load.input_tokens, load.output_tokens),
                 .help = {fmt::format("1 to {:.0f} requests, each of at least one token in and out",
                                      kConcurrencyMax)},
                 .exit = ExitCode::usage});
  }
  const double positions = load.input_tokens + load.output_tokens;
  if (context_max_ > 0 && positions > context_max_) {
    return fail({.code = "E0407",
                 .message = fmt::format("{:.0f} + {:.0f} tokens are more than the context of {}",
                                        load.input_tokens, load.output_tokens, model_name_),
                 .notes = {fmt::format("it was made for {:.0f} positions", context_max_)},
                 .help = {"shorten --input or --output"},
                 .exit = ExitCode::usage});
  }
  if (fitting(positions) < 1) {
    const Space room = space();
    return fail(
        infeasible(fmt::format("not even one request of {:.0f} tokens fits {} x {}", positions,
                               deployment_.parallelism.chips(), device_.figures.chip),
                   {fmt::format("weights {}, cache of the request {}, usable {} on a chip",
                                gigabytes(room.weights_bytes), gigabytes(kv_bytes(positions)),
                                gigabytes(room.usable_bytes))},
                   {fmt::format("the longest that fits has {:.0f} tokens", usable_context(1))}));
  }
  if (load.disaggregated && !std::isfinite(serve(load).ttft_s)) {
    return fail(out_of_reach(
        fmt::format("caches would go beyond the {:.0f} chips that scale-up links of {} join",
                    joined_chips(device_.figures), device_.figures.chip)));
  }
  return {};
}

// --- one step -----------------------------------------------------------------------------------

Price Server::price(const RankOp& op, const Rows& rows) const {
  const bool prefill = rows.phase == Phase::prefill;
  const double m = op.per == RankOp::Per::sampled    ? rows.sequences
                   : op.per == RankOp::Per::position ? rows.sequences * rows.context
                                                     : rows.sequences * rows.tokens;
  if (const auto* gemm_of_row = std::get_if<Gemm>(&op.work)) {
    Gemm work = *gemm_of_row;
    work.m = m;
    work.prefill = prefill;
    return gemm(device_, work);
  }
  if (const auto* attention_of_row = std::get_if<AttentionWork>(&op.work)) {
    AttentionWork work = *attention_of_row;
    work.prefill = prefill;
    work.sequences = rows.sequences;
    work.tokens = rows.tokens;
    work.context = rows.context;
    return attention(device_, work);
  }
  if (const auto* experts_of_row = std::get_if<ExpertsWork>(&op.work)) {
    ExpertsWork work = *experts_of_row;
    work.tokens = m * deployment_.parallelism.attention_dp;
    work.apart = device_.efficiency.serving.apart;
    work.prefill = prefill;
    return experts(device_, work);
  }
  if (const auto* collective_of_row = std::get_if<CollectiveWork>(&op.work)) {
    CollectiveWork work = *collective_of_row;
    work.bytes *= m;
    return collective(device_, work);
  }
  if (const auto* send_of_row = std::get_if<SendWork>(&op.work)) {
    SendWork work = *send_of_row;
    work.bytes *= m;
    return send(device_, work);
  }
  if (const auto* exchange = std::get_if<Exchange>(&op.work)) {
    // Everybody gets all tokens and adds, or each token is sent where it belongs.
    const double row = exchange->hidden * kActivationBytes;
    const CollectiveWork gather{.kind = CollectiveKind::all_gather,
                                .ranks = exchange->ranks,
                                .bytes = m * exchange->attention_ranks * row,
                                .framework_kernel = true,
                                .together = exchange->together};
    CollectiveWork scatter = gather;
    scatter.kind = CollectiveKind::reduce_scatter;
    const CollectiveWork send{.kind = CollectiveKind::all_to_all,
                              .ranks = exchange->ranks,
                              .bytes = m * std::min(exchange->per_token, exchange->ranks) * row,
                              .framework_kernel = true,
                              .together = exchange->together};
    Price all = collective(device_, gather);
    const Price back = collective(device_, scatter);
    Price sent = collective(device_, send);
    if (2 * sent.expected_s < all.expected_s + back.expected_s) {
      for (double* value : {&sent.bound_s, &sent.expected_s, &sent.link_s, &sent.across_s,
                            &sent.fixed_s, &sent.link_bytes, &sent.across_bytes, &sent.memory_s}) {
        *value *= 2;
      }
      return sent;
    }
    all.bound_s = std::min(all.bound_s + back.bound_s, 2 * sent.bound_s);
    all.expected_s += back.expected_s;
    all.link_s += back.link_s;
    all.across_s += back.across_s;
    all.across_bytes += back.across_bytes;
    all.memory_s += back.memory_s;
    all.fixed_s += back.fixed_s;
    all.link_bytes += back.link_bytes;
    return all;
  }
  ElementwiseWork work = std::get<ElementwiseWork>(op.work);
  work.bytes *= m;
  work.operations *= m;
  return elementwise(device_, work);
}

Server::InService Server::in_service(const RankOp& op, const Price& one) const {
  const bool own = device_.figures.own;
  const Efficiency::Profile& profile = profile_of(device_, deployment_.framework);
  const bool is_link =
      one.limit == Limit::link || std::holds_alternative<CollectiveWork>(op.work) ||
      std::holds_alternative<SendWork>(op.work) || std::holds_alternative<Exchange>(op.work);
  return {.work = own || is_link ? 1 : profile.work,
          .fixed = own       ? 1
                   : is_link ? device_.efficiency.serving.collective
                             : profile.launch,
          .is_link = is_link};
}

StepTime Server::step(const Rows& rows) const {
  const Figures& figures = device_.figures;
  const bool own = figures.own;
  const Efficiency::Profile& profile = profile_of(device_, deployment_.framework);
  StepTime result;
  for (const RankOp& op : rows.phase == Phase::decode ? decode_ : prefill_) {
    const Price one = price(op, rows);
    const InService factors = in_service(op, one);
    const bool is_link = factors.is_link;
    const double fixed = op.count * factors.fixed * one.fixed_s;
    const double work = op.count * factors.work * (one.expected_s - one.fixed_s);
    result.bound_s += op.count * one.bound_s;
    result.expected_s += work + fixed;
    result.fixed_s += fixed;
    result.limits_s[static_cast<std::size_t>(is_link ? Limit::link : one.limit)] += work;
    result.limits_s[static_cast<std::size_t>(Limit::fixed)] += fixed;
    result.operations += op.count * one.operations;
    result.bytes += op.count * one.bytes;
    result.link_bytes += op.count * one.link_bytes;
    // What a rank sends it receives as well.
    result.energy_j +=
        op.count * (one.energy_j + 2 * (one.link_bytes * figures.link_j_per_byte +
                                        one.across_bytes * figures.scale_out_j_per_byte));
  }
  const chip::Derate& derate = figures.derate;
  result.host_s =
      own ? layers_ * derate.layer.value.value() + derate.step_host.value.value()
          : profile.step + (rows.phase == Phase::decode ? profile.request * rows.sequences : 0.0);
  result.expected_s += result.host_s;
  result.limits_s[static_cast<std::size_t>(Limit::fixed)] += result.host_s;
  return result;
}

StepTime Server::decode_step(double sequences, double context) const {
  const Parallelism& p = deployment_.parallelism;
  return step({.phase = Phase::decode,
               .sequences = std::max(1.0, sequences / (p.attention_dp * p.pp)),
               .tokens = 1,
               .context = std::max(1.0, context)});
}

StepTime Server::prefill_step(double sequences, double tokens, double context) const {
  return step({.phase = Phase::prefill,
               .sequences = std::max(1.0, sequences / deployment_.parallelism.attention_dp),
               .tokens = std::max(1.0, tokens),
               .context = std::max(1.0, context)});
}

std::vector<OperatorTime> Server::operators(Phase phase, double sequences, double context) const {
  const Parallelism& p = deployment_.parallelism;
  const bool decode = phase == Phase::decode;
  return operators({.phase = phase,
                    .sequences = std::max(1.0, sequences / (p.attention_dp * (decode ? p.pp : 1))),
                    .tokens = decode ? 1 : std::max(1.0, context),
                    .context = std::max(1.0, context)});
}

std::vector<OperatorTime> Server::operators(const Rows& rows) const {
  std::vector<OperatorTime> result;
  for (const RankOp& op : rows.phase == Phase::decode ? decode_ : prefill_) {
    const Price one = price(op, rows);
    const InService factors = in_service(op, one);
    result.push_back({.name = op.name,
                      .count = op.count,
                      .price = one,
                      .work_factor = factors.work,
                      .fixed_factor = factors.fixed});
  }
  return result;
}

// --- serving ------------------------------------------------------------------------------------

double Server::prompts_at_once(const Load& load, double together) const {
  const double fresh = std::max(1.0, load.input_tokens * (1 - load.prefix_hit));
  return std::clamp(std::floor(device_.efficiency.serving.chunk / fresh), 1.0,
                    std::max(1.0, together));
}

// One prompt of each attention rank, when `together` of them wait on a rank.
StepTime Server::prompt(const Load& load, double together) const {
  const double fresh = std::max(1.0, load.input_tokens * (1 - load.prefix_hit));
  const double chunk = device_.efficiency.serving.chunk;
  const double at_once = prompts_at_once(load, together);
  StepTime step =
      prefill_step(at_once * deployment_.parallelism.attention_dp, fresh, load.input_tokens);
  // Further chunks of a long prompt cost their host time.
  const double further = std::max(0.0, std::ceil(fresh / chunk) - 1) * step.host_s;
  step.expected_s += further;
  step.host_s += further;
  step.limits_s[static_cast<std::size_t>(Limit::fixed)] += further;
  step *= 1 / at_once;
  return step;
}

double Server::chip_power(const StepTime& work, double seconds) const {
  const Figures& figures = device_.figures;
  if (figures.own) {
    return figures.action_prices[stats::Action::powered] + work.energy_j / seconds;
  }
  const Efficiency::Power& power = device_.efficiency.power;
  const double tdp = figures.tdp_w;
  const double idle = figures.idle_w > 0 ? figures.idle_w : power.idle * tdp;
  // Chips that wait for each other or for the host are not busy.
  const double waits = work.host_s + work.limits_s[static_cast<std::size_t>(Limit::link)];
  const double active = std::max(0.0, work.expected_s - waits) / seconds;
  const double memory = work.bytes / seconds / figures.memory_bytes_per_s;
  const Precision& weights = *deployment_.weights;
  const bool weight_only = weights.family == FormatFamily::weight_only;
  const double compute =
      work.operations / seconds / figures.peak(weight_only ? Rate::bf16 : weights.rate);
  const bool widens = weight_only || figures.native(weights.rate) != weights.rate;
  const double busy = power.busy + (widens ? power.widen : 0);
  const double share =
      busy * active + power.memory * memory + power.compute * std::pow(compute, power.bend);
  return idle + (tdp - idle) * std::min(1.0, share);
}

// A chip to a chip: by scale-up links where one domain holds them all.
KvTransfer Server::transfer(double tokens, double chips) const {
  const Figures& figures = device_.figures;
  KvTransfer result{.bytes = kv_bytes(tokens), .across = chips > joined_chips(figures)};
  result.bytes_per_s = result.across ? figures.scale_out_bytes_per_s : figures.link_bytes_per_s;
  result.seconds =
      result.across ? seconds_across(device_, result.bytes) : result.bytes / result.bytes_per_s;
  return result;
}

Server::Prompts Server::prompts(const Load& load, double running) const {
  const Parallelism& p = deployment_.parallelism;
  const double of_rank = std::max(1.0, running / p.attention_dp);
  return {.per_token = (of_rank - 1) / load.output_tokens / p.pp,
          .together = of_rank / load.output_tokens,
          .held = load.disaggregated    ? 0
                  : device_.figures.own ? 1
                                        : profile_of(device_, deployment_.framework).prefill};
}

Served Server::serve(const Load& load) const {
  const Parallelism& p = deployment_.parallelism;
  const Efficiency::Profile& profile = profile_of(device_, deployment_.framework);
  const bool own = device_.figures.own;
  const double positions = load.input_tokens + load.output_tokens * (own ? 1 : profile.growth);
  const double fit = std::max(1.0, fitting(positions));
  Served result;
  result.running = std::min(load.concurrency, fit);
  result.chips = p.chips();
  const double context = load.input_tokens + load.output_tokens / 2;
  const double of_rank = std::max(1.0, result.running / p.attention_dp);

  const StepTime decode = decode_step(result.running, context);
  const StepTime alone = this->prompt(load, 1);

  const auto [prompts, together, held] = this->prompts(load, result.running);
  const StepTime prompt = together > 1 ? this->prompt(load, together) : alone;
  StepTime others = prompt;
  others *= prompts * held;
  StepTime token = decode;
  token += others;
  // Where more than every other step has a prompt in it, so has the median one.
  result.itl_s = decode.expected_s + others.expected_s * std::min(1.0, 2 * prompts);
  result.tpot_s = token.expected_s;
  result.tpot_bound_s = decode.bound_s + (load.disaggregated ? 0 : prompts * prompt.bound_s);
  result.limits_s = token.limits_s;
  result.prefill_share = others.expected_s / token.expected_s;

  FirstToken& first = result.first;
  first.framework_s = own ? 0 : profile.prompt;
  first.prompt_s = alone.expected_s;
  first.queue_s = (own ? 0 : profile.burst * (of_rank - 1)) * prompt.expected_s;
  if (load.disaggregated) {
    // As many further chips as keep up with the prompts.
    result.prefill_chips =
        p.chips() * of_rank / load.output_tokens * prompt.expected_s / decode.expected_s;
    result.chips += result.prefill_chips;
    result.transfer = transfer(load.input_tokens, result.chips);
    first.transfer_s = result.transfer.seconds;
  } else {
    first.step_s = decode.expected_s / 2 * std::min(1.0, of_rank - 1);  // of others, under way
  }
  const double steps = load.output_tokens - 1;
  if (load.concurrency > result.running) {
    first.space_s = (load.concurrency / result.running - 1) * (first.sum() + steps * result.tpot_s);
  }
  result.ttft_s = first.sum();
  result.ttft_bound_s = alone.bound_s;
  result.output_tokens_per_s =
      load.concurrency * load.output_tokens / (result.ttft_s + steps * result.tpot_s);
  StepTime work = decode;
  StepTime all_prompts = prompt;
  all_prompts *= together / p.pp;  // one's own as well
  work += all_prompts;
  result.power_w = result.chips * chip_power(work, std::max(result.tpot_s, work.expected_s));
  result.energy_per_output_token_j = result.power_w / result.output_tokens_per_s;
  return result;
}

Batch Server::static_batch(double requests, double input_tokens, double output_tokens) const {
  const double fit = std::max(1.0, fitting(input_tokens + output_tokens));
  // A request that has ended makes room for the next: waves overlap.
  Batch result{.waves = std::max(1.0, requests / fit)};
  const double of_wave = requests / result.waves;
  const Load load{.concurrency = of_wave, .input_tokens = input_tokens};
  const Parallelism& p = deployment_.parallelism;
  const double of_rank = std::max(1.0, of_wave / p.attention_dp);
  // As many groups as stages take turns. While there are fewer, stages wait: token t + 1 of a group
  // needs its token t from the last stage.
  const double groups = std::min<double>(of_rank, p.pp);
  const double at_once = prompts_at_once(load, of_rank / groups);
  const StepTime prompt = this->prompt(load, of_rank / groups);
  StepTime decode = decode_step(of_wave, input_tokens + output_tokens / 2);
  result.tpot_s = decode.expected_s;

  // What a chip does, and beside it the time until the last stage has its first prompts.
  StepTime work = prompt;
  work *= of_rank / p.pp;
  const double fill_s = prompt.expected_s * at_once * (p.pp - 1) / p.pp;
  const double wait_s = decode.expected_s * (output_tokens - 1) * (1 - groups / p.pp);
  const double bound_s =
      prompt.bound_s * std::max(1.0, of_rank / p.pp) + decode.bound_s * (output_tokens - 1);
  decode *= (output_tokens - 1) * groups / p.pp;
  work += decode;
  if (!device_.figures.own) {
    work.expected_s += profile_of(device_, deployment_.framework).prompt;
  }
  const double seconds = work.expected_s + fill_s + wait_s;
  result.latency_s = result.waves * seconds;
  result.bound_s = result.waves * bound_s;
  result.power_w = p.chips() * chip_power(work, seconds);
  return result;
}

Served Server::offline(double input_tokens, double output_tokens, double running_max) const {
  const double fit = std::max(1.0, fitting(input_tokens + output_tokens));
  // Nobody waits for space here: there are exactly as many as fit.
  Served result = serve({.concurrency = std::min(fit, running_max),
                         .input_tokens = input_tokens,
                         .output_tokens = output_tokens});
  const double rate = result.running / result.tpot_s;
  result.energy_per_output_token_j *= result.output_tokens_per_s / rate;
  result.output_tokens_per_s = rate;
  return result;
}

}  // namespace churon::estimate
