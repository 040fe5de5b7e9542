// What the script does around the container's first process, as tare does it itself.
#include <algorithm>
#include <charconv>

#include "base/format.h"
#include "script/functions.h"
#include "script/writer.h"

namespace tare::script {
namespace {

using plan::Input;
using What = plan::HostStep::What;

// Of lines such as "0 100000 65536": what stands for the id 0.
std::string outside_root(std::string_view map) {
  while (!map.empty()) {
    std::uint64_t inside = 0;
    const auto [end, error] = std::from_chars(map.data(), map.data() + map.find(' '), inside);
    const std::string_view rest = map.substr(static_cast<std::size_t>(end - map.data()) + 1);
    if (error == std::errc() && inside == 0) return std::string(rest.substr(0, rest.find(' ')));
    map.remove_prefix(std::min(map.size(), map.find('\n') + 1));
  }
  return "0";
}

std::string_view without_newline(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  return text;
}

}  // namespace

void Writer::write_end() {
  text_.section(
      "what is undone at the end: mounts and namespaces end by themselves, with the last process in them");
  std::string made;
  for (const auto& step : document_.host)
    if (step.what == What::make_cgroup && step.path.find(facts_.id) != step.path.npos)
      made = text_.host_path(step.path) + (made.empty() ? "" : " ") + made;
  text_.line(format("cgroups=({})", made), "those of this container alone, the innermost first");
  text_.raw(R"sh(child=
clean_up() {
	# whatever happened, nothing of the container goes on
	if [[ -n $child ]]; then kill -KILL "$child" 2>/dev/null || :; wait "$child" 2>/dev/null || :; fi
	local group left
	# what changed its user id is no longer killed with its parent, so all that is left is; then the cgroup can go
	for group in "${cgroups[@]}"; do
		for _ in {1..50}; do
			if [[ ! -d $group ]] || rmdir "$group" 2>/dev/null; then break; fi
			while read -r left; do kill -KILL "$left" || :; done <"$group"/cgroup.procs 2>/dev/null || :
			sleep 0.1
		done
	done
	# neither a mount nor a device of the container's is followed
	rm -rf --one-file-system "$work"
}
)sh");
  text_.line("trap clean_up EXIT", "also when a step fails");
  text_.line("trap 'exit 130' INT", "Ctrl-C: 128 and the signal's number, as shells say it");
  text_.line("trap 'exit 143' TERM", "the same for kill");
}

// The holder goes when the script does: its input ends then.
void Writer::write_user_namespace() {
  const auto& maps = *program_.user_namespace;
  text_.section("its user namespace, which all its other namespaces belong to");
  text_.line("coproc unshare --user cat", "one that holds it, until others are in it");
  text_.line("export holder=$COPROC_PID", "it is found by this number");
  text_.line("echo >&\"${COPROC[1]}\"; read -r _ <&\"${COPROC[0]}\"", "who answers is in it");
  // One write(2) for the whole map, which is why it is not bash that writes.
  text_.line(format("cat >\"/proc/$holder/uid_map\" <<<{}", quoted(without_newline(maps.uid_map))),
             "ids in it, the host's that they stand for, and how many; the kernel takes this once");
  text_.line(format("cat >\"/proc/$holder/gid_map\" <<<{}", quoted(without_newline(maps.gid_map))),
             "the same for groups");
}

void Writer::write_directories() {
  text_.section("directories and files of its own");
  text_.raw(path_functions);
  text_.line("mkdir \"$work\"/{rootfs,upper,work}",
             "overlayfs keeps what is changed in upper, and needs work beside it");
  for (const auto& step : document_.host) {
    const std::string path = text_.host_path(step.path);
    const bool is_below = !facts_.directory.empty() && step.path.starts_with(facts_.directory + "/");
    const auto is_bound = [&](const Input& input) {
      return input.what == Input::What::bind && (input.path + "/").starts_with(step.path + "/");
    };
    if (step.what == What::make_volume)
      text_.line(format("mkdir -p {}", path), "a new volume");
    else if (step.what == What::make_directory && !is_below && std::ranges::any_of(program_.inputs, is_bound))
      text_.line(format("mkdir -p {}", path), "a directory that it is to see, and that is missing");
    else if (step.what == What::write_file && is_below && !step.value.empty() &&
             std::ranges::any_of(program_.inputs, is_bound))
      text_.line(format("printf %s {} >{}", quoted(step.value), path), "lies over the one in its /etc");
  }
  if (!has_own_ids()) return;
  for (const auto& layer : layers())
    text_.line(format("mkdir {}", text_.layer_path(layer)), "for the root file system with its ids");
  const auto& maps = *program_.user_namespace;
  text_.line(
      format("chown {}:{} \"$work\" \"$work\"/*", outside_root(maps.uid_map), outside_root(maps.gid_map)),
      "belong to the container's root");
}

// tar unpacks in the user namespace: owners, and file capabilities, are then those that count in it.
void Writer::write_copies() {
  text_.section("the root file system");
  constexpr std::string_view exactly = "--numeric-owner --acls --xattrs --xattrs-include='*'";
  if (!facts_.tarball.empty()) {
    text_.line("mkdir \"$work\"/image", "for what is in the tarball");
    text_.line(format("tar {} -xpf {} -C \"$work\"/image", exactly, quoted(facts_.tarball)),
               "owners are numbers: names are the host's; and nothing that a file has is left out");
  }
  if (!has_own_ids()) return;
  for (const auto& layer : layers()) {
    const bool is_unpacked = layer == facts_.layer;
    text_.line(
        format("tar {0} --one-file-system --exclude='./dev/*' -C {1} -c . |\n"
               "\t(cd {2} && nsenter --user=\"/proc/$holder/ns/user\" tar {0} -xp)",
               exactly, is_unpacked ? "\"$work\"/image" : quoted(layer), text_.layer_path(layer)),
        "a copy, as mount(8) cannot map ids: who unpacks it is in the user namespace, and so are the owners");
    if (is_unpacked) text_.line("rm -rf \"$work\"/image", "not needed any more");
  }
}

void Writer::write_contents() {
  std::string layer;
  for (const auto& step : document_.host) {
    const std::string path = text_.host_path(step.path);
    if (step.what == What::copy_owner) {
      layer = text_.layer_path(step.value);
      text_.line(format("chown --reference={0} {1} && chmod --reference={0} {1} && touch --reference={0} {1}",
                        layer, path),
                 "the root directory that is seen is this one");
    } else if (step.what == What::fill_volume) {
      text_.line(format("root={} in_root {}; if [[ -d $at ]]; then cp -a \"$at\"/. {}; fi", layer,
                        quoted(step.value), path),
                 "an empty volume gets what the root file system has in its place");
    }
  }
}

void Writer::write_cgroups() {
  text_.section("cgroups: what it may use");
  for (const auto& step : document_.host) {
    const std::string path = text_.host_path(step.path);
    if (step.what == What::make_cgroup) {
      const bool own = step.path.find(facts_.id) != step.path.npos;
      text_.line(format("mkdir {}{}", own ? "" : "-p ", path), "limits count for all that is in it");
    } else if (step.what == What::write_cgroup) {
      const std::string write = format("echo {} >{}", quoted(step.value), path);
      if (!step.other_path.empty())
        text_.line(format("if [[ -e {} ]]; then {}; else echo {} >{}; fi", path, write,
                          quoted(step.other_value), text_.host_path(step.other_path)),
                   step.why);
      else
        text_.line(step.optional ? format("if [[ -e {} ]]; then {}; fi", path, write) : write, step.why);
    }
  }
}

}  // namespace tare::script
