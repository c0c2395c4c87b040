#include "events/stream.h"

#include <algorithm>

#include "base/log.h"
#include "events/message.h"
#include "store/provider.h"

namespace ferry::events {

namespace {

using model::FileAction, model::FileEvent;

constexpr std::string_view stream_sender = "events";

bool is_among(const std::vector<std::string>& list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

Result<void> check_words(std::string_view key, const std::vector<std::string>& words, auto known) {
  for (const std::string& word : words) {
    if (!known(word)) return fail(ErrorCode::invalid_argument, std::string(key) + ": unknown: " + word);
  }
  return {};
}

Result<void> check_place(std::string_view key, const Action& action) {
  if (action.hook.empty() || action.on.empty()) return {};
  auto usable = check_hook(action.hook);
  if (!usable) return fail(usable.error().code, std::string(key) + ": " + usable.error().message);
  return {};
}

// What an answer means for a notification. refused: the hook was reached and answered with an error, so only this
// notification waits; unreachable: all of this hook wait.
DeliveryOutcome outcome_of(const Result<HookAnswer>& answer, bool url) {
  if (!answer) {
    const bool reached = answer.error().code == ErrorCode::invalid_argument;
    return {reached ? Delivery::refused : Delivery::unreachable, answer.error().message};
  }
  const int status = answer->status;
  if (answer->ok || (url && status >= 200 && status < 300)) return {};
  // RFC 6585 section 4, RFC 9110 sections 15.6.3 to 15.6.5: nobody is there at the moment.
  const bool busy = url && (status == 429 || (status >= 502 && status <= 504));
  return {busy ? Delivery::unreachable : Delivery::refused, "it answers " + std::to_string(status)};
}

}  // namespace

Result<std::shared_ptr<Stream>> Stream::make(StreamOptions options, RunHook run, std::shared_ptr<Journal> journal) {
  std::shared_ptr<Stream> stream(new Stream(std::move(options), std::move(run), std::move(journal)));
  if (auto ready = stream->prepare(); !ready) return fail(ready.error());
  return stream;
}

Result<void> Stream::prepare() {
  const auto known_file = [](std::string_view word) { return model::file_action_of(word).has_value(); };
  const auto known_change = [](std::string_view word) { return word == "add" || word == "update" || word == "delete"; };
  // All that SFTPGo knows are accepted. Events of types that this server does not have simply never occur.
  const auto known_type = [](std::string_view word) {
    static const std::vector<std::string> types{"user",    "folder",        "group",        "admin",
                                                "api_key", "share",         "event_action", "event_rule",
                                                "role",    "ip_list_entry", "configs"};
    return is_among(types, word);
  };
  for (const auto& checked : {check_words("common.actions.execute_on", options_.files.on, known_file),
                              check_words("common.actions.execute_sync", options_.synchronous, known_file),
                              check_words("data_provider.actions.execute_on", options_.objects.on, known_change),
                              check_words("data_provider.actions.execute_for", options_.object_types, known_type),
                              check_place("common.actions.hook", options_.files),
                              check_place("data_provider.actions.hook", options_.objects)}) {
    if (!checked) return checked;
  }
  if (journal_ && journal_->options().keep_files.count() > 0) {
    for (std::size_t i = 0; i < audited_.size(); ++i) audited_[i] = !is_question(static_cast<FileAction>(i));
  }
  if (options_.files.hook.empty()) return {};
  for (const std::string& word : options_.files.on) {
    const auto index = static_cast<std::size_t>(*model::file_action_of(word));
    told_.set(index);
    if (is_among(options_.synchronous, word)) synchronous_.set(index);
  }
  return {};
}

bool Stream::has_hook(std::string_view name) const {
  const Action& action = name == file_hook ? options_.files : options_.objects;
  return !action.hook.empty() && !action.on.empty();
}

Task<Result<void>> Stream::run(HookRequest request) {
  const auto answer = co_await run_(std::move(request));
  if (!answer) co_return fail(answer.error());
  if (!answer->ok) co_return fail(ErrorCode::permission_denied, "it answers " + std::to_string(answer->status));
  co_return Result<void>();
}

Task<Result<void>> Stream::ask(model::FileEvent event) {
  if (!wants(event.action)) co_return Result<void>();
  HookRequest request = request_of(event);
  request.where = options_.files.hook;
  const Result<void> answer = co_await run(std::move(request));
  if (answer) co_return answer;
  co_return fail(ErrorCode::permission_denied,
                 std::string(to_string(event.action)) + " hook: " + answer.error().message);
}

store::Notification Stream::notification(std::string_view hook, std::string_view action, std::string payload) const {
  const std::int64_t now = store::now_ms();
  return {.hook = std::string(hook),
          .action = std::string(action),
          .payload = std::move(payload),
          .created_at = now,
          .expires_at = now + std::chrono::milliseconds(options_.retry_for).count()};
}

Task<Result<void>> Stream::publish(model::FileEvent event) {
  const bool audited = audited_[at(event.action)];
  Result<void> told;
  if (told_[at(event.action)]) told = co_await tell(event);
  if (!audited) co_return told;
  // A synchronous hook refused the upload after it was done: the audit log must show it as failed.
  if (!told && is_synchronous(event.action)) event.status = FileEvent::failed;
  journal_->record(std::move(event));
  co_return told;
}

Task<Result<void>> Stream::tell(const model::FileEvent& event) {
  if (!is_synchronous(event.action)) {
    Result<void> queued = co_await journal_->queue(notification(file_hook, to_string(event.action), to_payload(event)));
    co_return queued;
  }
  HookRequest request = request_of(event);
  request.where = options_.files.hook;
  Result<void> answer = co_await run(std::move(request));
  if (!answer) {
    log::warn(stream_sender, event.session_id, "{} hook for \"{}\": {}", to_string(event.action), event.virtual_path,
              answer.error().message);
    if (event.action != FileAction::upload) answer = Result<void>();
  }
  co_return answer;
}

bool Stream::wants_objects(std::string_view action, std::string_view type) const {
  if (journal_ && journal_->options().keep_changes.count() > 0) return true;
  return tells_objects(action, type);
}

bool Stream::tells_objects(std::string_view action, std::string_view type) const {
  return !options_.objects.hook.empty() && is_among(options_.objects.on, action) &&
         is_among(options_.object_types, type);
}

void Stream::publish(model::ProviderEvent event) {
  if (journal_ && journal_->options().keep_changes.count() > 0) journal_->record(event);
  if (!tells_objects(event.action, event.object_type)) return;
  const auto queued = journal_->queue_now(notification(provider_hook, event.action, to_payload(event)));
  if (!queued) {
    log::error(stream_sender, "", "nobody is told that {} \"{}\" was changed ({}): {}", event.object_type,
               event.object_name, event.action, queued.error().message);
  }
}

store::LoadListener Stream::loads(model::ProviderEvent by) {
  return {.wants = [this](std::string_view action, std::string_view type) { return wants_objects(action, type); },
          .tell =
              [this, by = std::move(by)](model::ProviderEvent event) {
                event.username = by.username;
                event.ip = by.ip;
                event.role = by.role;
                publish(std::move(event));
              }};
}

bool Stream::wants_logins() const { return journal_ && journal_->options().keep_logins.count() > 0; }

void Stream::publish(model::LogEvent event) {
  if (wants_logins()) journal_->record(std::move(event));
}

Task<DeliveryOutcome> Stream::deliver(store::Notification one) {
  HookRequest request;
  std::string damage;
  if (one.hook == file_hook) {
    const auto event = file_event_of(one.payload);
    if (event) request = request_of(*event);
    if (!event) damage = event.error().message;
    request.where = options_.files.hook;
  } else {
    const auto event = provider_event_of(one.payload);
    if (event) request = request_of(*event);
    if (!event) damage = event.error().message;
    request.where = options_.objects.hook;
  }
  if (!damage.empty()) co_return DeliveryOutcome{Delivery::refused, damage};
  // The courier has pauses of its own, and reads no answer but the status.
  request.retried = false;
  request.cut_output = true;
  const bool url = is_url(request.where);
  const auto answer = co_await run_(std::move(request));
  co_return outcome_of(answer, url);
}

}  // namespace ferry::events
