#include "base/log.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/json_text.h"

namespace ferry {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class LogTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "ferry-log-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    options_.file_path = (directory_ / "ferry.log").string();
  }
  void TearDown() override {
    ASSERT_TRUE(log::open({}));  // back to stderr, so that the file is closed before it is removed
    fs::remove_all(directory_);
  }
  std::vector<json> lines(const fs::path& file) {
    std::ifstream in(file);
    std::vector<json> found;
    for (std::string line; std::getline(in, line);) found.push_back(json::parse(line));
    return found;
  }
  std::vector<json> lines() { return lines(options_.file_path); }
  std::vector<fs::path> backups() {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(directory_)) {
      if (entry.path().filename() != "ferry.log") found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  fs::path directory_;
  log::Options options_;
};

TEST_F(LogTest, AppLineHasTheDocumentedShape) {
  ASSERT_TRUE(log::open(options_));
  log::info("sftpd", "SFTP_1", "{} bytes", 7);
  log::warn("sftpd", "", "no connection");
  const auto found = lines();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0]["level"], "info");
  EXPECT_EQ(found[0]["sender"], "sftpd");
  EXPECT_EQ(found[0]["connection_id"], "SFTP_1");
  EXPECT_EQ(found[0]["message"], "7 bytes");
  const std::string time = found[0]["time"];
  ASSERT_EQ(time.size(), 23U) << time;
  EXPECT_EQ(time[10], 'T');
  EXPECT_EQ(time[19], '.');
  EXPECT_FALSE(found[1].contains("connection_id"));
}

TEST_F(LogTest, StructuredLineKeepsOrderAndTypes) {
  ASSERT_TRUE(log::open(options_));
  log::write(log::Level::info, "Upload",
             {{"elapsed_ms", std::int64_t{-5}},
              {"size_bytes", std::numeric_limits<std::uint64_t>::max()},
              {"ok", true},
              {"rate", 0.5},
              {"nan", std::nan("")}});
  std::ifstream in(options_.file_path);
  std::string line;
  std::getline(in, line);
  EXPECT_LT(line.find("\"level\""), line.find("\"time\""));
  EXPECT_LT(line.find("\"sender\""), line.find("\"elapsed_ms\""));
  const json parsed = json::parse(line);
  EXPECT_EQ(parsed["elapsed_ms"], -5);
  EXPECT_EQ(parsed["size_bytes"], std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(parsed["ok"], true);
  EXPECT_EQ(parsed["rate"], 0.5);
  EXPECT_TRUE(parsed["nan"].is_null());
}

TEST_F(LogTest, HostileTextStaysOneValidLine) {
  ASSERT_TRUE(log::open(options_));
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  log::message(log::Level::info, all, all, "a\n\"b\\\xff\xc3\xa9\xed\xa0\x80\xf4\x90\x80\x80");
  const auto found = lines();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0]["message"],
            "a\n\"b\\\xEF\xBF\xBD\xc3\xa9\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF"
            "\xBF\xBD");
}

TEST_F(LogTest, LevelsBelowTheLimitAreDropped) {
  options_.level = log::Level::warn;
  ASSERT_TRUE(log::open(options_));
  EXPECT_FALSE(log::enabled(log::Level::info));
  log::debug("a", "", "no");
  log::info("a", "", "no");
  log::message(log::Level::info, "a", "", "no");
  log::warn("a", "", "yes");
  log::error("a", "", "yes");
  EXPECT_EQ(lines().size(), 2U);
}

TEST_F(LogTest, RotatesBySizeAndKeepsTheNewestBackups) {
  options_.max_size_mb = 1;
  options_.max_backups = 2;
  ASSERT_TRUE(log::open(options_));
  const std::string text(100'000, 'x');
  for (int i = 0; i < 45; ++i) log::info("a", "", "{}", text);
  log::flush();
  EXPECT_EQ(backups().size(), 2U);
  for (const auto& file : backups()) {
    EXPECT_LE(fs::file_size(file), 1024U * 1024U);
    EXPECT_GE(fs::file_size(file), 900'000U);
  }
  EXPECT_GE(lines().size(), 1U);
}

TEST_F(LogTest, RotatesOnDemandAndCompresses) {
  options_.compress = true;
  ASSERT_TRUE(log::open(options_));
  log::info("a", "", "before");
  ASSERT_TRUE(log::rotate());
  log::info("a", "", "after");
  log::flush();
  const auto files = backups();
  ASSERT_EQ(files.size(), 1U);
  EXPECT_EQ(files[0].extension(), ".gz");
  gzFile in = gzopen(files[0].c_str(), "rb");
  ASSERT_NE(in, nullptr);
  char buffer[1000] = {};
  ASSERT_GT(gzread(in, buffer, sizeof buffer - 1), 0);
  gzclose(in);
  EXPECT_EQ(json::parse(buffer)["message"], "before");
  EXPECT_EQ(lines().at(0)["message"], "after");
}

TEST_F(LogTest, OldBackupsGoAndForeignFilesStay) {
  options_.max_age_days = 3;
  const fs::path old = directory_ / "ferry-2001-01-01T00-00-00.000.log";
  const fs::path foreign = directory_ / "ferry-notes-of-the-year.log";
  std::ofstream(old) << "{}\n";
  std::ofstream(foreign) << "keep\n";
  const auto ten_days_ago = fs::file_time_type::clock::now() - std::chrono::hours(240);
  fs::last_write_time(old, ten_days_ago);
  fs::last_write_time(foreign, ten_days_ago);
  ASSERT_TRUE(log::open(options_));
  log::info("a", "", "x");
  ASSERT_TRUE(log::rotate());
  log::flush();
  EXPECT_FALSE(fs::exists(old));
  EXPECT_TRUE(fs::exists(foreign));
}

TEST_F(LogTest, AFileLeftWithoutNewlineDoesNotSwallowTheNextLine) {
  std::ofstream(options_.file_path) << "{\"half";
  ASSERT_TRUE(log::open(options_));
  log::info("a", "", "whole");
  std::ifstream in(options_.file_path);
  std::string line;
  std::getline(in, line);
  std::getline(in, line);
  EXPECT_EQ(json::parse(line)["message"], "whole");
}

TEST_F(LogTest, FileIsPrivateAndItsDirectoryIsMade) {
  options_.file_path = (directory_ / "a/b/ferry.log").string();
  ASSERT_TRUE(log::open(options_));
  struct stat info {};
  ASSERT_EQ(::stat(options_.file_path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(LogTest, AnUnusablePathIsAnError) {
  options_.file_path = directory_.string();
  EXPECT_FALSE(log::open(options_));
  options_.file_path = "/proc/nowhere/ferry.log";
  EXPECT_FALSE(log::open(options_));
}

TEST_F(LogTest, ThreadsDoNotMixLinesWhileRotating) {
  ASSERT_TRUE(log::open(options_));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < 500; ++i) log::info("thread", "", "{}", std::string(300, 'y'));
    });
  }
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(log::rotate());
  for (auto& thread : threads) thread.join();
  log::flush();
  std::size_t total = lines().size();
  for (const auto& file : backups()) total += lines(file).size();
  EXPECT_EQ(total, 2000U);
}

TEST(JsonText, KeepsValidUtf8AndEscapesControls) {
  std::string out;
  append_json_string(out, "\xc3\xa9\xf0\x9f\x98\x80\x01\x7f\t");
  EXPECT_EQ(out, "\"\xc3\xa9\xf0\x9f\x98\x80\\u0001\\u007f\\t\"");
  out.clear();
  append_json_string(out, "\xc0\xaf\xe2\x82");  // overlong, then cut off
  EXPECT_EQ(out, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

}  // namespace
}  // namespace ferry
