#include "report/floorplan_svg.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <regex>

#include "report/svg.h"
#include "silicon/area.h"
#include "silicon/floorplan.h"

namespace churon::report {
namespace {

struct Case {
  std::string chip;
  std::vector<std::string> overrides = {};
  std::string node = {};
};
const std::vector<Case> kCases{
    {"churon-1"},
    {"churon-1h4"},
    {"churon-0"},
    {"churon-1", {"memory.hbm.stacks=6"}},
    {"churon-1", {"die.compute.spare_cores=0"}},
    {"churon-1", {}, "n5"},
    {"churon-1", {}, "n2"},
    {"churon-0", {"die.compute.core_cols=4"}},
};

std::string svg_of(const Case& of) {
  const auto chip = chip::load(of.chip, of.overrides);
  EXPECT_TRUE(chip) << (chip ? "" : to_text(chip.error()));
  const auto area = silicon::area(*chip, of.node);
  const auto plan = silicon::floorplan(*chip, *area);
  EXPECT_TRUE(plan) << (plan ? "" : to_text(plan.error()));
  return floorplan_svg(*chip, *area, *plan);
}

// Where the words of a label stand, upright ones turned.
struct Words {
  std::string text;
  double left, top, right, bottom;
};
std::vector<Words> words(const std::string& svg) {
  static const std::regex element(
      "<text x=\"([-0-9.]+)\" y=\"([-0-9.]+)\" font-size=\"([0-9.]+)\" "
      "text-anchor=\"([a-z]+)\"([^>]*)>([^<]*)</text>");
  std::vector<Words> found;
  for (std::sregex_iterator it(svg.begin(), svg.end(), element), end; it != end; ++it) {
    const double x = std::stod((*it)[1]);
    const double y = std::stod((*it)[2]);
    const double size = std::stod((*it)[3]);
    const std::string anchor = (*it)[4];
    const std::string text = (*it)[6];
    const double width = svg_text_width(text, size);
    const double before = anchor == "start" ? 0 : anchor == "end" ? width : width / 2;
    if ((*it)[5].str().find("rotate(-90") != std::string::npos) {
      found.push_back({text, x - size / 2, y - width / 2, x + size / 2, y + width / 2});
    } else {
      found.push_back({text, x - before, y - size * 0.8, x - before + width, y + size * 0.2});
    }
  }
  return found;
}

TEST(FloorplanSvg, has_labels_that_do_not_overlap_and_stay_inside) {
  for (const Case& of : kCases) {
    const std::string svg = svg_of(of);
    const double height = std::stod(svg.substr(svg.find("height=\"") + 8));
    const auto all = words(svg);
    EXPECT_GT(all.size(), 20U);
    for (std::size_t i = 0; i < all.size(); ++i) {
      EXPECT_GE(all[i].left, 0) << of.chip << ": " << all[i].text;
      EXPECT_LE(all[i].right, 1000) << of.chip << ": " << all[i].text;
      EXPECT_LE(all[i].bottom, height) << of.chip << ": " << all[i].text;
      for (std::size_t j = i + 1; j < all.size(); ++j) {
        const double x = std::min(all[i].right, all[j].right) - std::max(all[i].left, all[j].left);
        const double y = std::min(all[i].bottom, all[j].bottom) - std::max(all[i].top, all[j].top);
        EXPECT_FALSE(x > 0.5 && y > 0.5)
            << of.chip << ": `" << all[i].text << "` over `" << all[j].text << "`";
      }
    }
  }
}

TEST(FloorplanSvg, is_the_same_every_time) {
  for (const Case& of : kCases) {
    EXPECT_EQ(svg_of(of), svg_of(of));
  }
}

TEST(FloorplanSvg, shows_what_there_is_with_a_scale_and_a_legend) {
  const std::string svg = svg_of({"churon-1"});
  for (const auto* text : {">churon-1: floorplan<", ">10 mm<", ">2 mm<", "matrix cells (MAC)",
                           "memory PHY and controller", ">hbm7<", ">31<", ">spare 1<",
                           "interposer 58.0 × 40.0 mm", "die-to-die", "64 cores"}) {
    EXPECT_NE(svg.find(text), std::string::npos) << text;
  }
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(svg.find("inf\""), std::string::npos);
}

}  // namespace
}  // namespace churon::report
