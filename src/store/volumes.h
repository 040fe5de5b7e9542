// Volumes on disk: data that outlives containers, and who uses it.
//
//   ROOT/volumes/NAME/_data/           the data; what is mounted
//   ROOT/volumes/NAME/volume.json      what was said when it was made
//   ROOT/volumes/NAME/{new,full}/      its first contents, before they are in _data (fill)
//   ROOT/containers/ID/volumes/NAME    this container uses it; "anonymous" in it: and is what it was made for
//
// A volume is there as soon as its directory is; whoever holds it (flock(2) on that directory) makes what is
// missing of the rest. A container says that it uses a volume before it holds it, and a volume is removed
// only by one who holds it and finds no user: by one rename, so that a volume is whole or gone.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "state/containers.h"
#include "sys/unique_fd.h"

namespace tare::store {

struct Volume {
  std::string name;
  Time created;
  std::map<std::string, std::string> labels;
  bool anonymous = false;
};

HostPath volume_data(const HostPath& root, const std::string& name);
std::vector<std::string> list_volumes(const HostPath& root);
/// nullopt: there is none. Of one whose record cannot be read the name and a time are known.
std::optional<Volume> read_volume(const HostPath& root, const std::string& name);

/// A volume that nobody removes or fills as long as this lives.
class HeldVolume {
 public:
  /// Makes it where it is missing; one that is there stays as it is. Waits while somebody else holds it.
  HeldVolume(const HostPath& root, const Volume& volume);
  bool was_made() const { return was_made_; }

  /// Gives an empty volume the contents of the directory `from`, and the owner and mode; all or nothing: who
  /// is interrupted leaves something that the next caller finishes or begins again.
  void fill(sys::Fd from) const;

 private:
  sys::UniqueFd directory_;
  bool was_made_ = false;
};

/// The file that says that this container uses the volume.
HostPath use_path(const state::Place& place, const ContainerId& id, const std::string& volume);
/// To be said before the volume is held.
void note_use(const state::Place& place, const ContainerId& id, const std::string& volume, bool anonymous);
struct Use {
  std::string volume;
  bool anonymous = false;
};
std::vector<Use> uses_of(const state::Place& place, const ContainerId& id);
std::vector<ContainerId> users_of(const state::Place& place, const std::string& volume);

/// False: there is none. Throws Error{conflict} while a container uses it.
bool remove_volume(const state::Place& place, const std::string& name);
/// Those that go with this container, unless others use them too. The caller holds the container's lock, and
/// the container is still there.
void remove_anonymous_volumes(const state::Place& place, const ContainerId& id);

}  // namespace tare::store
