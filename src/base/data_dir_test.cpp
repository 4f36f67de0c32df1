#include "base/data_dir.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace churon {
namespace {

TEST(DataDir, is_the_source_tree_for_a_tool_that_is_not_installed) {
  ::unsetenv("CHURON_DATA");
  EXPECT_EQ(data_path("chips/a.toml"), std::string(CHURON_SOURCE_DIR) + "/chips/a.toml");
}

TEST(DataDir, is_what_the_environment_names_when_it_names_one) {
  ::setenv("CHURON_DATA", "/opt/elsewhere", 1);
  EXPECT_EQ(data_path("chips/a.toml"), "/opt/elsewhere/chips/a.toml");
  ::setenv("CHURON_DATA", "", 1);
  EXPECT_EQ(data_path("chips/a.toml"), std::string(CHURON_SOURCE_DIR) + "/chips/a.toml");
  ::unsetenv("CHURON_DATA");
}

}  // namespace
}  // namespace churon
