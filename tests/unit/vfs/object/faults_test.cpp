// Services that lose answers, refuse and hang.
#include "tests/unit/vfs/object/object_fixture.h"

namespace ferry::vfs::object {
namespace {

using test::Fault;

class ObjectFaults : public ObjectFiles {};

TEST_F(ObjectFaults, ALostAnswerToPut) {
  for (const OpenOptions& how : {to_create, to_replace}) {
    const std::string name = how.exclusive ? "/created" : "/replaced";
    store->fail({.call = "put", .how = Fault::lost_answer});
    const auto done = upload(name, "small", how);
    EXPECT_TRUE(done) << done.error().message;
    EXPECT_EQ(store->content(name.substr(1)), "small");
  }
}

TEST_F(ObjectFaults, ALostAnswerToComplete) {
  const std::string content = content_of(3 * part + 10);
  for (const OpenOptions& how : {to_create, to_replace}) {
    const std::string name = how.exclusive ? "/created" : "/replaced";
    store->fail({.call = "complete", .how = Fault::lost_answer, .times = 2});
    const auto done = upload(name, content, how);
    EXPECT_TRUE(done) << done.error().message;
    EXPECT_TRUE(store->content(name.substr(1)) == content);
  }
  EXPECT_EQ(store->open_uploads(), 0U);
}

// The first try does nothing, and meanwhile somebody makes an object of the same size.
TEST_F(ObjectFaults, WhatAnotherHasMadeIsNotTakenForOurs) {
  const std::string content = content_of(3 * part, 1), other = content_of(3 * part, 2);
  for (const auto& [call, size] : {std::pair("complete", 3 * part), std::pair("put", std::uint64_t{100})}) {
    const std::string name = call, theirs = other.substr(0, size);
    store->fail({.call = call});
    std::atomic<int> seen = 0;
    store->watch = [&](std::string_view what, std::string_view) {
      if (what == call && ++seen == 2) store->set(name, theirs);
    };
    const auto done = upload("/" + name, content.substr(0, size), to_create);
    store->watch = {};
    EXPECT_EQ(code_of(done), ErrorCode::already_exists);
    EXPECT_TRUE(store->content(name) == theirs);
  }
  EXPECT_EQ(store->open_uploads(), 0U);
}

TEST_F(ObjectFaults, ALostAnswerToACopy) {
  ASSERT_TRUE(upload("/from", "content"));
  store->fail({.call = "copy", .how = Fault::lost_answer});
  const auto copied = run(storage->copy_file(path("/from"), path("/to"), false));
  EXPECT_TRUE(copied) << copied.error().message;
  store->fail({.call = "copy", .how = Fault::lost_answer});
  const auto renamed = run(storage->rename(path("/from"), path("/renamed"), false));
  EXPECT_TRUE(renamed) << renamed.error().message;
  EXPECT_EQ(store->keys(), (std::vector<std::string>{"renamed", "to"}));
}

TEST_F(ObjectFaults, ALostAnswerToALargeCopy) {
  store->change_traits().max_copy = 10;
  ASSERT_TRUE(upload("/from", "more than ten bytes"));
  store->fail({.call = "complete", .how = Fault::lost_answer});
  const auto renamed = run(storage->rename(path("/from"), path("/to"), false));
  EXPECT_TRUE(renamed) << renamed.error().message;
  EXPECT_EQ(store->keys(), std::vector<std::string>{"to"});
  EXPECT_EQ(store->content("to"), "more than ten bytes");
  EXPECT_EQ(store->open_uploads(), 0U);
}

TEST_F(ObjectFaults, ALostAnswerToNewTimes) {
  ASSERT_TRUE(upload("/f", "content"));
  store->fail({.call = "copy", .how = Fault::lost_answer});
  AttributeChange change;
  change.times = AttributeChange::Times{{5, 0}, {7, 0}};
  const auto set = run(storage->set_attributes(path("/f"), change, true));
  EXPECT_TRUE(set) << set.error().message;
  EXPECT_EQ(run(storage->stat(path("/f")))->modified.seconds, 7);
}

TEST_F(ObjectFaults, ALostAnswerToRemove) {
  ASSERT_TRUE(upload("/f", "content"));
  store->fail({.call = "remove", .how = Fault::lost_answer});
  const auto removed = run(storage->remove_file(path("/f")));
  EXPECT_TRUE(removed) << removed.error().message;
  ASSERT_TRUE(upload("/f", "content"));
  store->fail({.call = "remove", .how = Fault::lost_answer});
  const auto renamed = run(storage->rename(path("/f"), path("/g"), true));
  EXPECT_TRUE(renamed) << renamed.error().message;
  EXPECT_EQ(store->keys(), std::vector<std::string>{"g"});
}

TEST_F(ObjectFaults, ARenameLeavesWhatWasPutThereSince) {
  ASSERT_TRUE(upload("/from", "renamed"));
  std::atomic<bool> copied = false;
  store->watch = [&](std::string_view call, std::string_view) {
    if (call == "copy") copied = true;
    if (call == "head" && copied.exchange(false)) store->set("from", "put there since");
  };
  const auto renamed = run(storage->rename(path("/from"), path("/to"), true));
  EXPECT_TRUE(renamed) << renamed.error().message;
  EXPECT_EQ(store->content("to"), "renamed");
  EXPECT_EQ(store->content("from"), "put there since");
}

// A time that is set after the first part has left needs a copy onto itself.
TEST_F(ObjectFaults, ALateTimeIsOnlySetOfWhatWasUploaded) {
  const std::string content = content_of(3 * part);
  AttributeChange change;
  change.times = AttributeChange::Times{{5, 0}, {7, 0}};
  for (const bool replaced : {false, true}) {
    const auto file = open("/f", to_replace);
    ASSERT_TRUE(run(write_all(*file, content)));
    ASSERT_TRUE(run(file->set_attributes(change)));
    store->watch = [&](std::string_view call, std::string_view) {
      if (call == "copy" && replaced) store->set("f", "another's");
    };
    EXPECT_TRUE(run(file->close()));
    store->watch = {};
    const auto info = run(storage->stat(path("/f")));
    ASSERT_TRUE(info);
    EXPECT_EQ(info->modified.seconds == 7, !replaced);
    EXPECT_TRUE(store->content("f") == (replaced ? "another's" : content));
  }
}

// What fails for good leaves what was there, and no parts.
TEST_F(ObjectFaults, WhatIsRefusedPublishesNothing) {
  const std::string content = content_of(6 * part + 1);
  ASSERT_TRUE(upload("/f", "before"));
  for (const auto& [call, nth] : {std::pair("begin_upload", 1U), std::pair("put_part", 1U), std::pair("put_part", 4U),
                                  std::pair("put_part", 7U), std::pair("complete", 1U)}) {
    store->fail({.call = call, .nth = nth, .code = ErrorCode::permission_denied});
    EXPECT_EQ(code_of(upload("/f", content)), ErrorCode::permission_denied) << call << nth;
    EXPECT_EQ(store->content("f"), "before");
    EXPECT_EQ(store->open_uploads(), 0U) << call << nth;
    EXPECT_TRUE(comes_true([&] { return budget->taken() == 0; }));
  }
  store->fail({.call = "put", .code = ErrorCode::permission_denied});
  EXPECT_EQ(code_of(upload("/f", "small")), ErrorCode::permission_denied);
  EXPECT_EQ(store->content("f"), "before");
}

TEST_F(ObjectFaults, PartsWhoseAnswersAreLostAreSentAgain) {
  const std::string content = content_of(6 * part + 1);
  store->fail({.call = "begin_upload"});
  store->fail({.call = "put_part", .nth = 2, .how = Fault::lost_answer, .times = 2});
  store->fail({.call = "put_part", .nth = 5, .code = ErrorCode::limit_exceeded});
  const auto done = upload("/f", content);
  EXPECT_TRUE(done) << done.error().message;
  EXPECT_TRUE(store->content("f") == content);
}

TEST_F(ObjectFaults, UploadsCutAtEveryTenth) {
  const std::string content = content_of(10 * part);
  ASSERT_TRUE(upload("/f", "before"));
  for (std::size_t tenth = 0; tenth <= 10; ++tenth) {
    for (const bool told : {false, true}) {
      auto file = open("/f", to_replace);
      ASSERT_TRUE(run(write_all(*file, std::string_view(content).substr(0, tenth * part - (tenth > 0 ? 1 : 0)))));
      if (told) {
        EXPECT_TRUE(run(file->discard()));
      }
      file.reset();
      EXPECT_TRUE(comes_true([&] { return store->open_uploads() == 0 && budget->taken() == 0; }));
      EXPECT_EQ(store->content("f"), "before");
    }
  }
  EXPECT_EQ(store->calls("complete"), 0U);
}

// One part that hangs holds its upload, and no other.
TEST_F(ObjectFaults, AHangingPartHoldsOnlyItsUpload) {
  const std::string content = content_of(4 * part);
  store->fail({.call = "put_part", .how = Fault::hangs});
  auto file = open("/hangs", to_replace);
  ASSERT_TRUE(run(write_all(*file, content)));
  ASSERT_TRUE(comes_true([&] { return store->running("put_part") == 1; }));
  EXPECT_TRUE(upload("/other", content));
  EXPECT_EQ(store->content("hangs"), std::nullopt);
  file.reset();
  store->let_go();
  EXPECT_TRUE(comes_true([&] { return store->open_uploads() == 0 && budget->taken() == 0; }));
  EXPECT_EQ(store->content("hangs"), std::nullopt);
}

TEST_F(ObjectFaults, AReadGoesOnAfterFaults) {
  const std::string content = content_of(3 * mib);
  store->set("f", content);
  store->fail({.call = "get", .how = Fault::lost_answer, .times = 2});
  store->fail({.call = "get", .nth = 4, .code = ErrorCode::limit_exceeded});
  OpenOptions reading{.read = true};
  const auto file = open("/f", reading);
  std::string all(content.size(), '?');
  const MutableByteSpan into = std::as_writable_bytes(std::span(all));
  for (std::size_t at = 0; at < all.size(); at += 100'000) {
    const auto count = run(file->read_at(at, into.subspan(at, std::min<std::size_t>(100'000, all.size() - at))));
    ASSERT_TRUE(count) << count.error().message;
    if (at == 500'000) store->fail({.call = "get"});
  }
  EXPECT_TRUE(all == content);
  store->set("f", content);
  EXPECT_EQ(code_of(run(file->read_at(0, into.first(10)))), ErrorCode::conflict);
}

}  // namespace
}  // namespace ferry::vfs::object
