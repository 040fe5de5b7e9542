// "did you mean …?": the candidate nearest to a mistyped word.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace tare::cli {

/// Collects the nearest of the candidates it is shown. Near is a Damerau-Levenshtein distance (insert,
/// delete, replace, swap neighbours; letter case is free) of at most a third of the word's length; where
/// nothing is near, the shortest candidate that the word is the beginning of. Views must outlive it; nothing
/// is allocated.
class Suggestion {
 public:
  explicit Suggestion(std::string_view word) noexcept;

  void consider(std::string_view candidate) noexcept;
  std::optional<std::string_view> nearest() const noexcept;

 private:
  std::string_view word_;
  std::size_t best_distance_;
  std::string_view best_, shortest_extension_;
};

std::optional<std::string_view> suggest(std::string_view word,
                                        std::span<const std::string_view> candidates) noexcept;

/// The distance with letter case ignored; texts longer than 64 bytes count as infinitely far from everything.
std::size_t edit_distance(std::string_view a, std::string_view b) noexcept;

}  // namespace tare::cli
