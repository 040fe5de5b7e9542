#include "oci/changes.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/json.h"
#include "oci/change_words.h"

using namespace tare;
using oci::apply_changes;

namespace {

using Words = std::vector<std::string>;

oci::ImageDefaults changed(const Words& changes, oci::ImageDefaults defaults = {}) {
  apply_changes(defaults, changes);
  return defaults;
}

std::string refusal(const Words& changes) {
  try {
    changed(changes);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::invalid);
    return error.what();
  }
  return "taken";
}

TEST(Changes, CommandsAreWordsOrAShellsLine) {
  EXPECT_EQ(changed({R"(CMD ["/bin/echo", "a b"])"}).command, (Words{"/bin/echo", "a b"}));
  EXPECT_EQ(changed({"cmd echo $HOME  'x'"}).command, (Words{"/bin/sh", "-c", "echo $HOME  'x'"}));
  EXPECT_EQ(changed({"CMD [ -f /x ] && echo"}).command, (Words{"/bin/sh", "-c", "[ -f /x ] && echo"}));
  EXPECT_EQ(changed({"CMD []"}, {.command = {"x"}}).command, Words{});
  EXPECT_EQ(changed({"CMD x"}, {.shell = {"/bin/ash", "-ec"}}).command, (Words{"/bin/ash", "-ec", "x"}));
}

TEST(Changes, AnEntrypointGoesWithoutTheCommandOfBefore) {
  EXPECT_EQ(changed({R"(ENTRYPOINT ["/x"])"}, {.command = {"old"}}).command, Words{});
  EXPECT_EQ(changed({R"(CMD ["new"])", R"(ENTRYPOINT ["/x"])"}, {.command = {"old"}}).command, Words{"new"});
  EXPECT_EQ(changed({R"(ENTRYPOINT ["/x"])", R"(CMD ["new"])"}).entrypoint, Words{"/x"});
}

TEST(Changes, VariablesReplaceThoseOfTheirNameAndAreExpanded) {
  oci::ImageDefaults defaults;
  defaults.environment = {"PATH=/bin", "A=1"};
  EXPECT_EQ(changed({"ENV PATH=$PATH:/x B=\"two words\" C=a\\ b", "ENV A the  rest"}, defaults).environment,
            (Words{"PATH=/bin:/x", "A=the  rest", "B=two words", "C=a b"}));
  EXPECT_EQ(changed({"ENV X=${NONE:-other} Y=${A:+set} Z='$A' W=${A}"}, defaults).environment,
            (Words{"PATH=/bin", "A=1", "X=other", "Y=set", "Z=$A", "W=1"}));
}

TEST(Changes, LabelsPortsVolumesAndTheRest) {
  const auto defaults = changed({"LABEL a=1 \"b c\"=\"2 3\"", "EXPOSE 80 53/UDP 8000-8002", "VOLUME /data /x",
                                 R"(VOLUME ["/with blank"])", "USER 1000:1000", "WORKDIR /srv",
                                 "WORKDIR a/../b c", "STOPSIGNAL SIGINT", "ONBUILD RUN make"});
  EXPECT_EQ(defaults.labels, (std::map<std::string, std::string>{{"a", "1"}, {"b c", "2 3"}}));
  EXPECT_EQ(defaults.exposed_ports, (Words{"53/udp", "80/tcp", "8000/tcp", "8001/tcp", "8002/tcp"}));
  EXPECT_EQ(defaults.volumes, (Words{"/data", "/with blank", "/x"}));
  EXPECT_EQ(defaults.user, "1000:1000");
  EXPECT_EQ(defaults.working_directory, "/srv/b c");
  EXPECT_EQ(defaults.stop_signal, "SIGINT");
  EXPECT_EQ(defaults.on_build, Words{"RUN make"});
}

TEST(Changes, HealthChecks) {
  const auto check = [](const char* change) { return json::compact(changed({change}).health_check); };
  EXPECT_EQ(check("HEALTHCHECK NONE"), R"({"Test":["NONE"]})");
  EXPECT_EQ(check("HEALTHCHECK CMD curl -f x"), R"({"Test":["CMD-SHELL","curl -f x"]})");
  EXPECT_EQ(check(R"(HEALTHCHECK --interval=1m30s --retries=3 CMD ["/x","y"])"),
            R"({"Interval":90000000000,"Retries":3,"Test":["CMD","/x","y"]})");
}

TEST(Changes, ALineIsAnInstruction) {
  const auto defaults = changed({"# nothing\nUSER a\n\nENV A=1 \\\n  B=2\n"});
  EXPECT_EQ(defaults.user, "a");
  EXPECT_EQ(defaults.environment, (Words{"A=1", "B=2"}));
  EXPECT_EQ(changed({""}).user, "");
}

TEST(Changes, WhatIsWrongIsNamed) {
  const std::pair<const char*, const char*> table[] = {
      {"FROM x", "change FROM x: FROM is not a valid change command"},
      {"NONSENSE", "NONSENSE is not a valid change command"},
      {"CMD", "CMD requires at least one argument"},
      {"CMD [1]", "a JSON array here holds strings only"},
      {"ENV A", "ENV must have two arguments"},
      {"ENV A=1 B", "can't find = in \"B\""},
      {"ENV =1", "ENV names can not be blank"},
      {"LABEL a=\"b", "a double quote has no end"},
      {"LABEL a='b", "a single quote has no end"},
      {"LABEL a=${b", "${b is no way to write a variable"},
      {"LABEL a=${b:-c", "a } is missing"},
      {"EXPOSE x", "invalid containerPort: x"},
      {"EXPOSE 70000", "invalid containerPort: 70000"},
      {"EXPOSE 9-8", "invalid containerPort: 9-8"},
      {"EXPOSE 80/icmp", "invalid containerPort: 80/icmp"},
      {"USER a b", "USER requires exactly one argument"},
      {"VOLUME [\"\"]", "VOLUME specified can not be an empty string"},
      {"ONBUILD ONBUILD RUN x", "Chaining ONBUILD"},
      {"ONBUILD from x", "FROM isn't allowed as an ONBUILD trigger"},
      {"HEALTHCHECK CMD", "Missing command after HEALTHCHECK CMD"},
      {"HEALTHCHECK curl", "Unknown type \"curl\" in HEALTHCHECK"},
      {"HEALTHCHECK --interval=x CMD y", "--interval: \"x\" is no duration"},
      {"HEALTHCHECK --never=1s CMD y", "Unknown flag: --never"},
      {"HEALTHCHECK --retries=-1 CMD y", "--retries"},
      {"HEALTHCHECK --timeout CMD y", "--timeout needs a value"},
  };
  for (const auto& [change, words] : table)
    EXPECT_NE(refusal({change}).find(words), std::string::npos) << change << ": " << refusal({change});
}

TEST(ChangeWords, QuotesAndBackslashesKeepBlanks) {
  EXPECT_EQ(oci::split_words("  a 'b c'\t\"d e\" f\\ g "), (Words{"a", "'b c'", "\"d e\"", "f\\ g"}));
  EXPECT_EQ(oci::expand(R"("a\"b\n" 'c\' \d $ $$A)", {"A=1"}), R"(a"b\n c\ d $ $1)");
}

}  // namespace
