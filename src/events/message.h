// What a hook is told of an event, and how the event waits in the outbox. The forms are those that SFTPGo documents as
// "custom actions"; one table of fields makes all of them.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "events/hook.h"
#include "model/event.h"
#include "store/outbox.h"

namespace ferry::events {

// Names of hooks: in the `command` section, and in the outbox.
inline constexpr std::string_view file_hook = "fs_actions", provider_hook = "provider_actions";

// Everything but `where`.
HookRequest request_of(const model::FileEvent& event);
HookRequest request_of(const model::ProviderEvent& event);

// Text without control characters that keeps every byte, and back. invalid_argument: no event.
std::string to_payload(const model::FileEvent& event);
std::string to_payload(const model::ProviderEvent& event);
Result<model::FileEvent> file_event_of(std::string_view payload);
Result<model::ProviderEvent> provider_event_of(std::string_view payload);

// JSON for people: the event of what waits in the outbox, of an object its name alone; "null" when it is damaged.
std::string describe(const store::Notification& notification);

}  // namespace ferry::events
