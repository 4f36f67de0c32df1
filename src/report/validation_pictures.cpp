// Pictures of a validation, as SVG: error by chip, model, framework and limit; residuals; predicted
// beside measured.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "report/svg.h"
#include "report/validation.h"

namespace churon::report {

using evaluate::By;
using evaluate::Figure;
using evaluate::Prediction;
using evaluate::Slice;

namespace {

constexpr std::string_view kFont = "font-family=\"sans-serif\" font-size=\"12\"";
// Dark on light and light on dark both read it.
constexpr std::string_view kInk = "#6b7280", kBar = "#3b82f6", kMark = "#f59e0b";
constexpr std::array<std::string_view, 8> kColours{"#3b82f6", "#f59e0b", "#10b981", "#ef4444",
                                                   "#8b5cf6", "#06b6d4", "#ec4899", "#6b7280"};

class Drawing {
 public:
  Drawing(double width, double height) : width_(width), height_(height) {}
  void text(double x, double y, std::string_view words, std::string_view anchor = "start",
            std::string_view extra = "") {
    body_ += fmt::format(
        "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" fill=\"{}\" {} {}>{}</text>\n", x, y,
        anchor, kInk, kFont, extra, svg_escaped(words));
  }
  void line(double x1, double y1, double x2, double y2, double opacity = 0.35) {
    body_ += fmt::format(
        "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\" "
        "stroke-opacity=\"{}\"/>\n",
        x1, y1, x2, y2, kInk, opacity);
  }
  void box(double x, double y, double w, double h, std::string_view colour) {
    body_ += fmt::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\"/>\n", x, y,
        w, h, colour);
  }
  // Many dots of one colour: `at` is a path that moves to each and draws nothing.
  void dots(const std::string& at, std::string_view colour) {
    body_ += fmt::format(
        "<path d=\"{}\" stroke=\"{}\" stroke-opacity=\"0.5\" stroke-width=\"3\" "
        "stroke-linecap=\"round\"/>\n",
        at, colour);
  }
  [[nodiscard]] std::string svg() const {
    return fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" "
        "width=\"{0:.0f}\" height=\"{1:.0f}\">\n{2}</svg>\n",
        width_, height_, body_);
  }

 private:
  double width_, height_;
  std::string body_;
};

// One bar a name: the error of all its scored rows; a mark: the bias.
std::string bars(const ValidationRecord& record, const std::vector<Prediction>& predictions, By by,
                 std::string_view title) {
  const auto rows = evaluate::scored_rows(record.measured);
  const auto list = evaluate::slices(record.measured, predictions, rows, by);
  constexpr double kRow = 20;
  constexpr double kLeft = 230;
  constexpr double kScale = 400;  // of 100 %
  constexpr double kTop = 48;
  Drawing drawing(kLeft + kScale + 180, kTop + kRow * static_cast<double>(list.size()) + 30);
  drawing.text(8, 20, title);
  const double bottom = kTop + kRow * static_cast<double>(list.size());
  for (const int percent_mark : {0, 20, 40, 60, 80, 100}) {
    const double x = kLeft + kScale * percent_mark / 100;
    drawing.line(x, kTop - 6, x, bottom);
    drawing.text(x, bottom + 16, fmt::format("{} %", percent_mark), "middle");
  }
  double y = kTop;
  for (const Slice& slice : list) {
    const auto score = evaluate::score(record.measured, predictions, slice.rows);
    drawing.text(kLeft - 8, y + 13, slice.key, "end");
    drawing.box(kLeft, y + 3, kScale * score.macro_mape, kRow - 7, kBar);
    if (!std::isnan(score.median_ape)) {
      drawing.box(kLeft + kScale * std::min(1.0, score.median_ape) - 1.5, y + 1, 3, kRow - 3,
                  kMark);
    }
    drawing.text(kLeft + kScale + 12, y + 13,
                 fmt::format("{:.0f} %, {} rows", 100 * score.macro_mape, score.rows));
    y += kRow;
  }
  return drawing.svg();
}

constexpr double kResidualMin = -1.0, kResidualMax = 1.0;  // log2 of predicted over measured
constexpr int kBins = 40;

// A histogram for each figure, three a row.
std::string residuals(const ValidationRecord& record, const std::vector<Prediction>& predictions) {
  constexpr double kWidth = 250;
  constexpr double kHeight = 150;
  constexpr int kAcross = 3;
  std::vector<const Figure*> shown;
  for (const Figure& figure : evaluate::figures()) {
    if (!evaluate::rows_of(record.measured, figure).empty()) {
      shown.push_back(&figure);
    }
  }
  const auto down = (static_cast<int>(shown.size()) + kAcross - 1) / kAcross;
  Drawing drawing(kAcross * kWidth + 20, 34 + down * kHeight);
  drawing.text(8, 20, "predicted over measured, rows (half to double)");
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const double left = 15 + kWidth * static_cast<double>(i % kAcross);
    const std::size_t line = i / kAcross;
    const double top = 40 + kHeight * static_cast<double>(line);
    std::array<int, kBins> counts{};
    int most = 1;
    for (const int index : evaluate::rows_of(record.measured, *shown[i])) {
      const Prediction& prediction = predictions[static_cast<std::size_t>(index)];
      if (!prediction.is_good()) {
        continue;
      }
      const double value =
          std::log2(prediction.value / record.measured.rows[static_cast<std::size_t>(index)].value);
      const double place = (value - kResidualMin) / (kResidualMax - kResidualMin) * kBins;
      const auto bin = static_cast<std::size_t>(std::clamp(place, 0.0, kBins - 1.0));
      most = std::max(most, ++counts[bin]);
    }
    const double base = top + kHeight - 42;
    const double wide = (kWidth - 30) / kBins;
    for (std::size_t bin = 0; bin < counts.size(); ++bin) {
      const double tall = (kHeight - 70) * counts[bin] / most;
      drawing.box(left + wide * static_cast<double>(bin), base - tall, wide - 0.6, tall, kBar);
    }
    drawing.line(left, base, left + kWidth - 30, base);
    drawing.line(left + (kWidth - 30) / 2, top + 18, left + (kWidth - 30) / 2, base);
    drawing.text(left, top + 12, shown[i]->name);
    drawing.text(left, base + 15, "0.5");
    drawing.text(left + (kWidth - 30) / 2, base + 15, "1", "middle");
    drawing.text(left + kWidth - 30, base + 15, "2", "end");
  }
  return drawing.svg();
}

// Predicted beside measured times, both axes logarithmic.
std::string scatter(const ValidationRecord& record, const std::vector<Prediction>& predictions) {
  constexpr double kSize = 520;
  constexpr double kLeft = 70;
  constexpr double kTop = 40;
  constexpr double kDecadeMin = -6;
  constexpr double kDecadeMax = 3;
  Drawing drawing(kLeft + kSize + 190, kTop + kSize + 50);
  drawing.text(8, 20, "predicted (up) beside measured (right), seconds");
  const auto x = [&](double seconds) {
    return kLeft +
           kSize *
               std::clamp((std::log10(seconds) - kDecadeMin) / (kDecadeMax - kDecadeMin), 0.0, 1.0);
  };
  const auto y = [&](double seconds) { return kTop + kSize - (x(seconds) - kLeft); };
  for (int decade = static_cast<int>(kDecadeMin); decade <= static_cast<int>(kDecadeMax);
       decade += 1) {
    const double at = std::pow(10, decade);
    drawing.line(x(at), kTop, x(at), kTop + kSize, 0.15);
    drawing.line(kLeft, y(at), kLeft + kSize, y(at), 0.15);
    drawing.text(x(at), kTop + kSize + 16, si(at, "s"), "middle");
    drawing.text(kLeft - 6, y(at) + 4, si(at, "s"), "end");
  }
  drawing.line(kLeft, kTop + kSize, kLeft + kSize, kTop, 0.8);
  std::size_t colour = 0;
  for (const Figure& figure : evaluate::figures()) {
    const auto rows = evaluate::rows_of(record.measured, figure);
    const bool is_time = !rows.empty() && std::all_of(rows.begin(), rows.end(), [&](int index) {
      using evaluate::Metric;
      const Metric metric = record.measured.rows[static_cast<std::size_t>(index)].metric;
      return metric == Metric::kernel_time || metric == Metric::tpot || metric == Metric::ttft ||
             metric == Metric::batch_latency;
    });
    if (!is_time) {
      continue;
    }
    const std::string_view ink = kColours[colour % kColours.size()];
    drawing.box(kLeft + kSize + 14, kTop + 18 * static_cast<double>(colour), 10, 10, ink);
    drawing.text(kLeft + kSize + 30, kTop + 10 + 18 * static_cast<double>(colour), figure.name);
    ++colour;
    std::string path;
    for (const int index : rows) {
      const Prediction& prediction = predictions[static_cast<std::size_t>(index)];
      if (prediction.is_good()) {
        path += fmt::format("M{:.1f} {:.1f}h0",
                            x(record.measured.rows[static_cast<std::size_t>(index)].value),
                            y(prediction.value));
      }
    }
    drawing.dots(path, ink);
  }
  return drawing.svg();
}

}  // namespace

std::vector<Picture> validation_pictures(const ValidationRecord& record) {
  const auto& predictions = record.test ? record.test->predictions : record.predictions;
  const std::string_view which = record.test ? "test" : "fit";
  const auto by = [&](By what, std::string_view word) {
    return Picture{fmt::format("by-{}.svg", word),
                   bars(record, predictions, what,
                        fmt::format("macro-MAPE by {} ({}); mark: median", word, which))};
  };
  return {by(By::chip, "chip"),
          by(By::model, "model"),
          by(By::framework, "framework"),
          by(By::limit, "limit"),
          {"residuals.svg", residuals(record, predictions)},
          {"scatter.svg", scatter(record, predictions)}};
}

}  // namespace churon::report
