// Times the loading of the default seccomp policy, as tare-init does it: one seccomp(2).
//
// usage: load_filter ROUNDS
//
// Each round a new process loads it, for filters pile up. Prints the fastest and the median of all, in
// milliseconds.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <vector>

#include "runtime/default_filter.h"

namespace {

double milliseconds() {
  timespec time;
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

double time_of_one_load(const sock_fprog& filter) {
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  const double began = milliseconds();
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &filter) != 0)
    return -1;
  return milliseconds() - began;
}

}  // namespace

int main(int, char** arguments) {
  const int rounds = arguments[1] ? std::atoi(arguments[1]) : 0;
  if (rounds < 1) {
    std::fprintf(stderr, "usage: load_filter ROUNDS\n");
    return 2;
  }
  const auto program = tare::runtime::usual_filter();
  const sock_fprog filter{static_cast<unsigned short>(program.size()),
                          reinterpret_cast<sock_filter*>(const_cast<std::uint64_t*>(program.data()))};
  auto* result = static_cast<double*>(
      ::mmap(nullptr, sizeof(double), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  std::vector<double> times;
  for (int round = 0; round < rounds; round++) {
    *result = -1;
    const pid_t child = ::fork();
    if (child == 0) {
      *result = time_of_one_load(filter);
      ::_exit(0);
    }
    ::waitpid(child, nullptr, 0);
    if (*result < 0) {
      std::fprintf(stderr, "load_filter: the kernel refuses the policy\n");
      return 1;
    }
    times.push_back(*result);
  }
  std::ranges::sort(times);
  std::printf("%.3f\t%.3f\t%zu\n", times.front(), times[times.size() / 2], program.size());
}
