// IP lists: the allow list, the defender's, and whom rate limiters leave alone.
#include <nlohmann/json.hpp>

#include "protocols/rest/operations.h"

namespace ferry::rest {

namespace {

using nlohmann::json;

Result<model::IpListEntry> read_entry(const Call& call) {
  const auto type = ip_list_of(call);
  if (!type) return fail(type.error());
  const auto body = parse_object(call.request.body);
  if (!body) return fail(body.error());
  auto entry = model::ip_list_entry_from_json(*body);
  if (!entry) return entry;
  // Which list a new entry is for is said twice: one that got into another would let in whom it was to keep out.
  const auto list = static_cast<std::int64_t>(*type);
  if (call.request.method == "POST" && entry->type != list) {
    return fail(ErrorCode::invalid_argument, "type: " + std::to_string(list) + " expected, as in the path");
  }
  entry->type = list;
  return entry;
}

}  // namespace

Result<model::IpListType> ip_list_of(const Call& call) {
  const std::string_view type = call.request.param("type");
  if (type.size() == 1 && type >= "1" && type <= "3") return static_cast<model::IpListType>(type[0] - '0');
  return fail(ErrorCode::invalid_argument, "type: 1, 2 or 3 expected");
}

http::Response list_ip_list(const Call& call) {
  const auto type = ip_list_of(call);
  if (!type) return error_response(type.error());
  const auto page = parse_page(call.request);
  if (!page) return error_response(page.error());
  store::IpListPage part{.filter = std::string(call.request.query_value("filter").value_or("")),
                         .from = std::string(call.request.query_value("from").value_or("")),
                         .limit = page->limit,
                         .descending = page->descending};
  const auto entries = call.api.accounts.provider().ip_list_entries(*type, part);
  if (!entries) return error_response(entries.error());
  json out = json::array();
  for (const model::IpListEntry& entry : *entries) out.push_back(model::to_json(entry, model::View::answer));
  return json_response(200, out);
}

http::Response add_ip_list_entry(const Call& call) {
  auto entry = read_entry(call);
  if (!entry) return error_response(entry.error());
  const auto stored = call.api.accounts.add_ip_list_entry(std::move(*entry));
  if (!stored) return error_response(stored.error());
  return created("iplists/" + std::to_string(stored->type), stored->ipornet, {{"message", "Entry added"}});
}

http::Response get_ip_list_entry(const Call& call) {
  const auto type = ip_list_of(call);
  if (!type) return error_response(type.error());
  const auto entry = call.api.accounts.ip_list_entry(*type, call.request.param("ipornet"));
  return entry ? json_response(200, model::to_json(*entry, model::View::answer)) : error_response(entry.error());
}

http::Response update_ip_list_entry(const Call& call) {
  auto entry = read_entry(call);
  if (!entry) return error_response(entry.error());
  const auto type = static_cast<model::IpListType>(entry->type);
  const auto stored = call.api.accounts.update_ip_list_entry(type, call.request.param("ipornet"), std::move(*entry));
  return stored ? api_response(200, "Entry updated") : error_response(stored.error());
}

http::Response delete_ip_list_entry(const Call& call) {
  const auto type = ip_list_of(call);
  if (!type) return error_response(type.error());
  const auto deleted = call.api.accounts.delete_ip_list_entry(*type, call.request.param("ipornet"));
  return deleted ? api_response(200, "Entry deleted") : error_response(deleted.error());
}

}  // namespace ferry::rest
