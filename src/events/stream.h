// What happened, as one stream: sessions and the REST layer publish here, and whoever has to be told is told.
//
//   if (stream.wants(FileAction::mkdir)) ...                       // else nothing has to be put together
//   const Result<void> may = co_await stream.ask(event);           // pre-*: the hook decides
//   const Result<void> told = co_await stream.publish(event);
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
  std::vector<std::string> synchronous = {};   // of files.on: those that the client waits for
  Action objects = {};                         // on: add, update, delete
  std::vector<std::string> object_types = {};  // user, folder, ...
  std::chrono::seconds retry_for{24 * 3600};   // how long a notification is tried
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
  // Whether there is a hook for what was named in `on` beside pre-*: notifications may be waiting for it.
  bool has_hook(std::string_view name) const;

  // Of a pre-* action. permission_denied: the hook said no, or there is no telling what it said.
  Task<Result<void>> ask(model::FileEvent event);
  // Of something that has happened. When this answers, a synchronous hook has ended, and what others have to be told is
  // stored. An error: the upload's hook refused it, or the notification could not be stored and nobody will be told.
  Task<Result<void>> publish(model::FileEvent event);

  bool wants_objects(std::string_view action, std::string_view type) const;
  // Blocking. Failures are logged: the change has been made.
  void publish(model::ProviderEvent event);

  // Tells of what a dump brings; username, ip and role of `by` say who loads it. The stream must outlive it.
  store::LoadListener loads(model::ProviderEvent by);

  bool wants_logins() const;
  // Never waits.
  void publish(model::LogEvent event);

  // What the courier does with what waits in the outbox.
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
