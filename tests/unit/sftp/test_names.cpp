// What works on paths: attributes, directories, links, and the extensions.
#include <gtest/gtest.h>

#include "protocols/sftp/attributes.h"
#include "tests/unit/sftp/client.h"

namespace ferry::test {
namespace {

using namespace sftp;

std::string first_name(const Reply& reply) {
  const std::vector<std::string> names = names_of(reply);
  return names.size() == 1 ? names[0] : "not one name";
}

TEST(RealPath, IsTheTextNormalised) {
  FakeSession session;
  session.start = *VirtualPath::parse("/home/anna");
  Requests requests;
  for (const char* path : {".", "", "/", "a/b", "../bob/./x//", "/../..", "/missing/../../etc"}) {
    requests.text(Packet::realpath, path);
  }
  requests.text(Packet::realpath, std::string("a\0", 2)).text(Packet::realpath, std::string(256, 'n'));
  const Outcome result = run(requests, session);
  const std::vector<std::string> expected{"/home/anna",  "/home/anna", "/",   "/home/anna/a/b",
                                          "/home/bob/x", "/",          "/etc"};
  ASSERT_EQ(result.replies.size(), 9U);
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(first_name(result.replies[i]), expected[i]);
  EXPECT_EQ(result.replies[7].status(), 4);
  EXPECT_EQ(result.replies[8].status(), 4);
}

TEST(Stat, FollowsOrNot) {
  FakeSession session;
  session.add_file("/f", "12345");
  Requests requests;
  requests.texts(Packet::symlink, "f", "/l");  // as OpenSSH sends them: target, link
  requests.text(Packet::stat, "l").text(Packet::lstat, "l").text(Packet::readlink, "l").text(Packet::readlink, "f");
  requests.text(Packet::stat, "nope").text(Packet::lstat, "f/x").open("f", open_read);
  requests.text(Packet::fstat, handle_name(0)).text(Packet::opendir, "/").text(Packet::fstat, handle_name(1));
  requests.text(Packet::fstat, "bad").texts(Packet::symlink, "", "/e").texts(Packet::symlink, "f", "/l");
  requests.texts(Packet::symlink, std::string("a\0b", 3), "/z");
  const Outcome result = run(requests, session);
  ASSERT_EQ(result.replies.size(), 15U);
  EXPECT_EQ(result.replies[0].status(), 0);
  EXPECT_EQ(session.node("/l")->target, "f");
  ByteReader followed = result.replies[1].reader();
  EXPECT_EQ(result.replies[1].type, Packet::attrs);
  EXPECT_EQ(followed.u32(), 15U);
  EXPECT_EQ(followed.u64(), 5U);
  ByteReader link = result.replies[2].reader();
  link.bytes(20);
  EXPECT_EQ(link.u32(), 0120777U);
  EXPECT_EQ(first_name(result.replies[3]), "f");
  EXPECT_EQ(result.replies[4].status(), 4);
  EXPECT_EQ(result.replies[5].status(), 2);
  EXPECT_EQ(result.replies[6].status(), 2);
  EXPECT_EQ(result.replies[8].type, Packet::attrs);
  ByteReader directory = result.replies[10].reader();
  directory.bytes(20);
  EXPECT_EQ(directory.u32(), 040755U);
  EXPECT_EQ(result.replies[11].text(), "Invalid handle");
  for (int i = 12; i < 15; ++i) EXPECT_EQ(result.replies[static_cast<std::size_t>(i)].status(), 4);
}

TEST(SymLink, OrderIsTheClients) {
  const std::map<std::string, bool> swapped{{"SSH-2.0-OpenSSH_9.2p1", false},    {"SSH-2.0-paramiko_3.4", false},
                                            {"SSH-2.0-libssh2_1.11", false},     {"", false},
                                            {"SSH-2.0-libssh_0.10.6", true},     {"SSH-2.0-AsyncSSH_2.14", true},
                                            {"SSH-2.0-WinSCP_release_6.3", true}};
  for (const auto& [client, draft] : swapped) {
    FakeSession session;
    session.info.client_version = client;
    const Outcome result = run(Requests().texts(Packet::symlink, "one", "two"), session);
    EXPECT_EQ(result.replies[0].status(), 0);
    const Node* link = session.node(draft ? "/one" : "/two");
    ASSERT_NE(link, nullptr) << client;
    EXPECT_EQ(link->target, draft ? "two" : "one");
  }
}

TEST(SetStat, ChangesWhatWasSent) {
  FakeSession session;
  session.add_file("/f", "12345");
  session.add_directory("/d");
  Requests requests;
  requests.add(Packet::setstat, ByteWriter().string("f").u32(attr_permissions).u32(0100600));
  requests.add(Packet::setstat, ByteWriter().string("f").u32(attr_times).u32(11).u32(22));
  requests.add(Packet::setstat, ByteWriter().string("f").u32(attr_size | attr_uid_gid).u64(2).u32(3).u32(4));
  requests.add(Packet::setstat, ByteWriter().string("no").u32(0));
  requests.open("f", open_read | open_write);
  requests.add(Packet::fsetstat, ByteWriter().string(handle_name(0)).u32(attr_size).u64(1));
  requests.text(Packet::opendir, "d");
  requests.add(Packet::fsetstat, ByteWriter().string(handle_name(1)).u32(attr_permissions).u32(0700));
  requests.add(Packet::fsetstat, ByteWriter().string("x").u32(0));
  const Outcome result = run(requests, session);
  for (const std::size_t i : {0U, 1U, 2U, 5U, 7U}) EXPECT_EQ(result.replies[i].status(), 0) << i;
  EXPECT_EQ(result.replies[3].status(), 2);
  EXPECT_EQ(result.replies[8].text(), "Invalid handle");
  const Node& node = *session.node("/f");
  EXPECT_EQ(node.info.mode, 0600U);
  EXPECT_EQ(node.info.accessed.seconds, 11);
  EXPECT_EQ(node.info.modified.seconds, 22);
  EXPECT_EQ(node.info.uid, 3U);
  EXPECT_EQ(node.info.gid, 4U);
  EXPECT_EQ(node.data, "1");
  EXPECT_EQ(session.node("/d")->info.mode, 0700U);
}

TEST(Directories, MakeAndRemove) {
  FakeSession session;
  session.add_file("/f", "");
  Requests requests;
  requests.add(Packet::mkdir, ByteWriter().string("d").u32(attr_permissions).u32(040750));
  requests.add(Packet::mkdir, ByteWriter().string("d").u32(0)).add(Packet::mkdir, ByteWriter().string("d/e").u32(0));
  requests.text(Packet::rmdir, "d").text(Packet::rmdir, "d/e").text(Packet::rmdir, "f").text(Packet::rmdir, "gone");
  requests.text(Packet::remove, "d").text(Packet::remove, "f").text(Packet::opendir, "f").text(Packet::opendir, "d/x");
  const Outcome result = run(requests, session);
  const std::vector<int> expected{0, 4, 0, 4, 0, 2, 2, 4, 0, 2, 2};
  ASSERT_EQ(result.replies.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(result.replies[i].status(), expected[i]) << i;
  EXPECT_EQ(session.node("/d")->info.mode, 0750U);
  EXPECT_EQ(result.replies[3].text(), "directory not empty");
}

TEST(Directories, PipelinedListingLosesAndRepeatsNothing) {
  FakeSession session;
  std::vector<std::string> expected{".", ".."};
  for (int i = 0; i < 3'000; ++i) {
    expected.push_back("name-" + std::to_string(i) + std::string(static_cast<std::size_t>(i % 240), 'x'));
    session.add_file("/" + expected.back(), "");
  }
  Requests requests;
  requests.text(Packet::opendir, "/");
  for (int i = 0; i < 60; ++i) requests.text(Packet::readdir, handle_name(0));
  const Outcome result = run(requests, session, {.packet = 1'000, .window = 100'000});
  std::vector<std::string> found;
  bool ended = false;
  for (std::size_t i = 1; i < result.replies.size(); ++i) {
    EXPECT_LE(result.replies[i].fields.size(), 64U * 1024);
    const std::vector<std::string> names = names_of(result.replies[i]);
    EXPECT_FALSE(ended && !names.empty());
    EXPECT_EQ(result.replies[i].status(), names.empty() ? 1 : -1);
    ended = names.empty();
    found.insert(found.end(), names.begin(), names.end());
  }
  EXPECT_TRUE(ended);
  EXPECT_EQ(found[0], ".");
  EXPECT_EQ(found[1], "..");
  std::ranges::sort(found);
  std::ranges::sort(expected);
  EXPECT_EQ(found, expected);
}

TEST(Directories, LongNamesAndAttributesComeAlong) {
  FakeSession session;
  session.add_directory("/d");
  session.add_file("/d/f", "12345");
  const Outcome result = run(Requests().text(Packet::opendir, "d").text(Packet::readdir, handle_name(0)), session);
  ByteReader in = result.replies[1].reader();
  ASSERT_EQ(in.u32(), 3U);
  for (const std::string_view name : {".", "..", "f"}) {
    EXPECT_EQ(in.string(), name);
    const std::string_view line = in.string();
    EXPECT_TRUE(line.starts_with(name == "f" ? "-rw-r--r--   1 0        0  " : "drwxr-xr-x   1 0        0  ")) << line;
    EXPECT_TRUE(line.ends_with(" " + std::string(name))) << line;
    EXPECT_EQ(in.u32(), 15U);
    in.bytes(28);
  }
  EXPECT_TRUE(in.done());
}

TEST(Directories, AFailureComesAfterTheEntriesBeforeIt) {
  FakeSession session;
  for (int i = 0; i < 500; ++i) session.add_file("/f" + std::to_string(i), "");
  session.storage.listing_error = ErrorCode::io_error;
  session.storage.listing_error_after = 10;
  Requests requests;
  requests.text(Packet::opendir, "/");
  for (int i = 0; i < 3; ++i) requests.text(Packet::readdir, handle_name(0));
  const Outcome result = run(requests, session);
  EXPECT_GE(names_of(result.replies[1]).size(), 12U);
  EXPECT_EQ(result.replies[2].status(), 4);
  EXPECT_EQ(result.replies[3].status(), 4);
}

TEST(Directories, ReadDirWantsADirectory) {
  FakeSession session;
  session.add_file("/f", "");
  Requests requests;
  requests.open("f", open_read).text(Packet::readdir, handle_name(0)).text(Packet::readdir, "nonsense");
  requests.text(Packet::opendir, "/").close(handle_name(1)).text(Packet::readdir, handle_name(1));
  const Outcome result = run(requests, session);
  EXPECT_EQ(result.replies[1].text(), "Invalid handle");
  EXPECT_EQ(result.replies[2].text(), "Invalid handle");
  EXPECT_EQ(result.replies[4].status(), 0);
  EXPECT_EQ(result.replies[5].text(), "Invalid handle");
}

TEST(Rename, ReplacesFilesUnlessItIsToldNotTo) {
  for (const bool replaces : {true, false}) {
    FakeSession session;
    session.add_file("/a", "A");
    session.add_file("/b", "B");
    session.add_directory("/dir");
    const ByteWriter names = ByteWriter().string("a").string("b");
    Requests requests;
    requests.texts(Packet::rename, "a", "dir").texts(Packet::rename, "a", "b");
    if (!replaces) requests.extension("posix-rename@openssh.com", names);
    requests.texts(Packet::rename, "b", "c").texts(Packet::rename, "gone", "d");
    const Outcome result = run(requests, session, {}, {.rename_replaces = replaces});
    const std::vector<int> expected = replaces ? std::vector<int>{4, 0, 0, 2} : std::vector<int>{4, 4, 0, 0, 2};
    ASSERT_EQ(result.replies.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(result.replies[i].status(), expected[i]) << i;
    EXPECT_EQ(session.node("/c")->data, "A");
    EXPECT_NE(session.node("/dir"), nullptr);
  }
}

std::uint32_t mode_in(const Reply& reply) {
  ByteReader attributes = reply.reader();
  attributes.bytes(20);
  return attributes.u32();
}

// As POSIX has it: `ls link/` of OpenSSH's client asks LSTAT of "link/", and lists what is in it when that is a
// directory.
TEST(Stat, ASlashAtTheEndMeansTheDirectory) {
  FakeSession session;
  session.add_directory("/d");
  Requests requests;
  requests.texts(Packet::symlink, "/d", "/l").text(Packet::lstat, "l").text(Packet::lstat, "l/");
  requests.text(Packet::lstat, "/l/.").text(Packet::lstat, "d/").text(Packet::lstat, "no/");
  const ByteWriter through = ByteWriter().string("l/").u32(attr_permissions).u32(0700);
  const ByteWriter itself = ByteWriter().string("l").u32(attr_permissions).u32(0123);
  requests.extension("lsetstat@openssh.com", through).extension("lsetstat@openssh.com", itself);
  const Outcome result = run(requests, session);
  ASSERT_EQ(result.replies.size(), 8U);
  EXPECT_EQ(mode_in(result.replies[1]), 0120777U);
  for (const std::size_t i : {2U, 3U, 4U}) EXPECT_EQ(mode_in(result.replies[i]), 040755U) << i;
  EXPECT_EQ(result.replies[5].status(), 2);
  EXPECT_EQ(session.node("/d")->info.mode, 0700U);
  EXPECT_EQ(session.node("/l")->info.mode, 0123U);
}

sftp::Options with_prefix() { return {.folder_prefix = *VirtualPath::parse("/srv/files")}; }

TEST(FolderPrefix, IsAddedToEveryPath) {
  FakeSession session;
  session.start = *VirtualPath::parse("/home");
  session.add_directory("/home");
  session.add_file("/home/f", "12345");
  Requests requests;
  requests.text(Packet::realpath, ".").text(Packet::stat, "f").text(Packet::stat, "/srv/files/home/f");
  requests.texts(Packet::rename, "f", "/srv/files/g").texts(Packet::symlink, "/srv/files/g", "l");
  requests.text(Packet::readlink, "l").texts(Packet::symlink, "../g", "/srv/files/home/m");
  requests.text(Packet::readlink, "/srv/files/home/m").extension("home-directory", ByteWriter().string(""));
  requests.open("new", open_write | open_create).close(handle_name(0)).text(Packet::remove, "new");
  const Outcome result = run(requests, session, {}, with_prefix());
  ASSERT_EQ(result.replies.size(), 12U);
  EXPECT_EQ(first_name(result.replies[0]), "/srv/files/home");
  EXPECT_EQ(result.replies[1].type, Packet::attrs);
  EXPECT_EQ(result.replies[2].type, Packet::attrs);
  EXPECT_EQ(result.replies[3].status(), 0);
  EXPECT_EQ(session.node("/g")->data, "12345");
  EXPECT_EQ(session.node("/home/l")->target, "/g");
  EXPECT_EQ(first_name(result.replies[5]), "/srv/files/g");
  EXPECT_EQ(first_name(result.replies[7]), "../g");
  EXPECT_EQ(first_name(result.replies[8]), "/srv/files/home");
  for (const std::size_t i : {4U, 6U, 10U, 11U}) EXPECT_EQ(result.replies[i].status(), 0) << i;
  EXPECT_EQ(result.replies[9].type, Packet::handle);
}

// Above it there is the way down and nothing else; beside it there is nothing, and nothing can be made.
TEST(FolderPrefix, HidesWhatIsOutside) {
  FakeSession session;
  session.add_file("/f", "12345");
  Requests requests;
  requests.text(Packet::opendir, "/").text(Packet::readdir, handle_name(0)).text(Packet::readdir, handle_name(0));
  requests.text(Packet::stat, "/srv").text(Packet::lstat, "/").text(Packet::stat, "/f").text(Packet::opendir, "/srv/x");
  requests.text(Packet::rmdir, "/srv").texts(Packet::rename, "/srv/files/f", "/f");
  requests.open("/f", open_read).open("/f", open_write | open_create);
  requests.add(Packet::mkdir, ByteWriter().string("/srv").u32(0));
  requests.add(Packet::mkdir, ByteWriter().string("/srv/filesystem").u32(0));
  requests.texts(Packet::symlink, "/f", "/srv/files/l").text(Packet::opendir, "/srv/files");
  requests.text(Packet::readdir, handle_name(1));
  requests.add(Packet::setstat, ByteWriter().string("/").u32(attr_permissions).u32(0700));
  const Outcome result = run(requests, session, {}, with_prefix());
  ASSERT_EQ(result.replies.size(), 17U);
  EXPECT_EQ(names_of(result.replies[1]), (std::vector<std::string>{".", "..", "srv"}));
  EXPECT_EQ(result.replies[2].status(), 1);
  EXPECT_EQ(mode_in(result.replies[3]), 040755U);
  EXPECT_EQ(mode_in(result.replies[4]), 040755U);
  const std::vector<int> expected{2, 2, 3, 3, 2, 3, 4, 3, 3};
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(result.replies[5 + i].status(), expected[i]) << i;
  EXPECT_EQ(names_of(result.replies[15]), (std::vector<std::string>{".", "..", "f"}));
  EXPECT_EQ(result.replies[16].status(), 3);
  EXPECT_EQ(session.node("/f")->data, "12345");
}

TEST(Extensions, LinksSpaceSyncAndLimits) {
  FakeSession session;
  session.add_file("/a", "A");
  Requests requests;
  requests.extension("hardlink@openssh.com", ByteWriter().string("a").string("b"));
  requests.extension("statvfs@openssh.com", ByteWriter().string("/")).open("a", open_read | open_write);
  requests.extension("fstatvfs@openssh.com", ByteWriter().string(handle_name(0)));
  requests.extension("fsync@openssh.com", ByteWriter().string(handle_name(0)));
  requests.extension("limits@openssh.com").texts(Packet::symlink, "a", "l");
  requests.extension("lsetstat@openssh.com", ByteWriter().string("l").u32(attr_permissions).u32(0123));
  requests.extension("fsync@openssh.com", ByteWriter().string("?"));
  requests.extension("fstatvfs@openssh.com", ByteWriter().string("?"));
  requests.extension("statvfs@openssh.com", ByteWriter().string("gone"));
  const Outcome result = run(requests, session, {}, {.max_handles = 77});
  ASSERT_EQ(result.replies.size(), 11U);
  EXPECT_EQ(session.node("/a"), session.node("/b"));
  const ByteWriter space =
      ByteWriter().u64(4096).u64(4096).u64(2000).u64(0).u64(0).u64(0).u64(0).u64(0).u64(0).u64(1).u64(255);
  EXPECT_EQ(result.replies[1].type, Packet::extended_reply);
  EXPECT_EQ(result.replies[1].fields, space.data());
  EXPECT_EQ(result.replies[3].type, Packet::extended_reply);
  EXPECT_EQ(result.replies[4].status(), 0);
  EXPECT_EQ(session.storage.synced, 1);
  EXPECT_EQ(result.replies[5].fields, ByteWriter().u64(262144).u64(261120).u64(261120).u64(77).data());
  EXPECT_EQ(result.replies[7].status(), 0);
  EXPECT_EQ(session.node("/l")->info.mode, 0123U);
  EXPECT_EQ(session.node("/a")->info.mode, 0644U);
  EXPECT_EQ(result.replies[8].text(), "Invalid handle");
  EXPECT_EQ(result.replies[9].text(), "Invalid handle");
  EXPECT_EQ(result.replies[10].status(), 2);
}

TEST(Extensions, PathsOfTheAccount) {
  FakeSession session;
  session.start = *VirtualPath::parse("/home");
  Requests requests;
  for (const char* path : {"~", "~/x", "~anna/y", "~anna", "plain", "/abs"}) {
    requests.extension("expand-path@openssh.com", ByteWriter().string(path));
  }
  requests.extension("expand-path@openssh.com", ByteWriter().string("~root/x"));
  requests.extension("home-directory", ByteWriter().string(""))
      .extension("home-directory", ByteWriter().string("anna"));
  requests.extension("home-directory", ByteWriter().string("root"));
  const Outcome result = run(requests, session);
  const std::vector<std::string> expected{"/home", "/home/x", "/home/y", "/home", "/home/plain", "/abs"};
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(first_name(result.replies[i]), expected[i]);
  EXPECT_EQ(result.replies[6].status(), 2);
  EXPECT_EQ(first_name(result.replies[7]), "/home");
  EXPECT_EQ(first_name(result.replies[8]), "/home");
  EXPECT_EQ(result.replies[9].status(), 2);
}

TEST(Extensions, NamesOfIds) {
  FakeSession session;
  const Bytes uids = ByteWriter().u32(1001).u32(0).u32(1002).take();
  const Bytes gids = ByteWriter().u32(1002).take();
  const Bytes many = Bytes(200'000);
  session.account.username = std::string(100, 'u');
  const Bytes own = [] {
    ByteWriter out;
    for (int i = 0; i < 10'000; ++i) out.u32(1001);
    return out.take();
  }();
  Requests requests;
  requests.extension("users-groups-by-id@openssh.com", ByteWriter().string(uids).string(gids));
  requests.extension("users-groups-by-id@openssh.com", ByteWriter().string(many).string(""));
  requests.extension("users-groups-by-id@openssh.com", ByteWriter().string(own).string(""));
  const Outcome result = run(requests, session);
  const ByteWriter users = ByteWriter().string(session.account.username).string("").string("");
  const ByteWriter groups = ByteWriter().string(session.account.username);
  EXPECT_EQ(result.replies[0].fields, ByteWriter().string(users.data()).string(groups.data()).data());
  EXPECT_EQ(result.replies[1].type, Packet::extended_reply);
  EXPECT_EQ(result.replies[2].status(), 4);
}

ByteWriter copy_fields(std::string_view from, std::uint64_t at, std::uint64_t count, std::string_view to,
                       std::uint64_t put) {
  return ByteWriter().string(from).u64(at).u64(count).string(to).u64(put);
}

TEST(Extensions, CopyData) {
  FakeSession session;
  const std::string text = std::string(600'000, 'q') + "tail";
  session.add_file("/a", text);
  Requests requests;
  const std::string a = handle_name(0), b = handle_name(1), again = handle_name(2);
  requests.open("a", open_read | open_write).open("b", open_read | open_write | open_create).open("a", open_write);
  requests.extension("copy-data", copy_fields(a, 0, 0, b, 0));
  requests.extension("copy-data", copy_fields(a, 600'000, 4, b, 1));
  requests.extension("copy-data", copy_fields(a, 600'000, 5, b, 10));  // more than there is
  requests.extension("copy-data", copy_fields(a, 0, 1, a, 9));         // onto itself
  requests.extension("copy-data", copy_fields(a, 0, 1, again, 9));     // the same by another handle
  requests.extension("copy-data", copy_fields(a, ~0ULL, 1, b, 0));
  requests.extension("copy-data", copy_fields("no", 0, 1, b, 0));
  requests.extension("copy-data", copy_fields(again, 0, 1, b, 0));    // not open for reading
  requests.extension("copy-data", copy_fields(a, 700'000, 0, b, 0));  // nothing there
  const Outcome result = run(requests, session);
  const std::vector<int> expected{0, 0, 1, 4, 4, 4, 4, 3, 0};
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(result.replies[3 + i].status(), expected[i]) << i;
  std::string wanted = text;
  wanted.replace(1, 4, "tail").replace(10, 4, "tail");
  EXPECT_EQ(session.node("/b")->data, wanted);
  EXPECT_EQ(session.node("/a")->data, text);
}

TEST(Extensions, CopyingStopsWhenTheClientIsGone) {
  FakeSession session;
  session.add_file("/a", std::string(3'000'000, 'q'));
  Requests requests;
  requests.open("a", open_read).open("b", open_write | open_create);
  requests.extension("copy-data", copy_fields(handle_name(0), 0, 0, handle_name(1), 0)).close(handle_name(1));
  Outcome whole = run(requests, session);
  const std::size_t before = session.storage.writes.size();
  EXPECT_EQ(before, 12U);
  FakeSession other;
  other.add_file("/a", std::string(3'000'000, 'q'));
  // The channel breaks with the second HANDLE.
  const std::size_t handles =
      whole.channel->output.size() - (whole.replies[2].fields.size() + whole.replies[3].fields.size() + 18);
  FakeChannel channel(requests.bytes(), {.breaks_after = handles});
  serve(channel, other);
  EXPECT_LE(other.storage.writes.size(), 1U);
  EXPECT_EQ(other.storage.closed, 0) << "half a copy is not a whole file";
  EXPECT_EQ(other.storage.abandoned, 2);
}

}  // namespace
}  // namespace ferry::test
