#include "image/worker.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <optional>
#include <poll.h>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>

#include "archive/confine.h"
#include "archive/whiteout.h"
#include "base/error.h"
#include "base/format.h"
#include "base/units.h"
#include "sys/socket.h"
#include "sys/user_namespace.h"

namespace tare::image {
namespace {

constexpr int report_every_ms = 100;

/// A counter that a forked process raises and its parent reads.
class SharedCounter {
 public:
  SharedCounter() {
    void* page = ::mmap(nullptr, sizeof(std::atomic<Bytes>), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) throw system_error("cannot share memory with the worker");
    value_ = new (page) std::atomic<Bytes>(0);
  }
  ~SharedCounter() { ::munmap(value_, sizeof *value_); }
  SharedCounter(const SharedCounter&) = delete;
  SharedCounter& operator=(const SharedCounter&) = delete;
  std::atomic<Bytes>& value() const { return *value_; }

 private:
  std::atomic<Bytes>* value_;
};

struct Job {
  sys::Fd source, tree;
  const archive::Limits& limits;
  std::atomic<Bytes>& bytes_read;
  bool trusted_marks;
};

/// In the worker. The result: "RAW TAR SIZE", the digests and how large the tar is.
std::string unpack(const Job& job, sys::Fd answer) {
  {
    const archive::Sha256 loads_what_the_crypto_library_reads_from_disk;
  }
  archive::confine_to_unpacking(job.tree, {job.source, answer});
  archive::TarStream stream(job.source, [&](Bytes bytes) { job.bytes_read = bytes; });
  const auto ask_for_mark = [&](sys::Fd directory) {
    if (!sys::try_send_descriptor(answer, "+", directory))
      throw system_error("cannot have the directory marked opaque");
  };
  archive::apply_tar(stream, job.tree, job.limits,
                     job.trusted_marks ? archive::MarkTrusted(ask_for_mark) : nullptr);
  return format("{} {} {}", stream.raw_digest().value, stream.tar_digest().value, stream.tar_bytes());
}

Unpacked parse(std::string_view result) {
  const std::size_t first = std::min(result.find(' '), result.size()), last = result.rfind(' ');
  const auto tarball = oci::parse_digest(result.substr(0, first));
  const auto layer =
      last > first ? oci::parse_digest(result.substr(first + 1, last - first - 1)) : std::nullopt;
  if (!tarball || !layer) throw Error(ErrorKind::system, "the unpacking process ended without a result");
  return {.tarball = *tarball, .layer = *layer, .size = parse_integer<Bytes>(result.substr(last + 1), 0)};
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

struct UnpackWorker::Work {
  SharedCounter counter;
  archive::Limits limits;
  std::optional<RunningProcess> process;
};

UnpackWorker::UnpackWorker(sys::Fd source, sys::Fd tree, const archive::Limits& limits,
                           const HeldSignals& held)
    : work_(std::make_unique<Work>()) {
  work_->limits = limits;
  const Job job{
      .source = source,
      .tree = tree,
      .limits = work_->limits,
      .bytes_read = work_->counter.value(),
      .trusted_marks = limits.whiteouts != archive::Whiteouts::ordinary && sys::in_first_user_namespace()};
  ConfinedProcess process{.name = "the unpacking process",
                          .work = [job](sys::Fd answer) { return unpack(job, answer); }};
  if (job.trusted_marks) process.take_file = [tree](sys::Fd directory) { mark_opaque(directory, tree); };
  work_->process.emplace(std::move(process), held);
}

UnpackWorker::~UnpackWorker() = default;
UnpackWorker::UnpackWorker(UnpackWorker&&) noexcept = default;

sys::Fd UnpackWorker::answer() const { return work_->process->answer(); }
bool UnpackWorker::receive() { return work_->process->receive(); }
Bytes UnpackWorker::bytes_read() const { return work_->counter.value(); }
Unpacked UnpackWorker::result() { return parse(work_->process->result()); }

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
