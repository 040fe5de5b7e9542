#include "runtime/criu.h"

#include <algorithm>
#include <exception>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include "base/error.h"
#include "base/format.h"
#include "runtime/criu_process.h"
#include "sys/file.h"
#include "sys/path_in_root.h"
#include "sys/search_path.h"
#include "sys/user_namespace.h"

namespace tare::runtime {
namespace {

constexpr int log_level = 4;

// The files with options of its own, which go before those that it is given; the last two are looked for.
constexpr auto file_annotation = "org.criu.config";
constexpr const char* option_files[] = {"/etc/criu/crun.conf", "/etc/criu/runc.conf"};

std::string option_file(const oci::RuntimeConfig& config) {
  const auto named = std::ranges::find(config.annotations, file_annotation,
                                       [](const auto& annotation) { return annotation.first; });
  if (named != config.annotations.end()) return named->second;
  const auto there =
      std::ranges::find_if(option_files, [](const char* path) { return sys::exists(sys::here, path); });
  return there == std::end(option_files) ? "" : *there;
}

// Opened for criu, which reads it by its number in this process.
sys::UniqueFd open_directory(const HostPath& path) {
  return sys::open_at(sys::here, path.value, O_RDONLY | O_DIRECTORY);
}

constexpr std::pair<std::string_view, Criu::Event> notices[] = {
    {"setup-namespaces", Criu::Event::namespaces_are_made},
    {"orphan-pts-master", Criu::Event::terminal_is_made},
    {"post-restore", Criu::Event::processes_are_made},
};

void tell(const Criu::WhenMaking& when_making, const CriuResponse& response, sys::Fd file) {
  for (const auto& [name, event] : notices)
    if (response.notice == name) when_making(event, response.pid, file);
}

std::string words_of_end(int status) {
  return WIFSIGNALED(status) ? format("it was killed by signal {}", WTERMSIG(status))
                             : format("it ended with status {}", WEXITSTATUS(status));
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

Criu::Criu() {
  if (!sys::is_root_of_system())
    throw Error(ErrorKind::unsupported, "only root can make a checkpoint, or restore one");
  if (!sys::is_in_path("criu"))
    throw Error(ErrorKind::unsupported, "a checkpoint needs the program criu, which is not in PATH", 0,
                "install it, and see `criu check`");
}

void Criu::prepare(const CriuOptions& options, const std::string& log_file,
                   const oci::RuntimeConfig& config) {
  images_ = open_directory(options.images);
  sys::make_directories(sys::here, options.work.value, 0700);
  work_ = open_directory(options.work);
  directory_ = options.work;
  log_file_ = log_file;
  sys::remove_file(work_, log_file_);  // an earlier one's would be taken for this one's
  set(CriuOption::images_directory, images_.number());
  set(CriuOption::work_directory, work_.number());
  set(CriuOption::log_level, log_level);
  set(CriuOption::log_file, log_file);
  for (const CriuSwitch* one : options.switches) set(one->meaning, true);
  set(CriuOption::cgroup_treatment, static_cast<int>(options.cgroups));
  set(CriuOption::orphan_terminal, true);
  if (options.empty_namespaces != 0)
    set(CriuOption::empty_namespaces, static_cast<std::int64_t>(options.empty_namespaces));
  if (const std::string file = option_file(config); !file.empty()) set(CriuOption::config_file, file);
}

void Criu::add_outside_mount(const std::string& name, const std::string& source) {
  set(CriuOption::outside_mount, criu_pair(name, source));
}

void Criu::set_cgroup_root(const std::string& path) {
  protobuf::Writer root;
  root.add(cgroup_root_path, path);
  set(CriuOption::cgroup_root, root);
}

void Criu::give(sys::Fd file, std::string_view name) {
  given_.push_back(file);
  set(CriuOption::inherited, criu_pair(name, file.number()));
}

pid_t Criu::restore(const WhenMaking& when_making) {
  set(CriuOption::restore_sibling, true);
  set(CriuOption::notify_scripts, true);
  return carry_out(CriuOrder::restore, when_making).pid;
}

CriuResponse Criu::carry_out(CriuOrder order, const WhenMaking& when_making) const {
  CriuProcess criu(given_);
  criu.send(criu_request(order, options_));
  CriuResponse response{.is_notice = true};
  std::exception_ptr thrown;
  while (const auto message = criu.receive()) {
    response = parse_criu_response(message->text);
    if (!response.is_notice) break;
    try {
      if (!thrown) tell(when_making, response, message->file);
    } catch (...) {
      thrown = std::current_exception();
    }
    criu.send(criu_answer(!thrown));
  }
  const int status = criu.end();
  if (thrown) std::rethrow_exception(thrown);
  if (response.is_notice) response = {.words = words_of_end(status)};
  if (!response.success) fail(response);
  return response;
}

void Criu::fail(const CriuResponse& response) const {
  const std::string log = end_of_log(work_, log_file_);
  std::string words = last_errors(log);
  if (words.empty()) words = response.words;
  if (words.empty() && log.empty())
    throw Error(ErrorKind::system, "criu cannot work on this machine", response.error_number,
                "see `criu check`");
  throw Error(
      ErrorKind::system, format("criu: {}", words.empty() ? "it failed" : words), 0,
      log.empty() ? "see `criu check`" : format("all that it says is in {}", (directory_ / log_file_).value));
}

}  // namespace tare::runtime
