// The lines that operators' tools read: names and order of the fields.
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "tests/unit/session/support.h"

namespace ferry::session {
namespace {

using test::run;
using Json = nlohmann::ordered_json;

class Logs : public SessionTest {
 protected:
  void SetUp() override {
    SessionTest::SetUp();
    ASSERT_TRUE(log::open({.file_path = base / "ferry.log"}));
    login();
  }
  void TearDown() override { ASSERT_TRUE(log::open({.file_path = "", .level = log::Level::warn})); }

  // The last line of `sender`.
  Json last(const std::string& sender) {
    log::flush();
    std::ifstream in(base / "ferry.log");
    Json found;
    for (std::string line; std::getline(in, line);) {
      const Json parsed = Json::parse(line);
      if (parsed.at("sender") == sender) found = parsed;
    }
    return found;
  }
  static std::vector<std::string> keys(const Json& line) {
    std::vector<std::string> names;
    for (const auto& [key, value] : line.items()) names.push_back(key);
    return names;
  }
};

TEST_F(Logs, TellOfTransfers) {
  ASSERT_TRUE(put("/f", "12345"));
  Json line = last("Upload");
  EXPECT_EQ(keys(line), (std::vector<std::string>{"level", "time", "sender", "local_addr", "remote_addr", "elapsed_ms",
                                                  "size_bytes", "username", "file_path", "virtual_path",
                                                  "connection_id", "protocol"}));
  EXPECT_EQ(line["level"], "info");
  EXPECT_EQ(line["size_bytes"], 5);
  EXPECT_EQ(line["username"], "alice");
  EXPECT_EQ(line["file_path"], real("f"));
  EXPECT_EQ(line["virtual_path"], "/f");
  EXPECT_EQ(line["connection_id"], "SFTP_1");
  EXPECT_EQ(line["protocol"], "SFTP");
  EXPECT_EQ(line["local_addr"], "127.0.0.1:2022");
  EXPECT_EQ(line["remote_addr"], "127.0.0.1:4711");
  ASSERT_TRUE(get("/f"));
  EXPECT_EQ(last("Download")["size_bytes"], 5);

  auto file = run(session->open(at("/g"), for_upload)).value();
  ASSERT_TRUE(write(*file, 0, "123"));
  run(file->abandon({ErrorCode::connection_lost, "reset by peer"}));
  line = last("Upload");
  EXPECT_EQ(line["level"], "error");
  EXPECT_EQ(line["size_bytes"], 3);
  EXPECT_EQ(line["error"], "connection lost: reset by peer");
}

TEST_F(Logs, TellOfCommands) {
  ASSERT_TRUE(put("/f", "12345"));
  ASSERT_TRUE(run(session->rename(at("/f"), at("/g"), false)));
  Json line = last("Rename");
  EXPECT_EQ(keys(line),
            (std::vector<std::string>{"level",    "time",      "sender",      "local_addr",    "remote_addr",
                                      "username", "file_path", "target_path", "virtual_path",  "virtual_target_path",
                                      "filemode", "uid",       "gid",         "access_time",   "modification_time",
                                      "size",     "elapsed",   "ssh_command", "connection_id", "protocol"}));
  EXPECT_EQ(line["file_path"], real("f"));
  EXPECT_EQ(line["target_path"], real("g"));
  EXPECT_EQ(line["virtual_path"], "/f");
  EXPECT_EQ(line["virtual_target_path"], "/g");
  EXPECT_EQ(line["filemode"], "");
  EXPECT_EQ(line["uid"], -1);
  EXPECT_EQ(line["size"], -1);
  ASSERT_TRUE(run(session->set_attributes(
      at("/g"), {.size = 3, .mode = 0640, .times = {{{1'000'000'000, 0}, {1'000'000'001, 0}}}}, true)));
  EXPECT_EQ(last("Chmod")["filemode"], "-rw-r-----");
  EXPECT_EQ(last("Truncate")["size"], 3);
  EXPECT_EQ(last("Chtimes")["access_time"], "2001-09-09T01:46:40");
  EXPECT_EQ(last("Chtimes")["modification_time"], "2001-09-09T01:46:41");
  ASSERT_TRUE(run(session->make_directory(at("/d"), 0755)));
  EXPECT_EQ(last("Mkdir")["file_path"], real("d"));
  ASSERT_TRUE(run(session->remove_directory(at("/d"))));
  EXPECT_EQ(last("Rmdir")["file_path"], real("d"));
  ASSERT_TRUE(run(session->make_symlink("/g", at("/l"))));
  EXPECT_EQ(last("Symlink")["file_path"], real("g")) << "what it leads to comes first";
  EXPECT_EQ(last("Symlink")["virtual_target_path"], "/l");
  ASSERT_TRUE(run(session->remove_file(at("/l"))));
  EXPECT_EQ(last("Remove")["file_path"], real("l"));
  EXPECT_FALSE(run(session->remove_file(at("/none"))));
  EXPECT_EQ(last("SFTP")["level"], "debug");
  EXPECT_EQ(last("Remove")["file_path"], real("l")) << "a failed command is no command line";
}

TEST_F(Logs, TellOfSshCommands) {
  run(session->command_ended("md5sum", {at("/f")}, false));
  EXPECT_TRUE(last("SSHCommand").is_null()) << "it failed";
  run(session->command_ended("sftpgo-copy", {at("/f"), at("/g")}, true));
  const Json line = last("SSHCommand");
  EXPECT_EQ(line["virtual_path"], "/f");
  EXPECT_EQ(line["target_path"], real("g"));
  run(session->command_ended("pwd", {}, true));
  EXPECT_EQ(last("SSHCommand")["virtual_path"], "");
}

}  // namespace
}  // namespace ferry::session
