// What a trace makes of a record. Each test is a process of its own, because a recorder that was switched on
// stays so.
#include "trace/collect.h"

#include <gtest/gtest.h>

#include "base/recorder.h"

namespace tare::trace {
namespace {

using recorder::Event;

TEST(Collect, WhatIsDoneAfterTheEndIsNotTold) {
  EXPECT_EXIT(
      {
        recorder::switch_on();
        const std::int64_t began = recorder::now();
        const std::int64_t far = began + 3'600'000'000'000;
        recorder::add({.kind = Event::Kind::begin, .at = began, .text = "stay"});
        recorder::add({.kind = Event::Kind::call, .at = began, .until = began + 1, .text = "poll()"});
        recorder::add({.kind = Event::Kind::call, .at = began + 1, .until = far, .text = "read()"});
        recorder::add({.kind = Event::Kind::end, .at = far});
        recorder::add({.kind = Event::Kind::begin, .at = far, .text = "go on"});
        const Trace trace = collect("a run", began);
        const auto& operations = trace.lanes.at(0).operations;
        ::_exit(operations.size() == 1 && operations[0].words == "stay" && operations[0].end == trace.wall &&
                        operations[0].calls.size() == 1
                    ? 0
                    : 1);
      },
      testing::ExitedWithCode(0), "");
}

TEST(Collect, CallsOfNoOperationAreInBetween) {
  EXPECT_EXIT(
      {
        recorder::switch_on();
        const std::int64_t began = recorder::now();
        recorder::add({.kind = Event::Kind::call, .at = began, .until = began + 1, .text = "poll(3)"});
        recorder::add({.kind = Event::Kind::call, .at = began + 2, .until = began + 4, .text = "read()"});
        const Trace trace = collect("a run", began);
        const auto& operations = trace.lanes.at(0).operations;
        ::_exit(operations.size() == 1 && operations[0].words == "in between" && operations[0].begin == 0 &&
                        operations[0].end == 4 && operations[0].calls.size() == 2 &&
                        operations[0].calls[0].arguments == "3" && trace.is_complete
                    ? 0
                    : 1);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace tare::trace
