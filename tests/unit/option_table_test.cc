#include "cli/option_table.h"

#include <array>
#include <chrono>
#include <gtest/gtest.h>
#include <initializer_list>
#include <stdexcept>

#include "base/units.h"

namespace tare::cli {
namespace {

constexpr std::array global_options = {
    Option{"debug", 'D', Takes::nothing, "", "Say more"},
    Option{"root", 0, Takes::value, "DIR", "Where state is kept"},
};

constexpr std::array run_options = {
    Option{"interactive", 'i', Takes::nothing, "", "Keep standard input open"},
    Option{"tty", 't', Takes::nothing, "", "Give the container a terminal"},
    Option{"rm", 0, Takes::nothing, "", "Remove the container when it ends"},
    Option{"sig-proxy", 0, Takes::nothing, "", "Pass signals on"},
    Option{"workdir", 'w', Takes::value, "DIR", "Start there"},
    Option{"hostname", 'h', Takes::value, "NAME", "The container's host name"},
    Option{"name", 0, Takes::value, "NAME", "The container's name"},
    Option{"env", 'e', Takes::value, "NAME=VALUE", "Set a variable", true},
    Option{"cpu-shares", 'c', Takes::value, "WEIGHT", "Relative weight"},
    Option{"memory", 'm', Takes::value, "BYTES", "Memory limit"},
    Option{"memory-swap", 0, Takes::value, "BYTES", "Memory and swap limit"},
};

constexpr std::array rm_options = {Option{"force", 'f', Takes::nothing, "", "Kill it first"}};
constexpr std::array ps_options = {Option{"all", 'a', Takes::nothing, "", "Ended ones too"},
                                   Option{"filter", 'f', Takes::value, "NAME=VALUE", "Only these", true}};

constexpr std::array commands = {
    Command{"run", "ROOTFS [COMMAND [ARG...]]", "Run a command in a new container", "", run_options, 1, -1,
            true},
    Command{"rm", "CONTAINER [CONTAINER...]", "Remove containers", "", rm_options, 1},
    Command{"ps", "", "List containers", "", ps_options, 0, 0, false, "container ls, container list"},
    Command{"rename", "CONTAINER NAME", "Rename a container", "", {}, 2, 2},
    Command{"logs", "CONTAINER", "Show what it wrote", "", {}, 1, 1},
    Command{"cp", "A [B]", "Copy", "", {}, 1, 2},
    Command{"version", "[WHAT]", "Say the version", "", {}, 0, 1},
    Command{"network create", "NETWORK", "Create a network", "", {}, 1, 1},
    Command{"network rm", "NETWORK [NETWORK...]", "Remove networks", "", {}, 1},
};

constexpr Program tare = {"tare", "Containers", "", global_options, commands};
static_assert(flaw(tare).empty());

using Line = std::vector<const char*>;

Parsed parse_line(const Line& line) { return parse(tare, split(tare, line)); }

/// The whole line of the usage error that these words end with.
std::string refusal(const Line& line) {
  try {
    const Split found = split(tare, line);
    if (found.command) parse(tare, found);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    return error.what();
  }
  return "accepted";
}

using Texts = std::vector<std::string>;

TEST(Options, TakeTheirValueInEveryFormDockerKnows) {
  for (const Line& line : std::initializer_list<Line>{{"run", "--workdir", "/a", "img"},
                                                      {"run", "--workdir=/a", "img"},
                                                      {"run", "-w", "/a", "img"},
                                                      {"run", "-w/a", "img"},
                                                      {"run", "-w=/a", "img"},
                                                      {"run", "-itw", "/a", "img"},
                                                      {"run", "-itw/a", "img"},
                                                      {"run", "-itw=/a", "img"}}) {
    const Parsed parsed = parse_line(line);
    EXPECT_EQ(parsed.value("workdir"), "/a");
    EXPECT_EQ(parsed.operands, Texts{"img"});
  }
}

TEST(Options, AreBundledByTheirLetters) {
  const Parsed parsed = parse_line({"run", "-it", "img"});
  EXPECT_TRUE(parsed.has("interactive"));
  EXPECT_TRUE(parsed.has("tty"));
  EXPECT_FALSE(parsed.has("rm"));
}

TEST(Options, ThatAreSwitchesCanBeSwitchedOff) {
  EXPECT_FALSE(parse_line({"run", "--rm", "--rm=false", "img"}).has("rm"));
  EXPECT_TRUE(parse_line({"run", "--rm=false", "--rm", "img"}).has("rm"));
  EXPECT_FALSE(parse_line({"run", "-t=false", "img"}).has("tty"));
  EXPECT_FALSE(parse_line({"run", "-it=0", "img"}).has("tty"));
  EXPECT_TRUE(parse_line({"run", "-it=0", "img"}).has("interactive"));
  for (const char* yes : {"--rm=true", "--rm=1", "--rm=t", "--rm=T", "--rm=TRUE", "--rm=True"})
    EXPECT_TRUE(parse_line({"run", yes, "img"}).has("rm")) << yes;
  for (const char* no : {"--rm=false", "--rm=0", "--rm=f", "--rm=F", "--rm=FALSE", "--rm=False"})
    EXPECT_FALSE(parse_line({"run", no, "img"}).has("rm")) << no;
}

TEST(Options, ThatAreSwitchesTakeNoSeparateValue) {
  const Parsed parsed = parse_line({"run", "--rm", "false"});
  EXPECT_TRUE(parsed.has("rm"));
  EXPECT_EQ(parsed.operands, Texts{"false"});
}

TEST(Options, NotMentionedAreWhatTheCallerSays) {
  EXPECT_TRUE(parse_line({"run", "img"}).has("sig-proxy", true));
  EXPECT_FALSE(parse_line({"run", "--sig-proxy=false", "img"}).has("sig-proxy", true));
  EXPECT_EQ(parse_line({"run", "img"}).value("name"), std::nullopt);
  EXPECT_EQ(parse_line({"run", "img"}).values("env"), Texts{});
}

TEST(Options, GivenTwiceMeanTheLastOne) {
  EXPECT_EQ(parse_line({"run", "--name", "a", "--name=b", "img"}).value("name"), "b");
}

TEST(Options, ThatRepeatKeepAllValuesInOrder) {
  const Parsed parsed = parse_line({"run", "-e", "A=1", "--env=B=2", "-eC=3", "-e", "A=1", "img"});
  EXPECT_EQ(parsed.values("env"), (Texts{"A=1", "B=2", "C=3", "A=1"}));
  EXPECT_EQ(parsed.value("env"), "A=1");
}

TEST(Options, TakeAnythingAsTheirValue) {
  EXPECT_EQ(parse_line({"run", "--memory-swap", "-1", "img"}).value("memory-swap"), "-1");
  EXPECT_EQ(parse_line({"run", "-m", "-1", "img"}).value("memory"), "-1");
  EXPECT_EQ(parse_line({"run", "--name", "--rm", "img"}).value("name"), "--rm");
  EXPECT_EQ(parse_line({"run", "--name", "--", "img"}).value("name"), "--");
  EXPECT_EQ(parse_line({"run", "--name", "", "img"}).value("name"), "");
  EXPECT_EQ(parse_line({"run", "--name=", "img"}).value("name"), "");
  EXPECT_EQ(parse_line({"run", "--name=a=b", "img"}).value("name"), "a=b");
  EXPECT_EQ(parse_line({"run", "-w=", "img"}).value("workdir"), "=") << "as docker's parser reads it";
  EXPECT_EQ(parse_line({"run", "-w==", "img"}).value("workdir"), "=");
  EXPECT_EQ(parse_line({"run", "--name=\xff\xfe", "img"}).value("name"), "\xff\xfe");
}

TEST(Options, EndAtTheFirstOperandWhereTheCommandSaysSo) {
  const Parsed parsed = parse_line({"run", "-t", "img", "ls", "--rm", "-la", "--help", "--"});
  EXPECT_EQ(parsed.operands, (Texts{"img", "ls", "--rm", "-la", "--help", "--"}));
  EXPECT_FALSE(parsed.has("rm"));
  EXPECT_FALSE(parsed.help);
}

TEST(Options, MayBeAnywhereElse) {
  const Parsed parsed = parse_line({"rm", "a", "-f", "b"});
  EXPECT_TRUE(parsed.has("force"));
  EXPECT_EQ(parsed.operands, (Texts{"a", "b"}));
}

TEST(Options, EndAtTwoDashes) {
  EXPECT_EQ(parse_line({"rm", "a", "--", "-f", "--", "b"}).operands, (Texts{"a", "-f", "--", "b"}));
  EXPECT_EQ(parse_line({"run", "-t", "--", "-img", "-x"}).operands, (Texts{"-img", "-x"}));
  EXPECT_EQ(parse_line({"run", "--", "img", "--", "x"}).operands, (Texts{"img", "--", "x"}));
}

TEST(Options, AreNotADashNorNothing) {
  EXPECT_EQ(parse_line({"rm", "-", "-f"}).operands, Texts{"-"});
  EXPECT_EQ(parse_line({"rm", "", "-f"}).operands, Texts{""});
  EXPECT_EQ(parse_line({"run", "-", "-f"}).operands, (Texts{"-", "-f"}));
}

TEST(Options, OfTheProgramAreTakenBeforeAndAfterTheCommand) {
  for (const Line& line :
       std::initializer_list<Line>{{"--root", "/x", "-D", "rm", "a"},
                                   {"rm", "--root=/x", "a", "-D"},
                                   {"--root=/y", "--debug", "rm", "-fD", "--root", "/x", "a"},
                                   {"-D", "--", "rm", "a", "--root", "/x"}}) {
    const Parsed parsed = parse_line(line);
    EXPECT_EQ(parsed.value("root"), "/x");
    EXPECT_TRUE(parsed.has("debug"));
    EXPECT_EQ(parsed.operands, Texts{"a"});
  }
  EXPECT_FALSE(parse_line({"-D", "rm", "-D=false", "a"}).has("debug"));
}

TEST(Options, AskedForWithoutBeingInTheTableAreAProgrammingError) {
  const Parsed parsed = parse_line({"run", "img"});
  EXPECT_THROW(parsed.has("force"), std::logic_error);
  EXPECT_THROW(parsed.value("nam"), std::logic_error);
  EXPECT_THROW(parsed.value(""), std::logic_error);
  EXPECT_THROW(parsed.values("name"), std::logic_error) << "not repeatable";
}

TEST(Options, AreReadAsWhatTheyMean) {
  const Parsed parsed = parse_line({"run", "-m", "1k", "-c=abc", "img"});
  EXPECT_EQ(parsed.value_as("memory", parse_size), 1024);
  EXPECT_EQ(parsed.value_as("memory-swap", parse_size), std::nullopt);
  try {
    parsed.value_as("cpu-shares", [](std::string_view text) { return parse_integer<int>(text); });
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_STREQ(error.what(),
                 "invalid argument \"abc\" for \"-c, --cpu-shares\" flag: not a whole number: 'abc'");
  }
}

TEST(Options, ThatAreRepeatableAreReadEachInOrder) {
  const auto read = [](const std::string& text) { return parse_size(text); };
  const Parsed parsed = parse_line({"run", "-e", "1k", "--env=2", "img"});
  EXPECT_EQ(parsed.values_as("env", read), (std::vector<Bytes>{1024, 2}));
  EXPECT_TRUE(parse_line({"run", "img"}).values_as("env", read).empty());
  EXPECT_THROW(parsed.values_as("memory", read), std::logic_error) << "not repeatable";
  try {
    (void)parse_line({"run", "-e", "1k", "-e", "x", "img"}).values_as("env", read);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_TRUE(error.text().starts_with("invalid argument \"x\" for \"-e, --env\" flag: ")) << error.text();
  }
}

TEST(Help, IsAskedForByItsNameOrByALetterNobodyElseHas) {
  EXPECT_TRUE(parse_line({"rm", "--help"}).help);
  EXPECT_TRUE(parse_line({"rm", "-h"}).help);
  EXPECT_TRUE(parse_line({"rm", "-fh"}).help);
  EXPECT_TRUE(parse_line({"--help", "rm"}).help);
  EXPECT_TRUE(parse_line({"run", "--help"}).help);
  EXPECT_FALSE(parse_line({"rm", "--help=false", "a"}).help);
  const Parsed parsed = parse_line({"run", "-h", "web", "img"});
  EXPECT_FALSE(parsed.help);
  EXPECT_EQ(parsed.value("hostname"), "web");
}

TEST(UsageError, NamesAnUnknownOptionAndItsNeighbour) {
  EXPECT_EQ(refusal({"run", "--cpu-share", "1", "img"}),
            "unknown flag: --cpu-share (did you mean --cpu-shares? see 'tare run --help')");
  EXPECT_EQ(refusal({"run", "--mem=1g", "img"}),
            "unknown flag: --mem (did you mean --memory? see 'tare run --help')");
  EXPECT_EQ(refusal({"run", "--zzzzzz=1", "img"}), "unknown flag: --zzzzzz (see 'tare run --help')");
  EXPECT_EQ(refusal({"run", "--deubg", "img"}),
            "unknown flag: --deubg (did you mean --debug? see 'tare run --help')");
  EXPECT_EQ(refusal({"--rot", "/x", "run"}), "unknown flag: --rot (did you mean --root? see 'tare --help')");
  EXPECT_EQ(refusal({"run", "--hepl"}), "unknown flag: --hepl (did you mean --help? see 'tare run --help')");
}

TEST(UsageError, NamesAnUnknownLetterAsDockerDoes) {
  EXPECT_EQ(refusal({"run", "-xyz"}), "unknown shorthand flag: 'x' in -xyz (see 'tare run --help')");
  EXPECT_EQ(refusal({"run", "-iz"}), "unknown shorthand flag: 'z' in -z (see 'tare run --help')");
  EXPECT_EQ(refusal({"run", "-it=", "img"}), "unknown shorthand flag: '=' in -= (see 'tare run --help')");
  EXPECT_EQ(refusal({"run", "-rm", "img"}),
            "unknown shorthand flag: 'r' in -rm (did you mean --rm? see 'tare run --help')");
  EXPECT_EQ(refusal({"rm", "-1"}), "unknown shorthand flag: '1' in -1 (see 'tare rm --help')");
}

TEST(UsageError, SaysWhichOptionLacksItsValue) {
  EXPECT_EQ(refusal({"run", "--name"}), "flag needs an argument: --name (see 'tare run --help')");
  EXPECT_EQ(refusal({"run", "-w"}), "flag needs an argument: 'w' in -w (see 'tare run --help')");
  EXPECT_EQ(refusal({"run", "-itw"}), "flag needs an argument: 'w' in -w (see 'tare run --help')");
  EXPECT_EQ(refusal({"--root"}), "flag needs an argument: --root (see 'tare --help')");
}

TEST(UsageError, SaysWhichSwitchHasAWrongValue) {
  EXPECT_EQ(refusal({"run", "--rm=maybe", "img"}),
            "invalid argument \"maybe\" for \"--rm\" flag: neither true nor false (see 'tare run --help')");
  EXPECT_EQ(refusal({"run", "--rm=", "img"}),
            "invalid argument \"\" for \"--rm\" flag: neither true nor false (see 'tare run --help')");
  EXPECT_EQ(
      refusal({"run", "-t=false=", "img"}),
      "invalid argument \"false=\" for \"-t, --tty\" flag: neither true nor false (see 'tare run --help')");
  EXPECT_EQ(refusal({"run", "--help=x"}),
            "invalid argument \"x\" for \"--help\" flag: neither true nor false (see 'tare run --help')");
}

TEST(UsageError, CountsOperands) {
  EXPECT_EQ(
      refusal({"rm"}),
      "\"tare rm\" requires at least 1 argument (tare rm CONTAINER [CONTAINER...]; see 'tare rm --help')");
  EXPECT_EQ(refusal({"run", "-it"}),
            "\"tare run\" requires at least 1 argument (tare run ROOTFS [COMMAND [ARG...]]; see 'tare run "
            "--help')");
  EXPECT_EQ(refusal({"ps", "x"}), "\"tare ps\" accepts no arguments (tare ps; see 'tare ps --help')");
  EXPECT_EQ(refusal({"rename", "a"}),
            "\"tare rename\" requires 2 arguments (tare rename CONTAINER NAME; see 'tare rename --help')");
  EXPECT_EQ(refusal({"logs", "a", "b"}),
            "\"tare logs\" requires 1 argument (tare logs CONTAINER; see 'tare logs --help')");
  EXPECT_EQ(refusal({"cp"}),
            "\"tare cp\" requires at least 1 and at most 2 arguments (tare cp A [B]; see 'tare cp --help')");
  EXPECT_EQ(refusal({"version", "a", "b"}),
            "\"tare version\" requires at most 1 argument (tare version [WHAT]; see 'tare version --help')");
  EXPECT_EQ(refusal({"rm", "--help"}), "accepted");
}

TEST(UsageError, NamesAnUnknownCommandAndItsNeighbour) {
  EXPECT_EQ(refusal({"rnu", "x"}), "unknown command: tare rnu (did you mean 'tare run'? see 'tare --help')");
  EXPECT_EQ(refusal({"netwrok", "rm"}),
            "unknown command: tare netwrok (did you mean 'tare network'? see 'tare --help')");
  EXPECT_EQ(refusal({"frobnicate"}), "unknown command: tare frobnicate (see 'tare --help')");
  EXPECT_EQ(refusal({""}), "unknown command: tare  (see 'tare --help')");
  EXPECT_EQ(refusal({"-"}), "unknown command: tare - (see 'tare --help')");
  EXPECT_EQ(
      refusal({"network", "craete"}),
      "unknown command: tare network craete (did you mean 'tare network create'? see 'tare network --help')");
  EXPECT_EQ(refusal({"network", "rmm"}),
            "unknown command: tare network rmm (did you mean 'tare network rm'? see 'tare network --help')");
}

TEST(UsageError, RefusesBadSyntax) {
  for (const char* word : {"--=x", "---x", "---", "--=", "----"})
    EXPECT_EQ(refusal({"run", word}), std::string("bad flag syntax: ") + word + " (see 'tare run --help')");
}

TEST(UsageError, StaysOneReadableLineWhateverWasTyped) {
  EXPECT_EQ(refusal({"run", "--na\nme"}),
            "unknown flag: --na?me (did you mean --name? see 'tare run --help')");
  EXPECT_EQ(refusal({"run", "--\xff\xfe"}), "unknown flag: --?? (see 'tare run --help')");
  EXPECT_EQ(refusal({"run", "-\xc3\xa9"}), "unknown shorthand flag: '\\xc3' in -é (see 'tare run --help')");
  EXPECT_EQ(refusal({"run", "-\x1b[31m"}), "unknown shorthand flag: '?' in -?[31m (see 'tare run --help')");
  const std::string long_word = "--" + std::string(1'000'000, 'x');
  const std::string error = refusal({"run", long_word.c_str()});
  EXPECT_EQ(error, "unknown flag: --" + std::string(128, 'x') + "... (see 'tare run --help')");
  EXPECT_LT(refusal({long_word.c_str() + 2}).size(), 200u);
  EXPECT_LT(refusal({"run", "--rm", long_word.c_str() + 1}).size(), 200u);
}

TEST(Commands, AreFoundByNameAndByAlias) {
  EXPECT_EQ(find_command(tare, "ps"), &commands[2]);
  EXPECT_EQ(find_command(tare, "container ls"), &commands[2]);
  EXPECT_EQ(find_command(tare, "container list"), &commands[2]);
  EXPECT_EQ(find_command(tare, "network rm"), &commands[8]);
  EXPECT_EQ(find_command(tare, "container"), nullptr);
  EXPECT_EQ(find_command(tare, "network"), nullptr);
  EXPECT_EQ(find_command(tare, "p"), nullptr);
  EXPECT_EQ(find_command(tare, ""), nullptr);
}

TEST(Commands, OfTwoWordsAreFoundOnTheCommandLine) {
  const Line line = {"-D", "network", "create", "blue"};
  const Split found = split(tare, line);
  EXPECT_EQ(found.command, &commands[7]);
  EXPECT_EQ(found.group, "");
  EXPECT_TRUE(found.globals.has("debug"));
  EXPECT_EQ(parse(tare, found).operands, Texts{"blue"});
  EXPECT_EQ(split(tare, Line{"container", "ls"}).command, &commands[2]);
}

TEST(Commands, NamedByTheirGroupOnlyAreNone) {
  for (const Line& line :
       std::initializer_list<Line>{{"network"}, {"network", "--help"}, {"--help", "network"}}) {
    const Split found = split(tare, line);
    EXPECT_EQ(found.command, nullptr);
    EXPECT_EQ(found.group, "network");
    EXPECT_EQ(found.globals.help, line.size() == 2);
  }
}

TEST(Commands, AreNoneOnAnEmptyLine) {
  for (const Line& line : std::initializer_list<Line>{{}, {"--help"}, {"-h"}, {"-D"}, {"--"}}) {
    const Split found = split(tare, line);
    EXPECT_EQ(found.command, nullptr);
    EXPECT_EQ(found.group, "");
    EXPECT_TRUE(found.words.empty());
  }
}

TEST(Commands, CanBeParsedWithoutSplitting) {
  const Line line = {"-f", "a"};
  const Parsed parsed = parse(tare, commands[1], line);
  EXPECT_TRUE(parsed.has("force"));
  EXPECT_FALSE(parsed.has("debug"));
}

TEST(Commands, OfAProgramThatSaysSoTakeTheirOptionsNamesAfterOneDash) {
  constexpr Program runtime = {.name = "tare-runtime",
                               .summary = "Runs bundles",
                               .global_options = global_options,
                               .commands = commands,
                               .single_dash_names = true};
  const Line line = {"-root", "/x", "run", "-rm", "-name=a", "-it", "-w/d", "img"};
  const Parsed parsed = parse(runtime, split(runtime, line));
  EXPECT_EQ(parsed.value("root"), "/x");
  EXPECT_EQ(parsed.value("name"), "a");
  EXPECT_EQ(parsed.value("workdir"), "/d");
  EXPECT_TRUE(parsed.has("rm"));
  EXPECT_TRUE(parsed.has("tty"));
  EXPECT_TRUE(parse(runtime, commands[1], Line{"-help"}).help);
}

TEST(OptionTable, WithAFlawSaysWhich) {
  static constexpr std::array twice = {Option{"a", 0, Takes::nothing, "", "x"},
                                       Option{"a", 0, Takes::nothing, "", "x"}};
  static constexpr std::array letters = {Option{"a", 'x', Takes::nothing, "", "x"},
                                         Option{"b", 'x', Takes::nothing, "", "x"}};
  static constexpr std::array nameless = {Option{"a", 0, Takes::value, "", "x"}};
  static constexpr std::array help = {Option{"help", 0, Takes::nothing, "", "x"}};
  static constexpr std::array debug = {Option{"debug", 0, Takes::nothing, "", "x"}};
  static constexpr std::array clash = {Command{"x", "", "x", "", debug}};
  static constexpr std::array counts = {Command{"x", "", "x", "", {}, 2, 1}};
  static_assert(flaw({.global_options = twice}) == "two options share a name");
  static_assert(flaw({.global_options = letters}) == "two options share a letter");
  static_assert(!flaw({.global_options = nameless}).empty());
  static_assert(flaw({.global_options = help}) == "--help is built in");
  static_assert(!flaw({.global_options = global_options, .commands = clash}).empty());
  static_assert(!flaw({.commands = counts}).empty());
  EXPECT_EQ(flaw(tare), "");
}

TEST(Parsing, OfALongLineTakesMicroseconds) {
  const Line line = {"run", "-it", "--rm", "--name", "web", "-e", "A=1", "-e",  "B=2",    "-w",
                     "/",   "-m",  "512m", "-c",     "512", "-h", "web", "img", "/bin/sh"};
  constexpr int rounds = 1000;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < rounds; ++i) EXPECT_EQ(parse_line(line).operands.size(), 2u);
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
  RecordProperty("microseconds", std::to_string(took.count() / rounds));
  EXPECT_LT(took.count() / rounds, 500) << "ten times the target: this machine may be busy or sanitized";
}

}  // namespace
}  // namespace tare::cli
