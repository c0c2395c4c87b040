// Bounds of the texts of an object. Without them an account could make what is told about it (the environment of a
// hook's program, a log line) too long to be told at all.
#include <array>

#include "model/checker.h"
#include "model/fields.h"

namespace ferry::model {

namespace {

constexpr std::size_t usual_characters = 4096;  // of texts in neither table: names are checked apart, paths are as long

struct Bound {
  std::string_view name;
  std::size_t characters;
};
constexpr std::array bounds = {Bound{"description", 512}, Bound{"email", 255}, Bound{"additional_emails", 255},
                               Bound{"config_name", 255}};
// Columns of long text: bytes.
constexpr std::array<std::string_view, 5> long_texts = {"additional_info", "payload", "public_keys", "tls_certs",
                                                        "session_token"};

std::size_t count_characters(std::string_view utf8) {
  return static_cast<std::size_t>(
      std::ranges::count_if(utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; }));
}

// A visitor of fields.h.
class TextBounds {
 public:
  TextBounds(Checker& check, std::string path, bool api_key)
      : check_(check), path_(std::move(path)), api_key_(api_key) {}

  template <class T>
  void field(std::string_view name, const T& value) {
    visit(name, value);
  }
  template <class T>
  void shown(std::string_view name, const T& value) {
    visit(name, value);
  }
  template <class T>
  void always(std::string_view name, const T& value) {
    visit(name, value);
  }
  template <class T>
  void unknown(const T& object) {
    check_.require(object.unknown.size() <= max_text_bytes, path_, "the fields that are not known are too long");
  }

 private:
  std::string inner(std::string_view name) const {
    return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
  }
  void visit(std::string_view name, const std::string& text);
  void visit(std::string_view /*name*/, const std::int64_t& /*number*/) {}
  void visit(std::string_view /*name*/, const bool& /*flag*/) {}
  void visit(std::string_view /*name*/, const FilesystemProvider& /*provider*/) {}
  void visit(std::string_view /*name*/, const Permissions& /*paths and known words*/) {}
  template <class T>
  void visit(std::string_view name, const std::vector<T>& list) {
    for (const T& item : list) visit(name, item);
  }
  template <class T>
  void visit(std::string_view name, const T& object) {
    TextBounds bounds(check_, inner(name), api_key_);
    visit_fields(bounds, object);
  }

  Checker& check_;
  std::string path_;
  bool api_key_;
};

void TextBounds::visit(std::string_view name, const std::string& text) {
  if (text.size() <= 255) return;  // the least bound: most texts end here
  const bool is_long = std::ranges::find(long_texts, name) != long_texts.end() || (api_key_ && name == "description");
  if (is_long) {
    check_.require(text.size() <= max_text_bytes, inner(name),
                   "longer than " + std::to_string(max_text_bytes) + " bytes");
    return;
  }
  const auto bound = std::ranges::find(bounds, name, &Bound::name);
  std::size_t most = bound != bounds.end() ? bound->characters : usual_characters;
  if (api_key_ && name == "name") most = max_name_length;
  if (text.size() <= most) return;
  const std::size_t characters = count_characters(text);
  check_.require(characters <= most, inner(name),
                 "longer than " + std::to_string(most) + " characters (" + std::to_string(characters) + ")");
}

}  // namespace

template <class Object>
void Checker::texts(const Object& object) {
  TextBounds bounds(*this, "", std::same_as<Object, ApiKey>);
  visit_fields(bounds, object);
}

template void Checker::texts(const User&);
template void Checker::texts(const Admin&);
template void Checker::texts(const Folder&);
template void Checker::texts(const Group&);
template void Checker::texts(const Role&);
template void Checker::texts(const IpListEntry&);
template void Checker::texts(const ApiKey&);

}  // namespace ferry::model
