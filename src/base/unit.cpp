#include "base/unit.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <span>
#include <vector>

#include "base/check.h"
#include "base/text.h"

namespace churon {

namespace {

struct UnitDimension {
  Dimension base = {};
  int volt = 0;
  int kelvin = 0;   // differences
  int celsius = 0;  // a temperature on its scale
  int degree = 0;   // of an angle
  bool operator==(const UnitDimension&) const = default;
};

UnitDimension scaled(UnitDimension d, int times) {
  const auto& b = d.base;
  return {.base = {b.second * times, b.byte * times, b.cycle * times, b.operation * times,
                   b.joule * times, b.dollar * times, b.metre * times},
          .volt = d.volt * times,
          .kelvin = d.kelvin * times,
          .celsius = d.celsius * times,
          .degree = d.degree * times};
}

UnitDimension sum(UnitDimension a, UnitDimension b) {
  return {.base = a.base + b.base,
          .volt = a.volt + b.volt,
          .kelvin = a.kelvin + b.kelvin,
          .celsius = a.celsius + b.celsius,
          .degree = a.degree + b.degree};
}

// A unit is worth factor * 10^exponent of its base units. The decimal power is kept apart, so that
// it can be folded into the digits of the number.
struct Unit {
  UnitDimension dimension = {};
  int exponent = 0;
  double factor = 1;
};

struct Symbol {
  std::string_view text;
  UnitDimension dimension;
  double factor;
  std::string_view prefixes;  // decimal ones that may precede it
  bool binary = false;        // Ki, Mi, Gi, Ti may precede it
};

constexpr double kDay = 86400;
constexpr double kYear = 365.25 * kDay;
constexpr UnitDimension kTime{.base = {.second = 1}};
constexpr UnitDimension kData{.base = {.byte = 1}};
constexpr UnitDimension kWork{.base = {.operation = 1}};
constexpr UnitDimension kWorkRate{.base = {.second = -1, .operation = 1}};
constexpr UnitDimension kCycle{.base = {.cycle = 1}};

constexpr std::array kSymbols{
    Symbol{"s", kTime, 1, "munpf"},
    Symbol{"min", kTime, 60, ""},
    Symbol{"h", kTime, 3600, ""},
    Symbol{"day", kTime, kDay, ""},
    Symbol{"days", kTime, kDay, ""},
    Symbol{"month", kTime, kYear / 12, ""},
    Symbol{"months", kTime, kYear / 12, ""},
    Symbol{"year", kTime, kYear, ""},
    Symbol{"years", kTime, kYear, ""},
    Symbol{"Hz", {.base = {.second = -1, .cycle = 1}}, 1, "kMGT"},
    Symbol{"cycle", kCycle, 1, ""},
    Symbol{"cycles", kCycle, 1, ""},
    Symbol{"B", kData, 1, "kMGTP", true},
    Symbol{"b", kData, 0.125, "kMGTP", true},
    Symbol{"bit", kData, 0.125, "kMGTP", true},
    Symbol{"bits", kData, 0.125, ""},
    Symbol{"OP", kWork, 1, "kMGTPE"},
    Symbol{"FLOP", kWork, 1, "kMGTPE"},
    Symbol{"OPS", kWorkRate, 1, "kMGTPE"},
    Symbol{"FLOPS", kWorkRate, 1, "kMGTPE"},
    Symbol{"J", {.base = {.joule = 1}}, 1, "fpnumkMG"},
    Symbol{"Wh", {.base = {.joule = 1}}, 3600, "kMG"},
    Symbol{"W", {.base = {.second = -1, .joule = 1}}, 1, "numkMG"},
    Symbol{"USD", {.base = {.dollar = 1}}, 1, ""},
    Symbol{"m", {.base = {.metre = 1}}, 1, "numck"},
    Symbol{"V", {.volt = 1}, 1, "m"},
    Symbol{"K", {.kelvin = 1}, 1, ""},
    Symbol{"degC", {.celsius = 1}, 1, ""},
    Symbol{"deg", {.degree = 1}, 1, ""},
};

int prefix_exponent(char prefix) {
  switch (prefix) {
    case 'f':
      return -15;
    case 'p':
      return -12;
    case 'n':
      return -9;
    case 'u':
      return -6;
    case 'm':
      return -3;
    case 'c':
      return -2;
    case 'k':
      return 3;
    case 'M':
      return 6;
    case 'G':
      return 9;
    case 'T':
      return 12;
    case 'P':
      return 15;
    case 'E':
      return 18;
    default:
      return 0;
  }
}

// 1024^n of Ki, Mi, Gi, Ti; 0 for anything else.
double binary_prefix(std::string_view prefix) {
  constexpr std::array<std::string_view, 4> kNames{"Ki", "Mi", "Gi", "Ti"};
  double factor = 1;
  for (const auto& candidate : kNames) {
    factor *= 1024;
    if (prefix == candidate) {
      return factor;
    }
  }
  return 0;
}

std::optional<Unit> symbol_unit(std::string_view text) {
  for (const auto& symbol : kSymbols) {
    if (text == symbol.text) {
      return Unit{symbol.dimension, 0, symbol.factor};
    }
  }
  for (const auto& symbol : kSymbols) {
    if (!text.ends_with(symbol.text) || text.size() == symbol.text.size()) {
      continue;
    }
    const auto prefix = text.substr(0, text.size() - symbol.text.size());
    if (prefix.size() == 1 && symbol.prefixes.find(prefix[0]) != std::string_view::npos) {
      return Unit{symbol.dimension, prefix_exponent(prefix[0]), symbol.factor};
    }
    if (const double factor = binary_prefix(prefix); symbol.binary && factor != 0) {
      return Unit{symbol.dimension, 0, symbol.factor * factor};
    }
  }
  return std::nullopt;
}

constexpr std::string_view kDigits = "0123456789";

// One factor of a unit: a symbol and perhaps a power, "mm2".
std::optional<Unit> factor_unit(std::string_view text) {
  const auto power_start = text.find_last_not_of(kDigits) + 1;
  const auto power_text = text.substr(power_start);
  int power = 1;
  if (!power_text.empty()) {
    if (power_text.size() > 1 || power_text[0] < '2' || power_text[0] > '3') {
      return std::nullopt;
    }
    power = power_text[0] - '0';
  }
  auto unit = symbol_unit(text.substr(0, power_start));
  if (unit) {
    unit->dimension = scaled(unit->dimension, power);
    unit->exponent *= power;
    unit->factor = std::pow(unit->factor, power);
  }
  return unit;
}

// "GB/s", "USD/kW/year", "/cm2", "%", ""; nullopt with the part that is not a unit in `bad`.
std::optional<Unit> parse_unit(std::string_view text, std::string_view& bad) {
  if (text.empty()) {
    return Unit{};
  }
  if (text == "%") {
    return Unit{.exponent = -2};
  }
  Unit unit;
  bool divide = false;
  if (text.front() == '/') {
    divide = true;
    text.remove_prefix(1);
  }
  while (true) {
    const auto end = std::min(text.find_first_of("*/"), text.size());
    const auto factor = factor_unit(text.substr(0, end));
    if (!factor) {
      bad = text.substr(0, end);
      return std::nullopt;
    }
    unit.dimension = sum(unit.dimension, scaled(factor->dimension, divide ? -1 : 1));
    unit.exponent += divide ? -factor->exponent : factor->exponent;
    unit.factor = divide ? unit.factor / factor->factor : unit.factor * factor->factor;
    if (end == text.size()) {
      return unit;
    }
    divide = text[end] == '/';
    text.remove_prefix(end + 1);
  }
}

// The kinds, with the units that each is printed in, largest first. An empty unit is a plain
// number. The units of a kind also say which dimension it has.
struct KindRow {
  QuantityKindInfo info;
  std::array<std::string_view, 7> units;
};

constexpr std::array kKinds{
    KindRow{{QuantityKind::number, "number", "a", "2.5"}, {""}},
    KindRow{{QuantityKind::fraction, "fraction", "a", "80 %"}, {"%"}},
    KindRow{{QuantityKind::count, "whole number", "a", "64"}, {""}},
    KindRow{{QuantityKind::frequency, "frequency", "a", "1.25 GHz"}, {"GHz", "MHz", "kHz", "Hz"}},
    KindRow{{QuantityKind::time, "time", "a", "50 us"},
            {"years", "months", "s", "ms", "us", "ns", "ps"}},
    KindRow{{QuantityKind::cycles, "number of cycles", "a", "9 cycles"}, {"cycles"}},
    KindRow{{QuantityKind::size, "size in bytes", "a", "4 MiB"},
            {"TB", "GB", "GiB", "MiB", "KiB", "MB", "B"}},
    KindRow{{QuantityKind::width, "width in bits", "a", "32 bit"}, {"bit"}},
    KindRow{{QuantityKind::bandwidth, "bandwidth", "a", "800 GB/s"},
            {"PB/s", "TB/s", "GB/s", "MB/s", "kB/s", "B/s"}},
    KindRow{{QuantityKind::bit_rate, "bit rate", "a", "9.2 Gb/s"}, {"Tb/s", "Gb/s", "Mb/s", "b/s"}},
    KindRow{{QuantityKind::port, "number of bytes per cycle", "a", "64 B/cycle"}, {"B/cycle"}},
    KindRow{{QuantityKind::operations, "rate of operations", "a", "989 TFLOPS"},
            {"POPS", "TOPS", "GOPS", "MOPS", "OPS"}},
    KindRow{{QuantityKind::length, "length", "a", "27.8 mm"}, {"m", "mm", "um", "nm"}},
    KindRow{{QuantityKind::area, "area", "an", "364 mm2"}, {"mm2", "um2", "nm2"}},
    KindRow{{QuantityKind::density, "memory density", "a", "3.4 MiB/mm2"},
            {"MiB/mm2", "MB/mm2", "KiB/mm2"}},
    KindRow{{QuantityKind::power, "power", "a", "800 W"}, {"MW", "kW", "W", "mW", "uW"}},
    KindRow{{QuantityKind::power_density, "power per area", "a", "0.085 W/mm2"}, {"W/mm2"}},
    KindRow{{QuantityKind::energy, "energy", "an", "0.11 pJ"}, {"J", "mJ", "uJ", "nJ", "pJ"}},
    KindRow{{QuantityKind::energy_per_byte, "energy per byte", "an", "1.0 pJ/B"}, {"pJ/B"}},
    KindRow{{QuantityKind::energy_per_bit, "energy per bit", "an", "4.0 pJ/bit"}, {"pJ/bit"}},
    KindRow{{QuantityKind::voltage, "voltage", "a", "0.7 V"}, {"V"}},
    KindRow{{QuantityKind::temperature, "temperature", "a", "75 degC"}, {"degC"}},
    KindRow{{QuantityKind::thermal_resistance, "thermal resistance", "a", "0.025 K/W"}, {"K/W"}},
    KindRow{{QuantityKind::angle, "angle", "an", "180 deg"}, {"deg"}},
    KindRow{{QuantityKind::defects, "number of defects per area", "a", "0.10 /cm2"}, {"/cm2"}},
    KindRow{{QuantityKind::money, "sum of money", "a", "600 USD"}, {"USD"}},
    KindRow{{QuantityKind::money_per_area, "price per area", "a", "0.40 USD/mm2"}, {"USD/mm2"}},
    KindRow{{QuantityKind::money_per_energy, "price per energy", "a", "0.08 USD/kWh"}, {"USD/kWh"}},
    KindRow{{QuantityKind::money_per_power, "yearly price of power", "a", "1560 USD/kW/year"},
            {"USD/kW/year"}},
    KindRow{{QuantityKind::money_per_time, "price per time", "a", "2.00 USD/h"}, {"USD/h"}},
};

const KindRow& row_of(QuantityKind kind) {
  const auto& row = kKinds[static_cast<std::size_t>(kind)];
  check(row.info.kind == kind);
  return row;
}

Unit known_unit(std::string_view text) {
  std::string_view bad;
  const auto unit = parse_unit(text, bad);
  check(unit.has_value(), text);
  return *unit;
}

std::vector<std::string_view> units_of(QuantityKind kind) {
  const auto& units = row_of(kind).units;
  std::vector<std::string_view> result;
  for (std::size_t i = 0; i < units.size() && (i == 0 || !units[i].empty()); ++i) {
    result.push_back(units[i]);
  }
  return result;
}

std::string with_unit(std::string_view number, std::string_view unit) {
  return unit.empty() ? std::string(number) : fmt::format("{} {}", number, unit);
}

// The number at the front of a value: its digits, and the exponent written behind them.
struct Number {
  std::string digits;
  int exponent = 0;
};

std::optional<Number> take_number(std::string_view& text) {
  std::size_t at = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
  const std::size_t start = text.starts_with('+') ? 1 : 0;
  const std::size_t whole = at;
  at = std::min(text.find_first_not_of(kDigits, at), text.size());
  std::size_t count = at - whole;
  if (at < text.size() && text[at] == '.') {
    const std::size_t after = std::min(text.find_first_not_of(kDigits, at + 1), text.size());
    if (after == at + 1) {
      return std::nullopt;
    }
    count += after - at - 1;
    at = after;
  }
  if (count == 0 || count > 400) {
    return std::nullopt;
  }
  Number number{std::string(text.substr(start, at - start))};
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    std::size_t digits = at + 1;
    if (digits < text.size() && (text[digits] == '+' || text[digits] == '-')) {
      ++digits;
    }
    const std::size_t end = std::min(text.find_first_not_of(kDigits, digits), text.size());
    if (end > digits) {
      const char* first = text.data() + at + (text[at + 1] == '+' ? 2 : 1);
      if (std::from_chars(first, text.data() + end, number.exponent).ec != std::errc{} ||
          std::abs(number.exponent) > 1000) {
        return std::nullopt;
      }
      at = end;
    }
  }
  text.remove_prefix(at);
  return number;
}

std::optional<double> scaled_value(const Number& number, const Unit& unit) {
  const std::string digits = fmt::format("{}e{}", number.digits, number.exponent + unit.exponent);
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  value *= unit.factor;
  if (error != std::errc{} || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

// What somebody may have meant by a unit that does not exist.
std::optional<std::string> nearest_unit(std::string_view text, QuantityKind kind) {
  struct Habit {
    std::string_view written, meant;
  };
  constexpr std::array kHabits{
      Habit{"gbps", "Gb/s"}, Habit{"tbps", "Tb/s"}, Habit{"gbit/s", "Gb/s"},
      Habit{"um^2", "um2"},  Habit{"mm^2", "mm2"},  Habit{"µs", "us"},
      Habit{"$", "USD"},     Habit{"percent", "%"}, Habit{"clk", "cycles"},
      Habit{"°c", "degC"},   Habit{"c", "degC"},    Habit{"celsius", "degC"}};
  const std::string lower = to_lower_ascii(text);
  for (const auto& unit : units_of(kind)) {
    if (to_lower_ascii(unit) == lower) {
      return std::string(unit);
    }
  }
  for (const auto& habit : kHabits) {
    if (lower == habit.written) {
      return std::string(habit.meant);
    }
  }
  std::vector<std::string> candidates;
  for (const auto& unit : units_of(kind)) {
    candidates.emplace_back(unit);
  }
  return did_you_mean(text, candidates);
}

// The kind that has this dimension, for "this is a time".
const KindRow* kind_of(const UnitDimension& dimension) {
  for (const auto& row : kKinds) {
    if (known_unit(row.units[0]).dimension == dimension) {
      return &row;
    }
  }
  return nullptr;
}

std::string expected(const KindRow& row) {
  return fmt::format("expected {} {} such as \"{}\"", row.info.article, row.info.name,
                     row.info.example);
}

// `x` with `digits` significant digits, trailing zeros dropped, its decimal point moved by `shift`.
std::string shifted_text(double x, int digits, int shift) {
  if (x == 0) {
    return "0";
  }
  std::string text = fmt::format("{:.{}e}", std::fabs(x), digits - 1);
  const auto e = text.find('e');
  int exponent = std::stoi(text.substr(e + 1)) + shift;
  std::string mantissa;
  for (const char c : text.substr(0, e)) {
    if (c != '.') {
      mantissa += c;
    }
  }
  mantissa.erase(std::max<std::size_t>(mantissa.find_last_not_of('0') + 1, 1));
  std::string result = x < 0 ? "-" : "";
  if (exponent < -6 || exponent > 15) {
    result += mantissa.substr(0, 1);
    if (mantissa.size() > 1) {
      result += "." + mantissa.substr(1);
    }
    return result + fmt::format("e{}", exponent);
  }
  if (exponent < 0) {
    const auto zeros = static_cast<std::size_t>(-exponent) - 1;
    return result + "0." + std::string(zeros, '0') + mantissa;
  }
  const auto whole = static_cast<std::size_t>(exponent) + 1;  // digits before the point
  if (mantissa.size() <= whole) {
    return result + mantissa + std::string(whole - mantissa.size(), '0');
  }
  return result + mantissa.substr(0, whole) + "." + mantissa.substr(whole);
}

// The units of a kind in which the value has one to three digits before its point; where there is
// none, the nearest one.
std::vector<std::string_view> fitting_units(double value, QuantityKind kind) {
  const auto units = units_of(kind);
  std::vector<std::string_view> fitting;
  for (const auto& text : units) {
    const Unit unit = known_unit(text);
    const double x = std::fabs(value) / unit.factor / std::pow(10.0, unit.exponent);
    if (x > 0.99999999 && x < 1000) {
      fitting.push_back(text);
    }
  }
  if (fitting.empty()) {
    const Unit largest = known_unit(units.front());
    const bool too_large = std::fabs(value) / largest.factor >= std::pow(10.0, largest.exponent);
    // A zero is written in the largest unit that people expect.
    fitting.push_back(too_large || value == 0 ? units.front() : units.back());
  }
  return fitting;
}

}  // namespace

const QuantityKindInfo& info(QuantityKind kind) { return row_of(kind).info; }

tl::expected<double, UnitError> parse_quantity(std::string_view text, QuantityKind kind) {
  const KindRow& row = row_of(kind);
  text = trim(text);
  const std::string_view whole = text;
  const auto number = take_number(text);
  if (!number) {
    return tl::unexpected(
        UnitError{fmt::format("`{}` does not start with a number; {}", whole, expected(row)), {}});
  }
  const auto number_text = whole.substr(0, whole.size() - text.size());
  text = trim(text);
  std::string_view bad;
  const auto unit = parse_unit(text, bad);
  if (!unit) {
    auto nearest = nearest_unit(text, kind);
    return tl::unexpected(
        UnitError{fmt::format("`{}` is not a unit; {}", bad.empty() ? text : bad, expected(row)),
                  nearest ? std::optional(with_unit(number_text, *nearest)) : std::nullopt});
  }
  const UnitDimension wanted = known_unit(row.units[0]).dimension;
  if (unit->dimension != wanted) {
    if (text.empty()) {
      return tl::unexpected(UnitError{fmt::format("no unit; {}", expected(row)), {}});
    }
    const KindRow* found = kind_of(unit->dimension);
    return tl::unexpected(UnitError{
        found != nullptr && found->info.kind != QuantityKind::number
            ? fmt::format("this is {} {}; {}", found->info.article, found->info.name, expected(row))
            : fmt::format("`{}` is another kind of unit; {}", text, expected(row)),
        {}});
  }
  if (text == "%" && kind != QuantityKind::fraction) {
    return tl::unexpected(UnitError{fmt::format("this is a fraction; {}", expected(row)), {}});
  }
  const auto value = scaled_value(*number, *unit);
  if (!value) {
    return tl::unexpected(UnitError{fmt::format("`{}` is too large or too small", whole), {}});
  }
  return *value;
}

std::string quantity_text(double value, QuantityKind kind) {
  std::string best;
  for (const auto& unit_text : fitting_units(value, kind)) {
    const Unit unit = known_unit(unit_text);
    for (int digits = 1; digits <= 17; ++digits) {
      const std::string text =
          with_unit(shifted_text(value / unit.factor, digits, -unit.exponent), unit_text);
      if (parse_quantity(text, kind) == value) {
        if (best.empty() || text.size() < best.size()) {
          best = text;
        }
        break;
      }
    }
  }
  if (best.empty()) {
    // A factor like 3600 can have no decimal that comes back to this very double: seventeen digits.
    const auto unit_text = fitting_units(value, kind).front();
    const Unit unit = known_unit(unit_text);
    best = with_unit(shifted_text(value / unit.factor, 17, -unit.exponent), unit_text);
  }
  return best;
}

std::string rounded_text(double value, QuantityKind kind, int digits) {
  const bool is_whole = value == std::floor(value) && std::fabs(value) < 1e15;
  if (is_whole && (kind == QuantityKind::count || kind == QuantityKind::number)) {
    return fmt::format("{:.0f}", value);
  }
  std::string best;
  double best_error = 0;
  for (const auto& unit_text : fitting_units(value, kind)) {
    const Unit unit = known_unit(unit_text);
    const std::string text =
        with_unit(shifted_text(value / unit.factor, digits, -unit.exponent), unit_text);
    const auto back = parse_quantity(text, kind);
    const double error = back ? std::fabs(*back - value) : 0;
    if (best.empty() || error < best_error) {
      best = text;
      best_error = error;
    }
  }
  return best;
}

}  // namespace churon
