// criu(8), which saves processes in files and makes them again from those: a program of its own, found in
// PATH and started for each order.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "base/types.h"
#include "oci/runtime_config.h"
#include "runtime/criu_messages.h"
#include "sys/unique_fd.h"

namespace tare::runtime {

/// An option of checkpoint and restore that is one of criu's as it stands.
struct CriuSwitch {
  std::string_view option;
  CriuOption meaning;
};
inline constexpr CriuSwitch criu_switches[] = {
    {"tcp-established", CriuOption::tcp_established}, {"tcp-skip-in-flight", CriuOption::tcp_skip_in_flight},
    {"ext-unix-sk", CriuOption::ext_unix_sk},         {"shell-job", CriuOption::shell_job},
    {"file-locks", CriuOption::file_locks},           {"link-remap", CriuOption::link_remap},
    {"auto-dedup", CriuOption::auto_dedup},           {"lazy-pages", CriuOption::lazy_pages},
};

/// What is done about cgroups, as criu(8) has it; the numbers are those of criu_cg_mode.
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

  /// Throws Error{unsupported} where the program is missing, or this is not root.
  Criu();
  /// Throws Error{system} where a directory cannot be opened; that of the log is made. `log_file` is a name
  /// in it.
  void prepare(const CriuOptions& options, const std::string& log_file, const oci::RuntimeConfig& config);

  /// `value`: a number, a text, or a message.
  template <typename Value>
  void set(CriuOption option, const Value& value) {
    options_.add(static_cast<unsigned>(option), value);
  }
  /// A mount of what lies outside of the container: `name` is the mount's place inside, and when it is
  /// restored `source` is what it shows.
  void add_outside_mount(const std::string& name, const std::string& source);
  /// Where the container's cgroup is now, in every hierarchy.
  void set_cgroup_root(const std::string& path);
  /// Gives it `file`, which stays open until the order is carried out, for what has this name there.
  void give(sys::Fd file, std::string_view name);

  /// Saves. Throws Error{system} with what criu says, and where the rest of it is.
  void save(CriuOrder order) const { carry_out(order, {}); }
  /// Makes the processes; the pid of the first one, a child of this process. Throws as save(), and what
  /// `when_making` throws.
  pid_t restore(const WhenMaking& when_making);

 private:
  CriuResponse carry_out(CriuOrder order, const WhenMaking& when_making) const;
  [[noreturn]] void fail(const CriuResponse& response) const;

  protobuf::Writer options_;
  HostPath directory_;  ///< of its log
  std::string log_file_;
  sys::UniqueFd images_, work_;
  std::vector<sys::Fd> given_;
};

}  // namespace tare::runtime
