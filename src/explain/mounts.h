// What is mounted in a container, and where it comes from.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "explain/container.h"

namespace tare::explain {

/// A line of /proc/PID/mountinfo (proc_pid_mountinfo(5)).
struct MountLine {
  int id = 0, parent = 0;
  std::string device;  ///< "254:0"
  std::string root;    ///< what of the file system is shown
  std::string where, type;
  std::vector<std::string> options, super_options;
};

/// Lines that are none are passed over (pure).
std::vector<MountLine> parse_mountinfo(std::string_view text);

/// What of the host's can be recognised.
struct KnownPlaces {
  std::vector<MountLine> host;      ///< what is mounted there
  HostPath volumes;                 ///< ROOT/volumes
  HostPath own_directory;           ///< the container's
  std::vector<std::string> layers;  ///< by our record, where the kernel has no more than descriptors
};

/// In the order of the kernel's list (pure).
std::vector<Mount> explain_mounts(const std::vector<MountLine>& lines, const KnownPlaces& places);

}  // namespace tare::explain
