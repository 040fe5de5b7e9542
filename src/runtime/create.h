// create, start and run: from a bundle to a container.
#pragma once

#include <string>

#include "base/types.h"
#include "plan/document.h"
#include "runtime/console_socket.h"
#include "runtime/container_cgroup.h"

namespace tare::runtime {

struct CreateOptions {
  HostPath root;
  std::string id;
  HostPath bundle;             ///< may be relative
  std::string pid_file;        ///< empty: none
  std::string console_socket;  ///< empty: none
  int passed_descriptors = 0;  ///< 3 to 2 + this are the container's, too
  bool new_keyring = true;
  CgroupDriver driver = CgroupDriver::cgroupfs;
};

/// Its process waits for start() and lives on when this process ends. Nothing is left when it throws.
void create(const CreateOptions& options);

/// What create() would do, in order; touches nothing.
plan::Document plan_creation(const CreateOptions& options);

/// Throws Error{not_found}, Error{conflict} when it is not created, or what the exec said.
void start(const HostPath& root, const std::string& id);

enum class Keep { nothing, state };

/// Both at once. With Stay::until_end the result is the exit code, and the container is deleted then unless
/// it is to be kept.
int run(const CreateOptions& options, Stay stay, Keep keep);

}  // namespace tare::runtime
