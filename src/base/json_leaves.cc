#include "base/json_leaves.h"

#include <boost/json/basic_parser_impl.hpp>

#include "base/json.h"

namespace tare::json {
namespace {

using boost::json::error_code;
using boost::json::string_view;

// What boost::json::basic_parser calls (its documentation lists these names). Texts come in parts where they
// have escapes in them.
class Handler {
 public:
  constexpr static std::size_t max_object_size = std::size_t(-1), max_array_size = std::size_t(-1),
                               max_key_size = std::size_t(-1), max_string_size = std::size_t(-1);

  explicit Handler(const std::function<void(const Leaf&)>& tell) : tell_(tell) {}

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) {
    ends_.push_back(path_.size());
    return true;
  }
  bool on_object_end(std::size_t, error_code&) {
    path_.resize(ends_.back());
    ends_.pop_back();
    return true;
  }
  bool on_array_begin(error_code&) {
    if (ends_.empty()) refuse();
    arrays_++;
    return true;
  }
  bool on_array_end(std::size_t count, error_code&) {
    arrays_--;
    if (count == 0) tell_({.value = {}, .path = path_, .is_empty_array = true});
    return true;
  }
  bool on_key_part(string_view part, std::size_t, error_code&) {
    parts_.append(part);
    return true;
  }
  bool on_key(string_view last, std::size_t, error_code&) {
    path_.resize(ends_.back());
    if (!path_.empty()) path_.push_back('.');
    path_.append(parts_).append(last);
    parts_.clear();
    return true;
  }
  bool on_string_part(string_view part, std::size_t, error_code&) {
    parts_.append(part);
    return true;
  }
  bool on_string(string_view last, std::size_t, error_code&) {
    if (parts_.empty()) return tell(std::string_view(last));
    parts_.append(last);
    tell(std::string_view(parts_));
    parts_.clear();
    return true;
  }
  bool on_number_part(string_view, error_code&) { return true; }
  bool on_int64(std::int64_t number, string_view, error_code&) { return tell(number); }
  bool on_uint64(std::uint64_t, string_view, error_code&) { return tell(std::monostate()); }
  bool on_double(double, string_view, error_code&) { return tell(std::monostate()); }
  bool on_bool(bool flag, error_code&) { return tell(flag); }
  bool on_null(error_code&) { return tell(std::monostate()); }
  bool on_comment_part(string_view, error_code&) { return true; }
  bool on_comment(string_view, error_code&) { return true; }

 private:
  [[noreturn]] static void refuse() { throw Error(ErrorKind::invalid, "it is JSON, but no object"); }

  bool tell(decltype(Leaf::value) value) {
    if (ends_.empty()) refuse();
    tell_({.value = value, .path = path_, .is_element = arrays_ == 1});
    return true;
  }

  const std::function<void(const Leaf&)>& tell_;
  std::string path_, parts_;
  std::vector<std::size_t> ends_;  // of the path of each object that is open
  std::size_t arrays_ = 0;         // that are open
};

template <typename T>
const T& get(const Leaf& leaf, std::string_view kind) {
  if (const T* value = std::get_if<T>(&leaf.value); value && !leaf.is_element) return *value;
  throw Error(ErrorKind::invalid, format("the field {} is {}", leaf.path, kind));
}

}  // namespace

std::string_view Leaf::text() const { return get<std::string_view>(*this, "no string"); }
std::int64_t Leaf::integer() const { return get<std::int64_t>(*this, "no integer"); }
bool Leaf::flag() const { return get<bool>(*this, "neither true nor false"); }

void Leaf::add_to(std::vector<std::string>& texts) const {
  if (is_empty_array) return;
  if (!is_element) throw Error(ErrorKind::invalid, format("the field {} is no array", path));
  const auto* text = std::get_if<std::string_view>(&value);
  if (!text) throw Error(ErrorKind::invalid, format("the field {} holds something else than strings", path));
  texts.emplace_back(*text);
}

void for_each_leaf(std::string_view text, const std::function<void(const Leaf&)>& tell) {
  boost::json::basic_parser<Handler> parser(options(), tell);
  error_code code;
  const std::size_t read = parser.write_some(false, text.data(), text.size(), code);
  check_read(text, read, code);
}

}  // namespace tare::json
