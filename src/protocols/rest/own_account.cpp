// What every administrator may do with the own account.
#include <nlohmann/json.hpp>

#include "protocols/rest/operations.h"

namespace ferry::rest {

namespace {

using nlohmann::json;

// A text field; `otherwise` when it is missing or null.
Result<std::string> text_field(const json& object, const char* name, std::string otherwise = {}) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return otherwise;
  if (!found->is_string()) return fail(ErrorCode::invalid_argument, std::string(name) + ": a string expected");
  return found->get<std::string>();
}

Result<bool> flag_field(const json& object, const char* name, bool otherwise) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return otherwise;
  if (!found->is_boolean()) return fail(ErrorCode::invalid_argument, std::string(name) + ": true or false expected");
  return found->get<bool>();
}

}  // namespace

http::Response change_own_password(const Call& call) {
  const auto body = parse_object(call.request.body);
  if (!body) return error_response(body.error());
  const auto current = text_field(*body, "current_password");
  if (!current) return error_response(current.error());
  const auto replacement = text_field(*body, "new_password");
  if (!replacement) return error_response(replacement.error());
  if (current->empty() || replacement->empty()) {
    return api_response(400, "", "the current and the new password are needed");
  }
  const auto changed = call.api.accounts.change_admin_password(call.admin().username, *current, *replacement);
  if (changed) return api_response(200, "Password updated");
  // The token is good, so this is no 401: clients would take that for an expired token.
  if (changed.error().code == ErrorCode::authentication_failed) {
    return api_response(400, "", "the current password does not match");
  }
  return error_response(changed.error());
}

http::Response get_own_profile(const Call& call) {
  const model::Admin& admin = call.admin();
  return json_response(200, {{"email", admin.email},
                             {"description", admin.description},
                             {"allow_api_key_auth", admin.filters.allow_api_key_auth}});
}

http::Response update_own_profile(const Call& call) {
  const auto body = parse_object(call.request.body);
  if (!body) return error_response(body.error());
  auto email = text_field(*body, "email");
  if (!email) return error_response(email.error());
  auto description = text_field(*body, "description");
  if (!description) return error_response(description.error());
  const auto api_key = flag_field(*body, "allow_api_key_auth", call.admin().filters.allow_api_key_auth);
  if (!api_key) return error_response(api_key.error());
  const auto updated = call.api.accounts.update_admin_profile(
      call.admin().username,
      {.email = std::move(*email), .description = std::move(*description), .allow_api_key_auth = *api_key});
  return updated ? api_response(200, "Profile updated") : error_response(updated.error());
}

}  // namespace ferry::rest
