#include "silicon/floorplan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace churon::silicon {
namespace {

constexpr double kSlack = 1e-9;

struct Case {
  std::string chip;
  std::vector<std::string> overrides = {};
  std::string node = {};
};

Result<Floorplan> plan(const Case& of) {
  const auto chip = chip::load(of.chip, of.overrides);
  if (!chip) {
    return fail(chip);
  }
  const auto budget = area(*chip, of.node);
  if (!budget) {
    return fail(budget);
  }
  return floorplan(*chip, *budget);
}

std::vector<Case> cases() {
  return {
      {"churon-1"},
      {"churon-1h4"},
      {"churon-0"},
      {"churon-1", {"memory.hbm.stacks=6"}},
      {"churon-1", {"memory.hbm.stacks=5", "memory.hbm.affinity=interleave"}},
      {"churon-1", {"memory.hbm.stacks=3", "memory.hbm.affinity=interleave"}},
      {"churon-1", {"die.compute.spare_cores=0"}},
      {"churon-1", {"die.compute.spare_cores=7"}},
      {"churon-1", {"link.scaleup.lanes=64", "link.scaleup.area=45 mm2"}},
      {"churon-1", {"core.scratch.size=2 MiB"}},
      {"churon-1", {"die_instance.d1.rotate=0 deg"}},
      {"churon-1", {}, "n5"},
      {"churon-1", {}, "n7"},
      {"churon-1", {}, "n2"},
      {"churon-1h4", {}, "n5"},
      {"churon-0", {"die.compute.core_cols=4"}},
      {"churon-0",
       {"die.compute.core_rows=2", "die.compute.core_cols=3", "memory.ram.affinity=interleave"}},
      {"churon-0", {"memory.ram.stacks=1"}},
      {"churon-0", {"memory.ram.stacks=4"}},
      {"churon-0", {}, "n7"},
      {"churon-0", {}, "n16"},
  };
}

std::string describe(const Case& of) {
  std::string text = of.chip;
  for (const auto& one : of.overrides) {
    text += " " + one;
  }
  return text + (of.node.empty() ? "" : " at " + of.node);
}

std::vector<std::string> overlaps(const Floorplan& plan) {
  std::vector<std::string> found;
  for (std::size_t i = 0; i < plan.shapes.size(); ++i) {
    for (std::size_t j = i + 1; j < plan.shapes.size(); ++j) {
      const Shape& one = plan.shapes[i];
      const Shape& other = plan.shapes[j];
      // One may stand on the other: what holds it, or what holds that.
      bool is_held = false;
      for (int up = other.parent; up >= 0; up = plan.shapes[static_cast<std::size_t>(up)].parent) {
        is_held = is_held || up == static_cast<int>(i);
      }
      const Rect& a = one.rect;
      const Rect& b = other.rect;
      const double x = std::min(a.right(), b.right()) - std::max(a.x, b.x);
      const double y = std::min(a.top(), b.top()) - std::max(a.y, b.y);
      if (!is_held && x > kSlack && y > kSlack) {
        found.push_back(one.label + " and " + other.label);
      }
    }
  }
  return found;
}

TEST(Floorplan, nothing_overlaps_and_everything_is_within_what_holds_it) {
  for (const Case& of : cases()) {
    const auto made = plan(of);
    ASSERT_TRUE(made) << describe(of) << "\n" << to_text(made.error());
    EXPECT_THAT(overlaps(*made), testing::IsEmpty()) << describe(of);
    for (std::size_t i = 0; i < made->shapes.size(); ++i) {
      const Shape& shape = made->shapes[i];
      EXPECT_GT(shape.rect.width, 0) << describe(of) << " " << shape.label;
      EXPECT_GT(shape.rect.height, 0) << describe(of) << " " << shape.label;
      EXPECT_LT(shape.parent, static_cast<int>(i));
      if (shape.parent >= 0) {
        const Rect& outer = made->shapes[static_cast<std::size_t>(shape.parent)].rect;
        EXPECT_GE(shape.rect.x, outer.x - kSlack) << describe(of) << " " << shape.label;
        EXPECT_GE(shape.rect.y, outer.y - kSlack) << describe(of) << " " << shape.label;
        EXPECT_LE(shape.rect.right(), outer.right() + kSlack) << describe(of) << " " << shape.label;
        EXPECT_LE(shape.rect.top(), outer.top() + kSlack) << describe(of) << " " << shape.label;
      }
    }
  }
}

TEST(Floorplan, the_blocks_of_a_die_and_of_a_core_fill_it) {
  for (const Case& of : cases()) {
    const auto made = plan(of);
    ASSERT_TRUE(made);
    std::map<int, double> held;
    for (const Shape& shape : made->shapes) {
      held[shape.parent] += shape.rect.area();
    }
    for (std::size_t i = 0; i < made->shapes.size(); ++i) {
      const Shape& shape = made->shapes[i];
      if (shape.kind == ShapeKind::die || shape.kind == ShapeKind::core ||
          shape.kind == ShapeKind::spare_core) {
        EXPECT_NEAR(held[static_cast<int>(i)] / shape.rect.area(), 1, 1e-6) << describe(of);
      }
    }
  }
}

TEST(Floorplan, has_the_stacks_cores_and_spares_of_the_description) {
  for (const Case& of : cases()) {
    const auto made = plan(of);
    const auto chip = chip::load(of.chip, of.overrides);
    ASSERT_TRUE(made && chip);
    const auto count = [&](ShapeKind kind) {
      return std::count_if(made->shapes.begin(), made->shapes.end(),
                           [&](const Shape& shape) { return shape.kind == kind; });
    };
    const std::int64_t stacks = chip::main_memory(*chip).stacks;
    EXPECT_EQ(count(ShapeKind::core), chip::cores(*chip)) << describe(of);
    EXPECT_EQ(count(ShapeKind::spare_core), chip::spare_cores(*chip)) << describe(of);
    EXPECT_EQ(count(ShapeKind::memory_phy), stacks) << describe(of);
    EXPECT_EQ(count(ShapeKind::stack), made->has_stacks ? stacks : 0) << describe(of);
  }
}

TEST(Floorplan, a_stack_stands_before_its_phy) {
  for (const auto* name : {"churon-1", "churon-1h4"}) {
    const auto made = plan({name});
    ASSERT_TRUE(made);
    for (const Shape& stack : made->shapes) {
      if (stack.kind != ShapeKind::stack) {
        continue;
      }
      const double centre = stack.rect.x + stack.rect.width / 2;
      const bool has_phy =
          std::any_of(made->shapes.begin(), made->shapes.end(), [&](const Shape& phy) {
            const double apart = std::min(std::fabs(phy.rect.y - stack.rect.top()),
                                          std::fabs(stack.rect.y - phy.rect.top()));
            return phy.kind == ShapeKind::memory_phy && apart < 0.5e-3 &&
                   std::fabs(phy.rect.x + phy.rect.width / 2 - centre) < 1e-6;
          });
      EXPECT_TRUE(has_phy) << stack.label;
    }
  }
}

TEST(Floorplan, stacks_keep_the_pitch_and_dies_the_reticle) {
  for (const Case& of : cases()) {
    const auto made = plan(of);
    ASSERT_TRUE(made);
    for (const Shape& shape : made->shapes) {
      if (shape.kind == ShapeKind::die) {
        EXPECT_LE(std::min(shape.rect.width, shape.rect.height), 26e-3 + kSlack);
        EXPECT_LE(std::max(shape.rect.width, shape.rect.height), 33e-3 + kSlack);
      }
      for (const Shape& other : made->shapes) {
        if (shape.kind == ShapeKind::stack && other.kind == ShapeKind::stack && &shape != &other &&
            std::fabs(shape.rect.y - other.rect.y) < 1e-6) {
          EXPECT_GE(std::fabs(shape.rect.x - other.rect.x), 11e-3 - kSlack) << describe(of);
        }
      }
    }
  }
}

TEST(Floorplan, the_die_to_die_strips_of_churon_1_face_each_other) {
  const auto made = plan({"churon-1"});
  ASSERT_TRUE(made);
  std::vector<Rect> strips;
  for (const Shape& shape : made->shapes) {
    if (shape.kind == ShapeKind::d2d) {
      strips.push_back(shape.rect);
    }
  }
  ASSERT_EQ(strips.size(), 2U);
  EXPECT_NEAR(std::max(strips[0].x, strips[1].x) - std::min(strips[0].right(), strips[1].right()),
              0.3e-3, 1e-6);
}

TEST(Floorplan, is_close_to_the_areas_it_draws) {
  for (const auto* name : {"churon-1", "churon-1h4", "churon-0"}) {
    const auto made = plan({name});
    ASSERT_TRUE(made);
    for (const DieSize& die : made->dies) {
      EXPECT_NEAR(die.core_share, 1, 0.05) << name;
    }
  }
}

TEST(Floorplan, says_when_the_instances_of_a_die_need_two_masks) {
  const auto made = plan({"churon-1", {"die_instance.d1.rotate=0 deg"}});
  ASSERT_TRUE(made);
  EXPECT_THAT(made->notes, testing::Contains(testing::HasSubstr("two masks")));
  EXPECT_THAT(plan({"churon-1"})->notes,
              testing::Not(testing::Contains(testing::HasSubstr("two masks"))));
}

TEST(Floorplan, is_infeasible_with_the_numbers_that_would_fit) {
  struct Bad {
    Case of;
    std::string code, fits;
  };
  for (const Bad& bad : {
           Bad{{"churon-0",
                {"die.compute.core_rows=16", "die.compute.core_cols=8",
                 "memory.ram.affinity=interleave"}},
               "A0301",
               "cores instead of"},
           Bad{{"churon-1", {}, "n16"}, "A0301", "cores instead of"},
           Bad{{"churon-1", {"memory.hbm.stacks=12"}}, "A0302", "8 stacks would fit"},
           Bad{{"churon-1", {"package.interposer_height=80 mm"}}, "A0303", "dies and stacks need"},
           Bad{{"churon-1", {"package.interposer_height=30 mm"}}, "A0304", "they take"},
           Bad{{"churon-1", {"package.substrate_width=50 mm"}}, "A0304", "would carry it"},
           Bad{{"churon-1", {"core.scratch.size=16 MiB"}}, "A0306", "it would be"},
       }) {
    const auto made = plan(bad.of);
    ASSERT_FALSE(made) << describe(bad.of);
    EXPECT_EQ(made.error().front().code, bad.code) << to_text(made.error());
    EXPECT_EQ(made.error().front().exit, ExitCode::infeasible);
    EXPECT_NE(to_text(made.error()).find(bad.fits), std::string::npos) << to_text(made.error());
  }
}

}  // namespace
}  // namespace churon::silicon
