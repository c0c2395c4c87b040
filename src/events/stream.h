// Where sessions and REST report what happened. The stream passes each event to the hooks and the audit log that are
// configured to hear of it.
//
//   if (stream.wants(FileAction::mkdir)) ...                       // else spare the work of making an event
//   const Result<void> may = co_await stream.ask(event);           // before the action (pre-upload, ...): a hook
//   decides const Result<void> told = co_await stream.publish(event);      // after it
//
// Safe from any thread.
#pragma once

#include <bitset>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/task.h"
#include "events/courier.h"
#include "events/hook.h"
#include "events/journal.h"
#include "model/event.h"
#include "store/dump.h"

namespace ferry::events {

struct Action {
  std::string hook = {};  // an absolute path or a URL; "" tells nobody
  std::vector<std::string> on = {};
};
struct StreamOptions {
  Action files = {};                           // on: names of FileAction
  std::vector<std::string> synchronous = {};   // of files.on: the client's answer waits until the hook has ended
  Action objects = {};                         // on: add, update, delete
  std::vector<std::string> object_types = {};  // user, folder, ...
  std::chrono::seconds retry_for{24 * 3600};   // how long a failed notification is tried again
};

// Runs one hook; events/hook.h does.
using RunHook = std::function<Task<Result<HookAnswer>>(HookRequest)>;

class Stream {
 public:
  // invalid_argument: a hook that is neither path nor URL, an action that does not exist. `journal` may be null when
  // `options` names no hook.
  static Result<std::shared_ptr<Stream>> make(StreamOptions options, RunHook run, std::shared_ptr<Journal> journal);

  bool wants(model::FileAction action) const { return audited_[at(action)] || told_[at(action)]; }
  std::chrono::milliseconds retry_for() const { return options_.retry_for; }
  // Whether publish() waits for the hook.
  bool is_synchronous(model::FileAction action) const { return synchronous_[at(action)]; }
  // Whether notifications are delivered to this hook (message.h has the names): it is configured, with an action other
  // than pre-*.
  bool has_hook(std::string_view name) const;

  // Asks the hook of a pre-* action, before it is done. permission_denied: the hook said no, or failed.
  Task<Result<void>> ask(model::FileEvent event);
  // Reports an action that was done. Returns when a synchronous hook has ended and the notifications of others are
  // stored. An error: the synchronous hook of an upload refused it, or the notification could not be stored.
  Task<Result<void>> publish(model::FileEvent event);

  bool wants_objects(std::string_view action, std::string_view type) const;
  // Blocks. Failures are only logged: the change of the object has been made already.
  void publish(model::ProviderEvent event);

  // A listener that publishes an event for each object that a dump adds or changes; username, ip and role of `by` name
  // who loads it. The stream must outlive the listener.
  store::LoadListener loads(model::ProviderEvent by);

  bool wants_logins() const;
  // Never waits.
  void publish(model::LogEvent event);

  // Runs the hook of a stored notification; called by the courier.
  Task<DeliveryOutcome> deliver(store::Notification one);

 private:
  Stream(StreamOptions options, RunHook run, std::shared_ptr<Journal> journal)
      : options_(std::move(options)), run_(std::move(run)), journal_(std::move(journal)) {}
  static std::size_t at(model::FileAction action) { return static_cast<std::size_t>(action); }
  Result<void> prepare();
  bool tells_objects(std::string_view action, std::string_view type) const;
  Task<Result<void>> tell(const model::FileEvent& event);
  Task<Result<void>> run(HookRequest request);
  store::Notification notification(std::string_view hook, std::string_view action, std::string payload) const;

  const StreamOptions options_;
  const RunHook run_;
  const std::shared_ptr<Journal> journal_;
  std::bitset<model::file_action_count> told_, synchronous_, audited_;
};

}  // namespace ferry::events
