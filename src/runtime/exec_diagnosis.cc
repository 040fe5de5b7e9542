#include "runtime/exec_diagnosis.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <elf.h>
#include <fcntl.h>
#include <optional>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "base/format.h"
#include "sys/file.h"
#include "sys/path_in_root.h"

namespace tare::runtime {
namespace {

constexpr std::size_t longest_shown = 255;

// Callers of runtimes look for the words that Go has for them.
std::string lower_errno_words(int number) {
  std::string words(errno_words(number));
  words[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(words[0])));
  return words;
}

struct Machine {
  unsigned number;
  const char* name;
};
constexpr Machine machines[] = {
    {EM_X86_64, "x86-64"},    {EM_386, "x86 (32 bit)"}, {EM_AARCH64, "arm64"},
    {EM_ARM, "arm (32 bit)"}, {EM_RISCV, "RISC-V"},     {EM_PPC64, "ppc64"},
    {EM_S390, "s390x"},       {EM_MIPS, "MIPS"},        {EM_LOONGARCH, "LoongArch"}};

std::string machine_name(unsigned number) {
  const auto* found = std::ranges::find(machines, number, &Machine::number);
  return found != std::end(machines) ? found->name : format("machine number {}", number);
}

#if defined(__x86_64__)
constexpr unsigned this_machine_number = EM_X86_64;
#elif defined(__aarch64__)
constexpr unsigned this_machine_number = EM_AARCH64;
#endif

std::string this_machine() {
  utsname names;
  return ::uname(&names) == 0 ? names.machine : "this machine";
}

// The first bytes of a file, or what of them there is.
std::string head(sys::Fd file, std::size_t size) {
  std::string bytes(size, '\0');
  const ssize_t n = ::pread(file.number(), bytes.data(), bytes.size(), 0);
  bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return bytes;
}

template <typename T>
std::optional<T> struct_at(const std::string& bytes, std::uint64_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

// The loader that an ELF program asks for (PT_INTERP); empty for a static one.
template <typename Header, typename Segment>
std::string loader_in(sys::Fd file, const std::string& bytes) {
  const auto header = struct_at<Header>(bytes, 0);
  for (unsigned i = 0; header && i < header->e_phnum && i < 128; i++) {
    const auto segment = struct_at<Segment>(bytes, header->e_phoff + i * sizeof(Segment));
    if (!segment) return {};
    if (segment->p_type != PT_INTERP || segment->p_filesz == 0 || segment->p_filesz > 4096) continue;
    std::string loader(segment->p_filesz, '\0');
    if (::pread(file.number(), loader.data(), loader.size(), static_cast<off_t>(segment->p_offset)) < 0)
      return {};
    return loader.substr(0, loader.find('\0'));
  }
  return {};
}

std::string elf_loader(sys::Fd file, const std::string& bytes) {
  return bytes.size() > EI_CLASS && bytes[EI_CLASS] == ELFCLASS32
             ? loader_in<Elf32_Ehdr, Elf32_Phdr>(file, bytes)
             : loader_in<Elf64_Ehdr, Elf64_Phdr>(file, bytes);
}

// Up to the machine, the headers for 32 and 64 bits are the same; its number is in its own byte order.
std::optional<unsigned> elf_machine(const std::string& bytes) {
  const auto header = struct_at<Elf32_Ehdr>(bytes, 0);
  if (!header) return std::nullopt;
  const bool is_other_order = header->e_ident[EI_DATA] == ELFDATA2MSB;
  return is_other_order ? __builtin_bswap16(header->e_machine) : header->e_machine;
}

// "#! /bin/sh -e" → "/bin/sh"; with a carriage return at its end if the file has one.
std::string script_interpreter(const std::string& bytes) {
  std::string line = bytes.substr(2, bytes.find('\n') - 2);
  const auto begin = line.find_first_not_of(" \t");
  if (begin == std::string::npos) return {};
  line.erase(0, begin);
  return line.substr(0, line.find_first_of(" \t"));
}

class Diagnosis {
 public:
  Diagnosis(sys::Fd root, std::string path, int depth = 0)
      : root_(root), path_(std::move(path)), depth_(depth) {}

  std::optional<struct stat> status() const { return status_of(path_); }

  Error explain(const struct stat& status, int error_number) const {
    const auto cannot = [&](ErrorKind kind, const std::string& why, const char* hint = "") {
      return Error(kind, format("cannot run {}: {}", path_, why), 0, hint);
    };
    if (S_ISDIR(status.st_mode))
      return cannot(ErrorKind::not_executable, "permission denied: it is a directory");
    if (!S_ISREG(status.st_mode))
      return cannot(ErrorKind::not_executable, "permission denied: it is not a regular file");
    if (!(status.st_mode & 0111))
      return cannot(ErrorKind::not_executable, "permission denied: it is not executable", "chmod +x it");
    const sys::UniqueFd file = sys::try_open_regular_in_root(root_, ContainerPath(path_));
    const std::string bytes = file ? head(file, 64 << 10) : std::string();
    if (bytes.starts_with(ELFMAG)) return explain_elf(file, bytes, error_number, cannot);
    if (bytes.starts_with("#!")) return explain_script(script_interpreter(bytes), error_number, cannot);
    if (error_number == ENOEXEC)
      return cannot(ErrorKind::not_executable,
                    bytes.empty() ? "exec format error: the file is empty"
                                  : "exec format error: neither a program nor a script with #!");
    return cannot(ErrorKind::not_executable, lower_errno_words(error_number));
  }

 private:
  std::optional<struct stat> status_of(const std::string& path) const {
    const sys::UniqueFd fd = sys::try_open_in_root(root_, ContainerPath(path), O_PATH);
    struct stat status;
    if (!fd || ::fstat(fd.number(), &status) != 0) return std::nullopt;
    return status;
  }

  template <typename Cannot>
  Error explain_elf(sys::Fd file, const std::string& bytes, int error_number, const Cannot& cannot) const {
    if (error_number == ENOEXEC) {
      const auto machine = elf_machine(bytes);
      if (!machine || *machine == this_machine_number)
        return cannot(ErrorKind::not_executable, "exec format error: a damaged program");
      return cannot(ErrorKind::not_executable,
                    format("exec format error: it is a program for {}, this machine is {}",
                           machine_name(*machine), this_machine()),
                    "use a root file system made for this machine");
    }
    if (const std::string loader = elf_loader(file, bytes); !loader.empty() && !status_of(loader))
      return cannot(ErrorKind::no_command,
                    format("no such file or directory: its loader {} is not in the container", loader),
                    "the program needs another C library than the root file system has");
    return cannot(ErrorKind::not_executable, lower_errno_words(error_number));
  }

  template <typename Cannot>
  Error explain_script(const std::string& interpreter, int error_number, const Cannot& cannot) const {
    if (interpreter.ends_with('\r'))
      return cannot(ErrorKind::no_command,
                    "no such file or directory: its first line ends in a carriage return",
                    "convert it to Unix line ends");
    if (interpreter.empty())
      return cannot(ErrorKind::not_executable, "exec format error: its first line names no interpreter");
    const auto target = status_of(interpreter);
    if (!target)
      return cannot(
          ErrorKind::no_command,
          format("no such file or directory: its interpreter {} is not in the container", interpreter));
    if (!(target->st_mode & 0111))
      return cannot(ErrorKind::not_executable,
                    format("permission denied: its interpreter {} is not executable", interpreter));
    // What is wrong is then wrong with the interpreter; a chain of them ends at the kernel's limit.
    if (depth_ >= interpreter_limit)
      return cannot(ErrorKind::not_executable, "too many interpreters of interpreters");
    const Error error = Diagnosis(root_, interpreter, depth_ + 1).explain(*target, error_number);
    return cannot(error.kind(), format("its interpreter: {}", error.text()), error.hint().c_str());
  }

  static constexpr int interpreter_limit = 5;

  sys::Fd root_;
  std::string path_;
  int depth_;  ///< how many scripts led here
};

// Layers and manifests, not what is in them.
bool is_image_archive(sys::Fd root) {
  return sys::exists(root, "manifest.json") || sys::exists(root, "oci-layout");
}

}  // namespace

Error explain_exec_failure(sys::Fd root, const std::string& name, const std::vector<std::string>& candidates,
                           const ContainerPath& cwd, int error_number) {
  for (const auto& candidate : candidates) {
    const Diagnosis diagnosis(root, candidate.starts_with('/') ? candidate : cwd.value + "/" + candidate);
    if (const auto status = diagnosis.status()) return diagnosis.explain(*status, error_number);
  }
  const std::string shown = name.size() <= longest_shown ? name : name.substr(0, longest_shown) + "...";
  if (error_number != ENOENT && error_number != ENOTDIR)
    return Error(ErrorKind::not_executable, format("cannot run {}", shown), error_number);
  if (name.find('/') != std::string::npos)
    return Error(ErrorKind::no_command, format("cannot run {}: no such file or directory", shown));
  return Error(ErrorKind::no_command, format("cannot run {}: executable file not found in $PATH", shown), 0,
               is_image_archive(root)
                   ? "the root file system is an image archive, as `docker save` writes it; it takes "
                     "what `docker export` writes"
                   : "the command must exist inside the root file system");
}

}  // namespace tare::runtime
