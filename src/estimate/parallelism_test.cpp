#include "estimate/parallelism.h"

#include <gtest/gtest.h>

namespace churon::estimate {
namespace {

TEST(Parallelism, reads_what_measured_tables_write) {
  const auto wide = parallelism("attn_dp8/moe_tp1/ep8");
  ASSERT_TRUE(wide.has_value());
  EXPECT_EQ(*wide, (Parallelism{.ep = 8, .attention_dp = 8, .moe_tp = 1}));
  EXPECT_EQ(wide->chips(), 8);
  EXPECT_EQ(parallelism(" TP4 / pp2")->chips(), 8);
}

TEST(Parallelism, refuses_what_is_none) {
  for (const char* text : {"", "tp", "tp0", "tp-1", "8", "tp8x", "tp99999999999", "ici 2x2x1",
                           "tp8//ep8", "tp70000", "tp8/tp4", "dp2/attn_dp2"}) {
    EXPECT_FALSE(parallelism(text).has_value()) << text;
  }
}

TEST(Parallelism, writes_what_it_reads) {
  for (const char* text : {"tp8", "tp2/pp4", "tp1/ep8/attn_dp8/moe_tp1"}) {
    EXPECT_EQ(to_text(*parallelism(text)), text);
  }
}

}  // namespace
}  // namespace churon::estimate
