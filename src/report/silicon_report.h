// What `churon silicon` says: area by block, power by consumer and state, what the floorplan comes
// to. The picture is floorplan_svg.h.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "chip/chip.h"
#include "report/format.h"
#include "silicon/area.h"
#include "silicon/floorplan.h"
#include "silicon/power.h"

namespace churon::report {

struct SiliconRecord {
  chip::Chip chip;
  silicon::AreaBudget area;
  std::vector<silicon::PowerEstimate> power;  // every phase in every state
  silicon::HeatLimit heat;
  silicon::Floorplan floorplan;
};

std::string silicon_text(const SiliconRecord& record, Charset charset);
Json silicon_json(const SiliconRecord& record);

}  // namespace churon::report
