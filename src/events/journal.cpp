#include "events/journal.h"

#include <future>
#include <utility>

#include "base/log.h"

namespace ferry::events {

namespace {

constexpr std::string_view journal_sender = "events";
constexpr auto gathering = std::chrono::milliseconds(200);  // audit events of this time go into one transaction
constexpr auto second_try = std::chrono::seconds(1);        // after the provider failed
constexpr auto forget_interval = std::chrono::minutes(10);
constexpr std::size_t full_batch = 500, most_unstored = 20'000;  // events
constexpr std::size_t trim_interval = 1000;  // notifications added until the outbox is cut to its limit again

}  // namespace

Journal::Journal(store::Provider& provider, JournalOptions options, std::function<void()> queued)
    : provider_(provider), options_(options), queued_(std::move(queued)), added_(trim_interval) {
  thread_ = std::thread([this] { run(); });
}

Journal::~Journal() { stop(); }

void Journal::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Journal::add(store::Notification one, Done done) {
  std::unique_lock lock(mutex_);
  if (stopped_) {
    lock.unlock();
    done(fail(ErrorCode::aborted, "the server ends"));
    return;
  }
  entries_.push_back({std::move(one), std::move(done)});
  lock.unlock();
  changed_.notify_one();
}

Task<Result<void>> Journal::queue(store::Notification one) {
  // The writer's thread calls the completion; it must resume the coroutine on its own executor, and that executor's
  // io_context must not run out of work meanwhile (outstanding_work).
  auto begin = [this, &one](auto handler) {
    const auto home = asio::prefer(asio::get_associated_executor(handler), asio::execution::outstanding_work.tracked);
    const auto waiting = std::make_shared<decltype(handler)>(std::move(handler));
    add(std::move(one), [waiting, home](Result<void> outcome) {
      asio::post(home, [waiting, outcome = std::move(outcome)]() mutable { (*waiting)(std::move(outcome)); });
    });
  };
  Result<void> outcome =
      co_await asio::async_initiate<decltype(asio::use_awaitable), void(Result<void>)>(begin, asio::use_awaitable);
  co_return outcome;
}

Result<void> Journal::queue_now(store::Notification one) {
  std::promise<Result<void>> promise;
  auto outcome = promise.get_future();
  add(std::move(one), [&promise](Result<void> stored) { promise.set_value(std::move(stored)); });
  return outcome.get();
}

template <class Event>
void Journal::add_audit(std::vector<Event> store::AuditBatch::*list, Event event) {
  std::unique_lock lock(mutex_);
  if (stopped_) return;
  const std::size_t size = audit_.size();
  if (size >= most_unstored) {
    const bool first = !std::exchange(audit_full_, true);
    lock.unlock();
    if (first) log::error(journal_sender, "", "the audit log cannot be written: events are lost");
    return;
  }
  (audit_.*list).push_back(std::move(event));
  if (size == 0) audit_time_ = std::max(audit_time_, Clock::now() + gathering);
  lock.unlock();
  // Wakes the writer only for the first event of a batch (it then sleeps until audit_time_) and for a full batch.
  if (size == 0 || size == full_batch) changed_.notify_one();
}
template void Journal::add_audit(std::vector<model::FileEvent> store::AuditBatch::*, model::FileEvent);
template void Journal::add_audit(std::vector<model::ProviderEvent> store::AuditBatch::*, model::ProviderEvent);
template void Journal::add_audit(std::vector<model::LogEvent> store::AuditBatch::*, model::LogEvent);

bool Journal::audit_due() const {
  const std::size_t size = audit_.size();
  return size > 0 && (stopped_ || Clock::now() >= audit_time_ || (size > full_batch && !audit_failed_));
}

Journal::Clock::time_point Journal::next_look() const {
  return audit_.size() > 0 ? std::min(audit_time_, forget_time_) : forget_time_;
}

void Journal::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    while (!stopped_ && entries_.empty() && !audit_due() && Clock::now() < forget_time_) {
      changed_.wait_until(lock, next_look());
    }
    std::vector<Entry> batch;
    batch.swap(entries_);
    store::AuditBatch audit;
    if (audit_due()) std::swap(audit, audit_);
    const bool last = stopped_;
    const bool forgets = !last && Clock::now() >= forget_time_;
    lock.unlock();
    if (!batch.empty()) write(batch);
    if (audit.size() > 0) write_audit(std::move(audit), last);
    if (forgets) forget();
    lock.lock();
    if (last && entries_.empty()) return;
  }
}

void Journal::write_audit(store::AuditBatch batch, bool last) {
  const Result<void> stored = provider_.record(batch, options_.instance_id);
  const std::scoped_lock lock(mutex_);
  audit_failed_ = !stored;
  if (stored) {
    audit_full_ = false;
    return;
  }
  log::error(journal_sender, "", "the audit log cannot be written: {}", stored.error().message);
  if (last) return;
  // To be stored again, before the events that were added meanwhile.
  const auto put_back = [](auto& to, auto& from) { to.insert(to.begin(), from.begin(), from.end()); };
  put_back(audit_.files, batch.files);
  put_back(audit_.changes, batch.changes);
  put_back(audit_.logins, batch.logins);
  audit_time_ = Clock::now() + second_try;
}

void Journal::forget() {
  forget_time_ = Clock::now() + forget_interval;
  const auto oldest = [now = model::now_ns()](std::chrono::hours kept) {
    return now - std::chrono::duration_cast<std::chrono::nanoseconds>(kept).count();
  };
  const auto all = provider_.forget_events({.files = oldest(options_.keep_files),
                                            .changes = oldest(options_.keep_changes),
                                            .logins = oldest(options_.keep_logins),
                                            .most = options_.most_audited});
  if (!all) log::warn(journal_sender, "", "old events are not forgotten: {}", all.error().message);
  if (all && !*all) forget_time_ = Clock::now();  // the provider removes a limited number at a time; there are more
}

void Journal::write(std::vector<Entry>& entries) {
  std::vector<store::Notification> notifications;
  notifications.reserve(entries.size());
  for (Entry& entry : entries) notifications.push_back(std::move(entry.notification));
  const Result<void> stored = provider_.queue(notifications);
  if (!stored) {
    log::error(journal_sender, "", "{} notifications cannot be queued: {}", entries.size(), stored.error().message);
  }
  for (const Entry& entry : entries) entry.done(stored);
  if (!stored) return;
  if (queued_) queued_();
  trim(entries.size());
}

void Journal::trim(std::size_t added) {
  added_ += added;
  if (added_ < trim_interval) return;
  added_ = 0;
  const auto trimmed = provider_.trim(options_.most_waiting);
  if (!trimmed) {
    log::warn(journal_sender, "", "the queue's length cannot be looked at: {}", trimmed.error().message);
    return;
  }
  if (trimmed->died > 0) log::error(journal_sender, "", "the queue is full: {} notifications given up", trimmed->died);
  if (trimmed->dropped > 0)
    log::error(journal_sender, "", "too many dead letters: the oldest {} dropped", trimmed->dropped);
}

}  // namespace ferry::events
