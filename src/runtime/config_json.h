// A bundle's config.json (runtime-spec 1.3, config.md) as an oci::RuntimeConfig. Pure.
#pragma once

#include <string_view>

#include "oci/runtime_config.h"

namespace tare::runtime {

/// What the document says and nothing else: paths are as they stand there, nothing is added. Fields that the
/// specification does not know are passed over. Throws Error{invalid} for a field of the wrong type, naming
/// it, and Error{unsupported} for one that would make the container something else and that is not carried
/// out.
oci::RuntimeConfig parse_config(std::string_view text);

/// One more process of a container: the document that `exec --process` reads, the same as config.json's
/// "process".
oci::Process parse_process(std::string_view text);

/// What `exec --user` says: UID[:GID], numbers; without a group it is 0. Throws Error{invalid}.
void set_user(oci::User& user, std::string_view text);

}  // namespace tare::runtime
