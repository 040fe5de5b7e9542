// Mounts and files of the container's root, from the operations of its first process.
#pragma once

#include <map>

#include "plan/program.h"
#include "script/text.h"

namespace tare::script {

class Mounts {
 public:
  Mounts(Text& text, const plan::Program& program) : text_(text), program_(program) {}
  /// False: it is no operation on mounts or files.
  bool write(const plan::Entry& entry);

 private:
  struct Mount {
    std::string command;  ///< all but the target
    std::string source;   ///< a bind's, as a word; empty: a directory it is
    std::string options;  ///< for a remount: "bind,ro"; empty: none
    bool recursive = false;
    std::string what;    ///< for people
    std::string target;  ///< in the container's root, once it is attached
  };
  Mount& mount_of(std::int32_t slot);
  void make(const plan::Entry& entry);
  std::string options_of(const plan::Entry& entry, std::string& source);
  std::string directories_of(std::string_view list);
  void attach(const plan::Entry& entry);
  void set_attributes(const plan::Entry& entry);
  void make_node(const plan::Entry& entry);
  void put(Mount& mount, const std::string& target);
  void remount(const Mount& mount, const std::string& options, bool recursive, std::string_view why);
  /// Words in front of a command that make "$at" this path of the root; none where it is that already.
  std::string go_to(const std::string& path, std::uint32_t flags);

  Text& text_;
  const plan::Program& program_;
  std::map<std::int32_t, Mount> mounts_;
  std::map<std::int32_t, std::string> directories_;
  std::string at_;
  int links_ = 0;
};

/// Where a bind is taken from: with a user namespace the host's root has put it where the container's finds
/// it.
std::string bind_source(const Text& text, const plan::Program& program, const plan::Input& input);
/// It was put there.
bool is_staged(const Text& text, const plan::Program& program, const plan::Input& input);

}  // namespace tare::script
