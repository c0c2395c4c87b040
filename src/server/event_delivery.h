// The stream of events as the configuration has it: the hooks of `common.actions` and `data_provider.actions`, the
// outbox between, and the audit log, which hears of logins here.
#pragma once

#include <memory>

#include "auth/login_report.h"
#include "config/config.h"
#include "events/stream.h"
#include "store/provider.h"

namespace ferry::server {

// Stopped, and gone, before the provider it writes to; stopped before the hooks it runs.
class EventDelivery final : public auth::LoginObserver {
 public:
  // invalid_argument: a hook or an action that makes no sense. `hooks` may be used from now on.
  static Result<std::unique_ptr<EventDelivery>> make(const config::Config& config, store::Provider& provider,
                                                     std::shared_ptr<events::Hooks> hooks);
  ~EventDelivery() override;

  const std::shared_ptr<events::Stream>& stream() const { return stream_; }
  // Notifications are delivered from now on.
  void start();
  // Something waits again, and shall be tried at once.
  void retry();
  void stop();

  std::chrono::milliseconds login_ended(const auth::LoginReport& report) override;

 private:
  EventDelivery() = default;
  std::shared_ptr<events::Journal> journal_;
  std::shared_ptr<events::Stream> stream_;
  std::unique_ptr<events::Courier> courier_;
};

}  // namespace ferry::server
