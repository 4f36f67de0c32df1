#include "stats/activity.h"

namespace churon::stats {

std::span<const ActionEntry, kActionCount> actions() {
  static constexpr std::array<ActionEntry, kActionCount> entries{{
      {Action::mac_int8, "mac_int8_count", "MAC"},
      {Action::mac_w4, "mac_w4_count", "MAC"},
      {Action::mac_int16, "mac_int16_count", "MAC"},
      {Action::vector_operation, "vector_operation_count", "op"},
      {Action::memory_read, "memory_read_bytes", "B"},
      {Action::memory_write, "memory_write_bytes", "B"},
      {Action::scratch_access, "scratch_access_bytes", "B"},
      {Action::noc_hop, "noc_hop_bytes", "B"},
      {Action::powered, "powered_s", "s"},
      {Action::busy, "busy_s", "s"},
  }};
  return entries;
}

double Activity::macs() const {
  const Activity& self = *this;
  return self[Action::mac_int8] + self[Action::mac_w4] + self[Action::mac_int16];
}

Bytes Activity::memory_bytes() const {
  return Bytes{(*this)[Action::memory_read] + (*this)[Action::memory_write]};
}

std::array<Joules, kActionCount> energy_by_action(const Activity& activity,
                                                  const EnergyPrices& prices) {
  std::array<Joules, kActionCount> parts{};
  for (const ActionEntry& entry : actions()) {
    parts[static_cast<std::size_t>(entry.action)] =
        Joules{activity[entry.action] * prices[entry.action]};
  }
  return parts;
}

Joules energy(const Activity& activity, const EnergyPrices& prices) {
  Joules sum{};
  for (const Joules part : energy_by_action(activity, prices)) {
    sum += part;
  }
  return sum;
}

}  // namespace churon::stats
