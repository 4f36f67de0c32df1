// How the operators of a graph are shared among threads: stages with a barrier after each.
//
//   rows        operators that treat each row by itself, one after another on a group of rows, and
//               at their end the quantising of the next product's input
//   matmul      a matrix product, divided by outputs
//   attention   divided by key/value heads and tokens
#pragma once

#include <cstddef>
#include <vector>

#include "graph/graph.h"

namespace churon::exec {

struct Stage {
  enum class Kind { rows, matmul, attention };
  Kind kind = Kind::rows;
  graph::Rows rows = graph::Rows::tokens;
  std::size_t begin = 0;  // operators of the graph
  std::size_t end = 0;
  // Of a stage of rows that ends with the quantising of a product's input: that product.
  std::ptrdiff_t quantizes_for = -1;
};

// Every operator stands in exactly one stage, in the graph's order.
std::vector<Stage> stages(const graph::Graph& graph);

}  // namespace churon::exec
