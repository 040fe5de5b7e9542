#include "runtime/criu.h"

#include <algorithm>
#include <exception>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "base/error.h"
#include "base/format.h"
#include "sys/file.h"
#include "sys/path_in_root.h"
#include "sys/process.h"
#include "sys/search_path.h"
#include "sys/user_namespace.h"

namespace tare::runtime {
namespace {

constexpr auto what_for = "a checkpoint";
constexpr int log_level = 4;

// Opened for criu, which reads it by its number in this process.
sys::UniqueFd open_directory(const HostPath& path) {
  return sys::open_at(sys::here, path.value, O_RDONLY | O_DIRECTORY);
}

// The library hands no pointer of ours back to what it calls.
struct Making {
  const Criu* criu = nullptr;
  const Criu::WhenMaking* told = nullptr;
  std::exception_ptr thrown;
};
Making making;

int be_told(char* action, void* notice) {
  try {
    // criu runs; what else is executed from here on is to get nothing that was opened for it.
    sys::close_inherited_on_exec();
    const std::string_view name(action);
    const auto first_process = [&] { return making.criu->call("criu_notify_pid", notice); };
    if (name == "setup-namespaces")
      (*making.told)(Criu::Event::namespaces_are_made, first_process(), sys::Fd(-1));
    if (name == "post-restore") (*making.told)(Criu::Event::processes_are_made, first_process(), sys::Fd(-1));
    if (name == "orphan-pts-master") {
      const sys::UniqueFd terminal(making.criu->call("criu_get_orphan_pts_master_fd"));
      (*making.told)(Criu::Event::terminal_is_made, 0, terminal);
    }
    return 0;
  } catch (...) {
    making.thrown = std::current_exception();
    return -1;
  }
}

// Of its log, lines such as "(00.012) Error (criu/files-reg.c:1790): WORDS": the last of these words, since a
// failure takes it several lines.
std::string last_errors(std::string_view log) {
  constexpr std::string_view mark = "Error (", harmless = "RLIMIT_NOFILE";
  std::string words;
  for (int lines = 0; lines < 3;) {
    const auto at = log.rfind(mark);
    if (at == log.npos) break;
    std::string_view line = log.substr(at, log.find('\n', at) - at);
    log = log.substr(0, at);
    if (line.contains(harmless)) continue;
    if (const auto place = line.find("): "); place != line.npos) line.remove_prefix(place + 3);
    words = std::string(line) + (words.empty() ? "" : "; ") + words;
    lines++;
  }
  return words;
}

// Its last part; the directory may be anybody's.
std::string end_of_log(sys::Fd directory, const std::string& name) {
  constexpr off_t enough = 1 << 16;
  const sys::UniqueFd file = sys::try_open_regular_in_root(directory, ContainerPath("/" + name));
  if (!file) return {};
  if (const off_t size = ::lseek(file.number(), 0, SEEK_END); size >= 0)
    ::lseek(file.number(), std::max<off_t>(0, size - enough), SEEK_SET);
  return sys::read_all(file);
}

}  // namespace

CgroupTreatment parse_cgroup_treatment(const std::string& word) {
  constexpr std::pair<std::string_view, CgroupTreatment> words[] = {{"ignore", CgroupTreatment::ignore},
                                                                    {"soft", CgroupTreatment::soft},
                                                                    {"full", CgroupTreatment::full},
                                                                    {"strict", CgroupTreatment::strict}};
  for (const auto& [known, treatment] : words)
    if (word == known) return treatment;
  throw Error(ErrorKind::usage, format("invalid cgroup mode: {}", word), 0, "soft, full, strict or ignore");
}

std::uint64_t parse_empty_namespace(const std::string& word) {
  if (word == "network") return CLONE_NEWNET;
  throw Error(ErrorKind::usage, format("the namespace {} cannot be left out", word), 0, "only network");
}

Criu::Criu() : library_("libcriu.so.2", what_for, "install it: Debian's package libcriu2") {
  if (!sys::is_root_of_system())
    throw Error(ErrorKind::unsupported, "only root can make a checkpoint, or restore one");
  // The library says on standard error what it does not find.
  if (!sys::is_in_path("criu"))
    throw Error(ErrorKind::unsupported, format("{} needs the program criu, which is not in PATH", what_for),
                0, "install it, and see `criu check`");
  if (call("criu_init_opts") != 0) throw Error(ErrorKind::system, "criu's library cannot be used");
}

void Criu::prepare(const CriuOptions& options, const std::string& log_file) {
  images_ = open_directory(options.images);
  sys::make_directories(sys::here, options.work.value, 0700);
  work_ = open_directory(options.work);
  directory_ = options.work;
  log_file_ = log_file;
  sys::remove_file(work_, log_file_);  // an earlier one's would be taken for this one's
  set("criu_set_images_dir_fd", images_.number());
  set("criu_set_work_dir_fd", work_.number());
  set("criu_set_log_level", log_level);
  set_text("criu_set_log_file", log_file);
  for (const CriuSwitch* one : options.switches) set(one->setter, true);
  set("criu_set_manage_cgroups", true);
  set("criu_set_manage_cgroups_mode", static_cast<int>(options.cgroups));
  if (options.empty_namespaces != 0) set("criu_set_empty_ns", static_cast<int>(options.empty_namespaces));
}

void Criu::set_text(const char* setter, const std::string& text) const {
  if (call(setter, text.c_str()) < 0) throw Error(ErrorKind::system, format("criu refuses \"{}\"", text));
}

void Criu::add_outside_mount(const std::string& name, const std::string& source) const {
  if (call("criu_add_ext_mount", name.c_str(), source.c_str()) < 0) throw system_error(ENOMEM, "criu");
}

void Criu::carry_out(const char* order) const {
  if (const int result = call(order); result < 0) fail(result);
}

pid_t Criu::restore(const WhenMaking& when_making) const {
  making = {.criu = this, .told = &when_making, .thrown = {}};
  set("criu_set_notify_cb", be_told);
  set("criu_set_orphan_pts_master", true);
  const int result = call("criu_restore_child");
  if (making.thrown) std::rethrow_exception(std::exchange(making.thrown, {}));
  if (result <= 0) fail(result);
  return result;
}

void Criu::fail(int result) const {
  const std::string log = end_of_log(work_, log_file_), words = last_errors(log);
  if (log.empty())
    throw Error(ErrorKind::system, "criu cannot work on this machine", -result, "see `criu check`");
  throw Error(ErrorKind::system, format("criu: {}", words.empty() ? "it failed" : words), 0,
              format("all that it says is in {}", (directory_ / log_file_).value));
}

}  // namespace tare::runtime
