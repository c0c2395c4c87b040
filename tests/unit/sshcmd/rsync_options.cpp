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
  const auto plain = parse("rsync --server -vlogDtpre.iLsfxCIvu --delete -B700 . 'my dir/'");
  ASSERT_TRUE(plain);
  EXPECT_FALSE(plain->sender);
  EXPECT_EQ(plain->options, (std::vector<std::string>{"-vlogDtpre.iLsfxCIvu", "--delete", "-B700"}));
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

// rsync writes them as words of their own (options.c, server_options()).
TEST(RsyncOptions, PathsAreWordsOfTheirOwn) {
  for (const char* name :
       {"--partial-dir", "--link-dest", "--copy-dest", "--compare-dest", "--backup-dir", "--temp-dir"}) {
    for (const char* between : {" ", "="}) {
      const auto call = parse(std::string("rsync --server -re.i ") + name + between + "../-x --delete . there");
      ASSERT_TRUE(call) << name << call.error().message;
      ASSERT_EQ(call->named.size(), 1U);
      EXPECT_EQ(call->named[0].name, name);
      EXPECT_EQ(call->named[0].value.text, "../-x");
      EXPECT_EQ(call->options, (std::vector<std::string>{"-re.i", "--delete"}));
      ASSERT_EQ(call->paths.size(), 1U);
    }
    EXPECT_EQ(refusal(std::string("rsync --server -re.i ") + name + "= . x"), ErrorCode::invalid_argument);
    EXPECT_EQ(refusal(std::string("rsync --server -re.i ") + name), ErrorCode::invalid_argument);
    EXPECT_EQ(refusal(std::string("rsync --server -re.i ") + name + " . x"), ErrorCode::invalid_argument);
  }
  const auto two = parse("rsync --server -re.i --link-dest /a --link-dest ../b . there");
  ASSERT_TRUE(two);
  EXPECT_EQ(two->named.size(), 2U);
  // What only a receiver needs is sent to a sender too.
  const auto sending = parse("rsync --server --sender -bre.i --backup-dir x --files-from list . a");
  ASSERT_TRUE(sending);
  ASSERT_EQ(sending->named.size(), 1U);
  EXPECT_EQ(sending->named[0].value.text, "list");
  const auto coming = parse("rsync --server --sender -re.i --files-from=- --from0 . a");
  ASSERT_TRUE(coming);
  EXPECT_TRUE(coming->has("--files-from=-"));
  EXPECT_EQ(refusal("rsync --server -re.i --files-from list . a"), ErrorCode::permission_denied);
}

VirtualPath at(std::string_view text) { return *VirtualPath::parse(text); }

TEST(RsyncOptions, WherePathsLead) {
  struct Case {
    const char *target, *value, *path;
  };
  for (const Case& one : {Case{"/b/new", "../prev", "/b/prev"}, Case{"/b/new", "/b/prev", "/b/prev"},
                          Case{"/b/new", "/", "/"}, Case{"/", "/prev", "/prev"}, Case{"/b", ".part", "/b/.part"},
                          Case{"/b", "x/../y//./z", "/b/y/z"}, Case{"/share", "../share2/.", "/share2"}}) {
    const auto found = rsync_directory(at(one.target), one.value);
    ASSERT_TRUE(found) << one.value;
    EXPECT_EQ(*found, at(one.path)) << one.value;
  }
  for (const char* value : {"../..", "../../b/x", "/..", "/../etc", "x/../../../y"}) {
    EXPECT_FALSE(rsync_directory(at("/b"), value)) << value;
  }
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
                             "--suffix=/../x",
                             "--read-batch=x",
                             "--write-batch=x",
                             "--early-input=x",
                             "--filter=.x",
                             "--exclude-from=x",
                             "--password-file=x",
                             "-T",
                             "-lT",
                             "-f",
                             "-M--rsh",
                             "-Bx",
                             "--chown=a:b",
                             "--an-option-of-tomorrow",
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
const RsyncPlaces places{.paths = {"./x"}, .named = {}};
constexpr session::NativeRights all_rights;

Words arguments(std::string_view line, const session::NativeRights& rights) {
  const auto run = rsync_run(*parse(line), places, rights);
  return run ? run->arguments : Words{"refused: " + run.error().message};
}

TEST(RsyncOptions, LinksAreKeptInsideOrMunged) {
  const std::string_view line = "rsync --server --sender -le.i . x";
  EXPECT_EQ(arguments(line, all_rights), (Words{"--server", "--sender", "--safe-links", "-le.i", ".", "./x"}));
  EXPECT_EQ(arguments(line, {.links = false}), (Words{"--server", "--sender", "--munge-links", "-le.i", ".", "./x"}));
}

TEST(RsyncOptions, NamedPathsGoToTheProgramAsTheyWereFound) {
  const auto call = parse("rsync --server -re.i --link-dest /prev --partial-dir .p . x");
  ASSERT_TRUE(call);
  const auto run = rsync_run(*call, {.paths = {"./x"}, .named = {"./../prev", ".p"}}, all_rights);
  ASSERT_TRUE(run);
  EXPECT_EQ(run->arguments, (Words{"--server", "--safe-links", "--chmod=ug-s", "-re.i", "--link-dest=./../prev",
                                   "--partial-dir=.p", ".", "./x"}));
}

TEST(RsyncOptions, WhatNeedsARightHasNoEffectWithout) {
  const std::string_view line = "rsync --server -vlogDtprEe.iLsfxogtp . x";
  EXPECT_EQ(arguments(line, all_rights),
            (Words{"--server", "--safe-links", "--chmod=ug-s", "-vlogDtprEe.iLsfxogtp", ".", "./x"}));
  const auto run = rsync_run(*parse(line), places, {.chmod = false, .chown = false, .chtimes = false});
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
                             "-A",
                             "--perms",
                             "--executability",
                             "--acls",
                             "--owner",
                             "--group",
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
    EXPECT_TRUE(rsync_run(*call, places, all_rights)) << option;
    const auto run = rsync_run(*call, places, none);
    EXPECT_EQ(run ? ErrorCode::internal : run.error().code, ErrorCode::permission_denied) << option;
  }
  const auto linking = parse("rsync --server -re.i --link-dest a . x");
  ASSERT_TRUE(linking);
  const RsyncPlaces with_link{.paths = {"./x"}, .named = {"a"}};
  EXPECT_TRUE(rsync_run(*linking, with_link, all_rights));
  EXPECT_FALSE(rsync_run(*linking, with_link, none));
}

}  // namespace
}  // namespace ferry::sshcmd
