// What is said to criu(8) and what it answers: the messages of its images/rpc.proto, one in each packet.
#pragma once

#include <string>
#include <string_view>
#include <sys/types.h>

#include "runtime/protobuf.h"

namespace tare::runtime {

/// What criu can be asked for; the numbers are those of criu_req_type.
enum class CriuOrder { dump = 1, restore = 2, pre_dump = 13 };

/// Its options; the numbers are those of criu_opts' fields.
enum class CriuOption : unsigned {
  images_directory = 1,
  pid = 2,
  leave_running = 3,
  ext_unix_sk = 4,
  tcp_established = 5,
  shell_job = 7,
  file_locks = 8,
  log_level = 9,
  log_file = 10,
  page_server = 11,
  notify_scripts = 12,
  root = 13,
  parent_images = 14,
  track_memory = 15,
  auto_dedup = 16,
  work_directory = 17,
  link_remap = 18,
  outside_mount = 23,
  cgroup_root = 25,
  restore_sibling = 26,
  inherited = 27,
  cgroup_treatment = 34,
  external = 37,
  empty_namespaces = 38,
  freeze_cgroup = 44,
  tcp_skip_in_flight = 46,
  lazy_pages = 48,
  status_fd = 49,
  orphan_terminal = 50,
  config_file = 51,
  lsm_profile = 53,
  lsm_mount_context = 63,
};

inline constexpr unsigned cgroup_root_path = 2;  ///< of cgroup_root; without a controller it is for all
/// The other messages in options have two fields: 1 and 2.
protobuf::Writer criu_pair(std::string_view first, std::string_view second);
protobuf::Writer criu_pair(std::string_view first, std::int64_t second);

std::string criu_request(CriuOrder order, const protobuf::Writer& options);
/// The answer to something that criu tells of. It waits for it, and gives up where it was no success.
std::string criu_answer(bool success);

struct CriuResponse {
  bool is_notice = false;  ///< it tells of something, and the answer to the request is still to come
  bool success = false;
  std::string notice;    ///< what it tells of
  pid_t pid = 0;         ///< the first process's, where it is said
  int error_number = 0;  ///< an errno value, or 0
  std::string words;     ///< the first of its errors; empty: it says none
};
/// Throws Error{invalid} where it is none.
CriuResponse parse_criu_response(std::string_view message);

}  // namespace tare::runtime
