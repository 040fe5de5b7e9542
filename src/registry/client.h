// A repository at its registry (distribution-spec 1.1): manifests, blobs, tags, in one thread. For example
//
//   registry::Client client(oci::parse_tagged_reference("busybox"), registry::default_settings());
//   const registry::Document document = client.get_manifest();
//   client.fetch({{.digest = …, .size = …, .take = …, .done = …}, …});
//
// Every error is an Error of one line that names the repository and who answered.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "oci/image.h"
#include "oci/reference.h"
#include "registry/download.h"

namespace tare::registry {

struct Settings {
  Hosts hosts;
  AskCredentials ask = {};
  Patience patience = {};
  int at_once = 3;  ///< blobs that are fetched
  Watch watch = {};
};
/// What the user's files say (docs/registries.md). Throws what Hosts throws.
Settings default_settings();

/// Asks for the credentials that this image can need now, for all that comes: a process that may read no
/// files and start no programs has them then.
void ask_beforehand(Settings& settings, const oci::Reference& image);

/// A manifest or an index as it was sent.
struct Document {
  std::string media_type;
  oci::Digest digest;  ///< of the text
  std::string text;
};
/// What a registry says of one, which nobody has verified.
struct DocumentHead {
  std::string media_type;
  oci::Digest digest;
  Bytes size = 0;
};

enum class Pushed { sent, mounted };

class Client {
 public:
  /// Nothing is asked yet.
  Client(oci::Reference image, Settings settings);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// By tag or digest; without: the image's own digest, or its tag. Throws Error{not_found}, Error{invalid}
  /// when it is larger than oci::largest_manifest or has another digest than was asked for or told.
  Document get_manifest(std::string_view tag_or_digest = {});
  /// nullopt: there is none.
  std::optional<DocumentHead> head_manifest(std::string_view tag_or_digest = {});

  /// See download().
  void fetch(std::span<const Fetch> blobs);
  /// A small one, such as a configuration, whole. Throws also Error{invalid} when its size is over `most`.
  std::string get_blob(const oci::Digest& digest, Bytes size, Bytes most = oci::largest_config);

  bool has_blob(const oci::Digest& digest);
  /// From the beginning of a file. `mount_from`: the path of a repository of the same registry that has it
  /// ("library/busybox"); then nothing may need to be sent. `report`: how many bytes are sent.
  Pushed push_blob(const oci::Digest& digest, Bytes size, sys::Fd file, std::string_view mount_from = {},
                   const std::function<void(Bytes sent)>& report = {});
  /// Under a tag or its digest; without: the image's tag. Returns the digest of `text`.
  oci::Digest put_manifest(std::string_view media_type, const std::string& text,
                           std::string_view tag_or_digest = {});

  /// All of them, as the registry sorts them.
  std::vector<std::string> tags();
  /// What refers to a manifest, of a kind ("application/spdx+json") or of any. Of registries that do not know
  /// of this, what lies under the tag sha256-HEX is taken, as the specification wants it.
  std::vector<oci::Descriptor> referrers(const oci::Digest& digest, std::string_view artifact_type = {});

 private:
  Exchange perform(Call call);
  std::string name(std::string_view tag_or_digest) const;
  std::string target(std::string_view kind, std::string_view rest) const;
  std::string own_reference(std::string_view tag_or_digest) const;
  Exchange upload(const oci::Digest& digest, Bytes size, sys::Fd file, std::string_view mount_from,
                  const std::function<void(Bytes sent)>& report);
  [[noreturn]] void refuse(const Exchange& exchange, std::string_view verb, std::string object) const;
  /// The pages of a list, each as JSON; nullopt: there is none.
  std::optional<std::vector<json::value>> pages(std::string target, std::string_view accept,
                                                std::string_view what);

  oci::Reference image_;
  Settings settings_;
  Http http_;
  Servers servers_;
  Repository repository_;
};

/// Whether the registry lets the one in whom `settings.ask` gives. Throws when not: `tare login`.
void check_login(const std::string& domain, const Settings& settings);

}  // namespace tare::registry
