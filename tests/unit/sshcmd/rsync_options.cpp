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
  for (const char* option : {"-s",
                             "-rsve.i",
                             "-L",
                             "-K",
                             "-k",
                             "--daemon",
                             "--secluded-args",
                             "--protect-args",
                             "--copy-links",
                             "--rsync-path=x",
                             "--rsh=x",
                             "-e/bin/sh",
                             "--link-dest=/etc",
                             "--link-dest=a/../../b",
                             "--temp-dir=..",
                             "--files-from=/etc/passwd",
                             "--no-munge-links",
                             "--server",
                             "--log-file=x",
                             "-a",
                             "--archive",
                             "--chmod=u+s",
                             "--copy-as=root",
                             "--insecure-links"}) {
    EXPECT_EQ(refusal(std::string("rsync --server ") + option + " . x"), ErrorCode::permission_denied) << option;
  }
}

TEST(RsyncOptions, WhatIsNoRequestIsRefused) {
  for (const char* line : {"rsync", "rsync -a a b", "rsync --sender --server . x", "rsync --server x", "rsync --server",
                           "rsync --server . a b", "rsync --server -- . a"}) {
    EXPECT_NE(refusal(line), ErrorCode::internal) << line;
  }
}

using Words = std::vector<std::string>;
const std::vector<std::string> paths{"./x"};
constexpr session::NativeRights all_rights;

Words arguments(std::string_view line, const session::NativeRights& rights) {
  const auto run = rsync_run(*parse(line), paths, rights);
  return run ? run->arguments : Words{"refused: " + run.error().message};
}

TEST(RsyncOptions, LinksAreKeptInsideOrMunged) {
  const std::string_view line = "rsync --server --sender -le.i . x";
  EXPECT_EQ(arguments(line, all_rights), (Words{"--server", "--sender", "--safe-links", "-le.i", ".", "./x"}));
  EXPECT_EQ(arguments(line, {.links = false}), (Words{"--server", "--sender", "--munge-links", "-le.i", ".", "./x"}));
}

// The last option may take the next word for its value: ours must not be that.
TEST(RsyncOptions, OursCannotBeSwallowed) {
  EXPECT_EQ(arguments("rsync --server -lT . x", {.links = false}),
            (Words{"--server", "--munge-links", "--chmod=ug-s", "-lT", ".", "./x"}));
}

TEST(RsyncOptions, WhatNeedsARightHasNoEffectWithout) {
  const std::string_view line = "rsync --server -vlogDtprEe.iLsfxogtp . x";
  EXPECT_EQ(arguments(line, all_rights),
            (Words{"--server", "--safe-links", "--chmod=ug-s", "-vlogDtprEe.iLsfxogtp", ".", "./x"}));
  const auto run = rsync_run(*parse(line), paths, {.chmod = false, .chown = false, .chtimes = false});
  ASSERT_TRUE(run);
  EXPECT_EQ(run->arguments, (Words{"--server", "--safe-links", "--chmod=ug-s", "--no-super",
                                   "--groupmap=0-4294967295:4294967294", "-vlogDre.iLsfxogtp", ".", "./x"}));
  EXPECT_EQ(run->ignored, "-o -g -t -p -E");
  EXPECT_EQ(arguments("rsync --server -t . x", {.chtimes = false}),
            (Words{"--server", "--safe-links", "--chmod=ug-s", ".", "./x"}));
  // Files that leave are not touched.
  EXPECT_EQ(arguments("rsync --server --sender -logDtprHe.i . x", {.links = false, .chmod = false, .chown = false}),
            (Words{"--server", "--sender", "--munge-links", "-logDtprHe.i", ".", "./x"}));
}

TEST(RsyncOptions, WhatNeedsARightIsRefusedWithout) {
  const session::NativeRights none{.links = false, .chmod = false, .chown = false, .chtimes = false, .xattrs = false};
  for (const char* option : {"-H",
                             "-rHe.i",
                             "--hard-links",
                             "--link-dest=a",
                             "-A",
                             "--perms",
                             "--executability",
                             "--acls",
                             "--owner",
                             "--group",
                             "--chown=a:b",
                             "--usermap=*:0",
                             "--groupmap=*:0",
                             "--super",
                             "--fake-super",
                             "--times",
                             "-U",
                             "-N",
                             "--atimes",
                             "--crtimes",
                             "-X",
                             "--xattrs"}) {
    const auto call = parse(std::string("rsync --server ") + option + " . x");
    ASSERT_TRUE(call) << option;
    EXPECT_TRUE(rsync_run(*call, paths, all_rights)) << option;
    const auto run = rsync_run(*call, paths, none);
    EXPECT_EQ(run ? ErrorCode::internal : run.error().code, ErrorCode::permission_denied) << option;
  }
}

}  // namespace
}  // namespace ferry::sshcmd
