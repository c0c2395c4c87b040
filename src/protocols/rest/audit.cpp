// The audit log, searched: /events/fs, /events/provider, /events/logs. As JSON, or as CSV that no spreadsheet runs.
#include <fmt/chrono.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "crypto/encoding.h"
#include "protocols/rest/operations.h"

namespace ferry::rest {

namespace {

using nlohmann::json;
using store::AuditedChange, store::AuditedFile, store::AuditedLogin, store::AuditQuery;

constexpr std::size_t most_events = 1000, usual_events = 100;
constexpr std::size_t most_values = 64;  // of one parameter

constexpr std::string_view change_names[] = {"add", "update", "delete"};
constexpr std::string_view object_names[] = {"user",         "folder",     "group", "admin",         "api_key", "share",
                                             "event_action", "event_rule", "role",  "ip_list_entry", "configs"};
constexpr std::string_view protocol_names[] = {"SSH",  "SFTP",      "SCP",           "FTP",         "DAV",
                                               "HTTP", "HTTPShare", "DataRetention", "EventAction", "OIDC"};

std::unexpected<Error> wrong(std::string_view name, std::string_view what) {
  return fail(ErrorCode::invalid_argument, fmt::format("{}: {}", name, what));
}

bool to_number(std::string_view text, std::int64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

// The parameters of one request; the first that is wrong is kept.
class Parameters {
 public:
  explicit Parameters(const http::Request& request) : request_(request) {}

  std::int64_t number(std::string_view name, std::int64_t low, std::int64_t high, std::int64_t otherwise) {
    const auto text = request_.query_value(name);
    std::int64_t value = otherwise;
    if (text && !text->empty() && (!to_number(*text, value) || value < low || value > high)) {
      blame(wrong(name, fmt::format("an integer from {} to {} expected", low, high)));
    }
    return value;
  }
  std::optional<std::string> text(std::string_view name) const {
    const auto value = request_.query_value(name);
    if (!value || value->empty()) return std::nullopt;
    return std::string(*value);
  }
  bool flag(std::string_view name) {
    const auto value = request_.query_value(name).value_or("false");
    if (value != "true" && value != "false" && value != "1" && value != "0")
      blame(wrong(name, "true or false expected"));
    return value == "true" || value == "1";
  }
  // Separated by commas; `known` says which there are.
  std::vector<std::string> words(std::string_view name, auto known) {
    std::vector<std::string> values;
    std::string_view rest = request_.query_value(name).value_or("");
    while (!rest.empty()) {
      const std::string_view word = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(word.size() + 1, rest.size()));
      if (!known(word)) blame(wrong(name, fmt::format("\"{}\" is none of them", word)));
      values.emplace_back(word);
    }
    if (values.size() > most_values) blame(wrong(name, "too many values"));
    return values;
  }
  std::vector<std::int64_t> numbers(std::string_view name, std::int64_t low, std::int64_t high) {
    std::vector<std::int64_t> values;
    std::int64_t value = 0;
    const auto known = [&](std::string_view word) { return to_number(word, value) && value >= low && value <= high; };
    for (const std::string& word : words(name, known)) {
      if (known(word)) values.push_back(value);
    }
    return values;
  }
  void blame(std::unexpected<Error> why) {
    if (!error_) error_ = std::move(why.error());
  }
  const std::optional<Error>& error() const { return error_; }

 private:
  const http::Request& request_;
  std::optional<Error> error_;
};

auto one_of(std::span<const std::string_view> names) {
  return [names](std::string_view word) { return std::ranges::find(names, word) != names.end(); };
}

// What all three have.
AuditQuery common_query(const Call& call, Parameters& parameters) {
  constexpr std::int64_t forever = std::numeric_limits<std::int64_t>::max() / 2;
  AuditQuery query;
  query.start = parameters.number("start_timestamp", 0, forever, 0);
  query.end = parameters.number("end_timestamp", 0, forever, 0);
  query.from_id = parameters.number("from_id", 1, forever, 0);
  query.limit = static_cast<std::size_t>(parameters.number("limit", 1, most_events, usual_events));
  const std::string order = parameters.text("order").value_or("DESC");
  if (order != "ASC" && order != "DESC") parameters.blame(wrong("order", "ASC or DESC expected"));
  query.descending = order == "DESC";
  query.username = parameters.text("username");
  query.ip = parameters.text("ip");
  query.instance_ids = parameters.words("instance_ids", [](std::string_view) { return true; });
  query.role = limited_by_role(call.admin()) ? call.admin().role : parameters.text("role");
  return query;
}

json to_json(const AuditedFile& one) {
  const model::FileEvent& event = one.event;
  return {{"id", std::to_string(one.id)},
          {"timestamp", event.timestamp},
          {"action", to_string(event.action)},
          {"username", event.username},
          {"fs_path", event.path},
          {"fs_target_path", event.target_path},
          {"virtual_path", event.virtual_path},
          {"virtual_target_path", event.virtual_target_path},
          {"ssh_cmd", event.ssh_cmd},
          {"file_size", event.file_size},
          {"elapsed", event.elapsed},
          {"status", event.status},
          {"protocol", event.protocol},
          {"ip", event.ip},
          {"session_id", event.session_id},
          {"fs_provider", event.fs_provider},
          {"bucket", event.bucket},
          {"endpoint", event.endpoint},
          {"open_flags", event.open_flags == 0 ? std::string() : std::to_string(event.open_flags)},
          {"role", event.role},
          {"instance_id", one.instance_id}};
}

json to_json(const AuditedChange& one) {
  const model::ProviderEvent& event = one.event;
  return {{"id", std::to_string(one.id)},
          {"timestamp", event.timestamp},
          {"action", event.action},
          {"username", event.username},
          {"ip", event.ip},
          {"object_type", event.object_type},
          {"object_name", event.object_name},
          {"object_data", crypto::base64_encode(as_bytes(event.object_data))},
          {"role", event.role},
          {"instance_id", one.instance_id}};
}

json to_json(const AuditedLogin& one) {
  const model::LogEvent& event = one.event;
  return {{"id", std::to_string(one.id)}, {"timestamp", event.timestamp}, {"event", static_cast<int>(event.event)},
          {"protocol", event.protocol},   {"username", event.username},   {"ip", event.ip},
          {"message", event.message},     {"role", event.role},           {"instance_id", one.instance_id}};
}

// RFC 4180. What a spreadsheet would take for a formula gets an apostrophe before it.
void append_cell(std::string& csv, std::string_view text) {
  csv += '"';
  if (!text.empty() && std::string_view("=+-@\t\r\n").find(text.front()) != std::string_view::npos) csv += '\'';
  for (const char c : text) {
    if (c == '"') csv += '"';
    csv += c;
  }
  csv += '"';
}

void append_row(std::string& csv, const auto& cells) {
  const char* before = "";
  for (const std::string& cell : cells) {
    csv += before;
    append_cell(csv, cell);
    before = ",";
  }
  csv += "\r\n";
}

std::string time_of(std::int64_t nanoseconds) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(static_cast<std::time_t>(nanoseconds / 1'000'000'000)),
                     nanoseconds / 1'000'000 % 1000);
}

std::vector<std::string> cells_of(const AuditedFile& one) {
  const model::FileEvent& event = one.event;
  return {std::to_string(one.id),
          time_of(event.timestamp),
          std::string(to_string(event.action)),
          event.username,
          event.virtual_path,
          event.virtual_target_path,
          event.ssh_cmd,
          std::to_string(event.file_size),
          std::to_string(event.elapsed),
          std::to_string(event.status),
          event.protocol,
          event.ip,
          event.session_id,
          std::to_string(event.fs_provider),
          event.bucket,
          event.endpoint,
          event.role,
          one.instance_id};
}
constexpr const char* file_columns =
    "ID,Time,Action,Username,Path,Target path,SSH command,Size,Elapsed,Status,Protocol,IP,Session ID,Provider,Bucket,"
    "Endpoint,Role,Instance ID\r\n";

std::vector<std::string> cells_of(const AuditedChange& one) {
  const model::ProviderEvent& event = one.event;
  return {std::to_string(one.id), time_of(event.timestamp), event.action, event.object_type,
          event.object_name,      event.username,           event.ip,     event.role,
          one.instance_id};
}
constexpr const char* change_columns = "ID,Time,Action,Object type,Object name,Username,IP,Role,Instance ID\r\n";

std::vector<std::string> cells_of(const AuditedLogin& one) {
  const model::LogEvent& event = one.event;
  return {std::to_string(one.id),
          time_of(event.timestamp),
          std::to_string(static_cast<int>(event.event)),
          event.protocol,
          event.username,
          event.ip,
          event.message,
          event.role,
          one.instance_id};
}
constexpr const char* login_columns = "ID,Time,Event,Protocol,Username,IP,Message,Role,Instance ID\r\n";

http::Response answer(const auto& found, bool csv, const char* columns, std::string_view file) {
  if (!found) return error_response(found.error());
  if (!csv) {
    json out = json::array();
    for (const auto& one : *found) out.push_back(to_json(one));
    return json_response(200, out);
  }
  http::Response response = http::Response::text(200, columns);
  for (const auto& one : *found) append_row(response.body, cells_of(one));
  response.headers.set("Content-Type", "text/csv; charset=utf-8");
  response.headers.set("Content-Disposition", fmt::format("attachment; filename=\"{}.csv\"", file));
  return response;
}

}  // namespace

http::Response search_file_events(const Call& call) {
  Parameters parameters(call.request);
  AuditQuery query = common_query(call, parameters);
  query.actions =
      parameters.words("actions", [](std::string_view word) { return model::file_action_of(word).has_value(); });
  query.protocols = parameters.words("protocols", one_of(protocol_names));
  query.statuses = parameters.numbers("statuses", 1, 3);
  query.ssh_cmd = parameters.text("ssh_cmd");
  query.bucket = parameters.text("bucket");
  query.endpoint = parameters.text("endpoint");
  if (parameters.text("fs_provider")) query.fs_provider = parameters.number("fs_provider", 0, 6, 0);
  const bool csv = parameters.flag("csv_export");
  if (parameters.error()) return error_response(*parameters.error());
  return answer(call.api.accounts.provider().file_events(query), csv, file_columns, "fs-events");
}

http::Response search_provider_events(const Call& call) {
  Parameters parameters(call.request);
  AuditQuery query = common_query(call, parameters);
  query.actions = parameters.words("actions", one_of(change_names));
  query.object_types = parameters.words("object_types", one_of(object_names));
  query.object_name = parameters.text("object_name");
  const bool csv = parameters.flag("csv_export");
  query.object_data = !parameters.flag("omit_object_data") && !csv;
  if (parameters.error()) return error_response(*parameters.error());
  return answer(call.api.accounts.provider().provider_events(query), csv, change_columns, "provider-events");
}

http::Response search_log_events(const Call& call) {
  Parameters parameters(call.request);
  AuditQuery query = common_query(call, parameters);
  query.log_types = parameters.numbers("events", 1, 5);
  query.protocols = parameters.words("protocols", one_of(protocol_names));
  const bool csv = parameters.flag("csv_export");
  if (parameters.error()) return error_response(*parameters.error());
  return answer(call.api.accounts.provider().log_events(query), csv, login_columns, "log-events");
}

}  // namespace ferry::rest
