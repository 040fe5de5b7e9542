// Which ids a user who is not root has in his user namespace.
#include "engine/own_namespace.h"

#include <gtest/gtest.h>

#include "oci/id_mapping.h"

namespace tare::engine {
namespace {

const PlainUser joe{.name = "joe", .uid = 1000, .gid = 100};

std::string uids(std::string_view subuid, std::string_view subgid = "joe:1:1\n") {
  return oci::map_text(ids_of(joe, subuid, subgid).uids);
}

TEST(OwnNamespace, HasTheUserAsRootAndThenHisSubordinateIds) {
  const auto ids = ids_of(joe, "ann:1:5\njoe:100000:65536\n", "joe:200000:65536\n");
  EXPECT_EQ(oci::map_text(ids.uids), "0 1000 1\n1 100000 65536\n");
  EXPECT_EQ(oci::map_text(ids.gids), "0 100 1\n1 200000 65536\n");
}

TEST(OwnNamespace, TakesAllRangesOneAfterAnother) {
  EXPECT_EQ(uids("joe:500:10\njoe:300:20\n"), "0 1000 1\n1 500 10\n11 300 20\n");
}

TEST(OwnNamespace, KnowsAUserByNumberToo) {
  EXPECT_EQ(uids("1000:500:10\n"), "0 1000 1\n1 500 10\n");
  EXPECT_EQ(uids("1000:500:10\njoe:7:3\n"), "0 1000 1\n1 7 3\n");
}

TEST(OwnNamespace, HasTheUserAloneWhereUsersOrGroupsLackRanges) {
  EXPECT_EQ(uids(""), "0 1000 1\n");
  EXPECT_EQ(uids("joe:500:10\n", ""), "0 1000 1\n");
  EXPECT_EQ(uids("ann:500:10\njoe:x:10\njoe:5\n"), "0 1000 1\n");
}

TEST(OwnNamespace, StopsBeforeIdsRunOut) {
  EXPECT_EQ(uids("joe:1:4000000000\njoe:1:4000000000\n"), "0 1000 1\n1 1 4000000000\n");
}

}  // namespace
}  // namespace tare::engine
