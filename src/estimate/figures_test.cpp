#include "estimate/figures.h"

#include <gtest/gtest.h>

namespace churon::estimate {
namespace {

Figures read(const char* name) {
  auto chip = chip::load(name);
  EXPECT_TRUE(chip) << to_text(chip.error());
  auto result = figures(*chip);
  EXPECT_TRUE(result) << to_text(result.error());
  return *result;
}

TEST(Figures, of_a_bought_chip_are_those_of_its_data_sheet) {
  const Figures h100 = read("h100");
  EXPECT_FALSE(h100.own);
  EXPECT_DOUBLE_EQ(h100.peak(Rate::bf16), 989e12);
  EXPECT_DOUBLE_EQ(h100.peak(Rate::fp8), 1979e12);
  EXPECT_DOUBLE_EQ(h100.memory_bytes_per_s, 3.35e12);
  EXPECT_DOUBLE_EQ(h100.memory_bytes, 80e9);
  EXPECT_DOUBLE_EQ(h100.cache_bytes, 50e6);
  EXPECT_DOUBLE_EQ(h100.cores, 132);
  EXPECT_DOUBLE_EQ(h100.clock_hz, 1.83e9);
  EXPECT_DOUBLE_EQ(h100.link_bytes_per_s, 450e9);
  EXPECT_DOUBLE_EQ(h100.domain_chips, 8);
  EXPECT_TRUE(h100.switched);
  EXPECT_TRUE(h100.switch_reduce);
  EXPECT_FALSE(read("l40s").switched);
}

TEST(Figures, a_rate_that_is_not_native_is_widened) {
  const Figures h100 = read("h100");
  EXPECT_EQ(h100.native(Rate::fp4), Rate::bf16);
  const Figures a100 = read("a100");
  EXPECT_EQ(a100.native(Rate::fp8), Rate::bf16);
  EXPECT_EQ(a100.native(Rate::int8), Rate::int8);
  EXPECT_EQ(read("b200").native(Rate::fp4), Rate::fp4);
  EXPECT_EQ(read("churon-1").native(Rate::fp8), Rate::int8);
}

TEST(Figures, every_shipped_chip_has_what_the_kernels_divide_by) {
  for (const chip::Listed& listed : chip::listed()) {
    const Figures f = read(listed.id.c_str());
    EXPECT_GT(f.peak(Rate::bf16), 0) << listed.id;
    EXPECT_GT(f.peak(Rate::fp8), 0) << listed.id;
    EXPECT_GT(f.peak(Rate::fp4), 0) << listed.id;
    EXPECT_GT(f.peak(Rate::int8), 0) << listed.id;
    EXPECT_GT(f.memory_bytes_per_s, 0) << listed.id;
    EXPECT_GT(f.memory_bytes, 0) << listed.id;
  }
}

TEST(Figures, an_unknown_derate_set_is_an_error) {
  const auto chip = chip::load("churon-1");
  ASSERT_TRUE(chip);
  EXPECT_TRUE(figures(*chip, "target"));
  const auto wrong = figures(*chip, "perfect");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().front().code, "E0101");
}

TEST(Figures, a_product_on_an_own_unit_takes_a_cycle_a_block) {
  const MatrixUnit unit{.cores = 4,
                        .core_hz = 1e9,
                        .tile_rows = 32,
                        .tile_columns = 32,
                        .tile_k = 32,
                        .pipeline_cycles = 24};
  const double peak = 2.0 * 4 * 32 * 32 * 32 * 1e9;
  // One tile, one block: a cycle and the pipeline.
  EXPECT_DOUBLE_EQ(unit_seconds(unit, 1, 1, 1, 1, peak), 25e-9);
  // 7 x 33 columns are 2 tiles, K = 1000 is one segment of 32 blocks: one round of the cores.
  EXPECT_DOUBLE_EQ(unit_seconds(unit, 1, 7, 33, 1000, peak), 56e-9);
  // Five units on four cores are two rounds; half the rate is twice the time.
  EXPECT_DOUBLE_EQ(unit_seconds(unit, 5, 32, 32, 1024, peak), 88e-9);
  EXPECT_DOUBLE_EQ(unit_seconds(unit, 5, 32, 32, 1024, peak / 2), 152e-9);
}

TEST(Figures, systolic_cycles_are_those_of_scale_sim_without_its_off_by_one) {
  EXPECT_EQ(systolic_cycles_output_stationary(512, 512, 512, 128, 128), 12255 + 1);
  EXPECT_EQ(systolic_cycles_weight_stationary(512, 512, 512, 128, 128), 14303 + 1);
  EXPECT_EQ(systolic_cycles_weight_stationary(1024, 1024, 1024, 128, 128), 89983 + 1);
  EXPECT_EQ(systolic_cycles_weight_stationary(4096, 4096, 4096, 128, 128), 4585471 + 1);
  // Issue 125 of SCALE-Sim: ten cycles, not nine.
  EXPECT_EQ(systolic_cycles_output_stationary(4, 4, 4, 4, 4), 10);
}

}  // namespace
}  // namespace churon::estimate
