#include "archive/tar_header.h"

#include <algorithm>
#include <sys/sysmacros.h>

#include "base/format.h"
#include "base/json.h"

namespace tare::archive {
namespace {

struct Field {
  std::size_t offset, size;
};
constexpr Field name_field{0, 100}, mode_field{100, 8}, uid_field{108, 8}, gid_field{116, 8},
    size_field{124, 12}, time_field{136, 12}, checksum_field{148, 8}, type_field{156, 1},
    target_field{157, 100}, magic_field{257, 8}, major_field{329, 8}, minor_field{337, 8};

// Octal digits and a NUL; 11 digits of a time last until 2242.
constexpr std::int64_t largest_in(Field field) { return (std::int64_t{1} << (3 * (field.size - 1))) - 1; }

using Block = std::string;

void put(Block& block, Field field, std::string_view text) {
  text = text.substr(0, field.size);
  block.replace(field.offset, text.size(), text);
}

void put_number(Block& block, Field field, std::int64_t number) {
  if (number < 0 || number > largest_in(field)) number = 0;  // the pax header has it
  put(block, field, format("{:0{}o}", number, field.size - 1));
}

void put_checksum(Block& block) {
  put(block, checksum_field, "        ");
  unsigned sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  put(block, checksum_field, format("{:06o}", sum));
  block[checksum_field.offset + 6] = '\0';
}

Block make_block(char type, std::string_view name) {
  Block block(tar_block, '\0');
  put(block, name_field, name);
  put(block, type_field, std::string_view(&type, 1));
  put(block, magic_field, std::string_view("ustar\00000", 8));
  for (const Field field :
       {mode_field, uid_field, gid_field, size_field, time_field, major_field, minor_field})
    put_number(block, field, 0);
  return block;
}

char type_of(EntryKind kind) {
  switch (kind) {
    case EntryKind::file: return '0';
    case EntryKind::hard_link: return '1';
    case EntryKind::symlink: return '2';
    case EntryKind::character_device: return '3';
    case EntryKind::block_device: return '4';
    case EntryKind::directory: return '5';
    case EntryKind::fifo: return '6';
  }
  return '0';
}

// "LENGTH KEY=VALUE\n", where the length counts its own digits.
void add_record(std::string& records, std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t size = rest;
  while (size != rest + format("{}", size).size()) size = rest + format("{}", size).size();
  records.append(format("{} ", size)).append(key).append("=").append(value).append("\n");
}

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool is_utf8(std::string_view text) { return json::replace_invalid_utf8(text) == text; }

// Seconds rounded down and nanoseconds added become one decimal number, which is negative before 1970.
std::string decimal_time(timespec time) {
  const bool negative = time.tv_sec < 0;
  std::int64_t seconds = time.tv_sec, nanoseconds = time.tv_nsec;
  if (negative && nanoseconds > 0) seconds++, nanoseconds = 1'000'000'000 - nanoseconds;
  std::string text = format("{}{}", negative ? "-" : "", negative ? -seconds : seconds);
  if (nanoseconds == 0) return text;
  text += format(".{:09}", nanoseconds);
  while (text.ends_with('0')) text.pop_back();
  return text;
}

std::string make_records(const Entry& entry, const std::vector<Attribute>& attributes) {
  std::string records;
  // Names are UTF-8 there unless it is said that they are bytes.
  if (!is_utf8(entry.name) || !is_utf8(entry.target)) add_record(records, "hdrcharset", "BINARY");
  if (entry.name.size() > name_field.size || !is_ascii(entry.name)) add_record(records, "path", entry.name);
  if (entry.target.size() > target_field.size || !is_ascii(entry.target))
    add_record(records, "linkpath", entry.target);
  if (entry.uid > largest_in(uid_field)) add_record(records, "uid", format("{}", entry.uid));
  if (entry.gid > largest_in(gid_field)) add_record(records, "gid", format("{}", entry.gid));
  if (entry.kind == EntryKind::file && entry.size > largest_in(size_field))
    add_record(records, "size", format("{}", entry.size));
  const timespec time = entry.modified;
  if (time.tv_nsec != 0 || time.tv_sec < 0 || time.tv_sec > largest_in(time_field))
    add_record(records, "mtime", decimal_time(time));
  for (const auto& attribute : attributes)
    if (!attribute.name.contains('=')) add_record(records, "SCHILY.xattr." + attribute.name, attribute.value);
  return records;
}

}  // namespace

std::string make_tar_header(const Entry& entry, const std::vector<Attribute>& attributes) {
  std::string header;
  if (const std::string records = make_records(entry, attributes); !records.empty()) {
    Block block = make_block('x', "././@PaxHeader");
    put_number(block, mode_field, 0644);
    put_number(block, size_field, static_cast<std::int64_t>(records.size()));
    put_checksum(block);
    header = block + records;
    header.resize((header.size() + tar_block - 1) / tar_block * tar_block, '\0');
  }
  Block block = make_block(type_of(entry.kind), entry.name);
  put(block, target_field, entry.target);
  put_number(block, mode_field, entry.mode);
  put_number(block, uid_field, entry.uid);
  put_number(block, gid_field, entry.gid);
  put_number(block, size_field, entry.kind == EntryKind::file ? entry.size : 0);
  put_number(block, time_field, entry.modified.tv_sec);
  put_number(block, major_field, major(entry.device));
  put_number(block, minor_field, minor(entry.device));
  put_checksum(block);
  return header + block;
}

}  // namespace tare::archive
