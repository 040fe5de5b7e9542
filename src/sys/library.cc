#include "sys/library.h"

#include <dlfcn.h>

#include "base/error.h"
#include "base/format.h"

namespace tare::sys {

Library::Library(const std::string& name, std::string_view what_for, const std::string& hint)
    : name_(name), what_for_(what_for), handle_(::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL)) {
  if (!handle_)
    throw Error(ErrorKind::unsupported,
                format("{} needs the library {}, which cannot be loaded: {}", what_for_, name_, ::dlerror()),
                0, hint);
}

void* Library::find_symbol(const char* name) const {
  void* symbol = ::dlsym(handle_, name);
  if (!symbol)
    throw Error(ErrorKind::unsupported,
                format("{} needs a newer {}: this one has no {}", what_for_, name_, name));
  return symbol;
}

}  // namespace tare::sys
