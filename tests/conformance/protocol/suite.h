// One suite over every protocol: what an account may do, and what then lies on the disk, is the same through all of
// them. A protocol runs it with
//
//   INSTANTIATE_TEST_SUITE_P(Sftp, ProtocolTest, testing::Values(&sftp_protocol), name_of_protocol);
//
// where sftp_protocol is a Protocol that lives as long as the process. The session, the storage, the ledger and the
// events are the real ones; only the network is missing.
#pragma once

#include <algorithm>
#include <map>

#include "base/log.h"
#include "tests/conformance/protocol/protocol.h"
#include "tests/unit/session/quota_support.h"

namespace ferry::conformance {

using session::UploadMode;

inline constexpr UploadMode upload_modes[] = {UploadMode::standard, UploadMode::atomic, UploadMode::atomic_with_resume};

// Every value of a byte, in no short period. The first one begins no control line of SCP, so that data which follows
// a refusal is not taken for one.
inline std::string bytes_of(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 7 + i / 251);
  return text;
}

class ProtocolTest : public session::QuotaTest, public testing::WithParamInterface<const Protocol*> {
 protected:
  const Protocol& protocol() const { return *GetParam(); }
  Abilities able() const { return protocol().abilities(); }

  // The account of QuotaTest without limits of its own; its folder "/own" has 500 bytes and 3 files.
  void SetUp() override {
    ASSERT_TRUE(log::open({.file_path = logs_ / "ferry.log"}));
    QuotaTest::SetUp();
    info.protocol = protocol().name();
    user.quota_size = user.quota_files = 0;
    log_in();
  }
  void TearDown() override {
    QuotaTest::TearDown();
    events.reset();  // before the provider
    ASSERT_TRUE(log::open({.file_path = "", .level = log::Level::warn}));
  }
  void log_in() { count({.tracking = quota::Tracking::all}); }
  void log_in(UploadMode mode) {
    options.upload_mode = mode;
    log_in();
  }

  Outcome up(std::string_view path, std::string_view bytes, std::size_t cut_after = Protocol::all) {
    return protocol().put(*session, path, bytes, cut_after);
  }
  std::pair<Outcome, std::string> down(std::string_view path) { return protocol().get(*session, path); }
  void discard(std::string_view path) { ASSERT_TRUE(test::run(session->remove_file(session::at(path)))); }
  std::string on_disk_at(std::string_view name) { return test::read_file(real(name)); }

  // Every file, link and directory outside the home, with what the files hold.
  std::map<std::string, std::string> outside() {
    std::map<std::string, std::string> found;
    auto walk = std::filesystem::recursive_directory_iterator(base.path());
    for (auto at = begin(walk); at != end(walk); ++at) {
      if (at->path() == user.home_dir) {
        at.disable_recursion_pending();
        continue;
      }
      found[at->path()] = at->is_regular_file() ? test::read_file(at->path()) : "";
    }
    return found;
  }

  // Of the log; empty: there is none.
  std::string last_line_of(const std::string& sender) {
    log::flush();
    std::ifstream in(logs_ / "ferry.log");
    std::string found;
    for (std::string line; std::getline(in, line);) {
      if (line.find("\"sender\":\"" + sender + '"') != std::string::npos) found = line;
    }
    return found;
  }

 private:
  test::TempDirectory logs_;
};

inline std::string name_of_protocol(const testing::TestParamInfo<const Protocol*>& info) { return info.param->name(); }

}  // namespace ferry::conformance
