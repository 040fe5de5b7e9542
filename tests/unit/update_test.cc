// Which limits an update changes, from what is known and what was said.
#include "runtime/update.h"

#include <gtest/gtest.h>

namespace tare::runtime {
namespace {

json::object object(std::string_view text) { return json::as_object(json::parse(text)); }
std::string said(std::string_view text) { return json::compact(said_resources(object(text))); }

TEST(Update, PassesOverWhatCallersInGoWriteForNotSet) {
  EXPECT_EQ(said(R"({"cpu": {"quota": 0, "cpus": "", "period": null}, "memory": null, "blockIO": {}})"),
            "{}");
  EXPECT_EQ(said(R"({"hugepageLimits": [], "unified": {}})"), "{}");
  EXPECT_EQ(said(R"({"cpu": {"quota": -1}})"), R"({"cpu":{"quota":-1}})");
}

TEST(Update, TakesZeroWhereThatIsALimit) {
  EXPECT_EQ(said(R"({"pids": {"limit": 0}})"), R"({"pids":{"limit":0}})");
  EXPECT_EQ(said(R"({"cpu": {"idle": 0, "burst": 0, "shares": 0}})"), R"({"cpu":{"idle":0,"burst":0}})");
}

TEST(Update, LeavesDevicesAlone) {
  EXPECT_EQ(said(R"({"devices": [{"allow": true, "access": "rwm"}], "pids": {"limit": 5}})"),
            R"({"pids":{"limit":5}})");
}

TEST(Update, OfMemoryToNoLimitMeansSwapTooUnlessThatIsNamed) {
  EXPECT_EQ(said(R"({"memory": {"limit": -1}})"), R"({"memory":{"limit":-1,"swap":-1}})");
  EXPECT_EQ(said(R"({"memory": {"limit": -1, "swap": 5}})"), R"({"memory":{"limit":-1,"swap":5}})");
}

TEST(Update, AddsTheOtherHalfOfAPairFromWhatIsKnown) {
  const auto known =
      object(R"({"cpu": {"quota": 5, "period": 10, "shares": 7}, "memory": {"limit": 1, "swap": 2}})");
  const auto changes = object(R"({"cpu": {"quota": 6}})");
  const auto merged = merged_resources(known, changes);
  EXPECT_EQ(json::compact(merged),
            R"({"cpu":{"quota":6,"period":10,"shares":7},"memory":{"limit":1,"swap":2}})");
  EXPECT_EQ(json::compact(with_partners(changes, merged)), R"({"cpu":{"quota":6,"period":10}})");
}

TEST(Update, ReplacesAListAsAWhole) {
  EXPECT_EQ(json::compact(merged_resources(object(R"({"hugepageLimits": [1, 2]})"),
                                           object(R"({"hugepageLimits": [3], "cpu": {"quota": 1}})"))),
            R"({"hugepageLimits":[3],"cpu":{"quota":1}})");
}

}  // namespace
}  // namespace tare::runtime
