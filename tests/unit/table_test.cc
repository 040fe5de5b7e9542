#include "cli/table.h"

#include <gtest/gtest.h>

#include "cli/text.h"

namespace tare::cli {
namespace {

TEST(Table, LooksLikeDockers) {
  Table table({"CONTAINER ID", "IMAGE", "COMMAND", "NAMES"});
  table.add({"0123456789ab", "alpine", "\"sleep 1000\"", "web"});
  EXPECT_EQ(table.text(),
            "CONTAINER ID   IMAGE     COMMAND        NAMES\n"
            "0123456789ab   alpine    \"sleep 1000\"   web\n");
}

TEST(Table, OfNoRowsIsItsHeader) {
  EXPECT_EQ(Table({"ID", "NAME"}).text(), "ID        NAME\n");
  EXPECT_EQ(Table({}).text(), "");
}

TEST(Table, CountsLettersNotBytes) {
  Table table({"NAME OF IT", "X"});
  table.add({"grüße-äöü", "1"});
  EXPECT_EQ(table.text(), "NAME OF IT   X\ngrüße-äöü    1\n");
}

TEST(Table, LetsNoCellCommandTheTerminal) {
  Table table({"NAME", "X"});
  table.add({"\x1b[31mred\n", "a\tb\x7f"});
  EXPECT_EQ(table.text(), "NAME        X\n?[31mred?   a?b?\n");
}

TEST(Table, BearsRowsShorterAndLongerThanItsHeader) {
  Table table({"A", "B"});
  table.add({"1"});
  table.add({});
  table.add({"1", "2", "3"});
  EXPECT_EQ(table.text(), "A         B         \n1         \n\n1         2         3\n");
}

TEST(Printable, KeepsUtf8AndReplacesWhatIsNotOrControls) {
  EXPECT_EQ(printable(""), "");
  EXPECT_EQ(printable("plain ü € 😀"), "plain ü € 😀");
  EXPECT_EQ(printable("\xff\xfe"), "??");
  EXPECT_EQ(printable("a\xc3"), "a?");
  EXPECT_EQ(printable("\xc3(\xe2\x82"), "?(??");
  EXPECT_EQ(printable("\xc0\xaf"), "??") << "overlong";
  EXPECT_EQ(printable("\xe0\x80\x80"), "???") << "overlong";
  EXPECT_EQ(printable("\xed\xa0\x80"), "???") << "surrogate";
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "????") << "beyond Unicode";
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "??31m")
      << "C1 control sequence introducer";
  EXPECT_EQ(printable("\xc2\xa0"), "\xc2\xa0");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a?b");
}

TEST(Wrapped, BreaksBetweenWordsOnly) {
  std::string out;
  append_wrapped(out, "one two  three incomprehensibilities four", 0, 2, 10);
  EXPECT_EQ(out, "one two\n  three\n  incomprehensibilities\n  four");
}

}  // namespace
}  // namespace tare::cli
