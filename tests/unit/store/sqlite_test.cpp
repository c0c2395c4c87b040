#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "store/sqlite/sqlite_provider.h"
#include "tests/conformance/store/provider_suite.h"

namespace ferry::store {
namespace {

void run_sql(const std::string& path, const char* sql) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(database);
  sqlite3_close(database);
}

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

class SqliteFile : public testing::Test {
 protected:
  // Opening is refused with this code, and the file stays as it is, byte by byte, alone in its directory.
  std::string refused_untouched(ErrorCode code) {
    const std::string before = content(path_);
    const auto opened = open_sqlite({.path = path_});
    EXPECT_FALSE(opened);
    if (opened) return "";
    EXPECT_EQ(opened.error().code, code) << opened.error().message;
    EXPECT_EQ(content(path_), before);
    const auto files = std::filesystem::directory_iterator(std::filesystem::path(path_).parent_path());
    EXPECT_EQ(std::distance(begin(files), end(files)), 1);
    return opened.error().message;
  }

  ScratchDirectory scratch_;
  std::string path_ = scratch_.file("data.db");
};

TEST_F(SqliteFile, RefusesOneMadeBySftpgo) {
  run_sql(path_,
          "CREATE TABLE schema_version (id integer PRIMARY KEY, version integer);"
          "CREATE TABLE users (id integer PRIMARY KEY, username varchar(255));"
          "INSERT INTO schema_version (version) VALUES (29);");
  const std::string message = refused_untouched(ErrorCode::conflict);
  EXPECT_NE(message.find("SFTPGo"), std::string::npos) << message;
  EXPECT_NE(message.find("--loaddata-from"), std::string::npos) << message;
}

TEST_F(SqliteFile, RefusesOneMadeBySftpgoWithATablePrefix) {
  run_sql(path_, "CREATE TABLE sftpgo_schema_version (version integer); CREATE TABLE sftpgo_users (username text);");
  EXPECT_NE(refused_untouched(ErrorCode::conflict).find("SFTPGo"), std::string::npos);
}

TEST_F(SqliteFile, RefusesForeignTablesAndOtherFiles) {
  run_sql(path_, "CREATE TABLE songs (title text);");
  refused_untouched(ErrorCode::conflict);
  std::filesystem::remove(path_);
  std::ofstream(path_) << std::string(8192, 'x');
  refused_untouched(ErrorCode::conflict);
}

TEST_F(SqliteFile, RefusesASchemaOfTheFuture) {
  ASSERT_TRUE(open_sqlite({.path = path_}));
  run_sql(path_, "UPDATE ferry_schema SET version = 1000");
  const auto opened = open_sqlite({.path = path_});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::conflict);
  EXPECT_NE(opened.error().message.find("newer Ferry"), std::string::npos);
}

TEST_F(SqliteFile, CreatesNoSchemaUnasked) {
  const auto opened = open_sqlite({.path = path_, .create_schema = false});
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("initprovider"), std::string::npos);
  ASSERT_TRUE(open_sqlite({.path = path_}));
  EXPECT_TRUE(open_sqlite({.path = path_, .create_schema = false}));
}

TEST_F(SqliteFile, IsPrivateToItsOwner) {
  auto opened = open_sqlite({.path = path_});
  ASSERT_TRUE(opened);
  ASSERT_TRUE((*opened)->add_user(test_user("a")));
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(path_).parent_path())) {
    struct stat info {};
    ASSERT_EQ(::stat(entry.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600U) << entry.path();
  }
  EXPECT_TRUE((*opened)->check());
  EXPECT_EQ((*opened)->driver(), "sqlite");
}

TEST_F(SqliteFile, UnreachablePathIsAnError) {
  EXPECT_FALSE(open_sqlite({.path = scratch_.file("no/such/directory.db")}));
  EXPECT_FALSE(open_sqlite({.path = scratch_.file("a\"b.db")}));
}

TEST_F(SqliteFile, ADamagedRecordIsAnErrorNotAUser) {
  auto opened = open_sqlite({.path = path_});
  ASSERT_TRUE(opened);
  ASSERT_TRUE((*opened)->add_user(test_user("a")));
  run_sql(path_, "UPDATE users SET data = '{'");
  EXPECT_EQ((*opened)->user("a").error().code, ErrorCode::io_error);
  EXPECT_EQ((*opened)->users({}).error().code, ErrorCode::io_error);
}

// Two processes share one file: the second waits for the first and sees what it did.
TEST_F(SqliteFile, TwoProvidersShareAFile) {
  auto one = open_sqlite({.path = path_});
  auto two = open_sqlite({.path = path_});
  ASSERT_TRUE(one && two);
  ASSERT_TRUE((*one)->add_user(test_user("a")));
  EXPECT_TRUE((*two)->user("a"));
  EXPECT_EQ((*two)->add_user(test_user("a")).error().code, ErrorCode::already_exists);
  ASSERT_TRUE((*two)->update_user_quota("a", {1, 1}, QuotaUpdate::add));
  EXPECT_EQ((*one)->user_quota("a")->files, 1);
}

// Those who want to write meanwhile do not wait for each other, too.
TEST_F(SqliteFile, AnotherProcessHoldsTheLock) {
  auto opened = open_sqlite({.path = path_, .busy_timeout_s = 1});
  ASSERT_TRUE(opened && (*opened)->add_user(test_user("a")));
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  EXPECT_TRUE((*opened)->user("a")) << "reading goes on";
  const auto begin = std::chrono::steady_clock::now();
  std::atomic<int> refused = 0;
  std::vector<std::jthread> writers;
  for (int i = 0; i < 30; ++i) {
    writers.emplace_back([&] {
      const auto set = (*opened)->set_user_last_login("a", 1);
      refused += !set && set.error().code == ErrorCode::io_error;
    });
  }
  writers.clear();
  EXPECT_EQ(refused, 30);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(15)) << "one after the other took 30";
  ASSERT_EQ(sqlite3_exec(other, "ROLLBACK", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(other);
  EXPECT_TRUE((*opened)->set_user_last_login("a", 1));
}

// A user that was read before is answered from memory, but never an old one: whoever changed it, and through what.
TEST_F(SqliteFile, AUserReadBeforeIsTheCurrentOne) {
  auto one = open_sqlite({.path = path_});
  auto two = open_sqlite({.path = path_});
  ASSERT_TRUE(one && two);
  model::User user = test_user("a");
  user.status = 1;
  ASSERT_TRUE((*one)->add_user(user));
  const auto first = (*one)->user("a");
  ASSERT_TRUE(first);
  EXPECT_EQ((*one)->user("a")->get(), first->get()) << "not from memory";

  const auto set_status = [](int status) {
    return [status](model::User& current) -> Result<void> {
      current.status = status;
      return {};
    };
  };
  ASSERT_TRUE((*one)->change_user("a", set_status(0)));
  EXPECT_EQ((*one)->user("a").value()->status, 0);
  ASSERT_TRUE((*two)->change_user("a", set_status(1)));
  EXPECT_EQ((*one)->user("a").value()->status, 1);
  run_sql(path_, "UPDATE users SET last_login = 7");
  EXPECT_EQ((*one)->user("a").value()->last_login, 7);
  ASSERT_TRUE((*two)->delete_user("a"));
  EXPECT_EQ((*one)->user("a").error().code, ErrorCode::not_found);
}

// So is one with the settings of its groups, whoever changed the group.
TEST_F(SqliteFile, AnEffectiveUserReadBeforeIsTheCurrentOne) {
  auto one = open_sqlite({.path = path_});
  auto two = open_sqlite({.path = path_});
  ASSERT_TRUE(one && two);
  ASSERT_TRUE((*one)->add_group(test_group("g")));
  model::User user = test_user("a");
  user.groups = {{"g", 1}};
  ASSERT_TRUE((*one)->add_user(user));
  const auto first = (*one)->effective_user("a");
  ASSERT_TRUE(first);
  EXPECT_EQ((*one)->effective_user("a")->get(), first->get()) << "not from memory";
  EXPECT_EQ((*one)->remembered_user("a").get(), first->get());
  EXPECT_EQ((*one)->remembered_user("b"), nullptr);
  EXPECT_EQ((*two)->remembered_user("a"), nullptr) << "it has not read it";
  for (auto* provider : {&one, &two}) {
    const std::int64_t sessions = provider == &one ? 3 : 4;
    ASSERT_TRUE((**provider)->change_group("g", [&](model::Group& group) -> Result<void> {
      group.user_settings.max_sessions = sessions;
      return {};
    }));
    EXPECT_EQ((*one)->remembered_user("a"), nullptr) << "the group has changed";
    EXPECT_EQ((*one)->effective_user("a").value()->max_sessions, sessions);
    EXPECT_EQ((*one)->user("a").value()->max_sessions, 0);
  }
}

std::string plan_of(sqlite3* database, const std::string& query) {
  std::string plan;
  sqlite3_exec(
      database, ("EXPLAIN QUERY PLAN " + query).c_str(),
      [](void* out, int, char** values, char**) {
        *static_cast<std::string*>(out) += std::string(values[3]) + "\n";
        return 0;
      },
      &plan, nullptr);
  return plan;
}

std::string last_search;  // of files in the audit log

int listen(sqlite3* database, const char**, const void*) {
  return sqlite3_trace_v2(
      database, SQLITE_TRACE_STMT,
      [](unsigned, void*, void* statement, void*) {
        char* text = sqlite3_expanded_sql(static_cast<sqlite3_stmt*>(statement));
        if (std::string_view(text).find("FROM audit_files") != std::string_view::npos) last_search = text;
        sqlite3_free(text);
        return 0;
      },
      nullptr);
}

// A search of the audit log walks along the index that leaves least, in the order of time.
TEST_F(SqliteFile, SearchesOfTheAuditLogUseTheBestIndex) {
  ASSERT_EQ(sqlite3_auto_extension(reinterpret_cast<void (*)()>(listen)), SQLITE_OK);
  auto opened = open_sqlite({.path = path_});
  sqlite3_reset_auto_extension();
  ASSERT_TRUE(opened);
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open((path_ + "-events").c_str(), &database), SQLITE_OK);
  const auto plan = [&](const AuditQuery& query) {
    last_search.clear();
    EXPECT_TRUE((*opened)->file_events(query));
    const std::string plan = plan_of(database, last_search);
    EXPECT_EQ(plan.find("TEMP B-TREE"), std::string::npos) << plan;
    return plan;
  };
  AuditQuery query;
  EXPECT_EQ(plan(query), "SCAN audit_files\n") << "along the time, until there is enough";
  query.actions = {"upload"};
  EXPECT_NE(plan(query).find("audit_files_by_action"), std::string::npos);
  query.username = "alice";
  EXPECT_NE(plan(query).find("audit_files_by_user"), std::string::npos);
  query.username.reset();
  query.ip = "192.0.2.1";
  EXPECT_NE(plan(query).find("audit_files_by_ip"), std::string::npos);
  query = {};
  query.start = 5;
  query.end = 7;
  EXPECT_NE(plan(query).find("INTEGER PRIMARY KEY"), std::string::npos);
  sqlite3_close(database);
}

// Lookups go by index: no plan of a statement that names one object scans a table.
TEST_F(SqliteFile, LookupsUseAnIndex) {
  ASSERT_TRUE(open_sqlite({.path = path_}));
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &database), SQLITE_OK);
  for (const char* query :
       {"SELECT data FROM users WHERE username = 'a'", "SELECT data FROM admins WHERE username = 'a'",
        "SELECT data FROM folders WHERE name = 'a'",
        "SELECT f.data FROM users_folders m JOIN folders f ON f.id = m.folder_id WHERE m.user_id = 1",
        "SELECT u.username FROM users_folders m JOIN users u ON u.id = m.user_id WHERE m.folder_id = 1",
        "SELECT data FROM account_groups WHERE name = 'a'", "SELECT data FROM roles WHERE name = 'a'",
        "SELECT g.name FROM users_groups m JOIN account_groups g ON g.id = m.group_id WHERE m.user_id = 1",
        "SELECT u.username FROM users_groups m JOIN users u ON u.id = m.user_id WHERE m.group_id = 1",
        "SELECT f.data FROM groups_folders m JOIN folders f ON f.id = m.folder_id WHERE m.group_id = 1",
        "SELECT g.name FROM groups_folders m JOIN account_groups g ON g.id = m.group_id WHERE m.folder_id = 1",
        "SELECT data FROM users WHERE role_id = (SELECT id FROM roles WHERE name = 'a') ORDER BY username LIMIT 9",
        "UPDATE users SET used_quota_size = 1 WHERE username = 'a'"}) {
    const std::string plan = plan_of(database, query);
    EXPECT_NE(plan.find("SEARCH"), std::string::npos) << query;
    EXPECT_EQ(plan.find("SCAN"), std::string::npos) << query << "\n" << plan;
  }
  sqlite3_close(database);
}

// The tables of schema 1 with what that version wrote: names of groups and roles in the records alone.
constexpr const char* schema_1 = R"(
CREATE TABLE ferry_schema (version INTEGER NOT NULL);
INSERT INTO ferry_schema (version) VALUES (1);
CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, username TEXT NOT NULL UNIQUE, created_at BIGINT NOT NULL,
 updated_at BIGINT NOT NULL, last_login BIGINT NOT NULL DEFAULT 0, first_download BIGINT NOT NULL DEFAULT 0,
 first_upload BIGINT NOT NULL DEFAULT 0, used_quota_size BIGINT NOT NULL DEFAULT 0,
 used_quota_files BIGINT NOT NULL DEFAULT 0, last_quota_update BIGINT NOT NULL DEFAULT 0,
 used_upload_data_transfer BIGINT NOT NULL DEFAULT 0, used_download_data_transfer BIGINT NOT NULL DEFAULT 0,
 data TEXT NOT NULL);
CREATE TABLE admins (id INTEGER PRIMARY KEY AUTOINCREMENT, username TEXT NOT NULL UNIQUE, created_at BIGINT NOT NULL,
 updated_at BIGINT NOT NULL, last_login BIGINT NOT NULL DEFAULT 0, data TEXT NOT NULL);
CREATE TABLE folders (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,
 used_quota_size BIGINT NOT NULL DEFAULT 0, used_quota_files BIGINT NOT NULL DEFAULT 0,
 last_quota_update BIGINT NOT NULL DEFAULT 0, data TEXT NOT NULL);
CREATE TABLE users_folders (user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
 position INTEGER NOT NULL, folder_id INTEGER NOT NULL REFERENCES folders (id) ON DELETE CASCADE,
 virtual_path TEXT NOT NULL, quota_size BIGINT NOT NULL, quota_files BIGINT NOT NULL, subpath TEXT NOT NULL,
 PRIMARY KEY (user_id, position)) WITHOUT ROWID;
CREATE INDEX users_folders_by_folder ON users_folders (folder_id);
INSERT INTO folders (id, name, data) VALUES (4, 'f', '{"name":"f","mapped_path":"/m"}');
INSERT INTO users (id, username, created_at, updated_at, last_login, used_quota_files, data) VALUES
 (7, 'maria', 1, 2, 3, 5, '{"username":"maria","home_dir":"/h","permissions":{"/":["*"]},"role":"north",
   "groups":[{"name":"b","type":2},{"name":"a","type":1},{"name":"b","type":3}]}'),
 (8, 'plain', 1, 2, 3, 0, '{"username":"plain","home_dir":"/h","permissions":{"/":["*"]}}');
INSERT INTO users_folders VALUES (7, 0, 4, '/v', 0, 0, '');
INSERT INTO admins (id, username, created_at, updated_at, data) VALUES
 (1, 'root', 1, 2, '{"username":"root","permissions":["*"]}'),
 (2, 'limited', 1, 2, '{"username":"limited","permissions":["view_users"],"role":"south",
   "groups":[{"name":"c","options":{"add_to_users_as":2}},{"name":"a","options":{}}]}');
)";

TEST_F(SqliteFile, BringsSchema1Along) {
  run_sql(path_, schema_1);
  const auto unasked = open_sqlite({.path = path_, .create_schema = false});
  ASSERT_FALSE(unasked);
  EXPECT_NE(unasked.error().message.find("initprovider"), std::string::npos);
  auto opened = open_sqlite({.path = path_});
  ASSERT_TRUE(opened) << opened.error().message;
  Provider& store = **opened;
  const auto maria = *store.user("maria");
  EXPECT_EQ(maria->id, 7);
  EXPECT_EQ(maria->used_quota_files, 5);
  EXPECT_EQ(maria->role, "north");
  EXPECT_EQ(maria->groups, (std::vector<model::GroupMapping>{{"b", 2}, {"a", 1}}));
  EXPECT_EQ(maria->virtual_folders.at(0).mapped_path, "/m");
  EXPECT_TRUE((*store.user("plain"))->groups.empty());
  EXPECT_EQ((*store.user("plain"))->role, "");
  EXPECT_EQ((*store.admin("root"))->role, "");
  EXPECT_EQ((*store.admin("limited"))->role, "south");
  EXPECT_EQ((*store.admin("limited"))->groups, (std::vector<model::AdminGroupMapping>{{"c", {2}}, {"a", {0}}}));
  EXPECT_EQ(store.groups({})->size(), 3U);
  EXPECT_EQ(store.group("a")->users, std::vector<std::string>{"maria"});
  EXPECT_EQ(store.group("a")->user_settings, model::GroupUserSettings());
  EXPECT_GT(store.group("a")->created_at, 1'700'000'000'000);
  EXPECT_EQ(store.roles({})->size(), 2U);
  EXPECT_EQ(store.role("south")->admins, std::vector<std::string>{"limited"});
  EXPECT_TRUE(store.effective_user("maria"));
  ASSERT_TRUE(store.change_user("maria", [](model::User& user) -> Result<void> {
    user.role.clear();
    user.groups.clear();
    return {};
  }));
  EXPECT_EQ((*store.user("maria"))->role, "");
  EXPECT_TRUE((*store.user("maria"))->groups.empty());
  opened->reset();
  EXPECT_TRUE(open_sqlite({.path = path_, .create_schema = false}));
}

}  // namespace
}  // namespace ferry::store
