#include "cost/tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "temporary_folder.h"

namespace churon::cost {
namespace {

using testing::HasSubstr;

const std::string kData = CHURON_SOURCE_DIR "/data/cost";

TEST(Tables, the_last_date_of_free_text_counts) {
  EXPECT_EQ(last_date("2026-11"), (Month{2026 * 12 + 10}));
  EXPECT_EQ(last_date("2023-08..2026-02"), (Month{2026 * 12 + 1}));
  EXPECT_EQ(last_date("2025-Q2..2026"), (Month{2026 * 12 + 6}));
  EXPECT_EQ(last_date("2024..2025-Q2"), (Month{2025 * 12 + 4}));
  EXPECT_EQ(last_date("2025H1"), (Month{2025 * 12 + 2}));
  EXPECT_EQ(last_date("2020/2024"), (Month{2024 * 12 + 6}));
  EXPECT_EQ(last_date("2025-2026"), (Month{2026 * 12 + 6}));
  EXPECT_EQ(last_date("2026-02-14"), (Month{2026 * 12 + 1}));
  EXPECT_FALSE(last_date("last year").is_known());
}

TEST(Tables, what_no_calendar_has_is_no_date) {
  for (const char* text : {"2026-02-31", "2026-13", "2026-00", "2026-11-00", "2026-1", "2025-Q5",
                           "2025H3", "2026-02-31..2026-04", "2026-04..2026-02-31"}) {
    EXPECT_FALSE(last_date(text).is_known()) << text;
  }
}

TEST(Tables, a_month_or_a_day_is_a_date_and_nothing_else) {
  EXPECT_EQ(parse_month("2026-11"), (Month{2026 * 12 + 10}));
  EXPECT_EQ(parse_month("2026-11-25"), (Month{2026 * 12 + 10}));
  for (const char* text :
       {"", "2026", "2026-13", "2026-1", "2026-11-", "2026-11-99", "2026-02-31", "26-11-2026"}) {
    EXPECT_FALSE(parse_month(text)) << text;
  }
}

TEST(Tables, what_ships_is_read_without_a_finding) {
  const auto tables = Tables::load(kData);
  ASSERT_TRUE(tables) << to_text(tables.error());
  EXPECT_GT(tables->rows().size(), 300U);
  const Input* row = tables->find("wafer_price.N4");
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->factor, "wafer");
  EXPECT_THAT(row->place, HasSubstr("data/cost/wafers.csv:"));
  EXPECT_EQ(tables->find("wafer_price"), nullptr);
  const auto recipes = Recipes::load(kData);
  ASSERT_TRUE(recipes) << to_text(recipes.error());
  EXPECT_NE(recipes->find("h100"), nullptr);
}

TEST(Tables, every_row_that_a_recipe_names_is_there) {
  const auto tables = Tables::load(kData);
  const auto recipes = Recipes::load(kData);
  ASSERT_TRUE(tables && recipes);
  for (const char* chip : {"a100", "h100", "h200", "b200", "gb200", "mi300x", "mi325x", "mi355x",
                           "gaudi2", "tpu-v5e", "tpu-v6e"}) {
    const Recipe* recipe = recipes->find(chip);
    ASSERT_NE(recipe, nullptr) << chip;
    for (const std::string& key :
         {recipe->package, recipe->assembly, recipe->test, recipe->purchase, recipe->rent}) {
      EXPECT_TRUE(key.empty() || tables->find(key) != nullptr) << chip << " " << key;
    }
  }
}

// A copy of the tables with one file changed.
struct Changed {
  test::TemporaryFolder folder;
  Changed() {
    std::filesystem::copy(kData, folder.path("cost"), std::filesystem::copy_options::recursive);
  }
  void replace(const std::string& file, const std::string& from, const std::string& to) const {
    const std::string path = folder.path("cost/") + file;
    std::ifstream in(path);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    const std::size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos);
    std::ofstream(path) << text.replace(at, from.size(), to);
  }
  [[nodiscard]] std::string errors() const {
    const auto tables = Tables::load(folder.path("cost"));
    return tables ? "" : to_text(tables.error());
  }
};

TEST(Tables, a_low_above_its_high_a_negative_price_and_a_missing_one_are_named_with_their_line) {
  Changed changed;
  changed.replace("wafers.csv", "USD/wafer,13400,17500,20000", "USD/wafer,17600,17500,20000");
  changed.replace("packaging.csv", "USD/unit,500,750,1000", "USD/unit,-500,750,1000");
  changed.replace("memory.csv", "USD/GB,8,12,17", "USD/GB,8,,17");
  const std::string text = changed.errors();
  EXPECT_THAT(text, HasSubstr("K0108"));
  EXPECT_THAT(text, HasSubstr("wafers.csv:13:"));
  EXPECT_THAT(text, HasSubstr("`low` is negative"));
  EXPECT_THAT(text, HasSubstr("packaging.csv:2:"));
  EXPECT_THAT(text, HasSubstr("`central` is empty"));
  EXPECT_THAT(text, HasSubstr("memory.csv:2:"));
}

TEST(Tables, more_dollars_than_the_world_holds_are_out_of_bounds) {
  Changed changed;
  changed.replace("wafers.csv", "USD/wafer,13400,17500,20000", "USD/wafer,13400,17500,1e16");
  const std::string text = changed.errors();
  EXPECT_THAT(text, HasSubstr("K0104"));
  EXPECT_THAT(text, HasSubstr("wafers.csv:13:"));
  EXPECT_THAT(text, HasSubstr("at most 1e+15"));
}

TEST(Tables, a_key_may_be_given_once_in_all_tables) {
  Changed in_one;
  in_one.replace("power.csv", "tdp.H200_SXM", "tdp.H100_SXM");
  EXPECT_THAT(in_one.errors(), HasSubstr("K0102"));
  Changed in_two;
  in_two.replace("power.csv", "tdp.H200_SXM", "wafer_price.N4");
  const std::string text = in_two.errors();
  EXPECT_THAT(text, HasSubstr("K0102"));
  EXPECT_THAT(text, HasSubstr("wafers.csv"));
  EXPECT_THAT(text, HasSubstr("power.csv"));
}

TEST(Tables, a_missing_column_a_strange_basis_and_a_date_that_is_none_are_errors) {
  Changed changed;
  changed.replace("power.csv", "basis", "base");
  changed.replace("supply.csv", "sourced", "rumour");
  changed.replace("prices.csv", "2021-06..2025-03", "lately");
  const std::string text = changed.errors();
  EXPECT_THAT(text, HasSubstr("column `basis` is missing"));
  EXPECT_THAT(text, HasSubstr("`rumour` is not a basis"));
  EXPECT_THAT(text, HasSubstr("`lately` holds no date"));
}

TEST(Tables, a_day_that_no_month_has_is_an_error_with_its_line) {
  Changed changed;
  changed.replace("prices.csv", "2021-06..2025-03", "2021-06..2025-02-29");
  const std::string text = changed.errors();
  EXPECT_THAT(text, HasSubstr("`2021-06..2025-02-29` holds no date, or one that no calendar has"));
  EXPECT_THAT(text, HasSubstr("prices.csv:2:"));
}

TEST(Tables, a_table_that_is_not_there_is_an_error) {
  Changed changed;
  std::filesystem::remove(changed.folder.path("cost/memory.csv"));
  EXPECT_THAT(changed.errors(), HasSubstr("memory.csv"));
}

}  // namespace
}  // namespace churon::cost
