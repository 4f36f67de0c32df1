// `churon silicon` as a user meets it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json.h"
#include "program.h"

namespace churon {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Silicon : testing::Test {
  test::TemporaryFolder folder;
  test::Ended run(std::vector<std::string> words) const {
    words.insert(words.begin(), {CHURON_BINARY, "silicon"});
    return test::run_program(
        words, {{"CHURON_DATA", CHURON_SOURCE_DIR}, {"XDG_CONFIG_HOME", folder.path("config")}});
  }
};

TEST_F(Silicon, prints_area_power_and_floorplan) {
  const auto ended = run({"churon-1"});
  EXPECT_EQ(ended.exit, 0) << ended.err;
  EXPECT_EQ(ended.err, "");
  for (const auto* text : {"area of all dies in mm2", "2,097,152 MAC", "spares", "P5-P95",
                           "power in W", "boost", "TDP 800 W", "2 dies `compute`, 27.8 x 13.1 mm",
                           "the shoreline has room for 8", "2.70 reticles"}) {
    EXPECT_THAT(ended.out, HasSubstr(text));
  }
}

TEST_F(Silicon, json_has_the_same_with_units_in_its_names) {
  const auto ended = run({"churon-1", "--json", "--node", "n5"});
  ASSERT_EQ(ended.exit, 0) << ended.err;
  const Json json = Json::parse(ended.out);
  EXPECT_EQ(json["schema"], "churon.silicon");
  EXPECT_EQ(json["area"]["node"], "n5");
  EXPECT_NEAR(json["area"]["dies_mm2"]["central"].get<double>(), 2 * 474, 0.05 * 2 * 474);
  EXPECT_LT(json["area"]["dies_mm2"]["p5"], json["area"]["dies_mm2"]["central"]);
  EXPECT_EQ(json["power"].size(), 6U);
  EXPECT_EQ(json["floorplan"]["shapes"][0]["kind"], "substrate");
  EXPECT_EQ(json["floorplan"]["stacks_max"], 8);
}

TEST_F(Silicon, explains_every_number_of_area_and_power) {
  const Json json = Json::parse(run({"churon-1", "--json"}).out);
  std::vector<std::string> keys{"area", "area.net", "area.spares"};
  for (const Json& block : json["area"]["blocks"]) {
    keys.push_back("area." + block["id"].get<std::string>());
  }
  for (const Json& one : json["power"]) {
    const std::string name =
        "power." + one["state"].get<std::string>() + "." + one["phase"].get<std::string>();
    keys.push_back(name);
    for (const Json& row : one["rows"]) {
      keys.push_back(name + "." + row["id"].get<std::string>());
    }
  }
  for (const std::string& key : test::spread(keys)) {
    const auto ended = run({"churon-1", "--explain", key});
    EXPECT_EQ(ended.exit, 0) << key;
    EXPECT_THAT(ended.out, StartsWith(key + " = "));
    EXPECT_THAT(ended.out, HasSubstr("\n  = ")) << key;
  }
  const auto block = run({"churon-1", "--explain", "area.matrix", "--node", "n5"}).out;
  EXPECT_THAT(block, HasSubstr("tech.mac_int8_area = 40 um2"));
  EXPECT_THAT(block, HasSubstr("basis guess; chips/churon-1.toml:"));
  EXPECT_THAT(block, HasSubstr("logic density, n3e to n5"));
  const auto wrong = run({"churon-1", "--explain", "area.matrx"});
  EXPECT_EQ(wrong.exit, 2);
  EXPECT_THAT(wrong.err, HasSubstr("A0403"));
  EXPECT_THAT(wrong.err, HasSubstr("did you mean `area.matrix`?"));
}

// 10^12 multiply-adds in a millisecond, on the chip as it is and at an older node.
TEST_F(Silicon, prices_a_recorded_activity) {
  const std::string path = folder.write(
      "run.json", R"({"time_s": 1e-3, "activity": {"mac_int8_count": 1e12, "powered_s": 1e-3}})");
  const auto ended = run({"churon-1", "--activity", path, "--json"});
  ASSERT_EQ(ended.exit, 0) << ended.err;
  const Json one = Json::parse(ended.out)["activities"][0];
  EXPECT_NEAR(one["actions"]["mac_int8_w"].get<double>(), 175, 1);  // 0.175 pJ each
  EXPECT_NEAR(one["actions"]["powered_w"].get<double>(), 180, 1);   // idle
  EXPECT_NEAR(one["power_w"]["central"].get<double>(), 355, 2);
  const auto older = run({"churon-1", "--activity", path, "--json", "--node", "n5"});
  EXPECT_GT(Json::parse(older.out)["activities"][0]["actions"]["mac_int8_w"],
            one["actions"]["mac_int8_w"]);
  EXPECT_THAT(run({"churon-1", "--activity", path}).out,
              HasSubstr("power in W of the recorded activity"));
}

TEST_F(Silicon, writes_the_floorplan) {
  const std::string path = folder.path("churon-1.svg");
  const auto ended = run({"churon-1", "--svg", path});
  EXPECT_EQ(ended.exit, 0) << ended.err;
  const auto svg = read_file(path, 1 << 20);
  ASSERT_TRUE(svg);
  EXPECT_THAT(*svg, StartsWith("<svg "));
}

TEST_F(Silicon, ends_with_3_and_writes_nothing_where_it_does_not_fit) {
  const std::string path = folder.path("none.svg");
  const auto ended = run({"churon-1", "--set", "memory.hbm.stacks=12", "--svg", path});
  EXPECT_EQ(ended.exit, 3);
  EXPECT_EQ(ended.out, "");
  EXPECT_THAT(ended.err, HasSubstr("error[A0302]"));
  EXPECT_THAT(ended.err, HasSubstr("8 stacks would fit"));
  EXPECT_FALSE(read_file(path, 1 << 20));
}

TEST_F(Silicon, ends_with_1_for_bought_chips_and_unknown_nodes) {
  const auto bought = run({"h200"});
  EXPECT_EQ(bought.exit, 1);
  EXPECT_THAT(bought.err, HasSubstr("error[A0201]"));
  const auto node = run({"churon-1", "--node", "n33"});
  EXPECT_EQ(node.exit, 1);
  EXPECT_THAT(node.err, HasSubstr("error[A0106]"));
}

TEST_F(Silicon, shows_an_example_first) {
  const auto ended = run({"--help"});
  EXPECT_EQ(ended.exit, 0);
  const auto example = ended.out.find("churon silicon churon-1");
  ASSERT_NE(example, std::string::npos);
  EXPECT_LT(example, ended.out.find("--node"));
}

}  // namespace
}  // namespace churon
