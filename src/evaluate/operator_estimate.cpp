#include "evaluate/operator_estimate.h"

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "evaluate/explain.h"

namespace churon::evaluate {

namespace {

using estimate::AttentionWork;
using estimate::CollectiveWork;
using estimate::Device;
using estimate::ExpertsWork;
using estimate::Gemm;

constexpr double kSizeMax = 1e12;

// What is wrong with the sizes, rule by rule.
class Rules {
 public:
  void size(std::string_view name, double value, double least = 1) {
    if (!(value >= least) || !(value <= kSizeMax) || value != std::floor(value)) {
      broken(fmt::format("{} is {}", name, value),
             fmt::format("{} is a whole number from {} to {:g}", name, least, kSizeMax));
    }
  }
  void divides(std::string_view part, double divisor, std::string_view whole, double value) {
    if (divisor >= 1 && value >= 1 && std::fmod(value, divisor) != 0) {
      broken(fmt::format("{} {:.0f} does not divide {} {:.0f}", part, divisor, whole, value),
             fmt::format("{} divides {} evenly", part, whole));
    }
  }
  void at_most(std::string_view name, double value, double most, std::string_view what) {
    if (value > most) {
      broken(fmt::format("{} {:.0f} is more than {} {:.0f}", name, value, what, most),
             fmt::format("{} is at most {:.0f}", name, most));
    }
  }
  // Ranks beyond what scale-up links join need a stated rate there.
  void reaches(std::string_view name, double ranks, const estimate::Figures& figures) {
    at_most(name, ranks, estimate::kRanksMax, "any machine's chips:");
    if (!estimate::reaches(figures, ranks)) {
      const double joined = estimate::joined_chips(figures);
      broken(
          fmt::format("{} {:.0f} is more than the chips that scale-up links of {} join: {:.0f}",
                      name, ranks, figures.chip, joined),
          fmt::format("{} is at most {:.0f}, or --set 'system.scaleout_rate=400 Gb/s' states the "
                      "rate of a chip beyond them",
                      name, joined));
    }
  }
  [[nodiscard]] Diagnostics take() { return std::move(findings_); }

 private:
  void broken(std::string message, std::string rule) {
    findings_.push_back({.code = "E0604",
                         .message = std::move(message),
                         .help = {std::move(rule)},
                         .exit = ExitCode::usage});
  }
  Diagnostics findings_;
};

Diagnostics check(const Device&, const Gemm& work) {
  Rules rules;
  rules.size("--m", work.m);
  rules.size("--n", work.n);
  rules.size("--k", work.k);
  return rules.take();
}

Diagnostics check(const Device&, const AttentionWork& work) {
  Rules rules;
  rules.size("--batch", work.sequences);
  rules.size("--context", work.context);
  rules.size("--heads", work.heads);
  rules.size("--kv-heads", work.kv_heads);
  rules.size("--head-dim", work.key_dim);
  rules.size("--window", work.window, 0);
  rules.divides("--kv-heads", work.kv_heads, "--heads", work.heads);
  return rules.take();
}

Diagnostics check(const Device& device, const CollectiveWork& work) {
  Rules rules;
  rules.size("--bytes", work.bytes);
  rules.size("--ranks", work.ranks, 2);
  rules.reaches("--ranks", work.ranks, device.figures);
  return rules.take();
}

Diagnostics check(const Device& device, const ExpertsWork& work) {
  Rules rules;
  rules.size("--tokens", work.tokens);
  rules.size("--hidden", work.hidden);
  rules.size("--inter", work.inter);
  rules.size("--experts", work.experts);
  rules.size("--per-token", work.per_token);
  rules.size("--ep", work.ranks_ep);
  rules.size("--tp", work.ranks_tp);
  rules.at_most("--per-token", work.per_token, work.experts, "--experts");
  rules.divides("--ep", work.ranks_ep, "--experts", work.experts);
  rules.divides("--tp", work.ranks_tp, "--inter", work.inter);
  rules.reaches("--ep x --tp", work.ranks_ep * work.ranks_tp, device.figures);
  return rules.take();
}

OperatorEstimate priced(const Device& device, const Gemm& work) {
  return {.kind = "gemm",
          .shape = fmt::format("m {:.0f}, n {:.0f}, k {:.0f}, {}", work.m, work.n, work.k,
                               work.precision->name),
          .price = gemm(device, work),
          .band = {},
          .rate = work.precision->rate};
}

OperatorEstimate priced(const Device& device, const AttentionWork& work) {
  return {
      .kind = work.prefill ? "attention_prefill" : "attention_decode",
      .shape = fmt::format(
          "{} of {:.0f} positions{}, {:.0f} heads, {:.0f} KV heads, dim {:.0f}, KV of {:g} bits",
          work.sequences == 1 ? std::string("1 sequence")
                              : fmt::format("{:.0f} sequences", work.sequences),
          work.context,
          work.window > 0 ? fmt::format(", a window of {:.0f}", work.window) : std::string(),
          work.heads, work.kv_heads, work.key_dim, work.kv_bits),
      .price = attention(device, work),
      .band = {},
      .rate = work.precision->rate};
}

OperatorEstimate priced(const Device& device, const CollectiveWork& work) {
  return {.kind = std::string(estimate::name(work.kind)),
          .shape = fmt::format("{:.0f} bytes over {:.0f} ranks{}", work.bytes, work.ranks,
                               work.framework_kernel ? ", a framework's kernel" : ""),
          .price = collective(device, work),
          .band = {}};
}

OperatorEstimate priced(const Device& device, const ExpertsWork& work) {
  return {.kind = "experts",
          .shape = fmt::format(
              "{:.0f} tokens, {:.0f} of {:.0f} experts of {:.0f} x {:.0f}, ep {:.0f}, "
              "tp {:.0f}, {}{}",
              work.tokens, work.per_token, work.experts, work.hidden, work.inter, work.ranks_ep,
              work.ranks_tp, work.precision->name, work.walks_experts ? ", expert by expert" : ""),
          .price = experts(device, work),
          .band = {},
          .rate = work.precision->rate};
}

bool is_collective(const OperatorEstimate& estimate) {
  return estimate.price.link_bytes > 0 || estimate.kind.starts_with("all_") ||
         estimate.kind == "reduce_scatter";
}

}  // namespace

Result<OperatorEstimate> operator_estimate(const Device& device, const OperatorWork& work,
                                           const ErrorBands& bands) {
  auto wrong = std::visit([&](const auto& w) { return check(device, w); }, work);
  if (!wrong.empty()) {
    return tl::unexpected(std::move(wrong));
  }
  OperatorEstimate result = std::visit([&](const auto& w) { return priced(device, w); }, work);
  const bool collective = is_collective(result);
  if (!device.figures.own) {
    // What crosses a domain was measured nowhere.
    result.band = bands.of(collective ? "collective" : result.kind, "kernel_time",
                           result.price.across_bytes == 0);
  }
  result.native_rate = device.figures.native(result.rate);
  result.peak_ops_per_s = collective ? 0 : device.figures.peak(result.rate);
  result.memory_bytes_per_s = device.figures.memory_bytes_per_s;
  result.link_bytes_per_s = device.figures.link_bytes_per_s;
  return result;
}

Result<estimate::Term> explain(const chip::Chip& chip, const Device& device,
                               const OperatorEstimate& estimate) {
  const auto explainer = Explainer::create(chip, device);
  if (!explainer) {
    return fail(explainer);
  }
  const bool collective = is_collective(estimate);
  const std::string scope = collective                               ? "collective"
                            : estimate.kind.starts_with("attention") ? "attention"
                                                                     : estimate.kind;
  const std::string_view formula =
      scope == "gemm"        ? "2 m n k"
      : scope == "attention" ? "2 sequences heads queries positions "
                               "(key + value dim), the causal half"
      : scope == "experts"   ? "2 choices of the hottest rank x projections x hidden x inter"
                             : "";
  estimate::Term tree =
      explainer->price("time", fmt::format("{}: {}", estimate.kind, estimate.shape), estimate.price,
                       estimate.rate, scope, formula);
  if (!device.figures.own) {
    tree.children.push_back(Explainer::band("band", estimate.price.expected_s, "s", estimate.band));
  }
  return tree;
}

}  // namespace churon::evaluate
