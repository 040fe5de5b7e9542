#include "cli/manual.h"

#include <array>
#include <gtest/gtest.h>

namespace tare::cli {
namespace {

constexpr std::array global_options = {Option{"root", 0, Takes::value, "DIR", "Where state is kept"}};
constexpr std::array options = {
    Option{"env", 'e', Takes::value, "NAME=VALUE", "Set a variable: `-e A=b`", true},
    Option{"plan", 0, Takes::optional_value, "text|json", "Print\\what"},
};
constexpr std::array commands = {Command{"volume create", "[VOLUME]", "Create a volume",
                                         ".dots and 'quotes' stay.\n\n  tare volume create --x\n\nThe end.",
                                         options, 0, 1, false, "volume make"}};
constexpr Program tare = {"tare", "Runs containers", "As `docker`.", global_options, commands};

TEST(Manual, OfACommandHasWhatItsTableSays) {
  EXPECT_EQ(manual(tare, 1, &commands[0]), ".TH \"TARE\\-VOLUME\\-CREATE\" \"1\" \"\" \"tare " TARE_VERSION
                                           "\" \"\"\n"
                                           ".SH NAME\n"
                                           "tare\\-volume\\-create \\- Create a volume\n"
                                           ".SH SYNOPSIS\n"
                                           "\\fBtare volume create\\fR [\\fIOPTIONS\\fR] [\\fIVOLUME\\fR]\n"
                                           ".SH DESCRIPTION\n"
                                           "\\&.dots and \\(aqquotes\\(aq stay.\n"
                                           ".PP\n"
                                           ".nf\n"
                                           ".RS 4\n"
                                           "tare volume create \\-\\-x\n"
                                           ".RE\n"
                                           ".fi\n"
                                           ".PP\n"
                                           "The end.\n"
                                           ".SH OPTIONS\n"
                                           ".TP\n"
                                           "\\fB\\-e\\fR, \\fB\\-\\-env\\fR \\fINAME\\fR=\\fIVALUE\\fR\n"
                                           "Set a variable: \\fB\\-e A=b\\fR (repeatable)\n"
                                           ".TP\n"
                                           "\\fB\\-\\-plan\\fR[=text|json]\n"
                                           "Print\\ewhat\n"
                                           ".SH ALIASES\n"
                                           "volume make\n"
                                           ".SH SEE ALSO\n"
                                           "\\fBtare\\fR(1), which has the options that all commands take\n");
}

TEST(Manual, OfTheProgramNamesTheCommandsPages) {
  const std::string page = manual(tare, 8);
  EXPECT_NE(page.find(".TP\n\\fBtare\\-volume\\-create\\fR(8)\nCreate a volume\n"), page.npos);
  EXPECT_NE(page.find("As \\fBdocker\\fR.\n"), page.npos);
  EXPECT_NE(page.find("\\fB\\-\\-root\\fR \\fIDIR\\fR\n"), page.npos);
  EXPECT_EQ(manual_name(tare, nullptr), "tare");
  EXPECT_EQ(manual_name(tare, &commands[0]), "tare-volume-create");
}

}  // namespace
}  // namespace tare::cli
