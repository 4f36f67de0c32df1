// What a chip did, in counts of actions with a unit, and what each action costs in energy. All
// fidelities return the same `Activity`; the energy of anything is the sum of its actions.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "base/quantity.h"

namespace churon::stats {

// Static power is an action too: the second that the chip is powered. So is the busy second of a
// chip whose energy is known by its power alone.
enum class Action {
  mac_int8,          // int8 x int8, with its operands and its share of the accumulation
  mac_w4,            // 4-bit weight x int8
  mac_int16,         // int16 x int8: probabilities times values, two passes of the int8 cell
  vector_operation,  // one FP32 operation of one lane
  memory_read,       // byte from the device memory
  memory_write,      // byte to the device memory
  scratch_access,    // byte to or from the cores' scratch memory
  noc_hop,           // byte over one link of the on-chip network
  powered,           // second of leakage, clocks and idle interfaces
  busy,              // second at work, for chips described by power alone
};
inline constexpr std::size_t kActionCount = 10;

struct ActionEntry {
  Action action;
  std::string_view name;  // as in JSON, with its unit
  std::string_view unit;
};
// Every action there is, in the order of the enumeration.
std::span<const ActionEntry, kActionCount> actions();

// Joules per action, in the unit of each.
class EnergyPrices {
 public:
  [[nodiscard]] constexpr double operator[](Action action) const {
    return joules_[static_cast<std::size_t>(action)];
  }
  constexpr double& operator[](Action action) { return joules_[static_cast<std::size_t>(action)]; }

 private:
  std::array<double, kActionCount> joules_{};
};

class Activity {
 public:
  [[nodiscard]] constexpr double operator[](Action action) const {
    return counts_[static_cast<std::size_t>(action)];
  }
  constexpr double& operator[](Action action) { return counts_[static_cast<std::size_t>(action)]; }

  constexpr Activity& operator+=(const Activity& other) {
    for (std::size_t i = 0; i < kActionCount; ++i) {
      counts_[i] += other.counts_[i];
    }
    return *this;
  }
  constexpr Activity& operator*=(double factor) {
    for (double& count : counts_) {
      count *= factor;
    }
    return *this;
  }

  [[nodiscard]] double macs() const;
  [[nodiscard]] Bytes memory_bytes() const;

 private:
  std::array<double, kActionCount> counts_{};
};

Joules energy(const Activity& activity, const EnergyPrices& prices);
// The same, action by action.
std::array<Joules, kActionCount> energy_by_action(const Activity& activity,
                                                  const EnergyPrices& prices);

}  // namespace churon::stats
