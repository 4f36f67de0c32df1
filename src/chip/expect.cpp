#include <fmt/format.h>

#include <cmath>

#include "chip/formulas.h"
#include "chip/semantics.h"

namespace churon::chip {

namespace {

double plain(double value) { return value; }
double plain(std::int64_t value) { return static_cast<double>(value); }
template <Dimension D>
double plain(Quantity<D> value) {
  return value.value();
}

}  // namespace

Diagnostics broken_expectations(const Chip& chip, const Places& places, const Texts& texts) {
  Diagnostics found;
  if (!chip.expect) {
    return found;
  }
  const Expect& expect = *chip.expect;
  const auto compare = [&](std::string_view key, const auto& stated,
                           const std::optional<Figure>& figure) {
    if (!stated) {
      return;
    }
    const auto place = places.find(fmt::format("expect.{}", key));
    const double value = plain(*stated);
    if (figure && std::fabs(figure->value - value) <= expect.tolerance * std::fabs(value)) {
      return;
    }
    Diagnostic diagnostic{
        .code = "C0601",
        .message = figure ? fmt::format("the description amounts to another {}", figure->name)
                          : fmt::format("`{}` is expected, and nothing gives it", key)};
    if (place != places.end()) {
      diagnostic.span = texts.span(
          place->second,
          figure ? fmt::format("it gives {}", rounded_text(figure->value, figure->kind, 5)) : "");
    }
    if (figure) {
      diagnostic.notes.push_back(
          fmt::format("{} = {}", figure->formula, rounded_text(figure->value, figure->kind, 5)));
      diagnostic.notes.push_back(fmt::format("{:+.2f} %, allowed is {:g} %",
                                             (figure->value / value - 1) * 100,
                                             expect.tolerance * 100));
    }
    found.push_back(std::move(diagnostic));
  };
  compare("cores", expect.cores, cores_figure(chip));
  compare("macs_per_cycle", expect.macs_per_cycle, macs_figure(chip));
  compare("peak_int8", expect.peak_int8, peak_figure(chip, numeric::BlockFormat::q8_0));
  compare("peak_w4", expect.peak_w4, peak_figure(chip, numeric::BlockFormat::q4_0));
  compare("memory_bandwidth", expect.memory_bandwidth, bandwidth_figure(chip));
  compare("memory_capacity", expect.memory_capacity, capacity_figure(chip));
  compare("scratch", expect.scratch, scratch_figure(chip));
  compare("link_bandwidth", expect.link_bandwidth, link_figure(chip));
  compare("die_area", expect.die_area, die_figure(chip));
  return found;
}

}  // namespace churon::chip
