// Why a program cannot be executed, said about files made by hand.
#include "runtime/exec_diagnosis.h"

#include <cerrno>
#include <cstring>
#include <elf.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/failure.h"
#include "temporary_directory.h"

namespace tare::runtime {
namespace {

#if defined(__aarch64__)
constexpr Elf64_Half own_machine = EM_AARCH64, other_machine = EM_X86_64;
constexpr auto other_name = "x86-64";
#else
constexpr Elf64_Half own_machine = EM_X86_64, other_machine = EM_AARCH64;
constexpr auto other_name = "arm64";
#endif

/// A program's headers, as small as can be: one PT_INTERP right behind them.
struct Program {
  Elf64_Ehdr header{};
  Elf64_Phdr loader{};
  std::string name = std::string("/lib/loader.so\0", 15);

  Program() {
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_type = ET_EXEC;
    header.e_machine = own_machine;
    header.e_phoff = sizeof header;
    header.e_phentsize = sizeof loader;
    header.e_phnum = 1;
    loader.p_type = PT_INTERP;
    loader.p_offset = sizeof header + sizeof loader;
    loader.p_filesz = name.size();
  }
  std::string bytes() const {
    std::string text(reinterpret_cast<const char*>(&header), sizeof header);
    return text.append(reinterpret_cast<const char*>(&loader), sizeof loader).append(name);
  }
};

/// The same for 32 bits.
std::string small_program(Elf32_Half machine, const std::string& loader_name) {
  Elf32_Ehdr header{};
  Elf32_Phdr loader{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS32;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_machine = machine;
  header.e_phoff = sizeof header;
  header.e_phentsize = sizeof loader;
  header.e_phnum = 1;
  loader.p_type = PT_INTERP;
  loader.p_offset = sizeof header + sizeof loader;
  loader.p_filesz = static_cast<Elf32_Word>(loader_name.size() + 1);
  std::string text(reinterpret_cast<const char*>(&header), sizeof header);
  text.append(reinterpret_cast<const char*>(&loader), sizeof loader);
  return text + loader_name + '\0';
}

class ExecDiagnosis : public testing::Test {
 protected:
  void put(std::string_view text, mode_t mode = 0755) { root_.put("bin/program", text, mode); }
  std::string path(const std::string& name) const { return root_ / name; }
  Error explain(int error_number, const std::vector<std::string>& candidates = {"/bin/program"}) const {
    return explain_exec_failure(root_.fd(), "program", candidates, ContainerPath("/bin"), error_number);
  }
  /// The sentence, which must be of this kind.
  std::string words(ErrorKind kind, int error_number) const {
    const Error error = explain(error_number);
    EXPECT_EQ(exit_code(error.kind()), exit_code(kind)) << error.what();
    EXPECT_TRUE(error.text().starts_with("cannot run /bin/program: ")) << error.what();
    return error.text().substr(std::string("cannot run /bin/program: ").size());
  }
  std::string not_executable(int error_number) const {
    return words(ErrorKind::not_executable, error_number);
  }
  std::string no_command(int error_number) const { return words(ErrorKind::no_command, error_number); }

  TemporaryDirectory root_;
};

TEST_F(ExecDiagnosis, KnowsWhatIsNotThere) {
  const Error searched = explain(ENOENT, {"/usr/bin/program", "/bin/program"});
  EXPECT_EQ(searched.kind(), ErrorKind::no_command);
  EXPECT_EQ(searched.text(), "cannot run program: executable file not found in $PATH");
  const Error named =
      explain_exec_failure(root_.fd(), "./program", {"./program"}, ContainerPath("/bin"), ENOENT);
  EXPECT_EQ(named.kind(), ErrorKind::no_command);
  EXPECT_EQ(named.text(), "cannot run ./program: no such file or directory");
}

TEST_F(ExecDiagnosis, LooksForRelativeCandidatesInTheWorkingDirectory) {
  put("text");
  EXPECT_EQ(explain(ENOEXEC, {"./program"}).text(),
            "cannot run /bin/./program: exec format error: neither a program nor a script with #!");
}

TEST_F(ExecDiagnosis, KnowsWhatIsNoProgramAtAll) {
  ASSERT_EQ(::mkdir(path("bin").c_str(), 0755), 0);
  ASSERT_EQ(::mkdir(path("bin/program").c_str(), 0755), 0);
  EXPECT_EQ(not_executable(EACCES), "permission denied: it is a directory");
  ASSERT_EQ(::rmdir(path("bin/program").c_str()), 0);
  ASSERT_EQ(::mkfifo(path("bin/program").c_str(), 0777), 0);
  EXPECT_EQ(not_executable(EACCES), "permission denied: it is not a regular file");
  put("text", 0644);
  EXPECT_EQ(not_executable(EACCES), "permission denied: it is not executable");
  put("");
  EXPECT_EQ(not_executable(ENOEXEC), "exec format error: the file is empty");
  put("echo hello\n");
  EXPECT_EQ(not_executable(ENOEXEC), "exec format error: neither a program nor a script with #!");
}

TEST_F(ExecDiagnosis, KnowsWhatIsWrongWithAScript) {
  put("#!/no/such -e\necho\n");
  EXPECT_EQ(no_command(ENOENT),
            "no such file or directory: its interpreter /no/such is not in the container");
  put("#!/bin/sh\r\necho\r\n");
  EXPECT_EQ(no_command(ENOENT), "no such file or directory: its first line ends in a carriage return");
  root_.put("bin/plain", "text", 0644);
  put("#! \t/bin/plain\n");
  EXPECT_EQ(not_executable(EACCES), "permission denied: its interpreter /bin/plain is not executable");
  for (const char* nameless : {"#!", "#!\n", "#!  \t \n/bin/sh\n"}) {
    put(nameless);
    EXPECT_EQ(not_executable(ENOEXEC), "exec format error: its first line names no interpreter");
  }
  put("#!/no/such");
  EXPECT_EQ(no_command(ENOENT),
            "no such file or directory: its interpreter /no/such is not in the container");
}

TEST_F(ExecDiagnosis, KnowsThatAnInterpreterItselfMayLackSomething) {
  put("#!/bin/interpreter\n");
  root_.put("bin/interpreter", Program().bytes(), 0755);
  EXPECT_NE(no_command(ENOENT).find("its loader /lib/loader.so is not in the container"), std::string::npos);
  put("#!/bin/program\n");
  EXPECT_FALSE(not_executable(ELOOP).empty()) << "a script that is its own interpreter has an end";
}

TEST_F(ExecDiagnosis, KnowsTheLoaderThatIsMissing) {
  put(Program().bytes());
  EXPECT_EQ(no_command(ENOENT),
            "no such file or directory: its loader /lib/loader.so is not in the container");
  root_.put("lib/loader.so", "", 0644);
  EXPECT_EQ(not_executable(EACCES), "permission denied");
}

TEST_F(ExecDiagnosis, KnowsTheLoaderOfA32BitProgram) {
  put(small_program(EM_386, "/lib/ld-linux.so.2"));
  EXPECT_EQ(no_command(ENOENT),
            "no such file or directory: its loader /lib/ld-linux.so.2 is not in the container");
}

TEST_F(ExecDiagnosis, NamesTheMachineThatAProgramIsFor) {
  Program program;
  program.header.e_machine = other_machine;
  put(program.bytes());
  EXPECT_TRUE(not_executable(ENOEXEC).starts_with("exec format error: it is a program for " +
                                                  std::string(other_name) + ", this machine is "));
  put(small_program(EM_ARM, "/lib/ld-linux.so.3"));
  EXPECT_TRUE(not_executable(ENOEXEC).starts_with("exec format error: it is a program for arm (32 bit), "));
  program.header.e_machine = 0x1234;
  put(program.bytes());
  EXPECT_TRUE(
      not_executable(ENOEXEC).starts_with("exec format error: it is a program for machine number 4660, "));
}

TEST_F(ExecDiagnosis, NamesAMachineOfTheOtherByteOrder) {
  Program program;
  program.header.e_ident[EI_DATA] = ELFDATA2MSB;
  program.header.e_machine = static_cast<Elf64_Half>(EM_S390 << 8);
  put(program.bytes());
  EXPECT_TRUE(not_executable(ENOEXEC).starts_with("exec format error: it is a program for s390x, "));
}

TEST_F(ExecDiagnosis, CallsATruncatedProgramDamaged) {
  const std::string whole = Program().bytes();
  for (const std::size_t size :
       {4UL, 5UL, 20UL, sizeof(Elf64_Ehdr) - 1, sizeof(Elf64_Ehdr), whole.size() - 1}) {
    put(whole.substr(0, size));
    EXPECT_EQ(not_executable(ENOEXEC), "exec format error: a damaged program") << size;
    EXPECT_FALSE(explain(ENOENT).text().empty()) << size;
  }
}

TEST_F(ExecDiagnosis, IsNotLedAstrayByHostileHeaders) {
  const auto put_changed = [&](const std::function<void(Program&)>& change) {
    Program program;
    change(program);
    put(program.bytes());
    return explain(ENOENT).text();
  };
  for (const Elf64_Off offset : {~Elf64_Off{0}, ~Elf64_Off{0} - 56, Elf64_Off{1} << 63, Elf64_Off{100000}})
    EXPECT_TRUE(put_changed([&](Program& p) { p.header.e_phoff = offset; }).starts_with("cannot run"));
  EXPECT_TRUE(put_changed([](Program& p) {
                p.header.e_phnum = 65535;
                p.loader.p_type = PT_LOAD;
              }).starts_with("cannot run"));
  for (const Elf64_Off offset : {~Elf64_Off{0}, Elf64_Off{1} << 63, Elf64_Off{1} << 40})
    EXPECT_EQ(put_changed([&](Program& p) { p.loader.p_offset = offset; }).find("its loader"),
              std::string::npos);
  for (const Elf64_Xword size : {Elf64_Xword{0}, Elf64_Xword{4097}, ~Elf64_Xword{0}})
    EXPECT_EQ(put_changed([&](Program& p) { p.loader.p_filesz = size; }).find("its loader"),
              std::string::npos);
  EXPECT_NE(put_changed([](Program& p) {
              p.name = "/not/terminated";
              p.loader.p_filesz = p.name.size();
            }).find("its loader /not/terminated is"),
            std::string::npos);
  EXPECT_NE(put_changed([](Program& p) { p.loader.p_filesz = 4096; }).find("its loader /lib/loader.so is"),
            std::string::npos)
      << "longer than the file";
}

TEST_F(ExecDiagnosis, ShowsNoTerminalSequencesOfAnImage) {
  Program program;
  program.name = std::string("/\x1b[2J\n\r\x07x\0", 9);
  program.loader.p_filesz = program.name.size();
  put(program.bytes());
  const std::string line = explain(ENOENT).what();
  for (const char c : line) EXPECT_TRUE(static_cast<unsigned char>(c) >= ' ') << line;
}

TEST_F(ExecDiagnosis, StaysInTheRootAndOutOfLoops) {
  ASSERT_EQ(::mkdir(path("bin").c_str(), 0755), 0);
  for (const char* target : {"program", "/bin/program", "../../../../../../bin/missing-here"}) {
    ::unlink(path("bin/program").c_str());
    ASSERT_EQ(::symlink(target, path("bin/program").c_str()), 0);
    EXPECT_EQ(explain(ENOENT).kind(), ErrorKind::no_command) << target;
    EXPECT_EQ(explain(ELOOP).kind(), ErrorKind::not_executable) << target;
  }
  ::unlink(path("bin/program").c_str());
  ASSERT_EQ(::symlink("/bin/sh", path("bin/program").c_str()), 0);
  EXPECT_EQ(explain(ENOENT).kind(), ErrorKind::no_command) << "the host has one, the root has not";
  root_.put("bin/sh", "text", 0755);
  EXPECT_EQ(not_executable(ENOEXEC), "exec format error: neither a program nor a script with #!");
}

TEST_F(ExecDiagnosis, MakesASentenceWithoutARootAndOfALongName) {
  const Error error =
      explain_exec_failure(sys::Fd(-1), "program", {"/bin/program"}, ContainerPath("/"), ENOENT);
  EXPECT_EQ(error.kind(), ErrorKind::no_command);
  const std::string name(100000, 'n');
  const Error of_long =
      explain_exec_failure(root_.fd(), name, {"/bin/" + name}, ContainerPath("/"), ENAMETOOLONG);
  EXPECT_LT(std::string(of_long.what()).size(), 500U);
}

TEST_F(ExecDiagnosis, ExplainsTheCandidateThatTheSearchEndedOn) {
  root_.put("a/x", "#!/none\n", 0755);
  root_.put("b/x", "text", 0644);
  plan::Program program;
  program.add({.kind = plan::Kind::execute, .list = {"/a/x", "/b/x", "/c/x"}, .arguments = {"x"}});
  const auto told = [&](int error_number, std::uint32_t detail) {
    return describe_failure(program, {.operation = 0, .error = error_number, .detail = detail}, root_.fd());
  };
  EXPECT_EQ(told(EACCES, 1).text(), "cannot run /b/x: permission denied: it is not executable");
  EXPECT_EQ(told(EACCES, 1).kind(), ErrorKind::not_executable);
  EXPECT_EQ(told(ENOENT, 0).text(),
            "cannot run /a/x: no such file or directory: its interpreter /none is not in the container");
  for (const std::uint32_t beyond : {3U, ~0U})
    EXPECT_EQ(told(EACCES, beyond).text(), "the container's first process talks nonsense");
}

}  // namespace
}  // namespace tare::runtime
