// Whoever is asked for, whatever a container's /etc/passwd and /etc/group say: it is a user, or an Error. The
// input is the text of `--user`, one of `--group-add`, passwd and group, with NULs between them.
#include "engine/users.h"

#include <cstdlib>
#include <unistd.h>

#include "base/error.h"
#include "directory.h"
#include "runtime/config_json.h"

using namespace tare;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const WorkDirectory root;
  static const bool prepared = (sys::make_directory(root.fd(), "etc"), true);

  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto next = [&] {
    const std::size_t end = std::min(rest.find('\0'), rest.size());
    const std::string_view text = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return std::string(text);
  };
  const std::string user = next(), group = next();
  for (const char* file : {"etc/passwd", "etc/group"})
    if (prepared) sys::replace_file(root.fd(), file, next());
  try {
    oci::User by_number;
    runtime::set_user(by_number, user);
  } catch (const Error&) {
  }
  try {
    const engine::Identity found = engine::resolve_user(root.fd(), user, {group});
    if (found.user.uid == ~0U || found.user.gid == ~0U || !found.home.starts_with('/')) std::abort();
  } catch (const Error&) {
  }
  return 0;
}
