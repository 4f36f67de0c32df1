#include "cost/wafer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>

namespace churon::cost {
namespace {

// Dies of one grid with its own arithmetic: row by row, no offset searched.
std::int64_t dies_of_grid(DieSize die, Wafer wafer, double u, double v) {
  const double radius = wafer.diameter / 2 - wafer.edge;
  const double px = die.width + wafer.street, py = die.height + wafer.street;
  std::int64_t count = 0;
  for (double y = v - std::ceil(2 * radius / py) * py; y < 2 * radius; y += py) {
    const double far = std::max(std::abs(y), std::abs(y + die.height));
    if (far > radius) {
      continue;
    }
    const double half = std::sqrt(radius * radius - far * far);
    const double first = std::ceil((-half - u) / px - 1e-12);
    const double last = std::floor((half - die.width - u) / px + 1e-12);
    count += static_cast<std::int64_t>(std::max(last - first + 1, 0.0));
  }
  return count;
}

constexpr DieSize kDies[]{{26, 33}, {27.8, 13.1}, {25.5, 31.92}, {33, 24.25}, {13, 9},   {7, 31},
                          {5, 5},   {3.1, 4.7},   {63, 41},      {120, 7},    {1.7, 2.3}};
constexpr Wafer kWafers[]{{300, 3, 0.1}, {300, 5, 0.2}, {300, 2, 0}, {200, 3, 0.1}, {150, 0, 0.06}};

TEST(Wafer, no_grid_of_a_fine_search_holds_more_dies_than_the_best) {
  for (const Wafer& wafer : kWafers) {
    for (const DieSize& die : kDies) {
      const std::int64_t best = gross_dies(die, wafer);
      for (int i = 0; i < 41; ++i) {
        for (int j = 0; j < 41; ++j) {
          const double u = (die.width + wafer.street) * i / 41;
          const double v = (die.height + wafer.street) * j / 41;
          ASSERT_LE(dies_of_grid(die, wafer, u, v), best)
              << die.width << " x " << die.height << " on " << wafer.diameter;
        }
      }
    }
  }
}

TEST(Wafer, every_placed_die_is_inside_and_on_one_grid) {
  for (const Wafer& wafer : kWafers) {
    for (const DieSize& die : kDies) {
      const auto dies = placed_dies(die, wafer);
      for (const DiePosition& at : dies) {
        ASSERT_LE(corner_radius(die, at), wafer.diameter / 2 - wafer.edge + 1e-8);
        const double columns = (at.x - dies[0].x) / (die.width + wafer.street);
        const double rows = (at.y - dies[0].y) / (die.height + wafer.street);
        ASSERT_NEAR(columns, std::round(columns), 1e-9);
        ASSERT_NEAR(rows, std::round(rows), 1e-9);
      }
    }
  }
}

// The formula takes dies for squares: long strips lose more at the rim.
TEST(Wafer, placement_is_never_below_the_floor_formula) {
  for (const Wafer& wafer : kWafers) {
    for (const DieSize& die : kDies) {
      if (std::max(die.width, die.height) > 5 * std::min(die.width, die.height)) {
        continue;
      }
      EXPECT_GE(static_cast<double>(gross_dies(die, wafer)),
                std::floor(gross_dies_floor(die, wafer)));
    }
  }
}

TEST(Wafer, de_vries_can_lie_above_the_best_grid) {
  const DieSize die{25.5, 31.92};
  EXPECT_NEAR(gross_dies_de_vries(die, {}), 68.2, 0.1);
  const std::int64_t best = gross_dies(die, {});
  EXPECT_GE(best, 66);
  EXPECT_LE(best, 67);
}

TEST(Wafer, a_die_and_its_rotation_have_the_same_count) {
  for (const DieSize& die : kDies) {
    EXPECT_EQ(gross_dies(die, {}), gross_dies({die.height, die.width}, {}));
  }
}

TEST(Wafer, one_die_as_large_as_the_wafer_allows_fits_once) {
  const double side = 294 / std::sqrt(2.0);
  EXPECT_EQ(gross_dies({side, side}, {}), 1);
  EXPECT_EQ(gross_dies({side + 1e-3, side + 1e-3}, {}), 0);
  EXPECT_EQ(gross_dies({400, 1}, {}), 0);
  EXPECT_EQ(gross_dies({10, 10}, {300, 150, 0}), 0);
}

// Millions of dies: neither kept one by one nor compared pair by pair.
TEST(Wafer, the_smallest_dies_on_the_largest_wafer_are_counted_at_once) {
  const DieSize die{0.2, 0.2};
  const Wafer wafer{1000, 3, 0.1};
  const auto begin = std::chrono::steady_clock::now();
  const std::int64_t best = gross_dies(die, wafer);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));  // 0.03 s
  for (int i = 0; i < 9; ++i) {
    for (int j = 0; j < 9; ++j) {
      EXPECT_LE(dies_of_grid(die, wafer, 0.3 * i / 9, 0.3 * j / 9), best);
    }
  }
  EXPECT_NEAR(static_cast<double>(best) / gross_dies_de_vries(die, wafer), 1, 1e-3);
}

// Four square dies of side s around the centre reach to s * sqrt(2), and touch at once: only the
// offset where all four meet the rim holds them.
TEST(Wafer, the_one_offset_at_which_dies_touch_is_found) {
  const double side = 147 / std::sqrt(2.0);
  EXPECT_EQ(gross_dies({side, side}, {300, 3, 0}), 4);
}

}  // namespace
}  // namespace churon::cost
