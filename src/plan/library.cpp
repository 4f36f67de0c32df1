#include "plan/library.h"

#include <dlfcn.h>

namespace churon::plan {

namespace {

std::string last_error() {
  const char* text = ::dlerror();
  return text == nullptr ? "" : text;
}

}  // namespace

Library::Library(const std::string& path) : handle_(::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
  if (handle_ == nullptr) {
    error_ = last_error();
  }
}

Library::Symbol Library::symbol(const char* name) {
  void* found = handle_ == nullptr ? nullptr : ::dlsym(handle_, name);
  if (found == nullptr && error_.empty()) {
    error_ = last_error();
  }
  return {found};
}

}  // namespace churon::plan
