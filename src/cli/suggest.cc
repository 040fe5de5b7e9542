#include "cli/suggest.h"

#include <algorithm>
#include <array>
#include <limits>

namespace tare::cli {
namespace {

constexpr std::size_t longest = 64;
constexpr std::size_t shortest_beginning = 2;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_letter(char a, char b) { return lower(a) == lower(b); }

bool begins(std::string_view text, std::string_view beginning) {
  return text.size() > beginning.size() &&
         std::equal(beginning.begin(), beginning.end(), text.begin(), same_letter);
}

/// Typing one letter is no attempt at a word of two: a change must leave something of the word.
std::size_t tolerated_distance(std::size_t length) {
  return length < 2 ? 0 : std::clamp<std::size_t>(length / 3, 1, 3);
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) noexcept {
  if (a.size() > longest || b.size() > longest) return std::numeric_limits<std::size_t>::max();
  using Row = std::array<std::size_t, longest + 1>;
  Row before{}, previous{}, current{};
  for (std::size_t j = 0; j <= b.size(); ++j) current[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before = previous;
    previous = current;
    current[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = previous[j - 1] + (same_letter(a[i - 1], b[j - 1]) ? 0 : 1);
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) && same_letter(a[i - 2], b[j - 1]))
        current[j] = std::min(current[j], before[j - 2] + 1);
    }
  }
  return current[b.size()];
}

Suggestion::Suggestion(std::string_view word) noexcept
    : word_(word), best_distance_(tolerated_distance(word.size()) + 1) {}

void Suggestion::consider(std::string_view candidate) noexcept {
  const std::size_t length = word_.size(), other = candidate.size();
  if (length >= shortest_beginning && begins(candidate, word_) &&
      (shortest_extension_.empty() || other < shortest_extension_.size()))
    shortest_extension_ = candidate;
  // The difference in length is a lower bound of the distance: most candidates cost nothing more.
  if (other == 0 || (length > other ? length - other : other - length) > best_distance_) return;
  const std::size_t distance = edit_distance(word_, candidate);
  const bool same_start = !word_.empty() && same_letter(word_[0], candidate[0]);
  const bool best_has_same_start = !best_.empty() && same_letter(word_[0], best_[0]);
  const bool wins_tie = !best_.empty() && distance == best_distance_ && same_start && !best_has_same_start;
  if (distance < best_distance_ || wins_tie) {
    best_distance_ = distance;
    best_ = candidate;
  }
}

std::optional<std::string_view> Suggestion::nearest() const noexcept {
  if (!best_.empty()) return best_;
  if (!shortest_extension_.empty()) return shortest_extension_;
  return std::nullopt;
}

std::optional<std::string_view> suggest(std::string_view word,
                                        std::span<const std::string_view> candidates) noexcept {
  Suggestion suggestion(word);
  for (const auto candidate : candidates) suggestion.consider(candidate);
  return suggestion.nearest();
}

}  // namespace tare::cli
