#include "base/error.h"

#include <cerrno>
#include <gtest/gtest.h>

namespace tare {
namespace {

TEST(Error, NamesTheTrailTheReasonAndTheRemedyOnOneLine) {
  Step outer("start", "web");
  Step inner("mount", "/data");
  const Error error(ErrorKind::not_found, "no directory\n/srv/data", ENOENT, "create it first");
  EXPECT_STREQ(error.what(),
               "start web: mount /data: no directory?/srv/data: No such file or directory (create it first)");
}

TEST(Error, ForgetsStepsThatAreOver) {
  {
    Step over("pull", "busybox");
  }
  EXPECT_STREQ(Error(ErrorKind::usage, "no command").what(), "no command");
}

}  // namespace
}  // namespace tare
