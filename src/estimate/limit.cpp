#include "estimate/limit.h"

namespace churon::estimate {

std::string_view name(Limit limit) {
  switch (limit) {
    case Limit::compute:
      return "compute";
    case Limit::memory:
      return "memory";
    case Limit::vector:
      return "vector";
    case Limit::link:
      return "link";
    case Limit::fixed:
      return "fixed";
  }
  return "";
}

}  // namespace churon::estimate
