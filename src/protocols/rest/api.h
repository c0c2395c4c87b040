// What the operations of this folder share: their table's rows, the caller, answers in the API's form.
// Internal to src/protocols/rest.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/task.h"
#include "http/message.h"
#include "model/json.h"
#include "protocols/rest/rest.h"

namespace ferry::rest {

// Who asks: left in Request::principal by the gate.
struct Caller {
  model::AdminPtr admin;  // one of the two
  model::UserPtr user;    // with the settings of its groups
  std::string token;      // empty: it came with an API key
  std::string key_id;     // that key's

  store::Whose whose() const { return user ? store::Whose::user : store::Whose::admin; }
  const std::string& name() const { return user ? user->username : admin->username; }
};

// One call of an operation. Functions run on the blocking pool, so they may ask the provider.
struct Call {
  const Dependencies& api;
  http::Request& request;
  const Caller* caller;  // none for an open route

  const model::Admin& admin() const { return *caller->admin; }  // of a route for administrators
  const model::User& user() const { return *caller->user; }     // of a route for users
  // The object named in the path, as it is stored.
  std::string name(std::string_view parameter) const { return api.accounts.stored_name(request.param(parameter)); }
};

// A function, or a coroutine; see Runs.
struct Operation {
  using Function = http::Response (*)(const Call& call);
  using Coroutine = Task<http::Response> (*)(const Call& call);
  constexpr Operation(Function plain) : function(plain) {}
  constexpr Operation(Coroutine awaited) : coroutine(awaited) {}
  Function function = nullptr;
  Coroutine coroutine = nullptr;
};

// Whom a route lets in.
enum class Access : std::uint8_t {
  open,         // anybody
  own,          // every administrator, also one who must first change the password or set up a second factor
  any_admin,    // every administrator
  permission,   // administrators who hold the row's permission
  admin_token,  // the same, but API keys are refused, as they are by `own`
  user_own,     // every user, also one who must first change the password or set up a second factor; no API keys
  user_token,   // every user; no API keys
};

// Where an operation runs.
enum class Runs : std::uint8_t {
  at_once,   // on the event loop: a coroutine, or what never waits
  blocking,  // a function on the blocking pool
};

struct Row {
  std::string_view method;
  std::string_view path;
  Access access;
  // Of REST schema AdminPermissions, "*" needs all of them; several with "|" between them: one of them. For users: of
  // WebClientOptions, it closes the row.
  std::string_view permission;
  Runs runs;
  Operation operation;
  std::size_t max_body = 0;  // bytes, when it is not Dependencies::max_body
};
std::span<const Row> rows();

inline constexpr std::size_t max_dump = 100 << 20;  // bytes, as documented

inline constexpr std::string_view api_prefix = "/api/v2";

// {"message","error"}; an empty error is left out, and when both are empty the message is the status' own words.
http::Response api_response(int status, std::string_view message, std::string_view error = {});
// The answer to a failed call. What a client may not know (paths, the database's words) stays out.
http::Response error_response(const Error& error);
// The one mapping of errors to HTTP.
int status_of(ErrorCode code);

http::Response json_response(int status, const nlohmann::json& body);
// 201 with the object's address (RFC 9110 section 15.3.2).
http::Response created(std::string_view collection, std::string_view name, const nlohmann::json& body);

using model::parse_object;

// REST schema TOTPConfig of everything configured (second_factor.cpp).
nlohmann::json totp_configs_json(const auth::SecondFactor& factor);

// offset, limit (at most 500) and order of a list's query. invalid_argument names the bad one.
Result<store::Page> parse_page(const http::Request& request);

// "1" in the query and every permission held: answers then carry encrypted secrets, and hashes unless an API key asks.
model::View view_for(const Call& call);

// Whether this administrator has a role and so is limited to the accounts of that role.
inline bool limited_by_role(const model::Admin& admin) { return !admin.role.empty(); }

}  // namespace ferry::rest
