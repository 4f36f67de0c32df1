#include "estimate/efficiency.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <string>

namespace churon::estimate {
namespace {

constexpr const char* kHeader = "scope,name,value,low,high,unit,basis,fit_rows,source,note\n";

std::string table(const std::string& rows) {
  const std::string path = testing::TempDir() + "efficiency_test.csv";
  std::ofstream(path) << rows;
  return path;
}

std::string code_of(const std::string& rows) {
  const auto result = load_efficiency(table(rows));
  EXPECT_FALSE(result) << rows;
  return result ? "" : result.error().front().code;
}

TEST(Efficiency, parameters_have_different_keys_and_start_in_their_range) {
  std::set<std::string> keys;
  std::set<const double*> places;
  Efficiency efficiency;
  for (const Parameter& parameter : parameters()) {
    EXPECT_TRUE(
        keys.insert(std::string(parameter.scope) + "," + std::string(parameter.name)).second)
        << parameter.scope << " " << parameter.name;
    EXPECT_TRUE(places.insert(&parameter.of(efficiency)).second) << parameter.name;
    EXPECT_LE(parameter.low, parameter.start) << parameter.name;
    EXPECT_LE(parameter.start, parameter.high) << parameter.name;
    EXPECT_TRUE(!parameter.logarithmic || parameter.low > 0) << parameter.name;
    EXPECT_FALSE(parameter.unit.empty()) << parameter.name;
  }
  // Nothing of the structure is without a parameter.
  EXPECT_EQ(places.size(), sizeof(Efficiency) / sizeof(double));
}

TEST(Efficiency, the_shipped_table_gives_every_parameter_a_value_of_its_range) {
  const auto shipped = shipped_efficiency();
  ASSERT_TRUE(shipped) << to_text(shipped.error());
  for (const Parameter& parameter : parameters()) {
    EXPECT_GE(parameter.get(*shipped), parameter.low) << parameter.name;
    EXPECT_LE(parameter.get(*shipped), parameter.high) << parameter.name;
  }
}

TEST(Efficiency, what_a_table_does_not_list_keeps_its_start) {
  const auto read =
      load_efficiency(table(std::string(kHeader) + "gemm,memory,0.77,,,1,measured,3,x,\n"));
  ASSERT_TRUE(read) << to_text(read.error());
  EXPECT_EQ(read->gemm.memory, 0.77);
  EXPECT_EQ(read->gemm.compute, unfitted().gemm.compute);
}

TEST(Efficiency, what_is_wrong_in_a_table_is_named_with_its_line) {
  const std::string header = kHeader;
  EXPECT_EQ(code_of("scope,name,value\ngemm,memory,1\n"), "E0301");
  EXPECT_EQ(code_of(header + "gemm,memry,0.8,,,1,,,,\n"), "E0302");
  EXPECT_EQ(code_of(header + "gemm,memory,0.8,,,1,,,,\ngemm,memory,0.8,,,1,,,,\n"), "E0303");
  EXPECT_EQ(code_of(header + "gemm,memory,0.8,,,s,,,,\n"), "E0304");
  EXPECT_EQ(code_of(header + "gemm,memory,1.8,,,1,,,,\n"), "E0305");
  EXPECT_EQ(code_of(header + "gemm,memory,nan,,,1,,,,\n"), "E0305");
  EXPECT_EQ(code_of(header + "gemm,memory,,,,1,,,,\n"), "E0305");
  const auto two = load_efficiency(table(header + "a,b,1,,,1,,,,\ngemm,memory,x,,,1,,,,\n"));
  ASSERT_FALSE(two);
  ASSERT_EQ(two.error().size(), 2U);
  EXPECT_EQ(two.error()[1].span->line, 3);
}

}  // namespace
}  // namespace churon::estimate
