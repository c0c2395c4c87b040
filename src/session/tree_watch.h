// Measures how much the directories have grown in which a program of the system works, and reserves that in the
// account's quota. Such a program (rsync, git) may store more than it is sent (compressed data, blocks that are there
// already, holes), so its input cannot be counted and the disk is measured instead. The program is ended soon after it
// has passed the limit: after one look at the trees and a pause of four times as long, at least 50 ms.
//
//   TreeWatch watch(account, owners);
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
#include "quota/quota.h"
#include "session/session_state.h"

namespace ferry::session {

class TreeWatch {
 public:
  TreeWatch(std::shared_ptr<SessionState> state, quota::Owners owners, const asio::any_io_executor& executor);
  // Gives back what it has reserved.
  ~TreeWatch();

  // Looks at the trees for the first time.
  Task<Result<void>> begin(std::vector<VirtualPath> trees);
  // The size that no file may exceed: what the quota leaves, plus the largest existing file, which may be rewritten.
  std::optional<std::uint64_t> largest_file() const;

  // Before `count` more bytes go to the program: quota_exceeded when the trees have grown too much.
  Task<Result<void>> admit(std::uint64_t count);
  // Looks again and again until stop(), and then a last time. quota_exceeded: the trees have grown too much.
  Task<Result<void>> run();
  void stop();

 private:
  struct Held {
    quota::Usage usage;
    std::int64_t largest = 0;
    quota::Usage replacing;  // rsync's new copy of a file that it is going to replace
  };
  Task<Result<Held>> look() const;
  Task<Result<void>> measure();
  Task<void> pause();
  void reserve(quota::Usage wanted);
  bool covered() const;

  std::shared_ptr<SessionState> state_;
  quota::Owners owners_;
  asio::steady_timer timer_;
  Signal measured_;
  std::vector<VirtualPath> trees_;
  Held before_;               // when the program began
  quota::Usage growth_;       // since then, when it was last measured
  quota::Usage reserved_;     // with the owners
  std::int64_t arrived_ = 0;  // bytes that went to the program since the trees were last measured
  bool changing_ = true;      // the last two looks differed, or something has arrived since
  bool measuring_ = false, stopped_ = false;
  std::chrono::steady_clock::duration last_look_{};
};

}  // namespace ferry::session
