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
    std::string options;  ///< for a remount: "bind,ro"; empty: none
    bool recursive = false;
    bool of_file = false;      ///< not known to be a directory
    std::string what, target;  ///< for people; a word, once it is attached
  };
  Mount& mount_of(std::int32_t slot);
  void put(Mount& mount, const std::string& target, const std::string& shown);
  void remount(const Mount& mount, const std::string& options, bool recursive, std::string_view why);

  Text& text_;
  const plan::Program& program_;
  std::map<std::int32_t, Mount> mounts_;
  std::map<std::int32_t, std::string> directories_;
};

}  // namespace tare::script
