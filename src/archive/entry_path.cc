#include "archive/entry_path.h"

#include <cerrno>
#include <climits>

#include "base/error.h"
#include "base/format.h"

namespace tare::archive {

void resolve_name(std::string_view name, EntryPath& path) {
  if (name.empty()) throw Error(ErrorKind::invalid, "an entry without a name");
  // Nobody could open it by this name, neither here nor in the container.
  if (name.size() >= PATH_MAX)
    throw Error(ErrorKind::invalid,
                format("a name of {} bytes, and {} is the most", name.size(), PATH_MAX - 1), ENAMETOOLONG);
  std::string& plain = path.parent;
  plain.clear();
  while (!name.empty()) {
    const std::size_t slash = name.find('/');
    const std::string_view part = name.substr(0, slash);
    name.remove_prefix(slash == std::string_view::npos ? name.size() : slash + 1);
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (plain.empty()) throw Error(ErrorKind::invalid, "leads outside of the archive's root: refused");
      const std::size_t last = plain.find_last_of('/');
      plain.erase(last == std::string::npos ? 0 : last);
      continue;
    }
    if (!plain.empty()) plain += '/';
    plain += part;
  }
  const std::size_t last = plain.find_last_of('/');
  path.name.assign(plain, last == std::string::npos ? 0 : last + 1);
  plain.erase(last == std::string::npos ? 0 : last);
}

}  // namespace tare::archive
