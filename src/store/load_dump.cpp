#include <string_view>

#include "model/json.h"
#include "store/dump.h"
#include "store/dump_check.h"
#include "store/object_text.h"

namespace ferry::store {

namespace {

using Json = nlohmann::json;

// One list of a dump: its key there, and the type that its objects have in events.
struct List {
  const char* key;
  const char* type;
};

std::string joined(const std::vector<std::string>& names, std::string_view separator) {
  std::string text;
  for (const std::string& name : names) {
    if (!text.empty()) text += separator;
    text += name;
  }
  return text;
}

// The second walk: stores what is valid.
class Loading {
 public:
  Loading(Accounts& accounts, const DumpText& dump, const DumpCheck& check, const LoadOptions& options)
      : accounts_(accounts), dump_(dump), check_(check), options_(options) {}

  template <class Object>
  Result<void> store(const List& list, FromJson<Object> from_json);
  LoadReport report;

 private:
  template <class Object>
  Result<void> store_object(const List& list, Object object);
  void tell(const ObjectKey& key, bool added);

  Accounts& accounts_;
  const DumpText& dump_;
  const DumpCheck& check_;
  const LoadOptions& options_;
};

void Loading::tell(const ObjectKey& key, bool added) {
  const std::string_view action = added ? "add" : "update";
  const LoadListener& listener = options_.listener;
  if (!listener.wants || !listener.wants(action, key.type)) return;
  listener.tell({.action = std::string(action),
                 .timestamp = model::now_ns(),
                 .object_type = std::string(key.type),
                 .object_name = key.name,
                 .object_data = object_text(accounts_, key).value_or("{}")});
}

template <class Object>
Result<void> Loading::store(const List& list, FromJson<Object> from_json) {
  const std::string_view* items = dump_.find(list.key);
  if (items == nullptr) return {};
  Result<void> done;
  std::size_t index = 0;
  const auto store = [&](std::string_view text) {
    if (check_.is_bad(list.key, index++)) return true;
    Json json;
    auto object = read_item(text, from_json, json);
    done = object ? store_object(list, std::move(*object)) : Result<void>(fail(object.error()));
    return done.has_value();
  };
  auto walked = for_each_item(*items, store);
  return done ? walked : done;
}

template <class Object>
Result<void> Loading::store_object(const List& list, Object object) {
  if (auto valid = accounts_.check(object); !valid) return fail(valid.error());  // gives it its name as it is stored
  ObjectKey key{.type = list.type, .name = name_of(object)};
  if constexpr (requires { object.ipornet; }) key.ip_list = static_cast<model::IpListType>(object.type);
  const auto restored = accounts_.restore(std::move(object), options_.mode == LoadMode::update);
  if (!restored) {
    return fail(restored.error().code, std::string(list.key) + " \"" + key.name + "\": " + restored.error().message +
                                           "; stopped here, before it: " + report.text());
  }
  ++(*restored == Restored::added ? report.added : *restored == Restored::updated ? report.updated : report.kept);
  if (*restored == Restored::kept) return {};
  if constexpr (std::same_as<Object, model::User>) {
    report.users.push_back(key.name);
    if (*restored == Restored::updated) report.updated_users.push_back(key.name);
  }
  if constexpr (std::same_as<Object, model::Folder>) report.folders.push_back(key.name);
  tell(key, *restored == Restored::added);
  return {};
}

}  // namespace

bool LoadReport::empty() const {
  return added + updated + kept == 0 && left_out.empty() && skipped.empty() && locked.empty() && unusable.empty();
}

std::string LoadReport::text() const {
  std::string text = std::to_string(added) + " added, " + std::to_string(updated) + " updated, " +
                     std::to_string(kept) + " left as they were";
  if (!left_out.empty()) text += "; not kept by this server: " + joined(left_out, ", ");
  if (!skipped.empty()) text += "; not valid, so skipped: " + joined(skipped, "; ");
  if (!locked.empty()) text += "; locked by a mark in place of the password, so disabled: " + joined(locked, ", ");
  if (!unusable.empty()) {
    text += "; on storage that this server does not have, so that nobody can use them: " + joined(unusable, ", ");
  }
  return text;
}

Result<LoadReport> load_dump(Accounts& accounts, std::string_view text, const LoadOptions& options) {
  const auto dump = DumpText::read(text);
  if (!dump) return fail(dump.error());
  DumpCheck check(accounts, *dump, options.listener);
  if (auto read = check.run(); !read) return fail(read.error());
  if (const std::size_t count = check.problem_count(); count > 0 && !options.skip_invalid) {
    const std::string named = joined(check.take_problems(), "; ");
    return fail(ErrorCode::invalid_argument,
                count == 1 ? named : std::to_string(count) + " objects are not valid: " + named);
  }
  Loading loading(accounts, *dump, check, options);
  check.tell(loading.report);
  Result<void> done = loading.store({"roles", "role"}, model::role_from_json);
  if (done) done = loading.store({"folders", "folder"}, model::folder_from_json);
  if (done) done = loading.store({"groups", "group"}, model::group_from_json);
  if (done) done = loading.store({"users", "user"}, model::user_from_json);
  if (done) done = loading.store({"admins", "admin"}, model::admin_from_json);
  if (done) done = loading.store({"ip_lists", "ip_list_entry"}, model::ip_list_entry_from_json);
  if (done) done = loading.store({"api_keys", "api_key"}, model::api_key_from_json);
  if (!done) return fail(done.error());
  return std::move(loading.report);
}

}  // namespace ferry::store
