// The caps of a scenario against a plan's books: what stands at a site, what is paid, served,
// signed, drawn. Nothing here knows the program, so a cap that it forgets is found.
#pragma once

#include <string>
#include <vector>

#include "plan/ledger.h"

namespace churon::plan {

// What breaks a cap of the scenario in one future, by more than rounding; empty: nothing does.
std::vector<std::string> broken_caps(const Scenario& scenario, const Policy& policy,
                                     const Decisions& decisions, const Book& book,
                                     const Future& future);

}  // namespace churon::plan
