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

constexpr std::array kColors{Color::blue,   Color::vermillion, Color::green,
                             Color::orange, Color::purple,     Color::sky};
constexpr std::array kMarkers{Marker::circle, Marker::square, Marker::triangle, Marker::diamond,
                              Marker::cross,  Marker::plus,   Marker::ring};

class Charts {
 public:
  explicit Charts(const PlanRecord& record)
      : record_(record), plan_(record.plan), s_(*record.plan.scenario) {}

  Chart all() {
    Chart chart{.title = s_.name,
                .subtitle = fmt::format("{} to {}; mean of {} futures", quarter_text(plan_, 0),
                                        quarter_text(plan_, s_.quarters - 1), s_.futures.size()),
                .panels = {fleet(), tokens(), cash(), per_mtok()},
                .columns = 2,
                .panel_width = 560,
                .panel_height = 320};
    if (auto others = other_plans(); !others.rows.empty()) {
      chart.panels.push_back(std::move(others));
    }
    if (auto caps = binding(); !caps.rows.empty()) {
      chart.panels.push_back(std::move(caps));
    }
    return chart;
  }

 private:
  // The middle of the quarter, in years.
  [[nodiscard]] double year(int q) const { return (s_.start.count + q + 0.5) / 4; }
  [[nodiscard]] Axis time() const {
    return {.title = "year",
            .low = s_.start.count / 4.0,
            .high = (s_.start.count + s_.quarters) / 4.0,
            .years = true};
  }
  static Style line_style(Color color, Marker marker, Dash dash = Dash::solid) {
    return {.color = color, .marker = marker, .dash = dash};
  }

  template <typename Of>
  Series line(std::string name, Style style, const Of& of) const {
    Series made{.name = std::move(name), .style = style};
    for (int q = 0; q < s_.quarters; ++q) {
      made.points.push_back({.x = year(q), .y = of(q), .label = {}});
    }
    return made;
  }
  template <typename Of>
  Series mean_line(std::string name, Style style, const Of& of) const {
    return line(std::move(name), style, [&](int q) {
      return mean(plan_,
                  [&](const plan::Book& book, std::size_t f) { return of(book, f, index(q)); });
    });
  }

  // Options have colours of the palette with solid lines; what is no option is black or grey.
  [[nodiscard]] Panel fleet() const {
    Panel panel{.title = "Fleet", .x = time(), .y = {.title = "MW", .low = 0.0}};
    std::size_t shown = 0;
    for (std::size_t o = 0; o < s_.options.size(); ++o) {
      if (s_.options[o].kind == plan::Kind::rent) {
        continue;
      }
      const Style style =
          line_style(kColors[shown % kColors.size()], kMarkers[shown % kMarkers.size()],
                     shown < kColors.size() ? Dash::solid : Dash::dashed);
      ++shown;
      panel.series.push_back(mean_line(
          s_.options[o].name, style, [&](const plan::Book& book, std::size_t, std::size_t q) {
            return book.options[o].fleet[q] * s_.options[o].power.value / 1e6;
          }));
    }
    panel.series.push_back(
        line("cap", line_style(Color::black, Marker::none, Dash::dashed), [&](int q) {
          double sum = 0;
          for (const plan::Site& site : s_.sites) {
            sum += site.power[index(q)] / 1e6;
          }
          return sum;
        }));
    return panel;
  }

  static double sum_at(const std::vector<std::vector<double>>& by_class, std::size_t q) {
    double sum = 0;
    for (const auto& one : by_class) {
      sum += one[q];
    }
    return sum / 1e6;
  }

  [[nodiscard]] Panel tokens() const {
    Panel panel{.title = "Tokens", .x = time(), .y = {.title = "million tokens/s", .low = 0.0}};
    const auto over = [&](bool most, int q) {
      double found = sum_at(s_.futures[0].demand, index(q));
      for (const plan::Future& future : s_.futures) {
        const double one = sum_at(future.demand, index(q));
        found = most ? std::max(found, one) : std::min(found, one);
      }
      return found;
    };
    const Style faint = line_style(Color::grey, Marker::none, Dash::dotted);
    panel.series.push_back(
        line("least and most demand", faint, [&](int q) { return over(false, q); }));
    panel.series.push_back(line("", faint, [&](int q) { return over(true, q); }));
    panel.series.push_back(mean_line("demand", line_style(Color::black, Marker::ring, Dash::none),
                                     [&](const plan::Book&, std::size_t f, std::size_t q) {
                                       return sum_at(s_.futures[f].demand, q);
                                     }));
    panel.series.push_back(mean_line("served", line_style(Color::black, Marker::none),
                                     [&](const plan::Book& book, std::size_t, std::size_t q) {
                                       return sum_at(book.served, q);
                                     }));
    return panel;
  }

  [[nodiscard]] Panel cash() const {
    Panel panel{.title = "Cash by quarter", .x = time(), .y = {.title = "million USD"}};
    panel.series.push_back(mean_line(
        "capital", line_style(Color::black, Marker::square),
        [](const plan::Book& book, std::size_t, std::size_t q) { return book.capital[q] / 1e6; }));
    panel.series.push_back(mean_line("operation and rent", line_style(Color::grey, Marker::diamond),
                                     [](const plan::Book& book, std::size_t, std::size_t q) {
                                       return book.operation[q] / 1e6;
                                     }));
    if (std::isfinite(s_.capital.front())) {
      panel.series.push_back(line("", line_style(Color::black, Marker::none, Dash::dashed),
                                  [&](int q) { return s_.capital[index(q)] / 1e6; }));
    }
    return panel;
  }

  [[nodiscard]] Panel per_mtok() const {
    Panel panel{.title = "Cost of a million tokens, over futures and prices",
                .x = {.title = "USD per million tokens"},
                .y = {.title = "probability", .low = 0.0, .percent = true}};
    if (record_.per_mtok.shares.empty()) {
      panel.note = "the same in every future and draw";
      return panel;
    }
    panel.bars = Bars{
        .edges = record_.per_mtok.edges, .values = record_.per_mtok.shares, .color = Color::sky};
    panel.references = {{.vertical = true, .at = record_.per_mtok.p10, .label = "P10"},
                        {.vertical = true, .at = record_.per_mtok.p50, .label = "P50"},
                        {.vertical = true, .at = record_.per_mtok.p90, .label = "P90"}};
    return panel;
  }

  [[nodiscard]] Panel other_plans() const {
    Panel panel{.title = "What other plans cost more",
                .x = {.title = "million USD of today", .low = 0.0}};
    const auto add = [&](const plan::Outcome& outcome) {
      if (outcome.has_plan) {
        panel.rows.push_back({.name = outcome.policy.key == "wait"   ? "wait a quarter"
                                      : outcome.policy.key == "miss" ? "wait and miss"
                                      : outcome.policy.vendor.empty()
                                          ? outcome.policy.text
                                          : outcome.policy.vendor + " alone",
                              .value = regret(plan_, outcome) / 1e6,
                              .note = regret_text(plan_, outcome)});
      }
    };
    if (plan_.waiting) {
      add(*plan_.waiting);
    }
    if (plan_.missed) {
      add(*plan_.missed);
    }
    if (plan_.without_own) {
      add(*plan_.without_own);
    }
    for (const plan::Outcome& one : plan_.without_one_own) {
      add(one);
    }
    for (const plan::Outcome& one : plan_.single_vendor) {
      add(one);
    }
    return panel;
  }

  [[nodiscard]] Panel binding() const {
    Panel panel{.title = "What 1 % more of a cap saves, in all quarters in which it binds",
                .x = {.title = "million USD of today", .low = 0.0}};
    for (const BindingCap& one : binding_caps(plan_)) {
      panel.rows.push_back(
          {.name = one.text, .value = one.usd_per_percent / 1e6, .note = usd(one.usd_per_percent)});
    }
    return panel;
  }

  const PlanRecord& record_;
  const plan::Plan& plan_;
  const plan::Scenario& s_;
};

}  // namespace

std::string plan_svg(const PlanRecord& record) { return svg(Charts(record).all()); }

}  // namespace churon::report
