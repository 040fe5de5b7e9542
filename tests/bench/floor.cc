// What the kernel charges for a container, and nothing around it: the work of the default bundle
// (`tare-runtime spec`) by the cheapest calls that do it. A yardstick, no runtime: it reads no configuration
// and checks nothing.
//
// usage: floor run STATE-DIRECTORY ROOTFS PROGRAM [ARGUMENT]...   makes a container, waits for its end,
// removes it
//        floor exec PID PROGRAM [ARGUMENT]...                     a program beside the process PID of a
//        container
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "sys/process.h"

namespace {

void must(long result, const char* what) {
  if (result >= 0) return;
  std::fprintf(stderr, "floor: %s: %s\n", what, std::strerror(errno));
  std::_Exit(127);
}

void write_file(const char* path, const char* text) {
  const int file = ::open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  must(file, path);
  must(::write(file, text, std::strlen(text)), path);
  ::close(file);
}

constexpr unsigned long locked_down = MS_NOSUID | MS_NODEV | MS_NOEXEC;

// A hierarchy of v1, or of v2, where distributions mount it.
struct Hierarchy {
  std::string mount, name;
  bool unified = false;
};

/// A line of /proc/PID/cgroup: a hierarchy's name as it is mounted, "" for v2, and the process's path in it.
struct Line {
  std::string name, path;
};

std::vector<Line> read_lines(const std::string& process) {
  char text[8192] = {};
  const int file = ::open(("/proc/" + process + "/cgroup").c_str(), O_RDONLY | O_CLOEXEC);
  must(file, "the cgroups");
  must(::read(file, text, sizeof text - 1), "the cgroups");
  ::close(file);
  std::vector<Line> lines;
  for (char* line = std::strtok(text, "\n"); line; line = std::strtok(nullptr, "\n")) {
    const char* name = std::strchr(line, ':') + 1;
    const char* path = std::strchr(name, ':') + 1;
    lines.push_back({std::string(name, path - 1), path});
    if (lines.back().name.starts_with("name=")) lines.back().name.erase(0, 5);
  }
  return lines;
}

std::vector<Hierarchy> find_hierarchies() {
  std::vector<Hierarchy> found;
  for (const Line& line : read_lines("self")) {
    const std::string name = line.name.empty() ? "unified" : line.name;
    const std::string mount = "/sys/fs/cgroup/" + name;
    if (::access(mount.c_str(), F_OK) == 0 || found.empty())
      found.push_back({mount, name, line.name.empty()});
  }
  if (found.size() == 1) found[0].mount = "/sys/fs/cgroup";
  return found;
}

// Everything that the child needs: it shares this memory, and allocates nothing.
struct Box {
  std::string state, rootfs;
  char** command = nullptr;
  std::vector<Hierarchy> hierarchies;
  std::vector<std::string> cgroups;  ///< the container's, as hierarchies
  std::vector<std::string> joins;    ///< `tasks` of v1
  std::vector<std::string> shown;    ///< where the container sees its cgroup
  bool is_v2 = false;
};

void make_cgroups(const Box& box) {
  for (std::size_t i = 0; i < box.cgroups.size(); i++) {
    const std::string& cgroup = box.cgroups[i];
    must(::mkdir(cgroup.c_str(), 0755), cgroup.c_str());
    if (box.hierarchies[i].name == "cpuset")
      for (const char* file : {"/cpuset.cpus", "/cpuset.mems"}) {
        char text[256] = {};
        const int from = ::open((box.hierarchies[i].mount + file).c_str(), O_RDONLY | O_CLOEXEC);
        must(::read(from, text, sizeof text - 1), file);
        ::close(from);
        write_file((cgroup + file).c_str(), text);
      }
    if (box.hierarchies[i].name != "devices") continue;
    write_file((cgroup + "/devices.deny").c_str(), "a");
    const int allow = ::open((cgroup + "/devices.allow").c_str(), O_WRONLY | O_CLOEXEC);
    for (const char* rule : {"c *:* m", "b *:* m", "c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 1:8 rwm",
                             "c 1:9 rwm", "c 5:0 rwm", "c 5:1 rwm", "c 5:2 rwm", "c 136:* rwm"})
      must(::write(allow, rule, std::strlen(rule)), rule);
    ::close(allow);
  }
}

void mount_at(const char* type, const char* place, unsigned long flags, const char* data) {
  must(::mount(type, place, type, flags, data), place);
}

// Relative to the new root, which is the working directory.
void mount_all(const Box& box) {
  mount_at("proc", "proc", 0, nullptr);
  mount_at("tmpfs", "dev", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k");
  for (const char* directory : {"dev/pts", "dev/shm", "dev/mqueue"})
    must(::mkdir(directory, 0755), directory);
  mount_at("devpts", "dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5");
  mount_at("tmpfs", "dev/shm", locked_down, "mode=1777,size=65536k");
  mount_at("mqueue", "dev/mqueue", locked_down, nullptr);
  mount_at("sysfs", "sys", locked_down | MS_RDONLY, nullptr);
  if (box.is_v2) return mount_at("cgroup2", "sys/fs/cgroup", locked_down | MS_RDONLY, nullptr);
  mount_at("tmpfs", "sys/fs/cgroup", locked_down, "mode=755,size=64k");
  for (std::size_t i = 0; i < box.cgroups.size(); i++) {
    const char* place = box.shown[i].c_str();
    must(::mkdir(place, 0755), place);
    must(::mount(box.cgroups[i].c_str(), place, nullptr, MS_BIND, nullptr), place);
    must(::mount(nullptr, place, nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY | locked_down, nullptr), place);
  }
  must(::mount(nullptr, "sys/fs/cgroup", nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY | locked_down, nullptr),
       "cgroups");
}

void make_nodes() {
  constexpr struct {
    const char* path;
    unsigned major, minor;
  } nodes[] = {{"dev/null", 1, 3},   {"dev/zero", 1, 5},    {"dev/full", 1, 7},
               {"dev/random", 1, 8}, {"dev/urandom", 1, 9}, {"dev/tty", 5, 0}};
  for (const auto& node : nodes)
    must(::mknod(node.path, S_IFCHR | 0666, makedev(node.major, node.minor)), node.path);
  constexpr const char* links[][2] = {{"/proc/self/fd", "dev/fd"},       {"/proc/self/fd/0", "dev/stdin"},
                                      {"/proc/self/fd/1", "dev/stdout"}, {"/proc/self/fd/2", "dev/stderr"},
                                      {"pts/ptmx", "dev/ptmx"},          {"/proc/kcore", "dev/core"}};
  for (const auto& link : links) must(::symlink(link[0], link[1]), link[1]);
}

// What is not there is no error.
void hide_paths() {
  for (const char* file : {"proc/interrupts", "proc/kcore", "proc/keys", "proc/latency_stats",
                           "proc/timer_list", "proc/timer_stats", "proc/sched_debug"})
    ::mount("dev/null", file, nullptr, MS_BIND, nullptr);
  const char* empty = nullptr;
  for (const char* directory : {"proc/acpi", "proc/asound", "proc/scsi", "sys/firmware"}) {
    const bool hidden =
        empty ? ::mount(empty, directory, nullptr, MS_BIND, nullptr) == 0
              : ::mount("tmpfs", directory, "tmpfs", MS_RDONLY | locked_down, "nr_inodes=2,size=4k") == 0;
    if (hidden && !empty) empty = directory;
  }
  for (const char* path : {"proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger"})
    if (::mount(path, path, nullptr, MS_BIND | MS_REC, nullptr) == 0)
      must(::mount(nullptr, path, nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr), path);
}

void raise_loopback() {
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP;
  must(::ioctl(socket, SIOCSIFFLAGS, &request), "lo");
  ::close(socket);
}

void give_rights_up() {
  constexpr unsigned kept = 1U << CAP_KILL | 1U << CAP_NET_BIND_SERVICE | 1U << CAP_AUDIT_WRITE;
  const rlimit files{1024, 1024};
  must(::setrlimit(RLIMIT_NOFILE, &files), "limit of open files");
  for (int capability = 0; capability <= CAP_LAST_CAP; capability++)
    if (capability >= 32 || !(kept >> capability & 1U)) ::prctl(PR_CAPBSET_DROP, capability);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {{kept, kept, 0}, {}};
  must(::syscall(SYS_capset, &header, data), "capabilities");
  must(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges");
}

[[noreturn]] void become(char** command) {
  char path[] = "PATH=/bin";
  char* environment[] = {path, nullptr};
  ::execve(command[0], command, environment);
  must(-1, command[0]);
  std::_Exit(127);
}

[[noreturn]] void live(void* argument) {
  const Box& box = *static_cast<const Box*>(argument);
  ::setsid();
  // A thread that moves itself takes no lock that waits for an RCU grace period.
  for (const auto& join : box.joins) write_file(join.c_str(), "0");
  must(::unshare(CLONE_NEWCGROUP), "cgroup namespace");
  const char* root = box.rootfs.c_str();
  must(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "private mounts");
  must(::mount(root, root, nullptr, MS_BIND | MS_REC, nullptr), root);
  must(::chdir(root), root);
  ::umask(0);
  mount_all(box);
  make_nodes();
  hide_paths();
  must(::mount(nullptr, ".", nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr), "read-only root");
  must(::syscall(SYS_pivot_root, ".", "."), "pivot_root");
  must(::umount2(".", MNT_DETACH), "the old root");
  must(::chdir("/"), "/");
  must(::sethostname("floor", 5), "hostname");
  raise_loopback();
  must(::syscall(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, "floor"), "keyring");
  ::umask(022);
  give_rights_up();
  become(box.command);
}

int run(char** words) {
  const std::string name = "tare-floor-" + std::to_string(::getpid());
  Box box{.state = std::string(words[0]) + "/" + name, .rootfs = words[1], .command = words + 2};
  box.hierarchies = find_hierarchies();
  box.is_v2 = box.hierarchies.size() == 1;
  int unified = -1;
  for (const auto& hierarchy : box.hierarchies) {
    box.cgroups.push_back(hierarchy.mount + "/" + name);
    box.shown.push_back("sys/fs/cgroup/" + hierarchy.name);
    if (!hierarchy.unified) box.joins.push_back(box.cgroups.back() + "/tasks");
  }
  must(::mkdir(box.state.c_str(), 0700), box.state.c_str());
  make_cgroups(box);
  for (std::size_t i = 0; i < box.cgroups.size(); i++)
    if (box.hierarchies[i].unified)
      unified = ::open(box.cgroups[i].c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  const tare::sys::Child child =
      tare::sys::clone_child(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET,
                             tare::sys::Fd(unified), live, &box);
  const std::string state = box.state + "/state.json";
  write_file(state.c_str(),
             ("{\"id\":\"" + name + "\",\"pid\":" + std::to_string(child.pid) + "}\n").c_str());
  const int status = tare::sys::reap(child.pid);
  for (const auto& cgroup : box.cgroups) must(::rmdir(cgroup.c_str()), cgroup.c_str());
  must(::unlink(state.c_str()), state.c_str());
  must(::rmdir(box.state.c_str()), box.state.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

[[noreturn]] void join(void* argument) { become(static_cast<char**>(argument)); }

int exec(char** words) {
  const int process = static_cast<int>(::syscall(SYS_pidfd_open, std::atoi(words[0]), 0));
  must(process, "the process");
  int unified = -1;
  for (const Line& line : read_lines(words[0])) {
    if (!line.name.empty()) {
      write_file(("/sys/fs/cgroup/" + line.name + line.path + "/tasks").c_str(), "0");
      continue;
    }
    for (const char* mount : {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"})
      if (unified < 0) unified = ::open((mount + line.path).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  }
  must(::setns(process, CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET),
       "namespaces");
  const tare::sys::Child child =
      tare::sys::clone_child(0, tare::sys::Fd(unified), join, static_cast<void*>(words + 1));
  const int status = tare::sys::reap(child.pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

int main(int count, char** words) {
  const std::string verb = count > 1 ? words[1] : "";
  if (verb == "run" && count > 4) return run(words + 2);
  if (verb == "exec" && count > 3) return exec(words + 2);
  std::fputs(
      "usage: floor run STATE-DIRECTORY ROOTFS PROGRAM [ARGUMENT]...\n"
      "       floor exec PID PROGRAM [ARGUMENT]...\n",
      stderr);
  return 2;
}
