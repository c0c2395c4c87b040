// API keys. The key itself is shown once, in the answer that made it.
#include <nlohmann/json.hpp>

#include "protocols/rest/operations.h"

namespace ferry::rest {

namespace {

using nlohmann::json;

Result<model::ApiKey> read_key(const Call& call) {
  const auto body = parse_object(call.request.body);
  if (!body) return fail(body.error());
  auto key = model::api_key_from_json(*body);
  if (key) key->user = call.api.accounts.stored_name(key->user);
  if (key) key->admin = call.api.accounts.stored_name(key->admin);
  return key;
}

}  // namespace

http::Response list_api_keys(const Call& call) {
  const auto page = parse_page(call.request);
  if (!page) return error_response(page.error());
  const auto keys = call.api.accounts.provider().api_keys(*page);
  if (!keys) return error_response(keys.error());
  json out = json::array();
  for (const model::ApiKey& key : *keys) out.push_back(model::to_json(key, model::View::answer));
  return json_response(200, out);
}

http::Response add_api_key(const Call& call) {
  auto key = read_key(call);
  if (!key) return error_response(key.error());
  const auto made = call.api.accounts.add_api_key(std::move(*key));
  if (!made) return error_response(made.error());
  http::Response response = created("apikeys", made->stored.id,
                                    {{"message",
                                      "API key created. This is the only time the API key is visible, please "
                                      "save it."},
                                     {"key", made->text}});
  response.headers.set("X-Object-ID", made->stored.id);
  return response;
}

http::Response get_api_key(const Call& call) {
  const auto key = call.api.accounts.provider().api_key(call.request.param("id"));
  return key ? json_response(200, model::to_json(*key, model::View::answer)) : error_response(key.error());
}

http::Response update_api_key(const Call& call) {
  auto key = read_key(call);
  if (!key) return error_response(key.error());
  const auto stored = call.api.accounts.update_api_key(call.request.param("id"), std::move(*key));
  return stored ? api_response(200, "API key updated") : error_response(stored.error());
}

http::Response delete_api_key(const Call& call) {
  const auto deleted = call.api.accounts.provider().delete_api_key(call.request.param("id"));
  return deleted ? api_response(200, "API key deleted") : error_response(deleted.error());
}

}  // namespace ferry::rest
