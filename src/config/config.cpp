#include "config/config.h"

#include <algorithm>
#include <cctype>

#include "config/schema.h"

namespace ferry::config {

template <>
const Schema& schema<Common>();
template <>
const Schema& schema<Acme>();
template <>
const Schema& schema<Sftpd>();
template <>
const Schema& schema<Ftpd>();
template <>
const Schema& schema<Webdavd>();
template <>
const Schema& schema<DataProvider>();
template <>
const Schema& schema<Httpd>();
template <>
const Schema& schema<Telemetry>();
template <>
const Schema& schema<Http>();
template <>
const Schema& schema<Command>();
template <>
const Schema& schema<Kms>();
template <>
const Schema& schema<Mfa>();
template <>
const Schema& schema<Smtp>();
template <>
const Schema& schema<Plugin>();

template <>
const Schema& schema<Config>() {
  static const Row rows[] = {
      row<&Config::common>("common"),   row<&Config::acme>("acme"),
      row<&Config::sftpd>("sftpd"),     row<&Config::ftpd>("ftpd"),
      row<&Config::webdavd>("webdavd"), row<&Config::data_provider>("data_provider"),
      row<&Config::httpd>("httpd"),     row<&Config::telemetry>("telemetry"),
      row<&Config::http>("http"),       row<&Config::command>("command"),
      row<&Config::kms>("kms"),         row<&Config::mfa>("mfa"),
      row<&Config::smtp>("smtp"),       row<&Config::plugins>("plugins"),
  };
  static const Schema table{rows};
  return table;
}

const Row* Schema::find(std::string_view name) const {
  const auto same = [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); };
  const auto found =
      std::ranges::find_if(rows_, [&](const Row& row) { return std::ranges::equal(row.name, name, same); });
  return found == rows_.end() ? nullptr : &*found;
}

namespace {

// Adds each key once: several elements of a list may have changed the same one.
void add_once(std::vector<std::string>& keys, const std::string& key) {
  if (std::ranges::find(keys, key) == keys.end()) keys.push_back(key);
}

void collect_changed(const Schema& schema, void* object, void* defaults, const std::string& path,
                     std::vector<std::string>& keys) {
  for (const Row& row : schema.rows()) {
    if (row.equal(object, defaults)) continue;
    const std::string key = path.empty() ? std::string(row.name) : path + "." + std::string(row.name);
    void* member = row.member(object);
    if (row.kind == Kind::object) {
      collect_changed(row.nested(), member, row.member(defaults), key, keys);
    } else if (row.kind == Kind::object_list) {
      const std::size_t size = row.resize(member, 0);
      for (std::size_t i = 0; i < size; ++i) {
        collect_changed(row.nested(), row.element(member, i), row.default_element(), key + "[]", keys);
      }
    } else {
      add_once(keys, key);
    }
  }
}

}  // namespace

std::vector<std::string> changed_keys(const Config& config) {
  Config copy = config, defaults;  // rows reach members through pointers that could change them
  std::vector<std::string> keys;
  collect_changed(schema<Config>(), &copy, &defaults, "", keys);
  return keys;
}

}  // namespace ferry::config
