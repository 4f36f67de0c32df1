// What an engine holds. Internal to the room.
#pragma once

#include <memory>
#include <vector>

#include "exec/engine.h"
#include "exec/plan.h"
#include "exec/weights.h"
#include "graph/graph.h"
#include "numeric/kernels.h"
#include "numeric/rope_table.h"
#include "numeric/thread_pool.h"

namespace churon::exec {

struct EngineImpl {
  const model::Model* model = nullptr;
  EngineOptions options;
  numeric::Kernels kernels{};
  std::unique_ptr<numeric::ThreadPool> pool;
  graph::Graph graph;  // of one token; the rows of a step are the session's
  std::vector<Stage> stages;
  Weights weights;
  numeric::RopePairing pairing = numeric::RopePairing::adjacent;
  numeric::RopeTable rope;                      // extended as positions are reached
  numeric::RopeTable local_rope;                // of the layers with a window
  std::vector<std::vector<float>> key_centres;  // by layer, negated; empty where the graph has none
};

}  // namespace churon::exec
