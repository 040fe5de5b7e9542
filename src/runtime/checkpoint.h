// checkpoint and restore: a running container becomes files, and files a running container.
#pragma once

#include <optional>
#include <string>

#include "runtime/create.h"
#include "runtime/criu.h"

namespace tare::runtime {

struct PageServer {
  std::string address;
  int port = 0;
};
/// "ADDRESS:PORT"; throws Error{usage}.
PageServer parse_page_server(const std::string& text);

struct CheckpointOptions {
  HostPath root;
  std::string id;
  CriuOptions criu;
  std::string parent;  ///< an earlier checkpoint's directory, relative to the images; empty: none
  std::optional<PageServer> page_server;  ///< which gets the memory; else it goes into files
  std::optional<int> status_fd;  ///< gets a zero byte when the memory can be fetched from the page server
  bool leaves_running = false;
  bool only_memory = false;  ///< a first part of it, while the container runs on
  Warn warn = [](std::string_view) {};
};

/// The container is deleted then, unless it is to run on. Throws Error{conflict} where it does not run, what
/// Criu throws, and what criu says: the container then goes on as it did.
void checkpoint(const CheckpointOptions& options);

struct RestoreOptions {
  CreateOptions create;  ///< of what a container is made of
  CriuOptions criu;
  std::string lsm_profile;        ///< "apparmor:NAME" or "selinux:LABEL" in place of its own; empty: its own
  std::string lsm_mount_context;  ///< the SELinux label of its mounts; empty: as they were
};

/// A container of this id from this bundle, which goes on where the checkpoint was made. The result and what
/// is left when it throws are as those of run().
int restore(const RestoreOptions& options, Stay stay);

}  // namespace tare::runtime
