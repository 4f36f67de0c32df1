// What `churon silicon` says: area by block, power by consumer and state, what the floorplan comes
// to. The picture is floorplan_svg.h.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "chip/chip.h"
#include "report/format.h"
#include "silicon/activity_file.h"
#include "silicon/area.h"
#include "silicon/floorplan.h"
#include "silicon/power.h"

namespace churon::report {

// What a recorded activity takes on this chip at this node.
struct ActivityRecord {
  silicon::RecordedActivity recorded;
  silicon::ActivityPower power;
};

struct SiliconRecord {
  chip::Chip chip;
  silicon::AreaBudget area;
  std::vector<silicon::PowerEstimate> power;  // every phase in every state
  silicon::HeatLimit heat;
  silicon::Floorplan floorplan;
  std::vector<ActivityRecord> activities;  // of --activity
};

std::string silicon_text(const SiliconRecord& record, Charset charset);
Json silicon_json(const SiliconRecord& record);

}  // namespace churon::report
