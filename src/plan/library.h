// A shared library opened when it is first needed: solvers are large, and the other verbs should
// not wait for their loading.
#pragma once

#include <string>

namespace churon::plan {

class Library {
 public:
  // Stays open until the process ends.
  explicit Library(const std::string& path);

  // What the system says where the library cannot be opened or a symbol is missing; else empty.
  [[nodiscard]] const std::string& error() const { return error_; }

  // Sets `function` to the symbol of that name.
  template <typename Function>
  void bind(Function& function, const char* name) {
    function = reinterpret_cast<Function>(symbol(name));
  }

 private:
  void* symbol(const char* name);

  void* handle_ = nullptr;
  std::string error_;
};

}  // namespace churon::plan
