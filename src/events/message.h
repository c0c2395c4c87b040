// The forms of an event: what a hook is told (environment variables, query, JSON, as SFTPGo documents for "custom
// actions") and the text that is stored in the outbox until then. One table of fields (message.cpp) makes all of them.
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

// The event as text for the outbox, and back. The text has no control characters and keeps every byte, also of file
// names that are not UTF-8. invalid_argument: the text is no event.
std::string to_payload(const model::FileEvent& event);
std::string to_payload(const model::ProviderEvent& event);
Result<model::FileEvent> file_event_of(std::string_view payload);
Result<model::ProviderEvent> provider_event_of(std::string_view payload);

// The event of a stored notification as JSON, for REST; a provider event comes without the object itself, which may
// hold secrets. "null" when the stored text is damaged.
std::string describe(const store::Notification& notification);

}  // namespace ferry::events
