// Which devices a container may use: rules as the v1 devices controller's list, and as the eBPF program that
// v2 has instead of it.
#pragma once

#include <linux/bpf.h>
#include <span>
#include <string>
#include <vector>

#include "oci/runtime_config.h"
#include "sys/unique_fd.h"

namespace tare::cgroup {

/// What every container gets that asked for nothing: the usual harmless devices, terminals, and the right to
/// make nodes (not to open them).
std::vector<oci::DeviceRule> default_device_rules();

/// "c 1:3 rwm", "b *:* m", "a *:* rwm": the kernel's notation.
std::string to_text(const oci::DeviceRule& rule);

/// The v1 devices controller knows a default and the exceptions from it.
struct DeviceList {
  bool allow_by_default = true;
  std::vector<oci::DeviceRule> exceptions;  ///< in the order they were first named
};

/// What the rules come to when the last match wins, for each kind of access by itself. Throws
/// Error{unsupported} where a rule takes back a part of another, which v1 cannot express.
DeviceList to_device_list(std::span<const oci::DeviceRule> rules);

/// The same rules as a program of type BPF_PROG_TYPE_CGROUP_DEVICE. What no rule speaks of is allowed.
std::vector<bpf_insn> compile_device_rules(std::span<const oci::DeviceRule> rules);

/// Whether bpf(2) loads such a program at all; a filter of system calls around this process may refuse it.
bool can_load_device_program();

/// Loads the program and attaches it to a v2 cgroup, where it stays as long as the cgroup. It comes on top of
/// what the cgroups above it forbid. Throws Error{unsupported} when bpf(2) is refused.
void attach_device_rules(sys::Fd unified_cgroup, std::span<const oci::DeviceRule> rules);

}  // namespace tare::cgroup
