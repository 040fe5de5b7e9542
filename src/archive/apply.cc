#include "archive/apply.h"

#include <algorithm>
#include <cerrno>
#include <sys/statvfs.h>

#include "archive/tar_reader.h"
#include "archive/tree_writer.h"
#include "base/error.h"
#include "base/format.h"

namespace tare::archive {
namespace {

// How far the disk may fill up between two looks at it, and what stays free for everyone else.
constexpr Bytes look_every = 64 << 20;
constexpr std::uint64_t reserve_limit = 1 << 30;

std::string size_text(Bytes size) {
  constexpr std::string_view units[] = {"", "K", "M", "G", "T"};
  std::size_t unit = 0;
  while (unit + 1 < std::size(units) && size >= 1024 && size % 1024 == 0) size /= 1024, unit++;
  return format("{}{}", size, units[unit]);
}

/// Stops a stream that would fill the disk.
class Guard {
 public:
  Guard(const TarStream& stream, sys::Fd root, const Limits& limits)
      : stream_(stream), root_(root), limits_(limits) {}

  void check_size() {
    const Bytes unpacked = stream_.tar_bytes();
    if (unpacked > limits_.unpacked)
      throw Error(ErrorKind::invalid,
                  format("larger than the limit of {} when unpacked", size_text(limits_.unpacked)), 0,
                  "raise it with TARE_UNPACK_LIMIT=SIZE");
    if (unpacked < next_look_) return;
    next_look_ = unpacked + look_every;
    check_disk();
  }

  void check_entries(std::uint64_t entries) const {
    if (entries > limits_.entries)
      throw Error(ErrorKind::invalid, format("more than the limit of {} files", limits_.entries));
  }

 private:
  void check_disk() const {
    struct statvfs disk;
    if (::fstatvfs(root_.number(), &disk) != 0) return;
    const std::uint64_t reserve = std::min<std::uint64_t>(reserve_limit, disk.f_blocks * disk.f_frsize / 50);
    if (disk.f_bavail * disk.f_frsize < reserve)
      throw system_error(ENOSPC, format("stopped after {} bytes", stream_.tar_bytes()),
                         format("the last {} MiB of the disk are kept free", reserve >> 20));
  }

  const TarStream& stream_;
  sys::Fd root_;
  const Limits& limits_;
  Bytes next_look_ = look_every;
};

}  // namespace

void apply_tar(TarStream& stream, sys::Fd root, const Limits& limits, const MarkTrusted& mark_trusted) {
  Guard guard(stream, root, limits);
  TarReader reader(stream, [&] { guard.check_size(); });
  TreeWriter writer(root, limits, mark_trusted);
  Entry entry;
  std::uint64_t entries = 0;
  while (reader.next(entry)) {
    Step step("entry", entry.name.substr(0, 255));
    guard.check_entries(++entries + writer.implied_directories());
    writer.write(entry, reader);
  }
  writer.finish();
  // The digest is of the whole stream, the padding after the last entry too.
  while (!stream.read().empty()) guard.check_size();
}

}  // namespace tare::archive
