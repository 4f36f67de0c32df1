#include "plan/tree.h"

namespace churon::plan {

namespace {

bool differ_in(const Scenario& scenario, const Future& a, const Future& b, int quarter) {
  for (std::size_t c = 0; c < scenario.classes.size(); ++c) {
    const auto q = index(quarter);
    if (a.demand[c][q] != b.demand[c][q]) {
      return true;
    }
  }
  return quarter >= scenario.slip_known && a.slip != b.slip;
}

}  // namespace

FutureTree::FutureTree(const Scenario& scenario) {
  const auto count = scenario.futures.size();
  std::vector<int> before(count, -1);
  for (int quarter = 0; quarter < scenario.quarters; ++quarter) {
    std::vector<int> now(count, -1);
    std::vector<int> made;
    for (std::size_t f = 0; f < count; ++f) {
      for (const int candidate : made) {
        const TreeNode& node = nodes_[index(candidate)];
        if (node.parent == before[f] && !differ_in(scenario, scenario.futures[index(node.future)],
                                                   scenario.futures[f], quarter)) {
          now[f] = candidate;
        }
      }
      if (now[f] < 0) {
        now[f] = static_cast<int>(nodes_.size());
        nodes_.push_back({quarter, before[f], static_cast<int>(f), 0});
        made.push_back(now[f]);
      }
      nodes_[index(now[f])].probability += scenario.futures[f].probability;
    }
    node_.push_back(now);
    of_quarter_.push_back(std::move(made));
    before = std::move(now);
  }
}

int FutureTree::ancestor(int node, int quarter) const {
  const TreeNode* at = &nodes_[index(node)];
  while (at->quarter > quarter) {
    node = at->parent;
    at = &nodes_[index(node)];
  }
  return node;
}

}  // namespace churon::plan
