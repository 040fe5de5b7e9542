#include "runtime/seccomp_listener.h"

#include <memory>

#include "base/error.h"
#include "base/format.h"
#include "base/json.h"
#include "runtime/console_socket.h"
#include "runtime/plan_filter.h"
#include "runtime/state_dir.h"
#include "sys/socket.h"

namespace tare::runtime {

Container::WhenFiltered reach_listener(const oci::RuntimeConfig& config, ListenerSubject subject) {
  if (!has_listener(config)) return {};
  const std::string& path = config.seccomp->listener_path;
  json::object annotations;
  for (const auto& [key, value] : config.annotations) annotations[key] = value;
  return [socket = std::make_shared<sys::UniqueFd>(connect_to(path, "connect to the seccomp listener")), path,
          metadata = config.seccomp->listener_metadata, subject = std::move(subject),
          annotations = std::move(annotations)](const Container& container, sys::UniqueFd listener) {
    const json::object told{{"ociVersion", spec_version},
                            {"fds", {"seccompFd"}},
                            {"pid", container.pid()},
                            {"metadata", metadata},
                            {"state",
                             {{"ociVersion", spec_version},
                              {"id", subject.id},
                              {"status", subject.status},
                              {"pid", subject.pid != 0 ? subject.pid : container.pid()},
                              {"bundle", subject.bundle},
                              {"annotations", annotations}}}};
    if (!sys::try_send_descriptor(*socket, json::compact(told), listener))
      throw system_error(format("cannot tell the seccomp listener {}", path));
    socket->reset();
  };
}

}  // namespace tare::runtime
