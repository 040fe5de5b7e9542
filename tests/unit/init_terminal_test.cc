// Tare-init's operations on the terminal and the standard streams, with a devpts of the test's own.
#include <cstring>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>

#include "init_fixture.h"

namespace tare::init {
namespace {

using plan::Kind;

constexpr std::int32_t dev = 1, terminal = 2;

class Console : public RootedOperations {
 public:
  Console() {
    EXPECT_EQ(::mkdir(in_root("/dev").c_str(), 0755), 0);
    EXPECT_EQ(::mkdir(in_root("/dev/pts").c_str(), 0755), 0);
    EXPECT_EQ(
        ::mount("devpts", in_root("/dev/pts").c_str(), "devpts", 0, "newinstance,ptmxmode=0666,mode=0620"),
        0);
    EXPECT_EQ(perform({.kind = Kind::open_directory, .into = dev, .path = "/dev"}), 0);
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends_), 0);
    list().sync_socket = ends_[1];
  }
  long open_console(std::uint64_t owner = 1000) {
    return perform({.kind = Kind::open_console,
                    .slot = dev,
                    .into = terminal,
                    .a = 24 << 16 | 80,
                    .b = owner,
                    .text = "console"});
  }
  /// The controlling side, as the parent gets it; -1: none came.
  int receive_controller() const {
    plan::Message message{};
    iovec part{&message, sizeof message};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    if (::recvmsg(ends_[0], &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != sizeof message) return -1;
    EXPECT_EQ(message.type, plan::Message::Type::console);
    const cmsghdr* first = CMSG_FIRSTHDR(&header);
    if (!first || first->cmsg_type != SCM_RIGHTS) return -1;
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(first), sizeof fd);
    return fd;
  }

 private:
  int ends_[2]{};
};

TEST(InitTerminal, IsOpenedShownAsConsoleAndItsOtherSideSent) {
  in_child(CLONE_NEWNS, [] {
    Console console;
    EXPECT_EQ(console.open_console(), 0);
    const int controller = console.receive_controller();
    ASSERT_GE(controller, 0);
    EXPECT_EQ(::write(controller, "typed\n", 6), 6);
    char text[16] = {};
    EXPECT_EQ(::read(console.slot(terminal), text, sizeof text), 6);
    EXPECT_STREQ(text, "typed\n");
    winsize size{};
    EXPECT_EQ(::ioctl(controller, TIOCGWINSZ, &size), 0);
    EXPECT_EQ(size.ws_row, 24);
    EXPECT_EQ(size.ws_col, 80);
    struct stat shown{}, own{};
    EXPECT_EQ(::stat(in_root("/dev/console").c_str(), &shown), 0);
    EXPECT_EQ(::fstat(console.slot(terminal), &own), 0);
    EXPECT_TRUE(S_ISCHR(shown.st_mode));
    EXPECT_EQ(shown.st_rdev, own.st_rdev);
    EXPECT_EQ(own.st_uid, 1000U);
  });
}

TEST(InitTerminal, BecomesTheControllingOneOfASession) {
  in_child(CLONE_NEWNS, [] {
    Console console;
    EXPECT_EQ(console.open_console(), 0);
    EXPECT_EQ(console.perform({.kind = Kind::start_session}), 0);
    EXPECT_EQ(console.perform({.kind = Kind::set_terminal, .slot = terminal}), 0);
    EXPECT_EQ(::tcgetsid(console.slot(terminal)), ::getpid());
  });
}

TEST(InitTerminal, IsNotTakenFromWhatAnImagePutInThePlaceOfPtmx) {
  in_child(CLONE_NEWNS, [] {
    Console console;
    EXPECT_EQ(::umount(in_root("/dev/pts").c_str()), 0);
    EXPECT_EQ(console.open_console(), -ENOENT);
    write_text(in_root("/dev/pts/ptmx"), "a file");
    EXPECT_EQ(console.open_console(), -EINVAL);
    EXPECT_EQ(::unlink(in_root("/dev/pts/ptmx").c_str()), 0);
    EXPECT_EQ(::mknod(in_root("/dev/pts/ptmx").c_str(), S_IFCHR | 0666, makedev(1, 3)), 0);
    EXPECT_EQ(console.open_console(), -EINVAL) << "another device";
    EXPECT_EQ(::unlink(in_root("/dev/pts/ptmx").c_str()), 0);
    EXPECT_EQ(::symlink("/dev/null", in_root("/dev/pts/ptmx").c_str()), 0);
    EXPECT_EQ(console.open_console(), -ELOOP);
    EXPECT_EQ(console.receive_controller(), -1);
    EXPECT_EQ(console.slot(terminal), -1);
  });
}

TEST(InitTerminal, IsNotShownThroughASymlinkCalledConsole) {
  in_child(CLONE_NEWNS, [] {
    Console console;
    write_text(in_root("/target"), "");
    EXPECT_EQ(::symlink("/target", in_root("/dev/console").c_str()), 0);
    EXPECT_EQ(console.open_console(), 0);
    struct stat status{};
    EXPECT_EQ(::lstat(in_root("/target").c_str(), &status), 0);
    EXPECT_TRUE(S_ISREG(status.st_mode));
    EXPECT_EQ(::lstat(in_root("/dev/console").c_str(), &status), 0);
    EXPECT_TRUE(S_ISCHR(status.st_mode)) << "it lies over the symlink itself";
  });
}

// What the three streams are after the operation.
struct Streams {
  long result;
  struct stat status[3];
  int flags[3];
};

Streams set_streams(RootedOperations& operations, const int (&fds)[3]) {
  std::uint64_t slots = 0;
  for (int i = 0; i < 3; i++) {
    operations.slot(i + 1) = fds[i];
    slots |= static_cast<std::uint64_t>(i + 1) << (16 * i);
  }
  const int saved[] = {::fcntl(0, F_DUPFD_CLOEXEC, 10), ::fcntl(1, F_DUPFD_CLOEXEC, 10),
                       ::fcntl(2, F_DUPFD_CLOEXEC, 10)};
  Streams streams{};
  streams.result = operations.perform({.kind = Kind::set_streams, .flags = 7, .a = slots, .b = 1000});
  for (int i = 0; i < 3; i++) {
    ::fstat(i, &streams.status[i]);
    streams.flags[i] = ::fcntl(i, F_GETFD);
    ::dup2(saved[i], i);
  }
  return streams;
}

TEST(InitStreams, ArePutInPlaceAndPipesGivenToTheUser) {
  in_child(CLONE_NEWNS, [] {
    RootedOperations operations;
    int in[2], out[2];
    EXPECT_EQ(::pipe2(in, O_CLOEXEC), 0);
    EXPECT_EQ(::pipe2(out, O_CLOEXEC), 0);
    struct stat null_before{};
    EXPECT_EQ(::stat("/dev/null", &null_before), 0);
    const auto [result, status, flags] =
        set_streams(operations, {in[0], out[1], ::open("/dev/null", O_WRONLY | O_CLOEXEC)});
    EXPECT_EQ(result, 0);
    for (const int fd_flags : flags) EXPECT_EQ(fd_flags, 0) << "they survive the exec";
    EXPECT_TRUE(S_ISFIFO(status[0].st_mode) && S_ISFIFO(status[1].st_mode) && S_ISCHR(status[2].st_mode));
    EXPECT_EQ(status[0].st_uid, 1000U);
    EXPECT_EQ(status[1].st_uid, 1000U);
    EXPECT_EQ(status[2].st_uid, null_before.st_uid) << "the host's device is nobody's";
    EXPECT_EQ(status[2].st_dev, null_before.st_dev) << "and stays where the container has none";
  });
}

TEST(InitStreams, AreTheContainersOwnNullDevice) {
  in_child(CLONE_NEWNS, [] {
    RootedOperations operations;
    EXPECT_EQ(::mkdir(in_root("/dev").c_str(), 0755), 0);
    const int host = ::open("/dev/null", O_RDWR | O_CLOEXEC), zero = ::open("/dev/zero", O_RDWR | O_CLOEXEC);
    struct stat zero_status{}, own{};
    EXPECT_EQ(::fstat(zero, &zero_status), 0);
    EXPECT_EQ(::symlink("/dev/zero", in_root("/dev/null").c_str()), 0);
    EXPECT_EQ(::mknod(in_root("/dev/zero").c_str(), S_IFCHR | 0666, makedev(1, 5)), 0);
    EXPECT_EQ(set_streams(operations, {host, host, host}).status[0].st_rdev, makedev(1, 3))
        << "what it is called";
    EXPECT_EQ(::unlink(in_root("/dev/null").c_str()), 0);
    EXPECT_EQ(::mknod(in_root("/dev/null").c_str(), S_IFCHR | 0666, makedev(1, 3)), 0);
    EXPECT_EQ(::stat(in_root("/dev/null").c_str(), &own), 0);
    const auto [result, status, flags] = set_streams(operations, {host, zero, host});
    EXPECT_EQ(result, 0);
    EXPECT_TRUE(status[0].st_dev == own.st_dev && status[0].st_ino == own.st_ino);
    EXPECT_TRUE(status[2].st_dev == own.st_dev && status[2].st_ino == own.st_ino);
    EXPECT_TRUE(status[1].st_dev == zero_status.st_dev && status[1].st_ino == zero_status.st_ino);
    for (const int fd_flags : flags) EXPECT_EQ(fd_flags, 0);
  });
}

}  // namespace
}  // namespace tare::init
