// The queue of notifications, and those that could not be delivered (docs/events.md). Not among SFTPGo's routes.
#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "events/message.h"
#include "protocols/rest/operations.h"

namespace ferry::rest {

namespace {

using nlohmann::json;

json to_json(const store::Notification& one) {
  const json event = json::parse(events::describe(one), nullptr, false);
  return {{"id", std::to_string(one.id)},
          {"hook", one.hook},
          {"action", one.action},
          {"created_at", one.created_at},
          {"attempts", one.attempts},
          {"error", one.last_error},
          {"event", event.is_discarded() ? json() : event}};
}

// Of the path; 0: all of them.
Result<std::int64_t> id_of(std::string_view text) {
  if (text.empty()) return 0;
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || id <= 0) {
    return fail(ErrorCode::not_found, "no such dead letter");
  }
  return id;
}

http::Response counted(const Result<std::size_t>& count, std::string_view what) {
  if (!count) return error_response(count.error());
  return api_response(200, fmt::format("{} notifications {}", *count, what));
}

}  // namespace

http::Response get_event_queue(const Call& call) {
  const auto count = call.api.accounts.provider().count_notifications();
  if (!count) return error_response(count.error());
  return json_response(200, {{"waiting", count->waiting}, {"dead", count->dead}});
}

http::Response list_dead_letters(const Call& call) {
  const auto page = parse_page(call.request);
  if (!page) return error_response(page.error());
  const auto after = id_of(call.request.query_value("from_id").value_or(""));
  if (!after) return api_response(400, "", "from_id: an id expected");
  const auto letters = call.api.accounts.provider().notifications(true, *after, page->limit);
  if (!letters) return error_response(letters.error());
  json out = json::array();
  for (const store::Notification& one : *letters) out.push_back(to_json(one));
  return json_response(200, out);
}

http::Response replay_dead_letters(const Call& call) {
  const auto id = id_of(call.request.param("id"));
  if (!id) return error_response(id.error());
  const std::int64_t longer = call.api.events.stream ? call.api.events.stream->retry_for().count() : 0;
  const auto count = call.api.accounts.provider().replay(*id, store::now_ms() + longer);
  if (count) call.api.events.retry();
  return counted(count, "wait again");
}

http::Response discard_dead_letters(const Call& call) {
  const auto id = id_of(call.request.param("id"));
  if (!id) return error_response(id.error());
  return counted(call.api.accounts.provider().discard(*id), "discarded");
}

}  // namespace ferry::rest
