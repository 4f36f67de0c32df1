// What is known when. Two futures are told apart from the quarter in which their demand first
// differs, or in which the own chip's slip is known; until then nobody can act on the difference. A
// node is a quarter and a set of futures that look the same in it.
#pragma once

#include <vector>

#include "plan/scenario.h"

namespace churon::plan {

struct TreeNode {
  int quarter = 0;
  int parent = -1;  // of the quarter before
  int future = 0;   // the first of its futures
  double probability = 0;
};

class FutureTree {
 public:
  explicit FutureTree(const Scenario& scenario);

  [[nodiscard]] const std::vector<TreeNode>& nodes() const { return nodes_; }
  [[nodiscard]] int node(int quarter, int future) const {
    return node_[static_cast<std::size_t>(quarter)][static_cast<std::size_t>(future)];
  }
  // The node of `quarter`, no later than that of `node`, on the way to it.
  [[nodiscard]] int ancestor(int node, int quarter) const;
  // Of a quarter, in order.
  [[nodiscard]] const std::vector<int>& of_quarter(int quarter) const {
    return of_quarter_[static_cast<std::size_t>(quarter)];
  }

 private:
  std::vector<TreeNode> nodes_;
  std::vector<std::vector<int>> node_;  // by quarter and future
  std::vector<std::vector<int>> of_quarter_;
};

}  // namespace churon::plan
