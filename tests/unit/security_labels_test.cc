// Which profile and labels a container gets from what the host has and what was asked for.
#include "engine/security_labels.h"

#include <gtest/gtest.h>
#include <set>

#include "base/error.h"
#include "engine/definition.h"
#include "temporary_directory.h"

namespace tare::engine {
namespace {

const SecurityModules apparmor{.apparmor = true, .default_profile = true};
const SecurityModules selinux{.selinux = true,
                              .selinux_contexts =
                                  "process = \"system_u:system_r:container_t:s0\"\n"
                                  "content = \"system_u:object_r:virt_var_lib_t:s0\"\n"
                                  "file\t= \"system_u:object_r:container_file_t:s0\"\n"
                                  "ro_file=\"system_u:object_r:container_ro_file_t:s0\"\n"};

SecurityOptions options(const std::vector<std::string>& given) { return parse_security_options(given); }

TEST(AppArmor, ConfinesByDefaultWhereTheProfileCanBeHad) {
  EXPECT_EQ(choose_apparmor_profile({}, false, apparmor), default_profile_name);
  EXPECT_EQ(choose_apparmor_profile({}, false, {}), "");
  EXPECT_EQ(choose_apparmor_profile({}, false, {.apparmor = true}), "") << "no parser";
  EXPECT_EQ(choose_apparmor_profile({}, true, apparmor), "") << "privileged";
}

TEST(AppArmor, ConfinesAsAskedOrNotAtAll) {
  EXPECT_EQ(choose_apparmor_profile(options({"apparmor=mine"}), false, apparmor), "mine");
  EXPECT_EQ(choose_apparmor_profile(options({"apparmor=mine"}), true, apparmor), "mine");
  EXPECT_EQ(choose_apparmor_profile(options({"apparmor=unconfined"}), false, apparmor), "");
  EXPECT_EQ(choose_apparmor_profile(options({"apparmor=unconfined"}), false, {}), "");
  EXPECT_THROW(choose_apparmor_profile(options({"apparmor=mine"}), false, {}), Error)
      << "who asks for a profile must not run without one";
}

TEST(Selinux, LabelsProcessesAndFilesAsTheHostsPolicySays) {
  const auto labels = make_selinux_labels({}, false, selinux);
  EXPECT_EQ(labels.process, "system_u:system_r:container_t:s0");
  EXPECT_EQ(labels.mount, "system_u:object_r:container_file_t:s0");
  for (const auto& none :
       {make_selinux_labels({}, true, selinux),
        make_selinux_labels(options({"label=disable"}), false, selinux),
        make_selinux_labels({}, false, {.selinux = true}), make_selinux_labels({}, false, {})})
    EXPECT_EQ(none.process + none.mount, "");
}

TEST(Selinux, ChangesThePartsThatAreAskedFor) {
  const auto labels = make_selinux_labels(
      options({"label=user:u", "label=role:r", "label=type:t", "label=level:s0:c1,c2", "label=filetype:f"}),
      false, selinux);
  EXPECT_EQ(labels.process, "u:r:t:s0:c1,c2");
  EXPECT_EQ(labels.mount, "u:object_r:f:s0:c1,c2");
}

TEST(Selinux, HasALevelForEveryPairOfCategories) {
  EXPECT_EQ(level_of(0), "s0:c0,c1");
  EXPECT_EQ(level_of(1022), "s0:c0,c1023");
  EXPECT_EQ(level_of(1023), "s0:c1,c2");
  EXPECT_EQ(level_of(523775), "s0:c1022,c1023");
  std::set<std::string> all;
  for (std::uint32_t i = 0; i < 523776; i++) all.insert(level_of(i));
  EXPECT_EQ(all.size(), 523776U);
}

TEST(Selinux, GivesEachContainerALevelOfItsOwn) {
  const TemporaryDirectory root;
  const state::Place place{.root = HostPath(root / "root"), .run_root = HostPath(root / "run")};
  RunOptions first, second;
  choose_selinux_level(place, first, selinux);
  choose_selinux_level(place, second, selinux);
  ASSERT_EQ(first.security_options.size(), 1U);
  EXPECT_TRUE(first.security_options[0].starts_with("label=level:s0:c"));
  EXPECT_NE(first.security_options, second.security_options);
  const auto chosen = first.security_options;
  choose_selinux_level(place, first, selinux);
  EXPECT_EQ(first.security_options, chosen) << "it keeps it";
  for (const char* wish : {"label=disable", "label=level:s0"}) {
    RunOptions asked;
    asked.security_options = {wish};
    choose_selinux_level(place, asked, selinux);
    EXPECT_EQ(asked.security_options.size(), 1U) << wish;
  }
  RunOptions elsewhere;
  choose_selinux_level(place, elsewhere, apparmor);
  EXPECT_TRUE(elsewhere.security_options.empty());
}

}  // namespace
}  // namespace tare::engine
