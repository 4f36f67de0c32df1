// What a chip did, read from a document: the phases of `churon run --json`, or one object
// {"time_s": …, "activity": {"mac_int8_count": …}}.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/quantity.h"
#include "base/result.h"
#include "stats/activity.h"

namespace churon::silicon {

struct RecordedActivity {
  std::string name;  // "decode"
  Seconds time;      // above zero
  stats::Activity activity;
};

// Of the chip in the document whose id is `chip`, else of its first. Errors: those of reading
// the file; A0401 (no such document), A0402 (a count that is none or negative, no time).
Result<std::vector<RecordedActivity>> read_activities(const std::string& path,
                                                      std::string_view chip);

}  // namespace churon::silicon
