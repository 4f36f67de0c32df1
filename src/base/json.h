// JSON documents keep the order in which keys were written. `dump_json` never throws: bytes that
// are not UTF-8 become U+FFFD.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace churon {

using Json = nlohmann::ordered_json;

// A document as every verb prints it: {"schema": "churon.<verb>", "schema_version": 1,
// "tool_version": …} and what the caller adds.
Json json_document(std::string_view verb);

std::string dump_json(const Json& json);

}  // namespace churon
