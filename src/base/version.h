#pragma once

namespace churon {

extern const char* const kVersion;

}  // namespace churon
