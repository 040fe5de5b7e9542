#include "engine/rootfs.h"

#include <cerrno>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "store/layers.h"
#include "sys/file.h"
#include "sys/process.h"

namespace tare::engine {
namespace {

constexpr int cannot_execute = 127;  // as a shell's; tare-image itself never ends so

bool is_path(const std::string& text) {
  return text.starts_with('/') || text.starts_with("./") || text.starts_with("../") || text == "." ||
         text == "..";
}

struct stat status_of(const std::string& path) {
  const auto status = sys::try_status(sys::here, path);
  if (status) return *status;
  if (errno == ENOENT)
    throw Error(ErrorKind::not_found, path, ENOENT, "a root file system is a directory or a tarball");
  throw system_error(path);
}

store::Rootfs from_layer(const state::Place& place, const store::LayerId& layer) {
  return {.layers = {store::tree_of(place.root, layer)}};
}

// What tare-image prints is the layer's id; what it says on standard error is for the user.
store::LayerId unpack(const state::Place& place, const std::string& source) {
  const std::string program = image_program();
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw system_error("cannot make a pipe");
  const sys::UniqueFd answer(ends[0]);
  sys::UniqueFd theirs(ends[1]);
  const pid_t client = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) throw system_error("cannot start tare-image");
  if (pid == 0) {
    // Nobody would wait for its answer.
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != client) ::_exit(cannot_execute);
    ::dup2(theirs.number(), 1);
    ::execl(program.c_str(), "tare-image", "unpack", "--root", place.root.c_str(), source.c_str(), nullptr);
    ::_exit(cannot_execute);
  }
  theirs.reset();
  std::string layer = sys::read_all(answer, 4096);
  const int status = sys::reap(pid);
  if (WIFSIGNALED(status))
    throw Error(ErrorKind::system,
                format("unpack {}: tare-image was killed by signal {}", source, WTERMSIG(status)));
  if (WEXITSTATUS(status) == cannot_execute)
    throw Error(ErrorKind::system, format("unpack {}: cannot execute {}", source, program), 0,
                "it must be a program for this machine; install it again");
  if (WEXITSTATUS(status) != 0) throw Reported{exit_code(ErrorKind::invalid)};
  while (layer.ends_with('\n')) layer.pop_back();
  return store::LayerId(layer);
}

}  // namespace

std::string image_program() {
  const auto self = sys::try_read_link(sys::here, "/proc/self/exe");
  const std::string own_directory = self ? self->substr(0, self->find_last_of('/')) : "/usr/bin";
  // Where it is built, and where it is installed.
  for (const char* const place : {"/tare-image", "/../libexec/tare/tare-image"})
    if (std::string path = own_directory + place; ::access(path.c_str(), X_OK) == 0) return path;
  throw Error(ErrorKind::not_found,
              format("tare-image is neither in {0} nor in {0}/../libexec/tare", own_directory), 0,
              "install both");
}

std::optional<store::Rootfs> find_rootfs(const state::Place& place, const RunOptions& options) {
  const std::string& name = options.rootfs;
  if (name == "-") return std::nullopt;
  if (!is_path(name))
    throw Error(ErrorKind::not_found, format("no image {}: images by name are not supported yet", name), 0,
                "name a directory or a tarball with /, ./ or ../ in front");
  const struct stat status = status_of(name);
  if (S_ISDIR(status.st_mode)) {
    const HostPath directory = sys::canonical(HostPath(name));
    if (directory.value == "/" && options.rootfs_writable)
      throw Error(ErrorKind::invalid, "the host's own root cannot be a container's writable root");
    return store::Rootfs{.layers = {directory}, .written_to = options.rootfs_writable};
  }
  if (options.rootfs_writable)
    throw Error(ErrorKind::invalid,
                format("{} is not a directory: only one can be written to (--rootfs-rw)", name));
  if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode))
    throw Error(ErrorKind::invalid, format("{} is neither a directory nor a file", name));
  const auto layer = S_ISREG(status.st_mode) ? store::find_by_file(place.root, status) : std::nullopt;
  return layer ? std::optional(from_layer(place, *layer)) : std::nullopt;
}

store::Rootfs prepare_rootfs(const state::Place& place, const RunOptions& options) {
  if (auto found = find_rootfs(place, options)) return *found;
  return from_layer(place, unpack(place, options.rootfs));
}

}  // namespace tare::engine
