// The dollars of `churon compare` as a user meets them, and the text of what can be wrong with
// them: golden/errors/compare.txt.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "golden.h"
#include "program.h"
#include "temporary_folder.h"

namespace churon {
namespace {

using test::Ended;
using test::TemporaryFolder;
using testing::HasSubstr;
using testing::StartsWith;

Ended compare(const std::vector<std::string>& more, const std::string& chips = "b200,churon-1") {
  std::vector<std::string> words{CHURON_BINARY, "compare", "--models", "llama-3.1-70b",
                                 "--workload",  "1k/1k",   "--chips",  chips};
  words.insert(words.end(), more.begin(), more.end());
  return test::run_program(words, {{"CHURON_DATA", CHURON_SOURCE_DIR}, {"NO_COLOR", "1"}});
}

Json document(std::vector<std::string> words, const std::string& chips = "b200,churon-1") {
  words.emplace_back("--json");
  const Ended ended = compare(words, chips);
  EXPECT_EQ(ended.exit, 0) << ended.err;
  return Json::parse(ended.out);
}

Json row(const Json& json, const std::string& chip, const Json& derate = nullptr) {
  for (const Json& one : json["comparisons"][0]["rows"]) {
    if (one["chip"] == chip && one["derate"] == derate) {
      return one;
    }
  }
  ADD_FAILURE() << chip;
  return {};
}

double central(const Json& row, const std::string& price) {
  return row["prices"][price]["blended_usd_per_mtok"]["central"];
}

TEST(CompareDollars, begin_with_a_verdict_of_four_lines) {
  const Ended ended = compare({});
  EXPECT_EQ(ended.exit, 0) << ended.err;
  std::vector<std::string> lines;  // what is folded counts as one
  for (std::size_t at = 0; lines.size() < 5;) {
    const std::size_t end = ended.out.find('\n', at);
    const std::string line = ended.out.substr(at, end - at);
    EXPECT_LE(line.size(), 120U);
    if (line.starts_with("  ")) {
      lines.back() += line.substr(1);
    } else {
      lines.push_back(line);
    }
    at = end + 1;
  }
  EXPECT_THAT(lines[0], StartsWith("Dollars: churon-1 neutral makes a million tokens for"));
  EXPECT_THAT(lines[0], HasSubstr("at year1"));
  EXPECT_THAT(lines[1], StartsWith("Why: "));
  EXPECT_THAT(lines[1], HasSubstr("merchant margin"));
  EXPECT_THAT(lines[2], StartsWith("Break-even: "));
  EXPECT_THAT(lines[3], StartsWith("Wins unless: "));
  EXPECT_EQ(lines[4], "");
  EXPECT_THAT(ended.out, HasSubstr("rests on guesses"));
}

TEST(CompareDollars, can_all_be_explained) {
  const Json json = document({}, "b200,mi355x,churon-1");
  std::vector<std::string> keys;
  for (const Json& one : json["comparisons"][0]["rows"]) {
    for (const auto& [name, price] : one["prices"].items()) {
      if (!price.is_null()) {
        for (const char* tail : {"", ".input", ".output"}) {
          keys.push_back(price["key"].get<std::string>() + tail);
        }
      }
    }
    if (one.contains("versus")) {
      for (const auto& [name, key] : one["versus"]["keys"].items()) {
        keys.push_back(key);
      }
    }
  }
  for (const Json& chip : json["dollars"]["chips"]) {
    for (const auto& [name, value] : chip.items()) {
      if (value.is_number()) {
        keys.push_back(chip["keys"][name]);
      }
    }
  }
  EXPECT_GE(keys.size(), 30U);
  for (const std::string& key : test::spread(keys)) {
    const Ended ended = compare({"--explain", key, "--draws", "100"}, "b200,mi355x,churon-1");
    EXPECT_EQ(ended.exit, 0) << key;
    EXPECT_THAT(ended.out, StartsWith(key + " = "));
    EXPECT_THAT(ended.out, HasSubstr("basis "));
  }
  const Json neutral = row(json, "churon-1", "neutral");
  for (const char* effects : {"effects", "flips"}) {
    for (const Json& one : neutral["versus"][effects]) {
      const std::string factor = one["factor"];
      const std::string text =
          compare({"--explain", factor, "--draws", "100"}, "b200,mi355x,churon-1").out;
      EXPECT_THAT(text, HasSubstr(fmt::format("with `{}` alone", factor)));
    }
  }
  EXPECT_THAT(compare({"--explain", "churon-1:neutral.advantage.ages"}).out,
              HasSubstr("older than a year"));
  // The end of a name stands for all that have it.
  EXPECT_THAT(compare({"--explain", "mtok.purchase"}).out, HasSubstr("churon-1:year1.mtok"));
}

TEST(CompareDollars, follow_scenarios_settings_dates_and_whose_conditions) {
  const Json plain = document({});
  const double b200 = central(row(plain, "b200"), "purchase");
  const double own = central(row(plain, "churon-1", "neutral"), "purchase");
  const auto moved = [&](std::vector<std::string> words) {
    const Json json = document(std::move(words));
    return std::pair(central(row(json, "b200"), "purchase") / b200,
                     central(row(json, "churon-1", "neutral"), "purchase") / own);
  };
  // The price of memory is in an own chip's price, not in the price of a chip that is sold.
  auto [theirs, ours] = moved({"--scenario", "hbm+20%"});
  EXPECT_EQ(theirs, 1);
  EXPECT_GT(ours, 1.02);
  EXPECT_GT(central(row(document({"--scenario", "hbm+20%"}), "b200"), "build") /
                central(row(plain, "b200"), "build"),
            1.005);
  std::tie(theirs, ours) = moved({"--set", "purchase.B200.per_gpu=20000"});
  EXPECT_LT(theirs, 0.8);
  EXPECT_EQ(ours, 1);
  std::tie(theirs, ours) = moved({"--set", "memory.hbm.stacks=6"});
  EXPECT_EQ(theirs, 1);
  EXPECT_NE(ours, 1);
  std::tie(theirs, ours) = moved({"--set", "b200:power.tdp=1.2 kW"});
  EXPECT_GT(theirs, 1);
  EXPECT_EQ(ours, 1);
  std::tie(theirs, ours) = moved({"--occupancy", "0.5"});
  EXPECT_NEAR(theirs, 2, 1e-6);
  EXPECT_NEAR(ours, 2, 1e-6);
  std::tie(theirs, ours) = moved({"--like", "b200"});
  EXPECT_LT(theirs, 1);  // the tables' chips live longer
  EXPECT_LT(ours, 1);
  std::tie(theirs, ours) = moved({"--hbm-basis", "contract", "--as-of", "2025-06"});
  EXPECT_EQ(theirs, 1);
  EXPECT_NE(ours, 1);
}

// --set names a chip as --chips does or by its id; what both say holds.
TEST(CompareDollars, take_settings_under_the_path_and_under_the_id_of_a_chip) {
  const std::string path = CHURON_SOURCE_DIR "/chips/b200.toml";
  const std::vector<std::string> power{"--set", path + ":power.tdp=1.2 kW"},
      pue{"--set", "b200:system.pue=1.9"};
  std::vector<std::string> both = power;
  both.insert(both.end(), pue.begin(), pue.end());
  const auto price = [&](const std::vector<std::string>& words) {
    return central(row(document(words, path), "b200"), "purchase");
  };
  const double plain = price({});
  EXPECT_GT(price(power), plain);
  EXPECT_GT(price(pue), plain);
  EXPECT_GT(price(both), price(power));
  EXPECT_GT(price(both), price(pue));
}

TEST(CompareDollars, give_each_bought_chip_the_framework_that_serves_it_best) {
  const Json best = document({"--framework", "best"});
  const double rate = row(best, "b200")["output_tokens_per_s_per_chip"];
  for (const char* framework : {"vllm", "sglang", "tensorrt_llm"}) {
    const Json json = document({"--framework", framework});
    EXPECT_GE(rate, row(json, "b200")["output_tokens_per_s_per_chip"].get<double>());
    EXPECT_EQ(row(json, "churon-1", "neutral")["output_tokens_per_s_per_chip"],
              row(best, "churon-1", "neutral")["output_tokens_per_s_per_chip"]);
  }
  const std::string chosen = row(best, "b200")["framework"];
  const std::string command = row(best, "b200")["estimate_command"];
  EXPECT_EQ(command.find("--framework " + chosen) != std::string::npos, chosen != "vllm");
}

TEST(CompareDollars, say_in_the_row_what_nobody_publishes) {
  const Json json = document({}, "tpu-v7x,churon-1");
  const Json tpu = row(json, "tpu-v7x");
  for (const char* price : {"build", "purchase", "rent"}) {
    EXPECT_TRUE(tpu["prices"][price].is_null());
  }
  EXPECT_THAT(tpu["not_priced"].dump(), HasSubstr("no area is public"));
  EXPECT_FALSE(row(json, "churon-1", "neutral").contains("versus"));
  EXPECT_THAT(compare({}, "tpu-v7x,churon-1").out,
              HasSubstr("no price of another chip stands beside it"));
}

TEST(CompareDollars, draw_a_picture) {
  const TemporaryFolder folder;
  EXPECT_EQ(compare({"--svg-dollars", folder.path("d.svg")}).exit, 0);
  const std::string svg = golden::file_text(folder.path("d.svg"));
  EXPECT_THAT(svg, StartsWith("<svg"));
  EXPECT_THAT(svg, HasSubstr("USD per million tokens"));
  EXPECT_THAT(svg, HasSubstr("churon-1 year1"));
}

TEST(CompareDollars, errors_read_as_they_are_meant_to) {
  std::string text;
  const auto add = [&](const std::vector<std::string>& words, const std::string& chips) {
    const Ended ended = compare(words, chips);
    EXPECT_NE(ended.exit, 0);
    EXPECT_EQ(ended.out, "");
    text += fmt::format("# --chips {}", chips);
    for (const std::string& word : words) {
      text += " " + word;
    }
    text += fmt::format("\n{}exit {}\n\n", ended.err, ended.exit);
  };
  add({"--set", "power.tdp=1 kW"}, "b200");
  add({"--set", "a100:power.tdp=1 kW"}, "b200,churon-1");
  add({"--set", "wafer_price.N4=-1"}, "b200");
  add({"--set", "power.tdp=-1 W"}, "b200,churon-1");
  add({"--scenario", "hbm"}, "b200");
  add({"--scenario", "hbn+20%"}, "b200");
  add({"--as-of", "today"}, "b200");
  add({"--explain", "b200:mtok.purchas"}, "b200,churon-1");
  add({"--like", "b2000"}, "b200");
  golden::compare(text, CHURON_SOURCE_DIR "/tests/golden/errors/compare.txt");
}

}  // namespace
}  // namespace churon
