#include "engine/mounts.h"

#include <functional>
#include <gtest/gtest.h>

#include "base/error.h"

namespace tare::engine {
namespace {

using Words = std::vector<std::string>;

std::string refusal(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    EXPECT_TRUE(error.kind() == ErrorKind::invalid || error.kind() == ErrorKind::unsupported) << error.what();
    return error.text();
  }
  return "accepted";
}

TEST(ParseBind, ReadsSourceDestinationAndOptions) {
  const Bind plain = parse_bind("/srv:/data");
  EXPECT_EQ(plain.source, "/srv");
  EXPECT_FALSE(plain.is_volume || plain.anonymous || plain.must_exist);
  EXPECT_EQ(plain.destination.value, "/data");
  EXPECT_EQ(plain.options, Words{"rbind"});
  EXPECT_EQ(parse_bind("./x:/data:ro,nosuid").options, (Words{"rbind", "ro", "nosuid"}));
  EXPECT_EQ(parse_bind("/srv:/data:bind,ro").options, (Words{"bind", "bind", "ro"}));
  for (const char* source : {".", "..", "../x", "/"})
    EXPECT_EQ(parse_bind(source + std::string(":/d")).source, source);
}

TEST(ParseBind, TakesANameForAVolumeAndNothingForAnAnonymousOne) {
  const Bind named = parse_bind("data:/var/lib/x:ro,nocopy");
  EXPECT_TRUE(named.is_volume && !named.anonymous && !named.copies_up);
  EXPECT_EQ(named.volume, "data");
  EXPECT_EQ(named.source, "");
  EXPECT_EQ(named.options, (Words{"rbind", "ro"}));
  const Bind anonymous = parse_bind("/data/");
  EXPECT_TRUE(anonymous.is_volume && anonymous.anonymous && anonymous.copies_up);
  EXPECT_EQ(anonymous.volume, "");
  EXPECT_EQ(anonymous.destination.value, "/data");
}

TEST(ParseBind, PutsTheDestinationIntoItsPlainForm) {
  for (const auto& [written, meant] : {std::pair{"/data/", "/data"},
                                       {"//a///b", "/a/b"},
                                       {"/a/./b/.", "/a/b"},
                                       {"/x/../proc", "/proc"},
                                       {"/../..", "/"},
                                       {"/a/..", "/"},
                                       {"/...", "/..."}})
    EXPECT_EQ(parse_bind(std::string("/s:") + written).destination.value, meant);
}

TEST(ParseBind, RefusesWhatIsNoSourceOrNoDestination) {
  for (const char* text : {"", "a:b:c:d", "/a:/b:ro:x", ":/data", "/a:", "/a:/b:"})
    EXPECT_EQ(refusal([&] { parse_bind(text); }),
              "invalid volume specification: '" + std::string(text) + "'");
  for (const char* text : {"/a:data", "/a:./data", "data", "./data", "data:data"})
    EXPECT_TRUE(refusal([&] { parse_bind(text); }).ends_with("is not an absolute path")) << text;
  for (const char* text : {"-x:/d", "a b:/d", "sub/dir:/d", "\xff\xff:/d", "~/x:/d"})
    EXPECT_TRUE(
        refusal([&] { parse_bind(text); }).contains("includes invalid characters for a local volume name"))
        << text;
  EXPECT_TRUE(refusal([] { parse_bind("x:/d"); }).starts_with("volume name is too short"));
  EXPECT_EQ(refusal([] { parse_bind("/a:/b:rw,size=1"); }),
            "invalid mode: unknown option \"size=1\" in \"/a:/b:rw,size=1\"");
  EXPECT_NE(refusal([] { parse_bind("/a:/b:nocopy"); }), "accepted");
  EXPECT_NE(refusal([] { parse_bind("vol:/b:rslave"); }), "accepted");
}

TEST(ParseMount, ReadsThreeTypesInDockersWords) {
  const auto bind = std::get<Bind>(parse_mount("type=bind,src=/srv,dst=/data,readonly"));
  EXPECT_TRUE(bind.must_exist && !bind.is_volume);
  EXPECT_EQ(bind.source, "/srv");
  EXPECT_EQ(bind.destination.value, "/data");
  EXPECT_EQ(bind.options, (Words{"rbind", "ro"}));
  EXPECT_EQ(std::get<Bind>(parse_mount("type=bind,source=./x,target=/d,ro=false,bind-recursive=disabled,"
                                       "bind-propagation=rprivate"))
                .options,
            (Words{"bind", "rprivate"}));

  const auto volume = std::get<Bind>(parse_mount(
      "source=data,destination=/d,volume-nocopy,\"volume-label=a=b, \"\"c\"\"\",volume-driver=local"));
  EXPECT_TRUE(volume.is_volume && !volume.anonymous && !volume.copies_up);
  EXPECT_EQ(volume.volume, "data");
  EXPECT_EQ(volume.labels, Words{"a=b, \"c\""});
  EXPECT_TRUE(std::get<Bind>(parse_mount("type=volume,dst=/d")).anonymous);

  const auto tmpfs = std::get<Tmpfs>(parse_mount("type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1770,readonly"));
  EXPECT_EQ(tmpfs.destination.value, "/t");
  EXPECT_EQ(tmpfs.options, (Words{"noexec", "nosuid", "nodev", "size=1048576", "mode=1770", "ro"}));
}

TEST(ParseMount, RefusesInDockersWords) {
  const std::pair<const char*, const char*> refused[] = {
      {"", "invalid field '' must be a key=value pair"},
      {"type=bind,src", "invalid field 'src' must be a key=value pair"},
      {"type=bind,colour=red,dst=/x", "unexpected key 'colour' in 'colour=red'"},
      {"type=npipe,dst=/x", "mount type unknown: \"npipe\""},
      {"type=bind,src=/x", "target is required"},
      {"type=bind,dst=/x", "invalid mount config for type \"bind\": field Source must not be empty"},
      {"type=bind,src=x,dst=/x",
       "invalid mount config for type \"bind\": invalid mount path: 'x' mount path must be absolute"},
      {"type=tmpfs,src=/x,dst=/x",
       "invalid mount config for type \"tmpfs\": field Source must not be specified"},
      {"type=bind,src=/x,dst=x", "the target \"x\" is not an absolute path"},
      {"type=bind,src=/x,dst=/x,readonly=maybe", "invalid value for readonly: maybe"},
      {"type=bind,src=/x,dst=/x,bind-propagation=odd", "invalid value for bind-propagation: odd"},
      {"type=bind,src=/x,dst=/x,volume-nocopy", "cannot mix 'volume-*' options with mount type 'bind'"},
      {"type=volume,dst=/x,tmpfs-size=1", "cannot mix 'tmpfs-*' options with mount type 'volume'"},
      {"type=tmpfs,dst=/x,bind-propagation=slave", "cannot mix 'bind-*' options with mount type 'tmpfs'"},
      {"type=tmpfs,dst=/x,tmpfs-mode=rwx", "invalid value for tmpfs-mode: rwx"},
      {"type=volume,dst=/x,volume-driver=nfs", "plugin \"nfs\" not found"},
      {"type=volume,dst=/x,\"src=a", "parse error: extraneous or missing \" in quoted field"}};
  for (const auto& [text, words] : refused) EXPECT_EQ(refusal([&] { parse_mount(text); }), words) << text;
  EXPECT_NE(refusal([] { parse_mount("type=bind,src=/x,dst=/x,bind-recursive=writable,readonly"); }),
            "accepted");
  EXPECT_NE(refusal([] { parse_mount("type=tmpfs,dst=/x,tmpfs-size=much"); }), "accepted");
}

TEST(ParseVolumesFrom, IsAContainerAndAMode) {
  EXPECT_EQ(parse_volumes_from("web").container, "web");
  EXPECT_FALSE(parse_volumes_from("web:rw").read_only);
  EXPECT_TRUE(parse_volumes_from("web:ro").read_only);
  EXPECT_EQ(refusal([] { parse_volumes_from(":ro"); }),
            "volumes-from specification cannot be an empty string");
  EXPECT_EQ(refusal([] { parse_volumes_from("web:z,shared"); }), "invalid mode: z,shared");
}

TEST(ParseTmpfs, IsNeitherExecutableNorTrustedUnlessToldOtherwise) {
  EXPECT_EQ(parse_tmpfs("/run").options, (Words{"noexec", "nosuid", "nodev"}));
  EXPECT_EQ(parse_tmpfs("/run:size=1.5m,mode=1777,exec").options,
            (Words{"noexec", "nosuid", "nodev", "size=1572864", "mode=1777", "exec"}));
  EXPECT_EQ(parse_tmpfs("/run:,,").options.size(), 3U);
  EXPECT_EQ(refusal([] { parse_tmpfs("run"); }), "the destination \"run\" is not an absolute path");
  EXPECT_NE(refusal([] { parse_tmpfs("/run:size=much"); }), "accepted");
  EXPECT_NE(refusal([] { parse_tmpfs("/run:size="); }), "accepted");
}

}  // namespace
}  // namespace tare::engine
