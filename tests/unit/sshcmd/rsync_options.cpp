#include "protocols/sshcmd/rsync_options.h"

#include <gtest/gtest.h>

namespace ferry::sshcmd {
namespace {

Result<RsyncCall> parse(std::string_view line) { return parse_rsync(*split_command_line(line)); }

ErrorCode refusal(std::string_view line) {
  const auto call = parse(line);
  return call ? ErrorCode::internal : call.error().code;
}

TEST(RsyncOptions, WhatClientsSend) {
  const auto receive = parse("rsync --server -vlogDtpre.iLsfxCIvu --delete --partial-dir .part . 'my dir/'");
  ASSERT_FALSE(receive);  // a value of its own word: clients write --partial-dir=.part
  const auto plain = parse("rsync --server -vlogDtpre.iLsfxCIvu --delete --partial-dir=.part . 'my dir/'");
  ASSERT_TRUE(plain);
  EXPECT_FALSE(plain->sender);
  EXPECT_EQ(plain->options, (std::vector<std::string>{"-vlogDtpre.iLsfxCIvu", "--delete", "--partial-dir=.part"}));
  ASSERT_EQ(plain->paths.size(), 1U);
  EXPECT_EQ(plain->paths[0].text, "my dir/");
  const auto send = parse("rsync --server --sender -e31.14iLsfxC . a b");
  ASSERT_TRUE(send);
  EXPECT_TRUE(send->sender);
  EXPECT_EQ(send->paths.size(), 2U);
  const auto home = parse("rsync --server -e.iLs .");
  ASSERT_TRUE(home);
  EXPECT_EQ(home->paths.size(), 1U);
}

TEST(RsyncOptions, WhatReachesOutIsRefused) {
  for (const char* option :
       {"-s", "-rsve.i", "-L", "-K", "-k", "--daemon", "--secluded-args", "--protect-args", "--copy-links",
        "--rsync-path=x", "--rsh=x", "-e/bin/sh", "--link-dest=/etc", "--link-dest=a/../../b", "--temp-dir=..",
        "--files-from=/etc/passwd", "--no-munge-links", "--server", "--log-file=x"}) {
    EXPECT_EQ(refusal(std::string("rsync --server ") + option + " . x"), ErrorCode::permission_denied) << option;
  }
}

TEST(RsyncOptions, WhatIsNoRequestIsRefused) {
  for (const char* line : {"rsync", "rsync -a a b", "rsync --sender --server . x", "rsync --server x", "rsync --server",
                           "rsync --server . a b", "rsync --server -- . a"}) {
    EXPECT_NE(refusal(line), ErrorCode::internal) << line;
  }
}

TEST(RsyncOptions, LinksAreKeptInsideOrMunged) {
  const auto call = parse("rsync --server --sender -le.i . x");
  ASSERT_TRUE(call);
  const std::vector<std::string> paths{"./x"};
  EXPECT_EQ(rsync_arguments(*call, paths, true),
            (std::vector<std::string>{"--server", "--sender", "-le.i", "--safe-links", ".", "./x"}));
  EXPECT_EQ(rsync_arguments(*call, paths, false),
            (std::vector<std::string>{"--server", "--sender", "-le.i", "--munge-links", ".", "./x"}));
  const auto safe = parse("rsync --server -l --safe-links . x");
  ASSERT_TRUE(safe);
  EXPECT_EQ(rsync_arguments(*safe, paths, true),
            (std::vector<std::string>{"--server", "-l", "--safe-links", ".", "./x"}));
}

}  // namespace
}  // namespace ferry::sshcmd
