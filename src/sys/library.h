// A shared library that is opened when it is first needed: who does not need it pays nothing for it.
#pragma once

#include <string>

namespace tare::sys {

/// Stays open until the process ends. To be opened before any namespace is entered: what lies at its path
/// there is not the host's.
class Library {
 public:
  /// Throws Error{unsupported} saying that `what_for` needs it; `hint` says what to do.
  Library(const std::string& name, std::string_view what_for, const std::string& hint);

  /// Throws Error{unsupported} when the library has no such function.
  template <typename Function>
  void find(const char* name, Function*& function) const {
    function = reinterpret_cast<Function*>(find_symbol(name));
  }

 private:
  void* find_symbol(const char* name) const;

  std::string name_, what_for_;
  void* handle_;
};

}  // namespace tare::sys
