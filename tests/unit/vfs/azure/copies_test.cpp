// Copies that Azure makes by itself: a pending one is not complete, and what somebody else stored meanwhile is his.
#include <gtest/gtest.h>

#include "http/client.h"
#include "tests/support/run.h"
#include "tests/unit/vfs/s3/scripted_service.h"
#include "vfs/azure/azure_store.h"

namespace ferry::vfs::azure {
namespace {

using test::run;
using test::ScriptedService;

constexpr std::string_view ours = "0123456789abcdef0123456789abcdef";

std::string blob(const std::string& id, const std::string& status) {
  std::string headers = "Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\nETag: \"v2\"\r\n";
  if (!id.empty()) headers += "x-ms-copy-id: " + id + "\r\nx-ms-copy-status: " + status + "\r\n";
  return ScriptedService::answer("200 OK", headers, "");
}

class AzureCopies : public testing::Test {
 protected:
  static std::string method(const std::string& request) { return request.substr(0, request.find(' ')); }
  std::unique_ptr<AzureStore> store(const ScriptedService& service) {
    StoreOptions options;
    options.container = "files";
    options.account_name = "account";
    options.account_key = crypto::Secret("c2VjcmV0");
    options.endpoint = service.url() + "/account";
    options.use_emulator = true;
    http::ClientOptions plain;
    auto made = AzureStore::make(std::move(options), std::make_shared<http::Client>(plain), nullptr);
    EXPECT_TRUE(made) << made.error().message;
    return std::move(*made);
  }
  Result<object::ObjectInfo> copy(AzureStore& store) {
    object::ObjectProperties properties;
    properties.writing = std::string(ours);
    object::Condition none;
    return run(store.copy("a", "b", properties, "\"v1\"", none));
  }
};

TEST_F(AzureCopies, WhatSomebodyElseStoredMeanwhileStays) {
  // Ours is accepted; before it is looked at, an upload of somebody else has replaced it, or a copy of somebody else.
  for (const std::string& there : {blob("", ""), blob("theirs", "failed"), blob("theirs", "success")}) {
    ScriptedService service([&](const std::string& request) {
      if (method(request) == "PUT") {
        return ScriptedService::answer("202 Accepted", "x-ms-copy-id: mine\r\nx-ms-copy-status: pending\r\n", "");
      }
      return there;
    });
    const auto made = copy(*store(service));
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::conflict);
    for (const std::string& request : service.requests()) EXPECT_NE(method(request), "DELETE");
  }
}

TEST_F(AzureCopies, WhatAFailedOneLeftIsRemoved) {
  ScriptedService service([](const std::string& request) {
    if (method(request) == "PUT") {
      return ScriptedService::answer("202 Accepted", "x-ms-copy-id: mine\r\nx-ms-copy-status: pending\r\n", "");
    }
    if (method(request) == "DELETE") return ScriptedService::answer("202 Accepted", "", "");
    return blob("mine", "failed");
  });
  EXPECT_FALSE(copy(*store(service)));
  EXPECT_EQ(method(service.requests().back()), "DELETE");
}

TEST_F(AzureCopies, APendingOneIsNotTakenForComplete) {
  ScriptedService service([](const std::string&) {
    std::string pending = blob("mine", "pending");
    pending.insert(pending.find("ETag"), "x-ms-meta-ferrywriting: " + std::string(ours) + "\r\n");
    return pending;
  });
  const auto there = run(store(service)->head("b"));
  ASSERT_TRUE(there) << there.error().message;
  EXPECT_EQ(there->writing, "");
}

}  // namespace
}  // namespace ferry::vfs::azure
