// The audit log, as every engine has to keep it.
#include <algorithm>

#include "tests/conformance/store/provider_suite.h"

namespace ferry::store {
namespace {

using Texts = std::vector<std::string>;
using model::FileAction, model::FileEvent, model::LogEvent, model::LogEventType, model::ProviderEvent;

FileEvent file(std::int64_t time, std::string username, FileAction action = FileAction::upload) {
  FileEvent event;
  event.timestamp = time;
  event.action = action;
  event.username = std::move(username);
  event.protocol = "SFTP";
  event.ip = "10.0.0.1";
  return event;
}

void record(Provider& store, std::vector<FileEvent> files) {
  ASSERT_TRUE(store.record({.files = std::move(files), .changes = {}, .logins = {}}, "node"));
}

std::vector<std::int64_t> times(const auto& found) {
  std::vector<std::int64_t> list;
  for (const auto& one : found.value()) list.push_back(one.event.timestamp);
  return list;
}
using Times = std::vector<std::int64_t>;

TEST_P(ProviderTest, AuditKeepsEveryField) {
  const FileEvent event{.action = FileAction::rename,
                        .timestamp = 1'700'000'000'123'456'789,
                        .username = "u'\"\n\xc3\xa9",
                        .path = "/srv/\xff",
                        .target_path = "/srv/b",
                        .virtual_path = "/a",
                        .virtual_target_path = "/b",
                        .ssh_cmd = "rsync",
                        .file_size = 1LL << 40,
                        .elapsed = 34,
                        .fs_provider = 1,
                        .bucket = "bucket",
                        .endpoint = "e",
                        .status = 3,
                        .protocol = "SFTP",
                        .ip = "::1",
                        .session_id = "S",
                        .open_flags = 577,
                        .role = "r"};
  const ProviderEvent change{.action = "add",
                             .timestamp = 2,
                             .username = "admin",
                             .ip = "::1",
                             .object_type = "user",
                             .object_name = "n",
                             .object_data = "{}",
                             .role = "r"};
  const LogEvent login{.event = LogEventType::login_unknown_user,
                       .timestamp = 3,
                       .protocol = "SSH",
                       .username = "x",
                       .ip = "::2",
                       .message = "m",
                       .role = "r"};
  ASSERT_TRUE(store_->record({.files = {event}, .changes = {change}, .logins = {login}}, "node-1"));
  EXPECT_EQ(store_->file_events({}).value(), (std::vector{AuditedFile{event.timestamp, "node-1", event}}));
  EXPECT_EQ(store_->provider_events({}).value(), (std::vector{AuditedChange{2, "node-1", change}}));
  EXPECT_EQ(store_->log_events({}).value(), (std::vector{AuditedLogin{3, "node-1", login}}));
  EXPECT_EQ(store_->provider_events({.object_data = false}).value()[0].event.object_data, "");
  EXPECT_TRUE(store_->record({}, ""));
}

TEST_P(ProviderTest, AuditOrdersByTimeAndPages) {
  record(*store_, {file(30, "a"), file(10, "b")});
  record(*store_, {file(20, "c"), file(20, "d"), file(20, "e")});
  EXPECT_EQ(times(store_->file_events({})), (Times{30, 20, 20, 20, 10})) << "newest first";
  EXPECT_EQ(times(store_->file_events({.descending = false})), (Times{10, 20, 20, 20, 30}));
  for (const bool descending : {true, false}) {
    Texts names;
    std::int64_t from = 0;
    while (true) {
      const auto page = store_->file_events({.from_id = from, .descending = descending, .limit = 2}).value();
      for (const AuditedFile& one : page) names.push_back(one.event.username);
      if (page.size() < 2) break;
      from = page.back().id;
    }
    EXPECT_EQ(names, descending ? (Texts{"a", "e", "d", "c", "b"}) : (Texts{"b", "c", "d", "e", "a"}));
  }
}

TEST_P(ProviderTest, AuditFindsByTime) {
  record(*store_, {file(10, "a"), file(20, "b"), file(20, "c"), file(30, "d")});
  EXPECT_EQ(times(store_->file_events({.start = 20})), (Times{30, 20, 20}));
  EXPECT_EQ(times(store_->file_events({.end = 20})), (Times{20, 20, 10}));
  EXPECT_EQ(times(store_->file_events({.start = 11, .end = 29})), (Times{20, 20}));
  EXPECT_EQ(times(store_->file_events({.start = 31})), Times{});
}

TEST_P(ProviderTest, AuditFindsFileEventsByEveryField) {
  FileEvent odd = file(1, "odd", FileAction::ssh_command);
  odd.ip = "10.0.0.2";
  odd.ssh_cmd = "md5sum";
  odd.bucket = "b";
  odd.endpoint = "e";
  odd.protocol = "SSH";
  odd.status = 2;
  odd.fs_provider = 1;
  odd.role = "r";
  FileEvent quota = file(2, "u", FileAction::download);
  quota.status = 3;
  record(*store_, {odd, quota});
  ASSERT_TRUE(store_->record({.files = {file(3, "u")}, .changes = {}, .logins = {}}, "other"));
  const std::pair<AuditQuery, Times> cases[] = {
      {{.actions = {"ssh_cmd"}}, {1}},
      {{.actions = {"ssh_cmd", "upload"}}, {3, 1}},
      {{.actions = {"copy"}}, {}},
      {{.protocols = {"SSH"}}, {1}},
      {{.protocols = {"SSH", "SFTP"}}, {3, 2, 1}},
      {{.instance_ids = {"other"}}, {3}},
      {{.instance_ids = {"other", "node"}}, {3, 2, 1}},
      {{.statuses = {2}}, {1}},
      {{.statuses = {3, 1}}, {3, 2}},
      {{.username = "u"}, {3, 2}},
      {{.username = "u' OR 1=1 --"}, {}},
      {{.ip = "10.0.0.2"}, {1}},
      {{.ssh_cmd = "md5sum"}, {1}},
      {{.bucket = "b"}, {1}},
      {{.endpoint = "e"}, {1}},
      {{.role = "r"}, {1}},
      {{.fs_provider = 1}, {1}},
      {{.fs_provider = 0}, {3, 2}},
      {{.start = 2, .actions = {"upload"}, .protocols = {"SFTP"}, .statuses = {1}, .username = "u"}, {3}},
  };
  for (std::size_t i = 0; i < std::size(cases); ++i) {
    EXPECT_EQ(times(store_->file_events(cases[i].first)), cases[i].second) << "case " << i;
  }
}

TEST_P(ProviderTest, AuditFindsChangesAndLogins) {
  const ProviderEvent first{.action = "add",
                            .timestamp = 1,
                            .username = "a",
                            .ip = "i",
                            .object_type = "user",
                            .object_name = "n",
                            .object_data = "{}",
                            .role = ""};
  ProviderEvent second = first;
  second.timestamp = 2;
  second.action = "delete";
  second.object_type = "folder";
  second.object_name = "m";
  second.role = "r";
  const LogEvent failed{.event = LogEventType::login_failed, .timestamp = 1, .protocol = "SSH", .username = "u"};
  LogEvent fine = failed;
  fine.event = LogEventType::login_ok;
  fine.timestamp = 2;
  fine.protocol = "HTTP";
  fine.ip = "i";
  ASSERT_TRUE(store_->record({.files = {}, .changes = {first, second}, .logins = {failed, fine}}, "node"));
  EXPECT_EQ(times(store_->provider_events({.actions = {"add"}})), Times{1});
  EXPECT_EQ(times(store_->provider_events({.object_types = {"folder", "admin"}})), Times{2});
  EXPECT_EQ(times(store_->provider_events({.object_name = "n"})), Times{1});
  EXPECT_EQ(times(store_->provider_events({.role = "r"})), Times{2});
  EXPECT_EQ(times(store_->provider_events({.username = "a", .ip = "i"})), (Times{2, 1}));
  EXPECT_EQ(times(store_->log_events({.log_types = {5}})), Times{2});
  EXPECT_EQ(times(store_->log_events({.log_types = {1, 5}})), (Times{2, 1}));
  EXPECT_EQ(times(store_->log_events({.protocols = {"SSH"}})), Times{1});
  EXPECT_EQ(times(store_->log_events({.ip = "i"})), Times{2});
  EXPECT_EQ(times(store_->log_events({.username = "u"})), (Times{2, 1}));
}

TEST_P(ProviderTest, AuditForgets) {
  std::vector<FileEvent> files;
  for (int i = 1; i <= 20; ++i) files.push_back(file(i, "u"));
  record(*store_, files);
  const LogEvent login{.event = LogEventType::login_failed, .timestamp = 5};
  ASSERT_TRUE(store_->record({.files = {}, .changes = {}, .logins = {login}}, ""));
  EXPECT_TRUE(store_->forget_events({}).value());
  EXPECT_EQ(times(store_->file_events({})).size(), 20U);
  EXPECT_TRUE(store_->forget_events({.files = 8}).value());
  EXPECT_EQ(times(store_->file_events({.descending = false})).front(), 8);
  EXPECT_EQ(times(store_->log_events({})), Times{5}) << "each kind has a time of its own";
  EXPECT_TRUE(store_->forget_events({.most = 3}).value());
  EXPECT_EQ(times(store_->file_events({})), (Times{20, 19, 18}));
  EXPECT_TRUE(store_->forget_events({.files = 100, .logins = 100}).value());
  EXPECT_EQ(times(store_->file_events({})), Times{});
  EXPECT_EQ(times(store_->log_events({})), Times{});
}

}  // namespace
}  // namespace ferry::store
