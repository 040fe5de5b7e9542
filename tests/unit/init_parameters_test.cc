// Tare-init's writing of kernel parameters: through the container's own procfs, and nowhere else.
#include <sys/utsname.h>

#include "init_fixture.h"

namespace tare::init {
namespace {

using plan::Kind;

constexpr int own_namespaces = CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS;

/// A procfs in slot 1, hung up in the root.
class ProcOperations : public RootedOperations {
 public:
  ProcOperations() {
    EXPECT_EQ(perform({.kind = Kind::new_filesystem, .into = 1, .text = "proc"}), 0);
    EXPECT_EQ(perform({.kind = Kind::attach, .flags = plan::create_target, .slot = 1, .path = "/proc"}), 0);
  }
  long set(const char* path, const char* value) {
    return perform({.kind = Kind::set_parameter, .slot = 1, .path = path, .text = value});
  }
};

TEST(InitParameters, AreThoseOfTheNamespacesItIsIn) {
  in_child(own_namespaces, [] {
    ProcOperations operations;
    EXPECT_EQ(operations.set("sys/kernel/msgmax", "12345"), 0);
    EXPECT_EQ(text_of(in_root("/proc/sys/kernel/msgmax")), "12345\n");
    EXPECT_EQ(operations.set("sys/kernel/domainname", "example"), 0);
    EXPECT_EQ(text_of("/proc/sys/kernel/domainname"), "example\n");
  });
  EXPECT_NE(text_of("/proc/sys/kernel/msgmax"), "12345\n");
}

TEST(InitParameters, ReportWhatTheKernelSays) {
  in_child(own_namespaces, [] {
    ProcOperations operations;
    EXPECT_EQ(operations.set("sys/kernel/no_such", "1"), -ENOENT);
    EXPECT_EQ(operations.set("sys/kernel/msgmax", "many"), -EINVAL);
    EXPECT_EQ(operations.set("sys/kernel", "1"), -EISDIR);
  });
}

TEST(InitParameters, AreReachedByNoLinkAndInNoOtherMount) {
  in_child(own_namespaces, [] {
    ProcOperations operations;
    EXPECT_EQ(operations.set("self/oom_score_adj", "5"), -ELOOP) << "a symlink";
    EXPECT_EQ(operations.set("thread-self/root/etc", "5"), -ELOOP);
    EXPECT_EQ(operations.set("/proc/sys/kernel/msgmax", "1"), -EXDEV) << "not beneath";
    EXPECT_EQ(operations.set("../proc/sys/kernel/msgmax", "1"), -EXDEV);
    // As a racing container or a bind mount of the image's could have it (CVE-2025-52881).
    EXPECT_EQ(::mount("fake", in_root("/proc/sys/kernel").c_str(), "tmpfs", 0, nullptr), 0);
    write_text(in_root("/proc/sys/kernel/msgmax"), "fake");
    EXPECT_EQ(operations.set("sys/kernel/msgmax", "1"), -EXDEV);
    EXPECT_EQ(text_of(in_root("/proc/sys/kernel/msgmax")), "fake");
  });
}

TEST(InitParameters, HaveTheDomainNameAsACallOfItsOwn) {
  in_child(own_namespaces, [] {
    Operations operations;
    EXPECT_EQ(operations.perform({.kind = Kind::set_domainname, .text = "example.org"}), 0);
    utsname names;
    EXPECT_EQ(::uname(&names), 0);
    EXPECT_STREQ(names.domainname, "example.org");
    EXPECT_EQ(operations.perform({.kind = Kind::set_domainname, .text = std::string(65, 'x').c_str()}),
              -EINVAL);
  });
}

}  // namespace
}  // namespace tare::init
