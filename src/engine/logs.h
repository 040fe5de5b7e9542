// `tare logs`: what a container wrote, from its log.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "monitor/log_writer.h"
#include "state/containers.h"

namespace tare::engine {

struct LogQuery {
  bool follow = false;                ///< go on until the container has ended
  bool timestamps = false;            ///< each line's time before it
  bool details = false;               ///< what `--log-opt labels=… env=…` named, before it
  std::optional<std::uint64_t> tail;  ///< the last lines only
  std::optional<Time> since, until;
};

/// Takes what is to be shown, in order: of one stream, some lines or pieces of lines.
using ShowLog = std::function<void(monitor::LogStream stream, std::string_view text)>;

/// Throws Error{not_found}, or Error{unsupported} where no log is kept.
void show_log(const state::Place& place, const std::string& name_or_id, const LogQuery& query,
              const ShowLog& show);

}  // namespace tare::engine
