#include "runtime/failure.h"

#include <cerrno>
#include <gtest/gtest.h>
#include <string>

namespace tare::runtime {
namespace {

TEST(Failure, SaysWhatToDoInAChrootWhereTheRootIsNoMountPoint) {
  plan::Program program;
  program.add({.kind = plan::Kind::set_propagation, .path = "/"});
  const Error error = describe_failure(program, {.operation = 0, .error = EINVAL, .detail = 0}, sys::Fd(-1));
  EXPECT_EQ(error.kind(), ErrorKind::unsupported);
  EXPECT_NE(std::string(error.what()).find("no mount point"), std::string::npos);
  EXPECT_NE(std::string(error.what()).find("bind-mount it on itself"), std::string::npos);
}

TEST(Failure, TakesNoOperationThatIsNotThereForTrue) {
  const Error error = describe_failure({}, {.operation = 7, .error = EPERM, .detail = 0}, sys::Fd(-1));
  EXPECT_NE(std::string(error.what()).find("nonsense"), std::string::npos);
}

}  // namespace
}  // namespace tare::runtime
