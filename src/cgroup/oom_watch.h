// A descriptor that becomes readable when the kernel has ended a process of a cgroup for want of memory.
#pragma once

#include <string>

#include "cgroup/layout.h"
#include "sys/unique_fd.h"

namespace tare::cgroup {

/// For poll(2), and to be drained; read_usage then says how many there were. It becomes readable when the
/// cgroup is removed, too, and for other events of its memory. Invalid where the kernel tells nobody.
/// v1: cgroup.event_control (Documentation/admin-guide/cgroup-v1/memory.rst, 9 and 10); v2: inotify(7).
sys::UniqueFd watch_oom(const Layout& layout, const std::string& path);

/// Takes what is to be read.
void drain(sys::Fd watch);

}  // namespace tare::cgroup
