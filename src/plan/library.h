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

  // An address that becomes a function of whatever type it is assigned to.
  struct Symbol {
    void* address = nullptr;
    template <typename Function>
    operator Function() const {  // NOLINT(google-explicit-constructor): that is what it is for
      return reinterpret_cast<Function>(address);
    }
  };
  Symbol symbol(const char* name);

 private:
  void* handle_ = nullptr;
  std::string error_;
};

}  // namespace churon::plan
