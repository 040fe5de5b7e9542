#include "registry/sha256.h"

#include <openssl/evp.h>

#include "base/error.h"

namespace tare::registry {

struct Sha256::State {
  EVP_MD_CTX* context = ::EVP_MD_CTX_new();
  ~State() { ::EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  if (!state_->context || ::EVP_DigestInit_ex(state_->context, ::EVP_sha256(), nullptr) != 1)
    throw Error(ErrorKind::unsupported, "the crypto library has no SHA-256");
}

Sha256::~Sha256() = default;

void Sha256::add(std::string_view bytes) { ::EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()); }

oci::Digest Sha256::digest() {
  unsigned char hash[32];
  ::EVP_DigestFinal_ex(state_->context, hash, nullptr);
  return oci::sha256_digest(hash);
}

oci::Digest sha256_of(std::string_view text) {
  Sha256 hash;
  hash.add(text);
  return hash.digest();
}

}  // namespace tare::registry
