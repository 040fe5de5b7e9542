#include "explain/ports.h"

#include <algorithm>
#include <arpa/inet.h>
#include <optional>
#include <utility>

#include "cgroup/text.h"
#include "explain/proc_text.h"

namespace tare::explain {
namespace {

using cgroup::next_word;

constexpr int hexadecimal = 16;
constexpr std::size_t word_digits = 8;

// The words of an address as the CPU has them in memory, each in hexadecimal.
std::optional<std::string> parse_address(std::string_view text) {
  const bool is_v6 = text.size() == 4 * word_digits;
  if (!is_v6 && text.size() != word_digits) return std::nullopt;
  std::uint32_t words[4] = {};
  for (std::size_t i = 0; i * word_digits < text.size(); i++)
    words[i] =
        static_cast<std::uint32_t>(number_from(text.substr(i * word_digits, word_digits), hexadecimal));
  char name[INET6_ADDRSTRLEN];
  if (!::inet_ntop(is_v6 ? AF_INET6 : AF_INET, words, name, sizeof name)) return std::nullopt;
  return name;
}

void sort_and_unite(std::vector<Port>& ports) {
  const auto key = [](const Port& port) { return std::pair(port.port, std::string_view(port.address)); };
  std::ranges::sort(ports, [&](const Port& a, const Port& b) { return key(a) < key(b); });
  const auto rest = std::ranges::unique(ports, [&](const Port& a, const Port& b) {
    return key(a) == key(b);
  });  // of SO_REUSEPORT one is enough
  ports.erase(rest.begin(), rest.end());
}

}  // namespace

// "0: 0100007F:1F90 00000000:0000 0A …": local address, remote address, state.
std::vector<Port> parse_inet_sockets(std::string_view text, std::string_view protocol) {
  const std::string_view wanted = protocol.starts_with("tcp") ? "0A" : "07";  // TCP_LISTEN, TCP_CLOSE
  std::vector<Port> ports;
  next_word(text, '\n');
  while (!text.empty()) {
    std::string_view line = next_word(text, '\n');
    next_field(line);
    std::string_view local = next_field(line);
    next_field(line);
    if (next_field(line) != wanted) continue;
    const auto address = parse_address(next_word(local, ':'));
    if (!address) continue;
    ports.push_back({.protocol = std::string(protocol),
                     .address = *address,
                     .port = static_cast<std::uint16_t>(number_from(local, hexadecimal))});
  }
  sort_and_unite(ports);
  return ports;
}

// "0000000000000000: 00000002 00000000 00010000 0001 01 12345 /path": the fourth are flags, of which
// __SO_ACCEPTCON says that it listens. A path may hold line feeds, which the kernel does not escape: what
// comes after one is a line of its own here, and tells of nothing but the container's own network.
std::vector<Port> parse_unix_sockets(std::string_view text) {
  constexpr std::uint64_t listens = 0x10000;
  std::vector<Port> ports;
  next_word(text, '\n');
  while (!text.empty()) {
    std::string_view line = next_word(text, '\n');
    for (int field = 0; field < 3; field++) next_field(line);
    const auto flags = number_from(next_field(line), hexadecimal);
    for (int field = 0; field < 3; field++) next_field(line);
    if (!(flags & listens) || line.empty()) continue;
    ports.push_back({.protocol = "unix", .address = std::string(line)});
  }
  sort_and_unite(ports);
  return ports;
}

std::vector<Port> read_ports(sys::Fd process) {
  std::vector<Port> ports;
  for (const std::string protocol : {"tcp", "tcp6", "udp", "udp6"})
    for (auto& port : parse_inet_sockets(read_some(process, "net/" + protocol), protocol))
      ports.push_back(std::move(port));
  for (auto& port : parse_unix_sockets(read_some(process, "net/unix"))) ports.push_back(std::move(port));
  return ports;
}

}  // namespace tare::explain
