// Texts in pictures, and the axis of a timeline.
#include <gtest/gtest.h>

#include "picture/drawing.h"
#include "trace/costs.h"
#include "trace/scale.h"

namespace tare {
namespace {

using picture::Face;

TEST(PictureText, KeepsNothingThatXmlCannotHold) {
  EXPECT_EQ(picture::printable("a\tb\nc"), "a b c");
  EXPECT_EQ(picture::printable(std::string_view("\0\x1b\x7f\xff", 4)),
            "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(picture::printable("\xef\xbf\xbf"), "\xef\xbf\xbd") << "U+FFFF is no character of XML";
  // NOLINTNEXTLINE(misc-misleading-bidirectional): that is what it is about
  EXPECT_EQ(picture::printable("\xe2\x80\xae"), "\xef\xbf\xbd") << "what turns the direction";
  EXPECT_EQ(picture::escape("<a b=\"c\">&"), "&lt;a b=&quot;c&quot;&gt;&amp;");
}

TEST(PictureText, IsCutToItsRoomBetweenCharacters) {
  for (const Face face : {Face::plain, Face::bold, Face::code})
    for (double room = 0; room < 200; room += 3) {
      const std::string text = "/a/p\xc3\xa4th/\xe4\xbd\xa0\xe5\xa5\xbd/that is/long";
      for (const auto& cut :
           {picture::cut_end(text, face, 13, room), picture::cut_middle(text, face, 13, room)}) {
        EXPECT_LE(picture::text_width(cut, face, 13), room + 1e-9);
        EXPECT_EQ(picture::printable(cut), cut);
      }
    }
  EXPECT_EQ(picture::cut_end("short", Face::plain, 13, 100), "short");
  EXPECT_EQ(picture::cut_end("long enough", Face::code, 10, 40), "long\xe2\x80\xa6");
  EXPECT_EQ(picture::cut_middle("/begin/end", Face::code, 10, 45), "/b\xe2\x80\xa6/end");
}

TEST(PictureDrawing, RefusesAToneThatThereIsNot) {
  picture::Drawing drawing;
  drawing.box({0, 0, 1, 1}, "pink");
  EXPECT_THROW((void)drawing.finish(1, 1, "t", "d"), std::logic_error);
}

trace::Trace run_of(std::int64_t length) {
  const std::int64_t ms = 1'000'000;
  return {.title = "t",
          .wall = length + 10 * ms,
          .lanes = {{"tare",
                     1,
                     {{.words = "begin", .begin = 0, .end = 5 * ms},
                      {.words = "nested", .begin = ms, .end = 3 * ms, .depth = 1},
                      {.words = "runs", .begin = 5 * ms, .end = 5 * ms + length},
                      {.words = "end", .begin = 5 * ms + length, .end = 10 * ms + length}}}}};
}

TEST(TimelineScale, BreaksWhereNothingHappensForLong) {
  const trace::Trace brief = run_of(4'000'000), lasting = run_of(7'200'000'000'000);
  EXPECT_EQ(trace::Scale(brief, 0, 1000).stretches().size(), 1U);
  const trace::Scale scale(lasting, 0, 1000);
  ASSERT_EQ(scale.stretches().size(), 3U);
  EXPECT_TRUE(scale.stretches()[1].is_break);
  EXPECT_DOUBLE_EQ(scale.place(0), 0);
  EXPECT_DOUBLE_EQ(scale.place(lasting.wall), 1000);
  EXPECT_NEAR(scale.place(5'000'000), scale.stretches()[1].left, 1e-9);
  EXPECT_GT(scale.stretches()[1].left, 450) << "both ends have the same scale, and nearly all of the room";
}

TEST(TimelineCosts, AreWithoutWhatIsNestedAndWithoutBreaks) {
  const trace::Trace lasting = run_of(7'200'000'000'000);
  const auto costs = trace::find_costs(lasting, trace::Scale(lasting, 0, 1000));
  ASSERT_EQ(costs.size(), 4U);
  EXPECT_EQ(costs[0].own, 3'000'000);
  EXPECT_EQ(costs[1].own, 2'000'000);
  EXPECT_EQ(costs[2].own, 0) << "a break falls into it";
  EXPECT_EQ(trace::find_costliest(costs).front().operation->words, "end");
}

TEST(TimelineScale, WritesTimesAsPeopleDo) {
  EXPECT_EQ(trace::time_words(2500), "2.5 \xc2\xb5s");
  EXPECT_EQ(trace::time_words(1'240'000), "1.24 ms");
  EXPECT_EQ(trace::time_words(3'200'000'000), "3.2 s");
  EXPECT_EQ(trace::time_words(3'900'000'000'000), "1 h 5 min");
  EXPECT_EQ(trace::round_step(130), 200);
}

}  // namespace
}  // namespace tare
