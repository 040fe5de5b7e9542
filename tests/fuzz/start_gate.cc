// Whoever waits at a container's gate, whatever it says and whatever list it hands over: `start` ends with a
// started container or an Error, and without a descriptor that is left. The input is what is said: messages
// of a byte for their size, one for the number of descriptors, and their bytes; then the list.
#include "runtime/start_gate.h"

#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "base/error.h"
#include "directory.h"
#include "sys/socket.h"

using namespace tare;

namespace {

class Peer {
 public:
  Peer(sys::Fd gate, std::string_view orders) : gate_(gate), rest_(orders), thread_([this] { talk(); }) {}
  ~Peer() { thread_.join(); }

 private:
  unsigned next() {
    if (rest_.empty()) return 0;
    const unsigned byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    return byte;
  }

  void talk() {
    const sys::UniqueFd socket = sys::try_accept(gate_);
    const unsigned messages = next() % 4;
    std::string texts[3];
    unsigned descriptors[3] = {};
    for (unsigned i = 0; i < messages; i++) {
      const std::size_t size = std::min<std::size_t>(next() % 17, rest_.size());
      descriptors[i] = next() % 4;
      texts[i] = rest_.substr(0, size);
      rest_.remove_prefix(std::min(size, rest_.size()));
    }
    const sys::UniqueFd list(::memfd_create("list", MFD_CLOEXEC));
    sys::write_all(list, rest_);
    for (unsigned i = 0; i < messages; i++) send(socket, texts[i], list, descriptors[i]);
  }

  static void send(sys::Fd socket, std::string& text, sys::Fd list, unsigned descriptors) {
    iovec part{text.data(), text.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (descriptors > 0) {
      message.msg_control = control;
      message.msg_controllen = CMSG_SPACE(descriptors * sizeof(int));
      cmsghdr* head = CMSG_FIRSTHDR(&message);
      *head = {
          .cmsg_len = CMSG_LEN(descriptors * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
      const int numbers[] = {list.number(), list.number(), list.number(), list.number()};
      std::memcpy(CMSG_DATA(head), numbers, descriptors * sizeof(int));
    }
    (void)!::sendmsg(socket.number(), &message, MSG_NOSIGNAL);
  }

  sys::Fd gate_;
  std::string_view rest_;
  std::thread thread_;
};

std::size_t open_descriptors() { return sys::list_directory(sys::here, "/proc/self/fd").size(); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const WorkDirectory directory;
  static const sys::UniqueFd gate = runtime::make_gate(directory.fd());
  const std::size_t open_before = open_descriptors();
  {
    const Peer peer(gate, {reinterpret_cast<const char*>(data), size});
    oci::Process process;
    process.args = {"program"};
    process.cwd = ContainerPath("/");
    try {
      runtime::open_gate(directory.fd(), process, ::getpid());
    } catch (const Error&) {
    }
  }
  if (open_descriptors() != open_before) std::abort();
  return 0;
}
