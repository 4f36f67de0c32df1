// Runs a parsed template.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "model/jinja_ast.h"
#include "model/jinja_runtime.h"

namespace churon::model::jinja {

using Variables = std::vector<std::pair<std::string, Value>>;

// The text that the template makes of the variables. Throws TemplateError (jinja_value.h).
Text render(const Template& parsed, Variables variables, Runtime& runtime);

}  // namespace churon::model::jinja
