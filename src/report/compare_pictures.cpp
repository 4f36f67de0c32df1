// Pictures of a comparison: throughput and dollars against interactivity.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>

#include "report/compare_report.h"

namespace churon::report {

namespace {

using evaluate::ComparedCell;
using evaluate::ComparedRow;
using evaluate::Comparison;

// Colour tells the maker, marker and dash the chip.
Color maker_color(const chip::Chip& chip) {
  if (chip.kind == chip::Kind::full) {
    return Color::black;
  }
  static constexpr std::array<std::pair<std::string_view, Color>, 5> colors{{
      {"NVIDIA", Color::green},
      {"AMD", Color::vermillion},
      {"Google", Color::blue},
      {"AWS", Color::orange},
      {"Intel", Color::purple},
  }};
  for (const auto& [vendor, color] : colors) {
    if (chip.vendor == vendor) {
      return color;
    }
  }
  return Color::sky;
}

// The n-th of a maker's chips, counted over formats as well.
Style chip_style(Color color, int index) {
  constexpr std::array markers{Marker::circle, Marker::square, Marker::triangle, Marker::diamond,
                               Marker::ring,   Marker::plus,   Marker::cross};
  constexpr std::array dashes{Dash::solid, Dash::dashed, Dash::dotted};
  const auto i = static_cast<std::size_t>(index);
  return {.color = color,
          .marker = markers[i % markers.size()],
          .dash = dashes[i % dashes.size()],
          .width = color == Color::black ? 2.2 : 1.6};
}

std::map<std::pair<int, evaluate::FormatPolicy>, Style> styles(const Comparison& comparison) {
  std::map<std::pair<int, evaluate::FormatPolicy>, Style> result;
  std::map<Color, int> used;
  for (const evaluate::FormatPolicy policy : comparison.request.policies) {
    for (std::size_t i = 0; i < comparison.request.contestants.size(); ++i) {
      const Color color = maker_color(*comparison.request.contestants[i].chip);
      result[{static_cast<int>(i), policy}] = chip_style(color, used[color]++);
    }
  }
  return result;
}

// One panel for each model and workload; `value` of a point of a row is its height, 0: not shown.
template <typename Value>
void add_panels(Chart& chart, const Comparison& comparison, std::string_view y_title,
                const Value& value) {
  const evaluate::CompareRequest& request = comparison.request;
  const auto style = styles(comparison);
  for (std::size_t c = 0; c < comparison.cells.size(); ++c) {
    const ComparedCell& cell = comparison.cells[c];
    Panel panel;
    panel.title = cell_title(comparison, cell);
    panel.x = {.title = "interactivity: tokens/s of one user", .scale = Scale::logarithmic};
    panel.y = {.title = std::string(y_title), .scale = Scale::logarithmic};
    panel.references.push_back({true, 1 / request.tpot_limit_s,
                                fmt::format("TPOT {}", text(Seconds{request.tpot_limit_s}))});
    // In the order of the request, so that the legend is the same whoever leads.
    std::vector<std::size_t> rows(cell.rows.size());
    std::iota(rows.begin(), rows.end(), std::size_t{0});
    std::stable_sort(rows.begin(), rows.end(), [&](std::size_t a, std::size_t b) {
      return std::pair(cell.rows[a].policy, cell.rows[a].contestant) <
             std::pair(cell.rows[b].policy, cell.rows[b].contestant);
    });
    for (const std::size_t r : rows) {
      const ComparedRow& row = cell.rows[r];
      Series series{.name = row_name(comparison, row),
                    .style = style.at({row.contestant, row.policy}),
                    .points = {}};
      for (const evaluate::FrontPoint& point : row.front) {
        if (const double height = value(c, r, point); height > 0) {
          series.points.push_back({point.interactivity, height, ""});
        }
      }
      if (!series.points.empty()) {
        panel.series.push_back(std::move(series));
      }
    }
    if (panel.series.empty()) {
      panel.note = "no chip serves this within the limit on TTFT";
    }
    chart.panels.push_back(std::move(panel));
  }
}

Chart chart_of(const evaluate::CompareRequest& request) {
  Chart chart;
  // Workloads side by side, models below each other; one workload: models side by side.
  const std::size_t beside =
      request.workloads.size() > 1 ? request.workloads.size() : request.models.size();
  chart.columns = static_cast<int>(std::min<std::size_t>(3, beside));
  chart.panel_width = 600;
  chart.panel_height = 430;
  return chart;
}

}  // namespace

std::string compare_svg(const CompareRecord& record) {
  const evaluate::CompareRequest& request = record.comparison.request;
  Chart chart = chart_of(request);
  chart.title = "Output tokens per second and chip against interactivity";
  chart.subtitle = fmt::format(
      "Best configuration at each speed, TTFT at most {}; {}. The line ends where no batch is "
      "left, or where memory or TTFT allow no larger one.",
      text(Seconds{request.ttft_limit_s}), conditions(request));
  chart.footer =
      "Expected values of the analytic model. Colour: maker; marker and dash: chip. Own chips at "
      "each of their derate sets.";
  add_panels(chart, record.comparison, "output tokens/s per chip",
             [](std::size_t, std::size_t, const evaluate::FrontPoint& point) {
               return point.throughput_per_chip;
             });
  return svg(chart);
}

std::string dollars_svg(const CompareRecord& record) {
  const evaluate::CompareRequest& request = record.comparison.request;
  Chart chart = chart_of(request);
  chart.title = "USD per million tokens, input and output alike, against interactivity";
  chart.subtitle = fmt::format(
      "Best configuration at each speed, TTFT at most {}; {}. Hours bought or rented, whichever is "
      "cheaper; own chips from a partner with a share of the programme.",
      text(Seconds{request.ttft_limit_s}), conditions(request));
  chart.footer =
      "Central values; bands are in the table. Colour: maker; marker and dash: chip. Own chips at "
      "each of their derate sets, simulated, not validated.";
  add_panels(chart, record.comparison, "USD per million tokens",
             [&](std::size_t c, std::size_t r, const evaluate::FrontPoint& point) {
               const evaluate::TokenPrice* price = record.dollars.cells[c].rows[r].cheapest();
               const ComparedRow& row = record.comparison.cells[c].rows[r];
               // A price holds at the best configuration; elsewhere it goes with the throughput.
               return price == nullptr ? 0
                                       : price->central * row.best->throughput_per_chip /
                                             point.throughput_per_chip;
             });
  return svg(chart);
}

}  // namespace churon::report
