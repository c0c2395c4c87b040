// Writes events to the data provider: notifications for hooks (the outbox) and the audit log. One thread writes for all
// connections and stores all that waits in one transaction: 200 uploads that end at the same time cost one commit.
//
//   const Result<void> stored = co_await journal.queue(notification);
//
// Safe from any thread. After stop() the provider is not used any more, even if others still hold the journal.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/task.h"
#include "store/provider.h"

namespace ferry::events {

struct JournalOptions {
  std::size_t most_waiting = 100'000;  // notifications in the outbox; beyond it the oldest become dead letters
  // How long the audit log keeps events of each kind; 0: they are not recorded.
  std::chrono::hours keep_files{0}, keep_changes{0}, keep_logins{0};
  std::size_t most_audited = 1'000'000;  // events of each kind
  std::string instance_id = {};
};

class Journal {
 public:
  // `queued` is called from the writer's thread when there are new notifications in the outbox.
  Journal(store::Provider& provider, JournalOptions options, std::function<void()> queued = {});
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  ~Journal();

  // Answers when it is in the outbox. aborted: stopped; else the provider's error, and it is not there.
  Task<Result<void>> queue(store::Notification one);
  // The same, blocking.
  Result<void> queue_now(store::Notification one);

  // Adds an event to the audit log. It is stored within a second or so, together with others. When the provider fails
  // and 20,000 events wait, further ones are dropped with a log line. Check options() first: events of a kind that is
  // not kept should not be given.
  void record(model::FileEvent event) { add_audit(&store::AuditBatch::files, std::move(event)); }
  void record(model::ProviderEvent event) { add_audit(&store::AuditBatch::changes, std::move(event)); }
  void record(model::LogEvent event) { add_audit(&store::AuditBatch::logins, std::move(event)); }
  const JournalOptions& options() const { return options_; }

  // Stores everything that waits, and ends the thread.
  void stop();

 private:
  using Clock = std::chrono::steady_clock;
  using Done = std::function<void(Result<void>)>;  // called without a lock
  struct Entry {
    store::Notification notification;
    Done done;
  };

  void add(store::Notification one, Done done);
  void run();
  void write(std::vector<Entry>& entries);
  void trim(std::size_t added);
  template <class Event>
  void add_audit(std::vector<Event> store::AuditBatch::*list, Event event);
  bool audit_due() const;  // as is the next, with mutex_
  Clock::time_point next_look() const;
  void write_audit(store::AuditBatch batch, bool last);
  void forget();

  store::Provider& provider_;
  const JournalOptions options_;
  const std::function<void()> queued_;
  std::size_t added_ = 0;  // since the last trim; the writer's own

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Entry> entries_;
  store::AuditBatch audit_;
  Clock::time_point audit_time_ = {};   // when audit_ is stored
  Clock::time_point forget_time_ = {};  // when old events are looked for
  bool audit_full_ = false, audit_failed_ = false;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace ferry::events
