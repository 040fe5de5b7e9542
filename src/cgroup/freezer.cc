#include "cgroup/freezer.h"

#include <ctime>

#include "base/error.h"
#include "base/format.h"
#include "cgroup/text.h"
#include "sys/file.h"

namespace tare::cgroup {
namespace {

constexpr int patience_ms = 10'000;

// What is written to freeze and to thaw, and what then says that it is so.
struct Freezer {
  const char *file, *frozen, *thawed, *witness, *field;
};
constexpr Freezer v1{"freezer.state", "FROZEN", "THAWED", "freezer.state", nullptr};
constexpr Freezer v2{"cgroup.freeze", "1", "0", "cgroup.events", "frozen"};

struct Found {
  const Freezer* freezer = nullptr;
  sys::UniqueFd directory;
};

Found find_freezer(const Layout& layout, const std::string& path) {
  const Hierarchy* list = layout.find("freezer");
  const Hierarchy* hierarchy = list ? list : layout.unified();
  if (!hierarchy) return {};
  sys::UniqueFd directory =
      sys::try_open_at(sys::here, hierarchy->mount.value + path, O_RDONLY | O_DIRECTORY);
  const Freezer& freezer = hierarchy->unified ? v2 : v1;
  if (!directory || !sys::exists(directory, freezer.file)) return {};
  return {&freezer, std::move(directory)};
}

bool is_frozen(const Found& found) {
  const auto text = sys::try_read_file(found.directory, found.freezer->witness);
  if (!text) return true;  // nobody is left
  return found.freezer->field ? number_of(*text, found.freezer->field) == 1U
                              : trimmed(*text) == found.freezer->frozen;
}

}  // namespace

void freeze(const Layout& layout, const std::string& path) {
  const Found found = find_freezer(layout, path);
  if (!found.freezer) throw Error(ErrorKind::unsupported, "no cgroup here can be frozen");
  for (int waited = 0; waited < patience_ms; waited++) {
    // v1 gives up on a process that was busy forking, and has to be asked again.
    sys::write_to(found.directory, found.freezer->file, found.freezer->frozen);
    if (is_frozen(found)) return;
    const timespec pause{.tv_sec = 0, .tv_nsec = 1'000'000};
    ::nanosleep(&pause, nullptr);
  }
  thaw(layout, path);
  throw Error(ErrorKind::system, "its processes cannot be frozen: one of them waits for the kernel");
}

void thaw(const Layout& layout, const std::string& path) {
  const Found found = find_freezer(layout, path);
  if (found.freezer) sys::try_write_to(found.directory, found.freezer->file, found.freezer->thawed);
}

std::string freezer_file(const Layout& layout, const std::string& path) {
  const Hierarchy* list = layout.find("freezer");
  const Hierarchy* hierarchy = list ? list : layout.unified();
  if (!hierarchy || !hierarchy->writable) return {};
  return format("{}{}/{}", hierarchy->mount.value, path, (hierarchy->unified ? v2 : v1).witness);
}

bool says_frozen(std::string_view text) {
  return trimmed(text) == v1.frozen || number_of(text, v2.field) == 1U;
}

}  // namespace tare::cgroup
