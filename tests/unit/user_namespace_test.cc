// Which of the host's ids containers get.
#include "engine/user_namespace.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "engine/definition.h"
#include "oci/id_mapping.h"
#include "temporary_directory.h"

namespace tare::engine {
namespace {

using Ranges = std::vector<IdRange>;

TEST(UserNamespace, IsMappedByThreeNumbers) {
  const auto three = parse_mapping("0:100000:65536"), two = parse_mapping("5:1000");
  EXPECT_EQ(oci::map_text({{three, two}}), "0 100000 65536\n5 1000 1\n");
  for (const char* text :
       {"", "0", "0:", "0:1:", ":1:1", "0:1:2:3", "a:1:1", "0:-1:1", "0: 1:1", "0:4294967296:1"})
    EXPECT_THROW(parse_mapping(text), Error) << text;
}

TEST(UserNamespace, MapsGroupsLikeUsersWhereOnlyOneIsAskedFor) {
  RunOptions options;
  options.uid_mappings = {parse_mapping("0:1000:5")};
  validate_user_namespace(options);
  EXPECT_EQ(oci::map_text(options.gid_mappings), "0 1000 5\n");
  options.uid_mappings = {};
  options.gid_mappings = {parse_mapping("0:7:9")};
  validate_user_namespace(options);
  EXPECT_EQ(oci::map_text(options.uid_mappings), "0 7 9\n");
}

TEST(UserNamespace, IsRefusedWhereOptionsContradictEachOther) {
  const auto refuse = [](const std::string& mode, bool mapped, bool privileged) {
    RunOptions options;
    options.user_namespace = mode;
    if (mapped) options.uid_mappings = {parse_mapping("0:1:1")};
    options.privileged = privileged;
    EXPECT_THROW(validate_user_namespace(options), Error) << mode << mapped << privileged;
  };
  refuse("nonsense", false, false);
  refuse("auto", true, false);
  refuse("host", true, false);
  refuse("auto", false, true);
  refuse("", true, true);
}

TEST(UserNamespace, TakesIdsOfContainersOrRootOrUnclaimedOnes) {
  EXPECT_EQ(ranges_for_containers("ann:1:2\n"), Ranges{unclaimed});
  EXPECT_EQ(ranges_for_containers(""), Ranges{unclaimed});
  EXPECT_EQ(ranges_for_containers("root:5:6\nann:1:2"), (Ranges{{.first = 5, .size = 6}}));
  EXPECT_EQ(ranges_for_containers("root:5:6\ncontainers:7:8\n#x\ncontainers:100:9\n"),
            (Ranges{{.first = 7, .size = 8}, {.first = 100, .size = 9}}));
  EXPECT_EQ(ranges_for_containers("containers:0:9\ncontainers:x:9\ncontainers:7\ncontainers:9:4294967295\n"),
            Ranges{unclaimed})
      << "the host's root is nobody's to give away, and what is no range is none";
}

TEST(UserNamespace, FindsTheFirstFreeIds) {
  const Ranges ranges = {{.first = 100, .size = 30}, {.first = 1000, .size = 25}};
  EXPECT_EQ(find_free(ranges, {}, 10), 100U);
  EXPECT_EQ(find_free(ranges, {{.first = 110, .size = 10}, {.first = 100, .size = 10}}, 10), 120U);
  EXPECT_EQ(find_free(ranges, {{.first = 105, .size = 1}}, 10), 106U);
  EXPECT_EQ(find_free(ranges, {{.first = 0, .size = 125}}, 10), 1000U);
  EXPECT_EQ(find_free(ranges, {{.first = 105, .size = 1}, {.first = 1000, .size = 1}}, 24), 106U);
  EXPECT_EQ(find_free(ranges, {{.first = 110, .size = 1}, {.first = 1000, .size = 2}}, 24), std::nullopt);
  EXPECT_EQ(find_free({unclaimed}, {}, chosen_size), 2147483648U);
}

// What the machine's /etc/subuid says decides where the ids are; that they differ does not depend on it.
TEST(UserNamespace, GetsIdsThatNoOtherContainerHasUntilThatOneIsGone) {
  const TemporaryDirectory root;
  const state::Place place{.root = HostPath(root / "root"), .run_root = HostPath(root / "run")};
  const auto make = [&] {
    state::Record record{.id = {}, .name = ""};
    const state::Lock lock = state::claim(place, record);
    Definition definition;
    definition.options.user_namespace = "auto";
    const sys::UniqueFd chosen = choose_mappings(place, definition.options);
    EXPECT_TRUE(chosen.valid());
    write_definition(place.directory_of(record.id), definition);
    return std::pair(record.id, definition.options.uid_mappings.at(0).host);
  };
  const auto [first_id, first] = make();
  const auto [second_id, second] = make();
  EXPECT_GE(second, first + chosen_size);
  auto kept = read_definition(place.directory_of(first_id));
  ASSERT_TRUE(kept);
  EXPECT_FALSE(choose_mappings(place, kept->options).valid()) << "a container keeps its ids";
  EXPECT_EQ(kept->options.uid_mappings.at(0).host, first);
  EXPECT_NO_THROW(validate_user_namespace(kept->options));
  auto lock = state::try_take(place, first_id);
  ASSERT_TRUE(lock);
  state::forget(place, first_id, *lock);
  EXPECT_EQ(make().second, first) << "free again";
}

}  // namespace
}  // namespace tare::engine
