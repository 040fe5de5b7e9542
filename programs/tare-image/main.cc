// tare-image: everything that moves image bytes. Parses the command line and calls the command.
#include <cstdio>
#include <cstring>
#include <exception>

#include "base/error.h"
#include "commands/commands.h"
#include "sys/process.h"

namespace {

constexpr int failed = 125;

struct Command {
  const char* name;
  void (*run)(int count, char** arguments);
};

constexpr Command commands[] = {
    {"unpack", tare::commands::unpack},
};

void run(int count, char** arguments) {
  if (count < 2)
    throw tare::Error(tare::ErrorKind::usage, "no command", 0, "tare-image unpack --root DIR FILE");
  for (const Command& command : commands)
    if (std::strcmp(command.name, arguments[1]) == 0) return command.run(count - 2, arguments + 2);
  throw tare::Error(tare::ErrorKind::usage, std::string("unknown command ") + arguments[1]);
}

}  // namespace

int main(int count, char** arguments) {
  tare::sys::keep_ended_children();
  try {
    run(count, arguments);
    return std::fflush(stdout) == 0 ? 0 : failed;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tare: %s\n", error.what());
    return failed;
  }
}
