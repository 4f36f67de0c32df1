#include "silicon/technology.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/file.h"

namespace churon::silicon {
namespace {

std::string shipped_text() { return *read_file(CHURON_SOURCE_DIR "/data/technology.csv", 1 << 20); }

std::vector<Node> shipped_nodes() {
  const auto table = read_technology();
  EXPECT_TRUE(table) << to_text(table.error());
  return *nodes(*table);
}

Node node(std::string_view word) {
  const auto found = find_node(shipped_nodes(), word);
  EXPECT_TRUE(found) << to_text(found.error());
  return *found;
}

std::string codes(const std::string& text) {
  const auto table = parse_technology(text, "technology.csv");
  std::string all;
  if (!table) {
    for (const auto& finding : table.error()) {
      all += finding.code + " ";
    }
  }
  return all;
}

constexpr std::string_view kHeader = "quantity,unit,node,value,source,note\n";

TEST(Technology, reads_numbers_ranges_and_the_first_of_several) {
  const auto table = parse_technology(std::string(kHeader) +
                                          "cell,um2,A,0.30-0.37,s,\ncell,um2,B,0.021,s,\n"
                                          "error,%,C,1.7 / 2.5 / 5,s,n\n",
                                      "t.csv");
  ASSERT_TRUE(table) << to_text(table.error());
  EXPECT_DOUBLE_EQ(table->find("cell", "A")->middle(), 0.335);
  EXPECT_DOUBLE_EQ(table->find("cell", "B")->low, 0.021);
  EXPECT_DOUBLE_EQ(table->find("error", "C")->middle(), 1.7);
  EXPECT_EQ(table->find("error", "C")->line, 4);
  EXPECT_EQ(table->find("cell", "C"), nullptr);
}

TEST(Technology, names_what_is_wrong_in_a_table) {
  const std::string header(kHeader);
  EXPECT_EQ(codes("quantity,unit,node\n"), "A0101 A0101 A0101 ");
  EXPECT_EQ(codes(header + "cell,um2,A,small,s,\n"), "A0102 ");
  EXPECT_EQ(codes(header + "cell,um2,A,,s,\n"), "A0102 ");
  EXPECT_EQ(codes(header + "cell,um2,A,inf,s,\n"), "A0102 ");
  EXPECT_EQ(codes(header + "cell,um2,A,1,s,\ncell,um2,A,2,s,\n"), "A0103 ");
  EXPECT_EQ(codes(header + "cell,um2,A,3-2,s,\ncell,um2,B,-1,s,\ncell,um2,C,0,s,\n"),
            "A0104 A0104 A0104 ");
  EXPECT_EQ(codes(header + "cell,um2,A,1\n"), "B0007 ");
}

TEST(Technology, lists_the_nodes_that_its_rows_carry) {
  std::vector<std::string> ids;
  for (const Node& one : shipped_nodes()) {
    ids.push_back(one.id);
    EXPECT_FALSE(one.rests_on.empty()) << one.id;
    EXPECT_LT(one.logic_density.low, one.logic_density.central) << one.id;
    EXPECT_LT(one.logic_density.central, one.logic_density.high) << one.id;
  }
  EXPECT_THAT(ids, testing::ElementsAre("osu180", "ihp130", "nangate45", "n16", "asap7", "n7", "n5",
                                        "n3e", "n2", "gt2n"));
}

TEST(Technology, finds_a_node_by_the_names_that_descriptions_use) {
  for (const auto* word : {"n3e", "N3E", "tsmc-n3e-public", "tsmc-n3e", "3nm"}) {
    EXPECT_EQ(node(word).id, "n3e") << word;
  }
  const auto missing = find_node(shipped_nodes(), "n33");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().front().code, "A0106");
}

TEST(Technology, of_n2_the_logic_follows_from_the_mixed_chip) {
  // 1 / 1.15 = 0.5 / l + 0.3 · 31.8 / 38.1 + 0.2
  const double l = 0.5 / (1 / 1.15 - 0.3 * 31.8 / 38.1 - 0.2);
  EXPECT_NEAR(node("n2").logic_density.central / node("n3e").logic_density.central, l, 1e-12);
  EXPECT_NEAR(l, 1.19, 0.01);
  EXPECT_NEAR(node("n2").bit_cell->central, 0.0175e-12, 0.0001e-12);
}

TEST(Technology, a_move_and_its_way_back_are_one) {
  const auto there = move(node("n3e"), node("n5"));
  const auto back = move(node("n5"), node("n3e"));
  ASSERT_TRUE(there && back);
  EXPECT_NEAR(there->logic_area.central * back->logic_area.central, 1, 1e-12);
  EXPECT_NEAR(there->logic_area.central, 215.0 / 137.6, 1e-12);
  EXPECT_EQ(there->sram_area.central, 1);
  EXPECT_NEAR(there->logic_energy.central, 1 / 0.67, 1e-12);
  EXPECT_NEAR(there->wire_energy.central, std::sqrt(215.0 / 137.6), 1e-12);
  const auto nowhere = move(node("n5"), node("n5"));
  EXPECT_FALSE(nowhere->moves());
  EXPECT_EQ(nowhere->logic_area, (Band{1, 1, 1}));
}

TEST(Technology, refuses_a_node_without_a_bit_cell) {
  const auto moved = move(node("n3e"), node("gt2n"));
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().front().code, "A0107");
}

TEST(Technology, a_changed_row_moves_what_rests_on_it_and_nothing_else) {
  std::string text = shipped_text();
  const std::string row = "TSMC N5,137.6";
  text.replace(text.find(row), row.size(), "TSMC N5,150.0");
  const auto table = parse_technology(text, "technology.csv");
  ASSERT_TRUE(table) << to_text(table.error());
  const auto changed = *nodes(*table);
  const auto before = shipped_nodes();
  for (std::size_t i = 0; i < before.size(); ++i) {
    // The claim of N3E is 1.6 of N5's: its upper end moves, its central value does not.
    const bool is_n5 = before[i].id == "n5";
    EXPECT_EQ(before[i].logic_density.central != changed[i].logic_density.central, is_n5);
    EXPECT_EQ(before[i].bit_cell, changed[i].bit_cell);
    EXPECT_EQ(before[i].logic_energy, changed[i].logic_energy);
  }
}

TEST(Technology, moves_in_quadrature_and_keeps_correlated_causes_together) {
  const std::vector<Cause> causes{{"a", 8, 10, 13}, {"b", 1, 5, 9}};
  const Band sum = spread(causes, [](const auto& v) { return v[0] + v[1]; });
  EXPECT_DOUBLE_EQ(sum.low, 15 - std::sqrt(4.0 + 16.0));
  EXPECT_DOUBLE_EQ(sum.high, 15 + 5);
  const Band twice = spread(causes, [](const auto& v) { return v[0] + v[0]; });
  EXPECT_EQ(twice, (Band{16, 20, 26}));
}

}  // namespace
}  // namespace churon::silicon
