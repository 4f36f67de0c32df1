// Values with units as people write them in files: "1.25 GHz", "4 MiB", "9.2 Gb/s", "4.0 pJ/bit",
// "0.08 USD/kWh". A unit is a product or quotient of symbols with SI or binary prefixes; its
// decimal power is folded into the digits before they are read, so that "0.7 us" is the double
// nearest to 7e-7. Values are in the base unit of base/quantity.h: seconds, bytes, cycles,
// operations, joules, dollars, metres; besides those volts, kelvins (degC for temperatures) and
// degrees of angle.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/quantity.h"
#include "base/result.h"

namespace churon {

// One number and a tag, for the few quantities that no formula multiplies with others.
template <typename Tag>
class Measure {
 public:
  constexpr Measure() = default;
  constexpr explicit Measure(double value) : value_(value) {}
  [[nodiscard]] constexpr double value() const { return value_; }
  constexpr auto operator<=>(const Measure&) const = default;

 private:
  double value_ = 0;
};
using Volts = Measure<struct VoltsTag>;
using Celsius = Measure<struct CelsiusTag>;
using KelvinPerWatt = Measure<struct KelvinPerWattTag>;
using Degrees = Measure<struct DegreesTag>;  // of an angle

using BytesPerSquareMetre = Quantity<Dimension{.byte = 1, .metre = -2}>;
using WattsPerSquareMetre = Quantity<Dimension{.second = -1, .joule = 1, .metre = -2}>;
using PerSquareMetre = Quantity<Dimension{.metre = -2}>;
using DollarsPerSquareMetre = Quantity<Dimension{.dollar = 1, .metre = -2}>;
using DollarsPerJoule = Quantity<Dimension{.joule = -1, .dollar = 1}>;
using DollarsPerSecond = Quantity<Dimension{.second = -1, .dollar = 1}>;

// What a value in a file can be a quantity of. `unit.cpp` has a row for each: its dimension, the
// units it is printed in and an example.
enum class QuantityKind {
  number,              // no unit
  fraction,            // "80 %" or 0.8
  count,               // a whole number without unit
  frequency,           // cycles per second: "1.25 GHz"
  time,                // "50 us"
  cycles,              // "9 cycles"
  size,                // bytes: "4 MiB", "36 GB"
  width,               // of a bus, in bits: "32 bit"; the value is in bytes
  bandwidth,           // bytes per second: "800 GB/s"
  bit_rate,            // printed in bits: "9.2 Gb/s"; the value is in bytes per second
  port,                // bytes per cycle: "64 B/cycle"
  operations,          // per second: "5.24 POPS", "989 TFLOPS"
  length,              // "27.8 mm"
  area,                // "364 mm2"
  density,             // of memory: "3.4 MiB/mm2"
  power,               // "800 W"
  power_density,       // "0.085 W/mm2"
  energy,              // of one action: "0.11 pJ"
  energy_per_byte,     // "1.0 pJ/B"
  energy_per_bit,      // printed per bit: "4.0 pJ/bit"; the value is per byte
  voltage,             // "0.7 V"
  temperature,         // "75 degC"
  thermal_resistance,  // "0.025 K/W"
  angle,               // "180 deg"
  defects,             // per area: "0.10 /cm2"
  money,               // "600 USD"
  money_per_area,      // "0.40 USD/mm2"
  money_per_energy,    // "0.08 USD/kWh"
  money_per_power,     // and year: "1560 USD/kW/year"; the same dimension
  money_per_time,      // "2.00 USD/h"
};

struct QuantityKindInfo {
  QuantityKind kind;
  std::string_view name;     // "frequency", as in "expected a frequency such as …"
  std::string_view article;  // "a", "an"
  std::string_view example;  // "1.25 GHz"
};
const QuantityKindInfo& info(QuantityKind kind);

// Why a text is not a quantity of the kind that was expected.
struct UnitError {
  std::string message;                    // "`GHZ` is not a unit", "this is a time, …"
  std::optional<std::string> suggestion;  // a text that would be right: "1.25 GHz"
};

// The value in base units.
tl::expected<double, UnitError> parse_quantity(std::string_view text, QuantityKind kind);

// The shortest text that `parse_quantity` reads as the same double.
std::string quantity_text(double value, QuantityKind kind);

// Rounded to `digits` significant digits, in the unit that suits the size: for people.
std::string rounded_text(double value, QuantityKind kind, int digits = 4);

}  // namespace churon
