// Whatever plan a config leads to, tare-init reads its list without leaving it, whatever the kernel says to
// each call. The input is a config, a NUL, and what the kernel says.
#include <asm/unistd.h>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/error.h"
#include "init/constants.h"
#include "init/interpreter.h"
#include "init/syscalls.h"
#include "plan/document.h"
#include "runtime/check_config.h"
#include "runtime/config_json.h"
#include "runtime/make_plan.h"
#include "runtime/start_gate.h"

using namespace tare;

namespace {

using plan::Kind;

void must(bool holds) {
  if (!holds) std::abort();
}

// The list as init maps it, elsewhere: where it is in init, the address sanitizer has its own memory. Each
// text and each array is in a piece of memory of its own, so that the sanitizer sees who leaves it.
class Mapped {
 public:
  explicit Mapped(const std::string& bytes) : bytes_(bytes) {
    list_ = take<plan::List>(reinterpret_cast<const plan::List*>(plan::list_address), 1)[0];
    must(list_.magic == plan::list_magic && list_.size == bytes.size() && !list_.trace);
    list_.slots = const_cast<std::int32_t*>(keep(take(list_.slots, list_.slot_count)));
    auto operations = take(list_.operations, list_.operation_count);
    for (auto& operation : operations) place(operation);
    list_.operations = keep(operations);
  }
  plan::List& list() { return list_; }

 private:
  void place(plan::Operation& operation) {
    operation.path = text(operation.path);
    operation.text = text(operation.text);
    const void* list = operation.list;
    switch (operation.kind) {
      case Kind::set_groups:
        list = keep(take(reinterpret_cast<const std::uint32_t*>(operation.list), operation.a));
        break;
      case Kind::load_filter:
        list = keep(take(reinterpret_cast<const std::uint64_t*>(operation.list), operation.a));
        break;
      case Kind::set_capabilities:
        list = keep(take(reinterpret_cast<const std::uint64_t*>(operation.list), 2));
        break;
      case Kind::execute:
        operation.a =
            reinterpret_cast<std::uint64_t>(texts(reinterpret_cast<const char* const*>(operation.a)));
        operation.b =
            reinterpret_cast<std::uint64_t>(texts(reinterpret_cast<const char* const*>(operation.b)));
        [[fallthrough]];
      default: list = texts(operation.list);
    }
    operation.list = static_cast<const char* const*>(list);
  }

  template <typename T>
  std::vector<T> take(const T* at, std::size_t count) const {
    const std::uint64_t offset = reinterpret_cast<std::uint64_t>(at) - plan::list_address;
    must(offset % alignof(T) == 0 && offset <= bytes_.size() &&
         count <= (bytes_.size() - offset) / sizeof(T));
    std::vector<T> values(count);
    if (count > 0) std::memcpy(values.data(), bytes_.data() + offset, count * sizeof(T));
    return values;
  }
  const char* text(const char* at) {
    if (!at) return nullptr;
    std::size_t size = 0;
    while (take(at + size, 1)[0]) size++;
    return keep(take(at, size + 1));
  }
  const char* const* texts(const char* const* at) {
    if (!at) return nullptr;
    std::vector<const char*> all;
    do all.push_back(text(take(at + all.size(), 1)[0]));
    while (all.back());
    return keep(all);
  }
  template <typename T>
  const T* keep(const std::vector<T>& values) {
    auto* copy = static_cast<T*>(std::malloc(values.size() * sizeof(T)));
    pieces_.emplace_back(copy, std::free);
    std::ranges::copy(values, copy);
    return copy;
  }

  const std::string& bytes_;
  plan::List list_{};
  std::vector<std::unique_ptr<void, void (*)(void*)>> pieces_;
};

struct TheEnd {};

// Says to each call what the input says: a descriptor or 0, or an error; and what it writes, where the caller
// reads it.
struct Kernel {
  std::string_view says;
  int calls = 0;

  unsigned char next() {
    if (says.empty()) return 0;
    const auto byte = static_cast<unsigned char>(says.front());
    says.remove_prefix(1);
    return byte;
  }
  long write(long to, std::size_t size) {
    auto* bytes = reinterpret_cast<unsigned char*>(to);
    for (std::size_t i = 0; i < size; i++) bytes[i] = next();
    return static_cast<long>(size);
  }
};
Kernel* kernel = nullptr;

// A text that the kernel would read.
void read_text(long at) { (void)std::strlen(reinterpret_cast<const char*>(at)); }
void read_bytes(long at, long size) {
  volatile char sum = 0;
  for (long i = 0; i < size; i++) sum = sum + reinterpret_cast<const char*>(at)[i];
}

}  // namespace

namespace tare::init {
namespace {

// A directory, where nothing else is said.
void describe(Statx& status) {
  constexpr int kinds[] = {s_ifdir, s_ifchr, s_ifreg};
  status.mode = static_cast<std::uint16_t>(kinds[kernel->next() % 3]);
  status.rdev_major = kernel->next() % 6, status.rdev_minor = kernel->next() % 4;
  status.ino = kernel->next() % 2 + 1, status.mount = kernel->next() % 2;
}

}  // namespace

long call_kernel(long number, long a, long b, long c, long d, long e, long) {
  constexpr int most_calls = 5000;
  if (++kernel->calls > most_calls || number == __NR_exit_group) throw TheEnd();
  const unsigned char say = kernel->next();
  if (number == __NR_execve) {
    read_text(a);
    for (long list : {b, c})
      for (auto* texts = reinterpret_cast<const char* const*>(list); *texts; texts++)
        read_text(address(*texts));
    if (say == 0) throw TheEnd();
  }
  switch (number) {
    case __NR_openat2:
    case __NR_openat:
    case __NR_mknodat:
    case __NR_mkdirat:
    case __NR_faccessat2: read_text(b); break;
    case __NR_readlinkat:
    case __NR_mount: read_text(b); break;
    case __NR_fsopen: read_text(a); break;
    case __NR_fsconfig:
      if (c) read_text(c);
      if (d) read_text(d);
      break;
    case __NR_symlinkat: read_text(a), read_text(c); break;
    case __NR_write: read_bytes(b, c); break;
    case __NR_sethostname:
    case __NR_setdomainname: read_bytes(a, b); break;
    case __NR_chdir:
    case __NR_keyctl: read_text(number == __NR_chdir ? a : b); break;
    case __NR_setgroups: read_bytes(b, a * 4); break;
    default: break;
  }
  if (say > 200) return -long{say - 200};
  switch (number) {
    case __NR_recvfrom: return kernel->write(b, say % 9 <= c ? say % 9 : 0);
    case __NR_readlinkat: return kernel->write(c, say);
    case __NR_statx: return describe(*reinterpret_cast<Statx*>(e)), 0;
    case __NR_write: return say == 0 ? c : say % (c + 1);
    case __NR_fstatfs: {
      constexpr long types[] = {0, proc_super_magic, overlay_super_magic};
      return reinterpret_cast<Statfs*>(b)->type = types[kernel->next() % 3], 0;
    }
    case __NR_getcwd: return kernel->write(a, 1);
    case __NR_openat2:
    case __NR_openat:
    case __NR_open_tree:
    case __NR_fsopen:
    case __NR_fsmount:
    case __NR_accept4:
    case __NR_socket: return 10 + say;
    case __NR_clone:
    case __NR_clone3: return say % 2;
    case __NR_rt_sigtimedwait: return say % 65;
    case __NR_wait4: return say % 2;
    default: return say < 150 ? 0 : say;
  }
}

}  // namespace tare::init

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(text.find('\0'), text.size());
  plan::Program program;
  try {
    auto config = runtime::parse_config(text.substr(0, end));
    runtime::check_config(config);
    config.cgroups_path = "/fuzz";
    program = runtime::make_plan(config, {}, "fuzz");
    if (end + 1 < size && data[end + 1] % 2 == 1) runtime::add_start_gate(program);
    (void)plan::to_json(plan::Document{.host = {}, .program = program});
  } catch (const Error&) {
    return 0;
  }
  std::vector<int> slots(static_cast<std::size_t>(program.slot_count), -1);
  for (const auto& input : program.inputs) slots.at(static_cast<std::size_t>(input.slot)) = 100 + input.slot;
  const std::string bytes = plan::encode(program, slots, 4);
  Mapped mapped(bytes);
  Kernel says{.says = text.substr(std::min(end + 1, size))};
  kernel = &says;
  init::Context context{.list = &mapped.list()};
  try {
    init::run(context);
    must(mapped.list().report.operation < program.entries.size() && mapped.list().report.error > 0);
    init::report_failure(mapped.list());
  } catch (const TheEnd&) {
  }
  return 0;
}
