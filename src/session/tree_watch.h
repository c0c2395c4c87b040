// What the directories that a program of the system works in have grown by, and the room that takes of the account's
// quota. Such a program (rsync, git) stores more than it is sent when that is compressed, names blocks that are there
// already or leaves holes, so only looking at the disk tells. The program is ended soon after it has passed the limit:
// within the time of one look and a pause of four times that, 50 ms at least.
//
//   TreeWatch watch(account, payers);
//   co_await watch.begin({tree});                       // nothing runs yet
//   auto may = co_await watch.admit(count);             // before each piece of input
//   auto ended = co_await watch.run();                  // beside it, until stop()
//
// Belongs to one executor.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <vector>

#include "base/signal.h"
#include "session/account.h"
#include "session/quota.h"

namespace ferry::session {

class TreeWatch {
 public:
  TreeWatch(std::shared_ptr<Account> account, Payers payers, const asio::any_io_executor& executor);
  // Gives back what it has reserved.
  ~TreeWatch();

  // Looks at the trees for the first time.
  Task<Result<void>> begin(std::vector<VirtualPath> trees);
  // How large a file may get by the quota: what is left, beside the largest file that is there and may be rewritten.
  std::optional<std::uint64_t> largest_file() const;

  // Before `count` more bytes go to the program: quota_exceeded when the trees have grown too much.
  Task<Result<void>> admit(std::uint64_t count);
  // Looks again and again until stop(), and then a last time. quota_exceeded: the trees have grown too much.
  Task<Result<void>> run();
  void stop();

 private:
  struct Held {
    QuotaUsage usage;
    std::int64_t largest = 0;
    QuotaUsage replacing;  // rsync's new copy of a file that it is going to replace
  };
  Task<Result<Held>> look() const;
  Task<Result<void>> measure();
  Task<void> pause();
  void reserve(QuotaUsage wanted);
  bool covered() const;

  std::shared_ptr<Account> account_;
  Payers payers_;
  asio::steady_timer timer_;
  Signal measured_;
  std::vector<VirtualPath> trees_;
  Held before_;               // when the program began
  QuotaUsage growth_;         // since then, when it was last measured
  QuotaUsage reserved_;       // of the payers' room
  std::int64_t arrived_ = 0;  // bytes that went to the program since the trees were last measured
  bool changing_ = true;      // the last two looks differed, or something has arrived since
  bool measuring_ = false, stopped_ = false;
  std::chrono::steady_clock::duration last_look_{};
};

}  // namespace ferry::session
