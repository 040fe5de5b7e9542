#include "cgroup/devices.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"

namespace tare::cgroup {
namespace {

using oci::DeviceRule;

constexpr unsigned all_access = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE;

unsigned access_of(const DeviceRule& rule) {
  return (rule.mknod ? unsigned{BPF_DEVCG_ACC_MKNOD} : 0u) | (rule.read ? unsigned{BPF_DEVCG_ACC_READ} : 0u) |
         (rule.write ? unsigned{BPF_DEVCG_ACC_WRITE} : 0u);
}

void set_access(DeviceRule& rule, unsigned access) {
  rule.mknod = access & BPF_DEVCG_ACC_MKNOD;
  rule.read = access & BPF_DEVCG_ACC_READ;
  rule.write = access & BPF_DEVCG_ACC_WRITE;
}

bool is_about_everything(const DeviceRule& rule) {
  return rule.type == 'a' && !rule.major && !rule.minor && access_of(rule) == all_access;
}

using Number = std::optional<std::uint32_t>;
bool overlaps(Number a, Number b) { return !a || !b || *a == *b; }
bool covers(Number a, Number b) { return !a || (b && *a == *b); }

/// Adds a rule about c or b devices to the list it changes.
void apply_to(DeviceList& list, const DeviceRule& rule) {
  auto& exceptions = list.exceptions;
  const unsigned access = access_of(rule);
  if (rule.allow != list.allow_by_default) {
    const auto same = std::ranges::find_if(exceptions, [&](const DeviceRule& other) {
      return other.type == rule.type && other.major == rule.major && other.minor == rule.minor;
    });
    if (same == exceptions.end())
      exceptions.push_back(rule);
    else
      set_access(*same, access_of(*same) | access);
    return;
  }
  for (auto& other : exceptions) {
    if (other.type != rule.type || !overlaps(other.major, rule.major) || !overlaps(other.minor, rule.minor) ||
        (access_of(other) & access) == 0)
      continue;
    // The kernel ignores such a rule without a word, and the container would have more than it was given.
    if (!covers(rule.major, other.major) || !covers(rule.minor, other.minor))
      throw Error(ErrorKind::unsupported,
                  format("the device rule \"{} {}\" takes back a part of \"{}\", which cgroup v1 cannot do",
                         rule.allow ? "allow" : "deny", to_text(rule), to_text(other)));
    set_access(other, access_of(other) & ~access);
  }
  std::erase_if(exceptions, [](const DeviceRule& other) { return access_of(other) == 0; });
}

// Registers of the program: the context becomes the access that no rule has decided yet.
constexpr std::uint8_t result = BPF_REG_0, context = BPF_REG_1, wanted = BPF_REG_2, type = BPF_REG_3,
                       major_number = BPF_REG_4, minor_number = BPF_REG_5;

bpf_insn instruction(int code, std::uint8_t to, std::uint8_t from, int offset, std::uint32_t immediate) {
  bpf_insn made{};
  made.code = static_cast<__u8>(code);
  made.dst_reg = to & 15;
  made.src_reg = from & 15;
  made.off = static_cast<__s16>(offset);
  made.imm = static_cast<__s32>(immediate);
  return made;
}

bpf_insn load(std::uint8_t to, std::size_t offset) {
  return instruction(BPF_LDX | BPF_MEM | BPF_W, to, context, static_cast<int>(offset), 0);
}
bpf_insn compute(int operation, std::uint8_t to, std::uint32_t immediate) {
  return instruction(BPF_ALU | BPF_K | operation, to, 0, 0, immediate);
}
/// Jumps over `count` instructions. The 32-bit comparison: the other one would extend the sign.
bpf_insn skip_if(int condition, std::uint8_t value, std::uint32_t immediate, int count) {
  return instruction(BPF_JMP32 | BPF_K | condition, value, 0, count, immediate);
}

void append_answer(std::vector<bpf_insn>& program, bool allow) {
  program.push_back(compute(BPF_MOV, result, allow));
  program.push_back(instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
}

/// What to do when the rule matches the device.
std::vector<bpf_insn> consequence(const DeviceRule& rule) {
  const unsigned access = access_of(rule);
  std::vector<bpf_insn> block;
  if (access != all_access && rule.allow) {
    block.push_back(compute(BPF_AND, wanted, ~access));
    block.push_back(skip_if(BPF_JNE, wanted, 0, 2));
  } else if (access != all_access) {
    block.push_back(compute(BPF_MOV, result, access));
    block.push_back(instruction(BPF_ALU | BPF_X | BPF_AND, result, wanted, 0, 0));
    block.push_back(skip_if(BPF_JEQ, result, 0, 2));
  }
  append_answer(block, rule.allow);
  return block;
}

long bpf(int command, bpf_attr& attributes) {
  return ::syscall(SYS_bpf, command, &attributes, sizeof attributes);
}

sys::UniqueFd try_load(const std::vector<bpf_insn>& program) {
  bpf_attr attributes{};
  attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attributes.insns = reinterpret_cast<__u64>(program.data());
  attributes.insn_cnt = static_cast<__u32>(program.size());
  attributes.license = reinterpret_cast<__u64>("Apache-2.0");
  std::strcpy(attributes.prog_name, "tare_devices");
  return sys::UniqueFd(static_cast<int>(bpf(BPF_PROG_LOAD, attributes)));
}

Error refused(const char* what) {
  const int number = errno;
  const bool missing = number == EPERM || number == EACCES || number == ENOSYS;
  return Error(
      missing ? ErrorKind::unsupported : ErrorKind::system, what, number,
      missing ? "it needs CAP_BPF or CAP_SYS_ADMIN, CAP_NET_ADMIN, and a kernel with CONFIG_CGROUP_BPF" : "");
}

}  // namespace

std::vector<DeviceRule> default_device_rules() {
  struct Row {
    bool allow;
    char type;
    int major, minor;  // -1: any
    const char* access;
  };
  static constexpr Row rows[] = {
      {false, 'a', -1, -1, "rwm"},
      {true, 'c', -1, -1, "m"},  // making a node needs CAP_MKNOD, opening it a rule of its own
      {true, 'b', -1, -1, "m"},
      {true, 'c', 1, 3, "rwm"},     // null
      {true, 'c', 1, 5, "rwm"},     // zero
      {true, 'c', 1, 7, "rwm"},     // full
      {true, 'c', 1, 8, "rwm"},     // random
      {true, 'c', 1, 9, "rwm"},     // urandom
      {true, 'c', 5, 0, "rwm"},     // tty
      {true, 'c', 5, 1, "rwm"},     // console
      {true, 'c', 5, 2, "rwm"},     // ptmx
      {true, 'c', 136, -1, "rwm"},  // pts
  };
  std::vector<DeviceRule> rules;
  rules.reserve(std::size(rows));
  const auto number = [](int n) { return n < 0 ? Number{} : Number(static_cast<std::uint32_t>(n)); };
  for (const Row& row : rows)
    rules.push_back({.allow = row.allow,
                     .type = row.type,
                     .major = number(row.major),
                     .minor = number(row.minor),
                     .read = std::strchr(row.access, 'r') != nullptr,
                     .write = std::strchr(row.access, 'w') != nullptr,
                     .mknod = std::strchr(row.access, 'm') != nullptr});
  return rules;
}

std::string to_text(const DeviceRule& rule) {
  const auto number = [](Number n) { return n ? std::to_string(*n) : std::string("*"); };
  std::string text(1, rule.type);
  text.append(" ").append(number(rule.major)).append(":").append(number(rule.minor)).append(" ");
  if (rule.read) text += 'r';
  if (rule.write) text += 'w';
  if (rule.mknod) text += 'm';
  return text;
}

DeviceList to_device_list(std::span<const DeviceRule> rules) {
  DeviceList list;
  for (const DeviceRule& rule : rules) {
    if (is_about_everything(rule)) {
      list = {.allow_by_default = rule.allow, .exceptions = {}};
    } else if (access_of(rule) != 0) {
      for (char one : {'c', 'b'}) {
        if (rule.type != 'a' && rule.type != one) continue;
        DeviceRule of_type = rule;
        of_type.type = one;
        apply_to(list, of_type);
      }
    }
  }
  return list;
}

std::vector<bpf_insn> compile_device_rules(std::span<const DeviceRule> rules) {
  std::vector<bpf_insn> program = {
      load(type, offsetof(bpf_cgroup_dev_ctx, access_type)),
      load(wanted, offsetof(bpf_cgroup_dev_ctx, access_type)),
      load(major_number, offsetof(bpf_cgroup_dev_ctx, major)),
      load(minor_number, offsetof(bpf_cgroup_dev_ctx, minor)),
      compute(BPF_AND, type, 0xffff),
      compute(BPF_RSH, wanted, 16),
  };
  // The last match wins: ask the last rule first. The verifier wants no code that cannot be reached, so a
  // rule about everything is the end.
  for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
    if (access_of(*rule) == 0) continue;
    if (is_about_everything(*rule)) {
      append_answer(program, rule->allow);
      return program;
    }
    const auto block = consequence(*rule);
    int left = (rule->type != 'a') + rule->major.has_value() + rule->minor.has_value() +
               static_cast<int>(block.size());
    const auto require = [&](std::uint8_t value, std::uint32_t number) {
      program.push_back(skip_if(BPF_JNE, value, number, --left));
    };
    if (rule->type != 'a') require(type, rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
    if (rule->major) require(major_number, *rule->major);
    if (rule->minor) require(minor_number, *rule->minor);
    program.insert(program.end(), block.begin(), block.end());
  }
  append_answer(program, true);
  return program;
}

bool can_load_device_program() { return try_load(compile_device_rules({})).valid(); }

void attach_device_rules(sys::Fd unified_cgroup, std::span<const DeviceRule> rules) {
  const sys::UniqueFd loaded = try_load(compile_device_rules(rules));
  if (!loaded) throw refused("cannot load the program that limits the use of devices");

  bpf_attr attributes{};
  attributes.target_fd = static_cast<__u32>(unified_cgroup.number());
  attributes.attach_bpf_fd = static_cast<__u32>(loaded.number());
  attributes.attach_type = BPF_CGROUP_DEVICE;
  // Without MULTI the kernel refuses where a cgroup above has a program too, as services of systemd do.
  attributes.attach_flags = BPF_F_ALLOW_MULTI;
  if (bpf(BPF_PROG_ATTACH, attributes) != 0)
    throw refused("cannot attach the program that limits the use of devices");
}

}  // namespace tare::cgroup
