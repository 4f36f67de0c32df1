#include "report/silicon_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/unit.h"

namespace churon::report {

namespace {

using silicon::Band;
using silicon::ShapeKind;

std::string in_mm2(double square_metres) { return number(square_metres * 1e6); }

std::string dash(Charset charset) { return charset == Charset::unicode ? "–" : "-"; }
std::string times(Charset charset) { return charset == Charset::unicode ? "×" : "x"; }

std::string bounds(const Band& band, double factor, Charset charset) {
  return fmt::format("{}{}{}", number(band.low * factor), dash(charset),
                     number(band.high * factor));
}

std::string_view rule_of(chip::Scaling scaling) {
  switch (scaling) {
    case chip::Scaling::logic:
      return "logic density";
    case chip::Scaling::sram:
      return "bit cell";
    case chip::Scaling::fixed:
      return "stays";
  }
  return "";
}

std::string small_area(double square_metres) {
  return square_metres < 1e-9 ? number(square_metres * 1e12) + " um2"
                              : in_mm2(square_metres) + " mm2";
}

std::string each_text(const silicon::BlockArea& block) {
  return block.id == "scratch" ? rounded_text(1 / block.each.central, QuantityKind::density, 3)
                               : small_area(block.each.central);
}

std::string area_text(const SiliconRecord& record, Charset charset) {
  const silicon::AreaBudget& area = record.area;
  std::string text = fmt::format(
      "area of all dies in mm2, {}\n",
      area.move.moves() ? fmt::format("moved from {} to {}", area.move.from, area.move.to)
                        : area.library);
  Table table({Align::left, Align::left, Align::right, Align::right, Align::right, Align::right,
               Align::left});
  table.row({"block", "of", "each", "net", "P5" + dash(charset) + "P95", "share", "with the node"});
  const auto row = [&](const std::string& name, const std::string& counted, const std::string& each,
                       const Band& net, std::string_view scales) {
    table.row({name, counted, each, in_mm2(net.central), bounds(net, 1e6, charset),
               percent(net.central / area.net.central), std::string(scales)});
  };
  bool has_spares = false;
  for (const silicon::BlockArea& block : area.blocks) {
    if (block.site != chip::Site::core && !has_spares && area.spare_cores > 0) {
      has_spares = true;
      row("spares", counted(area.spare_cores, "core"), small_area(area.core()), area.spares, "");
    }
    row(block.name, block.counted, each_text(block), block.net, rule_of(block.scaling));
  }
  row("net", "", "", area.net, "");
  text += table.text("  ");
  text += fmt::format("  dies: {} / {:g} utilisation {} {:g} contingency = {} mm2, {} (P5{}P95)\n",
                      in_mm2(area.net.central), area.utilisation.central, times(charset),
                      1 + area.contingency.central, in_mm2(area.gross.central),
                      bounds(area.gross, 1e6, charset), dash(charset));
  if (area.drawn) {
    text +=
        fmt::format("  {}: {} mm2\n", area.move.moves() ? "as drawn at its own node" : "as drawn",
                    in_mm2(area.drawn->value()));
  }
  std::string causes;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, area.causes.size()); ++i) {
    const silicon::AreaCause& cause = area.causes[i];
    causes += fmt::format("{}{} {:+.0f}/{:+.0f}", i == 0 ? "" : ", ", cause.name, cause.below * 1e6,
                          cause.above * 1e6);
  }
  return text + fmt::format("  what moves it most, mm2: {}\n", causes);
}

std::vector<const silicon::PowerEstimate*> nominal(const SiliconRecord& record) {
  std::vector<const silicon::PowerEstimate*> found;
  for (const silicon::PowerEstimate& one : record.power) {
    if (one.state == "nominal") {
      found.push_back(&one);
    }
  }
  return found;
}

std::string power_text(const SiliconRecord& record, Charset charset) {
  std::string text = "\npower in W, nominal clock and voltage\n";
  const auto columns = nominal(record);
  std::vector<Align> aligns{Align::left};
  std::vector<std::string> head{"consumer"};
  for (const auto* column : columns) {
    aligns.insert(aligns.end(), {Align::right, Align::right});
    head.insert(head.end(), {column->phase, "P5" + dash(charset) + "P95"});
  }
  Table table(aligns);
  table.row(head);
  for (std::size_t i = 0; i < columns.front()->rows.size(); ++i) {
    std::vector<std::string> cells{columns.front()->rows[i].name};
    for (const auto* column : columns) {
      const Band& power = column->rows[i].power;
      cells.push_back(number(power.central));
      cells.push_back(power.low == power.high ? "" : bounds(power, 1, charset));
    }
    table.row(cells);
  }
  std::vector<std::string> total{"total"};
  for (const auto* column : columns) {
    total.push_back(number(column->total.central));
    total.push_back(bounds(column->total, 1, charset));
  }
  table.row(total);
  text += table.text("  ");
  for (const chip::Phase& phase : chip::phases()) {
    text += fmt::format("  {}: {:.0f} % of the memory bandwidth, {:.0f} % of the multiply-adds\n",
                        phase.name, phase.memory * 100, phase.mac * 100);
  }

  text += "\npower states\n";
  Table states({Align::left, Align::right, Align::right, Align::left, Align::right, Align::right,
                Align::right, Align::right, Align::left});
  states.row({"state", "clock", "voltage", "phase", "speed", "W", "P5" + dash(charset) + "P95",
              "junction", "against the TDP"});
  const auto points = silicon::operating_points(record.chip);
  for (const silicon::PowerEstimate& one : record.power) {
    const auto point = std::find_if(points.begin(), points.end(),
                                    [&](const auto& state) { return state.name == one.state; });
    std::string remark = chip::tdp(record.chip) ? "within" : "";
    if (one.above_tdp) {
      remark = one.kept_speed ? fmt::format("above: runs at {}", percent(*one.kept_speed))
                              : std::string("above, even at rest");
    }
    states.row({one.state, rounded_text(point->core.value(), QuantityKind::frequency, 3),
                rounded_text(point->voltage.value(), QuantityKind::voltage, 3), one.phase,
                percent(one.speed), number(one.total.central), bounds(one.total, 1, charset),
                fmt::format("{:.0f} degC", one.junction.value()), remark});
  }
  text += states.text("  ");
  if (const auto tdp = chip::tdp(record.chip)) {
    text += fmt::format("  TDP {} W; idle {}\n", number(tdp->value()),
                        chip::idle_power(record.chip)
                            ? number(chip::idle_power(record.chip)->value()) + " W"
                            : std::string("not stated"));
  }
  text +=
      fmt::format("  cooling takes {} W: {}\n", number(record.heat.power.value()), record.heat.why);
  if (!record.area.move.has_energy) {
    text += fmt::format("  no energies of {} are known: those of {} are used\n",
                        record.area.move.to, record.area.move.from);
  }
  return text;
}

std::string floorplan_text(const SiliconRecord& record, Charset charset) {
  const silicon::Floorplan& plan = record.floorplan;
  std::string text = "\nfloorplan\n";
  const auto size = [&](double width, double height) {
    return fmt::format("{} {} {} mm", number(width * 1e3), times(charset), number(height * 1e3));
  };
  for (const silicon::DieSize& die : plan.dies) {
    text +=
        fmt::format("  {} {} `{}`, {}, {}\n", die.instances, die.instances == 1 ? "die" : "dies",
                    die.id, size(die.width.value(), die.height.value()),
                    die.drawn ? "as drawn" : "derived from the blocks");
  }
  text += plan.has_stacks
              ? fmt::format("  {} stacks of {}; the shoreline has room for {}\n", plan.stacks,
                            plan.memory, plan.stacks_max)
              : fmt::format("  {} devices of {} on the board\n", plan.stacks, plan.memory);
  for (const silicon::Shape& shape : plan.shapes) {
    if (shape.kind == ShapeKind::interposer) {
      text += fmt::format("  interposer {}, {:.2f} reticles\n",
                          size(shape.rect.width, shape.rect.height),
                          shape.rect.area() / chip::kReticle.value());
    } else if (shape.kind == ShapeKind::substrate) {
      text += fmt::format("  substrate {}\n", size(shape.rect.width, shape.rect.height));
    }
  }
  for (const auto& note : plan.notes) {
    text += fmt::format("  {}\n", note);
  }
  return text;
}

Json band_json(const Band& band, double factor = 1) {
  return {
      {"p5", band.low * factor}, {"central", band.central * factor}, {"p95", band.high * factor}};
}

std::string_view kind_name(ShapeKind kind) {
  switch (kind) {
    case ShapeKind::substrate:
      return "substrate";
    case ShapeKind::interposer:
      return "interposer";
    case ShapeKind::die:
      return "die";
    case ShapeKind::stack:
      return "stack";
    case ShapeKind::core:
      return "core";
    case ShapeKind::spare_core:
      return "spare_core";
    case ShapeKind::matrix:
      return "matrix";
    case ShapeKind::scratch:
      return "scratch";
    case ShapeKind::vector:
      return "vector";
    case ShapeKind::dma:
      return "dma_sequencer";
    case ShapeKind::noc:
      return "noc";
    case ShapeKind::memory_phy:
      return "memory_phy";
    case ShapeKind::d2d:
      return "d2d";
    case ShapeKind::serdes:
      return "serdes";
    case ShapeKind::collectives:
      return "collectives";
    case ShapeKind::misc:
      return "misc";
    case ShapeKind::blank:
      return "blank";
  }
  return "";
}

// By action, what a recorded activity takes.
std::string activity_text(const SiliconRecord& record, Charset charset) {
  if (record.activities.empty()) {
    return "";
  }
  std::string text = "\npower in W of the recorded activity\n";
  std::vector<Align> aligns{Align::left};
  std::vector<std::string> head{"action"};
  std::vector<std::string> total{"total"}, bands{"P5" + dash(charset) + "P95"}, times{"over"};
  for (const ActivityRecord& one : record.activities) {
    aligns.push_back(Align::right);
    head.push_back(one.recorded.name);
    total.push_back(number(one.power.total.central));
    bands.push_back(bounds(one.power.total, 1, charset));
    times.push_back(report::text(one.recorded.time, charset));
  }
  Table table(aligns);
  table.row(head);
  for (const stats::ActionEntry& entry : stats::actions()) {
    const auto at = static_cast<std::size_t>(entry.action);
    std::vector<std::string> cells{std::string(entry.name.substr(0, entry.name.rfind('_')))};
    bool any = false;
    for (const ActivityRecord& one : record.activities) {
      const double watts = one.power.by_action[at].value();
      any = any || watts > 0;
      cells.push_back(number(watts));
    }
    if (any) {
      table.row(cells);
    }
  }
  table.row(total);
  table.row(bands);
  table.row(times);
  return text + table.text("  ");
}

Json activities_json(const SiliconRecord& record) {
  Json list = Json::array();
  for (const ActivityRecord& one : record.activities) {
    Json actions;
    for (const stats::ActionEntry& entry : stats::actions()) {
      actions[fmt::format("{}_w", entry.name.substr(0, entry.name.rfind('_')))] =
          one.power.by_action[static_cast<std::size_t>(entry.action)].value();
    }
    list.push_back({{"name", one.recorded.name},
                    {"time_s", one.recorded.time.value()},
                    {"actions", std::move(actions)},
                    {"power_w", band_json(one.power.total)}});
  }
  return list;
}

}  // namespace

std::string silicon_text(const SiliconRecord& record, Charset charset) {
  return fmt::format("{}: {}\n\n", record.chip.name, record.chip.summary) +
         area_text(record, charset) + power_text(record, charset) + activity_text(record, charset) +
         floorplan_text(record, charset);
}

Json silicon_json(const SiliconRecord& record) {
  const silicon::AreaBudget& area = record.area;
  Json json = json_document("silicon");
  json["chip"] = {
      {"id", record.chip.id}, {"name", record.chip.name}, {"digest", record.chip.digest}};
  Json blocks = Json::array();
  for (const silicon::BlockArea& block : area.blocks) {
    blocks.push_back({{"id", block.id},
                      {"name", block.name},
                      {"scaling", chip::name(block.scaling)},
                      {"count", block.count},
                      {"each_mm2", band_json(block.each, 1e6)},
                      {"net_mm2", band_json(block.net, 1e6)}});
  }
  Json causes = Json::array();
  for (const silicon::AreaCause& cause : area.causes) {
    causes.push_back(
        {{"name", cause.name}, {"below_mm2", cause.below * 1e6}, {"above_mm2", cause.above * 1e6}});
  }
  json["area"] = {{"library", area.library},
                  {"from_node", area.move.from},
                  {"node", area.move.to},
                  {"blocks", std::move(blocks)},
                  {"spares_mm2", band_json(area.spares, 1e6)},
                  {"net_mm2", band_json(area.net, 1e6)},
                  {"utilisation", band_json(area.utilisation)},
                  {"contingency", band_json(area.contingency)},
                  {"dies_mm2", band_json(area.gross, 1e6)},
                  {"drawn_mm2", area.drawn ? Json(area.drawn->value() * 1e6) : Json(nullptr)},
                  {"causes", std::move(causes)}};
  Json power = Json::array();
  for (const silicon::PowerEstimate& one : record.power) {
    Json rows = Json::array();
    for (const silicon::PowerRow& row : one.rows) {
      rows.push_back({{"id", row.id}, {"power_w", band_json(row.power)}});
    }
    power.push_back({{"state", one.state},
                     {"phase", one.phase},
                     {"speed", one.speed},
                     {"rows", std::move(rows)},
                     {"power_w", band_json(one.total)},
                     {"junction_degc", one.junction.value()},
                     {"above_tdp", one.above_tdp},
                     {"kept_speed", one.kept_speed ? Json(*one.kept_speed) : Json(nullptr)}});
  }
  json["power"] = std::move(power);
  if (!record.activities.empty()) {
    json["activities"] = activities_json(record);
  }
  const auto tdp = chip::tdp(record.chip);
  json["tdp_w"] = tdp ? Json(tdp->value()) : Json(nullptr);
  json["cooling_limit_w"] = record.heat.power.value();
  const silicon::Floorplan& plan = record.floorplan;
  Json shapes = Json::array();
  for (const silicon::Shape& shape : plan.shapes) {
    shapes.push_back({{"kind", kind_name(shape.kind)},
                      {"label", shape.label},
                      {"parent", shape.parent},
                      {"x_mm", shape.rect.x * 1e3},
                      {"y_mm", shape.rect.y * 1e3},
                      {"width_mm", shape.rect.width * 1e3},
                      {"height_mm", shape.rect.height * 1e3}});
  }
  Json dies = Json::array();
  for (const silicon::DieSize& die : plan.dies) {
    dies.push_back({{"id", die.id},
                    {"instances", die.instances},
                    {"drawn", die.drawn},
                    {"width_mm", die.width.value() * 1e3},
                    {"height_mm", die.height.value() * 1e3}});
  }
  json["floorplan"] = {{"dies", std::move(dies)},
                       {"memory", plan.memory},
                       {"stacks", plan.stacks},
                       {"stacks_max", plan.has_stacks ? Json(plan.stacks_max) : Json(nullptr)},
                       {"notes", plan.notes},
                       {"shapes", std::move(shapes)}};
  return json;
}

}  // namespace churon::report
