// tare-image login, logout: whom to be at a registry.
#include <algorithm>
#include <cstdio>
#include <string>
#include <termios.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "commands/commands.h"
#include "registry/client.h"
#include "registry/credentials.h"
#include "sys/file.h"
#include "sys/terminal.h"

namespace tare::commands {
namespace {

constexpr std::string_view docker_hub = "docker.io";

// "https://index.docker.io/v1/", "registry.example:5000/path": the registry in it.
std::string domain_of(std::string server) {
  for (const char* scheme : {"https://", "http://"})
    if (server.starts_with(scheme)) server.erase(0, std::string_view(scheme).size());
  server.erase(std::min(server.find('/'), server.size()));
  return server.empty() || server == "index.docker.io" || server == "registry-1.docker.io"
             ? std::string(docker_hub)
             : server;
}

std::string first_line(std::string text) {
  text.erase(std::min(text.find_first_of("\r\n"), text.size()));
  return text;
}

// What is typed for a password is not shown.
std::string ask(const char* question, bool is_secret) {
  if (!sys::is_terminal(sys::Fd(STDIN_FILENO)))
    throw Error(ErrorKind::usage, "Cannot perform an interactive login from a non TTY device", 0,
                "use --username and --password-stdin");
  std::fprintf(stderr, "%s: ", question);
  termios before{};
  ::tcgetattr(STDIN_FILENO, &before);
  termios silent = before;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  if (is_secret) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  char buffer[4096];
  const ssize_t size = ::read(STDIN_FILENO, buffer, sizeof buffer);
  if (is_secret) {
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    std::fputc('\n', stderr);
  }
  return first_line({buffer, static_cast<std::size_t>(std::max<ssize_t>(size, 0))});
}

}  // namespace

int login(const cli::Parsed& parsed) {
  const std::string domain = domain_of(parsed.operands.empty() ? std::string() : parsed.operands.front());
  registry::Credentials credentials;
  const auto user = parsed.value("username"), password = parsed.value("password");
  if (parsed.has("password-stdin")) {
    if (password)
      throw Error(ErrorKind::usage,
                  "conflicting options: cannot specify both --password and --password-stdin");
    if (!user) throw Error(ErrorKind::usage, "the --password-stdin option requires --username to be set");
    credentials.password = first_line(sys::read_all(sys::Fd(STDIN_FILENO), 64 << 10));
  } else if (password) {
    std::fprintf(stderr, "WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n");
    credentials.password = *password;
  }
  credentials.user = user ? *user : ask("Username", false);
  if (!password && !parsed.has("password-stdin")) credentials.password = ask("Password", true);
  if (credentials.user.empty() || credentials.password.empty())
    throw Error(ErrorKind::usage, "a user name and a password are needed");
  registry::Settings settings = registry::default_settings();
  settings.ask = [&](const std::string&, const std::string&) { return credentials; };
  registry::check_login(domain, settings);
  const auto place = registry::store_credentials(registry::credential_files(), domain, credentials);
  std::fprintf(stderr, "The credentials are in %s\n", place.c_str());
  std::printf("Login Succeeded\n");
  return 0;
}

int logout(const cli::Parsed& parsed) {
  const std::string domain = domain_of(parsed.operands.empty() ? std::string() : parsed.operands.front());
  const auto places = registry::erase_credentials(registry::credential_files(), domain);
  std::printf(places.empty() ? "Not logged in to %s\n" : "Removing login credentials for %s\n",
              domain.c_str());
  return 0;
}

}  // namespace tare::commands
