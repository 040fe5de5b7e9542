#include "engine/rootfs.h"

#include <cerrno>
#include <fcntl.h>
#include <ranges>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "store/layers.h"
#include "store/merged.h"
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

// What it prints is the answer; what it says on standard error is for the user.
std::string ask_image_program(const state::Place& place, std::vector<std::string> words,
                              const std::string& operand) {
  const std::string program = image_program(), verb = words.front();
  words.insert(words.begin(), {"tare-image"});
  words.insert(words.end(), {"--root", place.root.value, "--", operand});
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
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
    ::execv(program.c_str(), arguments.data());
    ::_exit(cannot_execute);
  }
  theirs.reset();
  std::string text = sys::read_all(answer, 4096);
  const int status = sys::reap(pid);
  if (WIFSIGNALED(status))
    throw Error(ErrorKind::system,
                format("{} {}: tare-image was killed by signal {}", verb, operand, WTERMSIG(status)));
  if (WEXITSTATUS(status) == cannot_execute)
    throw Error(ErrorKind::system, format("{} {}: cannot execute {}", verb, operand, program), 0,
                "it must be a program for this machine; install it again");
  if (WEXITSTATUS(status) != 0) throw Reported{exit_code(ErrorKind::invalid)};
  while (text.ends_with('\n')) text.pop_back();
  return text;
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

bool names_image(const std::string& rootfs) { return !is_path(rootfs) && rootfs != "-"; }

std::optional<store::Image> find_image(const state::Place& place, const std::string& name) {
  return store::find_image(place.root, name);
}

store::Image find_or_pull_image(const state::Place& place, const RunOptions& options, const Notify& notify) {
  const std::string& name = options.rootfs;
  const auto& [when, platform, is_quiet] = options.pull;
  auto image = find_image(place, name);
  if (image && platform && !oci::fits(image->config.platform, *platform)) image.reset();
  if (image && when != PullWish::When::always) return std::move(*image);
  // Who leaves ./ out does not want to fetch.
  if (!image && sys::exists(sys::here, name))
    notify(format("an image is looked for; what is called {} here is ./{}", name, name));
  if (when == PullWish::When::never)
    throw Error(ErrorKind::not_found, format("No such image: {}", name), 0,
                "`tare pull` fetches it; a directory or a tarball has /, ./ or ../ in front");
  if (!image && !is_quiet)
    notify(format("Unable to find image '{}' locally", oci::parse_tagged_reference(name).short_text()));
  std::vector<std::string> words{"pull"};
  if (is_quiet) words.emplace_back("--quiet");
  if (platform) words.push_back("--platform=" + oci::text_of(*platform));
  ask_image_program(place, words, name);
  image = find_image(place, name);
  if (!image) throw Error(ErrorKind::not_found, format("the image {} was pulled, and removed again", name));
  return std::move(*image);
}

std::optional<store::Rootfs> find_layers(const state::Place& place, const store::Image& image) {
  store::Rootfs rootfs;
  for (const auto& layer : std::views::reverse(image.config.layers)) {
    if (!store::has_image_layer(place.root, layer)) return std::nullopt;
    rootfs.layers.push_back(store::image_layer_tree(place.root, layer));
  }
  rootfs.layers = store::visible_layers(std::move(rootfs.layers), store::own_marks());
  if (rootfs.layers.empty()) rootfs.layers.push_back(store::empty_layer_tree(place.root));
  return rootfs;
}

store::Rootfs prepare_layers(const state::Place& place, const store::Image& image) {
  if (auto rootfs = find_layers(place, image)) return std::move(*rootfs);
  ask_image_program(place, {"unpack-image"}, image.manifest_descriptor.digest.value);
  if (auto rootfs = find_layers(place, image)) return std::move(*rootfs);
  throw Error(ErrorKind::system, format("the image {} was not unpacked", image.id().value));
}

std::optional<store::Rootfs> find_rootfs(const state::Place& place, const RunOptions& options) {
  const std::string& name = options.rootfs;
  if (name == "-") return std::nullopt;
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
  return from_layer(place, store::LayerId(ask_image_program(place, {"unpack"}, options.rootfs)));
}

}  // namespace tare::engine
