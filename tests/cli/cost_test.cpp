// `churon cost` as a user meets it, and the text of its errors: golden/errors/K.txt.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <regex>
#include <set>

#include "base/file.h"
#include "base/json.h"
#include "golden.h"
#include "program.h"
#include "temporary_folder.h"

namespace churon {
namespace {

using test::Ended;
using test::TemporaryFolder;
using testing::HasSubstr;
using testing::Not;

const std::string kData = CHURON_SOURCE_DIR "/data/cost";

Ended churon(std::vector<std::string> words) {
  words.insert(words.begin(), {CHURON_BINARY, "cost"});
  return test::run_program(words, {{"CHURON_DATA", CHURON_SOURCE_DIR}, {"NO_COLOR", "1"}});
}

Json document(std::vector<std::string> words) {
  words.emplace_back("--json");
  const Ended ended = churon(words);
  EXPECT_EQ(ended.exit, 0) << ended.err;
  return Json::parse(ended.out);
}

TEST(Cost, an_explanation_is_a_document_too) {
  const Ended ended = churon({"b200", "--explain", "cogs", "--json", "--draws", "100"});
  EXPECT_EQ(ended.exit, 0) << ended.err;
  const Json json = Json::parse(ended.out);
  EXPECT_EQ(json["schema"], "churon.explain");
  EXPECT_EQ(json["key"], "cogs");
  EXPECT_EQ(json["text"], churon({"b200", "--explain", "cogs", "--draws", "100"}).out);
}

TEST(Cost, of_an_own_chip_is_a_bill_a_programme_an_hour_and_three_ways) {
  const Ended ended = churon({"churon-1"});
  EXPECT_EQ(ended.exit, 0) << ended.err;
  for (const char* part :
       {"costs", "Bill of material", "die.compute.yield", "nre.software", "way.foundry",
        "hourly.capital", "What moves cogs", "older than a year", "rests on guesses"}) {
    EXPECT_THAT(ended.out, HasSubstr(part));
  }
}

TEST(Cost, in_json_names_the_range_its_lines_and_every_input_with_its_source) {
  const Json json = document({"b200", "--hbm-basis", "bom"});
  EXPECT_EQ(json["schema"], "churon.cost");
  EXPECT_EQ(json["hbm_basis"], "bom");
  EXPECT_LT(json["cogs_usd"]["p5"], 6400);
  EXPECT_GT(json["cogs_usd"]["p95"], 6400);
  double lines = 0;
  for (const Json& line : json["cogs_lines"]) {
    lines += line["mean"].get<double>();
  }
  EXPECT_NEAR(lines, json["cogs_usd"]["mean"], 1);
  for (const Json& input : json["inputs"]) {
    EXPECT_FALSE(input["basis"].get<std::string>().empty()) << input;
    EXPECT_FALSE(input["place"].get<std::string>().empty() &&
                 input["source"].get<std::string>().empty())
        << input;
  }
}

TEST(Cost, every_printed_number_can_be_explained) {
  for (const std::string chip : {"churon-1", "mi300x"}) {
    const Json json = document({chip});
    std::vector<std::string> keys;
    for (const Json& section : json["sections"]) {
      for (const Json& line : section["lines"]) {
        keys.push_back(line["key"]);
      }
    }
    for (const std::string& key : test::spread(keys)) {
      const Ended ended = churon({chip, "--explain", key, "--draws", "100"});
      EXPECT_EQ(ended.exit, 0) << key;
      EXPECT_THAT(ended.out, HasSubstr(key + " = "));
      EXPECT_THAT(ended.out, HasSubstr("basis "));
    }
  }
}

TEST(Cost, headlines_factors_and_ways_of_the_document_can_be_explained) {
  for (const std::string chip : {"churon-1", "mi300x"}) {
    const Json json = document({chip});
    std::vector<std::string> keys{"cogs_usd", "price_usd", "slot_usd", "hourly_usd",
                                  "build_hourly_usd"};
    for (const Json& way : json["ways"]) {
      keys.push_back("way." + way["way"].get<std::string>());
    }
    for (const std::string effects : {"cogs_effects", "hourly_effects"}) {
      for (const Json& effect : json[effects]) {
        keys.push_back(effect["factor"]);
        const std::string text =
            churon({chip, "--explain", effect["factor"], "--draws", "100"}).out;
        EXPECT_THAT(text, HasSubstr(fmt::format("with `{}` alone at its P5",
                                                effect["factor"].get<std::string>())));
      }
    }
    for (const std::string& key : test::spread(keys)) {
      const Ended ended = churon({chip, "--explain", key, "--draws", "100"});
      EXPECT_EQ(ended.exit, 0) << key;
      EXPECT_THAT(ended.out, HasSubstr("basis ")) << key;
    }
  }
}

// The keys by which the numbers of a document are explained: of each number the nearest `key`,
// `way` or `factor` around it, else the name of the field of the document that it stands in.
void collect_keys(const Json& json, const std::string& key, std::set<std::string>& keys) {
  if (json.is_number()) {
    keys.insert(key);
  } else if (json.is_array()) {
    for (const Json& item : json) {
      collect_keys(item, key, keys);
    }
  } else if (json.is_object()) {
    std::string inner = key;
    for (const auto& [name, before] :
         {std::pair{"key", ""}, std::pair{"way", "way."}, std::pair{"factor", ""}}) {
      inner = json.contains(name) ? before + json[name].get<std::string>() : inner;
    }
    for (const auto& [name, value] : json.items()) {
      collect_keys(value, inner.empty() ? name : inner, keys);
    }
  }
}

TEST(Cost, every_number_of_the_document_has_a_key_that_explains_it) {
  for (const auto& [chip, count] :
       {std::pair{"churon-1", 180U}, {"mi300x", 60U}, {"tpu-v6e", 5U}}) {
    std::set<std::string> keys;
    collect_keys(document({chip, "--draws", "100"}), "", keys);
    keys.erase("schema_version");
    EXPECT_GT(keys.size(), count) << chip;
    for (const std::string& key : test::spread(keys)) {
      const Ended ended = churon({chip, "--explain", key, "--draws", "100"});
      EXPECT_EQ(ended.exit, 0) << chip << " " << key << "\n" << ended.err;
      EXPECT_FALSE(ended.out.empty()) << key;
    }
  }
}

TEST(Cost, the_ages_of_rows_are_explained_row_by_row) {
  const Json json = document({"mi300x"});
  for (const std::string key : {"cogs", "hourly"}) {
    const std::string text = churon({"mi300x", "--explain", key + ".ages"}).out;
    EXPECT_EQ(text, churon({"mi300x", "--explain", key + "_ages"}).out);
    const Json& ages = json[key + "_ages"];
    EXPECT_THAT(text, HasSubstr(fmt::format("of {} rows behind {} {} are older than a year",
                                            ages["rows"].get<int>(), key,
                                            ages["rows_over_a_year"].get<int>())));
    std::size_t old = 0;
    for (std::size_t at = text.find("  old  "); at != std::string::npos;
         at = text.find("  old  ", at + 1)) {
      ++old;
    }
    EXPECT_EQ(old, ages["rows_over_a_year"].get<std::size_t>());
  }
}

TEST(Cost, says_which_rows_are_dated_after_what_counts_as_today) {
  const Json today = document({"b200"});
  EXPECT_EQ(today["cogs_ages"]["rows_after_as_of"], 0);
  EXPECT_EQ(today["hourly_ages"]["rows_after_as_of"], 0);
  EXPECT_THAT(churon({"b200"}).out, Not(HasSubstr("used all the same")));
  const auto later =
      document({"b200", "--as-of", "2024-06"})["cogs_ages"]["rows_after_as_of"].get<int>();
  EXPECT_GT(later, 3);
  const std::string text = fmt::format("{} are dated after 2024-06 and used all the same", later);
  EXPECT_THAT(churon({"b200", "--as-of", "2024-06"}).out, HasSubstr(text));
  const std::string ages = churon({"b200", "--as-of", "2024-06", "--explain", "cogs.ages"}).out;
  EXPECT_THAT(ages, HasSubstr(text));
  EXPECT_THAT(ages, testing::ContainsRegex("wafer_price.N4 +2024-12 +later"));
}

TEST(Cost, has_the_same_bytes_with_any_number_of_threads_and_other_ones_with_another_seed) {
  const std::string one = churon({"churon-1", "--json", "-t", "1"}).out;
  EXPECT_EQ(one, churon({"churon-1", "--json", "-t", "3"}).out);
  EXPECT_NE(one, churon({"churon-1", "--json", "--seed", "2"}).out);
}

TEST(Cost, scenarios_dates_and_set_values_move_the_bill) {
  const auto p50 = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "b200");
    return document(words)["cogs_usd"]["p50"].get<double>();
  };
  const double plain = p50({});
  EXPECT_NEAR(p50({"--scenario", "hbm+20%"}) / plain, 1.091, 0.02);
  EXPECT_LT(p50({"--hbm-basis", "contract", "--as-of", "2025-06"}), plain);
  EXPECT_LT(p50({"--set", "wafer_price.N4=9000"}), plain);
  EXPECT_GT(p50({"--set", "memory.hbm.stacks=10", "--set", "memory.hbm.capacity=\"240 GB\""}),
            plain);
}

TEST(Cost, of_a_chip_that_nobody_can_make_says_so_before_its_price) {
  const std::string text = churon({"churon-1", "--set", "memory.hbm.stacks=12", "--set",
                                   "power.tdp=2500 W", "--draws", "100"})
                               .out;
  EXPECT_TRUE(text.starts_with("Nobody can make it as described: 12 stacks of hbm3e do not find"));
  EXPECT_THAT(text.substr(0, text.find("\nchuron-1 costs")),
              testing::ContainsRegex("cannot[ \n]+get[ \n]+rid[ \n]+of[ \n]+2.5[ \n]+kW"));
  for (const std::string chip : {"churon-0", "churon-1", "churon-1h4", "b200"}) {
    EXPECT_TRUE(document({chip, "--draws", "100"})["obstacles"].empty()) << chip;
  }
}

TEST(Cost, of_a_chip_without_a_public_die_says_so) {
  const Json json = document({"tpu-v7x"});
  EXPECT_TRUE(json["cogs_usd"].is_null());
  EXPECT_THAT(json["not_priced"].dump(), HasSubstr("no area is public"));
}

TEST(Cost, a_bill_without_some_dies_says_that_there_is_more) {
  EXPECT_THAT(churon({"mi355x", "--draws", "100"}).out, HasSubstr("MI355X costs more than "));
  EXPECT_FALSE(document({"mi355x", "--draws", "100"})["cogs_is_complete"].get<bool>());
  EXPECT_TRUE(document({"mi300x", "--draws", "100"})["cogs_is_complete"].get<bool>());
}

TEST(Cost, vectors_go_through_the_models_and_come_out_as_csv) {
  const TemporaryFolder folder;
  const std::string dies = folder.write(
      "dies.csv", "die_w_mm,die_h_mm,wafer_mm,edge_mm,scribe_mm,note\n26,33,300,3,0.1,reticle\n");
  EXPECT_EQ(churon({"--vectors", "dies", dies}).out,
            "die_w_mm,die_h_mm,wafer_mm,edge_mm,scribe_mm,note,dies\n26,33,300,3,0.1,reticle,64\n");
  const Ended wrong = churon({"--vectors", "harvest", dies});
  EXPECT_EQ(wrong.exit, 1);
  EXPECT_EQ(wrong.out, "");
}

// --- errors
// -----------------------------------------------------------------------------------------

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at)) {
    text.replace(at, what.size(), by);
  }
  return text;
}

// What is printed where one file of the tables is changed.
std::string with_change(const std::string& file, const std::string& from, const std::string& to,
                        std::vector<std::string> words) {
  const TemporaryFolder folder;
  std::filesystem::copy(kData, folder.path("cost"), std::filesystem::copy_options::recursive);
  const std::string path = folder.path("cost/" + file);
  std::string text = golden::file_text(path);
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  folder.write("cost/" + file, text.replace(at, from.size(), to));
  words.insert(words.end(), {"--data", folder.path("cost")});
  const Ended ended = churon(words);
  EXPECT_NE(ended.exit, 0);
  EXPECT_EQ(ended.out, "");
  return replaced(ended.err, folder.path("cost"), "cost");
}

std::string golden_text() {
  std::string text;
  const auto add = [&](std::string_view what, const std::string& errors) {
    text += fmt::format("# {}\n{}\n", what, errors);
  };
  const auto table = [&](std::string_view what, const std::string& kind, const std::string& csv) {
    const TemporaryFolder folder;
    const Ended ended = churon({"--vectors", kind, folder.write("t.csv", csv)});
    EXPECT_NE(ended.exit, 0);
    EXPECT_EQ(ended.out, "");
    add(what, replaced(ended.err, folder.path("t.csv"), "t.csv"));
  };
  add("low above central, central above high",
      with_change("wafers.csv", "USD/wafer,13400,17500,20000", "USD/wafer,13400,27500,20000",
                  {"b200"}));
  add("a negative price",
      with_change("packaging.csv", "USD/unit,500,750,1000", "USD/unit,-500,750,1000", {"b200"}));
  add("a missing price", with_change("memory.csv", "USD/GB,8,12,17", "USD/GB,8,,17", {"b200"}));
  add("no number", with_change("memory.csv", "USD/GB,8,12,17", "USD/GB,8,12 USD,17", {"b200"}));
  add("a missing column", with_change("power.csv", "basis", "base", {"b200"}));
  add("twice in a table", with_change("power.csv", "tdp.H200_SXM", "tdp.H100_SXM", {"b200"}));
  add("twice in two tables", with_change("power.csv", "tdp.H200_SXM", "wafer_price.N4", {"b200"}));
  add("no basis", with_change("supply.csv", "sourced", "rumour", {"b200"}));
  add("no date", with_change("prices.csv", "2021-06..2025-03", "lately", {"b200"}));
  add("a row that is needed",
      with_change("wafers.csv", "wafer.scribe_lane", "wafer.street", {"b200"}));
  add("a row in another unit",
      with_change("memory.csv", "hbm3e.price_2024,USD/GB", "hbm3e.price_2024,USD/TB", {"b200"}));
  add("a scope", with_change("bought.csv", "per_gpu,system,rental.B200", "per_gpu,rack,rental.B200",
                             {"b200"}));
  const TemporaryFolder cases;
  add("a parameter of Chiplet Actuary",
      with_change("chiplet_actuary_process.csv", "alpha_die", "alpha_dice",
                  {"--vectors", "chiplet-actuary",
                   cases.write("t.csv",
                               "case,node_nm,module_area_mm2,n_chiplets,d2d_overhead,integration\n"
                               "a,7,800,1,0.1,SoC\n")}));
  table("columns", "dies", "die_w_mm,die_h_mm,wafer,edge_mm,scribe_mm\n");
  table("values", "harvest",
        "n_cores,core_area_mm2,uncore_area_mm2,spare_cores,d0_per_cm2,alpha\n"
        "34.5,7,127,2,0.1,3\n34,-7,,35,x,0\n4,7,1,5,0.1,3\n");
  table("cases", "chiplet-actuary",
        "case,node_nm,module_area_mm2,n_chiplets,d2d_overhead,integration\n"
        "a,6,800,1,0.1,SoC\nb,7,800,2,0.1,glass\nc,7,90000,1,0,SoC\n");
  table("kind", "wafers", "x\n1\n");
  for (const auto& [chip, set] : {std::pair{"churon-1", "cost.partner_margin=1"},
                                  {"churon-1", "cost.wafer=0 USD"},
                                  {"churon-1", "yield.assembly_loss=1"},
                                  {"b200", "wafer.diameter=1e9"},
                                  {"b200", "wafer.edge_exclusion=140"},
                                  {"b200", "depreciation.life=0"}}) {
    const Ended ended = churon({chip, "--set", set});
    EXPECT_EQ(ended.exit, 1) << set;
    EXPECT_EQ(ended.out, "") << set;
    add(fmt::format("{} --set {}", chip, set), ended.err);
  }
  add("a library", churon({"churon-1", "--set", "tech.library=tsmc-n33"}).err);
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"b200", "--scenario", "hbm20"},
        {"b200", "--scenario", "hbn+20%"},
        {"b200", "--set", "wafer_price.N4=cheap"},
        {"b200", "--explain", "cogz"},
        {"b200", "--as-of", "yesterday"}}) {
    const Ended ended = churon(words);
    EXPECT_EQ(ended.exit, 2);
    EXPECT_EQ(ended.out, "");
    add(fmt::format("{} {}", words[1], words[2]), ended.err);
  }
  return text;
}

TEST(CostErrors, read_as_they_are_meant_to_and_have_a_golden_for_every_code) {
  const std::string text = golden_text();
  golden::compare(text, CHURON_SOURCE_DIR "/tests/golden/errors/K.txt");
  const std::string page = golden::file_text(CHURON_SOURCE_DIR "/docs/errors/K.md");
  const std::regex heading("## (K[0-9]{4}) ");
  for (std::sregex_iterator it(page.begin(), page.end(), heading), end; it != end; ++it) {
    EXPECT_NE(text.find((*it)[1].str()), std::string::npos) << (*it)[1];
  }
}

}  // namespace
}  // namespace churon
