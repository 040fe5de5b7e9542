// Whatever `update --resources` reads, on top of whatever a container has, it ends in what is written to
// cgroups of either kind or in an Error. The input is two documents with a NUL between them.
#include "base/error.h"
#include "cgroup/limits.h"
#include "runtime/config_fields.h"
#include "runtime/update.h"

using namespace tare;

namespace {

const std::vector<std::string> controllers = {"cpu",     "cpuset",  "memory", "pids",    "io",   "blkio",
                                              "devices", "hugetlb", "rdma",   "net_cls", "misc", "net_prio"};

cgroup::Layout layout(bool unified) {
  return {.hierarchies = {{.mount = HostPath("/sys/fs/cgroup"),
                           .name = unified ? "" : "all",
                           .controllers = controllers,
                           .unified = unified,
                           .own_path = "/",
                           .writable = true}}};
}

json::object read(std::string_view text) { return json::as_object(json::parse(text)); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(text.find('\0'), text.size());
  try {
    const json::object said = runtime::said_resources(read(text.substr(0, end)));
    const json::object known =
        end == text.size() ? json::object() : runtime::said_resources(read(text.substr(end + 1)));
    const json::value wanted(runtime::with_partners(said, runtime::merged_resources(known, said)));
    const oci::Resources resources = runtime::read_resources(json::Node(wanted));
    for (const bool unified : {false, true}) try {
        (void)cgroup::needed_controllers(resources);
        (void)cgroup::plan_limits(layout(unified), resources);
      } catch (const Error&) {
      }
  } catch (const Error&) {
  }
  return 0;
}
