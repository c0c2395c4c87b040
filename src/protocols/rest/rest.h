// REST API v2 as SFTPGo's OpenAPI document describes it: what an administrator's programs talk to.
//
//   http::Router router;
//   rest::add_routes(router, {.accounts = accounts, .authenticator = authenticator, .tokens = tokens, .api_keys =
//   api_keys,
//                             .registry = registry, .version = {...}, .status = [&] { return services(); }});
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
#include "protocols/rest/service_status.h"
#include "session/quota_scan.h"
#include "session/registry.h"
#include "store/accounts.h"

namespace ferry::rest {

struct VersionInfo {
  std::string version;
  std::string build_date;  // RFC 3339
  std::string commit_hash;
  std::vector<std::string> features;  // "+sqlite", "-s3", ...
};

// All of it outlives the router. Every part is safe from any thread.
struct Dependencies {
  store::Accounts& accounts;
  auth::Authenticator& authenticator;
  auth::Tokens& tokens;
  auth::ApiKeyChecker& api_keys;
  std::shared_ptr<session::Registry> registry;
  VersionInfo version;
  // What runs now; called for every GET /status, from any thread.
  std::function<ServicesStatus()> status;
  std::shared_ptr<session::Ledger> ledger;
  std::shared_ptr<session::QuotaScans> scans;

  auth::Defender* defender = nullptr;  // null: it is off

  std::filesystem::path backups;   // where dumps lie; made when the first one is written
  std::size_t max_body = 1 << 20;  // bytes of a JSON body

  // The post-connect hook, about a user who logs in from this address; empty: everybody may.
  std::function<Task<bool>(std::string client_ip)> lets_in = {};

  std::shared_ptr<events::Stream> events = {};  // none: nobody is told of changes
  std::function<void()> retry_events = [] {};   // notifications wait again
};

// Adds GET /healthz and everything below /api/v2.
void add_routes(http::Router& router, Dependencies dependencies);

}  // namespace ferry::rest
