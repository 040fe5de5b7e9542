// What is said to the kernel by netlink, byte for byte.
#include "sys/netlink.h"

#include <cstring>
#include <gtest/gtest.h>
#include <linux/rtnetlink.h>

#include "base/error.h"

namespace tare::sys {
namespace {

TEST(NetlinkRequest, HasItsAttributesOneBehindTheOtherAndAligned) {
  NetlinkRequest request(RTM_NEWLINK, NLM_F_ACK, ifinfomsg{});
  request.add_text(IFLA_IFNAME, "eth0");
  request.add_number(IFLA_MTU, 1500);
  const std::string bytes = request.bytes(7);
  nlmsghdr header{};
  bytes.copy(reinterpret_cast<char*>(&header), sizeof header);
  EXPECT_EQ(header.nlmsg_len, bytes.size());
  EXPECT_EQ(header.nlmsg_type, RTM_NEWLINK);
  EXPECT_EQ(header.nlmsg_seq, 7U);
  const std::size_t first = NLMSG_HDRLEN + sizeof(ifinfomsg);
  rtattr attribute{};
  std::memcpy(&attribute, bytes.data() + first, sizeof attribute);
  EXPECT_EQ(attribute.rta_type, IFLA_IFNAME);
  EXPECT_EQ(attribute.rta_len, sizeof attribute + sizeof "eth0");
  std::memcpy(&attribute, bytes.data() + first + RTA_ALIGN(attribute.rta_len), sizeof attribute);
  EXPECT_EQ(attribute.rta_type, IFLA_MTU);
  EXPECT_EQ(bytes.size() % NLMSG_ALIGNTO, 0U);
}

TEST(NetlinkRequest, RefusesMoreBytesThanAnAttributeCanHave) {
  NetlinkRequest request(RTM_NEWLINK, 0, ifinfomsg{});
  const std::string before = request.bytes(1);
  EXPECT_THROW(request.add(IFLA_IFNAME, std::string(UINT16_MAX - sizeof(rtattr) + 1, 'x')), Error);
  EXPECT_EQ(request.bytes(1), before);
  request.add(IFLA_IFNAME, std::string(UINT16_MAX - sizeof(rtattr), 'x'));
  EXPECT_GT(request.bytes(1).size(), std::size_t{UINT16_MAX});
}

}  // namespace
}  // namespace tare::sys
