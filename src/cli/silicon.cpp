// `churon silicon`: area and power of a chip of our own, and its floorplan.
#include <fmt/format.h>

#include <memory>

#include "base/file.h"
#include "base/json.h"
#include "chip/chip.h"
#include "cli/verb.h"
#include "report/floorplan_svg.h"
#include "report/silicon_explanation.h"
#include "report/silicon_report.h"

namespace churon::cli {

namespace {

struct Words {
  std::string chip;
  std::string node;
  std::string svg;
  std::string activity;
  std::string explain;
  std::vector<std::string> overrides;
};

ExitCode show_silicon(const Terminal& terminal, const Words& words) {
  auto chip = chip::load(words.chip, words.overrides);
  if (!chip) {
    return terminal.report(chip.error());
  }
  auto area = silicon::area(*chip, words.node);
  if (!area) {
    return terminal.report(area.error());
  }
  auto floorplan = silicon::makeable_floorplan(*chip, *area);
  if (!floorplan) {
    return terminal.report(floorplan.error());
  }
  std::vector<silicon::PowerEstimate> power;
  for (const silicon::OperatingPoint& point : silicon::operating_points(*chip)) {
    for (const chip::Phase& phase : chip::phases()) {
      power.push_back(silicon::power(*chip, *area, phase, point));
    }
  }
  if (!words.svg.empty()) {
    const std::string svg = report::floorplan_svg(*chip, *area, *floorplan);
    if (const auto written = write_file_atomically(words.svg, svg); !written) {
      return terminal.report(written.error());
    }
  }
  std::vector<report::ActivityRecord> activities;
  if (!words.activity.empty()) {
    auto recorded = silicon::read_activities(words.activity, chip->id);
    if (!recorded) {
      return terminal.report(recorded.error());
    }
    const silicon::PriceBands prices = silicon::energy_prices(*chip, area->move);
    for (silicon::RecordedActivity& one : *recorded) {
      const auto taken = silicon::power(one.activity, prices, one.time);
      activities.push_back({std::move(one), taken});
    }
  }
  const silicon::HeatLimit heat = silicon::heat_limit(*chip, *area);
  const report::SiliconRecord record{.chip = std::move(*chip),
                                     .area = std::move(*area),
                                     .power = std::move(power),
                                     .heat = heat,
                                     .floorplan = std::move(*floorplan),
                                     .activities = std::move(activities)};
  if (!words.explain.empty()) {
    const auto text = report::silicon_explanation(record, words.explain);
    if (!text) {
      return terminal.report(text.error());
    }
    terminal.explain(words.explain, *text);
    return ExitCode::ok;
  }
  const auto charset = terminal.interactive ? report::Charset::unicode : report::Charset::ascii;
  terminal.out(terminal.json ? dump_json(report::silicon_json(record)) + "\n"
                             : report::silicon_text(record, charset));
  return ExitCode::ok;
}

}  // namespace

Action configure_silicon(CLI::App& app) {
  auto words = std::make_shared<Words>();
  app.add_option("CHIP", words->chip,
                 "a chip of our own: a name of `churon chips` or the path of a description")
      ->required();
  app.add_option("--node", words->node, "at another node: n16, n7, n5, n3e, n2, nangate45, …")
      ->type_name("NODE");
  app.add_option("--explain", words->explain,
                 "why a number is what it is: area, area.matrix, power.nominal.decode")
      ->type_name("KEY");
  app.add_option("--activity", words->activity,
                 "what this activity takes: a document of `churon run --json`")
      ->type_name("FILE");
  app.add_option("--svg", words->svg, "write the floorplan to this file")->type_name("FILE");
  app.add_option("--set", words->overrides, "change a value of the chip: memory.hbm.stacks=6")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  return [words](const Terminal& terminal) { return show_silicon(terminal, *words); };
}

}  // namespace churon::cli
