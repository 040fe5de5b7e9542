// Times commands in turn, so that what the machine does otherwise hits all of them alike.
//
// usage: pace ROUNDS <TABLE
//
// A line of TABLE is MEASURE, CONTENDER and COMMAND, separated by tabs; the command's words are separated by
// blanks, and {} in it is the number of the round. In each round every measure is taken in the order of the
// table, and within a measure every contender once, each round another one first. The measure `-` is not
// timed: such lines prepare and clean up. A line of the result is MEASURE, CONTENDER, fastest and median in
// milliseconds, the median and the smallest ratio to the measure's first contender, each from the pairs of
// one round, and how often the command failed.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <string>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <vector>

namespace {

struct Contender {
  std::string name, command;
  std::vector<double> times = {};  ///< milliseconds, one a round
  int failures = 0;
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

std::vector<std::string> words_of(const std::string& command, int round) {
  std::vector<std::string> words;
  for (std::size_t at = 0; (at = command.find_first_not_of(' ', at)) != std::string::npos;) {
    const std::size_t end = std::min(command.find(' ', at), command.size());
    std::string word = command.substr(at, end - at);
    if (const std::size_t mark = word.find("{}"); mark != std::string::npos)
      word.replace(mark, 2, std::to_string(round));
    words.push_back(std::move(word));
    at = end;
  }
  return words;
}

// From before the program is started until it has been waited for. Its output goes nowhere.
double time_of(const std::string& command, int round, bool& failed) {
  const auto words = words_of(command, round);
  std::vector<char*> arguments;
  for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  timespec begin{}, end{};
  pid_t pid = 0;
  int status = 0;
  ::clock_gettime(CLOCK_MONOTONIC, &begin);
  failed = ::posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environ) != 0 ||
           ::waitpid(pid, &status, 0) != pid || status != 0;
  ::clock_gettime(CLOCK_MONOTONIC, &end);
  ::posix_spawn_file_actions_destroy(&actions);
  return static_cast<double>(end.tv_sec - begin.tv_sec) * 1e3 +
         static_cast<double>(end.tv_nsec - begin.tv_nsec) / 1e6;
}

double median_of(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 != 0 ? values[half] : (values[half - 1] + values[half]) / 2;
}

void take(Measure& measure, int round) {
  const std::size_t count = measure.contenders.size();
  const bool in_order = measure.name == "-";
  for (std::size_t i = 0; i < count; i++) {
    Contender& contender = measure.contenders[in_order ? i : (i + static_cast<std::size_t>(round)) % count];
    bool failed = false;
    contender.times.push_back(time_of(contender.command, round, failed));
    contender.failures += failed;
  }
}

void print(const Measure& measure) {
  if (measure.name == "-") return;
  const auto& first = measure.contenders.front().times;
  for (const auto& contender : measure.contenders) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < first.size(); i++) ratios.push_back(contender.times[i] / first[i]);
    std::printf("%s\t%s\t%.3f\t%.3f\t%.3f\t%.3f\t%d\n", measure.name.c_str(), contender.name.c_str(),
                *std::ranges::min_element(contender.times), median_of(contender.times), median_of(ratios),
                *std::ranges::min_element(ratios), contender.failures);
  }
}

}  // namespace

int main(int count, char** words) {
  const int rounds = count == 2 ? std::atoi(words[1]) : 0;
  if (rounds < 1) {
    std::fputs("usage: pace ROUNDS <TABLE\n", stderr);
    return 2;
  }
  auto measures = read_table();
  for (int round = 0; round < rounds; round++)
    for (auto& measure : measures) take(measure, round);
  for (const auto& measure : measures) print(measure);
}
