// Makes entries beneath a directory by descriptors: no name leads outside, whatever was laid there before.
#pragma once

#include <string>

#include "archive/apply.h"
#include "archive/entry_path.h"
#include "archive/tar_reader.h"
#include "sys/unique_fd.h"

namespace tare::archive {

/// One directory is held open at a time, the last entry's parent. Its modification time is taken when it is
/// opened and set again when it is left, so nothing needs to be remembered for the end.
class TreeWriter {
 public:
  /// All of them outlive it.
  TreeWriter(sys::Fd root, const Limits& limits, const MarkTrusted& mark_trusted)
      : root_(root), limits_(limits), mark_trusted_(mark_trusted) {}

  /// `contents` stands at this entry. Throws Error{invalid} for what is refused, the kernel's error else.
  void write(const Entry& entry, TarReader& contents);
  /// After the last entry.
  void finish() { leave_parent(); }

  /// How many directories were made that had no entry of their own yet.
  std::uint64_t implied_directories() const { return implied_directories_; }

 private:
  void enter_parent(const std::string& path);
  void leave_parent();
  sys::UniqueFd make_parents(const std::string& path);
  void clear_way();

  bool makes_marks() const { return limits_.whiteouts != Whiteouts::ordinary; }
  bool remove_mark(sys::Fd directory, const std::string& name);
  void mark_opaque(sys::Fd directory);
  void write_whiteout(const std::string& hidden);

  void write_root(const Entry& entry, TarReader& contents);
  void write_file(const Entry& entry, TarReader& contents);
  void write_directory(const Entry& entry, TarReader& contents);
  void write_hard_link(const Entry& entry);
  void write_symlink(const Entry& entry, TarReader& contents);
  void write_node(const Entry& entry, TarReader& contents);

  sys::Fd root_;
  const Limits& limits_;
  const MarkTrusted& mark_trusted_;
  EntryPath path_, target_;  ///< of the current entry
  struct Parent {
    std::string path;
    sys::UniqueFd fd;
    timespec times[2]{};
    bool stale = false;  ///< something was replaced, so that `path` may lead elsewhere now
  } parent_;
  std::uint64_t implied_directories_ = 0;
};

}  // namespace tare::archive
