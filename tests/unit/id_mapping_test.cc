// Ids inside and outside of a user namespace.
#include "oci/id_mapping.h"

#include <gtest/gtest.h>
#include <vector>

#include "base/error.h"

namespace tare::oci {
namespace {

using Mappings = std::vector<IdMapping>;

std::string refusal(const Mappings& mappings) {
  try {
    check_mappings(mappings, "uid");
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::invalid);
    return error.text();
  }
}

TEST(IdMapping, FindsTheHostsIdBehindTheContainers) {
  const Mappings mappings = {{.container = 0, .host = 1000, .size = 1},
                             {.container = 1, .host = 100000, .size = 4294867294U}};
  EXPECT_EQ(host_id(mappings, 0), 1000U);
  EXPECT_EQ(host_id(mappings, 1), 100000U);
  EXPECT_EQ(host_id(mappings, 65535), 165534U);
  EXPECT_EQ(host_id(mappings, 4294967294U), std::nullopt);
  EXPECT_EQ(host_id({}, 0), std::nullopt);
}

TEST(IdMapping, IsWrittenAsTheKernelReadsIt) {
  EXPECT_EQ(map_text(Mappings{{.container = 0, .host = 10000, .size = 2000},
                              {.container = 5000, .host = 7, .size = 1}}),
            "0 10000 2000\n5000 7 1\n");
}

TEST(IdMapping, IsRefusedWhereTheKernelWouldRefuseIt) {
  EXPECT_EQ(refusal({{.container = 0, .host = 0, .size = 4294967295U}}), "");
  EXPECT_EQ(refusal({{.container = 0, .host = 1, .size = 1}, {.container = 1, .host = 2, .size = 1}}), "");
  EXPECT_EQ(refusal({{.container = 0, .host = 5, .size = 0}}),
            "the uid mapping 0:5:0 is empty or goes past the last id there is");
  EXPECT_NE(refusal({{.container = 0, .host = 1, .size = 4294967295U}}), "");
  EXPECT_NE(refusal({{.container = 0, .host = 4294967295U, .size = 1}}), "");
  EXPECT_EQ(refusal({{.container = 0, .host = 100, .size = 10}, {.container = 9, .host = 200, .size = 1}}),
            "the uid mappings 0:100:10 and 9:200:1 overlap");
  EXPECT_EQ(refusal({{.container = 0, .host = 100, .size = 10}, {.container = 10, .host = 109, .size = 1}}),
            "the uid mappings 0:100:10 and 10:109:1 overlap");
  EXPECT_EQ(refusal({{.container = 1, .host = 100, .size = 10}}), "no uid mapping has the container's uid 0");
  Mappings many;
  for (std::uint32_t i = 0; i < 341; i++) many.push_back({.container = i, .host = i, .size = 1});
  EXPECT_EQ(refusal(many), "341 uid mappings are too many: the kernel takes 340");
}

}  // namespace
}  // namespace tare::oci
