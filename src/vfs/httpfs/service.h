// Requests to a server that implements SFTPGo's HTTP storage (its openapi/httpfs.yaml), and what its answers mean.
//
// A name is the whole path, "/d/f", as one percent-encoded segment: GET <base>/stat/%2Fd%2Ff. Answers are JSON.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crypto/secret.h"
#include "http/client_stream.h"
#include "vfs/file_system.h"

namespace ferry::vfs::httpfs {

struct Endpoint {
  std::string base;         // "http://host:8080/api/v1", without a slash at its end
  std::string unix_socket;  // "": TCP
  bool operator==(const Endpoint&) const = default;
};

// An http or https URL; or, for a Unix socket, "http://unix?socket_path=%2Frun%2Ffs.sock&api_prefix=%2Fapi%2Fv1".
// invalid_argument: anything else, also a URL with a user, a query or a fragment.
Result<Endpoint> parse_endpoint(std::string_view text);

struct Login {
  Endpoint endpoint;
  std::string username;  // both empty: no Basic authentication
  crypto::Secret password;
  crypto::Secret api_key;  // sent as X-API-KEY; empty: none
};

using Query = std::vector<std::pair<std::string, std::string>>;

class Service {
 public:
  Service(Login login, std::shared_ptr<http::Client> client) : login_(std::move(login)), client_(std::move(client)) {}

  const Login& login() const { return login_; }

  // A request of a few bytes. Errors by the status: 401, 403 permission_denied; 404 not_found; 501 unsupported; any but
  // 200 and 201 io_error; those of http::Client. GETs that fail for a moment are sent again, up to three times.
  Task<Result<std::string>> call(std::string method, std::string operation, std::string path, Query query,
                                 std::string body = {});
  // A transfer whose body flows. `how`: sends or receives.
  Result<std::unique_ptr<http::ClientStream>> stream(std::string method, std::string operation, const std::string& path,
                                                     const Query& query, http::ClientStreamOptions how);

  Task<Result<FileInfo>> stat(std::string path);
  Task<Result<void>> change(std::string path, AttributeChange change);

  // The error of an answer that is no success; no value: it is one.
  static std::optional<Error> error_of(const http::ClientResponse& answer, std::string_view what);

 private:
  http::ClientRequest request(std::string method, std::string_view operation, std::string_view path,
                              const Query& query) const;

  const Login login_;
  const std::shared_ptr<http::Client> client_;
};

// A FileInfo of an answer. protocol_error: not one.
Result<DirectoryEntry> parse_entry(std::string_view json);
Result<SpaceInfo> parse_space(std::string_view json);

}  // namespace ferry::vfs::httpfs
