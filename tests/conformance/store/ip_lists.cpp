// IP lists and what the defender keeps.
#include <thread>

#include "tests/conformance/store/provider_suite.h"

namespace ferry::store {
namespace {

using model::IpListType;
using Texts = std::vector<std::string>;

model::IpListEntry entry_of(IpListType type, std::string ipornet, std::int64_t mode = 1) {
  model::IpListEntry entry;
  entry.type = static_cast<std::int64_t>(type);
  entry.ipornet = std::move(ipornet);
  entry.mode = mode;
  return entry;
}

Texts texts(const Result<std::vector<model::IpListEntry>>& list) {
  Texts out;
  for (const auto& entry : list.value()) out.push_back(entry.ipornet);
  return out;
}

TEST_P(ProviderTest, IpListEntryComesBackAsItWasStored) {
  model::IpListEntry entry = entry_of(IpListType::defender, "10.0.0.0/8", 2);
  entry.description = "a 'quoted' \"line\"\n\xe5\x90\x8d";
  entry.protocols = 9;
  const auto added = store_->add_ip_list_entry(entry);
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_GT(added->created_at, 0);
  EXPECT_EQ(added->updated_at, added->created_at);
  entry.created_at = entry.updated_at = added->created_at;
  EXPECT_EQ(*store_->ip_list_entry(IpListType::defender, "10.0.0.0/8"), entry);
  EXPECT_EQ(store_->add_ip_list_entry(entry).error().code, ErrorCode::already_exists);
  // The same network on another list is another entry.
  EXPECT_EQ(store_->ip_list_entry(IpListType::allow_list, "10.0.0.0/8").error().code, ErrorCode::not_found);
  ASSERT_TRUE(store_->add_ip_list_entry(entry_of(IpListType::allow_list, "10.0.0.0/8")));
  const auto changed = store_->change_ip_list_entry(IpListType::defender, "10.0.0.0/8", [](model::IpListEntry& stored) {
    stored = entry_of(IpListType::rate_limiter_safe_list, "elsewhere");
    stored.description = "d";
    return Result<void>();
  });
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->ipornet, "10.0.0.0/8");
  EXPECT_EQ(changed->type, 2);
  EXPECT_EQ(changed->created_at, added->created_at);
  EXPECT_EQ(changed->mode, 1);
  EXPECT_EQ(changed->protocols, 0);
  EXPECT_EQ(*store_->ip_list_entry(IpListType::defender, "10.0.0.0/8"), *changed);
  const auto refused = store_->change_ip_list_entry(IpListType::defender, "10.0.0.0/8", [](model::IpListEntry& stored) {
    stored.description = "x";
    return Result<void>(fail(ErrorCode::conflict, "no"));
  });
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  EXPECT_EQ(store_->ip_list_entry(IpListType::defender, "10.0.0.0/8")->description, "d");
  ASSERT_TRUE(store_->delete_ip_list_entry(IpListType::defender, "10.0.0.0/8"));
  EXPECT_EQ(store_->delete_ip_list_entry(IpListType::defender, "10.0.0.0/8").error().code, ErrorCode::not_found);
  EXPECT_TRUE(store_->ip_list_entry(IpListType::allow_list, "10.0.0.0/8"));
}

TEST_P(ProviderTest, IpListsAreReadInPages) {
  for (const char* text : {"10.0.0.0/8", "10.1.0.0/16", "11.0.0.0/8", "2001:db8::/32", "9.0.0.1/32"}) {
    ASSERT_TRUE(store_->add_ip_list_entry(entry_of(IpListType::defender, text, 2)));
  }
  ASSERT_TRUE(store_->add_ip_list_entry(entry_of(IpListType::allow_list, "10.9.0.0/16")));
  const auto page = [&](IpListPage part) { return texts(store_->ip_list_entries(IpListType::defender, part)); };
  const Texts all = {"10.0.0.0/8", "10.1.0.0/16", "11.0.0.0/8", "2001:db8::/32", "9.0.0.1/32"};
  EXPECT_EQ(page({}), all);
  EXPECT_EQ(page({.descending = true}), Texts(all.rbegin(), all.rend()));
  EXPECT_EQ(page({.limit = 2}), (Texts{"10.0.0.0/8", "10.1.0.0/16"}));
  EXPECT_EQ(page({.from = "10.1.0.0/16", .limit = 2}), (Texts{"11.0.0.0/8", "2001:db8::/32"}));
  EXPECT_EQ(page({.from = "11.0.0.0/8", .limit = 9, .descending = true}), (Texts{"10.1.0.0/16", "10.0.0.0/8"}));
  EXPECT_EQ(page({.filter = "10."}), (Texts{"10.0.0.0/8", "10.1.0.0/16"}));
  EXPECT_EQ(page({.filter = "10.", .limit = 1, .descending = true}), (Texts{"10.1.0.0/16"}));
  EXPECT_EQ(page({.filter = "1' OR '1'='1"}), Texts{});
  EXPECT_EQ(page({.filter = "%"}), Texts{});
  EXPECT_EQ(texts(store_->all_ip_list_entries()).size(), 6U);
  EXPECT_EQ(store_->snapshot()->ip_lists, *store_->all_ip_list_entries());
}

TEST_P(ProviderTest, DefenderBansAboveTheThreshold) {
  const DefenderTimes times{.now = 100'000, .since = 50'000};
  const DefenderEvent event{.ip = "192.0.2.1", .score = 2, .threshold = 4, .ban_until = 200'000};
  EXPECT_EQ(store_->defender_host("192.0.2.1", times).error().code, ErrorCode::not_found);
  EXPECT_EQ(*store_->add_defender_event(event, times), (DefenderHost{"192.0.2.1", 2, 0}));
  EXPECT_EQ(*store_->add_defender_event(event, times), (DefenderHost{"192.0.2.1", 4, 0}));
  EXPECT_EQ(*store_->defender_host("192.0.2.1", times), (DefenderHost{"192.0.2.1", 4, 0}));
  EXPECT_EQ(*store_->extend_ban("192.0.2.1", times.now, 10), 0);
  // What happened before the window does not count.
  EXPECT_EQ(store_->defender_host("192.0.2.1", {200'000, 150'000}).error().code, ErrorCode::not_found);
  EXPECT_EQ(*store_->add_defender_event(event, times), (DefenderHost{"192.0.2.1", 0, 200'000}));
  EXPECT_EQ(*store_->add_defender_event(event, times), (DefenderHost{"192.0.2.1", 0, 200'000}));
  EXPECT_EQ(*store_->extend_ban("192.0.2.1", times.now, 10), 200'010);
  EXPECT_EQ(*store_->defender_host("192.0.2.1", times), (DefenderHost{"192.0.2.1", 0, 200'010}));
  EXPECT_EQ(*store_->extend_ban("192.0.2.1", 200'010, 10), 0);
  // After the ban the host begins anew.
  EXPECT_EQ(store_->add_defender_event({"192.0.2.1", 2, 4, 400'000}, {300'000, 250'000})->score, 2);
}

TEST_P(ProviderTest, DefenderHostsAreListedRemovedAndForgotten) {
  const DefenderTimes times{.now = 100'000, .since = 50'000};
  ASSERT_TRUE(store_->add_defender_event({"192.0.2.2", 9, 4, 200'000}, times));
  ASSERT_TRUE(store_->add_defender_event({"192.0.2.3", 1, 4, 200'000}, times));
  ASSERT_TRUE(store_->add_defender_event({"192.0.2.1", 3, 4, 200'000}, {60'000, 10'000}));
  const std::vector<DefenderHost> all = {{"192.0.2.1", 3, 0}, {"192.0.2.2", 0, 200'000}, {"192.0.2.3", 1, 0}};
  EXPECT_EQ(*store_->defender_hosts(times, 10), all);
  EXPECT_EQ(store_->defender_hosts(times, 2)->size(), 2U);
  ASSERT_TRUE(store_->delete_defender_host("192.0.2.3"));
  EXPECT_EQ(store_->delete_defender_host("192.0.2.3").error().code, ErrorCode::not_found);
  ASSERT_TRUE(store_->forget_defender_hosts({110'000, 70'000}));
  EXPECT_EQ(*store_->defender_hosts(times, 10), (std::vector<DefenderHost>{{"192.0.2.2", 0, 200'000}}));
  ASSERT_TRUE(store_->forget_defender_hosts({200'000, 150'000}));
  EXPECT_TRUE(store_->defender_hosts(times, 10)->empty());
}

TEST_P(ProviderTest, RacingEventsOfOneHostAreAllCounted) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 5; ++n) {
        EXPECT_TRUE(store_->add_defender_event({"192.0.2.1", 1, 1000, 9}, {.now = 5, .since = 1}));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(store_->defender_host("192.0.2.1", {.now = 5, .since = 1})->score, 40);
}

}  // namespace
}  // namespace ferry::store
