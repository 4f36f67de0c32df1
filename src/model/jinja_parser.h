// The grammar of templates, by recursive descent. Source: Jinja's documentation, "Template Designer
// Documentation", Expressions and List of Control Structures.
#pragma once

#include <string>

#include "model/jinja_ast.h"

namespace churon::model::jinja {

// Statements or operators nested in each other, at most.
inline constexpr int kSyntaxDepthMax = 128;

// Throws TemplateError (jinja_value.h).
Template parse(std::string source);

}  // namespace churon::model::jinja
