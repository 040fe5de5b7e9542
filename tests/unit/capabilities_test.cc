// Docker's algebra of --cap-add and --cap-drop.
#include "engine/capabilities.h"

#include <gtest/gtest.h>
#include <linux/capability.h>

#include "base/error.h"
#include "plan/names.h"

namespace tare::engine {
namespace {

using Names = std::vector<std::string>;

constexpr std::uint64_t bit(int capability) { return std::uint64_t{1} << capability; }
const std::uint64_t every = plan::every_capability();

RunOptions choice(Names add, Names drop, bool privileged = false) {
  RunOptions options;
  options.capabilities_added = std::move(add);
  options.capabilities_dropped = std::move(drop);
  options.privileged = privileged;
  return options;
}

std::uint64_t chosen(Names add, Names drop, std::uint64_t available = every) {
  return choose_capabilities(choice(std::move(add), std::move(drop)), true, available);
}

std::string refusal(Names add, Names drop, std::uint64_t available = every) {
  try {
    const RunOptions options = choice(std::move(add), std::move(drop));
    check_capability_names(options);
    (void)choose_capabilities(options, true, available);
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(Capabilities, AreDockersFourteenWhereNothingIsAsked) {
  EXPECT_EQ(chosen({}, {}), 0xa80425fbU);
  EXPECT_EQ(choose_capabilities({}, false, every), 0xa80425fbU & ~bit(CAP_MKNOD))
      << "nodes of devices that nobody keeps it from using";
}

TEST(Capabilities, AreNamedWithOrWithoutCapInAnyCase) {
  const std::uint64_t standard = chosen({}, {});
  for (const char* name : {"NET_ADMIN", "net_admin", "CAP_NET_ADMIN", "cap_Net_Admin"}) {
    EXPECT_EQ(chosen({name}, {}), standard | bit(CAP_NET_ADMIN)) << name;
    EXPECT_EQ(chosen({"ALL"}, {name}), every & ~bit(CAP_NET_ADMIN)) << name;
  }
}

TEST(Capabilities, ThatArePutToAllAreAddedToNothingOrTakenFromAll) {
  EXPECT_EQ(chosen({"CHOWN", "kill"}, {"ALL"}), bit(CAP_CHOWN) | bit(CAP_KILL));
  EXPECT_EQ(chosen({}, {"all"}), 0U);
  EXPECT_EQ(chosen({"all"}, {}), every);
  EXPECT_EQ(chosen({"CAP_ALL"}, {"SYS_ADMIN"}), every & ~bit(CAP_SYS_ADMIN));
  EXPECT_EQ(chosen({"ALL"}, {"ALL"}), every) << "docker: what is added to wins";
  EXPECT_EQ(chosen({"ALL"}, {"ALL", "CHOWN"}), every & ~bit(CAP_CHOWN));
}

TEST(Capabilities, ThatAreAddedAndDroppedAreThere) {
  EXPECT_EQ(chosen({"CHOWN"}, {"CHOWN", "KILL"}), chosen({}, {"KILL"}));
}

TEST(Capabilities, ThatTheHostLacksAreNoPartOfAllButMissedByName) {
  const std::uint64_t some = every & ~bit(CAP_SYS_RESOURCE) & ~bit(CAP_CHOWN);
  EXPECT_EQ(chosen({"ALL"}, {}, some), some);
  EXPECT_EQ(choose_capabilities(choice({"CHOWN"}, {"ALL"}, true), true, some), some) << "privileged";
  EXPECT_EQ(chosen({}, {}, some), 0xa80425fbU & ~bit(CAP_CHOWN));
  EXPECT_EQ(chosen({}, {"SYS_RESOURCE"}, some), chosen({}, {}, some)) << "gone is gone";
  EXPECT_EQ(refusal({"ALL", "sys_resource"}, {}, some),
            "invalid CapAdd: capability not supported by your kernel or not available in the current "
            "environment: \"CAP_SYS_RESOURCE\"");
}

TEST(Capabilities, ThatAreNoneAreRefusedInDockersWords) {
  EXPECT_EQ(refusal({"FOO"}, {}), "invalid CapAdd: unknown capability: \"CAP_FOO\"");
  EXPECT_EQ(refusal({}, {"cap_foo"}), "invalid CapDrop: unknown capability: \"CAP_FOO\"");
  EXPECT_EQ(refusal({""}, {}), "invalid CapAdd: unknown capability: \"CAP_\"");
}

TEST(Capabilities, AreRootsOnlyAndNeverInherited) {
  const auto root = make_capabilities(bit(CAP_KILL), 0), other = make_capabilities(bit(CAP_KILL), 1000);
  EXPECT_EQ(root.effective, bit(CAP_KILL));
  EXPECT_EQ(root.permitted, bit(CAP_KILL));
  EXPECT_EQ(other.effective | other.permitted, 0U);
  for (const auto& sets : {root, other}) {
    EXPECT_EQ(sets.bounding, bit(CAP_KILL));
    EXPECT_EQ(sets.inheritable | sets.ambient, 0U);
  }
}

TEST(Capabilities, HaveTheNumbersOfTheKernelsHeader) {
  EXPECT_EQ(plan::capability_number("CHOWN"), CAP_CHOWN);
  EXPECT_EQ(plan::capability_number("SETFCAP"), CAP_SETFCAP);
  EXPECT_EQ(plan::capability_number("CHECKPOINT_RESTORE"), CAP_LAST_CAP);
  EXPECT_EQ(plan::capability_number("chown"), std::nullopt);
  EXPECT_EQ(every, (std::uint64_t{1} << (CAP_LAST_CAP + 1)) - 1);
}

}  // namespace
}  // namespace tare::engine
