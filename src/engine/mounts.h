// What a user mounts into a container: `-v`, `--mount`, `--tmpfs` and `--volumes-from`, and the readers of
// their values (pure).
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "base/types.h"

namespace tare::engine {

/// A file or directory of the host's, or a volume.
struct Bind {
  std::string source;  ///< as given; of a volume: where its data lies, once it is there (prepare_volumes)
  ContainerPath destination;
  std::vector<std::string> options;
  bool must_exist = false;  ///< not made where the host has none
  bool is_volume = false;
  bool anonymous = false;           ///< a volume that goes with its container
  std::string volume;               ///< its name; of an anonymous one, once it is there
  bool copies_up = true;            ///< an empty volume gets what the root file system has in that place
  std::vector<std::string> labels;  ///< "key=value", of a volume that is made for it
};

struct Tmpfs {
  ContainerPath destination;
  std::vector<std::string> options;
};

/// `CONTAINER[:ro|rw]`
struct VolumesFrom {
  std::string container;
  bool read_only = false;
};

/// All throw Error{invalid} that names what is wrong with the text, in docker's words.

/// `-v [SOURCE:]DESTINATION[:OPTIONS]`: SOURCE is a host path that starts with /, ./ or ../, or the name of a
/// volume; without one the volume is anonymous.
Bind parse_bind(const std::string& text);
/// `--mount type=bind|volume|tmpfs,…`
std::variant<Bind, Tmpfs> parse_mount(const std::string& text);
/// `--tmpfs DESTINATION[:OPTIONS]`
Tmpfs parse_tmpfs(const std::string& text);
VolumesFrom parse_volumes_from(const std::string& text);

/// An absolute path in the container as docker reads it: `.`, `..` and doubled slashes are gone before
/// anything looks at the container's files. `what` names it in the error.
ContainerPath plain_path(const std::string& what, const std::string& path);

/// Throws Error{invalid}.
void check_volume_name(const std::string& name);

/// Two in one place are refused.
void check_mount_points(const std::vector<Bind>& binds, const std::vector<Tmpfs>& tmpfs);

}  // namespace tare::engine
