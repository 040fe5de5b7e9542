#include "runtime/own_root.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <optional>
#include <sched.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "cgroup/text.h"
#include "oci/id_mapping.h"
#include "sys/file.h"
#include "sys/process.h"

namespace tare::runtime {
namespace {

// One of the two maps of a user namespace.
struct Map {
  const char* what;     // as errors have it
  const char* file;     // in /proc/PID
  const char* program;  // writes it for users who may have more ids than their own
  const char* ranges;   // says which those are
  unsigned own;         // the caller's id
  const std::vector<oci::IdMapping>& mappings;

  bool has_only_own() const {
    return mappings.size() == 1 && mappings[0].size == 1 && mappings[0].host == own;
  }
};

void check(const Map& map) {
  oci::check_mappings(map.mappings, map.what);
  if (const auto root = oci::host_id(map.mappings, 0); root != map.own)
    throw Error(ErrorKind::invalid,
                format("/linux/{}Mappings: the container's {} 0 is {} outside, but it is {} who makes it",
                       map.what, map.what, *root, map.own),
                0, format("map containerID 0 to hostID {}", map.own));
}

struct Pipe {
  sys::UniqueFd read_end, write_end;
  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw system_error("cannot make a pipe");
    read_end = sys::UniqueFd(ends[0]), write_end = sys::UniqueFd(ends[1]);
  }
};

constexpr std::string_view done = "done";

// PID INSIDE OUTSIDE COUNT...; what it says about a failure goes to `answer`.
bool run_mapper(const Map& map, pid_t process, sys::Fd answer) {
  std::vector<std::string> words{map.program, std::to_string(process)};
  for (const auto& one : map.mappings)
    for (const auto number : {one.container, one.host, one.size}) words.push_back(std::to_string(number));
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_adddup2(&files, answer.number(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&files, answer.number(), STDERR_FILENO);
  pid_t pid = 0;
  const int failed = ::posix_spawnp(&pid, map.program, &files, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&files);
  if (failed != 0) sys::write_all(answer, format("cannot run {}: {}", map.program, errno_words(failed)));
  return failed == 0 && sys::reap(pid) == 0;
}

void answer_with(const std::vector<Map>& maps, pid_t process, sys::Fd answer) noexcept {
  try {
    if (std::ranges::all_of(maps, [&](const Map& map) { return run_mapper(map, process, answer); }))
      sys::write_all(answer, done);
  } catch (const std::exception&) {
    // Nobody is there any more to be told.
  }
}

// A process that stays outside of the user namespace: only there the programs that map ids have their rights.
class Outside {
 public:
  explicit Outside(const std::vector<Map>& maps) {
    const pid_t caller = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) throw system_error("cannot make a process");
    if (pid_ > 0) {
      question_.read_end.reset(), answer_.write_end.reset();
      return;
    }
    question_.write_end.reset();
    char word = 0;
    if (::read(question_.read_end.number(), &word, 1) == 1) answer_with(maps, caller, answer_.write_end);
    ::_exit(0);
  }
  Outside(const Outside&) = delete;
  Outside& operator=(const Outside&) = delete;
  ~Outside() {
    question_.write_end.reset();
    sys::reap(pid_);
  }

  /// `done`, or what went wrong.
  std::string map_ids() {
    sys::write_all(question_.write_end, "!");
    return sys::read_all(answer_.read_end);
  }

 private:
  Pipe question_, answer_;
  pid_t pid_ = 0;
};

void enter_new_namespace() {
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) return;
  const int number = errno;
  std::string hint =
      "see user.max_user_namespaces, kernel.unprivileged_userns_clone and "
      "kernel.apparmor_restrict_unprivileged_userns in sysctl(8)";
  throw Error(ErrorKind::unsupported, format("user {} may not make a user namespace", ::geteuid()), number,
              std::move(hint));
}

void make_namespace(const std::vector<Map>& maps) {
  std::vector<Map> by_program;
  std::ranges::copy_if(maps, std::back_inserter(by_program),
                       [](const Map& map) { return !map.has_only_own(); });
  std::optional<Outside> outside;
  if (!by_program.empty()) outside.emplace(by_program);
  enter_new_namespace();
  if (outside)
    if (const std::string said = outside->map_ids(); said != done)
      throw Error(
          ErrorKind::unsupported,
          format("the ids of the user namespace cannot be mapped: {}", cgroup::trimmed(said)), 0,
          format("it takes newuidmap and newgidmap (Debian: uidmap), and in {} and {} lines that give user "
                 "{} the ids it asks for",
                 maps[0].ranges, maps[1].ranges, maps[0].own));
  for (const Map& map : maps) {
    if (!map.has_only_own()) continue;
    // Else one could give up a group that is there to keep him out (CVE-2014-8989).
    if (&map == &maps[1]) sys::write_to(sys::here, "/proc/self/setgroups", "deny");
    sys::write_to(sys::here, format("/proc/self/{}", map.file), oci::map_text(map.mappings));
  }
}

void become_its_root() {
  if (::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0)
    throw system_error("cannot become root of the user namespace");
}

}  // namespace

void make_own_namespace(const OwnIds& ids) {
  const std::vector<Map> maps = {{"uid", "uid_map", "newuidmap", "/etc/subuid", ::geteuid(), ids.uids},
                                 {"gid", "gid_map", "newgidmap", "/etc/subgid", ::getegid(), ids.gids}};
  std::ranges::for_each(maps, check);
  make_namespace(maps);
  become_its_root();
}

void join_own_namespace(const std::string& path) {
  const sys::UniqueFd joined = sys::open_at(sys::here, path, O_RDONLY);
  if (::setns(joined.number(), CLONE_NEWUSER) != 0 || ::unshare(CLONE_NEWNS) != 0)
    throw system_error(format("cannot enter the user namespace {}", path));
  become_its_root();
}

void become_root(oci::RuntimeConfig& config) {
  if (::geteuid() == 0) return;
  const auto wanted = std::ranges::find(config.namespaces, oci::NamespaceKind::user, &oci::Namespace::kind);
  if (wanted == config.namespaces.end())
    throw Error(
        ErrorKind::unsupported, "a user who is not root can make containers with a user namespace only", 0,
        "have one in linux.namespaces, with mappings: `tare-runtime spec --rootless` makes such a config");
  if (wanted->path.empty())
    make_own_namespace({config.uid_mappings, config.gid_mappings});
  else
    join_own_namespace(wanted->path);
  config.namespaces.erase(wanted);
}

}  // namespace tare::runtime
