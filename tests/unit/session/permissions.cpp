#include "session/permissions.h"

#include <gtest/gtest.h>

#include "tests/unit/session/support.h"

namespace ferry::session {
namespace {

using test::run;

constexpr Operation all_operations[] = {Operation::list,           Operation::download,
                                        Operation::upload,         Operation::overwrite,
                                        Operation::remove_file,    Operation::remove_directory,
                                        Operation::rename_file,    Operation::rename_directory,
                                        Operation::make_directory, Operation::make_link,
                                        Operation::chmod,          Operation::chown,
                                        Operation::chtimes,        Operation::copy};

TEST(Permissions, EachWordAllowsWhatItSays) {
  const std::map<std::string, std::set<Operation>> table = {
      {"list", {Operation::list}},
      {"download", {Operation::download}},
      {"upload", {Operation::upload}},
      {"overwrite", {Operation::overwrite}},
      {"delete", {Operation::remove_file, Operation::remove_directory}},
      {"delete_files", {Operation::remove_file}},
      {"delete_dirs", {Operation::remove_directory}},
      {"rename", {Operation::rename_file, Operation::rename_directory}},
      {"rename_files", {Operation::rename_file}},
      {"rename_dirs", {Operation::rename_directory}},
      {"create_dirs", {Operation::make_directory}},
      {"create_symlinks", {Operation::make_link}},
      {"chmod", {Operation::chmod}},
      {"chown", {Operation::chown}},
      {"chtimes", {Operation::chtimes}},
      {"copy", {Operation::copy}},
      {"*", {std::begin(all_operations), std::end(all_operations)}},
      {"", {}},
      {"LIST", {}},
      {"everything", {}},
  };
  for (const auto& [word, allowed] : table) {
    const Permissions permissions(model::Permissions{{"/", {word}}});
    for (const Operation operation : all_operations) {
      EXPECT_EQ(permissions.allow(operation, at("/")), allowed.contains(operation))
          << word << ' ' << static_cast<int>(operation);
    }
  }
}

TEST(Permissions, TheNearestListedParentCounts) {
  const Permissions permissions(
      model::Permissions{{"/", {"list"}}, {"/in", {"upload"}}, {"/in/out", {"download"}}, {"/none", {}}});
  EXPECT_TRUE(permissions.allow(Operation::list, at("/x/y")));
  EXPECT_TRUE(permissions.allow(Operation::list, at("/in2")));
  EXPECT_FALSE(permissions.allow(Operation::list, at("/in")));
  EXPECT_TRUE(permissions.allow(Operation::upload, at("/in/deep/er")));
  EXPECT_FALSE(permissions.allow(Operation::upload, at("/in/out")));
  EXPECT_TRUE(permissions.allow(Operation::download, at("/in/out/x")));
  EXPECT_FALSE(permissions.allow(Operation::list, at("/none/x")));
  EXPECT_FALSE(Permissions(model::Permissions{{"/in", {"*"}}}).allow(Operation::list, at("/")));
  EXPECT_FALSE(Permissions(model::Permissions{}).allow(Operation::list, at("/")));
}

TEST(Permissions, AWholeTreeNeedsTheRightEverywhere) {
  const Permissions permissions(model::Permissions{{"/", {"*"}}, {"/a/b", {"list"}}, {"/ab", {"*"}}});
  EXPECT_FALSE(permissions.allow_throughout(Operation::rename_directory, at("/a")));
  EXPECT_FALSE(permissions.allow_throughout(Operation::rename_directory, at("/")));
  EXPECT_TRUE(permissions.allow_throughout(Operation::rename_directory, at("/ab")));
  EXPECT_TRUE(permissions.allow_throughout(Operation::rename_directory, at("/a/bc")));
}

// What an account without a right gets from each operation that needs it.
class Refusals : public SessionTest {};

TEST_F(Refusals, EveryOperationAsksForItsRight) {
  login();
  ASSERT_TRUE(put("/f", "x"));
  ASSERT_TRUE(run(session->make_directory(at("/d"), 0755)));
  ASSERT_TRUE(run(session->make_symlink("f", at("/l"))));
  const auto words = {"list",        "download",        "upload", "overwrite", "delete", "rename",
                      "create_dirs", "create_symlinks", "chmod",  "chown",     "chtimes"};
  const auto without = [&](const std::string& missing) -> Session& {
    user.permissions["/"].clear();
    for (const std::string word : words) {
      if (word != missing) user.permissions["/"].push_back(word);
    }
    return login();
  };
  const ErrorCode no = ErrorCode::permission_denied;
  EXPECT_EQ(code_of(run(without("list").stat(at("/f")))), no);
  EXPECT_EQ(code_of(run(session->lstat(at("/f")))), no);
  EXPECT_EQ(code_of(run(session->open_directory(at("/")))), no);
  EXPECT_EQ(code_of(run(session->read_symlink(at("/l")))), no);
  EXPECT_EQ(code_of(run(session->space(at("/f")))), no);
  // What changes nothing succeeds without a look: it does not tell whether something is there.
  EXPECT_TRUE(run(session->set_attributes(at("/f"), {}, true)));
  EXPECT_TRUE(run(session->set_attributes(at("/none"), {}, true)));
  EXPECT_EQ(code_of(run(without("download").open(at("/f"), for_reading))), no);
  EXPECT_EQ(code_of(run(session->open(at("/f"), {.read = true, .write = true}))), no);
  without("upload");
  EXPECT_EQ(code_of(put("/new", "x")), no);
  EXPECT_EQ(code_of(put("/f", "x")), no);
  without("overwrite");
  EXPECT_TRUE(put("/new", "x"));
  EXPECT_EQ(code_of(put("/new", "y")), no);
  EXPECT_EQ(code_of(put("/new", "y", {.write = true})), no);
  EXPECT_EQ(code_of(put("/new", "y", {.write = true, .create = true, .exclusive = true})), ErrorCode::already_exists);
  EXPECT_EQ(code_of(run(session->rename(at("/f"), at("/new"), true))), no);
  EXPECT_EQ(code_of(run(session->rename(at("/f"), at("/new"), false))), ErrorCode::already_exists);
  EXPECT_EQ(code_of(run(session->set_attributes(at("/f"), {.size = 0}, true))), no);
  EXPECT_EQ(get("/new"), "x");
  EXPECT_EQ(code_of(run(without("delete").remove_file(at("/f")))), no);
  EXPECT_EQ(code_of(run(session->remove_directory(at("/d")))), no);
  EXPECT_EQ(code_of(run(without("rename").rename(at("/f"), at("/g"), false))), no);
  EXPECT_EQ(code_of(run(session->rename(at("/none"), at("/g"), false))), no);
  EXPECT_EQ(code_of(run(without("create_dirs").make_directory(at("/e"), 0755))), no);
  EXPECT_EQ(code_of(run(without("create_symlinks").make_symlink("f", at("/m")))), no);
  EXPECT_EQ(code_of(run(session->make_hard_link(at("/f"), at("/m")))), no);
  EXPECT_EQ(code_of(run(without("chmod").set_attributes(at("/f"), {.mode = 0600}, true))), no);
  EXPECT_EQ(code_of(run(without("chown").set_attributes(at("/f"), {.owner = {{0, 0}}}, true))), no);
  EXPECT_EQ(code_of(run(without("chtimes").set_attributes(at("/f"), {.times = {{{1, 0}, {1, 0}}}}, true))), no);
}

TEST_F(Refusals, NoLinkCarriesRightsElsewhere) {
  login();
  for (const char* path : {"/secret", "/pub", "/pub/deep"}) ASSERT_TRUE(run(session->make_directory(at(path), 0755)));
  ASSERT_TRUE(put("/secret/f", "hidden"));
  user.permissions["/secret"] = {"list"};
  login();
  EXPECT_EQ(code_of(get("/secret/f")), ErrorCode::permission_denied);
  EXPECT_EQ(code_of(run(session->make_symlink("/secret/f", at("/pub/l")))), ErrorCode::permission_denied);
  EXPECT_EQ(code_of(run(session->make_hard_link(at("/secret/f"), at("/pub/h")))), ErrorCode::permission_denied);
  // Links that are right where they are made and lead elsewhere once moved, or lead through a parent.
  ASSERT_TRUE(run(session->make_symlink("../secret/f", at("/pub/deep/l"))));
  ASSERT_TRUE(run(session->rename(at("/pub/deep/l"), at("/pub/l"), false)));
  ASSERT_TRUE(run(session->make_symlink("/", at("/pub/root"))));
  for (const char* path : {"/pub/l", "/pub/root/secret/f"}) {
    EXPECT_EQ(code_of(get(path)), ErrorCode::permission_denied) << path;
    EXPECT_EQ(code_of(put(path, "x")), ErrorCode::permission_denied) << path;
    EXPECT_EQ(code_of(run(session->set_attributes(at(path), {.mode = 0777}, true))), ErrorCode::permission_denied);
  }
  EXPECT_EQ(code_of(put("/pub/root/secret/new", "x")), ErrorCode::permission_denied);
  EXPECT_EQ(code_of(run(session->remove_file(at("/pub/root/secret/f")))), ErrorCode::permission_denied);
  EXPECT_TRUE(run(session->open_directory(at("/pub/root/secret"))));
  EXPECT_TRUE(run(session->stat(at("/pub/l"))));
}

TEST_F(Refusals, ADirectoryIsRenamedOnlyIfAllBelowItMayBe) {
  login();
  for (const char* path : {"/a", "/a/b"}) ASSERT_TRUE(run(session->make_directory(at(path), 0755)));
  user.permissions["/a/b"] = {"list"};
  login();
  EXPECT_EQ(code_of(run(session->rename(at("/a"), at("/c"), false))), ErrorCode::permission_denied);
  user.permissions["/a/b"] = {"list", "rename_dirs"};
  login();
  EXPECT_TRUE(run(session->rename(at("/a"), at("/c"), false)));
}

}  // namespace
}  // namespace ferry::session
