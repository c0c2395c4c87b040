// What every account may do with itself: password and profile.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "auth/duty.h"
#include "base/expiry_clock.h"
#include "protocols/rest/operations.h"

namespace ferry::rest {

namespace {

using nlohmann::json;
using Profile = store::Accounts::Profile;

// No value: the field is missing or null.
Result<std::optional<std::string>> text_field(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return std::nullopt;
  if (!found->is_string()) return fail(ErrorCode::invalid_argument, std::string(name) + ": a string expected");
  return found->get<std::string>();
}

Result<std::optional<bool>> flag_field(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return std::nullopt;
  if (!found->is_boolean()) return fail(ErrorCode::invalid_argument, std::string(name) + ": true or false expected");
  return found->get<bool>();
}

Result<std::optional<std::vector<std::string>>> list_field(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return std::nullopt;
  const bool texts = found->is_array() && std::ranges::all_of(*found, [](const json& one) { return one.is_string(); });
  if (!texts) return fail(ErrorCode::invalid_argument, std::string(name) + ": a list of strings expected");
  return found->get<std::vector<std::string>>();
}

// The whole profile: what is left out counts as empty, and API keys as not allowed.
Result<Profile> read_profile(const http::Request& request) {
  const auto body = parse_object(request.body);
  if (!body) return fail(body.error());
  Profile profile;
  const auto email = text_field(*body, "email");
  if (!email) return fail(email.error());
  profile.email = email->value_or("");
  const auto description = text_field(*body, "description");
  if (!description) return fail(description.error());
  profile.description = description->value_or("");
  const auto api_key = flag_field(*body, "allow_api_key_auth");
  if (!api_key) return fail(api_key.error());
  profile.allow_api_key_auth = api_key->value_or(false);
  auto keys = list_field(*body, "public_keys");
  if (!keys) return fail(keys.error());
  profile.public_keys = std::move(*keys).value_or(std::vector<std::string>());
  return profile;
}

// What is empty is left out.
json profile_json(const auto& account) {
  json out{{"allow_api_key_auth", account.filters.allow_api_key_auth}};
  if (!account.email.empty()) out["email"] = account.email;
  if (!account.description.empty()) out["description"] = account.description;
  return out;
}

bool is_restricted(const model::User& user, std::string_view option) {
  return std::ranges::find(user.filters.web_client, option) != user.filters.web_client.end();
}

}  // namespace

http::Response change_own_password(const Call& call) {
  const auto body = parse_object(call.request.body);
  if (!body) return error_response(body.error());
  const auto current = text_field(*body, "current_password");
  if (!current) return error_response(current.error());
  const auto replacement = text_field(*body, "new_password");
  if (!replacement) return error_response(replacement.error());
  const auto changed = call.api.accounts.change_password(call.caller->whose(), call.caller->name(),
                                                         current->value_or(""), replacement->value_or(""));
  if (changed) return api_response(200, "Password updated");
  // The token is good, so this is no 401: clients would take that for an expired token.
  if (changed.error().code == ErrorCode::authentication_failed) {
    return api_response(400, "", "the current password does not match");
  }
  return error_response(changed.error());
}

// Who must change the password can, whatever the restrictions say.
http::Response change_users_own_password(const Call& call) {
  const bool due = auth::duty_of(call.user(), expiry_now_ms()) == auth::Duty::change_password;
  if (!due && is_restricted(call.user(), "password-change-disabled")) return api_response(403, "", "permission denied");
  return change_own_password(call);
}

http::Response get_admin_profile(const Call& call) {
  const model::Admin& admin = call.admin();
  return json_response(200, profile_json(admin));
}

http::Response update_admin_profile(const Call& call) {
  auto profile = read_profile(call.request);
  if (!profile) return error_response(profile.error());
  const auto updated = call.api.accounts.update_profile(store::Whose::admin, call.caller->name(), std::move(*profile));
  return updated ? api_response(200, "Profile updated") : error_response(updated.error());
}

http::Response get_user_profile(const Call& call) {
  const model::User& user = call.user();
  json out = profile_json(user);
  if (!user.public_keys.empty()) out["public_keys"] = user.public_keys;
  return json_response(200, out);
}

// What the user may not change stays as it is; nothing is left: 403.
http::Response update_user_profile(const Call& call) {
  const model::User& user = call.user();
  const bool info = !is_restricted(user, "info-change-disabled");
  const bool keys = !is_restricted(user, "publickey-change-disabled");
  const bool api_key = !is_restricted(user, "api-key-auth-change-disabled");
  if (!info && !keys && !api_key) return api_response(403, "", "permission denied");
  auto profile = read_profile(call.request);
  if (!profile) return error_response(profile.error());
  if (!info) {
    profile->email.reset();
    profile->description.reset();
  }
  if (!keys) profile->public_keys.reset();
  if (!api_key) profile->allow_api_key_auth.reset();
  const auto updated = call.api.accounts.update_profile(store::Whose::user, call.caller->name(), std::move(*profile));
  return updated ? api_response(200, "Profile updated") : error_response(updated.error());
}

}  // namespace ferry::rest
