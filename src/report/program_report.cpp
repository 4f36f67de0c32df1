#include "report/program_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace churon::report {

namespace {

constexpr std::size_t kLinesMax = 40;

std::string objective_text(const plan::Solution& solution) {
  return fmt::format("objective {}\nbound     {}\ngap       {:.3g} %\n", solution.objective,
                     solution.bound, 100 * solution.gap());
}

std::string values_text(const ProgramRecord& record) {
  Table table({Align::left, Align::right});
  std::size_t shown = 0, left = 0;
  for (std::size_t i = 0; i < record.solution.values.size(); ++i) {
    if (record.solution.values[i] == 0) {
      continue;
    }
    if (shown == kLinesMax) {
      ++left;
      continue;
    }
    ++shown;
    table.row({escape_control(record.program.variables()[i].name),
               fmt::format("{}", record.solution.values[i])});
  }
  std::string text = table.text("  ");
  return left == 0 ? text
                   : text + fmt::format("  and {} more; --json has them all\n",
                                        counted(static_cast<long long>(left), "value"));
}

std::string conflict_text(const ProgramRecord& record) {
  std::string text = "rows that conflict:\n";
  const auto name = [&](plan::RowId row) { return escape_control(record.program.at(row).name); };
  for (std::size_t i = 0; i < std::min(record.conflict->rows.size(), kLinesMax); ++i) {
    text += "  " + name(record.conflict->rows[i]) + "\n";
  }
  text += "smallest relaxation:\n";
  for (std::size_t i = 0; i < std::min(record.conflict->smallest.size(), kLinesMax); ++i) {
    const plan::Relaxation& relaxation = record.conflict->smallest[i];
    text += fmt::format("  {}: its {} bound {} by {:.6g}\n", name(relaxation.row),
                        relaxation.by > 0 ? "upper" : "lower",
                        relaxation.by > 0 ? "rises" : "falls", std::fabs(relaxation.by));
  }
  return text;
}

}  // namespace

std::string program_text(const ProgramRecord& record) {
  const plan::Program& program = record.program;
  std::string text =
      fmt::format("{}: {} rows, {} columns ({} integer), {} coefficients; {}imise\n{}: {}\n",
                  escape_control(record.file), program.row_count(), program.variable_count(),
                  program.integer_count(), program.term_count(), program.maximise ? "max" : "min",
                  plan::entry(record.solver).word, name(record.solution.status));
  if (record.solution.has_values()) {
    text += objective_text(record.solution) + values_text(record);
  }
  return record.conflict ? text + conflict_text(record) : text;
}

Json program_json(const ProgramRecord& record) {
  const plan::Program& program = record.program;
  const plan::Solution& solution = record.solution;
  Json json = json_document("plan");
  json["mps"] = {{"file", record.file},
                 {"name", program.name},
                 {"sense", program.maximise ? "max" : "min"},
                 {"rows", program.row_count()},
                 {"columns", program.variable_count()},
                 {"integers", program.integer_count()},
                 {"coefficients", program.term_count()}};
  json["solver"] = plan::entry(record.solver).word;
  json["status"] = name(solution.status);
  const bool has_values = solution.has_values();
  json["objective"] = has_values ? Json(solution.objective) : Json();
  json["bound"] = has_values ? finite(solution.bound) : Json();
  json["gap"] = has_values ? finite(solution.gap()) : Json();
  json["gap_wanted"] = record.gap_wanted;
  Json values = Json::object();
  for (std::size_t i = 0; i < solution.values.size(); ++i) {
    if (solution.values[i] != 0) {
      values[program.variables()[i].name] = solution.values[i];
    }
  }
  json["values"] = std::move(values);
  if (record.conflict) {
    Json rows = Json::array(), relaxation = Json::array();
    for (const plan::RowId row : record.conflict->rows) {
      rows.push_back(program.at(row).name);
    }
    for (const plan::Relaxation& one : record.conflict->smallest) {
      relaxation.push_back({{"row", program.at(one.row).name},
                            {"bound", one.by > 0 ? "upper" : "lower"},
                            {"by", one.by}});
    }
    json["conflict"] = {{"rows", std::move(rows)}, {"smallest_relaxation", std::move(relaxation)}};
  }
  return json;
}

}  // namespace churon::report
