#include "image/worker.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <memory>
#include <poll.h>
#include <string>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include "archive/confine.h"
#include "archive/whiteout.h"
#include "base/error.h"
#include "base/format.h"
#include "base/units.h"
#include "sys/file.h"
#include "sys/socket.h"
#include "sys/user_namespace.h"

namespace tare::image {
namespace {

constexpr int report_every_ms = 100;
constexpr std::size_t words_limit = 16 << 10;

// The worker's messages are directories to be marked opaque (one each, the text is a "+"), then its last
// words: "= RAW TAR SIZE", or "! KIND ERRNO TEXT" and a line with the hint.
std::string success(const Unpacked& unpacked) {
  return format("= {} {} {}", unpacked.tarball.value, unpacked.layer.value, unpacked.size);
}

// Without the breadcrumbs that stood at the fork: the parent, which has them too, adds them again.
std::string failure(const Error& error, std::size_t outer_steps) {
  std::string text;
  for (std::size_t i = outer_steps; i < error.trail().size(); i++) text += error.trail()[i] + ": ";
  text += error.text();
  for (char& c : text)
    if (c == '\n') c = '?';
  return format("! {} {} {}\n{}", static_cast<int>(error.kind()), error.error_number(), text, error.hint());
}

[[noreturn]] void rethrow(std::string_view words) {
  const auto next = [&](char end) {
    const std::string_view word = words.substr(0, words.find(end));
    words.remove_prefix(std::min(word.size() + 1, words.size()));
    return word;
  };
  const int kind = parse_integer<int>(next(' '), 0, static_cast<int>(ErrorKind::system));
  const int error_number = parse_integer<int>(next(' '), 0);
  const std::string text(next('\n'));
  throw Error(static_cast<ErrorKind>(kind), text, error_number, std::string(words));
}

Unpacked parse(std::string_view words) {
  if (words.starts_with("! ")) rethrow(words.substr(2));
  const std::size_t second = words.find(' ', 2), third = words.rfind(' ');
  if (words.starts_with("= ") && second != std::string_view::npos && third > second) {
    const auto tarball = oci::parse_digest(words.substr(2, second - 2));
    const auto layer = oci::parse_digest(words.substr(second + 1, third - second - 1));
    if (tarball && layer)
      return {.tarball = *tarball, .layer = *layer, .size = parse_integer<Bytes>(words.substr(third + 1), 0)};
  }
  throw Error(ErrorKind::system, "the unpacking process ended without a result");
}

struct Job {
  sys::Fd source, tree, answer;
  const archive::Limits& limits;
  std::atomic<Bytes>& bytes_read;
  bool trusted_marks;
};

std::string unpack(const Job& job) {
  const std::size_t outer_steps = Error(ErrorKind::system, "").trail().size();
  try {
    {
      const archive::Sha256 loads_what_the_crypto_library_reads_from_disk;
    }
    archive::confine_to_unpacking(job.tree, {job.source, job.answer});
    archive::TarStream stream(job.source, [&](Bytes bytes) { job.bytes_read = bytes; });
    const auto ask_for_mark = [&](sys::Fd directory) {
      if (!sys::try_send_descriptor(job.answer, "+", directory))
        throw system_error("cannot have the directory marked opaque");
    };
    archive::apply_tar(stream, job.tree, job.limits,
                       job.trusted_marks ? archive::MarkTrusted(ask_for_mark) : nullptr);
    return success(
        {.tarball = stream.raw_digest(), .layer = stream.tar_digest(), .size = stream.tar_bytes()});
  } catch (const Error& error) {
    return failure(error, outer_steps);
  } catch (const std::exception& error) {
    return failure(Error(ErrorKind::system, error.what()), outer_steps);
  }
}

[[noreturn]] void work(const Job& job, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  try {
    sys::write_all(job.answer, unpack(job));
  } catch (const std::exception&) {
    ::_exit(1);
  }
  ::_exit(0);
}

// Only what is in the tree: the worker has nothing else open that could be such a thing, and it is not
// believed.
void mark_opaque(sys::Fd directory, sys::Fd tree) {
  struct stat status, top;
  if (::fstat(directory.number(), &status) != 0 || ::fstat(tree.number(), &top) != 0)
    throw system_error("cannot look at a directory");
  if (!S_ISDIR(status.st_mode) || status.st_dev != top.st_dev)
    throw Error(ErrorKind::system,
                "the unpacking process asked for a mark on what is no directory of its tree");
  archive::mark_opaque_as_trusted(directory);
}

}  // namespace

HeldSignals::HeldSignals() {
  sigset_t held;
  ::sigemptyset(&held);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction action;
    if (::sigaction(signal, nullptr, &action) == 0 && action.sa_handler != SIG_IGN)
      ::sigaddset(&held, signal);
  }
  ::sigprocmask(SIG_BLOCK, &held, &before_);
  arrival_ = sys::UniqueFd(::signalfd(-1, &held, SFD_CLOEXEC));
}

HeldSignals::~HeldSignals() { restore(); }

void HeldSignals::restore() const { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }

/// In memory that a worker and its parent share.
class UnpackWorker::Counter {
 public:
  Counter() {
    void* page = ::mmap(nullptr, sizeof(std::atomic<Bytes>), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) throw system_error("cannot share memory with the worker");
    value_ = new (page) std::atomic<Bytes>(0);
  }
  ~Counter() { ::munmap(value_, sizeof *value_); }
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;
  std::atomic<Bytes>& value() const { return *value_; }

 private:
  std::atomic<Bytes>* value_;
};

UnpackWorker::UnpackWorker(sys::Fd source, sys::Fd tree, const archive::Limits& limits,
                           const HeldSignals& held)
    : counter_(std::make_unique<Counter>()), tree_(tree) {
  auto [reading, writing] = sys::make_socket_pair();
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw system_error("cannot start the unpacking process");
  if (pid_ == 0) {
    held.restore();
    work({.source = source,
          .tree = tree,
          .answer = writing,
          .limits = limits,
          .bytes_read = counter_->value(),
          .trusted_marks = limits.whiteouts == archive::Whiteouts::overlay && sys::in_first_user_namespace()},
         parent);
  }
  answer_ = std::move(reading);
}

UnpackWorker::~UnpackWorker() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  wait();
}

UnpackWorker::UnpackWorker(UnpackWorker&& other) noexcept
    : counter_(std::move(other.counter_)),
      tree_(other.tree_),
      answer_(std::move(other.answer_)),
      pid_(std::exchange(other.pid_, -1)),
      words_(std::move(other.words_)) {}

int UnpackWorker::wait() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return status;
}

Bytes UnpackWorker::bytes_read() const { return counter_->value(); }

bool UnpackWorker::receive() {
  char buffer[words_limit];
  const auto message = sys::receive_with_descriptor(answer_, buffer, sizeof buffer, "the unpacking process");
  if (message.size == 0) return true;
  if (message.descriptor)
    mark_opaque(message.descriptor, tree_);
  else
    words_.assign(buffer, message.size);
  return false;
}

Unpacked UnpackWorker::result() {
  const int status = wait();
  if (WIFSIGNALED(status))
    throw Error(ErrorKind::system, format("the unpacking process was killed by signal {} ({})",
                                          WTERMSIG(status), ::sigabbrev_np(WTERMSIG(status))));
  return parse(words_);
}

Unpacked unpack_confined(sys::Fd source, Bytes total, sys::Fd tree, const archive::Limits& limits,
                         const HeldSignals& held, const ProgressReport& report) {
  UnpackWorker worker(source, tree, limits, held);
  for (;;) {
    pollfd waited[] = {{.fd = held.arrival().number(), .events = POLLIN, .revents = 0},
                       {.fd = worker.answer().number(), .events = POLLIN, .revents = 0}};
    const int ready = ::poll(waited, 2, report_every_ms);
    if (ready < 0 && errno != EINTR) throw system_error("cannot wait for the unpacking process");
    if (report) report(worker.bytes_read(), total);
    if (ready <= 0) continue;
    if (waited[0].revents != 0) throw system_error(EINTR, "stopped");
    if (worker.receive()) return worker.result();
  }
}

oci::Digest hash_file(sys::Fd file, Bytes total, const ProgressReport& report) {
  timespec last{};
  ::clock_gettime(CLOCK_MONOTONIC, &last);
  return archive::digest_of(file, [&](Bytes done) {
    timespec now;
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    const auto passed = (now.tv_sec - last.tv_sec) * 1000 + (now.tv_nsec - last.tv_nsec) / 1'000'000;
    if (passed < report_every_ms || !report) return;
    last = now;
    report(done, total);
  });
}

}  // namespace tare::image
