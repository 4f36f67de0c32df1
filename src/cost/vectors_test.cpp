#include "cost/vectors.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace churon::cost {
namespace {

using testing::HasSubstr;

const std::string kData = CHURON_SOURCE_DIR "/data/cost";

TEST(Vectors, columns_that_are_there_pass_through_and_results_follow) {
  const auto table = vectors(
      "dies", "name,die_w_mm,die_h_mm,wafer_mm,edge_mm,scribe_mm\n\"a, b\",26,33,300,3,0.1\n",
      "t.csv", kData);
  ASSERT_TRUE(table);
  EXPECT_EQ(
      *table,
      "name,die_w_mm,die_h_mm,wafer_mm,edge_mm,scribe_mm,dies\n\"a, b\",26,33,300,3,0.1,64\n");
}

TEST(Vectors, a_column_of_a_result_is_filled_anew) {
  const auto table =
      vectors("dies", "dies,die_w_mm,die_h_mm,wafer_mm,edge_mm,scribe_mm\n1,26,33,300,3,0.1\n",
              "t.csv", kData);
  ASSERT_TRUE(table);
  EXPECT_EQ(*table, "dies,die_w_mm,die_h_mm,wafer_mm,edge_mm,scribe_mm\n64,26,33,300,3,0.1\n");
}

TEST(Vectors, every_wrong_field_is_named_and_nothing_comes_out) {
  const auto table = vectors("harvest",
                             "n_cores,core_area_mm2,uncore_area_mm2,spare_cores,d0_per_cm2,alpha\n"
                             "34,7,127,2,0.1,3\n"
                             "34.5,7,127,2,0.1,3\n"
                             "34,-7,127,35,x,0\n"
                             "4,7,,5,0.1,3\n"
                             "4,7,1,5,0.1,3\n",
                             "t.csv", kData);
  ASSERT_FALSE(table);
  const std::string text = to_text(table.error());
  for (const std::string_view part :
       {"t.csv:3:1", "t.csv:4:4", "t.csv:4:14", "t.csv:4:16", "t.csv:5:5", "t.csv:6:7", "K0205"}) {
    EXPECT_THAT(text, HasSubstr(std::string(part)));
  }
}

TEST(Vectors, absurd_numbers_are_out_of_bounds) {
  const std::string harvest =
      "n_cores,core_area_mm2,uncore_area_mm2,spare_cores,d0_per_cm2,alpha\n";
  const std::string actuary = "case,node_nm,module_area_mm2,n_chiplets,d2d_overhead,integration\n";
  const auto code = [](std::string_view kind, const std::string& text) {
    const auto table = vectors(kind, text, "t.csv", kData);
    return table ? std::string("none") : table.error().front().code;
  };
  EXPECT_EQ(code("harvest", harvest + "34,1e7,1,1,1,1\n"), "K0104");
  EXPECT_EQ(code("harvest", harvest + "34,1,1e308,1,1,1\n"), "K0104");
  EXPECT_EQ(code("harvest", harvest + "34,1,1,1,1e308,1\n"), "K0104");
  EXPECT_EQ(code("harvest", harvest + "34,1e6,1e6,1,1e8,1\n"), "none");
  EXPECT_EQ(code("chiplet-actuary", actuary + "a,5,1e308,1,0,SoC\n"), "K0104");
  EXPECT_EQ(code("chiplet-actuary", actuary + "a,5,1e15,1000,1e15,SI\n"), "K0204");
}

TEST(Vectors, a_missing_column_is_named) {
  const auto table =
      vectors("dies", "die_w_mm,die_h_mm,wafer_mm,edge_nm,scribe_mm\n", "t.csv", kData);
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().front().code, "K0101");
  EXPECT_EQ(table.error().front().help, std::vector<std::string>{"`edge_nm` may be meant for it"});
}

TEST(Vectors, a_column_that_is_there_twice_is_named) {
  for (const std::string_view twice : {"die_w_mm", "dies"}) {
    const auto table = vectors("dies",
                               fmt::format("{0},die_w_mm,die_h_mm,dies,wafer_mm,edge_mm,scribe_mm\n"
                                           "9,26,33,1,300,3,0.1\n",
                                           twice),
                               "t.csv", kData);
    ASSERT_FALSE(table) << twice;
    EXPECT_EQ(table.error().front().code, "K0102");
    EXPECT_EQ(table.error().front().message, fmt::format("column `{}` is there twice", twice));
  }
}

TEST(Vectors, nodes_and_integrations_that_are_not_known_are_errors) {
  const auto table =
      vectors("chiplet-actuary",
              "case,node_nm,module_area_mm2,n_chiplets,d2d_overhead,integration\n"
              "a,6,800,1,0.1,SoC\nb,7,800,2,0.1,glass\nc,7,90000,1,0,SoC\nd,7,800,2,0.1,2.5D\n",
              "t.csv", kData);
  ASSERT_FALSE(table);
  ASSERT_EQ(table.error().size(), 3U);
  EXPECT_EQ(table.error()[0].code, "K0202");
  EXPECT_EQ(table.error()[1].code, "K0203");
  EXPECT_EQ(table.error()[2].code, "K0204");
}

}  // namespace
}  // namespace churon::cost
