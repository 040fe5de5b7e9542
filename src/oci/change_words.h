// The words of a Dockerfile's instruction: quotes, backslashes and variables, as docker's builder reads them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tare::oci {

std::string_view without_blanks(std::string_view text);

/// What stands between blanks; quotes and backslashes stay, and keep the blanks in them.
std::vector<std::string> split_words(std::string_view text);

/// Quotes and backslashes do their work, and $NAME, ${NAME}, ${NAME:-WORD}, ${NAME:+WORD} (and the same
/// without the colon) become what `environment` ("NAME=value") says; nothing where it says nothing. Throws
/// Error{invalid} for a quote or a brace without its end, and for other things in braces.
std::string expand(std::string_view text, const std::vector<std::string>& environment);

}  // namespace tare::oci
