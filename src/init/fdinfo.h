// What procfs says of a descriptor (proc_pid_fdinfo(5)).
#pragma once

#include <stdint.h>

namespace tare::init {

/// The number behind `key`, such as "mnt_id:\t"; 0 where there is none. Of the host's procfs.
uint64_t read_fdinfo(int fd, const char* key);

}  // namespace tare::init
