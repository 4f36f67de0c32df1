#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace churon {

void check_failed(const std::string& values, std::source_location where) {
  std::fprintf(stderr, "churon: internal error at %s:%u (%s):%s\nPlease report this.\n",
               where.file_name(), where.line(), where.function_name(), values.c_str());
  std::abort();
}

}  // namespace churon
