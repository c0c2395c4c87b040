#include "events/message.h"

#include <charconv>
#include <span>
#include <type_traits>

#include "base/json_text.h"
#include "http/message.h"

namespace ferry::events {

namespace {

using model::FileEvent, model::ProviderEvent;

// A field is text or a number. `variable` follows the prefix of the environment's names.
template <class Event>
struct Field {
  const char* name;  // in JSON and in the outbox
  const char* variable;
  std::string Event::*text = nullptr;
  std::int64_t Event::*number = nullptr;
  bool always = true;  // in JSON, also when it is empty or 0
};

constexpr Field<FileEvent> file_fields[] = {
    {"username", "USERNAME", &FileEvent::username},
    {"path", "PATH", &FileEvent::path},
    {"target_path", "TARGET", &FileEvent::target_path, nullptr, false},
    {"virtual_path", "VIRTUAL_PATH", &FileEvent::virtual_path},
    {"virtual_target_path", "VIRTUAL_TARGET", &FileEvent::virtual_target_path, nullptr, false},
    {"ssh_cmd", "SSH_CMD", &FileEvent::ssh_cmd, nullptr, false},
    {"file_size", "FILE_SIZE", nullptr, &FileEvent::file_size, false},
    {"elapsed", "ELAPSED", nullptr, &FileEvent::elapsed, false},
    {"fs_provider", "FS_PROVIDER", nullptr, &FileEvent::fs_provider},
    {"bucket", "BUCKET", &FileEvent::bucket, nullptr, false},
    {"endpoint", "ENDPOINT", &FileEvent::endpoint, nullptr, false},
    {"status", "STATUS", nullptr, &FileEvent::status},
    {"protocol", "PROTOCOL", &FileEvent::protocol},
    {"ip", "IP", &FileEvent::ip},
    {"session_id", "SESSION_ID", &FileEvent::session_id},
    {"open_flags", "OPEN_FLAGS", nullptr, &FileEvent::open_flags, false},
    {"role", "ROLE", &FileEvent::role, nullptr, false},
    {"timestamp", "TIMESTAMP", nullptr, &FileEvent::timestamp},
};

// Of the query; the object itself is the body.
constexpr Field<ProviderEvent> provider_fields[] = {
    {"action", "ACTION", &ProviderEvent::action},
    {"username", "USERNAME", &ProviderEvent::username},
    {"ip", "IP", &ProviderEvent::ip},
    {"object_type", "OBJECT_TYPE", &ProviderEvent::object_type},
    {"object_name", "OBJECT_NAME", &ProviderEvent::object_name},
    {"timestamp", "TIMESTAMP", nullptr, &ProviderEvent::timestamp},
    {"role", "ROLE", &ProviderEvent::role, nullptr, false},
};
constexpr Field<ProviderEvent> object_fields[] = {{"object", "OBJECT", &ProviderEvent::object_data}};

// Of a table; the event says of which.
template <class Event>
using Fields = std::type_identity_t<std::span<const Field<Event>>>;

template <class Event>
std::string value_of(const Event& event, const Field<Event>& field) {
  return field.text != nullptr ? event.*field.text : std::to_string(event.*field.number);
}

template <class Event>
bool is_empty(const Event& event, const Field<Event>& field) {
  return field.text != nullptr ? (event.*field.text).empty() : event.*field.number == 0;
}

void append_pair(std::string& payload, std::string_view name, std::string_view value) {
  if (!payload.empty()) payload += '&';
  ((payload += name) += '=') += http::percent_encode(value);
}

template <class Event>
void append_fields(std::string& payload, const Event& event, Fields<Event> fields) {
  for (const Field<Event>& field : fields) {
    if (!is_empty(event, field)) append_pair(payload, field.name, value_of(event, field));
  }
}

// False: no such field, or no number.
template <class Event>
bool read_field(Event& event, Fields<Event> fields, std::string_view name, std::string& value) {
  for (const Field<Event>& field : fields) {
    if (field.name != name) continue;
    if (field.text != nullptr) {
      event.*field.text = std::move(value);
      return true;
    }
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), event.*field.number);
    return error == std::errc() && end == value.data() + value.size();
  }
  return false;
}

std::unexpected<Error> damaged() { return fail(ErrorCode::invalid_argument, "the notification is damaged"); }

template <class Event>
void append_json(std::string& json, const Event& event, Fields<Event> fields) {
  for (const Field<Event>& field : fields) {
    if (!field.always && is_empty(event, field)) continue;
    ((json += json.ends_with('{') ? "\"" : ",\"") += field.name) += "\":";
    if (field.text != nullptr) {
      append_json_string(json, event.*field.text);
    } else {
      json += std::to_string(event.*field.number);
    }
  }
}

std::string json_of(const FileEvent& event) {
  std::string json = "{\"action\":";
  append_json_string(json, to_string(event.action));
  append_json(json, event, file_fields);
  return json + '}';
}

}  // namespace

HookRequest request_of(const FileEvent& event) {
  HookRequest request;
  request.name = file_hook;
  request.environment.emplace_back("SFTPGO_ACTION", to_string(event.action));
  for (const auto& field : file_fields) {
    request.environment.emplace_back(std::string("SFTPGO_ACTION_") + field.variable, value_of(event, field));
  }
  request.body = json_of(event);
  request.retried = true;
  return request;
}

HookRequest request_of(const ProviderEvent& event) {
  HookRequest request;
  request.name = provider_hook;
  for (const auto& field : provider_fields) {
    const std::string value = value_of(event, field);
    request.environment.emplace_back(std::string("SFTPGO_PROVIDER_") + field.variable, value);
    if (field.always || !value.empty()) request.query.emplace_back(field.name, value);
  }
  request.environment.emplace_back("SFTPGO_PROVIDER_OBJECT", event.object_data);
  request.body = event.object_data;
  request.retried = true;
  return request;
}

std::string to_payload(const FileEvent& event) {
  std::string payload;
  append_pair(payload, "action", to_string(event.action));
  append_fields(payload, event, file_fields);
  return payload;
}

std::string to_payload(const ProviderEvent& event) {
  std::string payload;
  append_fields(payload, event, provider_fields);
  append_fields(payload, event, object_fields);
  return payload;
}

std::string describe(const store::Notification& notification) {
  if (notification.hook == file_hook) {
    const auto event = file_event_of(notification.payload);
    return event ? json_of(*event) : "null";
  }
  const auto event = provider_event_of(notification.payload);
  if (!event) return "null";
  std::string json = "{";
  append_json(json, *event, provider_fields);
  return json + '}';
}

Result<FileEvent> file_event_of(std::string_view payload) {
  auto pairs = http::parse_query(payload);
  if (!pairs) return damaged();
  FileEvent event;
  bool has_action = false;
  for (auto& [name, value] : *pairs) {
    if (name == "action") {
      const auto action = model::file_action_of(value);
      if (!action) return damaged();
      event.action = *action;
      has_action = true;
    } else if (!read_field(event, file_fields, name, value)) {
      return damaged();
    }
  }
  if (!has_action) return damaged();
  return event;
}

Result<ProviderEvent> provider_event_of(std::string_view payload) {
  auto pairs = http::parse_query(payload);
  if (!pairs) return damaged();
  ProviderEvent event;
  for (auto& [name, value] : *pairs) {
    const bool known = read_field(event, provider_fields, name, value) || read_field(event, object_fields, name, value);
    if (!known) return damaged();
  }
  if (event.action.empty()) return damaged();
  return event;
}

}  // namespace ferry::events
