// A roofline: operations per second against operations per byte of memory, the roofs of a chip and
// what operators reach under them (Williams, Waterman, Patterson, CACM 2009).
#pragma once

#include <string>
#include <vector>

#include "report/format.h"

namespace churon::report {

struct Roof {
  std::string name;  // "fp8"
  double operations_per_s = 0;
};

struct RooflinePoint {
  std::string name;             // "attn_qkv"
  std::string phase;            // "decode"; points of a phase share a marker
  double intensity = 0;         // operations per byte
  double operations_per_s = 0;  // expected
};

struct Roofline {
  std::string title;
  double bytes_per_s = 0;
  std::vector<Roof> roofs;  // any order
  std::vector<RooflinePoint> points;
};

// A picture of `width` by `height` characters, and a table of the points below it.
std::string roofline_text(const Roofline& roofline, Charset charset, int width = 72,
                          int height = 20);
std::string roofline_svg(const Roofline& roofline);

}  // namespace churon::report
