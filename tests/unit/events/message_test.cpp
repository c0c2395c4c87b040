// What hooks are told of events, and how events wait.
#include "events/message.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

namespace ferry::events {
namespace {

using model::FileAction, model::FileEvent, model::ProviderEvent;

FileEvent full_event() {
  return {.action = FileAction::rename,
          .timestamp = 1'700'000'000'123'456'789,
          .username = "al & ice=%41+x",
          .path = "/srv/a\n\xff\xfe",
          .target_path = "/srv/b",
          .virtual_path = "/a",
          .virtual_target_path = "/b",
          .ssh_cmd = "rsync",
          .file_size = 12,
          .elapsed = 34,
          .fs_provider = 1,
          .bucket = "bucket",
          .endpoint = "https://s3",
          .status = 3,
          .protocol = "SFTP",
          .ip = "::1",
          .session_id = "SFTP_1",
          .open_flags = 577,
          .role = "role"};
}

std::map<std::string, std::string> variables(const HookRequest& request) {
  return {request.environment.begin(), request.environment.end()};
}

TEST(EventMessage, EveryFieldComesBackFromTheOutbox) {
  const FileEvent event = full_event();
  EXPECT_EQ(file_event_of(to_payload(event)).value(), event);
  FileEvent bare;
  bare.action = FileAction::ssh_command;
  EXPECT_EQ(file_event_of(to_payload(bare)).value(), bare);
  const ProviderEvent change{.action = "update",
                             .timestamp = 5,
                             .username = "admin",
                             .ip = "127.0.0.1",
                             .object_type = "user",
                             .object_name = "na&me",
                             .object_data = "{\"username\":\"\xc3\xa9\"}",
                             .role = "r"};
  EXPECT_EQ(provider_event_of(to_payload(change)).value(), change);
}

TEST(EventMessage, EveryActionHasItsDocumentedName) {
  for (std::size_t i = 0; i < model::file_action_count; ++i) {
    FileEvent event;
    event.action = static_cast<FileAction>(i);
    EXPECT_EQ(file_event_of(to_payload(event)).value().action, event.action);
    EXPECT_EQ(model::file_action_of(to_string(event.action)), event.action);
  }
  EXPECT_EQ(to_string(FileAction::copy), "copy");
  EXPECT_EQ(to_string(FileAction::pre_remove), "pre-delete");
  EXPECT_FALSE(model::file_action_of("Upload"));
}

TEST(EventMessage, DamagedPayloadIsAnError) {
  for (const char* text : {"", "action=never", "username=x", "action=upload&status=1x", "action=upload&what=1",
                           "action=upload&path=%zz", "action=upload&file_size=99999999999999999999"}) {
    EXPECT_FALSE(file_event_of(text)) << text;
  }
  EXPECT_FALSE(provider_event_of("username=x"));
  EXPECT_FALSE(provider_event_of("action=add&nothing=1"));
}

TEST(EventMessage, ProgramsSeeTheDocumentedVariables) {
  const HookRequest request = request_of(full_event());
  EXPECT_EQ(request.name, "fs_actions");
  auto all = variables(request);
  EXPECT_EQ(all.at("SFTPGO_ACTION"), "rename");
  EXPECT_EQ(all.at("SFTPGO_ACTION_USERNAME"), "al & ice=%41+x");
  EXPECT_EQ(all.at("SFTPGO_ACTION_PATH"), "/srv/a\n\xff\xfe") << "names keep their bytes";
  EXPECT_EQ(all.at("SFTPGO_ACTION_TARGET"), "/srv/b");
  EXPECT_EQ(all.at("SFTPGO_ACTION_VIRTUAL_PATH"), "/a");
  EXPECT_EQ(all.at("SFTPGO_ACTION_VIRTUAL_TARGET"), "/b");
  EXPECT_EQ(all.at("SFTPGO_ACTION_SSH_CMD"), "rsync");
  EXPECT_EQ(all.at("SFTPGO_ACTION_FILE_SIZE"), "12");
  EXPECT_EQ(all.at("SFTPGO_ACTION_ELAPSED"), "34");
  EXPECT_EQ(all.at("SFTPGO_ACTION_FS_PROVIDER"), "1");
  EXPECT_EQ(all.at("SFTPGO_ACTION_BUCKET"), "bucket");
  EXPECT_EQ(all.at("SFTPGO_ACTION_ENDPOINT"), "https://s3");
  EXPECT_EQ(all.at("SFTPGO_ACTION_STATUS"), "3");
  EXPECT_EQ(all.at("SFTPGO_ACTION_PROTOCOL"), "SFTP");
  EXPECT_EQ(all.at("SFTPGO_ACTION_IP"), "::1");
  EXPECT_EQ(all.at("SFTPGO_ACTION_SESSION_ID"), "SFTP_1");
  EXPECT_EQ(all.at("SFTPGO_ACTION_OPEN_FLAGS"), "577");
  EXPECT_EQ(all.at("SFTPGO_ACTION_ROLE"), "role");
  EXPECT_EQ(all.at("SFTPGO_ACTION_TIMESTAMP"), "1700000000123456789");
  EXPECT_EQ(all.size(), 19U);
}

TEST(EventMessage, UrlsGetTheDocumentedJson) {
  const auto body = nlohmann::json::parse(request_of(full_event()).body);
  EXPECT_EQ(body.at("action"), "rename");
  EXPECT_EQ(body.at("path"), "/srv/a\n\xef\xbf\xbd\xef\xbf\xbd") << "JSON is UTF-8";
  EXPECT_EQ(body.at("file_size"), 12);
  EXPECT_EQ(body.at("fs_provider"), 1);
  EXPECT_EQ(body.at("status"), 3);
  EXPECT_EQ(body.at("timestamp"), 1'700'000'000'123'456'789);
  EXPECT_EQ(body.size(), 19U);
  const auto bare = nlohmann::json::parse(request_of(FileEvent{}).body);
  for (const char* left_out :
       {"target_path", "virtual_target_path", "ssh_cmd", "file_size", "bucket", "endpoint", "open_flags", "role"}) {
    EXPECT_FALSE(bare.contains(left_out)) << left_out;
  }
}

// What a recorded body tells, as the event that should lead to it.
FileEvent event_of(const nlohmann::json& told) {
  const auto text = [&](const char* name) { return told.value(name, std::string()); };
  const auto number = [&](const char* name) { return told.value(name, std::int64_t{0}); };
  return {.action = model::file_action_of(text("action")).value(),
          .timestamp = 0,
          .username = text("username"),
          .path = text("path"),
          .target_path = text("target_path"),
          .virtual_path = text("virtual_path"),
          .virtual_target_path = text("virtual_target_path"),
          .ssh_cmd = text("ssh_cmd"),
          .file_size = number("file_size"),
          .elapsed = told.contains("elapsed") ? 7 : 0,
          .fs_provider = number("fs_provider"),
          .bucket = text("bucket"),
          .endpoint = text("endpoint"),
          .status = number("status"),
          .protocol = text("protocol"),
          .ip = text("ip"),
          .session_id = text("session_id"),
          .open_flags = number("open_flags"),
          .role = text("role")};
}

TEST(EventMessage, HooksAreToldWhatSftpgoWasSeenToTell) {
  std::ifstream in(std::string(FERRY_TEST_DATA) + "/observed/file_hooks.jsonl");
  std::size_t compared = 0;
  for (std::string line; std::getline(in, line);) {
    const auto step = nlohmann::json::parse(line);
    for (std::size_t i = 0; i < step.at("url").size(); ++i) {
      const auto& body = step.at("url")[i];
      const HookRequest ours = request_of(event_of(body));
      auto ours_body = nlohmann::json::parse(ours.body), theirs = body;
      for (auto* one : {&ours_body, &theirs}) (*one)["timestamp"] = 0;
      if (theirs.contains("elapsed")) theirs["elapsed"] = 7;
      EXPECT_EQ(ours_body, theirs) << step.at("step");
      std::vector<std::string> names;
      for (const auto& [name, value] : ours.environment) names.push_back(name);
      std::vector<std::string> expected;
      for (const auto& [name, value] : step.at("program")[i].items()) expected.push_back(name);
      std::ranges::sort(names);
      std::ranges::sort(expected);
      EXPECT_EQ(names, expected) << step.at("step");
      ++compared;
    }
  }
  EXPECT_GT(compared, 30U);
}

TEST(EventMessage, ChangesOfObjects) {
  const HookRequest request = request_of(ProviderEvent{.action = "add",
                                                       .timestamp = 9,
                                                       .username = "admin",
                                                       .ip = "127.0.0.1",
                                                       .object_type = "user",
                                                       .object_name = "u",
                                                       .object_data = "{}"});
  EXPECT_EQ(request.name, "provider_actions");
  auto all = variables(request);
  EXPECT_EQ(all.at("SFTPGO_PROVIDER_ACTION"), "add");
  EXPECT_EQ(all.at("SFTPGO_PROVIDER_OBJECT_TYPE"), "user");
  EXPECT_EQ(all.at("SFTPGO_PROVIDER_OBJECT_NAME"), "u");
  EXPECT_EQ(all.at("SFTPGO_PROVIDER_USERNAME"), "admin");
  EXPECT_EQ(all.at("SFTPGO_PROVIDER_IP"), "127.0.0.1");
  EXPECT_EQ(all.at("SFTPGO_PROVIDER_ROLE"), "");
  EXPECT_EQ(all.at("SFTPGO_PROVIDER_TIMESTAMP"), "9");
  EXPECT_EQ(all.at("SFTPGO_PROVIDER_OBJECT"), "{}");
  EXPECT_EQ(request.body, "{}");
  EXPECT_EQ(request.query, (Pairs{{"action", "add"},
                                  {"username", "admin"},
                                  {"ip", "127.0.0.1"},
                                  {"object_type", "user"},
                                  {"object_name", "u"},
                                  {"timestamp", "9"}}))
      << "the role only if there is one";
}

}  // namespace
}  // namespace ferry::events
