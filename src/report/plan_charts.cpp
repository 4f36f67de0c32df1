// A plan as a picture: what arrives, the fleet under its power, demand and what is served, cash.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "report/chart.h"
#include "report/plan_report.h"
#include "report/plan_view.h"

namespace churon::report {

namespace {

constexpr std::array kColors{Color::blue,   Color::vermillion, Color::green, Color::orange,
                             Color::purple, Color::sky,        Color::black, Color::grey};
constexpr std::array kMarkers{Marker::circle, Marker::square, Marker::triangle, Marker::diamond,
                              Marker::cross,  Marker::plus,   Marker::ring};

std::size_t index(int i) { return static_cast<std::size_t>(i); }

class Charts {
 public:
  explicit Charts(const PlanRecord& record) : plan_(record.plan), s_(*record.plan.scenario) {}

  Chart all() {
    Chart chart{.title = s_.name,
                .subtitle = fmt::format("{} to {}, mean of {} futures; band: least and most",
                                        quarter_text(plan_, 0),
                                        quarter_text(plan_, s_.quarters - 1), s_.futures.size()),
                .panels = {fleet(), tokens(), cash(), futures()},
                .columns = 2,
                .panel_width = 560,
                .panel_height = 340,
                .footer = {}};
    return chart;
  }

 private:
  // The middle of the quarter, in years.
  [[nodiscard]] double year(int q) const { return (s_.start.count + q + 0.5) / 4; }
  [[nodiscard]] Axis time() const {
    return {
        .title = "year", .low = s_.start.count / 4.0, .high = (s_.start.count + s_.quarters) / 4.0};
  }
  static Style style(std::size_t i, Dash dash = Dash::solid) {
    return {.color = kColors[i % kColors.size()],
            .marker = kMarkers[i % kMarkers.size()],
            .dash = dash};
  }

  template <typename Of>
  Series line(std::string name, Style style, const Of& of) const {
    Series made{.name = std::move(name), .style = style, .points = {}};
    for (int q = 0; q < s_.quarters; ++q) {
      made.points.push_back({.x = year(q), .y = of(q), .label = {}});
    }
    return made;
  }

  Panel fleet() const {
    Panel panel{.title = "Fleet",
                .x = time(),
                .y = {.title = "MW", .low = 0.0},
                .series = {},
                .references = {},
                .bars = {},
                .note = {}};
    for (std::size_t o = 0; o < s_.options.size(); ++o) {
      if (s_.options[o].kind == plan::Kind::rent) {
        continue;
      }
      panel.series.push_back(line(s_.options[o].name, style(o), [&](int q) {
        return mean(plan_, [&](const plan::Book& book, std::size_t) {
          return book.options[o].fleet[index(q)] * s_.options[o].power.value / 1e6;
        });
      }));
    }
    panel.series.push_back(
        line("power of all sites",
             {.color = Color::black, .marker = Marker::none, .dash = Dash::dashed}, [&](int q) {
               double sum = 0;
               for (const plan::Site& site : s_.sites) {
                 sum += site.power[index(q)] / 1e6;
               }
               return sum;
             }));
    return panel;
  }

  [[nodiscard]] double demand_of(std::size_t f, int q) const {
    double sum = 0;
    for (const auto& one : s_.futures[f].demand) {
      sum += one[index(q)];
    }
    return sum / 1e6;
  }

  Panel tokens() const {
    Panel panel{.title = "Tokens",
                .x = time(),
                .y = {.title = "million tokens/s", .low = 0.0},
                .series = {},
                .references = {},
                .bars = {},
                .note = {}};
    const auto over = [&](bool most, int q) {
      double found = demand_of(0, q);
      for (std::size_t f = 1; f < s_.futures.size(); ++f) {
        found = most ? std::max(found, demand_of(f, q)) : std::min(found, demand_of(f, q));
      }
      return found;
    };
    const Style faint{.color = Color::grey, .marker = Marker::none, .dash = Dash::dotted};
    panel.series.push_back(
        line("least and most demand", faint, [&](int q) { return over(false, q); }));
    panel.series.push_back(line("", faint, [&](int q) { return over(true, q); }));
    panel.series.push_back(line(
        "demand", {.color = Color::black, .marker = Marker::none, .dash = Dash::dashed},
        [&](int q) {
          return mean(plan_, [&](const plan::Book&, std::size_t f) { return demand_of(f, q); });
        }));
    panel.series.push_back(
        line("served", {.color = Color::blue, .marker = Marker::circle, .dash = Dash::solid},
             [&](int q) {
               return mean(plan_, [&](const plan::Book& book, std::size_t) {
                 double sum = 0;
                 for (const auto& one : book.served) {
                   sum += one[index(q)];
                 }
                 return sum / 1e6;
               });
             }));
    return panel;
  }

  Panel cash() const {
    Panel panel{.title = "Cash by quarter",
                .x = time(),
                .y = {.title = "million USD"},
                .series = {},
                .references = {},
                .bars = {},
                .note = {}};
    panel.series.push_back(line("capital", style(0), [&](int q) {
      return mean(
          plan_, [&](const plan::Book& book, std::size_t) { return book.capital[index(q)] / 1e6; });
    }));
    panel.series.push_back(line("operation and rent", style(1), [&](int q) {
      return mean(plan_, [&](const plan::Book& book, std::size_t) {
        return book.operation[index(q)] / 1e6;
      });
    }));
    if (std::isfinite(s_.capital.front())) {
      panel.series.push_back(line(
          "cap on capital", {.color = Color::black, .marker = Marker::none, .dash = Dash::dashed},
          [&](int q) { return s_.capital[index(q)] / 1e6; }));
    }
    return panel;
  }

  Panel futures() const {
    Panel panel{.title = "Futures",
                .x = {.title = "unmet demand", .low = 0.0, .percent = true},
                .y = {.title = "USD per million tokens"},
                .series = {},
                .references = {},
                .bars = {},
                .note = {}};
    Series made{.name = "a future",
                .style = {.color = Color::blue, .marker = Marker::circle},
                .points = {}};
    double most = 0.01;
    for (std::size_t f = 0; f < plan_.best.books.size(); ++f) {
      const plan::Book& book = plan_.best.books[f];
      most = std::max(most, unmet_share(book));
      made.points.push_back(
          {.x = unmet_share(book), .y = book.per_mtok(), .label = s_.futures[f].name});
    }
    panel.x.high = most * 1.15;
    panel.series.push_back(std::move(made));
    return panel;
  }

  const plan::Plan& plan_;
  const plan::Scenario& s_;
};

}  // namespace

std::string plan_svg(const PlanRecord& record) { return svg(Charts(record).all()); }

}  // namespace churon::report
