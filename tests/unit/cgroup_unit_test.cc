// Containers as units of systemd: names, and what systemd is told.
#include <gtest/gtest.h>

#include "base/error.h"
#include "cgroup/number_list.h"
#include "cgroup/scope.h"
#include "cgroup/unit.h"
#include "cgroup/unit_properties.h"

namespace tare::cgroup {
namespace {

Unit system_unit(std::string_view cgroups_path, std::string_view id = "one") {
  return unit_of(cgroups_path, id, Manager::system, "");
}

std::string told(const std::vector<Property>& properties) {
  std::string text;
  for (const auto& property : properties) text.append(text.empty() ? "" : " ").append(to_text(property));
  return text;
}

Write written(std::string file, std::string value) {
  return {.hierarchy = 0,
          .file = std::move(file),
          .value = std::move(value),
          .why = {},
          .other_file = {},
          .other_value = {}};
}

std::string told_of(const std::string& file, const std::string& value) {
  const Write one = written(file, value);
  return told(limit_properties({&one, 1}));
}

std::vector<Property> annotated(const std::string& name, const std::string& value) {
  const std::pair<std::string, std::string> one("org.systemd.property." + name, value);
  return annotation_properties({&one, 1});
}

TEST(Unit, APathOfThreePartsIsAScopeInASlice) {
  const Unit unit = system_unit("machine-a.slice:libpod:0123");
  EXPECT_EQ(unit.name, "libpod-0123.scope");
  EXPECT_EQ(unit.slice, "machine-a.slice");
  EXPECT_EQ(unit.cgroup, "/machine.slice/machine-a.slice/libpod-0123.scope");
}

TEST(Unit, WithoutASliceItIsTheManagersOwn) {
  EXPECT_EQ(system_unit(":a:b").cgroup, "/system.slice/a-b.scope");
  const std::string root = manager_root(Manager::user, "0::/init.scope\n", 1000);
  EXPECT_EQ(unit_of(":a:b", "one", Manager::user, root).cgroup,
            "/user.slice/user-1000.slice/user@1000.service/user.slice/a-b.scope");
}

TEST(Unit, ADashIsTheRootSlice) {
  EXPECT_EQ(system_unit("-:a:b").cgroup, "/a-b.scope");
  EXPECT_EQ(system_unit("-:a:b").slice, "-.slice");
  EXPECT_EQ(system_unit("-.slice:a:b").cgroup, "/a-b.scope");
}

TEST(Unit, WithoutAPathItIsNamedAfterTheContainer) {
  EXPECT_EQ(system_unit("", "a+b").name, "tare-runtime-a\\x2bb.scope");
  EXPECT_EQ(system_unit("", "one").cgroup, "/system.slice/tare-runtime-one.scope");
}

TEST(Unit, ANameThatEndsInSliceIsTheUnitItself) {
  const Unit unit = system_unit("x.slice:prefix:a-b.slice");
  EXPECT_TRUE(unit.is_slice());
  EXPECT_EQ(unit.name, "a-b.slice");
  EXPECT_EQ(unit.cgroup, "/a.slice/a-b.slice");
}

TEST(Unit, WhatIsNoSuchPathIsRefused) {
  for (const auto* path :
       {"/a/b", "a:b", "a.slice:b", "a:b:c", "a.slice:b:c:d", "a.slice:b:", "a/b.slice:c:d", "a--b.slice:c:d",
        "-a.slice:c:d", ".slice:c:d", "a.slice:b:c/d", "a.slice:b c:d", "::x--y.slice"})
    EXPECT_THROW(system_unit(path), Error) << path;
}

TEST(Unit, AManagerInAContainerHasItsUnitsBelowItsOwnCgroup) {
  EXPECT_EQ(manager_root(Manager::system, "0::/init.scope\n", 0), "");
  EXPECT_EQ(manager_root(Manager::system, "1:name=systemd:/x\n0::/outer/init.scope\n", 0), "/outer");
  EXPECT_EQ(manager_root(Manager::system, "0::/\n", 0), "");
}

TEST(UnitProperties, EveryLimitThatSystemdKnowsIsTold) {
  EXPECT_EQ(told_of("memory.max", "1048576"), "MemoryMax=1048576");
  EXPECT_EQ(told_of("memory.max", "max"), "MemoryMax=infinity");
  EXPECT_EQ(told_of("memory.high", "4096"), "MemoryHigh=4096");
  EXPECT_EQ(told_of("memory.low", "4096"), "MemoryLow=4096");
  EXPECT_EQ(told_of("memory.min", "4096"), "MemoryMin=4096");
  EXPECT_EQ(told_of("memory.swap.max", "0"), "MemorySwapMax=0");
  EXPECT_EQ(told_of("cpu.weight", "39"), "CPUWeight=39");
  EXPECT_EQ(told_of("cpu.idle", "1"), "CPUWeight=0");
  EXPECT_EQ(told_of("cpu.idle", "0"), "");
  EXPECT_EQ(told_of("cpuset.cpus", "0-2,8"), "AllowedCPUs=0x0107");
  EXPECT_EQ(told_of("cpuset.mems", "0"), "AllowedMemoryNodes=0x01");
  EXPECT_EQ(told_of("pids.max", "77"), "TasksMax=77");
  EXPECT_EQ(told_of("hugetlb.2MB.max", "0"), "");
}

TEST(UnitProperties, AQuotaIsRoundedUpToWholePercents) {
  EXPECT_EQ(told_of("cpu.max", "50000 100000"), "CPUQuotaPeriodUSec=100000 CPUQuotaPerSecUSec=500000");
  EXPECT_EQ(told_of("cpu.max", "12345 100000"), "CPUQuotaPeriodUSec=100000 CPUQuotaPerSecUSec=130000");
  EXPECT_EQ(told_of("cpu.max", "25000"), "CPUQuotaPerSecUSec=250000");
  EXPECT_EQ(told_of("cpu.max", "max 50000"), "CPUQuotaPeriodUSec=50000 CPUQuotaPerSecUSec=infinity");
}

TEST(UnitProperties, NoProcessesAtAllIsOne) { EXPECT_EQ(told_of("pids.max", "0"), "TasksMax=1"); }

TEST(UnitProperties, OfTwoFilesTheOneThatSystemdKnowsIsTold) {
  Write weight = written("io.bfq.weight", "500");
  weight.other_file = "io.weight", weight.other_value = "4950";
  EXPECT_EQ(told(limit_properties({&weight, 1})), "IOWeight=4950");
}

TEST(UnitProperties, ABitMaskIsAsLongAsItsHighestBit) {
  EXPECT_EQ(to_bit_mask("0"), std::vector<std::uint8_t>{1});
  EXPECT_EQ(to_bit_mask("9"), (std::vector<std::uint8_t>{0, 2}));
  for (const auto* list : {"x", "1-", "-1", "3-2", "1,,2", "99999999"})
    EXPECT_THROW(to_bit_mask(list), Error) << list;
}

TEST(UnitProperties, AnnotationsAreReadAsGVariants) {
  EXPECT_EQ(to_text(annotated("CollectMode", "'inactive'")[0]), "CollectMode=inactive");
  EXPECT_EQ(to_text(annotated("SendSIGHUP", "true")[0]), "SendSIGHUP=yes");
  EXPECT_EQ(annotated("TimeoutStopUSec", "uint64 7")[0].value.type, "t");
  EXPECT_EQ(annotated("OOMScore", "-5")[0].value.type, "i");
  EXPECT_EQ(annotated("After", "['a.service', \"b\\'.service\"]")[0].value.type, "as");
  EXPECT_EQ(to_text(annotated("After", "['a.service', \"b\\'.service\"]")[0]), "After=a.service b'.service");
  EXPECT_TRUE(
      annotation_properties(std::vector<std::pair<std::string, std::string>>{{"org.other", "x"}}).empty());
}

TEST(UnitProperties, SecondsBecomeMicroseconds) {
  EXPECT_EQ(to_text(annotated("TimeoutStopSec", "3")[0]), "TimeoutStopUSec=3000000");
  EXPECT_EQ(to_text(annotated("TimeoutStopSec", "0.5")[0]), "TimeoutStopUSec=500000");
  EXPECT_EQ(annotated("TimeoutStopSec", "uint32 3")[0].value.type, "t");
  EXPECT_EQ(to_text(annotated("TimeoutStopUSec", "uint64 3")[0]), "TimeoutStopUSec=3");
}

TEST(UnitProperties, AnAnnotationThatCannotBeReadIsNamed) {
  const auto expect_named = [](const std::string& name, const std::string& value) {
    try {
      annotated(name, value);
      ADD_FAILURE() << name << " " << value;
    } catch (const Error& error) {
      EXPECT_NE(error.text().find("annotations.org.systemd.property." + name), std::string::npos)
          << error.what();
    }
  };
  for (const auto* value :
       {"", "nonsense", "'open", "['a', 1]", "['a'", "uint64 -1", "uint64", "byte 256", "1 2"})
    expect_named("Name", value);
  for (const auto* value : {"'a'", "true", "-1", "[1]"}) expect_named("TimeoutSec", value);
  for (const auto* name : {"ab", "A1b", "A_b", ""}) expect_named(name, "true");
}

TEST(UnitProperties, AnAnnotationTakesThePlaceOfWhatIsToldOtherwise) {
  const std::vector<std::pair<std::string, std::string>> annotations{
      {"org.systemd.property.CollectMode", "'inactive'"}, {"org.systemd.property.Description", "'mine'"}};
  const std::string text = told(unit_properties(system_unit(":a:b"), "one", {}, annotations));
  EXPECT_NE(text.find("CollectMode=inactive Description=mine"), std::string::npos) << text;
  EXPECT_EQ(text.find("inactive-or-failed"), std::string::npos) << text;
  EXPECT_NE(text.find("Slice=system.slice Delegate=yes"), std::string::npos) << text;
}

}  // namespace
}  // namespace tare::cgroup
