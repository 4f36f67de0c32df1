#include "cost/costing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "base/data_dir.h"
#include "cost/draws.h"
#include "temporary_folder.h"

namespace churon::cost {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::string kData = CHURON_SOURCE_DIR "/data/cost";

Costing costing_of(std::string_view name, CostOptions options = {},
                   const std::vector<std::string>& set = {}) {
  ::setenv("CHURON_DATA", CHURON_SOURCE_DIR, 1);
  const auto chip = chip::load(name, set);
  EXPECT_TRUE(chip) << name;
  if (options.data.empty()) {
    options.data = kData;
  }
  auto made = costing(*chip, options);
  EXPECT_TRUE(made) << (made ? "" : to_text(made.error()));
  return std::move(*made);
}

Quantiles quantiles_of(const Costing& made, std::optional<NodeId> id, std::int64_t draws = 40'000) {
  EXPECT_TRUE(id.has_value());
  return draw(*made.tree, {&*id, 1}, {.seed = 1, .draws = draws, .threads = 2}).front();
}

NodeId named(const Costing& made, std::string_view key) {
  const auto id = made.tree->find(key);
  EXPECT_TRUE(id.has_value()) << key;
  return id.value_or(0);
}

// Published bills of material.
TEST(Costing, the_bills_of_h100_and_b200_lie_in_their_range_and_near_its_middle) {
  for (const auto& [chip, published] : {std::pair{"h100", 3320.0}, {"b200", 6400.0}}) {
    const Costing made = costing_of(chip, {.hbm_basis = HbmBasis::bom});
    const Quantiles q = quantiles_of(made, made.cogs);
    EXPECT_LT(q.p5, published) << chip;
    EXPECT_GT(q.p95, published) << chip;
    EXPECT_NEAR(q.p50 / published, 1, 0.15) << chip;
  }
}

// At one density for all dies the number of bad cores is binomial.
TEST(Costing, spare_cores_count_by_every_yield_model) {
  for (const std::string model : {"poisson", "murphy", "seeds", "negative-binomial"}) {
    const Costing made = costing_of("churon-1", {}, {"yield.model=" + model});
    const double clean = central_value(*made.tree, named(made, "die.compute.yield_clean"));
    const double good = central_value(*made.tree, named(made, "die.compute.yield"));
    EXPECT_GT(good, clean + 0.1) << model;
    if (model == "poisson") {
      const double defects = 0.1 * 2.78 * 1.31, core = std::exp(-0.65 * defects / 34);
      double repaired = 0;
      for (const auto& [ways, bad] : {std::pair{1.0, 0}, {34.0, 1}, {34.0 * 33 / 2, 2}}) {
        repaired += ways * std::pow(1 - core, bad) * std::pow(core, 34 - bad);
      }
      repaired *= std::exp(-0.35 * defects);
      EXPECT_NEAR(clean, std::exp(-defects), 1e-9);
      EXPECT_NEAR(good, clean + 0.97 * (repaired - clean), 1e-5);
    }
  }
}

TEST(Costing, memory_that_is_a_fifth_dearer_moves_b200_by_nine_points) {
  const Quantiles before = [&] {
    const Costing made = costing_of("b200", {.hbm_basis = HbmBasis::bom});
    return quantiles_of(made, made.cogs);
  }();
  const Costing made =
      costing_of("b200", {.hbm_basis = HbmBasis::bom, .scenarios = {*parse_scenario("hbm+20%")}});
  const Quantiles after = quantiles_of(made, made.cogs);
  EXPECT_NEAR(100 * (after.p50 / before.p50 - 1), 9.1, 2);
}

// ../shared/reference-chip.md: dies 315, memory 4,800, package 981, test 430, assembly loss 326,
// together 6,853; from a partner 14,960; 1.07 USD an hour without staff, spares and failures.
TEST(Costing, churon_1_is_near_the_paper_study_line_by_line) {
  const Costing made = costing_of("churon-1");
  const auto central = [&](std::string_view key) {
    return central_value(*made.tree, named(made, key));
  };
  EXPECT_NEAR(central("cogs.dies") / 315, 1, 0.15);
  EXPECT_EQ(central("cogs.memory"), 4800);
  EXPECT_NEAR(central("cogs.package") / 981, 1, 0.15);
  EXPECT_EQ(central("cogs.test"), 430);
  EXPECT_NEAR(central("cogs") / 6853, 1, 0.15);
  EXPECT_NEAR(central("price") / 14960, 1, 0.15);
  EXPECT_NEAR(central("slot") / 21500, 1, 0.15);
  EXPECT_NEAR(central("hourly.bare") / 1.07, 1, 0.15);
  EXPECT_NEAR(central("hourly") / 1.07, 1, 0.15);
  const Quantiles q = quantiles_of(made, made.cogs);
  EXPECT_NEAR(q.p50 / 6853, 1, 0.15);
}

// A description that does not draw its dies gets them from its blocks: 733 mm2 of both.
TEST(Costing, dies_that_are_not_drawn_have_the_area_of_their_blocks) {
  auto chip = chip::load("churon-1").value();
  const Costing drawn = costing(chip, {}).value();
  chip.dies.front().width.reset();
  chip.dies.front().height.reset();
  const Costing derived = costing(chip, {}).value();
  ASSERT_TRUE(derived.cogs);
  const auto area = derived.tree->find("die.compute.area_mm2");
  ASSERT_TRUE(area);
  EXPECT_NEAR(central_value(*derived.tree, *area), 733.0 / 2, 1);
  EXPECT_NEAR(central_value(*derived.tree, *derived.cogs), central_value(*drawn.tree, *drawn.cogs),
              40);
  EXPECT_TRUE(derived.tree->input_of(derived.tree->at(*area)).is_uncertain());
}

TEST(Costing, chips_without_a_public_die_area_say_so_and_are_not_guessed) {
  for (const char* chip : {"tpu-v7x", "tpu-v5e", "gaudi2", "trainium2"}) {
    const Costing made = costing_of(chip);
    EXPECT_FALSE(made.cogs.has_value()) << chip;
    EXPECT_THAT(made.not_priced, testing::Contains(HasSubstr("no area is public"))) << chip;
  }
}

TEST(Costing, mi355x_names_the_dies_that_its_bill_is_without) {
  const Costing made = costing_of("mi355x");
  EXPECT_TRUE(made.cogs.has_value());
  EXPECT_THAT(made.not_priced, testing::Contains(HasSubstr("2 I/O dies")));
}

TEST(Costing, every_shipped_chip_has_a_bill_or_says_what_is_missing) {
  ::setenv("CHURON_DATA", CHURON_SOURCE_DIR, 1);
  for (const chip::Listed& listed : chip::listed()) {
    const Costing made = costing_of(listed.id);
    EXPECT_TRUE(made.cogs.has_value() || !made.not_priced.empty()) << listed.id;
    for (const NodeId id : made.printed()) {
      EXPECT_FALSE(made.tree->at(id).key.empty());
      EXPECT_FALSE(made.tree->formula(id).empty());
    }
  }
}

TEST(Costing, who_pays_for_failed_packages_moves_the_bill_in_order) {
  const auto cogs = [&](Loss loss) {
    const Costing made = costing_of("churon-1", {.loss = loss});
    return central_value(*made.tree, *made.cogs);
  };
  EXPECT_GT(cogs(Loss::buyer), cogs(Loss::consigned));
  EXPECT_GT(cogs(Loss::consigned), cogs(Loss::packager));
}

TEST(Costing, each_package_can_take_the_place_of_the_described_one) {
  const double described = [&] {
    const Costing made = costing_of("churon-1");
    return central_value(*made.tree, named(made, "cogs.package"));
  }();
  for (const PackageEntry& entry : packages()) {
    const Costing made = costing_of("churon-1", {.package = entry.kind});
    const double cost = central_value(*made.tree, named(made, "cogs.package"));
    EXPECT_EQ(cost == described, entry.kind == PackageKind::description) << entry.word;
    EXPECT_EQ(cost,
              central_value(*made.tree, named(made, fmt::format("package.{}.cost", entry.word))));
  }
}

TEST(Costing, the_date_chooses_the_contract_price_of_memory) {
  const auto row = [&](std::string_view date) {
    const Costing made =
        costing_of("b200", {.hbm_basis = HbmBasis::contract, .as_of = *parse_month(date)});
    return made.tree->formula(named(made, "cogs.memory"));
  };
  EXPECT_THAT(row("2024-06"), HasSubstr("hbm3e.price_2024"));
  EXPECT_THAT(row("2025-06"), HasSubstr("hbm3e.price_2025"));
  EXPECT_THAT(row("2026-06"), HasSubstr("hbm3e.price_2026"));
}

TEST(Costing, a_row_can_be_set_and_then_has_no_range) {
  const Costing made = costing_of("h100", {.set = {"wafer_price.N4=15000"}});
  const Input& input = made.tree->inputs()[made.tree->at(named(made, "wafer_price.N4")).index];
  EXPECT_EQ(input.range.central, 15000);
  EXPECT_FALSE(input.is_uncertain());
  EXPECT_EQ(input.place, "--set wafer_price.N4=15000");
}

TEST(Costing, more_units_make_the_share_of_the_programme_smaller) {
  const auto price = [&](const std::string& set) {
    const Costing made = costing_of("churon-1", {}, {set});
    return central_value(*made.tree, *made.price);
  };
  EXPECT_GT(price("cost.units=50000"), price("cost.units=200000"));
}

TEST(Costing, the_ways_to_make_it_break_even_where_their_costs_cross) {
  const Costing made = costing_of("churon-1");
  ASSERT_EQ(made.ways.size(), 3U);
  const auto central = [&](NodeId id) { return central_value(*made.tree, id); };
  for (std::size_t i = 1; i < 3; ++i) {
    const Way &before = made.ways[i - 1], &way = made.ways[i];
    const double units = central(*way.break_even);
    EXPECT_NEAR(central(way.nre) * 1e6 + units * central(way.unit),
                central(before.nre) * 1e6 + units * central(before.unit), 1e3);
  }
}

// --- one row changed
// --------------------------------------------------------------------------------

std::map<std::string, double> values_of(const Costing& made) {
  std::map<std::string, double> values;
  const std::vector<NodeId> ids = made.printed();
  const std::vector<double> central = central_values(*made.tree, ids);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    values[made.tree->at(ids[i]).key] = central[i];
  }
  return values;
}

// Which printed quantities depend on a row, by the tree.
std::set<std::string> dependants(const Costing& made, std::string_view row) {
  std::set<std::string> keys;
  const auto input = made.tree->find(row);
  for (const NodeId id : made.printed()) {
    if (input && made.tree->needed({&id, 1})[*input]) {
      keys.insert(made.tree->at(id).key);
    }
  }
  return keys;
}

TEST(Costing, a_changed_row_changes_what_depends_on_it_and_nothing_else) {
  struct Change {
    const char *chip, *file, *from, *to, *row;
  };
  for (const Change& change :
       {Change{"b200", "memory.csv", "hbm3e.price_2024,USD/GB,12,15,17",
               "hbm3e.price_2024,USD/GB,13,16,18", "hbm3e.price_2024"},
        Change{"h100", "wafers.csv", "wafer_price.N4,USD/wafer,13400,17500,20000",
               "wafer_price.N4,USD/wafer,13400,18500,20000", "wafer_price.N4"},
        Change{"mi300x", "power.csv", "pue.hyperscale,1,1.08,1.12,1.2",
               "pue.hyperscale,1,1.08,1.15,1.2", "pue.hyperscale"},
        Change{"churon-1", "nre.csv", "software.team,people,30,80,200",
               "software.team,people,30,90,200", "software.team"},
        Change{"churon-1", "supply.csv", "lead.hbm,weeks,26,40,104", "lead.hbm,weeks,26,50,104",
               "lead.hbm"}}) {
    const test::TemporaryFolder folder;
    std::filesystem::copy(kData, folder.path("cost"), std::filesystem::copy_options::recursive);
    const std::string path = folder.path("cost/") + change.file;
    std::ifstream in(path);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    const std::size_t at = text.find(change.from);
    ASSERT_NE(at, std::string::npos) << change.from;
    std::ofstream(path) << text.replace(at, std::string_view(change.from).size(), change.to);

    const Costing before = costing_of(change.chip);
    const Costing after = costing_of(change.chip, {.data = folder.path("cost")});
    const auto old_values = values_of(before), new_values = values_of(after);
    const std::set<std::string> expected = dependants(before, change.row);
    ASSERT_EQ(old_values.size(), new_values.size());
    for (const auto& [key, value] : old_values) {
      EXPECT_EQ(value != new_values.at(key), expected.contains(key))
          << change.row << " and " << key;
    }
  }
}

TEST(Costing, a_row_that_is_needed_and_missing_is_named) {
  const test::TemporaryFolder folder;
  std::filesystem::copy(kData, folder.path("cost"), std::filesystem::copy_options::recursive);
  std::ifstream in(kData + "/packaging.csv");
  std::ofstream out(folder.path("cost/packaging.csv"));
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("cowos_l.package_cost")) {
      out << line << "\n";
    }
  }
  out.close();
  const auto chip = chip::load("b200");
  const auto made = costing(*chip, {.data = folder.path("cost")});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().front().code, "K0111");
  EXPECT_THAT(made.error().front().message, HasSubstr("cowos_l.package_cost_b200_class"));
}

TEST(Costing, no_row_that_is_used_is_taken_in_another_unit_than_its_own) {
  const test::TemporaryFolder folder;
  std::filesystem::copy(kData, folder.path("cost"), std::filesystem::copy_options::recursive);
  std::set<std::string> tried;
  for (const char* name : {"churon-1", "churon-0", "b200", "mi300x", "gb200", "tpu-v6e"}) {
    const auto chip = chip::load(name);
    ASSERT_TRUE(chip) << name;
    const Costing good = costing_of(name);
    for (const Input& input : good.tree->inputs()) {
      if (input.as_of.empty() || !tried.insert(input.key).second) {
        continue;
      }
      const std::string path =
          folder.path("cost/" + std::filesystem::path(input.place).filename().string());
      const std::string file = path.substr(0, path.rfind(':'));
      std::ifstream in(file);
      const std::string text{std::istreambuf_iterator<char>(in), {}};
      const std::string row = input.key + "," + input.unit + ",";
      std::string changed = text;
      const std::size_t at = text.find(row);
      ASSERT_NE(at, std::string::npos) << row;
      folder.write("cost/" + std::filesystem::path(file).filename().string(),
                   changed.replace(at, row.size(), input.key + ",furlongs,"));
      const auto made = costing(*chip, {.data = folder.path("cost")});
      folder.write("cost/" + std::filesystem::path(file).filename().string(), text);
      ASSERT_FALSE(made) << name << " " << row;
      EXPECT_EQ(made.error().front().code, "K0113") << name << " " << row;
      EXPECT_THAT(made.error().front().message, HasSubstr(input.key));
      EXPECT_TRUE(made.error().front().span.has_value());
    }
  }
  EXPECT_GT(tried.size(), 90U);
}

// The price and the density of defects of another process are not those of the die.
TEST(Costing, a_die_that_is_moved_to_another_process_has_its_wafer_price_and_density) {
  const auto formula = [](const std::vector<std::string>& set) {
    const Costing made = costing_of("churon-1", {}, set);
    return made.tree->formula(named(made, "die.compute.cost")) + "; " +
           made.tree->formula(named(made, "die.compute.defects"));
  };
  EXPECT_THAT(formula({}), AllOf(HasSubstr("chip.cost.wafer"), HasSubstr("chip.yield.d0")));
  for (const char* set : {"die.compute.node=tsmc-n5-public", "tech.library=tsmc-n5-public"}) {
    EXPECT_THAT(formula({set}), AllOf(HasSubstr("wafer_price.N5"), HasSubstr("d0.N5"))) << set;
    const Costing made = costing_of("churon-1", {}, {set});
    ASSERT_EQ(made.notes.size(), 1U);
    EXPECT_THAT(made.notes[0], AllOf(HasSubstr("cost.wafer"), HasSubstr("yield.d0")));
    EXPECT_TRUE(made.tree->find("mask_set.N5").has_value());
  }
  // What is set together with the process is of it.
  EXPECT_THAT(formula({"die.compute.node=tsmc-n5-public", "cost.wafer=17000 USD"}),
              AllOf(HasSubstr("chip.cost.wafer"), HasSubstr("d0.N5")));
  // What was there already changes nothing.
  EXPECT_EQ(formula({"die.compute.node=tsmc-n3e-public"}), formula({}));
  EXPECT_TRUE(costing_of("churon-1", {}, {"cost.wafer=17000 USD"}).notes.empty());
}

TEST(Costing, a_variant_keeps_the_price_of_its_parent_only_in_the_same_process) {
  const test::TemporaryFolder folder;
  const auto variant = [&](const std::string& name, const std::string& parent,
                           const std::string& lines) {
    folder.write(name + ".toml",
                 "schema = 1\ninherit = \"" + parent + "\"\nname = \"" + name + "\"\n" + lines);
    const auto chip = chip::load(folder.path(name + ".toml"));
    EXPECT_TRUE(chip) << (chip ? "" : to_text(chip.error()));
    const auto made = costing(*chip, {.data = kData});
    EXPECT_TRUE(made);
    return made->tree->formula(named(*made, "die.compute.cost"));
  };
  EXPECT_THAT(variant("v1", "churon-1", "[power]\ntdp = \"810 W\"\n"),
              HasSubstr("chip.cost.wafer"));
  EXPECT_THAT(variant("v2", "churon-1", "[die.compute]\nnode = \"tsmc-n5-public\"\n"),
              HasSubstr("wafer_price.N5"));
  EXPECT_THAT(variant("v3", "v2", "[power]\ntdp = \"810 W\"\n"), HasSubstr("wafer_price.N5"));
  EXPECT_THAT(
      variant("v4", "v2",
              "[cost]\nwafer = { v = \"17000 USD\", src = \"paper\", basis = \"guess\" }\n"),
      HasSubstr("chip.cost.wafer"));
}

TEST(Costing, masks_of_a_node_without_a_row_are_those_of_the_next_newer_one) {
  for (const auto& [node, row] : {std::pair{"tsmc-n4", "mask_set.N3"},
                                  {"tsmc-n6", "mask_set.N5"},
                                  {"tsmc-n16", "mask_set.N7"},
                                  {"tsmc-n28", "mask_set.N28"}}) {
    const Costing made = costing_of("churon-1", {}, {fmt::format("die.compute.node={}", node)});
    EXPECT_TRUE(made.tree->find(row).has_value()) << node;
  }
}

// "Sources put module, test and scrap in this line": what is lost is paid once.
TEST(Costing, a_test_row_that_holds_the_scrap_has_no_loss_beside_it) {
  for (const char* chip : {"a100", "h100", "h200", "mi300x", "mi325x", "mi355x"}) {
    const Costing made = costing_of(chip);
    EXPECT_TRUE(made.tree->find("test_and_assembly.h100_class").has_value()) << chip;
    EXPECT_EQ(central_value(*made.tree, named(made, "cogs.assembly_loss")), 0) << chip;
  }
  EXPECT_GT(
      central_value(*costing_of("b200").tree, named(costing_of("b200"), "cogs.assembly_loss")), 0);
}

// A row without a unit, the share of good packages, is taken as a yield, one in dollars as what is
// lost.
TEST(Costing, the_assembly_of_a_bought_chip_is_a_yield_or_a_loss_by_its_unit) {
  const test::TemporaryFolder folder;
  std::filesystem::copy(kData, folder.path("cost"), std::filesystem::copy_options::recursive);
  std::ifstream in(kData + "/bought.csv");
  std::string text{std::istreambuf_iterator<char>(in), {}};
  const std::string loss = "assembly.yield_loss_b200_class", yield = "assembly.yield_total_cowos_l";
  for (std::size_t at = text.find(loss); at != std::string::npos; at = text.find(loss)) {
    text.replace(at, loss.size(), yield);
  }
  folder.write("cost/bought.csv", text);
  const Costing made = costing_of("b200", {.data = folder.path("cost")});
  EXPECT_THAT(made.tree->formula(named(made, "cogs.assembly_loss")),
              HasSubstr("1 / assembly.yield_total_cowos_l - 1"));
}

TEST(Costing, the_node_of_a_bought_chip_can_be_set) {
  const Costing made = costing_of("b200", {}, {"die.compute.node=TSMC N3"});
  EXPECT_THAT(made.tree->formula(named(made, "die.compute.cost")), HasSubstr("wafer_price.N3"));
  const Costing without = costing_of("b200", {}, {"die.compute.node=TSMC N9"});
  EXPECT_FALSE(without.cogs);
  EXPECT_THAT(without.not_priced, testing::Contains(HasSubstr("no wafer price of `N9`")));
}

TEST(Costing, a_library_that_no_table_knows_is_named_with_those_there_are) {
  const auto chip = chip::load("churon-1", std::vector<std::string>{"tech.library=tsmc-n33"});
  const auto made = costing(*chip, {.data = kData});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().front().code, "K0306");
  EXPECT_THAT(to_text(made.error()), AllOf(HasSubstr("nangate45"), HasSubstr("n6")));
}

TEST(Costing, scenarios_are_a_group_and_a_percentage) {
  EXPECT_NEAR(parse_scenario("hbm+20%")->factor, 1.2, 1e-12);
  EXPECT_NEAR(parse_scenario("wafer-7.5%")->factor, 0.925, 1e-12);
  for (const char* text :
       {"hbm", "hbm+20", "+20%", "hbm+%", "hbm-100%", "hbm+-5%", "gold+5%", "hbm+1e300%"}) {
    EXPECT_FALSE(parse_scenario(text)) << text;
  }
}

TEST(Costing, a_million_draws_of_a_bill_are_quick_and_the_same_on_two_threads) {
  const Costing made = costing_of("b200");
  std::vector<NodeId> targets = made.cogs_lines;
  targets.push_back(*made.cogs);
  const auto begin = std::chrono::steady_clock::now();
  const auto two = draw(*made.tree, targets, {.seed = 1, .draws = 1'000'000, .threads = 2});
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const auto one = draw(*made.tree, targets, {.seed = 1, .draws = 1'000'000, .threads = 1});
  for (std::size_t t = 0; t < targets.size(); ++t) {
    EXPECT_EQ(one[t].p5, two[t].p5);
    EXPECT_EQ(one[t].p50, two[t].p50);
    EXPECT_EQ(one[t].mean, two[t].mean);
  }
  RecordProperty("seconds", std::to_string(seconds));
  EXPECT_LT(seconds, 20);  // on an idle machine with two cores below 2
}

}  // namespace
}  // namespace churon::cost
