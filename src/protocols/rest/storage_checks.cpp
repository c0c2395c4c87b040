// Whether a storage works: that of a user, of a folder, or one that is not stored yet. Ferry's own call.
#include <nlohmann/json.hpp>

#include "protocols/rest/operations.h"
#include "protocols/rest/role_limits.h"

namespace ferry::rest {

namespace {

using nlohmann::json;

constexpr std::string_view known_fields[] = {"username", "folder", "filesystem", "mapped_path", "write"};

Error bad_request(std::string message) { return {ErrorCode::invalid_argument, std::move(message)}; }

Result<void> check_fields(const json& body) {
  int subjects = 0;
  for (const auto& [name, value] : body.items()) {
    if (std::ranges::find(known_fields, name) == std::end(known_fields)) {
      return fail(bad_request("unknown field: one of username, folder, filesystem with mapped_path; and write"));
    }
    if (name == "write") {
      if (!value.is_boolean()) return fail(bad_request("write: true or false expected"));
    } else if (name == "filesystem") {
      if (!value.is_object()) return fail(bad_request("filesystem: an object expected"));
    } else if (!value.is_string()) {
      return fail(bad_request(name + ": a text expected"));
    }
    if (name == "username" || name == "folder" || name == "filesystem") ++subjects;
  }
  if (subjects != 1) return fail(bad_request("one of username, folder and filesystem expected"));
  if (body.contains("mapped_path") && !body.contains("filesystem")) {
    return fail(bad_request("mapped_path: only with filesystem"));
  }
  return {};
}

Result<void> check_permission(const Call& call, std::initializer_list<std::string_view> any_of) {
  const auto held = [&](std::string_view permission) { return call.admin().may(permission); };
  if (std::ranges::any_of(any_of, held)) return {};
  return fail(ErrorCode::permission_denied, "the permission to change what is named is needed");
}

Result<StorageCheck> of_user(const Call& call, const std::string& name) {
  if (auto may = check_permission(call, {"edit_users"}); !may) return fail(may.error());
  const auto user = visible_user(call, call.api.accounts.stored_name(name));
  if (!user) return fail(user.error());
  // Its home may be its group's.
  const auto effective = call.api.accounts.provider().effective_user((*user)->username);
  if (!effective) return fail(effective.error());
  return StorageCheck{.filesystem = (*effective)->filesystem, .directory = (*effective)->home_dir};
}

Result<StorageCheck> of_folder(const Call& call, const std::string& name) {
  if (auto may = check_permission(call, {"manage_folders"}); !may) return fail(may.error());
  auto folder = call.api.accounts.provider().folder(call.api.accounts.stored_name(name));
  if (!folder) return fail(folder.error());
  if (auto may = RoleView(call).may_change(*folder); !may) return fail(may.error());
  return StorageCheck{.filesystem = std::move(folder->filesystem), .directory = std::move(folder->mapped_path)};
}

// By the rules of a folder that has this storage.
Result<StorageCheck> of_filesystem(const Call& call, const json& body) {
  if (auto may = check_permission(call, {"add_users", "edit_users", "manage_folders"}); !may) return fail(may.error());
  json object{{"name", "check"}, {"filesystem", body["filesystem"]}};
  if (body.contains("mapped_path")) object["mapped_path"] = body["mapped_path"];
  auto folder = model::folder_from_json(object);
  if (!folder) return fail(folder.error());
  bool plain = true;
  model::for_each_secret(folder->filesystem, [&](const model::ConfigSecret& secret) {
    plain = plain && (secret.empty() || secret.is_plain());
  });
  if (!plain) return fail(bad_request("secrets: status Plain expected; those that are stored belong to their owner"));
  if (auto valid = call.api.accounts.check(*folder); !valid) return fail(valid.error());
  if (auto inside = check_bounds(call, {folder->mapped_path}); !inside) return fail(inside.error());
  return StorageCheck{.filesystem = std::move(folder->filesystem), .directory = std::move(folder->mapped_path)};
}

Result<StorageCheck> read_check(const Call& call) {
  const auto body = parse_object(call.request.body);
  if (!body) return fail(body.error());
  if (auto good = check_fields(*body); !good) return fail(good.error());
  Result<StorageCheck> check = fail(ErrorCode::internal);
  if (body->contains("username")) {
    check = of_user(call, (*body)["username"].get<std::string>());
  } else if (body->contains("folder")) {
    check = of_folder(call, (*body)["folder"].get<std::string>());
  } else {
    check = of_filesystem(call, *body);
  }
  if (!check) return check;
  if (!call.api.accounts.can_open(check->filesystem.provider)) {
    return fail(ErrorCode::unsupported, "the storage provider is not built in");
  }
  check->write = body->value("write", false);
  check->admin = call.admin().username;
  check->request_id = call.request.id;
  return check;
}

json report_json(int provider, const StorageReport& report) {
  json steps = json::array();
  for (const StorageReport::Step& step : report.steps) {
    json one{{"name", step.name}, {"ok", step.problem.empty()}};
    if (!step.problem.empty()) one["problem"] = step.problem;
    if (!step.message.empty()) one["message"] = step.message;
    steps.push_back(std::move(one));
  }
  return {{"ok", report.ok()}, {"provider", provider}, {"checks", std::move(steps)}};
}

}  // namespace

Task<http::Response> check_storage(const Call& call) {
  if (limited_by_role(call.admin()) && !call.api.storage_checks.open_to_roles) {
    co_return api_response(403, "Forbidden", "allow_storage_checks is off");
  }
  if (!call.api.storage_checks.run) co_return error_response({ErrorCode::unsupported, "not in this server"});
  auto check = co_await run_blocking(Lane::database, [&] { return read_check(call); });
  if (!check) co_return error_response(check.error());
  const int provider = static_cast<int>(check->filesystem.provider);
  auto report = co_await call.api.storage_checks.run(std::move(*check));
  if (!report) co_return error_response(report.error());
  co_return json_response(200, report_json(provider, *report));
}

}  // namespace ferry::rest
