#include "plan/program.h"

#include <cstddef>
#include <cstring>

namespace tare::plan {
namespace {

// Lays values behind one another; an address is where a value will be in init.
class Encoder {
 public:
  explicit Encoder(std::size_t head) : bytes_(head, '\0') {}

  template <typename T>
  const T* put(const T* values, std::size_t count) {
    while (bytes_.size() % alignof(T) != 0) bytes_.push_back('\0');
    const std::uint64_t at = list_address + bytes_.size();
    bytes_.append(reinterpret_cast<const char*>(values), count * sizeof(T));
    return reinterpret_cast<const T*>(at);  // NOLINT(performance-no-int-to-ptr): good in init only
  }
  const char* put(const std::string& text) { return put(text.c_str(), text.size() + 1); }
  const char* const* put(const std::vector<std::string>& texts) {
    std::vector<const char*> addresses;
    addresses.reserve(texts.size() + 1);
    for (const auto& text : texts) addresses.push_back(put(text));
    addresses.push_back(nullptr);
    return put(addresses.data(), addresses.size());
  }
  std::string take() { return std::move(bytes_); }
  std::string& bytes() { return bytes_; }

 private:
  std::string bytes_;
};

constexpr char marker = '\x01';

std::string with_descriptors(std::string text, std::string_view directory, const std::vector<int>& slots) {
  for (std::size_t at; (at = text.find(marker)) != std::string::npos;) {
    const std::size_t end = text.find(marker, at + 1);
    const std::size_t slot = std::stoul(text.substr(at + 1, end - at - 1));
    text.replace(at, end - at + 1, std::string(directory) + std::to_string(slots.at(slot)));
  }
  return text;
}

Operation encode_entry(Encoder& encoder, const Entry& entry, const std::vector<int>& slots) {
  Operation operation{.kind = entry.kind,
                      .flags = entry.flags,
                      .slot = entry.slot,
                      .into = entry.into,
                      .a = entry.a,
                      .b = entry.b,
                      .path = nullptr,
                      .text = nullptr,
                      .list = nullptr};
  if (!entry.path.empty()) operation.path = encoder.put(entry.path);
  if (!entry.text.empty()) operation.text = encoder.put(entry.text);
  if (!entry.list.empty()) {
    std::vector<std::string> list = entry.list;
    // Nowhere else: a command or an option of the user's may contain the marker.
    if (entry.kind == Kind::new_filesystem && entry.text == "overlay")
      for (auto& text : list)
        text = with_descriptors(std::move(text), entry.path.empty() ? "/proc/self/fd/" : "", slots);
    operation.list = encoder.put(list);
  }
  switch (entry.kind) {
    case Kind::set_groups:
      operation.a = entry.groups.size();
      operation.list =
          reinterpret_cast<const char* const*>(encoder.put(entry.groups.data(), entry.groups.size()));
      break;
    case Kind::set_memory_policy:
      operation.b = entry.nodes.size() * 64;
      operation.list =
          reinterpret_cast<const char* const*>(encoder.put(entry.nodes.data(), entry.nodes.size()));
      break;
    case Kind::load_filter:
      operation.a = entry.filter.size();
      operation.list =
          reinterpret_cast<const char* const*>(encoder.put(entry.filter.data(), entry.filter.size()));
      break;
    case Kind::set_capabilities: {
      const std::uint64_t sets[2] = {entry.effective, entry.ambient};
      operation.list = reinterpret_cast<const char* const*>(encoder.put(sets, 2));
      break;
    }
    case Kind::execute:
      operation.a = reinterpret_cast<std::uint64_t>(encoder.put(entry.arguments));
      operation.b = reinterpret_cast<std::uint64_t>(encoder.put(entry.environment));
      break;
    default: break;
  }
  return operation;
}

}  // namespace

std::string descriptor_path(std::int32_t slot) { return marker + std::to_string(slot) + marker; }

std::string encode(const Program& program, const std::vector<int>& slots, int sync_socket,
                   std::uint32_t trace_capacity) {
  Encoder encoder(sizeof(List));
  std::vector<Operation> operations;
  operations.reserve(program.entries.size());
  for (const auto& entry : program.entries) operations.push_back(encode_entry(encoder, entry, slots));

  List list{};
  list.magic = list_magic;
  list.sync_socket = sync_socket;
  list.operation_count = static_cast<std::uint32_t>(operations.size());
  list.slot_count = static_cast<std::uint32_t>(slots.size());
  list.slots = const_cast<std::int32_t*>(encoder.put(slots.data(), slots.size()));
  list.operations = encoder.put(operations.data(), operations.size());
  std::size_t records_size = 0;
  if (trace_capacity > 0) {
    const Trace trace{.capacity = trace_capacity, .used = 0};
    list.trace = const_cast<Trace*>(encoder.put(&trace, 1));
    records_size = trace_capacity * sizeof(TraceRecord);
  }
  list.size = static_cast<std::uint32_t>(encoder.bytes().size() + records_size);
  std::memcpy(encoder.bytes().data(), &list, sizeof list);
  return encoder.take();
}

std::uint32_t mapped_size(const std::string& encoded) {
  std::uint32_t size;
  std::memcpy(&size, encoded.data() + offsetof(List, size), sizeof size);
  return size;
}

}  // namespace tare::plan
