// Whatever systemd or a message bus says, it ends in messages or in an Error, and no more of it is taken than
// what they say of their size. The input is what came over the socket.
#include "cgroup/dbus_message.h"

#include <cstdlib>

#include "base/error.h"

using namespace tare;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string received(reinterpret_cast<const char*>(data), size);
  try {
    for (std::size_t before = size; const auto message = cgroup::take_message(received);
         before = received.size()) {
      if (received.size() + message->body.size() >= before) std::abort();
      cgroup::WireReader arguments(message->body, message->order);
      for (const char type : message->signature) arguments.skip(type);
      if (arguments.position() > message->body.size()) std::abort();
      (void)message->error_text();
      cgroup::WireReader removed = message->read("uoss");
      removed.skip('u');
      for (int i = 0; i < 3; i++) (void)removed.text();
    }
  } catch (const Error&) {
  }
  return 0;
}
