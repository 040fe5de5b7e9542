// create, start and run: from a bundle to a container.
#pragma once

#include <string>

#include "base/types.h"
#include "plan/document.h"
#include "runtime/console_socket.h"
#include "runtime/container_cgroup.h"
#include "runtime/hooks.h"

namespace tare::runtime {

struct CreateOptions {
  HostPath root;
  std::string id;
  HostPath bundle;             ///< may be relative
  std::string pid_file;        ///< empty: none
  std::string config_file;     ///< in place of the bundle's config.json; empty: that one
  std::string console_socket;  ///< empty: none
  std::string pidfd_socket;    ///< where a pidfd of its process is sent; empty: nowhere
  int passed_descriptors = 0;  ///< 3 to 2 + this are the container's, too
  bool new_keyring = true;
  bool pivots = true;  ///< else the root is moved over / and changed to: for an initial ramdisk
  CgroupDriver driver = CgroupDriver::cgroupfs;
  Warn warn = [](std::string_view) {};
};

/// Its process waits for start() and lives on when this process ends. Nothing is left when it throws.
void create(const CreateOptions& options);

/// What create() would do, in order; touches nothing.
plan::Document plan_creation(const CreateOptions& options);

/// Throws Error{not_found}, Error{conflict} when it is not created, what the exec said, or what a hook did;
/// the container has then stopped.
void start(const HostPath& root, const std::string& id);

enum class Keep { nothing, state };

/// Both at once. With Stay::until_end the result is the exit code, and the container is deleted then unless
/// it is to be kept.
int run(const CreateOptions& options, Stay stay, Keep keep);

}  // namespace tare::runtime
