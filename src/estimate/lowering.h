// From the operators of a model's step to those of one rank: matrices are cut by tensor
// parallelism, experts spread, sums over ranks put in between; layers alike become one line with a
// count.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "estimate/collective.h"
#include "estimate/kernels.h"
#include "estimate/parallelism.h"
#include "model/hyperparameters.h"

namespace churon::estimate {

// What is prepared once: a model in a format on ranks of a chip.
struct Deployment {
  const model::Hyperparameters* shape = nullptr;  // used by `create` alone
  Parallelism parallelism;
  Framework framework = Framework::generic;
  const Precision* weights = nullptr;
  double kv_bits = 16;
  // Heads that the ranks do not divide are padded, as some compilers do; else that is an error.
  bool pads_heads = false;
};

// Of an activation between kernels and chips: 16 bit.
inline constexpr double kActivationBytes = 2;

// All tokens of all attention ranks to the ranks of their experts, and back.
struct Exchange {
  double hidden = 0, per_token = 0, ranks = 1, attention_ranks = 1;
  double together = 1;  // of a tensor-parallel group
};

// An operator of one rank; what grows with the rows of a step is of one row: bytes of a collective,
// bytes and operations of what is element by element. The m of products, tokens and sequences are
// filled in for each step.
struct RankOp {
  enum class Per { token, sampled, position };  // of the attention rank
  std::string name;
  double count = 1;
  Per per = Per::token;
  std::variant<Gemm, AttentionWork, ExpertsWork, CollectiveWork, ElementwiseWork, Exchange,
               SendWork>
      work;
};

// Layers whose caches keep the last `window` positions; 0: all.
struct WindowLayers {
  double window = 0, layers = 0;
};

struct Lowered {
  std::vector<RankOp> decode, prefill;  // one pass of all layers, whatever the stages
  std::vector<WindowLayers> windows;
  double kv_elements = 0;    // of one position and layer on one rank
  double weights_bytes = 0;  // of a chip
};

// Errors: E0402 heads, E0403 experts, E0404 ranks of the experts, E0405 pipeline stages, E0409 more
// than kRanksMax ranks.
Result<void> check_parallelism(const model::Hyperparameters& shape, const Deployment& deployment);
// Of a deployment that passed, on domains of that many chips.
Lowered lower(const model::Hyperparameters& shape, const Deployment& deployment,
              double domain_chips);

// Borders between pipeline stages that are borders of domains of that many chips. Whole stages lie
// in a domain as long as they fit one: pipelines are what crosses domains first.
int crossing_stages(const Parallelism& parallelism, double domain_chips);

// Ranks that share one expert: moe_tp, or what follows from the others.
int expert_tensor_ranks(const Parallelism& parallelism);
// The format of matrices outside the experts. Four-bit checkpoints of mixtures narrow the experts
// alone (gpt-oss model card; NVIDIA's DeepSeek-R1-FP4 model card).
const Precision* dense_precision(const model::Hyperparameters& shape, const Precision* weights);

}  // namespace churon::estimate
