// The visitors of fields.h that read and write nlohmann::json. Private to src/model.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/fields.h"
#include "model/json.h"

namespace ferry::model {

using Json = nlohmann::json;

// Whether an object's answer has {} for each secret that was never set: folders', and what shows secrets as they are
// stored. Others leave it out. Both is what clients of SFTPGo know.
template <class T>
bool shows_unset_secrets(View view) {
  return view == View::confidential || (view == View::answer && std::derived_from<T, Folder>);
}

class Writer {
 public:
  // `unset_secrets`: those that were never set are written, as {}.
  Writer(Json& out, View view, bool unset_secrets) : out_(out), view_(view), unset_secrets_(unset_secrets) {}

  template <class T>
  void field(const char* name, const T& value) {
    const bool shown = std::same_as<T, ConfigSecret> && unset_secrets_;
    if (shown || !(value == T{})) always(name, value);
  }
  template <class T>
  void shown(const char* name, const T& value) {
    if (view_ == View::storage) return field(name, value);
    always(name, value);
  }
  template <class T>
  void always(const char* name, const T& value) {
    out_[name] = json_of(value);
  }
  template <class T>
  void unknown(const T& object) {
    if (!object.unknown.empty()) add_unknown(object.unknown);
  }

 private:
  void add_unknown(const UnknownFields& fields);

  template <class T>
  Json json_of(const T& value) const {
    Json object = Json::object();
    Writer inner(object, view_, unset_secrets_ || shows_unset_secrets<T>(view_));
    visit_fields(inner, value);
    return object;
  }
  template <class T>
  Json json_of(const std::vector<T>& list) const {
    Json array = Json::array();
    for (const T& item : list) array.push_back(json_of(item));
    return array;
  }
  Json json_of(const std::string& value) const { return value; }
  Json json_of(std::int64_t value) const { return value; }
  Json json_of(bool value) const { return value; }
  Json json_of(FilesystemProvider value) const { return static_cast<int>(value); }
  Json json_of(const Permissions& value) const;
  Json json_of(const ConfigSecret& secret) const;

  Json& out_;
  View view_;
  bool unset_secrets_;
};

// Collects the names of an object's fields.
struct FieldNames {
  std::vector<std::string_view> names;
  void field(const char* name, const auto& /*value*/) { names.emplace_back(name); }
  void shown(const char* name, const auto& /*value*/) { names.emplace_back(name); }
  void always(const char* name, const auto& /*value*/) { names.emplace_back(name); }
  void unknown(const auto& /*object*/) {}
};

// What UnknownFields keeps of `object`: all but `known`, nulls and what looks like a secret.
UnknownFields unknown_fields(const Json& object, std::span<const std::string_view> known);

// Reads an object's fields; the first mistake is kept, with the path to the field that has it.
class Reader {
 public:
  Reader(const Json& in, std::string path, std::string& error) : in_(in), path_(std::move(path)), error_(error) {}

  template <class T>
  void field(const char* name, T& value) {
    const auto found = in_.find(name);
    if (found == in_.end()) return;
    ++known_;
    if (found->is_null() || !error_.empty()) return;
    read(*found, path_.empty() ? std::string(name) : path_ + "." + name, value);
  }
  template <class T>
  void always(const char* name, T& value) {
    field(name, value);
  }
  template <class T>
  void unknown(T& object) {
    if (in_.size() == known_) return;
    FieldNames names;
    visit_fields(names, object);
    object.unknown = unknown_fields(in_, names.names);
  }
  template <class T>
  void shown(const char* name, T& value) {
    field(name, value);
  }

 private:
  template <class T>
  void read(const Json& json, const std::string& path, T& value) {
    if (!json.is_object()) return expected(path, "an object");
    Reader inner(json, path, error_);
    visit_fields(inner, value);
  }
  template <class T>
  void read(const Json& json, const std::string& path, std::vector<T>& list) {
    if (!json.is_array()) return expected(path, "a list");
    for (const Json& item : json) {
      list.emplace_back();
      read(item, path + "[" + std::to_string(list.size() - 1) + "]", list.back());
      if (!error_.empty()) return;
    }
  }
  void read(const Json& json, const std::string& path, std::string& value);
  void read(const Json& json, const std::string& path, std::int64_t& value);
  void read(const Json& json, const std::string& path, bool& value);
  void read(const Json& json, const std::string& path, FilesystemProvider& value);
  void read(const Json& json, const std::string& path, Permissions& value);
  void expected(const std::string& path, const char* what) { error_ = path + ": " + what + " expected"; }

  const Json& in_;
  std::string path_;
  std::string& error_;
  std::size_t known_ = 0;  // fields of `in_` that were asked for
};

}  // namespace ferry::model
