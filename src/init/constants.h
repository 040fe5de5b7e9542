// Kernel numbers that init needs: the C library's headers cannot be included here, and some clash with the
// kernel's.
#pragma once

#include <stdint.h>

namespace tare::init {

// errno
inline constexpr int e_perm = 1, e_nosys = 38, e_noent = 2, e_intr = 4, e_again = 11, e_acces = 13,
                     e_exist = 17, e_notdir = 20, e_inval = 22, e_busy = 16, e_nodev = 19, e_xdev = 18,
                     e_rofs = 30, e_srch = 3, e_nxio = 6;
inline constexpr int e_pipe = 32, e_nametoolong = 36, e_loop = 40, e_proto = 71, e_connreset = 104,
                     e_connaborted = 103;

// openat2(2)
struct OpenHow {
  uint64_t flags, mode, resolve;
};
inline constexpr uint64_t resolve_no_xdev = 1, resolve_no_magiclinks = 2, resolve_no_symlinks = 4,
                          resolve_beneath = 8, resolve_in_root = 16;
inline constexpr int access_execute = 1, at_eaccess = 0x200;
inline constexpr int at_fdcwd = -100, at_empty_path = 0x1000, at_recursive = 0x8000,
                     at_symlink_nofollow = 0x100;
inline constexpr int f_setfd = 2, fd_cloexec = 1, f_setfl = 4;
inline constexpr int o_wronly = 1, o_rdwr = 2, o_noctty = 0400, o_nonblock = 04000, o_cloexec = 02000000;
#if defined(__aarch64__)
inline constexpr int o_directory = 040000, o_nofollow = 0100000, o_path = 010000000;
#else
inline constexpr int o_directory = 0200000, o_nofollow = 0400000, o_path = 010000000;
#endif

// mounts
inline constexpr unsigned fsopen_cloexec = 1, fsmount_cloexec = 1, open_tree_clone = 1,
                          open_tree_cloexec = 02000000;
inline constexpr unsigned fsconfig_set_flag = 0, fsconfig_set_string = 1, fsconfig_cmd_create = 6;
inline constexpr unsigned move_mount_f_empty_path = 4, move_mount_t_empty_path = 0x40;
inline constexpr uint64_t mount_attr_rdonly = 1, mount_attr_nosuid = 2, mount_attr_nodev = 4,
                          mount_attr_noexec = 8, mount_attr_atime = 0x70, mount_attr_noatime = 0x10,
                          mount_attr_strictatime = 0x20, mount_attr_nodiratime = 0x80,
                          mount_attr_nosymfollow = 0x200000, mount_attr_idmap = 0x100000;
inline constexpr int mnt_detach = 2;
inline constexpr long ms_rdonly = 1, ms_nosuid = 2, ms_nodev = 4, ms_noexec = 8, ms_remount = 32,
                      ms_nosymfollow = 256, ms_noatime = 1024, ms_nodiratime = 2048, ms_bind = 4096,
                      ms_move = 8192, ms_recursive = 16384, ms_private = 1 << 18, ms_relatime = 1 << 21,
                      ms_strictatime = 1 << 24;
struct MountAttributes {
  uint64_t set, clear, propagation, userns_fd;
};

// files
inline constexpr unsigned s_ifmt = 0170000, s_ifdir = 0040000, s_ifchr = 0020000, s_ifblk = 0060000,
                          s_ifreg = 0100000;
inline constexpr unsigned statx_basic = 0x7ff, statx_mount = 0x1000;
struct StatxTime {
  int64_t seconds;
  uint32_t nanoseconds;
  int32_t reserved;
};
inline constexpr long proc_super_magic = 0x9fa0, proc_root_inode = 1;
inline constexpr long overlay_super_magic = 0x794c7630, st_rdonly = 1, st_nosuid = 2, st_nodev = 4,
                      st_noexec = 8, st_noatime = 1024, st_nodiratime = 2048, st_relatime = 4096,
                      st_nosymfollow = 8192;
struct Statfs {
  long type, more[9];
  long flags, spare[4];
};
struct Statx {
  uint32_t mask, blksize;
  uint64_t attributes;
  uint32_t nlink, uid, gid;
  uint16_t mode, spare;
  uint64_t ino, size, blocks, attributes_mask;
  StatxTime times[4];
  uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
  uint64_t mount;
  uint64_t more[13];
};

// processes
inline constexpr int pr_set_pdeathsig = 1, pr_set_dumpable = 4, pr_set_keepcaps = 8, pr_set_name = 15;
inline constexpr uint64_t clone_parent = 0x8000, clone_into_cgroup = 0x200000000;
struct CloneArguments {
  uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size,
      cgroup;
};
inline constexpr int pr_set_child_subreaper = 36, sig_kill = 9, sig_child = 17, wait_no_hang = 1;
inline constexpr int pr_capbset_drop = 24, pr_set_no_new_privs = 38, pr_cap_ambient = 47;
inline constexpr int pr_cap_ambient_raise = 2, pr_cap_ambient_clear_all = 4;
inline constexpr int seccomp_set_mode_filter = 1;
inline constexpr int sig_setmask = 2, msg_nosignal = 0x4000, msg_peek = 2, msg_dontwait = 0x40;
inline constexpr int prot_read_write = 3, map_shared = 1, map_private = 2, map_anonymous = 0x20,
                     map_noreserve = 0x4000, map_fixed_noreplace = 0x100000;
inline constexpr int close_range_cloexec = 4;
inline constexpr int keyctl_join_session_keyring = 1;

// terminals, network
inline constexpr unsigned long tiocsptlck = 0x40045431, tiocgptpeer = 0x5441, tiocswinsz = 0x5414,
                               tiocsctty = 0x540e, tiocspgrp = 0x5410;
inline constexpr unsigned long siocsifflags = 0x8914;
inline constexpr int af_inet = 2, sock_dgram_cloexec = 2 | 02000000, iff_up = 1;
inline constexpr int sol_socket = 1, scm_rights = 1;

}  // namespace tare::init
