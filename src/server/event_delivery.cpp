#include "server/event_delivery.h"

#include "events/message.h"
#include "model/validate.h"

namespace ferry::server {

namespace {

events::StreamOptions stream_options(const config::Config& config) {
  events::StreamOptions options;
  options.files = {config.common.actions.hook, config.common.actions.execute_on};
  options.synchronous = config.common.actions.execute_sync;
  options.objects = {config.data_provider.actions.hook, config.data_provider.actions.execute_on};
  options.object_types = config.data_provider.actions.execute_for;
  options.retry_for = std::chrono::seconds(config.common.actions.retry_for);
  return options;
}

}  // namespace

Result<std::unique_ptr<EventDelivery>> EventDelivery::make(const config::Config& config, store::Provider& provider,
                                                           std::shared_ptr<events::Hooks> hooks) {
  std::unique_ptr<EventDelivery> made(new EventDelivery());
  const config::Common::Audit& audit = config.common.audit;
  const events::JournalOptions limits{.most_waiting = static_cast<std::size_t>(config.common.actions.queue_size),
                                      .keep_files = std::chrono::hours(audit.fs_events),
                                      .keep_changes = std::chrono::hours(audit.provider_events),
                                      .keep_logins = std::chrono::hours(audit.log_events),
                                      .most_audited = static_cast<std::size_t>(audit.max_events),
                                      .instance_id = audit.instance_id};
  made->journal_ = std::make_shared<events::Journal>(provider, limits, [events = made.get()] {
    if (events->courier_) events->courier_->wake();
  });
  const events::RunHook run = [hooks](events::HookRequest request) { return hooks->run(std::move(request)); };
  auto stream = events::Stream::make(stream_options(config), run, made->journal_);
  if (!stream) return fail(stream.error());
  made->stream_ = std::move(*stream);
  events::CourierOptions lanes;
  for (const std::string_view hook : {events::file_hook, events::provider_hook}) {
    if (made->stream_->has_hook(hook)) lanes.hooks.emplace_back(hook);
  }
  if (lanes.hooks.empty()) return made;
  made->courier_ = std::make_unique<events::Courier>(
      provider, std::move(lanes),
      [stream = made->stream_](store::Notification one) { return stream->deliver(std::move(one)); });
  return made;
}

EventDelivery::~EventDelivery() { stop(); }

void EventDelivery::start() {
  if (courier_) courier_->start();
}

void EventDelivery::retry() {
  if (courier_) courier_->wake(true);
}

std::chrono::milliseconds EventDelivery::login_ended(const auth::LoginReport& report) {
  using Outcome = auth::LoginReport::Outcome;
  constexpr std::chrono::milliseconds no_delay{0};
  if (!stream_->wants_logins()) return no_delay;
  model::LogEvent event;
  event.timestamp = model::now_ns();
  switch (report.outcome) {
    case Outcome::succeeded: event.event = model::LogEventType::login_ok; break;
    case Outcome::unknown_account: event.event = model::LogEventType::login_unknown_user; break;
    case Outcome::not_tried: event.event = model::LogEventType::no_login_tried; break;
    case Outcome::not_negotiated: event.event = model::LogEventType::not_negotiated; break;
    case Outcome::refused:
    case Outcome::undecided: event.event = model::LogEventType::login_failed; break;
  }
  event.protocol = report.protocol;
  // What a client sends must not fill the log; the reason may repeat the name.
  event.username = report.username.substr(0, model::max_name_length);
  event.ip = report.client_ip;
  event.message = report.why.substr(0, 2 * model::max_name_length);
  if (event.message.empty()) event.message = report.method;
  if (report.user) event.role = report.user->role;
  stream_->publish(std::move(event));
  return no_delay;
}

void EventDelivery::stop() {
  journal_->stop();
  if (courier_) courier_->stop();
}

}  // namespace ferry::server
