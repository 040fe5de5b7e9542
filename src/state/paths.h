// Where the files of containers lie (docs/storage-layout.md). For this layer alone.
#pragma once

#include "state/containers.h"

namespace tare::state {

inline constexpr auto containers = "containers", names = "names", locks = "locks";
inline constexpr auto record_name = "/record.json";

inline std::string lock_path(const Place& place, const ContainerId& id) {
  return (place.root / locks / id.value).value;
}
inline std::string name_path(const Place& place, const std::string& name) {
  return (place.root / names / name).value;
}
inline std::string record_path(const Place& place, const ContainerId& id) {
  return place.directory_of(id).value + record_name;
}
inline std::string id_path(const Place& place, const ContainerId& id) {
  return (place.directory_of(id) / "id").value;
}

inline HostPath running_directory(const Place& place) { return place.run_root / "containers"; }
inline std::string running_path(const Place& place, const ContainerId& id) {
  return (running_directory(place) / (id.value + ".json")).value;
}
inline std::string socket_name(const ContainerId& id) { return id.value + ".sock"; }
inline std::string socket_path(const Place& place, const ContainerId& id) {
  return (running_directory(place) / socket_name(id)).value;
}

}  // namespace tare::state
