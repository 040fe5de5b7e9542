#include "registry/credentials.h"

#include <cerrno>
#include <optional>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "base/json.h"
#include "base/json_node.h"
#include "registry/base64.h"
#include "registry/credential_keys.h"
#include "registry/home.h"
#include "registry/keychain.h"
#include "sys/file.h"

namespace tare::registry {
namespace {

constexpr std::size_t largest_file = 4 << 20;
constexpr std::string_view token_user = "<token>";

// What a file says, whole: what is not understood here stays in it.
struct File {
  HostPath path;
  json::object root;
};

[[noreturn]] void refuse(const HostPath& path, const Error& error) {
  throw Error(ErrorKind::invalid, format("{}: {}", path.value, error.text()));
}

// nullopt: there is none. An empty one says nothing, as docker and podman take it.
std::optional<File> try_read(const HostPath& path) {
  const auto text = sys::try_read_file(sys::here, path.value, largest_file);
  if (!text) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    throw system_error(format("cannot read the credentials in {}", path.value));
  }
  File file{.path = path, .root = {}};
  if (text->find_first_not_of(" \t\r\n") == text->npos) return file;
  try {
    file.root = json::as_object(json::parse(*text));
  } catch (const Error& error) {
    refuse(path, error);
  }
  return file;
}

std::string text_at(const json::Node& object, std::string_view name) {
  const json::value* found = object.fields().if_contains(name);
  return !found || found->is_null() ? std::string() : json::Node(*found, name, object).text();
}

Credentials read_entry(const json::Node& entry) {
  Credentials read{.user = text_at(entry, "username"),
                   .password = text_at(entry, "password"),
                   .identity_token = text_at(entry, "identitytoken"),
                   .registry_token = text_at(entry, "registrytoken")};
  const std::string both = text_at(entry, "auth");
  if (both.empty()) return read;
  const auto plain = from_base64(both);
  const auto colon = plain ? plain->find(':') : std::string::npos;
  if (colon == std::string::npos) entry.refuse("auth", "is no name and password in base64");
  read.user = plain->substr(0, colon);
  read.password = plain->substr(colon + 1);
  // docker's own reader takes off what older ones padded with.
  while (read.password.ends_with('\0')) read.password.pop_back();
  return read;
}

// The field of an object that fits best, with the way to it.
template <typename Visit>
void visit_best(const File& file, std::string_view field, std::string_view domain, std::string_view path,
                Visit visit) {
  const json::value root(file.root);
  const json::value& fields = json::part(root, field);
  if (fields.is_null()) return;
  const json::Node outer(root), node(fields, field, outer);
  const boost::json::key_value_pair* best = nullptr;
  std::size_t best_fit = 0;
  for (const auto& pair : node.fields()) {
    const std::size_t fits = fit(pair.key(), domain, path);
    if (fits <= best_fit) continue;
    best_fit = fits;
    best = &pair;
  }
  if (best) visit(json::Node(best->value(), best->key(), node));
}

// The program for one registry, else the one for all.
std::optional<std::string> keychain_of(const File& file, std::string_view domain) {
  std::optional<std::string> name;
  visit_best(file, "credHelpers", domain, {}, [&](const json::Node& node) { name = node.text(); });
  if (!name) {
    const json::value root(file.root);
    name = text_at(json::Node(root), "credsStore");
  }
  return name->empty() ? std::nullopt : name;
}

std::optional<Credentials> find_in(const File& file, std::string_view domain, std::string_view path) {
  if (const auto name = keychain_of(file, domain)) {
    if (const auto kept = Keychain(*name).get(server_of(domain))) {
      if (kept->user == token_user) return Credentials{.identity_token = kept->secret};
      return Credentials{.user = kept->user, .password = kept->secret};
    }
  }
  std::optional<Credentials> found;
  visit_best(file, "auths", domain, path,
             [&](const json::Node& node) { found = node.is_empty() ? Credentials() : read_entry(node); });
  // docker leaves an empty entry for what a program keeps.
  return found && found->is_empty() ? std::nullopt : found;
}

bool knows(const File& file, std::string_view domain) {
  for (const std::string_view field : {"auths", "credHelpers"})
    if (const auto found = file.root.find(field); found != file.root.end())
      if (const auto* object = found->value().if_object())
        for (const auto& pair : *object)
          if (names_registry(pair.key(), domain)) return true;
  return false;
}

// Nobody else changes the file meanwhile who asks for the same lock.
class LockedDirectory {
 public:
  explicit LockedDirectory(const HostPath& file) : path_(file) {
    if (sys::exists(sys::here, file.value)) path_ = sys::canonical(file);  // a link stays one
    const auto slash = path_.value.rfind('/');
    const std::string directory = slash == path_.value.npos ? "." : path_.value.substr(0, slash + 1);
    sys::make_directories(sys::here, directory, 0700);
    lock_ = sys::open_at(sys::here, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    sys::lock(lock_);
  }
  void replace(const json::object& root) const {
    sys::replace_file(sys::here, path_.value, json::pretty(root), 0600);
  }

 private:
  HostPath path_;
  sys::UniqueFd lock_;
};

// The object that is the field; made where there is none.
json::object& object_in(File& file, std::string_view name) {
  json::value& field = file.root[name];
  if (field.is_null()) field = json::object();
  if (auto* object = field.if_object()) return *object;
  throw Error(ErrorKind::invalid, format("{}: /{}: expected an object", file.path.value, name));
}

void put_entry(File& file, const std::string& domain, const json::object& entry) {
  json::object& all = object_in(file, "auths");
  std::string key = server_of(domain);
  for (const auto& pair : all)
    if (names_registry(pair.key(), domain)) key = pair.key();
  // What else the entry has ("email") is somebody's.
  json::value& old = all[key];
  json::object made = old.is_object() ? old.get_object() : json::object();
  for (const std::string_view name : {"auth", "username", "password", "identitytoken", "registrytoken"})
    if (const auto found = made.find(name); found != made.end()) made.stable_erase(found);
  for (const auto& pair : entry) made[pair.key()] = pair.value();
  old = std::move(made);
}

json::object entry_of(const Credentials& credentials) {
  json::object entry;
  if (!credentials.user.empty() || !credentials.password.empty())
    entry["auth"] = to_base64(credentials.user + ":" + credentials.password);
  if (!credentials.identity_token.empty()) entry["identitytoken"] = credentials.identity_token;
  if (!credentials.registry_token.empty()) entry["registrytoken"] = credentials.registry_token;
  return entry;
}

bool erase_entries(File& file, std::string_view domain) {
  const auto found = file.root.find("auths");
  auto* all = found == file.root.end() ? nullptr : found->value().if_object();
  if (!all) return false;
  const std::size_t before = all->size();
  for (auto pair = all->begin(); pair != all->end();)
    pair = names_registry(pair->key(), domain) ? all->stable_erase(pair) : pair + 1;
  return all->size() != before;
}

}  // namespace

CredentialFiles credential_files() {
  CredentialFiles files;
  if (const auto path = from_environment("REGISTRY_AUTH_FILE")) {
    files.written = HostPath(*path);
    files.read.push_back(files.written);
    return files;
  }
  if (const auto directory = from_environment("XDG_RUNTIME_DIR"))
    files.read.emplace_back(*directory + "/containers/auth.json");
  else
    files.read.emplace_back(format("/run/containers/{}/auth.json", ::geteuid()));
  if (const auto directory = configuration_directory())
    files.read.push_back(*directory / "containers/auth.json");
  if (const auto directory = from_environment("DOCKER_CONFIG"))
    files.written = HostPath(*directory + "/config.json");
  else if (const auto home = home_directory())
    files.written = *home / ".docker/config.json";
  if (!files.written.empty()) files.read.push_back(files.written);
  return files;
}

Credentials find_credentials(const CredentialFiles& files, std::string_view domain, std::string_view path) {
  for (const HostPath& name : files.read) {
    const auto file = try_read(name);
    if (!file) continue;
    try {
      if (const auto found = find_in(*file, domain, path)) return *found;
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::invalid) refuse(name, error);
      throw;
    }
  }
  return {};
}

CredentialPlace store_credentials(const CredentialFiles& files, const std::string& domain,
                                  const Credentials& credentials) {
  HostPath path = files.written;
  for (const HostPath& name : files.read)
    if (const auto file = try_read(name); file && knows(*file, domain)) {
      path = name;
      break;
    }
  if (path.empty())
    throw Error(ErrorKind::not_found, "there is no place for credentials", 0,
                "set HOME, DOCKER_CONFIG or REGISTRY_AUTH_FILE");
  const LockedDirectory directory(path);
  File file = try_read(path).value_or(File{.path = path, .root = {}});
  if (const auto name = keychain_of(file, domain)) {
    const bool is_token = !credentials.identity_token.empty();
    Keychain(*name).store(server_of(domain),
                          {.user = is_token ? std::string(token_user) : credentials.user,
                           .secret = is_token ? credentials.identity_token : credentials.password});
    put_entry(file, domain, {});
    directory.replace(file.root);
    return "docker-credential-" + *name;
  }
  put_entry(file, domain, entry_of(credentials));
  directory.replace(file.root);
  return path.value;
}

std::vector<CredentialPlace> erase_credentials(const CredentialFiles& files, const std::string& domain) {
  std::vector<CredentialPlace> places;
  for (const HostPath& path : files.read) {
    if (!try_read(path)) continue;
    const LockedDirectory directory(path);
    auto file = try_read(path);
    if (!file) continue;
    if (const auto name = keychain_of(*file, domain)) {
      const Keychain keychain(*name);
      if (keychain.get(server_of(domain))) {
        keychain.erase(server_of(domain));
        places.push_back("docker-credential-" + *name);
      }
    }
    if (!erase_entries(*file, domain)) continue;
    directory.replace(file->root);
    if (places.empty() || !places.back().starts_with("docker-credential-")) places.push_back(path.value);
  }
  return places;
}

}  // namespace tare::registry
