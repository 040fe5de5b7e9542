#include "cli/completion.h"

#include <array>
#include <gtest/gtest.h>

namespace tare::cli {
namespace {

constexpr std::array global_options = {Option{"root", 0, Takes::value, "DIR", "Where state is kept"}};
constexpr std::array run_options = {
    Option{"interactive", 'i', Takes::nothing, "", "Keep the input open"},
    Option{"network", 0, Takes::value, "none|container:NAME", "Which network"},
    Option{"plan", 0, Takes::optional_value, "text|json", "Print what would be done"},
    Option{"volume", 'v', Takes::value, "[SOURCE:]DIR[:OPTIONS]", "Show a directory"},
};
constexpr std::array commands = {
    Command{"run", "ROOTFS [COMMAND [ARG...]]", "Run a command", {}, run_options, 1, -1, true, {}},
    Command{"rename", "CONTAINER NAME", "Rename a container"},
    Command{"rm", "CONTAINER [CONTAINER...]", "Remove containers"},
    Command{"volume create", "[VOLUME]", "Create a volume"},
    Command{"volume ls", "", "List volumes"},
    Command{"script", "ROOTFS [COMMAND [ARG...]] | CONTAINER", "Print a script"},
};
constexpr Program tare = {"tare", "Runs containers", {}, global_options, commands};

std::string offered(std::vector<const char*> words) {
  const auto names_of = [](std::string_view placeholder) -> std::vector<std::string> {
    if (placeholder.starts_with("CONTAINER")) return {"box", "bread"};
    return {};
  };
  std::string text;
  const Completion completion = complete(tare, words, names_of);
  for (const auto& candidate : completion.candidates) text += candidate.word + " ";
  if (completion.files == Completion::Files::all) text += ":files";
  if (completion.files == Completion::Files::directories) text += ":directories";
  return text;
}

TEST(Completion, OffersCommandsAndGroupsOnce) {
  EXPECT_EQ(offered({""}), "run rename rm volume script ");
  EXPECT_EQ(offered({"r"}), "run rename rm ");
  EXPECT_EQ(offered({"volume", ""}), "create ls ");
  EXPECT_EQ(offered({"volume", "c"}), "create ");
  EXPECT_EQ(offered({"nonsense", ""}), "");
  EXPECT_EQ(offered({}), "");
}

TEST(Completion, OffersOptionsOfTheCommandAndGlobalOnes) {
  EXPECT_EQ(offered({"run", "--"}), "--interactive --network --plan --volume --root --help ");
  EXPECT_EQ(offered({"run", "--in"}), "--interactive ");
  EXPECT_EQ(offered({"rm", "-"}), "--root --help ");
  EXPECT_EQ(offered({"--r"}), "--root ");
}

TEST(Completion, OffersTheValuesOfAnOption) {
  EXPECT_EQ(offered({"run", "--network", ""}), "none container: ");
  EXPECT_EQ(offered({"run", "--network", "container:b"}), "container:box container:bread ");
  EXPECT_EQ(offered({"run", "--network=container:br"}), "--network=container:bread ");
  EXPECT_EQ(offered({"run", "--plan=j"}), "--plan=json ");
  EXPECT_EQ(offered({"--root", ""}), ":directories");
  EXPECT_EQ(offered({"run", "-iv", ""}), ":files");
  EXPECT_EQ(offered({"run", "--volume=/"}), ":files");
  EXPECT_EQ(offered({"run", "--nonsense=x"}), "");
}

TEST(Completion, OffersOperandsByTheirPlace) {
  EXPECT_EQ(offered({"rm", ""}), "box bread ");
  EXPECT_EQ(offered({"rm", "box", "br"}), "bread ");
  EXPECT_EQ(offered({"rename", "box", ""}), "");
  EXPECT_EQ(offered({"--root", "/x", "rm", "--", "b"}), "box bread ");
  EXPECT_EQ(offered({"script", "b"}), "box bread :files");
  EXPECT_EQ(offered({"run", "-i", "--plan", ""}), ":files");
}

TEST(Completion, OffersNothingOfItsOwnForTheCommandInTheContainer) {
  EXPECT_EQ(offered({"run", "./rootfs", "--in"}), "");
  EXPECT_EQ(offered({"run", "./rootfs", "ls", "-"}), "");
}

TEST(Completion, PassesOverNamesThatCannotBeHad) {
  const char* words[] = {"rm", ""};
  const NamesOf fails = [](std::string_view) -> std::vector<std::string> {
    throw Error(ErrorKind::system, "there is no store");
  };
  EXPECT_TRUE(complete(tare, words, fails).candidates.empty());
}

TEST(Completion, AsTextIsALineEachWithoutAnothersControlCharacters) {
  EXPECT_EQ(to_text({.candidates = {{"run", "Run a\ncommand"}, {"a\033b", ""}},
                     .files = Completion::Files::directories}),
            "run\tRun a?command\na?b\t\n:directories\n");
}

TEST(Completion, ScriptsAreForTheShellsThereAre) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const std::string script = completion_script(tare, shell);
    EXPECT_NE(script.find("tare completion " + std::string(shell)), script.npos);
    EXPECT_EQ(script.find("PROGRAM"), script.npos);
    EXPECT_EQ(script.find("FUNCTION"), script.npos);
  }
  EXPECT_THROW(completion_script(tare, "powershell"), Error);
}

}  // namespace
}  // namespace tare::cli
