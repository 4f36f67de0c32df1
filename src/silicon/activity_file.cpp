#include "silicon/activity_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

namespace churon::silicon {

namespace {

constexpr std::uint64_t kFileMax = std::uint64_t{64} << 20;

Diagnostic wrong_document(const std::string& path, std::string why) {
  return {.code = "A0401",
          .message = fmt::format("{} holds no activity: {}", escape_control(path), why),
          .help = {R"(a document of `churon run --json`, or {"time_s": …, "activity": {…}})"}};
}

Diagnostic wrong_value(const std::string& path, std::string_view phase, std::string_view key,
                       std::string_view what) {
  return {.code = "A0402",
          .message = fmt::format("{}: `{}` of {} is {}", escape_control(path), escape_control(key),
                                 phase, what),
          .help = {"a finite number, not negative; time_s above zero"}};
}

std::string action_names() {
  std::vector<std::string> names;
  for (const stats::ActionEntry& entry : stats::actions()) {
    names.emplace_back(entry.name);
  }
  return join(names, ", ");
}

Result<RecordedActivity> read_one(const std::string& path, std::string name, const Json& from) {
  RecordedActivity made{.name = std::move(name), .time = Seconds{0}, .activity = {}};
  const auto number = [&](const Json& value) {
    const double found = value.is_number() ? value.get<double>() : -1;
    return std::isfinite(found) && found >= 0 ? std::optional(found) : std::nullopt;
  };
  const auto time = from.find("time_s");
  const auto seconds = time == from.end() ? std::nullopt : number(*time);
  if (!seconds || *seconds == 0) {
    return fail(wrong_value(path, made.name, "time_s", "no time"));
  }
  made.time = Seconds{*seconds};
  for (const auto& [key, value] : from["activity"].items()) {
    const auto entries = stats::actions();
    const auto entry =
        std::find_if(entries.begin(), entries.end(),
                     [&, k = std::string_view(key)](const auto& one) { return one.name == k; });
    if (entry == entries.end()) {
      Diagnostic unknown = wrong_value(path, made.name, key, "no action");
      unknown.help = {fmt::format("the actions are {}", action_names())};
      return fail(unknown);
    }
    const auto count = number(value);
    if (!count) {
      return fail(wrong_value(path, made.name, key, "no count"));
    }
    made.activity[entry->action] = *count;
  }
  return made;
}

bool has_activity(const Json& json) {
  return json.is_object() && json.contains("activity") && json["activity"].is_object();
}

// The object of the chip in a document of `run`, which has the first chip's fields at its top and
// others under `compare`; the document itself where no other is of that chip.
const Json* chip_of(const Json& document, std::string_view chip) {
  if (document.is_object() && document.contains("compare") && document["compare"].is_array()) {
    for (const Json& one : document["compare"]) {
      if (one.is_object() && one.contains("chip") && one["chip"] == chip) {
        return &one;
      }
    }
  }
  return &document;
}

}  // namespace

Result<std::vector<RecordedActivity>> read_activities(const std::string& path,
                                                      std::string_view chip) {
  const auto text = read_file(path, kFileMax);
  if (!text) {
    return fail(text);
  }
  const Json document = Json::parse(*text, nullptr, false);
  if (document.is_discarded()) {
    return fail(wrong_document(path, "it is not JSON"));
  }
  std::vector<RecordedActivity> found;
  const auto add = [&](std::string name, const Json& from) -> Result<void> {
    auto one = read_one(path, std::move(name), from);
    if (!one) {
      return fail(one);
    }
    found.push_back(std::move(*one));
    return {};
  };
  if (has_activity(document)) {
    if (auto added = add("activity", document); !added) {
      return fail(added);
    }
    return found;
  }
  const Json& one = *chip_of(document, chip);
  for (const char* phase : {"prefill", "decode"}) {
    if (one.is_object() && one.contains(phase) && has_activity(one[phase])) {
      if (auto added = add(phase, one[phase]); !added) {
        return fail(added);
      }
    }
  }
  if (found.empty()) {
    return fail(wrong_document(path, "no `activity` in it"));
  }
  return found;
}

}  // namespace churon::silicon
