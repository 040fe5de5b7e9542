// Times commands in turn, so that what the machine does otherwise hits all of them alike.
//
// usage: pace [--gap MILLISECONDS] [--copies N] ROUNDS <TABLE
//
// A line of TABLE is MEASURE, CONTENDER and COMMAND, separated by tabs; the command's words are separated by
// blanks, and {} in it is the number of the round, or with copies ROUND-COPY. In each round every measure is
// taken in the order of the table, and within a measure every contender once, each round another one first.
// The measure
// `-` is not timed: such lines prepare and clean up. Before each timed command there is the gap; with N
// copies that many are started at once, and the time is that until all have ended, by N. A line of the result
// is MEASURE, CONTENDER, the largest resident set of one process in KiB, how many commands failed, and the
// times in milliseconds, one a round, separated by blanks.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <vector>

namespace {

struct Contender {
  std::string name, command;
  std::vector<double> times = {};  ///< milliseconds, one a round
  int failures = 0;
  long resident = 0;  ///< KiB
};

struct Measure {
  std::string name;
  std::vector<Contender> contenders = {};
};

std::vector<Measure> read_table() {
  std::vector<Measure> measures;
  char* line = nullptr;
  std::size_t room = 0;
  for (ssize_t size; (size = ::getline(&line, &room, stdin)) > 0;) {
    std::string text(line, static_cast<std::size_t>(size));
    if (text.ends_with('\n')) text.pop_back();
    const std::size_t first = text.find('\t'), second = text.find('\t', first + 1);
    if (second == std::string::npos) {
      std::fprintf(stderr, "pace: not three fields: %s\n", text.c_str());
      std::exit(2);
    }
    const std::string name = text.substr(0, first);
    if (measures.empty() || measures.back().name != name) measures.push_back({name});
    measures.back().contenders.push_back(
        {text.substr(first + 1, second - first - 1), text.substr(second + 1)});
  }
  std::free(line);
  return measures;
}

struct Manner {
  int gap = 0;  ///< milliseconds
  int copies = 1;
};

std::vector<std::string> words_of(const std::string& command, const std::string& number) {
  std::vector<std::string> words;
  for (std::size_t at = 0; (at = command.find_first_not_of(' ', at)) != std::string::npos;) {
    const std::size_t end = std::min(command.find(' ', at), command.size());
    std::string word = command.substr(at, end - at);
    if (const std::size_t mark = word.find("{}"); mark != std::string::npos) word.replace(mark, 2, number);
    words.push_back(std::move(word));
    at = end;
  }
  return words;
}

// Its output goes nowhere. 0: it could not be started.
pid_t start(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  pid_t pid = 0;
  const bool started = ::posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environ) == 0;
  ::posix_spawn_file_actions_destroy(&actions);
  return started ? pid : 0;
}

double now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

// From before the first is started until all have been waited for.
void time_one(Contender& contender, int round, const Manner& manner) {
  std::vector<std::vector<std::string>> commands;
  for (int copy = 0; copy < manner.copies; copy++)
    commands.push_back(words_of(contender.command, manner.copies == 1
                                                       ? std::to_string(round)
                                                       : std::to_string(round) + "-" + std::to_string(copy)));
  const timespec gap{manner.gap / 1000, manner.gap % 1000 * 1'000'000L};
  ::nanosleep(&gap, nullptr);
  std::vector<pid_t> pids;
  const double begin = now();
  for (const auto& command : commands) pids.push_back(start(command));
  for (const pid_t pid : pids) {
    int status = 0;
    rusage usage{};
    const bool ended = pid > 0 && ::wait4(pid, &status, 0, &usage) == pid && status == 0;
    contender.failures += !ended;
    contender.resident = std::max(contender.resident, usage.ru_maxrss);
  }
  contender.times.push_back((now() - begin) / manner.copies);
}

void take(Measure& measure, int round, const Manner& manner) {
  const std::size_t count = measure.contenders.size();
  const bool in_order = measure.name == "-";
  for (std::size_t i = 0; i < count; i++)
    time_one(measure.contenders[in_order ? i : (i + static_cast<std::size_t>(round)) % count], round, manner);
}

void print(const Measure& measure) {
  for (const auto& contender : measure.contenders) {
    std::printf("%s\t%s\t%ld\t%d\t", measure.name.c_str(), contender.name.c_str(), contender.resident,
                contender.failures);
    for (const double& time : contender.times)
      std::printf("%.3f%c", time, &time == &contender.times.back() ? '\n' : ' ');
  }
}

}  // namespace

int main(int count, char** words) {
  Manner manner;
  int at = 1;
  for (; at + 1 < count && words[at][0] == '-'; at += 2)
    (std::strcmp(words[at], "--gap") == 0 ? manner.gap : manner.copies) = std::atoi(words[at + 1]);
  const int rounds = at + 1 == count ? std::atoi(words[at]) : 0;
  if (rounds < 1 || manner.copies < 1) {
    std::fputs("usage: pace [--gap MILLISECONDS] [--copies N] ROUNDS <TABLE\n", stderr);
    return 2;
  }
  auto measures = read_table();
  for (int round = 0; round < rounds; round++)
    for (auto& measure : measures) take(measure, round, manner);
  for (const auto& measure : measures)
    if (measure.name != "-") print(measure);
}
