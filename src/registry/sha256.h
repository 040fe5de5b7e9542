// SHA-256 of what comes in pieces.
#pragma once

#include <memory>
#include <string_view>

#include "oci/digest.h"

namespace tare::registry {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  void add(std::string_view bytes);
  /// Ends it; to be called once.
  oci::Digest digest();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

oci::Digest sha256_of(std::string_view text);

}  // namespace tare::registry
