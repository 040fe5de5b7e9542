#include "cli/template.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "cli/row_format.h"

namespace tare::cli {
namespace {

const json::value& data() {
  static const json::value value = json::parse(R"({
    "Id": "0123456789ab", "Name": "/web", "Empty": "", "Number": 42, "Negative": -7, "Real": 1.5, "Yes": true,
    "No": false, "Nothing": null, "Args": ["sh", "-c", "exit 1"], "None": [],
    "State": {"Status": "running", "Pid": 1234, "Health": {"Log": [{"Code": 1}, {"Code": 2}]}},
    "Config": {"Labels": {"b": "2", "a": "1", "com.example.x": "dotted"}, "Env": ["A=1", "B=2"]}})");
  return value;
}

std::string rendered(std::string_view text) {
  try {
    return Template(text).render(data(), [](std::string_view name, std::string_view argument) {
      return name == "Label" ? std::optional("label " + std::string(argument)) : std::nullopt;
    });
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::invalid);
    return error.text();
  }
}

struct Case {
  std::string_view text, expected;
};

// What Go's text/template makes of the same.
constexpr Case good[] = {
    {"", ""},
    {"plain } { }} text", "plain } { }} text"},
    {"{{.Id}}", "0123456789ab"},
    {"{{ .State.Pid }}{{.Yes}}{{.Real}}", "1234true1.5"},
    {"{{.Args}} {{.None}} {{.Config.Labels}}", "[sh -c exit 1] [] map[a:1 b:2 com.example.x:dotted]"},
    {"{{.Nothing}} {{.Config.Labels.absent}} {{.Config.Labels.a}}", "<no value> <no value> 1"},
    {"{{json .Args}} {{json .Id}} {{json .Nothing}} {{.State.Health | json}}",
     R"(["sh","-c","exit 1"] "0123456789ab" null {"Log":[{"Code":1},{"Code":2}]})"},
    {"{{\"tab\\tquote\\\"\\x41\\u00e4\\101\"}}{{`raw\\t`}}{{'a'}}{{0x10}} {{1.5e1}} {{-3}} {{+3}}",
     "tab\tquote\"AäAraw\\t9716 15 -3 3"},
    // Spaces and comments.
    {"a {{- .Number -}} b", "a42b"},
    {"a \n {{- /* nothing */ -}} \n b", "ab"},
    {"a {{/* nothing */}} b", "a  b"},
    {"{{- 3}} {{-3}}", "3 -3"},
    {"{{\n.Number\n}}", "42"},
    // Conditions.
    {"{{if .Yes}}yes{{else}}no{{end}}{{if .No}}yes{{else}}no{{end}}", "yesno"},
    {"{{if .Empty}}1{{else if .Number}}2{{else}}3{{end}}", "2"},
    {"{{if .Empty}}1{{else if .None}}2{{else if .Nothing}}3{{else}}4{{end}}!", "4!"},
    {"{{if not .None}}empty{{end}}", "empty"},
    {"{{with .State}}{{.Status}} {{$.Name}}{{else}}none{{end}}", "running /web"},
    {"{{with .None}}{{.}}{{else}}none{{end}}{{with .Empty}}x{{else with .Id}}{{.}}{{end}}",
     "none0123456789ab"},
    {"{{with $x := .Number}}{{$x}}{{end}}", "42"},
    // Loops.
    {"{{range .Args}}<{{.}}>{{end}}", "<sh><-c><exit 1>"},
    {"{{range $i, $a := .Args}}{{$i}}={{$a}} {{end}}", "0=sh 1=-c 2=exit 1 "},
    {"{{range $a := .Args}}{{$a}}{{end}}", "sh-cexit 1"},
    {"{{range $k, $v := .Config.Labels}}{{$k}}:{{$v}};{{end}}", "a:1;b:2;com.example.x:dotted;"},
    {"{{range .None}}x{{else}}none{{end}}{{range .Nothing}}x{{end}}", "none"},
    {"{{range $i, $a := .Args}}{{if eq $i 1}}{{continue}}{{end}}{{if eq $i 2}}{{break}}{{end}}{{.}}{{end}}",
     "sh"},
    {"{{range .State.Health.Log}}{{.Code}},{{end}}", "1,2,"},
    {"{{range .Args}}{{range $.Config.Env}}{{.}} {{end}}{{end}}", "A=1 B=2 A=1 B=2 A=1 B=2 "},
    // Variables and pipes.
    {"{{$x := .Number}}{{$y := $x}}{{$y}}{{$x = 1}}{{$x}}", "421"},
    {"{{$x := 1}}{{if .Yes}}{{$x = 2}}{{end}}{{$x}}", "2"},
    {"{{$x := 1}}{{if .Yes}}{{$x := 2}}{{end}}{{$x}}", "1"},
    {"{{$s := .State}}{{$s.Pid}} {{($s).Status}}", "1234 running"},
    {"{{.Args | join \", \" | len}}",
     "template parsing error: template: :1:10: executing \"\" at <join>: wrong type "
     "for value; expected []string; got string"},
    {"{{join .Args \", \" | len}} {{len .Args}} {{len .Config.Labels}} {{\"x\" | printf \"%s-%s\" \"y\"}}",
     "14 3 3 y-x"},
    // Functions.
    {"{{index .Args 0}} {{index .Config.Labels \"com.example.x\"}} [{{index .Config.Labels \"none\"}}]",
     "sh dotted []"},
    {"{{(index .State.Health.Log 1).Code}} {{index .State \"Health\" \"Log\" 0}}", "2 map[Code:1]"},
    {"{{slice .Id 0 4}} {{slice .Id 8}} {{slice .Args 1}}", "0123 89ab [-c exit 1]"},
    {"{{join .Args \"/\"}} {{split \"a,b,c\" \",\"}} {{len (split \"\" \",\")}}", "sh/-c/exit 1 [a b c] 1"},
    {"{{upper \"aBc\"}} {{lower \"aBc\"}} {{title \"two words\"}}", "ABC abc Two Words"},
    {"[{{pad \"x\" 1 2}}] {{truncate .Id 5}} {{truncate .Name 50}} {{truncate \"äöü\" 3}}",
     "[ x  ] 01234 /web ä"},
    {"{{print 1 2 \"a\" \"b\" 3}}|{{println .Number \"x\"}}|", "1 2ab3|42 x\n|"},
    {"{{eq .Number 42}} {{eq .Name \"x\" \"/web\"}} {{ne .Yes true}} {{eq .Nothing nil}}",
     "true true false true"},
    {"{{lt 1 2}} {{le 2 2}} {{gt \"b\" \"a\"}} {{ge 1.5 2}}", "true true true false"},
    {"{{and .Yes .Number}} {{and .No .Absent}} {{or .Empty .Id}} {{or .Yes .Absent}}",
     "42 false 0123456789ab true"},
    {"{{not .Yes}} {{if and .Yes (not .No)}}both{{end}}", "false both"},
    // printf.
    {"{{printf \"%5d|%-5d|%05d|%x|%+d\" 42 42 42 255 1}}", "   42|42   |00042|ff|+1"},
    {"{{printf \"%s|%10s|%-10s|%.2s|%q\" \"ab\" \"ab\" \"ab\" \"abcd\" \"a\\\"b\"}}",
     "ab|        ab|ab        |ab|\"a\\\"b\""},
    {"{{printf \"%v %v %v %v %t\" .Args .Yes .Number .Nothing .No}}", "[sh -c exit 1] true 42 <nil> false"},
    {"{{printf \"%.2f %g %e\" .Real .Real .Real}} {{printf \"%d%%\" 5}}", "1.50 1.5 1.500000e+00 5%"},
    {"{{printf \"%d\" \"x\"}} {{printf \"%s\"}} {{printf \"%z\" 1}} {{printf \"x\" 1}} {{printf \"%\"}}",
     "%!d(string=x) %!s(MISSING) %!z(int=1) x%!(EXTRA int=1) %!(NOVERB)"},
    // docker's method.
    {"{{.Label \"a\"}} {{\"b\" | .Label}}", "label a label b"},
};

TEST(Template, SaysWhatGosWould) {
  for (const auto& [text, expected] : good) EXPECT_EQ(rendered(text), expected) << text;
}

constexpr Case bad[] = {
    {"{{", "1: unclosed action"},
    {"{{.Id", "1: unclosed action"},
    {"a\nb {{.Id", "2: unclosed action"},
    {"{{}}", "1: missing value for command"},
    {"{{if}}x{{end}}", "1: missing value for if"},
    {"{{.Id | }}", "1: missing value for command"},
    {"{{if .Id}}x", "1: unexpected EOF"},
    {"{{if .Id}}x{{else}}y", "1: unexpected EOF"},
    {"{{end}}", "1: unexpected {{end}}"},
    {"{{else}}", "1: unexpected {{else}}"},
    {"{{if .Id}}{{else}}{{else}}{{end}}", "1: expected end; found {{else}}"},
    {"{{nonsense .Id}}", "1: function \"nonsense\" not defined"},
    {"{{$x}}", "1: undefined variable \"$x\""},
    {"{{$x = 1}}", "1: undefined variable \"$x\""},
    {"{{if .Yes}}{{$x := 1}}{{end}}{{$x}}", "1: undefined variable \"$x\""},
    {"{{(.Id}}", "1: unclosed left paren"},
    {"{{.Id)}}", "1: unexpected \")\" in operand"},
    {"{{.Id$x}}", "1: unexpected \"$\" in operand"},
    {"{{\"x}}", "1: unterminated quoted string"},
    {"{{`x}}", "1: unterminated raw quoted string"},
    {"{{\"\\z\"}}", "1: invalid syntax"},
    {"{{1x}}", "1: bad number syntax: \"1x\""},
    {"{{&}}", "1: unexpected \"&\" in command"},
    {"{{/* x }}", "1: unclosed comment"},
    {"{{/* x */ 1}}", "1: comment ends before closing delimiter"},
    {"{{break}}", "1: {{break}} outside {{range}}"},
    {"{{.Id | 1}}", "1: non executable command in pipeline stage 2"},
    {"{{define \"x\"}}{{end}}", "1: define, template and block are not supported"},
    {"{{.Absent}}", "1:2: executing \"\" at <.Absent>: map has no entry for key \"Absent\""},
    {"x\n  {{.State.Absent.More}}",
     "2:4: executing \"\" at <.State.Absent.More>: map has no entry for key \"Absent\""},
    {"{{.Id.More}}", "1:2: executing \"\" at <.Id.More>: can't evaluate field More in type string"},
    {"{{.Nothing.More}}", "1:2: executing \"\" at <.Nothing.More>: nil pointer evaluating interface {}.More"},
    {"{{.Id 1}}", "1:2: executing \"\" at <.Id>: can't give argument to non-function .Id"},
    {"{{index .Args 3}}", "1:2: executing \"\" at <index>: error calling index: index out of range: 3"},
    {"{{index .Number 3}}",
     "1:2: executing \"\" at <index>: error calling index: can't index item of type int"},
    {"{{len .Number}}", "1:2: executing \"\" at <len>: error calling len: len of type int"},
    {"{{len}}", "1:2: executing \"\" at <len>: wrong number of args for len: want 1; got 0"},
    {"{{eq 1}}", "1:2: executing \"\" at <eq>: wrong number of args for eq: want at least 2; got 1"},
    {"{{lt 1 \"x\"}}", "1:2: executing \"\" at <lt>: incompatible types for comparison"},
    {"{{range .Number}}{{end}}", "1:8: executing \"\" at <.Number>: range can't iterate over 42"},
    {"{{pad \"x\" 1 100000000}}", "1:2: executing \"\" at <pad>: 100000000 is out of range"},
    {"{{upper 1}}", "1:2: executing \"\" at <upper>: wrong type for value; expected string; got int"},
};

TEST(Template, SaysWhereItIsWrong) {
  for (const auto& [text, expected] : bad)
    EXPECT_EQ(rendered(text), "template parsing error: template: :" + std::string(expected)) << text;
}

TEST(Template, OfAnyDepthEndsInAnError) {
  for (const std::string_view part : {"{{if .Yes}}", "(", "{{range .Args}}"}) {
    std::string deep = part == "(" ? "{{" : "";
    for (int i = 0; i < 100'000; i++) deep += part;
    EXPECT_EQ(rendered(deep), "template parsing error: template: :1: it is nested too deeply");
  }
  std::string chain = "{{if .No}}";
  for (int i = 0; i < 100'000; i++) chain += "{{else if .No}}";
  EXPECT_EQ(rendered(chain), "template parsing error: template: :1: it is nested too deeply");
}

TEST(Template, KnowsWhichFieldsItAsksFor) {
  const Template some("{{.Id}} {{if .Names}}{{.State.Pid}}{{end}} {{json (upper .Image)}}");
  for (const char* field : {"Id", "Names", "State", "Image"}) EXPECT_TRUE(some.asks_for(field)) << field;
  EXPECT_FALSE(some.asks_for("Labels"));
  EXPECT_TRUE(Template("{{.Label \"x\"}}").asks_for("Label"));
  for (const char* whole : {"{{json .}}", "{{.}}", "{{range $k, $v := $}}{{$v}}{{end}}"})
    EXPECT_TRUE(Template(whole).asks_for("Labels")) << whole;
}

std::string listed(std::string_view format) {
  constexpr Column columns[] = {{"ID", "CONTAINER ID"}, {"Names", "NAMES"}};
  RowFormat rows(format, "table {{.ID}}\t{{.Names}}", columns);
  const auto lookup = [](std::string_view, std::string_view argument) { return std::string(argument) + "!"; };
  rows.add(json::object{{"ID", "01"}, {"Names", "one"}}, lookup);
  rows.add(json::object{{"ID", "02"}, {"Names", "another"}}, lookup);
  return rows.text();
}

TEST(RowFormat, IsATableLinesOrJson) {
  const std::string table = "CONTAINER ID   NAMES\n01             one\n02             another\n";
  EXPECT_EQ(listed(""), table);
  EXPECT_EQ(listed("table"), table);
  EXPECT_EQ(listed("table {{.ID}}\\t{{.Names}}"), table);
  EXPECT_EQ(listed("table {{upper .Names}}"), "NAMES\nONE\nANOTHER\n");
  EXPECT_EQ(listed("table {{.Label \"com.example.my-name\"}}\t{{.ID}}"),
            "my name                CONTAINER ID\ncom.example.my-name!   01\ncom.example.my-name!   02\n");
  EXPECT_EQ(listed("{{.Names}}:\\t{{.ID}}"), "one:\t01\nanother:\t02\n");
  EXPECT_EQ(listed("json"), "{\"ID\":\"01\",\"Names\":\"one\"}\n{\"ID\":\"02\",\"Names\":\"another\"}\n");
  EXPECT_THROW(listed("table {{.Absent}}"), Error);
}

}  // namespace
}  // namespace tare::cli
