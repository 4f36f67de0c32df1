#pragma once

#include <span>

#include "cli/verb.h"

namespace churon::cli {

// Every verb there is, in the order of `churon --help`.
std::span<const Verb> verbs();

}  // namespace churon::cli
