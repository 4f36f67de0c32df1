#include "base/json.h"

#include "base/version.h"

namespace churon {

Json json_document(std::string_view verb) {
  return Json{
      {"schema", "churon." + std::string(verb)}, {"schema_version", 1}, {"tool_version", kVersion}};
}

std::string dump_json(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace churon
