// The numbers of system calls that are newer than libseccomp may be: 2.5.4, which Debian 12 has, ends with
// Linux 5.17. Since 424 a call has the same number in every ABI; x32 adds its bit.
#pragma once

#include <cstdint>
#include <string_view>

namespace tare::runtime {

struct NewerCall {
  std::string_view name;
  std::uint32_t number;
  bool on_x86_64_only = false;
};

inline constexpr NewerCall newer_calls[] = {
    {"uretprobe", 335, true},   {"set_mempolicy_home_node", 450},
    {"cachestat", 451},         {"fchmodat2", 452},
    {"map_shadow_stack", 453},  {"futex_wake", 454},
    {"futex_wait", 455},        {"futex_requeue", 456},
    {"statmount", 457},         {"listmount", 458},
    {"lsm_get_self_attr", 459}, {"lsm_set_self_attr", 460},
    {"lsm_list_modules", 461},  {"mseal", 462},
    {"setxattrat", 463},        {"getxattrat", 464},
    {"listxattrat", 465},       {"removexattrat", 466},
    {"open_tree_attr", 467},    {"file_getattr", 468},
    {"file_setattr", 469},
};

inline constexpr std::uint32_t x32_bit = 0x40000000;

}  // namespace tare::runtime
