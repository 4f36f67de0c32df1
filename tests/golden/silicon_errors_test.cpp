// Every error of area, power and floorplan as a user reads it: errors/A.txt.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <regex>

#include "golden.h"
#include "report/silicon_explanation.h"
#include "silicon/activity_file.h"
#include "silicon/area.h"
#include "silicon/floorplan.h"
#include "silicon/power.h"
#include "silicon/technology.h"
#include "temporary_folder.h"

namespace churon::silicon {
namespace {

constexpr std::string_view kHeader = "quantity,unit,node,value,source,note\n";

std::string golden_text() {
  std::string text;
  const auto add = [&](std::string_view what, const Diagnostics& errors) {
    ASSERT_FALSE(errors.empty()) << what;
    text += fmt::format("# {}\n{}\n", what, to_text(errors));
  };
  const auto table = [&](std::string_view what, const std::string& csv) {
    const auto read = parse_technology(csv, "technology.csv");
    if (!read) {
      add(what, read.error());
      return;
    }
    const auto made = nodes(*read);
    ASSERT_FALSE(made) << what;
    add(what, made.error());
  };
  table("columns", "quantity,unit,node,values,source\n");
  table("values", fmt::format("{}cell,um2,TSMC N5,small,a,\ncell,um2,TSMC N7,-0.02,a,\n"
                              "cell,um2,TSMC N2,0.37-0.30,a,\n"
                              "cell,um2,TSMC N3E,1,a,\ncell,um2,TSMC N3E,2,a,\n",
                              kHeader));
  table("units",
        fmt::format("{}\"logic density (peak, NAND2/SFF weighted)\",kTr/mm2,TSMC N7,91,a,\n",
                    kHeader));
  table("rows", fmt::format("{}cell,um2,TSMC N5,0.021,a,\n", kHeader));

  const auto chip = [&](std::string_view name, const std::vector<std::string>& overrides,
                        std::string_view node = {}) {
    std::string what(name);
    for (const auto& one : overrides) {
      what += " --set " + one;
    }
    what += node.empty() ? "" : " --node " + std::string(node);
    const auto loaded = chip::load(name, overrides);
    ASSERT_TRUE(loaded) << what << "\n" << to_text(loaded.error());
    const auto budget = area(*loaded, node);
    if (!budget) {
      add(what, budget.error());
      return;
    }
    const auto plan = makeable_floorplan(*loaded, *budget);
    add(what, plan ? Diagnostics{} : plan.error());
  };
  chip("churon-1", {}, "n33");
  chip("churon-1", {}, "gt2n");
  chip("churon-1", {"tech.library=sky130hd"}, "n5");
  chip("h200", {});
  chip("churon-1", {}, "n16");
  chip("churon-1", {"memory.hbm.stacks=12"});
  chip("churon-1", {"package.interposer_width=75 mm"});
  chip("churon-1", {"package.interposer_height=30 mm"});
  chip("churon-1", {"package.substrate_width=50 mm"});
  chip("churon-1", {"package.cooling=air", "power.tdp=1.1 kW"});
  chip("churon-1", {"power.tdp=2 kW"});
  chip("churon-1", {"core.scratch.size=16 MiB"});
  const chip::Chip churon = chip::load("churon-1").value();
  const AreaBudget budget = area(churon).value();
  const report::SiliconRecord record{.chip = churon,
                                     .area = budget,
                                     .power = {},
                                     .heat = heat_limit(churon, budget),
                                     .floorplan = floorplan(churon, budget).value(),
                                     .activities = {}};
  add("explain", report::silicon_explanation(record, "area.matrx").error());
  const test::TemporaryFolder folder;
  const auto activity = [&](std::string_view what, const std::string& json) {
    const std::string path = folder.write("run.json", json);
    const auto read = read_activities(path, "churon-1");
    ASSERT_FALSE(read) << what;
    Diagnostics errors = read.error();
    for (Diagnostic& error : errors) {
      error.message.replace(error.message.find(path), path.size(), "run.json");
    }
    add(what, errors);
  };
  activity("activity: not JSON", "{");
  activity("activity: another document", R"({"schema": "churon.cost"})");
  activity("activity: no time", R"({"activity": {"mac_int8_count": 1}})");
  activity("activity: negative", R"({"time_s": 1, "activity": {"mac_int8_count": -1}})");
  activity("activity: unknown", R"({"time_s": 1, "activity": {"macs": 1}})");
  return text;
}

TEST(SiliconErrors, read_as_they_are_meant_to) {
  golden::compare(golden_text(), CHURON_SOURCE_DIR "/tests/golden/errors/A.txt");
}

TEST(SiliconErrors, have_a_golden_for_every_code_of_the_page) {
  const std::string text = golden_text();
  const std::string page = golden::file_text(CHURON_SOURCE_DIR "/docs/errors/A.md");
  const std::regex heading("## (A[0-9]{4}) ");
  for (std::sregex_iterator it(page.begin(), page.end(), heading), end; it != end; ++it) {
    EXPECT_NE(text.find((*it)[1].str()), std::string::npos) << (*it)[1];
  }
}

}  // namespace
}  // namespace churon::silicon
