// Tare-init's operations on identity and capabilities.
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "init_fixture.h"

namespace tare::init {
namespace {

using plan::Kind;

struct Sets {
  std::uint64_t effective, permitted, inheritable;
};

Sets own_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  EXPECT_EQ(::syscall(SYS_capget, &header, data), 0);
  const auto whole = [&](auto member) { return std::uint64_t{data[1].*member} << 32 | data[0].*member; };
  return {whole(&__user_cap_data_struct::effective), whole(&__user_cap_data_struct::permitted),
          whole(&__user_cap_data_struct::inheritable)};
}

constexpr std::uint64_t bit(int capability) { return std::uint64_t{1} << capability; }

class Rights : public Operations {
 public:
  long set_capabilities(std::uint64_t permitted, std::uint64_t inheritable, std::uint64_t effective,
                        std::uint64_t ambient) {
    const std::uint64_t sets[2] = {effective, ambient};
    return perform({.kind = Kind::set_capabilities,
                    .a = permitted,
                    .b = inheritable,
                    .list = reinterpret_cast<const char* const*>(sets)});
  }
  long set_groups(const std::vector<std::uint32_t>& groups) {
    return perform({.kind = Kind::set_groups,
                    .a = groups.size(),
                    .list = reinterpret_cast<const char* const*>(groups.data())});
  }
};

TEST(InitRights, SetsTheAdditionalGroupsOrNone) {
  in_child(0, [] {
    Rights rights;
    EXPECT_EQ(rights.set_groups({10, 4294967294, 20}), 0);
    gid_t groups[8];
    EXPECT_EQ(::getgroups(8, groups), 3);
    EXPECT_EQ(groups[2], 4294967294U);
    EXPECT_EQ(rights.set_groups({}), 0);
    EXPECT_EQ(::getgroups(0, nullptr), 0);
    EXPECT_EQ(rights.set_groups(std::vector<std::uint32_t>(65537, 1)), -EINVAL);
    EXPECT_EQ(rights.set_groups({4294967295}), -EINVAL);
  });
}

TEST(InitRights, BecomesAnotherUserAndKeepsItsCapabilitiesForTheMoment) {
  in_child(0, [] {
    const Sets before = own_capabilities();
    Rights rights;
    EXPECT_EQ(rights.perform({.kind = Kind::set_ids, .a = 1000, .b = 1001}), 0);
    uid_t real = 0, effective = 0, saved = 0;
    EXPECT_EQ(::getresuid(&real, &effective, &saved), 0);
    EXPECT_TRUE(real == 1000 && effective == 1000 && saved == 1000);
    EXPECT_EQ(::getresgid(&real, &effective, &saved), 0);
    EXPECT_TRUE(real == 1001 && effective == 1001 && saved == 1001);
    EXPECT_EQ(own_capabilities().permitted, before.permitted);
    EXPECT_EQ(::prctl(PR_GET_KEEPCAPS), 0);
    EXPECT_EQ(rights.set_capabilities(0, 0, 0, 0), 0);
    EXPECT_EQ(rights.perform({.kind = Kind::set_ids, .a = 0, .b = 0}), -EPERM) << "there is no way back";
  });
}

TEST(InitRights, DropsAllButTheseFromTheBoundingSet) {
  in_child(0, [] {
    Rights rights;
    EXPECT_EQ(rights.perform({.kind = Kind::drop_bounding, .a = bit(CAP_CHOWN) | bit(CAP_KILL)}), 0);
    for (int one = 0; one <= CAP_LAST_CAP; one++)
      EXPECT_EQ(::prctl(PR_CAPBSET_READ, one), one == CAP_CHOWN || one == CAP_KILL) << one;
    EXPECT_EQ(rights.set_capabilities(0, 0, 0, 0), 0);
    EXPECT_EQ(rights.perform({.kind = Kind::drop_bounding, .a = 0}), -EPERM);
  });
}

TEST(InitRights, SetsEveryCapabilitySetAndTheAmbientOne) {
  in_child(0, [] {
    Rights rights;
    const std::uint64_t two = bit(CAP_CHOWN) | bit(CAP_CHECKPOINT_RESTORE);
    EXPECT_EQ(rights.set_capabilities(two, bit(CAP_CHECKPOINT_RESTORE), bit(CAP_CHOWN),
                                      bit(CAP_CHECKPOINT_RESTORE)),
              0);
    const Sets now = own_capabilities();
    EXPECT_EQ(now.permitted, two);
    EXPECT_EQ(now.effective, bit(CAP_CHOWN));
    EXPECT_EQ(now.inheritable, bit(CAP_CHECKPOINT_RESTORE));
    EXPECT_EQ(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHECKPOINT_RESTORE, 0, 0), 1);
    EXPECT_EQ(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN, 0, 0), 0);
    EXPECT_EQ(rights.set_capabilities(two, 0, 0, 0), 0);
    EXPECT_EQ(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHECKPOINT_RESTORE, 0, 0), 0);
  });
}

TEST(InitRights, CannotTakeBackWhatIsGone) {
  in_child(0, [] {
    Rights rights;
    EXPECT_EQ(rights.set_capabilities(bit(CAP_CHOWN), 0, 0, 0), 0);
    EXPECT_EQ(rights.set_capabilities(bit(CAP_KILL), 0, 0, 0), -EPERM);
    EXPECT_EQ(rights.set_capabilities(bit(CAP_CHOWN), 0, bit(CAP_KILL), 0), -EPERM);
    EXPECT_EQ(rights.set_capabilities(bit(CAP_CHOWN), 0, 0, bit(CAP_CHOWN)), -EPERM)
        << "ambient needs inheritable";
  });
}

TEST(InitRights, GainsNoPrivilegesFromThenOn) {
  in_child(0, [] {
    Rights rights;
    EXPECT_EQ(::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
    EXPECT_EQ(rights.perform({.kind = Kind::no_new_privileges}), 0);
    EXPECT_EQ(::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
  });
}

// Without a security module the files are there and refuse what is written; what may be opened is the point.
TEST(InitRights, WritesLabelsToTheContainersOwnProcfsAndNowhereElse) {
  in_child(CLONE_NEWNS | CLONE_NEWPID, [] {
    RootedOperations operations;
    const auto write = [&](const char* path, const char* text) {
      return operations.perform({.kind = Kind::set_label, .path = path, .text = text});
    };
    EXPECT_EQ(write("thread-self/comm", "x"), -ENOENT) << "no /proc";
    EXPECT_EQ(::mkdir(in_root("/proc").c_str(), 0755), 0);
    write_text(in_root("/proc/target"), "");
    EXPECT_EQ(write("target", "x"), -EXDEV) << "no procfs";
    EXPECT_EQ(::mount("/proc/sys", in_root("/proc").c_str(), nullptr, MS_BIND, nullptr), 0);
    EXPECT_EQ(write("kernel/hostname", "x"), -EXDEV) << "not its top";
    EXPECT_EQ(::umount(in_root("/proc").c_str()), 0);
    EXPECT_EQ(::mount("/proc", in_root("/proc").c_str(), nullptr, MS_BIND, nullptr), 0);
    EXPECT_EQ(write("thread-self/comm", "labelled"), 0);
    EXPECT_EQ(text_of("/proc/thread-self/comm"), "labelled\n");
    EXPECT_EQ(write("thread-self/absent", "x"), -ENOENT);
    EXPECT_EQ(write("../target", "x"), -EXDEV);
    EXPECT_EQ(write("self/root/etc/passwd", "x"), -ELOOP) << "a magic link";
    write_text(in_root("/own"), "");
    EXPECT_EQ(::mount(in_root("/own").c_str(), in_root("/proc/self/comm").c_str(), nullptr, MS_BIND, nullptr),
              0);
    EXPECT_EQ(write("thread-self/../../comm", "x"), -EXDEV) << "another mount";
    EXPECT_EQ(text_of(in_root("/own")), "");
  });
}

}  // namespace
}  // namespace tare::init
