// rtnetlink(7), as far as it is needed: messages with attributes to the kernel, its answers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sys/unique_fd.h"

namespace tare::sys {

/// One request: a fixed head such as ifinfomsg, then attributes.
class NetlinkRequest {
 public:
  /// `type`: RTM_…; `flags`: NLM_F_… besides NLM_F_REQUEST.
  template <typename Head>
  NetlinkRequest(std::uint16_t type, std::uint16_t flags, const Head& head)
      : NetlinkRequest(type, flags, std::string_view(reinterpret_cast<const char*>(&head), sizeof head)) {}
  /// Throws Error{invalid} for more bytes than an attribute can have.
  void add(std::uint16_t attribute, std::string_view bytes);
  void add_text(std::uint16_t attribute, const std::string& text) {
    add(attribute, {text.c_str(), text.size() + 1});
  }
  void add_number(std::uint16_t attribute, std::uint32_t number) {
    add(attribute, {reinterpret_cast<const char*>(&number), sizeof number});
  }
  /// The whole message, numbered.
  std::string bytes(std::uint32_t sequence) const;

 private:
  NetlinkRequest(std::uint16_t type, std::uint16_t flags, std::string_view head);
  void append(std::string_view bytes);

  std::string bytes_;
};

/// One answer: its head and its attributes, as bytes of this object.
class NetlinkAnswer {
 public:
  explicit NetlinkAnswer(std::string payload) : payload_(std::move(payload)) {}
  /// nullopt where the answer is shorter.
  template <typename Head>
  std::optional<Head> head() const {
    Head head;
    if (payload_.size() < sizeof head) return std::nullopt;
    payload_.copy(reinterpret_cast<char*>(&head), sizeof head);
    return head;
  }
  /// The first one of this kind behind a head of `head_size` bytes; nullopt where there is none.
  std::optional<std::string_view> attribute(std::size_t head_size, std::uint16_t kind) const;

 private:
  std::string payload_;
};

/// A socket to the kernel, in the network namespace that it was made in.
class Netlink {
 public:
  Netlink();
  explicit Netlink(UniqueFd socket) : socket_(std::move(socket)) {}
  /// Until the kernel is done with it. Throws Error with `words` and what the kernel said.
  std::vector<NetlinkAnswer> ask(const NetlinkRequest& request, const std::string& words);

 private:
  UniqueFd socket_;
  std::uint32_t sequence_ = 0;
};

/// A netlink socket in another network namespace; `name_space` is its file.
UniqueFd open_netlink_in(Fd name_space);

}  // namespace tare::sys
