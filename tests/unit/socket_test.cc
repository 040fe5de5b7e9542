#include "sys/socket.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "sys/file.h"

using namespace tare;

namespace {

std::size_t open_descriptors() { return sys::list_directory(sys::here, "/proc/self/fd").size(); }

TEST(Socket, AMessageComesWithItsDescriptor) {
  const sys::SocketPair pair = sys::make_socket_pair();
  const sys::UniqueFd sent = sys::open_at(sys::here, "/dev/null", O_RDONLY);
  ASSERT_TRUE(sys::try_send_descriptor(pair.one, "take it", sent));
  char text[16];
  const sys::Received received = sys::receive_with_descriptor(pair.other, text, sizeof text, "nobody");
  EXPECT_EQ(std::string_view(text, received.size), "take it");
  EXPECT_TRUE(received.descriptor);
  EXPECT_FALSE(received.is_cut_off);
}

TEST(Socket, WhatAnEmptyMessageCarriesIsNotLeftOpen) {
  const sys::SocketPair pair = sys::make_socket_pair();
  const sys::UniqueFd sent = sys::open_at(sys::here, "/dev/null", O_RDONLY);
  const std::size_t before = open_descriptors();
  ASSERT_TRUE(sys::try_send_descriptor(pair.one, "", sent));
  char text[16];
  EXPECT_EQ(sys::receive_with_descriptor(pair.other, text, sizeof text, "nobody").size, 0u);
  EXPECT_EQ(open_descriptors(), before);
}

TEST(Socket, WhoIsGoneEndsTheConversation) {
  sys::SocketPair pair = sys::make_socket_pair();
  pair.one.reset();
  char text[16];
  const sys::Received received = sys::receive_with_descriptor(pair.other, text, sizeof text, "nobody");
  EXPECT_EQ(received.size, 0u);
  EXPECT_FALSE(received.descriptor);
}

}  // namespace
