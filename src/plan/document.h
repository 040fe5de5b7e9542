// A whole plan: what is done around the container's first process, then that process's list. Written for
// people and, with the same facts, as JSON for programs.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "plan/program.h"

namespace tare::plan {

/// What tare does itself.
struct HostStep {
  enum class What {
    pull,            ///< path: an image's name
    unpack,          ///< path: a tarball, into the store
    look_up,         ///< value: a user or group, in the root file system
    take_name,       ///< path: where it is kept; without a value: a name of tare's choice, in that directory
    copy_owner,      ///< path: gets owner, mode and times of the directory `value`
    make_volume,     ///< path: its data's directory; value: its name
    fill_volume,     ///< path: its data's directory; value: what of the root file system is copied into it
    make_directory,  ///< path
    write_file,      ///< path; value: the whole text
    make_cgroup,     ///< path: in a hierarchy
    start_unit,      ///< path: the cgroup that systemd makes for it; value: its name; why: its properties
    write_cgroup,    ///< path: of a file; value; why
    filter_devices,  ///< path: of a cgroup v2; value: the rules of its program, in order
    load_profile,    ///< value: an AppArmor profile, into the kernel
    start_monitor,   ///< path: the cgroup of its own that it is in, if any; value: the file that 0 is written
                     ///< to for that, or it is born there
    join_at_birth,   ///< path: the cgroup v2 in which the container's first process is born
    listen,          ///< path: of the socket on which the monitor listens
    move_device,     ///< path: a network device of the host's; value: its name in the container
    run_hook,        ///< path: of the program; value: its command line; why: which one, and where
  };
  What what{};
  std::string path = {}, value = {}, why = {};
  std::string other_path = {},
              other_value = {};  ///< write_cgroup: where the kernel lacks `path`; empty: none
  bool optional = false;         ///< write_cgroup: nothing is lost where the kernel lacks the file
};

struct Document {
  std::vector<HostStep> host;  ///< before there is a process
  Program program;
  std::vector<HostStep> before_start = {};  ///< when it is ready, before it executes its command
  std::vector<HostStep> hooks = {};         ///< each at its own point
};

enum class Format { text, json };
/// "" and "text", or "json"; throws Error{invalid}.
Format parse_format(const std::string& text);
std::string print(const Document& document, Format format);

/// A line for each step.
std::string print(const Document& document);

/// {"host": [{"operation", "path", "value", "why", "words"}...], "open": [{"what", "path", "words"}...],
///  "namespaces": ["pid"...], "id_maps": {"uid", "gid"}, "init": [{"operation", ..., "words"}...],
///  "before_start", "hooks": as "host"}; operations and their fields are named as in operations.h, numbers of
///  the kernel by the names that it has for them.
json::value to_json(const Document& document);
json::object to_json(const Program& program);

}  // namespace tare::plan
