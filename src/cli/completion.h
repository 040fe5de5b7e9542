// What a shell may offer where somebody pressed Tab: from the option tables.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/option_table.h"

namespace tare::cli {

/// What a placeholder of the tables stands for at this moment, such as the containers there are for
/// "CONTAINER"; nothing for those that the program knows nothing of. One that throws Error is passed over.
using NamesOf = std::function<std::vector<std::string>(std::string_view placeholder)>;

struct Completion {
  struct Candidate {
    std::string word, help;
  };
  enum class Files : std::uint8_t { none, all, directories };

  std::vector<Candidate> candidates;  ///< they begin with what was typed
  Files files = Files::none;          ///< what else may stand there
};

/// `words` as for main(); the last one is what stands before the cursor, and may be empty. Never throws for
/// what was typed: where that makes no sense there is nothing to offer.
Completion complete(const Program& program, Words words, const NamesOf& names_of);

/// A line each: `WORD<tab>HELP`, at last `:files` or `:directories`. What `PROGRAM __complete WORD...`
/// prints, for the scripts below.
std::string to_text(const Completion& completion);

/// What makes a shell ask `PROGRAM __complete`. Throws Error{usage} for a shell other than bash, zsh and
/// fish.
std::string completion_script(const Program& program, std::string_view shell);

}  // namespace tare::cli
