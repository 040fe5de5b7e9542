// A plan as the bytes that tare-init maps: every address is checked to lie inside, as init will follow it.
#include <bit>
#include <cstring>
#include <gtest/gtest.h>

#include "plan/program.h"

namespace tare::plan {
namespace {

/// The bytes as if mapped at list_address. Copied to an aligned place of just their size, so that a sanitizer
/// sees every read outside of it.
class Mapped {
 public:
  explicit Mapped(const std::string& bytes)
      : size_(bytes.size()), memory_(new(std::align_val_t{4096}) char[size_]) {
    std::memcpy(memory_, bytes.data(), size_);
  }
  ~Mapped() { ::operator delete[](memory_, std::align_val_t{4096}); }
  Mapped(const Mapped&) = delete;
  Mapped& operator=(const Mapped&) = delete;

  const List& list() const { return *reinterpret_cast<const List*>(memory_); }
  const Operation& operation(std::size_t i) const { return at(list().operations)[i]; }
  /// What init sees where it follows this pointer; fails where that is outside or not aligned.
  template <typename T>
  const T* at(const T* pointer, std::size_t count = 1) const {
    const std::uint64_t offset = reinterpret_cast<std::uint64_t>(pointer) - list_address;
    EXPECT_LE(offset + count * sizeof(T), size_);
    EXPECT_EQ(offset % alignof(T), 0U);
    return reinterpret_cast<const T*>(memory_ + offset);
  }
  template <typename T>
  const T* at_address(std::uint64_t address, std::size_t count = 1) const {
    return at(std::bit_cast<const T*>(address), count);
  }
  std::string text(const char* pointer) const {
    const char* begin = at(pointer);
    return std::string(begin, ::strnlen(begin, size_ - static_cast<std::size_t>(begin - memory_)));
  }
  std::vector<std::string> texts(const char* const* pointer) const {
    std::vector<std::string> all;
    for (; *at(pointer); pointer++) all.push_back(text(*at(pointer)));
    return all;
  }
  std::vector<std::string> texts(std::uint64_t address) const {
    return texts(std::bit_cast<const char* const*>(address));
  }

 private:
  std::size_t size_;
  char* memory_;
};

TEST(PlanEncode, WritesAHeadThatInitAccepts) {
  Program program;
  program.add({.kind = Kind::pivot});
  const std::string bytes = encode(program, {-1, 7, -1}, 9);
  const Mapped mapped(bytes);
  EXPECT_EQ(mapped.list().magic, list_magic);
  EXPECT_EQ(mapped.list().size, bytes.size());
  EXPECT_EQ(mapped.list().sync_socket, 9);
  EXPECT_EQ(mapped.list().operation_count, 1U);
  EXPECT_EQ(mapped.list().report.error, 0);
  ASSERT_EQ(mapped.list().slot_count, 3U);
  const std::int32_t* slots = mapped.at(static_cast<const std::int32_t*>(mapped.list().slots), 3);
  EXPECT_TRUE(slots[0] == -1 && slots[1] == 7 && slots[2] == -1);
}

TEST(PlanEncode, KeepsEveryFieldAndLeavesOutWhatIsEmpty) {
  Program program;
  program.add({.kind = Kind::make_node,
               .flags = recursive | create_target,
               .slot = 3,
               .into = 4,
               .a = 0x1122334455667788,
               .b = ~std::uint64_t{0},
               .path = "/a path",
               .text = "x"});
  program.add({.kind = Kind::pivot});
  const Mapped mapped(encode(program, {-1}, 9));
  const Operation& first = mapped.operation(0);
  EXPECT_EQ(first.kind, Kind::make_node);
  EXPECT_EQ(first.flags, recursive | create_target);
  EXPECT_TRUE(first.slot == 3 && first.into == 4);
  EXPECT_TRUE(first.a == 0x1122334455667788 && first.b == ~std::uint64_t{0});
  EXPECT_EQ(mapped.text(first.path), "/a path");
  EXPECT_EQ(mapped.text(first.text), "x");
  EXPECT_EQ(first.list, nullptr);
  const Operation& second = mapped.operation(1);
  EXPECT_TRUE(second.path == nullptr && second.text == nullptr && second.list == nullptr);
  EXPECT_TRUE(second.slot == no_slot && second.into == no_slot);
}

TEST(PlanEncode, WritesTheCommandWithItsArgumentsAndEnvironment) {
  Program program;
  program.add({.kind = Kind::execute,
               .list = {"/bin/a", "./a"},
               .arguments = {"a", "", "two words"},
               .environment = {"PATH=/bin", "EMPTY="}});
  program.add({.kind = Kind::execute, .list = {"/bin/b"}, .arguments = {"b"}, .environment = {}});
  const Mapped mapped(encode(program, {-1}, 9));
  using Words = std::vector<std::string>;
  EXPECT_EQ(mapped.texts(mapped.operation(0).list), (Words{"/bin/a", "./a"}));
  EXPECT_EQ(mapped.texts(mapped.operation(0).a), (Words{"a", "", "two words"}));
  EXPECT_EQ(mapped.texts(mapped.operation(0).b), (Words{"PATH=/bin", "EMPTY="}));
  EXPECT_EQ(mapped.texts(mapped.operation(1).b), Words{});
}

TEST(PlanEncode, WritesGroupsAndCapabilitiesAlignedWhateverLiesBefore) {
  for (std::size_t odd = 0; odd < 9; odd++) {
    Program program;
    program.add({.kind = Kind::set_name, .text = std::string(odd, 'n')});
    program.add({.kind = Kind::set_groups, .groups = {10, 4294967294}});
    program.add({.kind = Kind::set_name, .text = std::string(odd + 1, 'n')});
    program.add({.kind = Kind::set_capabilities, .a = 1, .b = 2, .effective = 3, .ambient = 1ULL << 40});
    program.add({.kind = Kind::set_groups});
    const Mapped mapped(encode(program, {-1}, 9));
    const Operation& groups = mapped.operation(1);
    EXPECT_EQ(groups.a, 2U);
    const auto* ids = mapped.at_address<std::uint32_t>(reinterpret_cast<std::uint64_t>(groups.list), 2);
    EXPECT_TRUE(ids[0] == 10 && ids[1] == 4294967294);
    const Operation& capabilities = mapped.operation(3);
    EXPECT_TRUE(capabilities.a == 1 && capabilities.b == 2);
    const auto* sets =
        mapped.at_address<std::uint64_t>(reinterpret_cast<std::uint64_t>(capabilities.list), 2);
    EXPECT_TRUE(sets[0] == 3 && sets[1] == 1ULL << 40);
    EXPECT_EQ(mapped.operation(4).a, 0U);
  }
}

TEST(PlanEncode, PutsDescriptorsInTheirPlaceInAnOverlaysOptionsAndNowhereElse) {
  using namespace std::string_literals;
  Program program;
  const std::string two = descriptor_path(1) + ":" + descriptor_path(12);
  program.add({.kind = Kind::new_filesystem, .text = "overlay", .list = {"=lowerdir\0"s + two, "!volatile"}});
  program.add({.kind = Kind::execute, .list = {"\x01", two, "a\x01zz\x01"}, .arguments = {"\x01"}});
  program.add({.kind = Kind::new_filesystem, .text = "tmpfs", .list = {"=mode\0"s + two}});
  std::vector<int> slots(13, -1);
  slots[1] = 5, slots[12] = 77;
  const Mapped mapped(encode(program, slots, 9));
  const char* const option =
      mapped.texts(mapped.operation(0).list).empty() ? nullptr : *mapped.at(mapped.operation(0).list);
  EXPECT_EQ(mapped.text(option), "=lowerdir");
  EXPECT_EQ(mapped.text(option + sizeof "=lowerdir"), "/proc/self/fd/5:/proc/self/fd/77");
  EXPECT_EQ(mapped.texts(mapped.operation(1).list), (std::vector<std::string>{"\x01", two, "a\x01zz\x01"}));
  const char* const mode = *mapped.at(mapped.operation(2).list);
  EXPECT_EQ(mapped.text(mode + sizeof "=mode"), two);
}

TEST(PlanEncode, TakesListsOfAnySize) {
  Program program;
  std::vector<std::string> many;
  many.reserve(20000);
  for (int i = 0; i < 20000; i++) many.emplace_back(static_cast<std::size_t>(i % 50), 'v');
  program.add({.kind = Kind::execute, .list = {"/a"}, .arguments = many, .environment = many});
  const Mapped mapped(encode(program, {-1}, 9));
  EXPECT_EQ(mapped.texts(mapped.operation(0).a), many);
  EXPECT_EQ(mapped.texts(mapped.operation(0).b), many);
}

}  // namespace
}  // namespace tare::plan
