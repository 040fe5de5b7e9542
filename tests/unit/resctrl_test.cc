// Groups of resctrl in a made-up tree: there is no kernel here that has it.
#include "runtime/resctrl.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/error.h"
#include "sys/file.h"
#include "temporary_directory.h"

namespace tare::runtime {
namespace {

class Resctrl : public testing::Test {
 protected:
  // What the kernel does by itself when a directory is made there.
  void fill(const std::string& group, const std::string& schemata = "") const {
    sys::make_directory(sys::here, (top / group / "mon_groups").value);
    sys::create_file(sys::here, (top / group / "schemata").value, schemata, 0644);
    sys::create_file(sys::here, (top / group / "tasks").value, "", 0644);
  }
  std::string file(const std::string& path) const { return sys::read_file(sys::here, (top / path).value); }
  bool has(const std::string& path) const { return sys::exists(sys::here, (top / path).value); }

  TemporaryDirectory directory;
  HostPath top{directory.path()};
};

std::string error_of(const ResctrlGroup& group) {
  try {
    group.make();
  } catch (const Error& error) {
    return error.text();
  }
  return "no error";
}

TEST_F(Resctrl, AGroupThatIsThereMustHaveWhatIsAskedFor) {
  sys::make_directory(sys::here, (top / "gold").value);
  fill("gold", "    L3:0=ff;1=0f\n    MB:0=50;1=50\n");
  EXPECT_EQ(error_of({top, {.group = "gold", .schemata = {}}, "c1"}), "no error");
  EXPECT_EQ(error_of({top, {.group = "gold", .schemata = {"L3:0=ff;1=0f", "MB: 0=50;1=50"}}, "c1"}),
            "no error");
  EXPECT_NE(
      error_of({top, {.group = "gold", .schemata = {"L3:0=f0;1=0f"}}, "c1"}).find("is there, and not with"),
      std::string::npos);
  EXPECT_NE(error_of({top, {.group = "silver", .schemata = {}}, "c1"})
                .find("/linux/intelRdt/closID: there is no group"),
            std::string::npos);
}

TEST_F(Resctrl, ANamedGroupStaysAndIsShared) {
  sys::make_directory(sys::here, (top / "gold").value);
  fill("gold");
  const ResctrlGroup group(top, {.group = "gold", .schemata = {}, .is_monitored = true}, "c1");
  group.make();
  fill("gold/mon_groups/c1");
  group.add(7);
  EXPECT_EQ(file("gold/tasks"), "7");
  EXPECT_EQ(file("gold/mon_groups/c1/tasks"), "7");
  group.change({"L3:0=1", "MB:0=20"});
  EXPECT_EQ(file("gold/schemata"), "L3:0=1\nMB:0=20\n");
  group.remove();
  EXPECT_TRUE(has("gold"));
}

TEST_F(Resctrl, AGroupOfItsOwnIsMadeAndRemoved) {
  const ResctrlGroup group(top, {.group = {}, .schemata = {}}, "c1");
  group.make();
  EXPECT_TRUE(has("c1"));
  EXPECT_NE(error_of({top, {.group = {}, .schemata = {}}, "c1"}).find("is another's"), std::string::npos);
  group.remove();
  EXPECT_FALSE(has("c1"));
}

TEST_F(Resctrl, WhatCannotBeWrittenLeavesNothing) {
  const ResctrlGroup group(top, {.group = {}, .schemata = {"L3:0=1"}}, "c1");  // no kernel makes the file
  EXPECT_NE(error_of(group).find("/linux/intelRdt: "), std::string::npos);
  EXPECT_FALSE(has("c1"));
}

TEST_F(Resctrl, ThePlanSaysWhatIsDone) {
  const auto steps =
      ResctrlGroup(top, {.group = "gold", .schemata = {"L3:0=1"}, .is_monitored = true}, "c1").steps();
  ASSERT_EQ(steps.size(), 3U);
  EXPECT_EQ(steps[1].path, (top / "gold/schemata").value);
  EXPECT_EQ(steps[1].value, "L3:0=1\n");
  EXPECT_EQ(steps[2].path, (top / "gold/mon_groups/c1").value);
}

}  // namespace
}  // namespace tare::runtime
