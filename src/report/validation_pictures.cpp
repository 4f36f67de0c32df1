// Pictures of a validation, as SVG: error by chip, model, framework and limit; residuals; predicted
// beside measured.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "report/chart.h"
#include "report/validation.h"

namespace churon::report {

using evaluate::By;
using evaluate::Figure;
using evaluate::Prediction;
using evaluate::Slice;

namespace {

// One bar a name: the error of all its scored rows; a mark: the median.
std::string bars(const ValidationRecord& record, const std::vector<Prediction>& predictions, By by,
                 std::string title) {
  const auto rows = evaluate::scored_rows(record.measured);
  Panel panel{.x = {.title = "macro-MAPE; the mark is the median error of a row",
                    .low = 0,
                    .high = 1,
                    .percent = true},
              .y = {}};
  for (const Slice& slice : evaluate::slices(record.measured, predictions, rows, by)) {
    const auto score = evaluate::score(record.measured, predictions, slice.rows);
    panel.rows.push_back(
        {.name = slice.key,
         .value = score.macro_mape,
         .mark = std::isnan(score.median_ape) ? std::nullopt : std::optional(score.median_ape),
         .note = fmt::format("{:.0f} %, {} row{}", 100 * score.macro_mape, score.rows,
                             score.rows == 1 ? "" : "s")});
  }
  constexpr int kRow = 20;
  constexpr int kAround = 76;  // the panel's title and axis
  const int height = kAround + kRow * static_cast<int>(panel.rows.size());
  return svg({.title = std::move(title),
              .panels = {std::move(panel)},
              .panel_width = 800,
              .panel_height = height});
}

constexpr int kBins = 40;  // from half to double, logarithmic

// How often predicted over measured is what.
Panel histogram(const ValidationRecord& record, const std::vector<Prediction>& predictions,
                const Figure& figure) {
  Bars bars{.edges = {}, .values = std::vector<double>(kBins)};
  for (int i = 0; i <= kBins; ++i) {
    bars.edges.push_back(std::exp2(2.0 * i / kBins - 1));
  }
  for (const int index : evaluate::rows_of(record.measured, figure)) {
    const Prediction& prediction = predictions[static_cast<std::size_t>(index)];
    if (!prediction.is_good()) {
      continue;
    }
    const double value =
        std::log2(prediction.value / record.measured.rows[static_cast<std::size_t>(index)].value);
    const double place = std::clamp((value + 1) / 2 * kBins, 0.0, kBins - 1.0);
    ++bars.values[static_cast<std::size_t>(place)];
  }
  return {
      .title = std::string(figure.name),
      .x = {.title = "predicted / measured", .scale = Scale::logarithmic, .low = 0.5, .high = 2},
      .y = {.title = "rows", .low = 0},
      .references = {{.vertical = true, .at = 1, .label = ""}},
      .bars = std::move(bars)};
}

std::string residuals(const ValidationRecord& record, const std::vector<Prediction>& predictions) {
  Chart chart{.title = "Predicted over measured, row by row",
              .subtitle = "The outermost bars hold all that lies beyond.",
              .columns = 3,
              .panel_width = 320,
              .panel_height = 210};
  for (const Figure& figure : evaluate::figures()) {
    if (!evaluate::rows_of(record.measured, figure).empty()) {
      chart.panels.push_back(histogram(record, predictions, figure));
    }
  }
  return svg(chart);
}

// Whether a figure's rows are times.
bool is_time(const ValidationRecord& record, const std::vector<int>& rows) {
  return !rows.empty() && std::all_of(rows.begin(), rows.end(), [&](int index) {
    using evaluate::Metric;
    const Metric metric = record.measured.rows[static_cast<std::size_t>(index)].metric;
    return metric == Metric::kernel_time || metric == Metric::tpot || metric == Metric::ttft ||
           metric == Metric::batch_latency;
  });
}

// Predicted beside measured times, both axes logarithmic.
std::string scatter(const ValidationRecord& record, const std::vector<Prediction>& predictions) {
  constexpr double kLow = 1e-6;
  constexpr double kHigh = 1e3;
  constexpr std::array kColors{Color::blue, Color::orange, Color::green, Color::vermillion,
                               Color::sky,  Color::purple, Color::black, Color::grey};
  const Axis axis{.scale = Scale::logarithmic, .low = kLow, .high = kHigh};
  Panel panel{.x = axis, .y = axis};
  panel.x.title = "measured, seconds";
  panel.y.title = "predicted, seconds";
  panel.series.push_back({.name = "predicted = measured",
                          .style = {.marker = Marker::none, .dash = Dash::solid, .width = 1},
                          .points = {{kLow, kLow, ""}, {kHigh, kHigh, ""}}});
  for (const Figure& figure : evaluate::figures()) {
    const auto rows = evaluate::rows_of(record.measured, figure);
    if (!is_time(record, rows)) {
      continue;
    }
    Series series{.name = std::string(figure.name),
                  .style = {.color = kColors[(panel.series.size() - 1) % kColors.size()],
                            .marker = Marker::dot,
                            .dash = Dash::none},
                  .points = {}};
    for (const int index : rows) {
      const Prediction& prediction = predictions[static_cast<std::size_t>(index)];
      if (prediction.is_good()) {
        series.points.push_back(
            {record.measured.rows[static_cast<std::size_t>(index)].value, prediction.value, ""});
      }
    }
    panel.series.push_back(std::move(series));
  }
  return svg({.title = "Predicted beside measured times",
              .panels = {std::move(panel)},
              .panel_width = 720,
              .panel_height = 620});
}

}  // namespace

std::vector<Picture> validation_pictures(const ValidationRecord& record) {
  const auto& predictions = record.test ? record.test->predictions : record.predictions;
  const std::string_view which = record.test ? "test" : "fit";
  const auto by = [&](By what, std::string_view word) {
    return Picture{fmt::format("by-{}.svg", word),
                   bars(record, predictions, what, fmt::format("Error by {} ({})", word, which))};
  };
  return {by(By::chip, "chip"),
          by(By::model, "model"),
          by(By::framework, "framework"),
          by(By::limit, "limit"),
          {"residuals.svg", residuals(record, predictions)},
          {"scatter.svg", scatter(record, predictions)}};
}

}  // namespace churon::report
