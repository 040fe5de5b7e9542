#include "cli/help.h"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>

#include "cli/text.h"

namespace tare::cli {
namespace {

constexpr std::array global_options = {Option{"debug", 'D', Takes::nothing, "", "Say more"},
                                       Option{"root", 0, Takes::value, "DIR", "Where state is kept"}};

constexpr std::array run_options = {
    Option{"env", 'e', Takes::value, "NAME=VALUE", "Set a variable of the container's command", true},
    Option{"rm", 0, Takes::nothing, "", "Remove the container when it ends, with its anonymous volumes"},
    Option{"an-option-with-a-very-long-name", 0, Takes::value, "AND-PLACEHOLDER",
           "Is explained on the next line"},
};

constexpr std::array commands = {
    Command{"run", "ROOTFS [COMMAND [ARG...]]", "Run a command in a new container",
            "The root file system is a directory. Nothing of it is changed: what the container\n"
            "writes lies in a layer of its own.\n"
            "\n"
            "  tare run ./alpine echo hello\n"
            "  tare run --rm ./alpine sh -c 'this is a long example that must not be broken into lines'\n",
            run_options, 1, -1, true, "container run"},
    Command{"ps", "", "List containers"},
    Command{"network create", "NETWORK", "Create a network"},
};

constexpr Program tare = {"tare", "Runs containers and hides nothing of how", "See https://example.org.",
                          global_options, commands};

TEST(Help, OfACommandShowsUsageOptionsAndDetails) {
  EXPECT_EQ(help(tare, commands[0], 80),
            "Usage:  tare run [OPTIONS] ROOTFS [COMMAND [ARG...]]\n"
            "\n"
            "Run a command in a new container\n"
            "\n"
            "Aliases:\n"
            "  container run\n"
            "\n"
            "Options:\n"
            "  -e, --env NAME=VALUE   Set a variable of the container's command (repeatable)\n"
            "      --rm               Remove the container when it ends, with its anonymous\n"
            "                         volumes\n"
            "      --an-option-with-a-very-long-name AND-PLACEHOLDER\n"
            "                         Is explained on the next line\n"
            "\n"
            "The root file system is a directory. Nothing of it is changed: what the\n"
            "container writes lies in a layer of its own.\n"
            "\n"
            "  tare run ./alpine echo hello\n"
            "  tare run --rm ./alpine sh -c 'this is a long example that must not be broken into lines'\n"
            "\n"
            "Global options are accepted too: see 'tare --help'.\n");
}

TEST(Help, OfACommandWithoutOptionsShowsNone) {
  EXPECT_EQ(help(tare, commands[1], 80),
            "Usage:  tare ps\n\nList containers\n\nGlobal options are accepted too: see 'tare --help'.\n");
}

TEST(Help, OfTheProgramListsCommandsAndGlobalOptions) {
  EXPECT_EQ(help(tare),
            "Usage:  tare [OPTIONS] COMMAND\n"
            "\n"
            "Runs containers and hides nothing of how\n"
            "\n"
            "Commands:\n"
            "  run              Run a command in a new container\n"
            "  ps               List containers\n"
            "  network create   Create a network\n"
            "\n"
            "Options:\n"
            "  -D, --debug      Say more\n"
            "      --root DIR   Where state is kept\n"
            "\n"
            "See https://example.org.\n"
            "\n"
            "Run 'tare COMMAND --help' for more about a command.\n");
}

TEST(Help, OfAGroupListsItsCommandsOnly) {
  EXPECT_EQ(help(tare, 80, "network"),
            "Usage:  tare network COMMAND\n"
            "\n"
            "Commands:\n"
            "  network create   Create a network\n"
            "\n"
            "Run 'tare network COMMAND --help' for more about a command.\n");
}

TEST(Help, FitsTheTerminalButForExamplesAndLabels) {
  for (const int width : {40, 60, 100, 200}) {
    const std::string text = help(tare, commands[0], width);
    for (std::size_t start = 0; start < text.size();) {
      const std::size_t end = text.find('\n', start);
      const std::string_view line = std::string_view(text).substr(start, end - start);
      const bool stays_whole = line.contains("tare run --rm") || line.contains("very-long-name");
      if (!stays_whole) {
        EXPECT_LE(columns_of(line), static_cast<std::size_t>(width)) << line;
      }
      start = end + 1;
    }
  }
}

TEST(Help, BearsAWidthThatIsNone) {
  EXPECT_EQ(help(tare, commands[0], 0), help(tare, commands[0], 40));
  EXPECT_EQ(help(tare, commands[0], -5), help(tare, commands[0], 40));
}

TEST(TerminalWidth, IsTheTerminalsOrElseEighty) {
  int master = -1, slave = -1;
  winsize size = {.ws_row = 24, .ws_col = 132};
  ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, &size), 0);
  const sys::UniqueFd ours(master), theirs(slave);
  EXPECT_EQ(terminal_width(theirs), 132);
  const sys::UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(terminal_width(null), 80);
  EXPECT_EQ(terminal_width(sys::Fd(-1)), 80);
}

}  // namespace
}  // namespace tare::cli
