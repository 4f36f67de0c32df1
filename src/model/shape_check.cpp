#include "model/shape_check.h"

#include <fmt/format.h>

#include <cmath>

namespace churon::model {

namespace {

constexpr double kParametersMax = 1e14;

// Matrices only, in floating point: a bound, not a count.
double rough_parameters(const Hyperparameters& h) {
  const auto number = [](std::int64_t value) { return static_cast<double>(value); };
  const double d = number(h.d_model);
  const double attention = d * number(h.q_dim() + h.kv_dim() + h.v_dim()) * 2;
  const double experts =
      number(h.experts.count) * number(h.experts.d_ff) + number(h.experts.d_ff_shared);
  return number(h.layers) * (attention + 3 * d * (number(h.d_ff) + experts)) +
         2 * d * number(h.vocab + (h.has_learned_positions ? h.context : 0));
}

void add_expert_problems(const Hyperparameters& h, std::vector<std::string>& problems) {
  const Experts& e = h.experts;
  if (h.mixture_layers() == 0) {
    return;
  }
  if (e.count == 0 || e.d_ff == 0) {
    problems.emplace_back("layers with experts need a number of experts and their width");
    return;
  }
  if (e.per_token < 1 || e.per_token > e.count) {
    problems.push_back(fmt::format("{} experts for each token of {} experts; 1 to {} is right",
                                   e.per_token, e.count, e.count));
  }
  if (e.count % e.groups != 0 || e.groups_kept > e.groups) {
    problems.push_back(
        fmt::format("{} of {} groups of {} experts; groups divide the experts evenly",
                    e.groups_kept, e.groups, e.count));
  } else if (e.per_token > e.count / e.groups * e.groups_kept) {
    problems.push_back(fmt::format("{} experts for each token do not fit {} groups of {}",
                                   e.per_token, e.groups_kept, e.count / e.groups));
  }
}

}  // namespace

std::vector<std::string> shape_problems(const Hyperparameters& h) {
  std::vector<std::string> problems;
  if (h.heads % h.kv_heads != 0) {
    problems.push_back(fmt::format("{} attention heads cannot share {} key-value heads evenly",
                                   h.heads, h.kv_heads));
  }
  if (h.key_dim < 1 || h.value_dim < 1 || h.key_dim > kShapeHeadDimMax) {
    problems.push_back(fmt::format("heads have a length of {} and {}; 1 to {} is right", h.key_dim,
                                   h.value_dim, kShapeHeadDimMax));
  }
  if (!h.has_learned_positions &&
      (h.rope.dims % 2 != 0 || h.rope.dims < 2 || h.rope.dims > h.key_dim)) {
    problems.push_back(
        fmt::format("{} rotated elements of a head of {}; an even number up to that "
                    "is right",
                    h.rope.dims, h.key_dim));
  }
  if (h.mixture_layers() < h.layers && h.d_ff == 0) {
    problems.emplace_back("layers without experts need the width of their feed-forward block");
  }
  add_expert_problems(h, problems);
  if (h.is_latent() && (h.latent.nope == 0 || h.latent.rope == 0)) {
    problems.emplace_back("latent attention needs the length of both parts of a head's key");
  }
  if (h.indexer.heads != 0) {
    if (h.indexer.head_dim == 0 || h.indexer.top == 0) {
      problems.emplace_back("an indexer needs the length of its heads and how many it selects");
    }
    if (h.latent.q_lora == 0) {
      problems.emplace_back("an indexer needs latent attention with latent queries");
    }
  }
  if (const double parameters = rough_parameters(h); parameters > kParametersMax) {
    problems.push_back(fmt::format("about {:.2g} parameters; at most {:.0e} are taken", parameters,
                                   kParametersMax));
  }
  return problems;
}

void complete_shape(Hyperparameters& h) {
  h.layer_has_window.resize(static_cast<std::size_t>(h.layers), false);
  h.attention_scale = 1.0F / std::sqrt(static_cast<float>(h.key_dim));
  h.rope.pairing = RopePairing::neox;
  if (h.has_learned_positions) {
    h.rope.dims = 0;
  }
  if (h.canonical_name.empty()) {
    h.canonical_name = h.name;
  }
}

}  // namespace churon::model
