#include "base/unit.h"

#include <gtest/gtest.h>

namespace churon {
namespace {

double value(std::string_view text, QuantityKind kind) {
  const auto parsed = parse_quantity(text, kind);
  EXPECT_TRUE(parsed.has_value()) << text << ": " << (parsed ? "" : parsed.error().message);
  return parsed.value_or(-1);
}

std::string error(std::string_view text, QuantityKind kind) {
  const auto parsed = parse_quantity(text, kind);
  return parsed ? "no error" : parsed.error().message;
}

TEST(Unit, reads_the_nearest_double_of_each_value) {
  EXPECT_EQ(value("1.25 GHz", QuantityKind::frequency), 1.25e9);
  EXPECT_EQ(value("1.25GHz", QuantityKind::frequency), 1.25e9);
  EXPECT_EQ(value("0.7 us", QuantityKind::time), 7e-7);
  EXPECT_EQ(value("4 MiB", QuantityKind::size), 4194304);
  EXPECT_EQ(value("36 GB", QuantityKind::size), 36e9);
  EXPECT_EQ(value("9.2 Gb/s", QuantityKind::bit_rate), 1.15e9);
  EXPECT_EQ(value("32 bit", QuantityKind::width), 4);
  EXPECT_EQ(value("4.0 pJ/bit", QuantityKind::energy_per_bit), 32e-12);
  EXPECT_EQ(value("1.0 pJ/B", QuantityKind::energy_per_byte), 1e-12);
  EXPECT_EQ(value("80 %", QuantityKind::fraction), 0.8);
  EXPECT_EQ(value("0.8", QuantityKind::fraction), 0.8);
  EXPECT_EQ(value("364 mm2", QuantityKind::area), 364e-6);
  EXPECT_EQ(value("40 um2", QuantityKind::area), 40e-12);
  EXPECT_EQ(value("0.10 /cm2", QuantityKind::defects), 0.10e4);
  EXPECT_EQ(value("5.24 POPS", QuantityKind::operations), 5.24e15);
  EXPECT_EQ(value("989 TFLOP/s", QuantityKind::operations), 989e12);
  EXPECT_EQ(value("0.08 USD/kWh", QuantityKind::money_per_energy), 0.08e-3 / 3600);
  EXPECT_EQ(value("4 years", QuantityKind::time), 4 * 365.25 * 86400);
  EXPECT_EQ(value("500e6 USD", QuantityKind::money), 5e8);
  EXPECT_EQ(value("-8", QuantityKind::count), -8);
  EXPECT_NEAR(value("1560 USD/kW/year", QuantityKind::money_per_power),
              1560.0 / 1000 / (365.25 * 86400), 1e-18);
}

TEST(Unit, says_what_was_expected) {
  EXPECT_EQ(error("1.25", QuantityKind::frequency),
            "no unit; expected a frequency such as \"1.25 GHz\"");
  EXPECT_EQ(error("1.25 ns", QuantityKind::frequency),
            "this is a time; expected a frequency such as \"1.25 GHz\"");
  EXPECT_EQ(error("fast", QuantityKind::frequency),
            "`fast` does not start with a number; expected a frequency such as \"1.25 GHz\"");
  EXPECT_EQ(error("4 MiB/s/h2", QuantityKind::size),
            "`MiB/s/h2` is another kind of unit; expected a size in bytes such as \"4 MiB\"");
  EXPECT_EQ(error("1e999 s", QuantityKind::time), "`1e999 s` is too large or too small");
  EXPECT_EQ(error("50 %", QuantityKind::number),
            "this is a fraction; expected a number such as \"2.5\"");
  for (const char* bad : {"", "-", ".", "1.", "1e", "GHz", "1 GHz GHz", "1 /", "1 GHz/", "1 m9",
                          "1 m22", "1e99999999999 s", "nan GHz", "inf GHz", "0x10 GHz"}) {
    EXPECT_FALSE(parse_quantity(bad, QuantityKind::frequency)) << bad;
  }
}

TEST(Unit, suggests_the_unit_that_was_meant) {
  const auto suggestion = [](std::string_view text, QuantityKind kind) {
    const auto parsed = parse_quantity(text, kind);
    return parsed ? std::string("none needed") : parsed.error().suggestion.value_or("none");
  };
  EXPECT_EQ(suggestion("1.25 Ghz", QuantityKind::frequency), "1.25 GHz");
  EXPECT_EQ(suggestion("9.2 Gbps", QuantityKind::bit_rate), "9.2 Gb/s");
  EXPECT_EQ(suggestion("600 $", QuantityKind::money), "600 USD");
  EXPECT_EQ(suggestion("40 um^2", QuantityKind::area), "40 um2");
}

TEST(Unit, writes_the_shortest_text_that_comes_back) {
  struct Case {
    const char* text;
    QuantityKind kind;
  };
  for (const auto& [text, kind] :
       {Case{"1.25 GHz", QuantityKind::frequency}, Case{"500 MHz", QuantityKind::frequency},
        Case{"4 MiB", QuantityKind::size}, Case{"36 GB", QuantityKind::size},
        Case{"512 KiB", QuantityKind::size}, Case{"9.2 Gb/s", QuantityKind::bit_rate},
        Case{"2.039 TB/s", QuantityKind::bandwidth}, Case{"4 pJ/bit", QuantityKind::energy_per_bit},
        Case{"0.033 pJ", QuantityKind::energy}, Case{"27.8 mm", QuantityKind::length},
        Case{"86 %", QuantityKind::fraction}, Case{"5 months", QuantityKind::time},
        Case{"4 years", QuantityKind::time}, Case{"434 ps", QuantityKind::time},
        Case{"0.08 USD/kWh", QuantityKind::money_per_energy}, Case{"-8", QuantityKind::count},
        Case{"0 s", QuantityKind::time}, Case{"0.1 /cm2", QuantityKind::defects}}) {
    const double parsed = value(text, kind);
    const std::string back = quantity_text(parsed, kind);
    EXPECT_EQ(value(back, kind), parsed) << text << " -> " << back;
    if (std::string_view(text) != "0 s") {
      EXPECT_EQ(back, text);
    }
  }
}

TEST(Unit, rounds_for_people) {
  EXPECT_EQ(rounded_text(9.4208e12, QuantityKind::bandwidth, 4), "9.421 TB/s");
  EXPECT_EQ(rounded_text(288e9, QuantityKind::size, 4), "288 GB");
  EXPECT_EQ(rounded_text(268435456, QuantityKind::size, 4), "256 MiB");
  EXPECT_EQ(rounded_text(2097152, QuantityKind::count, 4), "2097152");
  EXPECT_EQ(rounded_text(0, QuantityKind::fraction, 4), "0 %");
  EXPECT_EQ(rounded_text(5.24288e15, QuantityKind::operations, 4), "5.243 POPS");
}

}  // namespace
}  // namespace churon
