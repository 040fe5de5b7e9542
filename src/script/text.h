// Lines of a script, each with the comment that says why it is there.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tare::script {

/// The script's own directory has this word.
bool is_own(std::string_view word);

/// A word that the shell takes as this text, whatever is in it.
std::string quoted(std::string_view text);

class Text {
 public:
  explicit Text(std::string id) : id_(std::move(id)) {}

  /// What the plan has at a host path, the script has below its own directory. An empty path: nothing.
  void move(std::string_view from, const std::string& to);
  /// Of this layer of the container's root the script has a copy.
  void copy(std::string_view layer, const std::string& to);

  void section(std::string_view title);
  void line(std::string_view command, std::string_view why);
  void raw(std::string_view text) { text_ += text; }

  /// A host path, where the script has it.
  std::string host_path(std::string_view path) const;
  std::string layer_path(std::string_view path) const;

  int indent = 0;
  const std::string& text() const noexcept { return text_; }

 private:
  std::string id_;
  std::vector<std::pair<std::string, std::string>> places_, copies_;
  std::string text_;
};

}  // namespace tare::script
