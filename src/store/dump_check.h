// The first walk through a dump: which of its objects are valid. Private to src/store.
#pragma once

#include <cstddef>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/validate.h"
#include "store/accounts.h"
#include "store/dump.h"
#include "store/dump_text.h"

namespace ferry::store {

// What an object is found by.
const std::string& name_of(const auto& object) {
  if constexpr (requires { object.username; }) {
    return object.username;
  } else if constexpr (requires { object.ipornet; }) {
    return object.ipornet;
  } else if constexpr (requires { object.expires_at; }) {
    return object.id;  // an API key's name is for people
  } else {
    return object.name;
  }
}

template <class Object>
using FromJson = Result<Object> (*)(const nlohmann::json&);

// What stands at one place of a list, or why it cannot be read; `json` is what it was read from.
template <class Object>
Result<Object> read_item(std::string_view text, FromJson<Object> from_json, nlohmann::json& json) {
  json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_discarded()) return fail(ErrorCode::protocol_error, "not valid JSON");
  return from_json(json);
}

// Names for messages. Of a dump with very many bad objects the first are kept and the others counted.
class NameList {
 public:
  void add(std::string name);
  std::size_t count() const { return count_; }
  std::vector<std::string> take();

 private:
  std::vector<std::string> names_;
  std::size_t count_ = 0, bytes_ = 0;
};

// The first walk through a dump: which objects are valid, and what there is to tell of them.
class DumpCheck {
 public:
  DumpCheck(const Accounts& accounts, const DumpText& dump, const LoadListener& listener)
      : accounts_(accounts), dump_(dump), listener_(listener) {}

  // An error: the dump as a whole cannot be read.
  Result<void> run();
  // Whether the object at this place of a list is not valid.
  bool is_bad(const char* key, std::size_t index) const {
    const auto found = bad_.find(key);
    return found != bad_.end() && found->second.contains(index);
  }
  std::size_t problem_count() const { return problems_.count(); }
  std::vector<std::string> take_problems() { return problems_.take(); }
  void tell(LoadReport& report);

 private:
  template <class Object>
  Result<void> check_list(const char* key, FromJson<Object> from_json);
  template <class Object>
  Result<void> check_object(const char* key, Object& object, const nlohmann::json& json);
  template <class Object>
  Result<void> check_references(const Object& object);
  template <class Object>
  void note(const char* key, const Object& object);
  Result<void> check_version() const;
  Result<void> count_others();

  template <class Lookup>
  Result<void> require(const char* list, const std::string& name, const char* field, const char* kind, Lookup lookup) {
    if (names_[list].contains(name)) return {};
    const auto stored = lookup(name);
    if (stored) return {};
    if (stored.error().code != ErrorCode::not_found) return fail(stored.error());
    return fail(ErrorCode::invalid_argument, std::string(field) + ": " + kind + " \"" + name + "\" does not exist");
  }

  const Accounts& accounts_;
  const DumpText& dump_;
  const LoadListener& listener_;
  using Names = std::set<std::string, std::less<>>;
  std::map<std::string, std::size_t> left_out_;
  std::map<std::string, Names, std::less<>> names_;                // of valid objects, by list
  std::map<std::string, std::set<std::size_t>, std::less<>> bad_;  // by list
  Names unusable_folders_, unusable_groups_;
  NameList problems_, locked_, unusable_;
};

}  // namespace ferry::store
