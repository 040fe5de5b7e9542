#include "engine/run_options.h"

#include <csignal>
#include <cstdlib>
#include <functional>
#include <gtest/gtest.h>
#include <limits>
#include <sys/resource.h>

#include "base/error.h"

namespace tare::engine {
namespace {

using Words = std::vector<std::string>;

/// The text of the Error{invalid} that `act` must end with.
std::string refusal(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::invalid) << error.what();
    return error.text();
  }
  return "accepted";
}

TEST(ParseLimit, ReadsSoftAndHard) {
  const auto is = [](const char* text, int resource, std::uint64_t soft, std::uint64_t hard) {
    const oci::Rlimit limit = parse_limit(text);
    EXPECT_TRUE(limit.resource == resource && limit.soft == soft && limit.hard == hard) << text;
  };
  is("nofile=1024", RLIMIT_NOFILE, 1024, 1024);
  is("nofile=10:20", RLIMIT_NOFILE, 10, 20);
  is("core=0:-1", RLIMIT_CORE, 0, RLIM_INFINITY);
  is("stack=unlimited", RLIMIT_STACK, RLIM_INFINITY, RLIM_INFINITY);
  is("nproc=18446744073709551615", RLIMIT_NPROC, RLIM_INFINITY, RLIM_INFINITY);
}

TEST(ParseLimit, RefusesWhatIsNoLimit) {
  for (const char* text : {"", "nofile", "nofile=1:2:3"})
    EXPECT_TRUE(refusal([&] { parse_limit(text); }).ends_with("is not NAME=SOFT[:HARD]")) << text;
  EXPECT_EQ(refusal([] { parse_limit("NOFILE=1"); }), "invalid ulimit type: NOFILE");
  for (const char* text : {"nofile=", "nofile=:", "nofile=1:", "nofile=-2", "nofile=1k", "nofile= 1",
                           "nofile=0x1", "nofile=18446744073709551616"})
    EXPECT_NE(refusal([&] { parse_limit(text); }), "accepted") << text;
  for (const char* text : {"nofile=2:1", "nofile=-1:1"})
    EXPECT_TRUE(refusal([&] { parse_limit(text); }).starts_with("ulimit soft limit must be less than"))
        << text;
}

TEST(ParseSysctl, TakesKernelParametersOfNamespacesOnly) {
  const oci::KernelParameter parameter = parse_sysctl("net/ipv4/ip_local_port_range=1024 65000");
  EXPECT_EQ(parameter.name, "net.ipv4.ip_local_port_range");
  EXPECT_EQ(parameter.value, "1024 65000");
  EXPECT_EQ(parse_sysctl("kernel.sem=a=b").value, "a=b");
  for (const char* text : {"net.ipv4.ip_forward", "net.ipv4.ip_forward=", "=1", "", "vm.swappiness=1",
                           "kernel.core_pattern=|/x", "kernel.hostname=x"})
    EXPECT_EQ(refusal([&] { parse_sysctl(text); }), "sysctl '" + std::string(text) + "' is not allowed");
}

TEST(ParseWeightsAndScores, KnowsTheirRanges) {
  EXPECT_EQ(parse_block_io_weight("10"), 10);
  EXPECT_EQ(parse_block_io_weight("1000"), 1000);
  EXPECT_EQ(parse_block_io_weight("0"), 0);
  for (const char* text : {"9", "1001", "-10"})
    EXPECT_EQ(refusal([&] { parse_block_io_weight(text); }), "range of blkio weight is from 10 to 1000");
  EXPECT_EQ(parse_oom_score_adj("-1000"), -1000);
  EXPECT_EQ(parse_oom_score_adj("1000"), 1000);
  EXPECT_EQ(refusal([] { parse_oom_score_adj("1001"); }),
            "Invalid value 1001, range for oom score adj is [-1000, 1000]");
  EXPECT_NE(refusal([] { parse_oom_score_adj("high"); }), "accepted");
}

TEST(ParseNetwork, KnowsThree) {
  RunOptions options;
  read_network("host", options);
  EXPECT_EQ(options.network, Network::host);
  read_network("container:web", options);
  EXPECT_EQ(options.network, Network::container);
  EXPECT_EQ(options.network_container, "web");
  read_network("none", options);
  EXPECT_EQ(options.network, Network::none);
  EXPECT_EQ(options.network_container, "");
  EXPECT_EQ(refusal([&] { read_network("bridge", options); }), "network bridge not found");
  EXPECT_EQ(refusal([&] { read_network("container:", options); }), "network container: not found");
  EXPECT_EQ(refusal([&] { read_network("", options); }), "network  not found");
}

TEST(ParseSignal, ReadsNamesAndNumbers) {
  for (const char* text : {"TERM", "term", "SIGTERM", "sigTerm", "15", "015"})
    EXPECT_EQ(parse_signal(text), SIGTERM);
  EXPECT_EQ(parse_signal("64"), 64);
  for (const char* text :
       {"", "SIG", "SIGSIGTERM", "0", "65", "-9", "+9", "9 ", "RTMIN+1x", "NOPE", "99999999999"})
    EXPECT_NE(refusal([&] { parse_signal(text); }), "accepted") << text;
}

TEST(ParseVariable, IsTakenAsItIsOrFromTheCaller) {
  ASSERT_EQ(::setenv("TARE_TEST_SET", "a=b c", 1), 0);
  ASSERT_EQ(::unsetenv("TARE_TEST_UNSET"), 0);
  EXPECT_EQ(parse_variable("A=1=2"), "A=1=2");
  EXPECT_EQ(parse_variable("A="), "A=");
  EXPECT_EQ(parse_variable("TARE_TEST_SET"), "TARE_TEST_SET=a=b c");
  EXPECT_EQ(parse_variable("TARE_TEST_UNSET"), std::nullopt);
  for (const char* text : {"", "=", "=x"})
    EXPECT_EQ(refusal([&] { (void)parse_variable(text); }),
              "invalid environment variable: " + std::string(text));
}

TEST(ParseVariables, PassesOverCommentsAndEmptyLines) {
  ASSERT_EQ(::unsetenv("TARE_TEST_UNSET"), 0);
  EXPECT_EQ(
      parse_variables("file", "# comment\n\nA=1\r\n  B=two words # kept \n\t\nTARE_TEST_UNSET\n #x\nC="),
      (Words{"A=1", "B=two words # kept ", "C="}));
  EXPECT_EQ(parse_variables("file", ""), Words{});
  EXPECT_EQ(refusal([] { parse_variables("my.env", "A B=1\n"); }),
            "my.env: variable \"A B\" contains whitespaces");
  EXPECT_EQ(refusal([] { parse_variables("my.env", "A B\n"); }),
            "my.env: variable \"A B\" contains whitespaces");
  EXPECT_NE(refusal([] { parse_variables("my.env", "=1\n"); }), "accepted");
}

std::string invalid_because(const std::function<void(RunOptions&)>& change) {
  RunOptions options;
  change(options);
  return refusal([&] { validate(options); });
}

TEST(Validate, RefusesNamesAndPathsThatAreNone) {
  EXPECT_EQ(invalid_because([](RunOptions&) {}), "accepted");
  for (const char* name : {"a", "-ab", ".ab", "a/b", "a b", "ab\n", "../x", "a\x01"})
    EXPECT_TRUE(invalid_because([&](RunOptions& o) { o.name = name; }).starts_with("Invalid container name"))
        << name;
  EXPECT_NE(invalid_because([](RunOptions& o) { o.name = std::string(256, 'a'); }), "accepted");
  EXPECT_EQ(invalid_because([](RunOptions& o) { o.name = "web_1.x-y"; }), "accepted");
  for (const char* path : {"work", "./work"})
    EXPECT_NE(invalid_because([&](RunOptions& o) { o.working_directory = ContainerPath(path); }), "accepted");
  EXPECT_NE(invalid_because([](RunOptions& o) { o.stop_signal = "NOPE"; }), "accepted");
  EXPECT_NE(invalid_because([](RunOptions& o) { o.hostname = std::string(65, 'h'); }), "accepted");
  EXPECT_NE(invalid_because([](RunOptions& o) { o.cgroup_parent = "/a/../../b"; }), "accepted");
}

TEST(Validate, CleansTheWorkingDirectorysPath) {
  const auto cleaned = [](const char* path) {
    RunOptions options;
    options.working_directory = ContainerPath(path);
    validate(options);
    return options.working_directory.value;
  };
  EXPECT_EQ(cleaned(""), "/");
  EXPECT_EQ(cleaned("//a/./b/../c/"), "/a/c");
  EXPECT_EQ(cleaned("/../.."), "/");
}

TEST(Validate, RefusesTwoMountsInOnePlace) {
  const auto mounts = [](std::vector<Bind> binds, std::vector<Tmpfs> tmpfs) {
    return invalid_because([&](RunOptions& o) {
      o.binds = binds;
      o.tmpfs = tmpfs;
    });
  };
  EXPECT_EQ(mounts({parse_bind("/h:/x"), parse_bind("/i:/y/../x/")}, {}), "Duplicate mount point: /x");
  EXPECT_EQ(mounts({parse_bind("/h:/x")}, {parse_tmpfs("/x")}), "Duplicate mount point: /x");
  EXPECT_EQ(mounts({}, {parse_tmpfs("/x"), parse_tmpfs("//x:size=1m")}), "Duplicate mount point: /x");
  EXPECT_EQ(mounts({parse_bind("/h:/x"), parse_bind("/h:/x/y")}, {parse_tmpfs("/z")}), "accepted");
}

TEST(Validate, RefusesARootThatIsBothWritableAndReadOnly) {
  EXPECT_EQ(invalid_because([](RunOptions& o) { o.rootfs_writable = o.read_only = true; }),
            "--rootfs-rw and --read-only contradict each other");
}

TEST(ParseCpuLimit, TakesWhatThereIsOfCpus) {
  EXPECT_EQ(parse_cpu_limit("0", 2), 0);
  EXPECT_EQ(parse_cpu_limit("0.01", 2), 10'000'000);
  EXPECT_EQ(parse_cpu_limit("2", 2), 2'000'000'000);
  for (const char* text : {"0.009999999", "2.000000001", "1000000"})
    EXPECT_EQ(refusal([&] { parse_cpu_limit(text, 2); }),
              "range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available");
}

TEST(Validate, RefusesLimitsThatContradictEachOther) {
  const auto memory = [](std::optional<Bytes> limit, std::optional<Bytes> swap) {
    return invalid_because([&](RunOptions& o) {
      o.resources.memory_limit = limit;
      o.resources.memory_swap = swap;
    });
  };
  EXPECT_EQ(memory(512 << 10, std::nullopt), "accepted");
  EXPECT_EQ(memory((512 << 10) - 1, std::nullopt), "the memory limit of 524287 bytes is too small");
  EXPECT_NE(memory(std::nullopt, 1 << 30), "accepted");
  EXPECT_NE(memory(2 << 20, 1 << 20), "accepted");
  EXPECT_EQ(memory(2 << 20, 2 << 20), "accepted");
  EXPECT_EQ(memory(2 << 20, -1), "accepted");
}

TEST(Validate, GivesTwiceTheMemoryWithSwapAsDockerDoes) {
  RunOptions options;
  options.resources.memory_limit = 3 << 20;
  validate(options);
  EXPECT_EQ(options.resources.memory_swap, 6 << 20);
}

TEST(Validate, LeavesOutOnlyASwapLimitThatNobodyAskedForWhereSwapIsNotCounted) {
  RunOptions derived;
  derived.resources.memory_limit = 3 << 20;
  validate(derived);
  do_without_swap_accounting(derived);
  EXPECT_EQ(derived.resources.memory_swap, std::nullopt);
  EXPECT_EQ(derived.resources.memory_limit, 3 << 20);

  for (const Bytes asked_for : {3 << 20, 4 << 20}) {
    RunOptions options;
    options.resources.memory_limit = 3 << 20;
    options.resources.memory_swap = asked_for;
    validate(options);
    try {
      do_without_swap_accounting(options);
      FAIL() << asked_for;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::unsupported);
      EXPECT_EQ(error.text(),
                "--memory-swap was asked for, but swap is not counted here (no swap accounting)");
    }
  }
  RunOptions unlimited;
  unlimited.resources.memory_limit = 3 << 20;
  unlimited.resources.memory_swap = -1;
  validate(unlimited);
  do_without_swap_accounting(unlimited);
  EXPECT_EQ(unlimited.resources.memory_swap, std::nullopt);
}

TEST(Validate, DoesNotOverflowWhereTheMemoryIsHuge) {
  RunOptions options;
  options.resources.memory_limit = std::numeric_limits<Bytes>::max();
  validate(options);
  EXPECT_GE(*options.resources.memory_swap, *options.resources.memory_limit);
}

TEST(ParseLabel, MayHaveNoValue) {
  EXPECT_EQ(parse_label("a=b=c"), "a=b=c");
  EXPECT_EQ(parse_label("a"), "a=");
  EXPECT_EQ(refusal([] { parse_label("=x"); }), "invalid label format: \"=x\"");
  EXPECT_EQ(parse_label_file("a=1\n\n  # no\n\tb\r\n"), (Words{"a=1", "b="}));
  EXPECT_EQ(parse_label_file(""), Words{});
}

}  // namespace
}  // namespace tare::engine
