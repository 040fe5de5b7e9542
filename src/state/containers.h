// Containers on disk: claimed by name and lock, described by small records, forgotten. docs/storage-layout.md
// names every file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "base/types.h"
#include "sys/unique_fd.h"

namespace tare::state {

/// Where everything lies: what survives a reboot, and what does not.
struct Place {
  HostPath root;      ///< default /var/lib/tare
  HostPath run_root;  ///< default /run/tare

  HostPath directory_of(const ContainerId& id) const { return root / "containers" / id.value; }
};

/// Where the parts of a container lie that are not in its directory.
struct Paths {
  HostPath lock;
  HostPath names, name;  ///< the directory of all names; this one's file
  HostPath running_directory, running, socket;
};
Paths paths_of(const Place& place, const ContainerId& id, const std::string& name);

/// That the kernel killed processes for want of memory, and where.
struct OutOfMemory {
  std::string cgroup;          ///< whose limit was reached
  std::optional<Bytes> limit;  ///< nullopt: that of a cgroup above, or of the machine
};

/// Why and when a container ended.
struct Exit {
  int code = 0;    ///< as a shell says it: the exit code, or 128 + signal
  int signal = 0;  ///< that ended its command; 0: none did
  std::optional<OutOfMemory> out_of_memory;
  std::optional<Bytes> memory_peak;
  std::string error;  ///< what went wrong if its command never ran, or its monitor was killed; else empty
  Time finished;
};

/// What `ps` and clean-up need of a container: one small file.
struct Record {
  ContainerId id;
  std::string name;
  std::string image;  ///< the root file system as the user named it
  std::vector<std::string> command;
  Time created;
  bool remove_on_exit = false;
  std::string cgroup;  ///< its path in every hierarchy
  std::optional<Time> started;
  std::optional<Exit> exit;
};

/// Of a container that runs; valid only while its lock is held, and in the boot that it was written in: a run
/// root may survive one, and pids and times since boot then mean other processes.
struct Running {
  pid_t pid = 0;
  std::uint64_t start_ticks =
      0;  ///< when the process with that pid began (sys/process.h): pids are used again
  pid_t monitor = 0;
  bool is_paused = false;
};

/// A container's lock: held by whoever is responsible for it, and free when that process is dead, however it
/// died.
class Lock {
 public:
  explicit Lock(sys::UniqueFd file) : file_(std::move(file)) {}
  bool held() const noexcept { return file_.valid(); }
  sys::Fd file() const noexcept { return file_; }
  /// This process no longer holds it; others that inherited it do.
  void let_go() noexcept { file_.reset(); }

 private:
  sys::UniqueFd file_;
};

/// Takes the lock of a container that nobody is responsible for; nullopt when somebody is.
std::optional<Lock> try_take(const Place& place, const ContainerId& id);

/// What became of trying to take a lock.
struct Attempt {
  std::optional<Lock> lock = std::nullopt;  ///< now ours
  bool is_held = false;                     ///< somebody else's
};
/// Takes the lock that one who was killed has left. Neither: there is none.
Attempt try_take_left(const Place& place, const ContainerId& id);

/// Waits until nobody is responsible for it.
void await_release(const Place& place, const ContainerId& id);

/// Whether there is a lock file, which is a trace of somebody who is responsible, or was until killed.
bool has_lock(const Place& place, const ContainerId& id);

/// Makes the container's directory and takes its name, in an order that leaves nothing unowned however it is
/// interrupted. An empty record.name gets a random one. Throws Error{conflict} when the name is taken.
Lock claim(const Place& place, Record& record);

/// Ends the responsibility for a container that stays: the lock's file goes, until somebody takes it again.
void release(const Place& place, const ContainerId& id, Lock& lock);

/// Gives the name and the directory back, and ends the responsibility. The caller holds the lock.
void forget(const Place& place, const ContainerId& id, const Lock& lock);

/// Gives a container another name; the caller is responsible for it. Throws Error{conflict} when it is taken.
void rename(const Place& place, Record& record, const std::string& name);

/// Takes back the name beside the record's that a killed rename left. The caller holds the lock.
void forget_half_renames(const Place& place, const Record& record);

void write_record(const Place& place, const Record& record);
/// nullopt: there is none (yet), or it is being removed. Throws Error when there is one that cannot be read
/// or understood, as a disk that lost power leaves it.
std::optional<Record> read_record(const Place& place, const ContainerId& id);

/// Reads the records of many: the directory of all stays open, so that each costs less.
class Records {
 public:
  explicit Records(const Place& place);
  /// As read_record().
  std::optional<Record> read(const ContainerId& id) const;
  /// Each as read() has it, by two threads where there are many; nullopt as well where that throws.
  std::vector<std::optional<Record>> read_ahead(const std::vector<ContainerId>& ids) const;

 private:
  const Place& place_;
  sys::UniqueFd directory_;  ///< invalid while there is none
};

void write_running(const Place& place, const ContainerId& id, const Running& running);
/// nullopt: there is none, or one that means nothing, as that of another boot.
std::optional<Running> read_running(const Place& place, const ContainerId& id);
void forget_running(const Place& place, const ContainerId& id);

/// The container's monitor listens here while its command runs.
sys::UniqueFd listen(const Place& place, const ContainerId& id);
/// Invalid when there is no monitor, or it listens no longer.
sys::UniqueFd try_connect(const Place& place, const ContainerId& id);

/// Whether the container has a directory: the last trace but its lock.
bool exists(const Place& place, const ContainerId& id);
/// Every id that has a directory or a lock file, in order.
std::vector<ContainerId> list(const Place& place);
/// The same, by who knows already which ones are locked.
std::vector<ContainerId> list(const Place& place, const std::vector<ContainerId>& locked);
/// Every id that has a lock file, in order.
std::vector<ContainerId> list_locked(const Place& place);

/// By name, by id, or by an unambiguous beginning of an id. Throws Error{not_found}.
ContainerId find(const Place& place, const std::string& name_or_id);
/// The name that a container has, whatever its record says; empty: none.
std::string name_of(const Place& place, const ContainerId& id);
/// The id behind a name; nullopt when nobody has it.
std::optional<ContainerId> find_name(const Place& place, const std::string& name);

ContainerId random_id();

}  // namespace tare::state
