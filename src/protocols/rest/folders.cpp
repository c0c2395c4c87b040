// Folders: storage with a name that users mount.
#include <nlohmann/json.hpp>

#include "protocols/rest/operations.h"
#include "protocols/rest/role_limits.h"

namespace ferry::rest {

namespace {

using nlohmann::json;

json shown(const Call& call, const model::Folder& folder) {
  return model::to_json(RoleView(call).of(folder), view_for(call));
}

Result<model::Folder> read_folder(const Call& call) {
  const auto body = parse_object(call.request.body);
  if (!body) return fail(body.error());
  return model::folder_from_json(*body);
}

// The folder of the path, if this administrator may change it.
Result<model::Folder> changeable_folder(const Call& call) {
  auto folder = call.api.accounts.provider().folder(call.name("name"));
  if (!folder) return folder;
  if (auto may = RoleView(call).may_change(*folder); !may) return fail(may.error());
  return folder;
}

}  // namespace

http::Response list_folders(const Call& call) {
  const auto page = parse_page(call.request);
  if (!page) return error_response(page.error());
  const auto folders = call.api.accounts.provider().folders(*page);
  if (!folders) return error_response(folders.error());
  const RoleView view(call);
  json out = json::array();
  for (const model::Folder& folder : *folders) out.push_back(model::to_json(view.of(folder), model::View::answer));
  return json_response(200, out);
}

http::Response add_folder(const Call& call) {
  auto folder = read_folder(call);
  if (!folder) return error_response(folder.error());
  if (auto good = check_bounds(call, {folder->mapped_path}); !good) return error_response(good.error());
  const auto stored = call.api.accounts.add_folder(std::move(*folder));
  if (!stored) return error_response(stored.error());
  return created("folders", stored->name, shown(call, *stored));
}

http::Response get_folder(const Call& call) {
  const auto folder = call.api.accounts.provider().folder(call.name("name"));
  return folder ? json_response(200, shown(call, *folder)) : error_response(folder.error());
}

http::Response update_folder(const Call& call) {
  auto folder = read_folder(call);
  if (!folder) return error_response(folder.error());
  const auto old = changeable_folder(call);
  if (!old) return error_response(old.error());
  if (auto good = check_bounds(call, {folder->mapped_path}, {old->mapped_path}); !good) {
    return error_response(good.error());
  }
  const auto stored = call.api.accounts.update_folder(old->name, std::move(*folder));
  return stored ? api_response(200, "Folder updated") : error_response(stored.error());
}

http::Response delete_folder(const Call& call) {
  const auto old = changeable_folder(call);
  if (!old) return error_response(old.error());
  const auto deleted = call.api.accounts.provider().delete_folder(old->name);
  return deleted ? api_response(200, "Folder deleted") : error_response(deleted.error());
}

}  // namespace ferry::rest
