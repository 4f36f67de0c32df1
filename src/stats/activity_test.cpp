#include "stats/activity.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace churon::stats {
namespace {

TEST(Activity, the_table_lists_every_action_once_in_order) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kActionCount; ++i) {
    EXPECT_EQ(static_cast<std::size_t>(actions()[i].action), i);
    names.insert(actions()[i].name);
  }
  EXPECT_EQ(names.size(), kActionCount);
}

TEST(Activity, energy_is_the_sum_of_its_actions) {
  Activity activity;
  EnergyPrices prices;
  double sum = 0;
  for (const ActionEntry& entry : actions()) {
    const double count = 3.0 + static_cast<double>(entry.action);
    const double price = 0.5 * static_cast<double>(entry.action) + 0.25;
    activity[entry.action] = count;
    prices[entry.action] = price;
    sum += count * price;
    EXPECT_DOUBLE_EQ(
        energy_by_action(activity, prices)[static_cast<std::size_t>(entry.action)].value(),
        count * price);
  }
  EXPECT_DOUBLE_EQ(energy(activity, prices).value(), sum);
}

TEST(Activity, adds_and_scales_every_count) {
  Activity a;
  a[Action::mac_int8] = 7;
  a[Action::memory_read] = 33;
  Activity b = a;
  b *= 2;
  b += a;
  EXPECT_EQ(b[Action::mac_int8], 21);
  EXPECT_EQ(b.macs(), 21);
  EXPECT_EQ(b.memory_bytes(), Bytes{99});
}

}  // namespace
}  // namespace churon::stats
