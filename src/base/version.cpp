#include "base/version.h"

namespace churon {

const char* const kVersion = CHURON_VERSION;

}  // namespace churon
