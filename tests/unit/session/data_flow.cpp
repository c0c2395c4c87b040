// What moves between a client and a program or a digest.
#include <thread>

#include "tests/unit/session/quota_support.h"

namespace ferry::session {
namespace {

using test::run;

class DataFlows : public QuotaTest {
 protected:
  std::unique_ptr<DataFlow> begin(FlowUse use) { return session->begin_flow(at("/f"), use).value(); }
  ConnectionStatus shown() { return registry->list().at(0); }
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
    while (now_ms() == before) std::this_thread::yield();
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
  ASSERT_TRUE(ledger->update_user("alice", {.files = 1, .size = 1000}, QuotaUpdate::reset));
  EXPECT_EQ(code_of(session->begin_flow(at("/f"), FlowUse::stored)), ErrorCode::quota_exceeded);
  EXPECT_TRUE(session->begin_flow(at("/f"), FlowUse::read));
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
