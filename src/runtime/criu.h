// criu(8), which saves processes in files and makes them again from those, through its library: a program of
// its own, found in PATH, does the work.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "base/types.h"
#include "sys/library.h"
#include "sys/unique_fd.h"

namespace tare::runtime {

/// An option of checkpoint and restore that is one of criu's as it stands.
struct CriuSwitch {
  std::string_view option;
  const char* setter;  ///< libcriu's function
};
inline constexpr CriuSwitch criu_switches[] = {
    {"tcp-established", "criu_set_tcp_established"}, {"tcp-skip-in-flight", "criu_set_tcp_skip_in_flight"},
    {"ext-unix-sk", "criu_set_ext_unix_sk"},         {"shell-job", "criu_set_shell_job"},
    {"file-locks", "criu_set_file_locks"},           {"link-remap", "criu_set_link_remap"},
    {"auto-dedup", "criu_set_auto_dedup"},
};

/// What is done about cgroups, as criu(8) has it; the numbers are libcriu's.
enum class CgroupTreatment { ignore = 0, soft = 3, full = 4, strict = 5 };
/// Throws Error{usage}.
CgroupTreatment parse_cgroup_treatment(const std::string& word);
/// The CLONE_NEW… flag of "network"; throws Error{usage}.
std::uint64_t parse_empty_namespace(const std::string& word);

/// What checkpoint and restore have in common.
struct CriuOptions {
  HostPath images;  ///< the directory of the saved state
  HostPath work;    ///< where its log is put
  std::vector<const CriuSwitch*> switches;
  CgroupTreatment cgroups = CgroupTreatment::soft;
  std::uint64_t empty_namespaces = 0;  ///< CLONE_NEW…: what is in them is not saved
};

/// One order to criu. Where this process blocks signals, criu does: one that is killed half-way would leave
/// the container's network shut.
class Criu {
 public:
  /// `terminal_is_made`: `terminal` is its controlling side. `processes_are_made`: all of them; none goes on
  /// yet.
  enum class Event { namespaces_are_made, terminal_is_made, processes_are_made };
  /// `terminal`: its controlling side. What it throws ends the restoration.
  using WhenMaking = std::function<void(Event event, pid_t first_process, sys::Fd terminal)>;

  /// Throws Error{unsupported} where the library or the program is missing, or this is not root.
  Criu();
  /// Throws Error{system} where a directory cannot be opened; that of the log is made. `log_file` is a name
  /// in it.
  void prepare(const CriuOptions& options, const std::string& log_file);

  /// Calls a function of the library that sets something and cannot fail.
  template <typename... Values>
  void set(const char* setter, Values... values) const {
    void (*function)(Values...) = nullptr;
    library_.find(setter, function);
    function(values...);
  }
  /// One that can: a negative errno, or -1.
  template <typename... Values>
  int call(const char* name, Values... values) const {
    int (*function)(Values...) = nullptr;
    library_.find(name, function);
    return function(values...);
  }
  void set_text(const char* setter, const std::string& text) const;

  /// A mount of what lies outside of the container: `name` is the mount's place inside, and when it is
  /// restored `source` is what it shows.
  void add_outside_mount(const std::string& name, const std::string& source) const;

  /// Carries the order out: criu_dump, criu_pre_dump. Throws Error{system} with what criu says, and where the
  /// rest of it is.
  void carry_out(const char* order) const;
  /// Makes the processes; the pid of the first one, a child of this process.
  pid_t restore(const WhenMaking& when_making) const;

 private:
  [[noreturn]] void fail(int result) const;

  sys::Library library_;
  HostPath directory_;  ///< of its log
  std::string log_file_;
  sys::UniqueFd images_, work_;
};

}  // namespace tare::runtime
