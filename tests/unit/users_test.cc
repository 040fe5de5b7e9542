// Users by the container's own passwd and group, which are hostile.
#include "engine/users.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "temporary_directory.h"

namespace tare::engine {
namespace {

constexpr auto passwd =
    "root:x:0:0:root:/root:/bin/sh\n"
    "ann:x:1000:1001:Ann:/home/ann:/bin/sh\n"
    "1000:x:0:0:a trap:/trap:/bin/sh\n"
    "short:x:7\n"
    "bare:x:8:9\n"
    "odd:x:1 :2:::\n"
    "zeros:x:007:010::relative:\n"
    "huge:x:4294967295:1:::\n"
    "last:x:4294967294:4294967294:::\n"
    "badgroup:x:9:staff:::\n";
constexpr auto group =
    "root:x:0:\n"
    "wheel:x:10:root,ann\n"
    "audio:x:20:joanna,annabel\n"
    "video:x:30:bob,ann\n"
    "1001:x:0:\n"
    "broken:x:nine:ann\n"
    "short:x\n";

class Root {
 public:
  Root() {
    directory_.put("etc/passwd", passwd);
    directory_.put("etc/group", group);
  }
  Identity resolve(const std::string& text) const { return resolve_user(directory_.fd(), text); }
  std::string refusal(const std::string& text) const {
    try {
      const Identity identity = resolve(text);
      return "uid " + std::to_string(identity.user.uid);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::invalid);
      return error.text();
    }
  }
  const TemporaryDirectory& directory() const { return directory_; }

 private:
  TemporaryDirectory directory_;
};

using Groups = std::vector<std::uint32_t>;

TEST(Users, AreRootWhereNoneIsNamed) {
  const Root root;
  for (const char* text : {"", ":", "root", "0", "root:root", "0:0"}) {
    const Identity identity = root.resolve(text);
    EXPECT_EQ(identity.user.uid, 0U) << text;
    EXPECT_EQ(identity.user.gid, 0U) << text;
    EXPECT_EQ(identity.home, "/root") << text;
  }
  EXPECT_EQ(root.resolve("").user.additional_gids, (Groups{0, 10}));
}

TEST(Users, HaveTheirGroupHomeAndMemberships) {
  const Root root;
  for (const char* text : {"ann", "1000", "ann:", "1000:"}) {
    const Identity identity = root.resolve(text);
    EXPECT_EQ(identity.user.uid, 1000U) << text;
    EXPECT_EQ(identity.user.gid, 1001U) << text;
    EXPECT_EQ(identity.home, "/home/ann") << text;
    EXPECT_EQ(identity.user.additional_gids, (Groups{1001, 10, 30})) << text;
  }
}

TEST(Users, TakeTheGroupThatIsNamedAndNoOther) {
  const Root root;
  for (const char* text : {"ann:video", "1000:30", "ann:30"}) {
    const Identity identity = root.resolve(text);
    EXPECT_EQ(identity.user.gid, 30U) << text;
    EXPECT_EQ(identity.user.additional_gids, Groups{30}) << text << ": the own one (CVE-2022-36109)";
  }
  EXPECT_EQ(root.resolve(":5").user.uid, 0U);
  EXPECT_EQ(root.resolve(":5").user.gid, 5U);
}

TEST(Users, ThatAreNumbersAreNeverNames) {
  const Root root;  // CVE-2016-3697: the image names its root account 1000, and a group of root's 1001
  EXPECT_EQ(root.resolve("1000").user.uid, 1000U);
  EXPECT_EQ(root.resolve("1000:1001").user.gid, 1001U);
  root.directory().put("etc/passwd", "0:x:1000:1000::/trap:\n");
  EXPECT_EQ(root.resolve("").user.uid, 0U);
  EXPECT_EQ(root.resolve("").home, "/");
}

TEST(Users, WithoutAnEntryAreTheirNumberInGroupZero) {
  const Root root;
  const Identity identity = root.resolve("4242");
  EXPECT_EQ(identity.user.uid, 4242U);
  EXPECT_EQ(identity.user.gid, 0U);
  EXPECT_EQ(identity.home, "/");
  EXPECT_EQ(root.resolve("4242:4243").user.gid, 4243U);
}

TEST(Users, AreNoNumberInAnyOtherForm) {
  const Root root;  // CVE-2026-30892: what one program reads as 0 and another as a name
  for (const char* text :
       {"1 ", " 1", "\t1", "0x1", "0x0", "+1", "-0", "1.0", "1e3", "--1", "00000000000", "١"})
    EXPECT_EQ(root.refusal(text),
              "unable to find user " + std::string(text) + ": no matching entries in passwd file");
  for (const char* text : {"0:1 ", "0: 1", "0:0x1", "0:1:2", "ann:nobody"})
    EXPECT_TRUE(root.refusal(text).starts_with("unable to find group ")) << text;
  EXPECT_EQ(root.resolve("4294967294").user.uid, 4294967294U);
  EXPECT_EQ(root.resolve("last").user.gid, 4294967294U);
}

TEST(Users, ThatAreNumbersNoIdCanBeAreRefusedInDockersWords) {
  const Root root;
  for (const char* text : {"-1", "2147483648", "4294967295", "99999999999", "18446744073709551616"}) {
    EXPECT_EQ(root.refusal(text),
              "user " + std::string(text) + ": uids and gids must be in range 0-2147483647");
    EXPECT_EQ(root.refusal("0:" + std::string(text)),
              "group " + std::string(text) + ": uids and gids must be in range 0-2147483647");
  }
  EXPECT_EQ(root.resolve("2147483647").user.uid, 2147483647U);
  EXPECT_EQ(root.resolve("0000002147").user.uid, 2147U);
}

TEST(Users, AreInTheGroupsThatAreAddedOnceEach) {
  const Root root;
  const auto groups = [&](const std::string& user, const std::vector<std::string>& more) {
    return resolve_user(root.directory().fd(), user, more).user.additional_gids;
  };
  EXPECT_EQ(groups("ann", {"audio", "10", "777", "777", "1001"}), (Groups{1001, 10, 30, 20, 777}));
  EXPECT_EQ(groups("4242:7", {"video"}), (Groups{7, 30}));
  for (const char* none : {"nobody", "", "1 ", "0x1", "-1", "4294967295", "broken"}) {
    try {
      groups("ann", {none});
      ADD_FAILURE() << none;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::invalid);
      EXPECT_NE(error.text().find("group " + std::string(none)), std::string::npos) << error.text();
    }
  }
}

TEST(Users, OfDamagedLinesAreRefusedOrHaveWhatTheLineHas) {
  const Root root;
  EXPECT_TRUE(root.refusal("short").starts_with("unable to find user"));
  EXPECT_TRUE(root.refusal("odd").starts_with("unable to find user"));
  EXPECT_TRUE(root.refusal("huge").starts_with("unable to find user"));
  EXPECT_TRUE(root.refusal("ann:broken").starts_with("unable to find group"));
  EXPECT_TRUE(root.refusal("ann:short").starts_with("unable to find group"));
  const Identity bare = root.resolve("bare");
  EXPECT_EQ(bare.user.uid, 8U);
  EXPECT_EQ(bare.user.gid, 9U);
  EXPECT_EQ(bare.home, "/");
  EXPECT_EQ(root.resolve("zeros").user.uid, 7U);
  EXPECT_EQ(root.resolve("zeros").home, "/") << "a home that is no absolute path is none";
  EXPECT_EQ(root.resolve("7").user.gid, 10U) << "007 is the number 7";
}

TEST(Users, AreReadThroughNoLinkOutOfTheRoot) {
  const Root root;
  const TemporaryDirectory outside;
  outside.put("passwd", "evil:x:666:666:::\n");
  const std::string link = root.directory() / "etc/passwd";
  for (const std::string& target : {outside / "passwd", "../../../../../.." + (outside / "passwd")}) {
    ::unlink(link.c_str());
    ASSERT_EQ(::symlink(target.c_str(), link.c_str()), 0);
    EXPECT_TRUE(root.refusal("evil").starts_with("unable to find user"));
    EXPECT_EQ(root.resolve("1000").user.gid, 0U);
  }
  ::unlink(link.c_str());
  ASSERT_EQ(::symlink("/real/passwd", link.c_str()), 0);
  root.directory().put("real/passwd", "inner:x:5:6:::\n");
  EXPECT_EQ(root.resolve("inner").user.gid, 6U) << "a link inside the root is fine";
}

TEST(Users, AreReadFromRegularFilesOnlyAndWithoutWaiting) {
  const Root root;
  const std::string path = root.directory() / "etc/passwd";
  ASSERT_EQ(::unlink(path.c_str()), 0);
  EXPECT_EQ(root.resolve("1000").user.uid, 1000U) << "missing";
  ASSERT_EQ(::mkfifo(path.c_str(), 0666), 0);
  EXPECT_EQ(root.resolve("1000").user.uid, 1000U) << "a fifo that nobody writes to";
  ASSERT_EQ(::unlink(path.c_str()), 0);
  ASSERT_EQ(::mkdir(path.c_str(), 0755), 0);
  EXPECT_EQ(root.resolve("1000").user.uid, 1000U) << "a directory";
  ASSERT_EQ(::rmdir(path.c_str()), 0);
  ASSERT_EQ(::symlink("passwd", path.c_str()), 0);
  EXPECT_EQ(root.resolve("1000").user.uid, 1000U) << "a loop";
}

TEST(Users, AreNotLookedForInAFileWithoutEnd) {
  const Root root;
  ASSERT_EQ(::truncate((root.directory() / "etc/passwd").c_str(), std::int64_t{1} << 40), 0);
  try {
    root.resolve("ann");
    FAIL() << "a terabyte was read";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::invalid);
    EXPECT_NE(std::string(error.what()).find("/etc/passwd"), std::string::npos) << error.what();
  }
}

TEST(Users, AreComparedWithTheirNulBytes) {
  const Root root;
  using namespace std::string_view_literals;
  root.directory().put("etc/passwd", "ann\0x:x:0:0:::\nbob:x:1\0:0:::\n\0\0\0\nlast:x:5:6:::"sv);
  EXPECT_TRUE(root.refusal("ann").starts_with("unable to find user"));
  EXPECT_TRUE(root.refusal("bob").starts_with("unable to find user"));
  EXPECT_EQ(root.resolve("last").user.uid, 5U) << "and the last line needs no end";
}

TEST(Users, WhoseGroupIsNotANumberAreRefused) {
  const Root root;
  root.directory().put("etc/passwd", "ann:x:5:staff:::\nbob:x:6::::\ncy:x:7:4294967296:::\ndi:x:8:-1:::\n");
  EXPECT_EQ(root.refusal("ann"),
            "the group \"staff\" of user ann in the container's /etc/passwd is not a number");
  EXPECT_EQ(root.refusal("5"),
            "the group \"staff\" of user 5 in the container's /etc/passwd is not a number");
  EXPECT_EQ(root.refusal("bob"), "the group \"\" of user bob in the container's /etc/passwd is not a number");
  for (const char* user : {"cy", "di"})
    EXPECT_TRUE(root.refusal(user).ends_with("is not a number")) << root.refusal(user);
  EXPECT_EQ(root.resolve("ann:7").user.gid, 7U) << "it is not asked for";
}

}  // namespace
}  // namespace tare::engine
