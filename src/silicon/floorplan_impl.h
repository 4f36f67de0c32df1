// Shared by the two halves of the floorplan: floorplan.cpp places dies, stacks and what carries
// them, floorplan_die.cpp fills a die.
#pragma once

#include <fmt/format.h>

#include <array>
#include <numeric>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/unit.h"
#include "chip/budget.h"
#include "silicon/floorplan.h"

namespace churon::silicon::plan {

inline constexpr double kSlack = 1e-9;       // of rounding
inline constexpr double kStackGap = 0.1e-3;  // between stacks whose outlines touch

enum class Edge { left, right, bottom, top };
inline constexpr std::array kEdges{Edge::left, Edge::right, Edge::bottom, Edge::top};
inline bool is_vertical(Edge edge) { return edge == Edge::left || edge == Edge::right; }

inline std::string mm(double metres) { return fmt::format("{:.4g} mm", metres * 1e3); }
inline std::string mm2(double area) { return fmt::format("{:.4g} mm2", area * 1e6); }

// One placed die.
struct Placed {
  const chip::DieInstance* instance = nullptr;
  const chip::Die* die = nullptr;
  Rect rect = {};
  bool is_turned = false;              // by 90 or 270 degrees
  std::set<Edge> inner = {};           // that face another die
  std::set<Edge> d2d = {};             // that face one it is connected with
  std::vector<Edge> stack_edges = {};  // where memory stands
  std::array<int, 4> stacks = {};      // by edge

  [[nodiscard]] double length(Edge edge) const {
    return is_vertical(edge) ? rect.height : rect.width;
  }
  [[nodiscard]] int stacks_at(Edge edge) const { return stacks[static_cast<std::size_t>(edge)]; }
  [[nodiscard]] int stack_count() const { return std::accumulate(stacks.begin(), stacks.end(), 0); }
};

// Net areas of one die.
struct DieNet {
  double core = 0;   // of one core
  double cells = 0;  // cores and spares
  double phys = 0;   // of all stacks at this die
  double d2d = 0, misc = 0, collectives = 0;
  std::vector<std::pair<std::string, double>> serdes = {};

  [[nodiscard]] double links() const {
    double sum = 0;
    for (const auto& [name, area] : serdes) {
      sum += area;
    }
    return sum;
  }
  [[nodiscard]] double sum() const {
    return core * cells + phys + d2d + misc + collectives + links();
  }
};
// `dies`: among how many the blocks of the chip are shared.
DieNet net_of(const AreaBudget& area, const chip::Memory& memory, const chip::Die& die,
              double stacks, double dies);

// Adds the die and what it holds. Returns what a core takes against its area; A0306 where the
// interfaces leave no room for cores.
Result<double> fill_die(const Placed& die, const DieNet& net, const AreaBudget& area, int carrier,
                        Floorplan& plan);

}  // namespace churon::silicon::plan
