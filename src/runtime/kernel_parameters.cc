#include "runtime/kernel_parameters.h"

#include <algorithm>

#include "base/error.h"
#include "base/format.h"

namespace tare::runtime {
namespace {

using oci::NamespaceKind;

constexpr std::string_view of_ipc[] = {"kernel.msgmax", "kernel.msgmnb",         "kernel.msgmni",
                                       "kernel.sem",    "kernel.shmall",         "kernel.shmmax",
                                       "kernel.shmmni", "kernel.shm_rmid_forced"};

Error refuse(const std::string& name, std::string_view why) {
  return Error(ErrorKind::invalid, format("sysctl \"{}\" {}", name, why));
}

void check_name(const oci::RuntimeConfig& config, const std::string& name) {
  const auto kind = namespace_of_parameter(name);
  const bool is_own =
      kind && std::ranges::find(config.namespaces, *kind, &oci::Namespace::kind) != config.namespaces.end();
  if (name == "kernel.hostname") throw refuse(name, "is not allowed: the hostname is set by --hostname");
  if (kind == NamespaceKind::ipc && !is_own) throw refuse(name, "is not allowed in the hosts ipc namespace");
  if (kind == NamespaceKind::network && !is_own) throw refuse(name, "not allowed in host network namespace");
  if (!is_own) throw refuse(name, "is not in a separate kernel namespace");
}

// Below the mount of procfs; the two separators change places.
std::string path_of(const std::string& name) {
  std::string path = "sys/" + name;
  std::ranges::transform(path.begin() + 4, path.end(), path.begin() + 4, [](char c) {
    return c == '.' ? '/' : c == '/' ? '.' : c;
  });
  return path;
}

}  // namespace

std::string normal_parameter_name(std::string_view name) {
  std::string normal(name);
  const auto separator = name.find_first_of("./");
  if (separator == std::string_view::npos || name[separator] == '.') return normal;
  std::ranges::transform(normal, normal.begin(), [](char c) { return c == '.' ? '/' : c == '/' ? '.' : c; });
  return normal;
}

std::optional<NamespaceKind> namespace_of_parameter(std::string_view name) {
  // A slash stands for the dot of a path, so a part of slashes alone would be . or .. and lead elsewhere.
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('.', begin), name.size());
    if (name.substr(begin, end - begin).find_first_not_of('/') == name.npos) return std::nullopt;
    begin = end + 1;
  }
  if (std::ranges::find(of_ipc, name) != std::end(of_ipc) || name.starts_with("fs.mqueue."))
    return NamespaceKind::ipc;
  if (name.starts_with("net.")) return NamespaceKind::network;
  if (name == "kernel.domainname") return NamespaceKind::uts;
  return std::nullopt;
}

void check_parameter(const oci::RuntimeConfig& config, const oci::KernelParameter& parameter) {
  const std::string name = normal_parameter_name(parameter.name);
  check_name(config, name);
  if (parameter.value.empty()) throw refuse(name, "has no value");
}

void plan_parameters(plan::Program& program, const oci::RuntimeConfig& config, std::int32_t proc) {
  for (const auto& parameter : config.sysctl) {
    const std::string name = normal_parameter_name(parameter.name);
    check_parameter(config, parameter);
    if (proc == plan::no_slot)
      throw Error(ErrorKind::unsupported,
                  format("the sysctl \"{}\" needs a /proc of the container's own", name));
    program.add(
        {.kind = plan::Kind::set_parameter, .slot = proc, .path = path_of(name), .text = parameter.value});
  }
}

}  // namespace tare::runtime
