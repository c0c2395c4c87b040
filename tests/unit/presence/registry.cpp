#include "presence/registry.h"

#include <gtest/gtest.h>

#include <latch>
#include <thread>

namespace ferry::presence {
namespace {

ConnectionInfo connection(const std::string& id) {
  return {.id = id,
          .protocol = "SFTP",
          .local_address = "",
          .remote_address = "10.0.0.1:5",
          .client_ip = "10.0.0.1",
          .client_version = "SSH-2.0-x"};
}

// Runs `attempt` in 200 threads at once and counts the successes.
template <class Attempt>
int racing(Attempt attempt) {
  constexpr int count = 200;
  std::latch start(count);
  std::atomic<int> successes{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      start.arrive_and_wait();
      if (attempt(i)) ++successes;
    });
  }
  for (std::thread& thread : threads) thread.join();
  return successes;
}

TEST(Registry, OneOf200SessionsGetsTheOnlyPlace) {
  Registry registry;
  std::vector<std::unique_ptr<Registration>> kept(200);
  const auto enter = [&](int i) {
    auto row = registry.enter("alice", connection("id" + std::to_string(i)), 1);
    if (row) kept[static_cast<std::size_t>(i)] = std::move(*row);
    return row.has_value();
  };
  EXPECT_EQ(racing(enter), 1);
  EXPECT_EQ(registry.session_count(), 1U);
  EXPECT_TRUE(registry.enter("bob", connection("bob"), 1));
  kept.clear();
  EXPECT_TRUE(registry.enter("alice", connection("again"), 1));
  EXPECT_EQ(registry.session_count(), 0U);
}

TEST(Registry, SessionsThatAreNotCountedTakeNoPlace) {
  Registry registry;
  ConnectionInfo uncounted = connection("uncounted");
  uncounted.counted = false;
  auto first = registry.enter("alice", uncounted, 1);
  ASSERT_TRUE(first);
  auto counted = registry.enter("alice", connection("counted"), 1);
  ASSERT_TRUE(counted);
  uncounted.id = "another";
  auto another = registry.enter("alice", uncounted, 1);
  ASSERT_TRUE(another);
  EXPECT_EQ(registry.session_count(), 3U);
  first->reset();
  another->reset();
  EXPECT_FALSE(registry.enter("alice", connection("refused"), 1));  // the counted one still holds its place
  counted->reset();
  EXPECT_TRUE(registry.enter("alice", connection("again"), 1));
}

TEST(Registry, OneOf200ConnectionsGetsTheOnlyPlace) {
  for (const Limits limits : {Limits{1, 0}, Limits{0, 1}}) {
    Registry registry(limits);
    std::vector<std::optional<Admission>> kept(200);
    const auto admit = [&](int i) {
      auto admission = registry.admit("10.0.0.1");
      if (admission) kept[static_cast<std::size_t>(i)].emplace(std::move(*admission));
      return admission.has_value();
    };
    EXPECT_EQ(racing(admit), 1);
    EXPECT_EQ(registry.connection_count(), 1U);
    EXPECT_EQ(registry.admit("10.0.0.2").has_value(), limits.max_total_connections == 0);
    const bool by_host = limits.max_total_connections == 0;
    EXPECT_EQ(registry.admit("10.0.0.1").error().code, by_host ? ErrorCode::limit_exceeded : ErrorCode::quota_exceeded);
    kept.clear();
    EXPECT_EQ(registry.connection_count(), 0U);
    EXPECT_TRUE(registry.admit("10.0.0.1"));
  }
}

TEST(Registry, AdmissionsMoveAndAreGivenBackOnce) {
  Registry registry(Limits{2, 0});
  Result<Admission> one = registry.admit("h"), two = registry.admit("h");
  const Result<Admission> three = registry.admit("h");
  ASSERT_FALSE(three);
  EXPECT_EQ(three.error().code, ErrorCode::quota_exceeded);
  *one = std::move(*two);
  EXPECT_EQ(registry.connection_count(), 1U);
  Admission moved = std::move(*one);
  EXPECT_EQ(registry.connection_count(), 1U);
  registry.set_limits({1, 0});
  EXPECT_FALSE(registry.admit("h"));
}

TEST(Registry, ListsSessionsAndTheirTransfers) {
  Registry registry;
  auto row = registry.enter("alice", connection("a"), 0).value();
  EXPECT_FALSE(registry.enter("alice", connection("a"), 0)) << "the id is in use";
  row->set_command("md5sum /x");
  auto upload = row->add_transfer(true, "/in");
  auto download = row->add_transfer(false, "/out");
  upload->add(10);
  upload->add(5);
  std::vector<ConnectionStatus> list = registry.list();
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].username, "alice");
  EXPECT_EQ(list[0].connection_id, "a");
  EXPECT_EQ(list[0].protocol, "SFTP");
  EXPECT_EQ(list[0].remote_address, "10.0.0.1:5");
  EXPECT_EQ(list[0].client_version, "SSH-2.0-x");
  EXPECT_EQ(list[0].command, "md5sum /x");
  EXPECT_GT(list[0].connection_time, 1'600'000'000'000);
  ASSERT_EQ(list[0].active_transfers.size(), 2U);
  EXPECT_TRUE(list[0].active_transfers[0].upload);
  EXPECT_EQ(list[0].active_transfers[0].size, 15U);
  EXPECT_EQ(list[0].active_transfers[1].path, "/out");
  upload.reset();
  EXPECT_EQ(registry.list()[0].active_transfers.size(), 1U);
  row.reset();
  EXPECT_TRUE(registry.list().empty());
}

TEST(Registry, AsksConnectionsToEnd) {
  Registry registry;
  std::vector<std::string> ended;
  const auto enter = [&](const std::string& user, const std::string& id) {
    ConnectionInfo info = connection(id);
    info.disconnect = [&ended, &registry, id] {
      ended.push_back(id);
      (void)registry.list();  // may come back
    };
    return registry.enter(user, info, 0).value();
  };
  const auto a = enter("alice", "a"), b = enter("bob", "b"), c = enter("alice", "c");
  EXPECT_FALSE(registry.close("none"));
  EXPECT_TRUE(registry.close("b"));
  EXPECT_EQ(registry.close_user("alice"), 2U);
  EXPECT_EQ(ended, (std::vector<std::string>{"b", "a", "c"}));
  EXPECT_EQ(registry.close_all(), 3U);
  ended.clear();
  EXPECT_EQ(registry.close_idle(std::chrono::minutes(1)), 0U);
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  a->touch();
  EXPECT_EQ(registry.close_idle(std::chrono::milliseconds(20)), 2U);
  EXPECT_EQ(registry.close_idle(std::chrono::milliseconds(0)), 0U);
}

TEST(Registry, LoginsWithoutASessionEndWithTheUsersConnections) {
  Registry registry;
  int ended = 0;
  const std::uint64_t before = registry.moment();
  ConnectionInfo first = connection("first"), second = connection("second");
  first.disconnect = [&ended] { ++ended; };
  second.disconnect = [&ended] { ended += 100; };
  auto ours = registry.keep_login("maria", before, first);
  const auto others = registry.keep_login("peter", before, second);
  ASSERT_TRUE(ours && others);
  EXPECT_EQ(registry.close_user("maria"), 0U) << "it counts sessions";
  EXPECT_EQ(ended, 1);
  ours.reset();
  registry.close_user("maria");
  EXPECT_EQ(ended, 1);
}

// What was read of an account before its connections were closed lets nobody in afterwards.
TEST(Registry, LoginsThatWereDecidedTooEarlyDoNotBegin) {
  Registry registry;
  const std::uint64_t before = registry.moment();
  registry.close_user("maria");
  ConnectionInfo info = connection("one");
  EXPECT_FALSE(registry.keep_login("maria", before, info));
  EXPECT_TRUE(registry.keep_login("peter", before, info));
  EXPECT_TRUE(registry.keep_login("maria", registry.moment(), info));
  for (int i = 0; i < 5000; ++i) registry.close_user("user" + std::to_string(i));
  EXPECT_FALSE(registry.keep_login("maria", before, info));
}

TEST(Registry, LoginsAreIdleWhenNoSessionOfTheirsDoesAnything) {
  Registry registry;
  std::vector<std::string> ended;
  const auto log_in = [&](ConnectionInfo& info) {
    info.disconnect = [&ended, &registry, id = info.id] {
      ended.push_back(id);
      (void)registry.list();  // may come back
    };
    return registry.keep_login("alice", registry.moment(), info);
  };
  ConnectionInfo silent = connection("silent"), busy = connection("busy"), used = connection("used");
  const auto one = log_in(silent), two = log_in(busy), three = log_in(used);
  const auto session = registry.enter("alice", busy, 0).value();
  auto ends = registry.enter("alice", used, 0).value();
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  session->touch();
  ends.reset();
  EXPECT_EQ(registry.close_idle(std::chrono::milliseconds(0)), 0U);
  EXPECT_EQ(registry.close_idle(std::chrono::seconds(1)), 0U) << "it counts sessions";
  EXPECT_EQ(ended, std::vector<std::string>{"silent"});
}

// They share a connection: what would end one of them ends all.
TEST(Registry, NoSessionIsIdleWhileAnotherOfItsLoginIsBusy) {
  Registry registry;
  int ended = 0;
  ConnectionInfo info = connection("quiet");
  info.disconnect = [&ended] { ++ended; };
  const auto login = registry.keep_login("alice", registry.moment(), info);
  const auto quiet = registry.enter("alice", info, 0).value();
  info.id = "busy";
  const auto busy = registry.enter("alice", info, 0).value();
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  busy->touch();
  EXPECT_EQ(registry.close_idle(std::chrono::seconds(1)), 0U);
  EXPECT_EQ(ended, 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  EXPECT_EQ(registry.close_idle(std::chrono::milliseconds(20)), 2U);
  EXPECT_GT(ended, 0);
}

}  // namespace
}  // namespace ferry::presence
