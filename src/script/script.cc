#include "script/script.h"

#include <algorithm>
#include <sched.h>

#include "base/error.h"
#include "base/format.h"
#include "script/variables.h"
#include "script/writer.h"

namespace tare::script {
namespace {

using plan::Entry;
using plan::Input;
using plan::Kind;
using What = plan::HostStep::What;

// Volumes that are there are not copied: what is written to them has to arrive.
void add_shortcomings_of_ids(const plan::Document& document, std::vector<std::string>& said) {
  said.emplace_back(
      "layers: mount(8) maps ids only from 2.39 on, so the root file system is copied; a device outside of "
      "its /dev, "
      "or an owner that has no id in the container, ends the script");
  said.emplace_back("ids: nobody is kept from giving the same ids to another container");
  for (const auto& input : document.program.inputs)
    if (input.ids == Input::Ids::mapped_if_possible &&
        std::ranges::none_of(document.host, [&](const plan::HostStep& step) {
          return (step.what == What::make_volume || step.what == What::write_file) && step.path == input.path;
        }))
      said.push_back("volumes: without mapped ids the files of " + input.path +
                     " are nobody's in the container");
}

/// What no tool of util-linux 2.38 does, said where the reader begins.
std::vector<std::string> shortcomings(const plan::Document& document) {
  const plan::Program& program = document.program;
  std::vector<std::string> said;
  if (const Entry* filter = find(program, Kind::load_filter))
    said.push_back("seccomp: no tool loads the filter of system calls (" + filter->text + ")");
  if (find(program, Kind::join_keyring))
    said.emplace_back("keyring: the container has the session keyring of whoever runs the script");
  if (const Entry* label = find(program, Kind::set_label))
    said.push_back("label: it runs without the security label \"" + label->text + "\"");
  if (find(program, Kind::open_console))
    said.emplace_back("terminal: it uses yours, which is not in its /dev/pts and not its /dev/console");
  if (find(program, Kind::supervise))
    said.emplace_back("init: process 1 is a bash that reaps what ends and passes no signals on");
  for (const auto& step : document.host) {
    if (step.what == What::filter_devices)
      said.push_back("devices: cgroup v2 limits them by a BPF program, not by a file: " + step.value);
    if (step.what == What::make_volume)
      said.push_back("volumes: a new one, " + step.value + ", is gone when the script ends");
  }
  if (program.user_namespace) add_shortcomings_of_ids(document, said);
  for (const auto& variable : find(program, Kind::execute)->environment)
    if (is_kept_by_bash(variable))
      said.push_back("environment: bash keeps this variable to itself, the command is without it: " +
                     std::string(name_of(variable)));
  return said;
}

void check(const plan::Program& program) {
  const auto refuse = [](const char* what) {
    throw Error(ErrorKind::unsupported, format("a script cannot start this container: {}", what));
  };
  const Entry* root = find(program, Kind::attach_root);
  for (const auto& input : program.inputs) {
    if (!input.mount_namespace.empty())
      refuse(
          "mount(8) cannot take a mount out of another mount namespace (open_tree(2)), as the /dev/shm of a "
          "shared ipc namespace");
    if (root && input.slot == root->slot && input.ids == Input::Ids::mapped)
      refuse(
          "its root is written to with the ids of a user namespace, and mount(8) maps ids only from 2.39 on");
  }
  for (const auto& entry : program.entries)
    if (entry.kind == Kind::take_root || (entry.kind == Kind::join_namespaces && (entry.a & CLONE_NEWUSER)))
      refuse("it joins the root or the user namespace of a container that is there already");
}

}  // namespace

const Entry* find(const plan::Program& program, Kind kind) {
  const auto found = std::ranges::find(program.entries, kind, &Entry::kind);
  return found == program.entries.end() ? nullptr : &*found;
}

Writer::Writer(const plan::Document& document, const Facts& facts)
    : document_(document), program_(document.program), facts_(facts), text_(facts.id) {
  text_.move(facts.directory, "");
  if (!has_own_ids() && !facts.layer.empty()) text_.copy(facts.layer, "image");
  int count = 0;
  if (has_own_ids())
    for (const auto& layer : layers()) text_.copy(layer, format("layer-{}", ++count));
  for (const auto& step : document.host)
    if (step.what == What::make_volume) text_.move(step.path, format("volume-{}", ++count));
}

std::vector<std::string> Writer::layers() const {
  std::vector<std::string> found;
  for (const auto& input : program_.inputs)
    for (const auto& entry : program_.entries)
      if (entry.kind == Kind::adopt && entry.slot == input.slot && input.path != facts_.directory)
        found.push_back(input.path);
  return found;
}

std::string Writer::write() {
  write_head();
  write_end();
  if (has_own_ids()) write_user_namespace();
  write_directories();
  if (has_own_ids() || !facts_.tarball.empty()) write_copies();
  write_contents();
  write_cgroups();
  write_build();
  write_last_steps();
  write_start();
  return text_.text();
}

void Writer::write_head() {
  text_.raw(
      "#!/bin/bash\n"
      "# A container, by bash, util-linux, coreutils and tar alone. Run it as root.\n#\n"
      "# What this script cannot do:\n");
  for (std::string said : shortcomings(document_)) {
    std::ranges::replace(said, '\n', ' ');
    text_.raw(format("#  - {}\n", said));
  }
  text_.raw(
      "#\n# A $ in single quotes is meant as it stands, or for the bash inside, which calls functions, too.\n"
      "# shellcheck disable=SC2016,SC2317\n\n");
  text_.line("set -euo pipefail", "a step that fails ends it: no container is better than half of one");
  text_.line(format("export id={}-$$", quoted(facts_.id)),
             "names its cgroups, also while another run of this script is there");
  text_.line(
      "if [[ ${TMPDIR-} == *[:,\\\\]* ]]; then echo 'TMPDIR: overlayfs takes a name apart at a colon, a "
      "comma and a backslash' >&2; exit 1; fi",
      "what the container changes is kept in a directory below it, and gone with it");
  text_.line("work=$(mktemp -d)", "this one");
  text_.line("export work root=$work/rootfs", "where its root is put together");
}

std::string write(const plan::Document& document, const Facts& facts) {
  check(document.program);
  return Writer(document, facts).write();
}

}  // namespace tare::script
