// --security-opt in docker's forms.
#include "engine/security_options.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace tare::engine {
namespace {

TEST(SecurityOptions, SayWhetherPrivilegesMayBeGained) {
  EXPECT_FALSE(parse_security_options({}).no_new_privileges);
  for (const char* yes : {"no-new-privileges", "no-new-privileges:true", "no-new-privileges=true",
                          "no-new-privileges=1", "no-new-privileges=T"})
    EXPECT_TRUE(parse_security_options({yes}).no_new_privileges) << yes;
  for (const char* no : {"no-new-privileges:false", "no-new-privileges=0"})
    EXPECT_FALSE(parse_security_options({"no-new-privileges", no}).no_new_privileges) << no;
}

TEST(SecurityOptions, NameProfilesAndLabels) {
  const auto options = parse_security_options(
      {"seccomp=/etc/profile:1.json", "apparmor:mine", "apparmor=own=er", "label=type:container_t",
       "label:level:s0:c1,c2", "label=disable", "systempaths=unconfined"});
  EXPECT_EQ(options.seccomp, "/etc/profile:1.json");
  EXPECT_EQ(options.apparmor, "own=er");
  EXPECT_EQ(options.labels, (std::vector<std::string>{"type:container_t", "level:s0:c1,c2", "disable"}));
  EXPECT_TRUE(options.system_paths_unconfined);
}

TEST(SecurityOptions, ThatAreNoneAreRefusedByName) {
  for (const char* text :
       {"", "nonsense", "no-new-privileges=maybe", "no-new-privileges=", "label=", "label=colour:red",
        "label=user:", "systempaths=some", "seccomp=", "apparmor", "apparmor=", "=x", "mask=/proc"})
    try {
      (void)parse_security_options({text});
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::invalid);
      EXPECT_EQ(error.text(), "invalid --security-opt: \"" + std::string(text) + "\"");
    }
}

}  // namespace
}  // namespace tare::engine
