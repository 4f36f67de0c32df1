#include "report/validation.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include "base/csv.h"

namespace churon::report {

using evaluate::By;
using evaluate::Figure;
using evaluate::FileMetric;
using evaluate::MeasuredRow;
using evaluate::Prediction;
using evaluate::Score;
using evaluate::Slice;

namespace {

constexpr std::size_t kReasonsMax = 12;

std::string share(double value) {
  return std::isnan(value) ? "-" : fmt::format("{:.1f} %", 100 * value);
}
std::string signed_share(double value) {
  return std::isnan(value)        ? "-"
         : std::abs(value) < 1000 ? fmt::format("{:+.1f} %", 100 * value)
                                  : fmt::format("{:+.2g} %", 100 * value);
}
std::string tau(double value) { return std::isnan(value) ? "-" : fmt::format("{:.2f}", value); }

const MeasuredRow& row_of(const ValidationRecord& record, int index) {
  return record.measured.rows[static_cast<std::size_t>(index)];
}
const Prediction& prediction_of(const ValidationRecord& record, int index) {
  return record.predictions[static_cast<std::size_t>(index)];
}
std::string place(const ValidationRecord& record, const MeasuredRow& row) {
  return fmt::format("{}:{}", record.measured.files[static_cast<std::size_t>(row.file)].name,
                     row.line);
}

// The figure's own number.
double figure_value(const Figure& figure, const Score& score) {
  return figure.is_median ? score.median_ape : score.macro_mape;
}

std::string verdict(double value, double first, double good, double aim) {
  if (good == 0 || std::isnan(value)) {
    return "";
  }
  return value <= aim ? "aim" : value <= good ? "good" : value <= first ? "first" : "not yet";
}

// One line of the headline.
struct Line {
  std::string name;
  int rows = 0, groups = 0;
  double fit = evaluate::kNone;
  // Of groups whose chip, format and operator other groups have as well; of all groups.
  double test = evaluate::kNone, test_all = evaluate::kNone;
  Score score;
  double first = 0, good = 0, aim = 0;
};

std::vector<Line> headline(const ValidationRecord& record) {
  std::vector<Line> lines;
  for (const Figure& figure : evaluate::figures()) {
    const auto rows = evaluate::rows_of(record.measured, figure);
    if (rows.empty()) {
      continue;
    }
    Line line{.name = std::string(figure.name),
              .rows = static_cast<int>(rows.size()),
              .score = evaluate::score(record.measured, record.predictions, rows),
              .first = figure.first,
              .good = figure.good,
              .aim = figure.aim};
    line.groups = line.score.groups;
    line.fit = figure_value(figure, line.score);
    if (record.test) {
      const auto known = evaluate::without_singles(record.measured, rows);
      line.test =
          figure_value(figure, evaluate::score(record.measured, record.test->predictions, known));
      line.score = evaluate::score(record.measured, record.test->predictions, rows);
      line.test_all = figure_value(figure, line.score);
      if (known.empty()) {
        line.test = line.test_all;
      }
    }
    lines.push_back(std::move(line));
  }
  const auto regret = evaluate::choice_regret(record.measured, record.predictions);
  if (!regret.choices.empty()) {
    Line line{.name = "choice regret",
              .rows = static_cast<int>(regret.choices.size()),
              .fit = regret.mean,
              .score = {},
              .first = 0.20,
              .good = 0.10,
              .aim = 0.05};
    if (record.test) {
      line.test = evaluate::choice_regret(record.measured, record.test->predictions).mean;
      line.test_all = line.test;
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string headline_text(const ValidationRecord& record) {
  Table table({Align::left, Align::right, Align::right, Align::right, Align::right, Align::right,
               Align::right, Align::right, Align::right, Align::right, Align::right, Align::left});
  table.row({"figure", "rows", "groups", "fit", "test", "with singles", "median", "within 20 %",
             "bias", "good", "aim", "reached"});
  for (const Line& line : headline(record)) {
    const double value = record.test ? line.test : line.fit;
    table.row({line.name, std::to_string(line.rows),
               line.groups > 0 ? std::to_string(line.groups) : "", share(line.fit),
               share(line.test), share(line.test_all), share(line.score.median_ape),
               share(line.score.within_20), signed_share(line.score.bias),
               line.good > 0 ? fmt::format("{:.0f} %", 100 * line.good) : "",
               line.aim > 0 ? fmt::format("{:.0f} %", 100 * line.aim) : "",
               verdict(value, line.first, line.good, line.aim)});
  }
  return table.text();
}

void score_head(Table& table, std::string first) {
  table.row({std::move(first), "metric", "grade", "rows", "predicted", "groups", "macro-MAPE",
             "uncapped", "median", "within 20 %", "bias", "tau-b"});
}
Table score_table() {
  return Table({Align::left, Align::left, Align::left, Align::right, Align::right, Align::right,
                Align::right, Align::right, Align::right, Align::right, Align::right,
                Align::right});
}
void score_row(Table& table, std::string name, std::string metric, std::string grade,
               const Score& score) {
  table.row({std::move(name), std::move(metric), std::move(grade), std::to_string(score.rows),
             std::to_string(score.predicted_rows), std::to_string(score.groups),
             share(score.macro_mape), share(score.macro_mape_uncapped), share(score.median_ape),
             share(score.within_20), signed_share(score.bias), tau(score.tau)});
}

std::string files_text(const ValidationRecord& record) {
  Table table = score_table();
  score_head(table, "file");
  for (const FileMetric& entry : evaluate::file_metrics(record.measured)) {
    const std::string& file = record.measured.files[static_cast<std::size_t>(entry.file)].name;
    if (entry.is_reported_only) {
      table.row({file, std::string(evaluate::name(entry.metric)),
                 std::string(evaluate::name(entry.grade)), std::to_string(entry.rows.size()),
                 "reported only", "", "", "", "", "", "", ""});
      continue;
    }
    score_row(table, file, std::string(evaluate::name(entry.metric)),
              std::string(evaluate::name(entry.grade)),
              evaluate::score(record.measured, record.predictions, entry.rows));
  }
  return table.text();
}

std::string_view name(By by) {
  switch (by) {
    case By::chip:
      return "chip";
    case By::model:
      return "model";
    case By::framework:
      return "framework";
    case By::limit:
      return "limit";
  }
  return "";
}

std::string by_text(const ValidationRecord& record, By by) {
  Table table({Align::left, Align::left, Align::right, Align::right, Align::right, Align::right,
               Align::right, Align::right});
  table.row({std::string(name(by)), "figure", "rows", "groups", record.test ? "test" : "fit",
             "median", "within 20 %", "bias"});
  const auto& predictions = record.test ? record.test->predictions : record.predictions;
  std::map<std::string, std::vector<std::vector<std::string>>> lines;
  for (const Figure& figure : evaluate::figures()) {
    const auto rows = evaluate::rows_of(record.measured, figure);
    for (const Slice& slice : evaluate::slices(record.measured, predictions, rows, by)) {
      const Score score = evaluate::score(record.measured, predictions, slice.rows);
      lines[slice.key].push_back({slice.key, std::string(figure.name), std::to_string(score.rows),
                                  std::to_string(score.groups), share(figure_value(figure, score)),
                                  share(score.median_ape), share(score.within_20),
                                  signed_share(score.bias)});
    }
  }
  for (auto& [key, entries] : lines) {
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (i > 0) {
        entries[i].front().clear();
      }
      table.row(std::move(entries[i]));
    }
  }
  return table.text();
}

// What a figure knows from one group only.
std::string singles_text(const ValidationRecord& record) {
  const auto& predictions = record.test ? record.test->predictions : record.predictions;
  Table table({Align::left, Align::left, Align::left, Align::right, Align::right});
  table.row({"figure", "seen in one group", "group", "rows", record.test ? "test" : "fit"});
  for (const Figure& figure : evaluate::figures()) {
    const auto rows = evaluate::rows_of(record.measured, figure);
    for (const evaluate::Single& single : evaluate::singles(record.measured, rows)) {
      const Score score = evaluate::score(record.measured, predictions, single.rows);
      table.row({std::string(figure.name), single.what, single.group, std::to_string(score.rows),
                 share(figure_value(figure, score))});
    }
  }
  return table.text();
}

std::string left_out_text(const ValidationRecord& record) {
  Table table({Align::left, Align::left, Align::right, Align::right, Align::right, Align::right});
  table.row({"chip", "figure", "rows", "test", "without the chip", "ratio"});
  for (const evaluate::ChipLeftOut& out : record.left_out) {
    const auto predictions = evaluate::by_row(record.measured, {&out, 1});
    bool is_first = true;
    for (const Figure& figure : evaluate::figures()) {
      std::vector<int> rows;
      for (const int index : evaluate::rows_of(record.measured, figure)) {
        if (row_of(record, index).chip_name == out.chip) {
          rows.push_back(index);
        }
      }
      if (rows.empty()) {
        continue;
      }
      const double without =
          figure_value(figure, evaluate::score(record.measured, predictions, rows));
      const double test =
          record.test ? figure_value(figure, evaluate::score(record.measured,
                                                             record.test->predictions, rows))
                      : evaluate::kNone;
      table.row({is_first ? out.chip : "", std::string(figure.name), std::to_string(rows.size()),
                 share(test), share(without),
                 std::isnan(test) || test == 0 ? "-" : fmt::format("{:.2f}", without / test)});
      is_first = false;
    }
  }
  return table.text();
}

std::string coverage_text(const ValidationRecord& record) {
  Table table({Align::left, Align::right, Align::right, Align::right});
  table.row({"band P10..P90", "rows", "groups", "measured inside"});
  for (const evaluate::Coverage& entry :
       evaluate::coverage(record.measured, record.test->predictions, record.test->folds)) {
    table.row({entry.scope.empty() ? "all" : fmt::format("{} {}", entry.scope, entry.metric),
               std::to_string(entry.rows), std::to_string(entry.groups), share(entry.share)});
  }
  return table.text();
}

struct Reason {
  std::string text;
  int rows = 0;
  int first = -1;
};

// The most frequent first.
std::vector<Reason> reasons(const ValidationRecord& record) {
  std::map<std::string, Reason> by_text;
  for (std::size_t i = 0; i < record.predictions.size(); ++i) {
    if (!record.predictions[i].is_good()) {
      Reason& reason = by_text[record.predictions[i].reason];
      if (++reason.rows == 1) {
        reason.text = record.predictions[i].reason;
        reason.first = static_cast<int>(i);
      }
    }
  }
  std::vector<Reason> list;
  for (auto& [text, reason] : by_text) {
    list.push_back(std::move(reason));
  }
  std::stable_sort(list.begin(), list.end(),
                   [](const Reason& a, const Reason& b) { return a.rows > b.rows; });
  return list;
}

std::string reasons_text(const ValidationRecord& record) {
  Table table({Align::right, Align::left, Align::left});
  table.row({"rows", "first", "not predicted, because"});
  const auto list = reasons(record);
  for (std::size_t i = 0; i < list.size() && i < kReasonsMax; ++i) {
    table.row(
        {std::to_string(list[i].rows), place(record, row_of(record, list[i].first)), list[i].text});
  }
  if (list.size() > kReasonsMax) {
    table.row(
        {"", "",
         fmt::format("and {} other reasons (--csv lists all rows)", list.size() - kReasonsMax)});
  }
  return table.text();
}

std::string configuration(const MeasuredRow& row) {
  std::string text = row.group;
  if (!row.parallelism_name.empty()) {
    text += " " + row.parallelism_name;
  }
  for (const auto& [label, value] :
       {std::pair{"in", row.input_len}, std::pair{"out", row.output_len},
        std::pair{"batch", row.batch}}) {
    if (value) {
      text += fmt::format(" {} {:g}", label, *value);
    }
  }
  if (row.op) {
    for (const evaluate::Dimension& dimension : row.dimensions) {
      if (dimension.name.size() <= 2 || dimension.name == "bytes") {
        text += fmt::format(" {} {:g}", dimension.name, dimension.value);
      }
    }
  }
  return text;
}

std::vector<int> worst(const ValidationRecord& record) {
  std::vector<int> rows;
  for (const int index : evaluate::scored_rows(record.measured)) {
    if (prediction_of(record, index).is_good()) {
      rows.push_back(index);
    }
  }
  const auto badness = [&](int index) {
    return std::abs(std::log(prediction_of(record, index).value / row_of(record, index).value));
  };
  std::stable_sort(rows.begin(), rows.end(), [&](int a, int b) { return badness(a) > badness(b); });
  rows.resize(std::min(rows.size(), static_cast<std::size_t>(std::max(0, record.worst))));
  return rows;
}

std::string worst_text(const ValidationRecord& record) {
  Table table({Align::left, Align::left, Align::right, Align::right, Align::right, Align::left,
               Align::left});
  table.row({"worst rows", "metric", "measured", "predicted", "error", "limit", "configuration"});
  for (const int index : worst(record)) {
    const MeasuredRow& row = row_of(record, index);
    const Prediction& prediction = prediction_of(record, index);
    table.row({place(record, row), std::string(evaluate::name(row.metric)),
               evaluate::text(row.metric, row.value), evaluate::text(row.metric, prediction.value),
               signed_share(evaluate::relative_error(row, prediction)),
               std::string(estimate::name(prediction.limit)), configuration(row)});
  }
  return table.text();
}

int predicted(const ValidationRecord& record) {
  return static_cast<int>(std::count_if(record.predictions.begin(), record.predictions.end(),
                                        [](const Prediction& entry) { return entry.is_good(); }));
}

}  // namespace

std::string validation_text(const ValidationRecord& record, Charset /*charset*/) {
  const auto rows = static_cast<int>(record.measured.rows.size());
  int left_out = -rows;
  for (const evaluate::MeasuredFile& file : record.measured.files) {
    left_out += file.rows;
  }
  std::string text = fmt::format(
      "{} in {}, {} predicted with {}{}\n\n", counted(rows, "row"),
      counted(static_cast<long long>(record.measured.files.size()), "file"), predicted(record),
      record.parameters,
      left_out > 0 ? fmt::format("; {} without a usable number left out", counted(left_out, "row"))
                   : "");
  if (rows == 0) {
    return text;
  }
  text += headline_text(record);
  text += record.test ? "\nfit: parameters fitted on all groups. test: each group predicted with "
                        "parameters fitted without its fold; a\nchip, format or operator "
                        "that is seen in one group only stands apart below and in `with "
                        "singles`, as median,\nwithin 20 % and bias do.\n"
                      : "\nfit: with the parameters as they are; --test fits without each fold.\n";
  text += "\n" + files_text(record);
  text +=
      "\nmacro-MAPE: mean over groups (chip | model or operator | framework) of the mean row "
      "error, a row's error capped at\n100 %; a row that is not predicted counts 100 %. bias: "
      "mean of predicted / measured - 1. tau-b: rank correlation,\nmean over workloads.\n";
  if (record.by) {
    text += "\n" + by_text(record, *record.by);
  }
  if (record.test) {
    text += "\n" + coverage_text(record);
  }
  if (!record.left_out.empty()) {
    text += "\n" + left_out_text(record);
  }
  if (record.test) {
    text += "\n" + singles_text(record);
  }
  if (predicted(record) < rows) {
    text += "\n" + reasons_text(record);
  }
  if (record.worst > 0) {
    text += "\n" + worst_text(record);
  }
  return text;
}

// --- JSON ---------------------------------------------------------------------------------------

namespace {

Json files_json(const ValidationRecord& record, const std::vector<Prediction>& predictions) {
  Json list = Json::array();
  for (const FileMetric& entry : evaluate::file_metrics(record.measured)) {
    Score score = evaluate::score(record.measured, predictions, entry.rows);
    if (entry.is_reported_only) {
      score = {.rows = score.rows, .groups = score.groups};
    }
    list.push_back({{"file", record.measured.files[static_cast<std::size_t>(entry.file)].name},
                    {"metric", evaluate::name(entry.metric)},
                    {"grade", evaluate::name(entry.grade)},
                    {"rows", score.rows},
                    {"predicted_rows", score.predicted_rows},
                    {"groups", score.groups},
                    {"macro_mape", finite(score.macro_mape)},
                    {"mean_ape", finite(score.mean_ape)},
                    {"median_ape", finite(score.median_ape)},
                    {"bias", finite(score.bias)},
                    {"within_20", finite(score.within_20)}});
  }
  return list;
}

Json groups_json(const ValidationRecord& record, const std::vector<Prediction>& predictions) {
  Json list = Json::array();
  for (const FileMetric& entry : evaluate::file_metrics(record.measured)) {
    if (entry.is_reported_only) {
      continue;
    }
    for (const Slice& slice : evaluate::groups(record.measured, entry.rows)) {
      const Score score = evaluate::score(record.measured, predictions, slice.rows);
      const MeasuredRow& row = row_of(record, slice.rows.front());
      list.push_back({{"file", record.measured.files[static_cast<std::size_t>(entry.file)].name},
                      {"metric", evaluate::name(entry.metric)},
                      {"grade", evaluate::name(entry.grade)},
                      {"group", slice.key},
                      {"chip", row.chip_name},
                      {"model", row.model_name},
                      {"framework", row.framework_name},
                      {"rows", score.rows},
                      {"predicted_rows", score.predicted_rows},
                      {"mape", finite(score.macro_mape)},
                      {"mean_ape", finite(score.mean_ape)},
                      {"median_ape", finite(score.median_ape)},
                      {"bias", finite(score.bias)},
                      {"within_20", finite(score.within_20)}});
    }
  }
  return list;
}

// What --by shows.
Json slices_json(const ValidationRecord& record, By by) {
  const auto& predictions = record.test ? record.test->predictions : record.predictions;
  Json list = Json::array();
  for (const Figure& figure : evaluate::figures()) {
    const auto rows = evaluate::rows_of(record.measured, figure);
    for (const Slice& slice : evaluate::slices(record.measured, predictions, rows, by)) {
      const Score score = evaluate::score(record.measured, predictions, slice.rows);
      list.push_back({{std::string(name(by)), slice.key},
                      {"figure", figure.name},
                      {"rows", score.rows},
                      {"groups", score.groups},
                      {record.test ? "test" : "fit", finite(figure_value(figure, score))},
                      {"median_ape", finite(score.median_ape)},
                      {"within_20", finite(score.within_20)},
                      {"bias", finite(score.bias)}});
    }
  }
  return list;
}

Json headline_json(const ValidationRecord& record) {
  Json list = Json::array();
  for (const Line& line : headline(record)) {
    list.push_back({{"figure", line.name},
                    {"rows", line.rows},
                    {"groups", line.groups},
                    {"fit", finite(line.fit)},
                    {"test", finite(line.test)},
                    {"test_with_singles", finite(line.test_all)}});
  }
  return list;
}

}  // namespace

Json validation_json(const ValidationRecord& record) {
  Json json = json_document("validate");
  json["parameters"] = record.parameters;
  json["files"] = files_json(record, record.predictions);
  json["groups"] = groups_json(record, record.predictions);
  json["choice_regret"] = finite(evaluate::choice_regret(record.measured, record.predictions).mean);
  json["figures"] = headline_json(record);
  if (record.by) {
    json["by"] = slices_json(record, *record.by);
  }
  if (record.test) {
    Json test;
    test["files"] = files_json(record, record.test->predictions);
    test["groups"] = groups_json(record, record.test->predictions);
    test["choice_regret"] =
        finite(evaluate::choice_regret(record.measured, record.test->predictions).mean);
    test["coverage"] = Json::array();
    for (const auto& entry :
         evaluate::coverage(record.measured, record.test->predictions, record.test->folds)) {
      test["coverage"].push_back({{"scope", entry.scope},
                                  {"metric", entry.metric},
                                  {"rows", entry.rows},
                                  {"groups", entry.groups},
                                  {"inside", finite(entry.share)}});
    }
    json["test"] = std::move(test);
  }
  json["findings"] = Json::array();
  for (const Diagnostic& finding : record.measured.findings) {
    json["findings"].push_back({{"code", finding.code},
                                {"message", finding.message},
                                {"file", finding.span ? finding.span->file : ""},
                                {"line", finding.span ? finding.span->line : 0},
                                {"column", finding.span ? finding.span->column : 0}});
  }
  return json;
}

// --- CSV ----------------------------------------------------------------------------------------

namespace {

std::string_view unit(const MeasuredRow& row) {
  using evaluate::Metric;
  switch (row.metric) {
    case Metric::kernel_time:
    case Metric::ttft:
    case Metric::tpot:
    case Metric::itl_median:
    case Metric::batch_latency:
      return "s";
    case Metric::achieved:
      return row.is_byte_rate ? "B/s" : "FLOP/s";
    case Metric::throughput:
    case Metric::throughput_per_chip:
      return "tok/s";
    case Metric::average_power:
      return "W";
    case Metric::energy_per_token:
      return "J";
    case Metric::element_rate:
      return "elements/s";
  }
  return "";
}

std::string cell(std::optional<double> value) {
  return value && !std::isnan(*value) ? fmt::format("{:.6g}", *value) : "";
}

}  // namespace

std::string validation_csv(const ValidationRecord& record) {
  std::string text =
      "file,line,grade,chip,chips_count,parallelism,framework,model,weights,kv,input_len,"
      "output_len,batch,metric,unit,measured,predicted,bound,error,limit,group,fold,"
      "test_predicted,test_error,assumptions,reason\n";
  for (std::size_t i = 0; i < record.measured.rows.size(); ++i) {
    const MeasuredRow& row = record.measured.rows[i];
    const Prediction& prediction = record.predictions[i];
    const auto optional_cell = [](double value) { return value > 0 ? cell(value) : ""; };
    const int fold = record.test ? record.test->folds.fold[i] : -1;
    const Prediction test = record.test ? record.test->predictions[i] : Prediction{};
    const std::array<std::string, 26> cells{
        record.measured.files[static_cast<std::size_t>(row.file)].name,
        std::to_string(row.line),
        std::string(evaluate::name(row.grade)),
        row.chip_name,
        cell(row.chips),
        row.parallelism_name,
        row.framework,
        row.model_name,
        row.weights_name,
        row.kv_name,
        cell(row.input_len),
        cell(row.output_len),
        row.is_batch_max ? "max" : cell(row.batch),
        std::string(evaluate::name(row.metric)),
        std::string(unit(row)),
        cell(row.value),
        optional_cell(prediction.value),
        optional_cell(prediction.bound),
        cell(evaluate::relative_error(row, prediction)),
        prediction.is_good() ? std::string(estimate::name(prediction.limit)) : "",
        row.group,
        fold < 0 ? "" : std::to_string(fold),
        optional_cell(test.value),
        cell(evaluate::relative_error(row, test)),
        row.assumptions,
        prediction.reason};
    for (std::size_t c = 0; c < cells.size(); ++c) {
      text += c == 0 ? "" : ",";
      text += csv_field(cells[c]);
    }
    text += "\n";
  }
  return text;
}

// --- Markdown -----------------------------------------------------------------------------------

namespace {

std::string block(const std::string& table) { return "```\n" + table + "```\n"; }

}  // namespace

std::string validation_markdown(const ValidationRecord& record, const std::string& pictures) {
  std::string text = fmt::format(
      "{} rows of {} files; {} are predicted. fit: parameters fitted on all groups; test: each "
      "group predicted with\nparameters fitted without its fold. What a figure knows from one "
      "group only (a chip, a format, an operator)\nstands apart; `with singles`, median, within "
      "20 % and bias include it.\n\n",
      record.measured.rows.size(), record.measured.files.size(), predicted(record));
  text += block(headline_text(record));
  text +=
      "\n### By file\n\nWith the shipped parameters. Grade A counts; B for energy, power and "
      "static batches, which have no A; C never.\n\n";
  text += block(files_text(record));
  for (const By by : {By::chip, By::model, By::framework, By::limit}) {
    text += fmt::format("\n### By {}\n\n![error by {}]({}/by-{}.svg)\n\n", name(by), name(by),
                        pictures, name(by));
    text += block(by_text(record, by));
  }
  text += fmt::format(
      "\n### Residuals\n\n![residuals]({0}/residuals.svg)\n\n![predicted beside "
      "measured]({0}/scatter.svg)\n",
      pictures);
  if (record.test) {
    text += "\n### Bands\n\nThe band of a fold is that of the residuals of the other folds.\n\n";
    text += block(coverage_text(record));
  }
  if (!record.left_out.empty()) {
    text += "\n### Without one chip\n\nParameters fitted without any row of the chip.\n\n";
    text += block(left_out_text(record));
  }
  text +=
      "\n### Seen once\n\nWhat a figure knows from one group only is extrapolated in the "
      "test.\n\n";
  text += block(singles_text(record));
  text += "\n### Worst rows\n\n" + block(worst_text(record));
  if (predicted(record) < static_cast<int>(record.measured.rows.size())) {
    text += "\n### Not predicted\n\n" + block(reasons_text(record));
  }
  text +=
      "\n### Assumptions\n\n`validate --csv` states the assumptions of each row. Prompt lengths "
      "of tasks whose source gives none:\n\n";
  Table table({Align::left, Align::right, Align::left});
  table.row({"task", "prompt tokens", "because"});
  for (const auto& entry : evaluate::task_assumptions()) {
    table.row(
        {std::string(entry.task), fmt::format("{:g}", entry.input_len), std::string(entry.reason)});
  }
  return text + block(table.text());
}

std::string validation_headline(const ValidationRecord& record) {
  std::string text =
      "| error against measured hardware | rows | fit | test |\n|---|---:|---:|---:|\n";
  for (const Line& line : headline(record)) {
    if (line.good > 0) {
      text += fmt::format("| {} | {} | {} | {} |\n", line.name, line.rows, share(line.fit),
                          share(line.test));
    }
  }
  return text;
}

}  // namespace churon::report
