// REST API v2 as SFTPGo's OpenAPI document describes it: what an administrator's programs talk to.
//
//   http::Router router;
//   rest::add_routes(router, {.accounts = accounts,
//                             .logins = {.authenticator = authenticator, .tokens = tokens, .api_keys = api_keys},
//                             .sessions = {.registry = registry, .ledger = ledger, .scans = scans},
//                             .server = {.version = {...}, .status = [&] { return services(); }},
//                             .backups = directory});
//   http::Server server(contexts, std::move(router), {});
//
// Every route is one row of the table in routes.cpp; the row says which permission its caller needs.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "auth/api_keys.h"
#include "auth/defender.h"
#include "auth/login.h"
#include "auth/token.h"
#include "base/task.h"
#include "events/stream.h"
#include "http/router.h"
#include "presence/registry.h"
#include "protocols/rest/service_status.h"
#include "protocols/rest/storage_check.h"
#include "session/quota_scan.h"
#include "store/accounts.h"

namespace ferry::rest {

struct VersionInfo {
  std::string version;
  std::string build_date;  // RFC 3339
  std::string commit_hash;
  std::vector<std::string> features;  // "+sqlite", "-s3", ...
};

// How callers prove who they are.
struct LoginParts {
  auth::Authenticator& authenticator;
  auth::Tokens& tokens;
  auth::ApiKeyChecker& api_keys;
  auth::Defender* defender = nullptr;  // null: it is off
  // The post-connect hook, about a user who logs in from this address; empty: everybody may.
  std::function<Task<bool>(std::string client_ip)> lets_in = {};
};

// What accounts are doing now, and what they have used.
struct SessionParts {
  std::shared_ptr<presence::Registry> registry;
  std::shared_ptr<quota::Ledger> ledger;
  std::shared_ptr<session::QuotaScans> scans;
};

// Who is told of changes.
struct EventParts {
  std::shared_ptr<events::Stream> stream = {};  // null: nobody
  std::function<void()> retry = [] {};          // called when dead letters wait to be delivered again
};

// The server about itself.
struct ServerParts {
  VersionInfo version;
  // What runs now; called for every GET /status, from any thread.
  std::function<ServicesStatus()> status;
};

// POST /storage-checks.
struct StorageCheckParts {
  // limit_exceeded: the administrator has one that runs, or there are too many. Empty: there are no such checks.
  std::function<Task<Result<StorageReport>>(StorageCheck check)> run = {};
  bool open_to_roles = false;  // httpd.allow_storage_checks
};

// What the operations work with. All of it outlives the router, and every part is safe from any thread.
struct Dependencies {
  store::Accounts& accounts;
  LoginParts logins;
  SessionParts sessions;
  ServerParts server;
  EventParts events = {};
  StorageCheckParts storage_checks = {};
  std::filesystem::path backups;   // where dumps lie; made when the first one is written
  std::size_t max_body = 1 << 20;  // bytes of a JSON body
};

// Adds GET /healthz and everything below /api/v2.
void add_routes(http::Router& router, Dependencies dependencies);

}  // namespace ferry::rest
