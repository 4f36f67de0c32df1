// A tree of terms as a text (`--explain`) and as JSON.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "estimate/term.h"
#include "report/format.h"

namespace churon::report {

// One line a term: key, value, what it is, formula or source. `depth_max` 0: the term alone.
std::string explanation_text(const estimate::Term& term, Charset charset, int depth_max = 16);
Json explanation_json(const estimate::Term& term);
// The document of an explanation that is a text: "key", "text".
Json explanation_json(std::string_view key, std::string_view text);

// "48.2 µs", "1.98 Pop/s", "82 %" where the unit is "1".
std::string term_value(const estimate::Term& term, Charset charset);

}  // namespace churon::report
