// Makes tar archives byte by byte, hostile ones too, and directories to unpack them into.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "archive/apply.h"
#include "base/error.h"
#include "sys/file.h"

namespace tare::test {

struct Header {
  std::string name;
  char type = '0';
  std::string target = {};
  unsigned mode = 0644;
  unsigned uid = 0, gid = 0;
  long mtime = 1'000'000'000;
  unsigned major = 0, minor = 0;
};

class TarBuilder {
 public:
  TarBuilder& add(const Header& header, std::string_view data = {}) {
    put_header(header, data.size());
    return put_data(data);
  }
  /// A pax record for the next entry: "key=value" with its length.
  TarBuilder& pax(std::string_view key, std::string_view value) {
    std::string record = std::string(" ").append(key).append("=").append(value).append("\n");
    std::size_t length = record.size() + 1;
    while (std::to_string(length).size() + record.size() != length)
      length = std::to_string(length).size() + record.size();
    record.insert(0, std::to_string(length));
    pending_ += record;
    return *this;
  }
  TarBuilder& file(const std::string& name, std::string_view data = "x") { return add({.name = name}, data); }
  TarBuilder& directory(const std::string& name, unsigned mode = 0755) {
    return add({.name = name, .type = '5', .mode = mode});
  }
  TarBuilder& symlink(const std::string& name, const std::string& target) {
    return add({.name = name, .type = '2', .target = target});
  }
  TarBuilder& hard_link(const std::string& name, const std::string& target) {
    return add({.name = name, .type = '1', .target = target});
  }
  std::string bytes() const { return bytes_ + std::string(1024, '\0'); }
  std::string unfinished() const { return bytes_; }

 private:
  void put_header(const Header& header, std::size_t size) {
    if (!pending_.empty()) {
      const std::string records = std::exchange(pending_, {});
      put_header({.name = "pax", .type = 'x'}, records.size());
      put_data(records);
    }
    put_long(header.name, 100, 'L');
    put_long(header.target, 100, 'K');
    char block[512] = {};
    std::strncpy(block, header.name.c_str(), 100);
    std::snprintf(block + 100, 8, "%07o", header.mode);
    std::snprintf(block + 108, 8, "%07o", header.uid);
    std::snprintf(block + 116, 8, "%07o", header.gid);
    std::snprintf(block + 124, 12, "%011zo", size);
    std::snprintf(block + 136, 12, "%011lo", header.mtime);
    block[156] = header.type;
    std::strncpy(block + 157, header.target.c_str(), 100);
    std::string_view(
        "ustar\0"
        "00",
        8)
        .copy(block + 257, 8);
    std::snprintf(block + 329, 8, "%07o", header.major);
    std::snprintf(block + 337, 8, "%07o", header.minor);
    std::memset(block + 148, ' ', 8);
    unsigned sum = 0;
    for (const char c : block) sum += static_cast<unsigned char>(c);
    std::snprintf(block + 148, 8, "%06o", sum);
    bytes_.append(block, 512);
  }
  void put_long(const std::string& text, std::size_t limit, char type) {
    if (text.size() <= limit) return;
    put_header({.name = "././@LongLink", .type = type}, text.size() + 1);
    put_data(std::string_view(text.c_str(), text.size() + 1));
  }
  TarBuilder& put_data(std::string_view data) {
    bytes_ += data;
    bytes_.append((512 - data.size() % 512) % 512, '\0');
    return *this;
  }

  std::string bytes_, pending_;
};

/// Gone with its contents at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    char name[] = "/tmp/tare-test-XXXXXX";
    if (!::mkdtemp(name)) std::abort();
    path = HostPath(name);
    fd = sys::open_at(sys::here, path.value, O_RDONLY | O_DIRECTORY);
  }
  ~TemporaryDirectory() { sys::remove_tree(sys::here, path.value); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  HostPath path;
  sys::UniqueFd fd;
};

/// A descriptor that reads these bytes.
inline sys::UniqueFd reading(std::string_view bytes) {
  sys::UniqueFd fd(::memfd_create("test", MFD_CLOEXEC));
  sys::write_all(fd, bytes);
  ::lseek(fd.number(), 0, SEEK_SET);
  return fd;
}

inline void unpack_into(std::string_view bytes, sys::Fd root, const archive::Limits& limits = {},
                        const archive::MarkTrusted& mark_trusted = {}) {
  const sys::UniqueFd source = reading(bytes);
  archive::TarStream stream(source);
  archive::apply_tar(stream, root, limits, mark_trusted);
}

/// The error's whole line; empty where there is none.
template <typename Action>
std::string error_of(Action action) {
  try {
    action();
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

inline bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// sh -c; true where it exits with 0.
inline bool shell(const std::string& command) { return std::system(command.c_str()) == 0; }

}  // namespace tare::test
