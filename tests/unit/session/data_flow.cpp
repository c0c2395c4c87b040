// What moves between a client and a program or a digest.
#include <thread>

#include "tests/unit/session/quota_support.h"

namespace ferry::session {
namespace {

using test::run;

class DataFlows : public QuotaTest {
 protected:
  std::unique_ptr<DataFlow> begin(FlowUse use) { return session->begin_flow(at("/f"), use).value(); }
  presence::ConnectionStatus shown() { return registry->list().at(0); }
};

TEST_F(DataFlows, AreTransfersWhileTheyLive) {
  using Case = std::pair<FlowUse, bool>;
  for (const auto& [use, upload] :
       {Case(FlowUse::read, false), Case(FlowUse::stored, true), Case(FlowUse::digested, true)}) {
    auto flow = begin(use);
    ASSERT_TRUE(run(flow->receive(100)));
    ASSERT_TRUE(run(flow->send(7)));
    const auto transfers = shown().active_transfers;
    ASSERT_EQ(transfers.size(), 1U);
    EXPECT_EQ(transfers[0].path, "/f");
    EXPECT_EQ(transfers[0].upload, upload);
    EXPECT_EQ(transfers[0].size, upload ? 100U : 7U);
    flow.reset();
    EXPECT_TRUE(shown().active_transfers.empty());
  }
}

TEST_F(DataFlows, EachPieceIsASignOfLife) {
  auto flow = begin(FlowUse::read);
  for (const bool up : {true, false}) {
    const std::int64_t before = shown().last_activity;
    while (presence::now_ms() == before) std::this_thread::yield();
    ASSERT_TRUE(up ? run(flow->receive(1)) : run(flow->send(1)));
    EXPECT_GT(shown().last_activity, before);
  }
}

TEST_F(DataFlows, ShareTheRoomThatIsLeft) {
  auto one = begin(FlowUse::stored), two = begin(FlowUse::stored);
  EXPECT_TRUE(run(one->receive(600)));
  EXPECT_EQ(code_of(run(two->receive(600))), ErrorCode::quota_exceeded);
  EXPECT_TRUE(run(begin(FlowUse::read)->receive(5000)));  // it is not kept
  one.reset();
  two.reset();
  EXPECT_TRUE(run(begin(FlowUse::stored)->receive(1000)));  // nothing was counted yet
  EXPECT_TRUE(put("/full", text_of(1000)));
}

TEST_F(DataFlows, NeedRoomToBegin) {
  ASSERT_TRUE(ledger->update_user("alice", {.files = 1, .size = 1000}, quota::Update::reset));
  EXPECT_EQ(code_of(session->begin_flow(at("/f"), FlowUse::stored)), ErrorCode::quota_exceeded);
  EXPECT_TRUE(session->begin_flow(at("/f"), FlowUse::read));
}

// A program works in all of the home: what it does is done here.
class Watched : public DataFlows {
 protected:
  void begin_program(const std::string& tree = "/") {
    flow = begin(FlowUse::stored);
    largest = run(flow->begin_watch({at(tree), at(tree)})).value();
  }
  void store(const std::string& name, std::size_t size) {
    const std::filesystem::path path = real(name);
    std::filesystem::create_directories(path.parent_path());
    test::write_file(path, "");
    std::filesystem::resize_file(path, size);  // a hole counts by its length
  }
  // What a look says now.
  ErrorCode seen() {
    flow->end_watch();
    return code_of(run(flow->watch()));
  }
  static constexpr ErrorCode fits = ErrorCode::internal;  // code_of() of what went well
  std::unique_ptr<DataFlow> flow;
  std::optional<std::uint64_t> largest;
};

TEST_F(Watched, GrowsAsFarAsThereIsRoom) {
  ASSERT_TRUE(put("/old", text_of(300)));
  begin_program();
  store("a", 400);
  store("d/b", 300);
  EXPECT_TRUE(run(flow->receive(10)));
  EXPECT_EQ(seen(), fits);
  EXPECT_EQ(code_of(session->begin_flow(at("/f"), FlowUse::stored)), ErrorCode::quota_exceeded);  // it is reserved
  store("d/b", 301);
  EXPECT_EQ(seen(), ErrorCode::quota_exceeded);
  std::filesystem::remove(real("a"));
  EXPECT_EQ(seen(), fits);
  EXPECT_TRUE(session->begin_flow(at("/f"), FlowUse::stored));  // and given back
}

TEST_F(Watched, FilesCountToo) {
  begin_program();
  for (int i = 0; i < 10; ++i) store("f" + std::to_string(i), 0);
  EXPECT_EQ(seen(), fits);
  store("one more", 0);
  EXPECT_EQ(seen(), ErrorCode::quota_exceeded);
}

TEST_F(Watched, OneFileMayBeThereTwiceWhileItIsReplaced) {
  ASSERT_TRUE(put("/old", text_of(800)));
  ASSERT_TRUE(put("/other", text_of(100)));
  begin_program();
  store(".old.Ab12xY", 850);
  EXPECT_EQ(seen(), fits);
  store(".other.Ab12xY", 60);  // but not two
  EXPECT_EQ(seen(), ErrorCode::quota_exceeded);
  std::filesystem::remove(real(".old.Ab12xY"));
  store(".none.Ab12xY", 850);  // and none that replaces nothing
  EXPECT_EQ(seen(), ErrorCode::quota_exceeded);
}

TEST_F(Watched, WhatReplacesNeedsNoRoomOnTheWire) {
  ASSERT_TRUE(put("/old", text_of(990)));
  begin_program();
  EXPECT_TRUE(run(flow->receive(DataFlow::piece)));
  store("new", 20);
  EXPECT_TRUE(run(flow->receive(DataFlow::piece)));
  ErrorCode ended = fits;
  for (int i = 0; i < 20 && ended == fits; ++i) ended = code_of(run(flow->receive(DataFlow::piece)));
  EXPECT_EQ(ended, ErrorCode::quota_exceeded);
}

TEST_F(Watched, ALargestFileForTheKernel) {
  ASSERT_TRUE(put("/old", text_of(300)));
  begin_program();
  ASSERT_TRUE(largest);
  EXPECT_GE(*largest, 1000U);
  EXPECT_LE(*largest, 1000U + 1024 * 1024);
  flow.reset();  // it keeps its session
  user.filters.max_upload_file_size = 77;
  login();
  begin_program();
  EXPECT_EQ(largest, 77U);
  flow.reset();
  user.quota_size = user.quota_files = 0;
  login();
  begin_program();
  EXPECT_EQ(largest, 77U);
  flow = begin(FlowUse::read);
  EXPECT_EQ(run(flow->begin_watch({at("/")})).value(), std::nullopt);
}

TEST_F(DataFlows, CountAsTransferredData) {
  user.upload_data_transfer = 1;
  user.total_data_transfer = 2;
  login();
  constexpr std::uint64_t half = 512 * 1024;
  auto flow = begin(FlowUse::digested);
  EXPECT_TRUE(run(flow->receive(half)));
  EXPECT_TRUE(run(flow->receive(half)));
  EXPECT_EQ(code_of(run(flow->receive(1))), ErrorCode::quota_exceeded);
  EXPECT_TRUE(run(flow->send(2 * half)));
  EXPECT_EQ(code_of(run(flow->send(1))), ErrorCode::quota_exceeded);
  flow.reset();
  const auto counted = ledger->transfers_of(user)->transferred();
  EXPECT_EQ(counted.upload, std::int64_t{2 * half});
  EXPECT_EQ(counted.download, std::int64_t{2 * half});
}

}  // namespace
}  // namespace ferry::session
