#include "runtime/container_cgroup.h"

#include "base/error.h"
#include "base/format.h"
#include "cgroup/devices.h"
#include "sys/file.h"
#include "sys/user_namespace.h"

namespace tare::runtime {
namespace {

std::optional<cgroup::Scope> start_scope(const CgroupOrder& order) {
  if (!order.unit) return std::nullopt;
  cgroup::Systemd systemd = cgroup::Systemd::connect(cgroup::address_of(cgroup::own_manager()));
  return cgroup::Scope::start(std::move(systemd), order.layout, *order.unit, properties_of(order));
}

cgroup::Cgroup make_cgroup(const CgroupOrder& order) {
  const auto needed = cgroup::needed_controllers(order.config.resources);
  return order.unit ? cgroup::Cgroup::adopt(order.layout, order.config.cgroups_path, needed)
                    : cgroup::Cgroup::create(order.layout, order.config.cgroups_path, needed,
                                             cgroup::Cgroup::Existing::taken);
}

}  // namespace

CgroupDriver parse_driver(const std::string& text) {
  if (text == "cgroupfs") return CgroupDriver::cgroupfs;
  if (text == "systemd") return CgroupDriver::systemd;
  if (text == "disabled") return CgroupDriver::none;
  throw Error(ErrorKind::usage, format("invalid cgroup-manager: {}", text), 0,
              "cgroupfs, systemd or disabled");
}

cgroup::Unit unit_for(const std::string& cgroups_path, const std::string& id) {
  const cgroup::Manager manager = cgroup::own_manager();
  const auto first = sys::try_read_file(sys::here, "/proc/1/cgroup");
  return cgroup::unit_of(cgroups_path, id, manager,
                         cgroup::manager_root(manager, first.value_or(""), sys::outside_uid()));
}

std::vector<cgroup::Property> properties_of(const CgroupOrder& order) {
  return cgroup::unit_properties(*order.unit, order.id, order.limits, order.config.annotations);
}

ContainerCgroup::ContainerCgroup(const CgroupOrder& order)
    : scope_(start_scope(order)), cgroup_(make_cgroup(order)) {
  // Of a unit, too: systemd has no property for some, and rounds others.
  cgroup_.apply(order.limits);
  if (order.layout.device_filter() == cgroup::DeviceFilter::program)
    cgroup::attach_device_rules(cgroup_.open_unified(), order.config.resources.devices);
  if (scope_) scope_->make_room();
}

void ContainerCgroup::occupied() {
  if (scope_) scope_->occupied();
}

void ContainerCgroup::keep() noexcept {
  cgroup_.keep();
  if (scope_) scope_->keep();
}

}  // namespace tare::runtime
