#include "estimate/term.h"

#include <string_view>

namespace churon::estimate {

namespace {

const Term* at_path(const Term& term, std::string_view path) {
  for (const Term& child : term.children) {
    if (child.key == path) {
      return &child;
    }
    if (path.starts_with(child.key) && path.size() > child.key.size() &&
        path[child.key.size()] == '.') {
      return at_path(child, path.substr(child.key.size() + 1));
    }
  }
  return nullptr;
}

const Term* at_any_depth(const Term& term, std::string_view key) {
  if (term.key == key) {
    return &term;
  }
  for (const Term& child : term.children) {
    if (const Term* found = at_any_depth(child, key)) {
      return found;
    }
  }
  return nullptr;
}

}  // namespace

const Term* find(const Term& root, std::string_view key) {
  const Term* found = at_path(root, key);
  return found != nullptr ? found : at_any_depth(root, key);
}

}  // namespace churon::estimate
