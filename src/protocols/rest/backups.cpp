// Dumps out and in. Files are named relative to the backups' directory and never lie outside it.
#include <charconv>

#include "base/contained_file.h"
#include "base/log.h"
#include "protocols/rest/operations.h"
#include "session/scan_loaded.h"
#include "store/dump.h"

namespace ferry::rest {

namespace {

// A number of the query from 0 to `most`; 0 when it is missing.
Result<int> choice(const Call& call, std::string_view name, int most) {
  const auto text = call.request.query_value(name);
  if (!text || text->empty()) return 0;
  int value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size() || value < 0 || value > most) {
    return fail(ErrorCode::invalid_argument, std::string(name) + ": an integer from 0 to " + std::to_string(most));
  }
  return value;
}

// What a client may know of a failure with a file: not where it lies.
http::Response file_response(std::string_view parameter, const Error& error) {
  log::warn("httpd", "", "{}: {}", parameter, error.message);
  const int status = status_of(error.code);
  if (status >= 500) return api_response(status, "");
  return api_response(400, "", std::string(parameter) + ": " + std::string(to_string(error.code)));
}

http::Response load(const Call& call, std::string_view dump) {
  const auto mode = choice(call, "mode", 2);
  if (!mode) return error_response(mode.error());
  const auto scan = choice(call, "scan-quota", 2);
  if (!scan) return error_response(scan.error());
  const auto skip = choice(call, "skip-invalid", 1);
  if (!skip) return error_response(skip.error());
  store::LoadOptions options{.mode = *mode == 1 ? store::LoadMode::add : store::LoadMode::update,
                             .skip_invalid = *skip == 1};
  if (call.api.events.stream) {
    options.listener = call.api.events.stream->loads(
        {.username = call.admin().username, .ip = call.request.remote_ip, .role = call.admin().role});
  }
  // In add mode the caller is there already and stays as it is.
  if (*mode != 1) {
    options.listener.may_become = [&call](const model::Admin& admin) -> Result<void> {
      if (admin.username != call.admin().username) return {};
      const std::string_view why_not = objection_to_own_change(call.admin(), admin);
      if (!why_not.empty()) return fail(ErrorCode::invalid_argument, std::string(why_not));
      return {};
    };
  }
  const auto report = store::load_dump(call.api.accounts, dump, options);
  if (!report) {
    log::warn("httpd", call.request.id, "the dump was not loaded: {}", report.error().message);
    return error_response(report.error());
  }
  if (report->skipped.empty() && report->locked.empty() && report->unusable.empty()) {
    log::info("httpd", call.request.id, "dump loaded: {}", report->text());
  } else {
    log::warn("httpd", call.request.id, "dump loaded: {}", report->text());
  }
  if (*mode == 2) {
    for (const std::string& name : report->updated_users) call.api.sessions.registry->close_user(name);
  }
  std::string message = "Data restored";
  if (!report->empty()) message += ": " + report->text();
  if (*scan != 0) {
    const auto begun =
        session::scan_loaded(*call.api.sessions.scans, call.api.accounts.provider(), *report, *scan == 2);
    message += "; quota scans begun: " + std::to_string(begun);
  }
  return api_response(200, message);
}

}  // namespace

http::Response dump_data(const Call& call) {
  const auto output_data = choice(call, "output-data", 1);
  if (!output_data) return error_response(output_data.error());
  const auto indent = choice(call, "indent", 1);
  if (!indent) return error_response(indent.error());
  const auto scopes = store::DumpScopes::parse(call.request.query_value("scopes").value_or(""));
  if (!scopes) return error_response(scopes.error());
  const auto file = call.request.query_value("output-file").value_or("");
  if (*output_data == 0 && file.empty()) return api_response(400, "", "output-file: is required without output-data=1");
  auto dump = store::write_dump(call.api.accounts.provider(), *scopes, *indent == 1);
  if (!dump) return error_response(dump.error());
  log::info("httpd", call.request.id, "admin \"{}\" from {} took a dump", call.admin().username,
            call.request.remote_ip);
  if (*output_data == 1) {
    http::Response response = http::Response::json(200, std::move(*dump));
    response.headers.set("Content-Disposition", "attachment; filename=\"sftpgo-backup.json\"");
    return response;
  }
  const auto written = write_contained(call.api.backups, file, *dump);
  return written ? api_response(200, "Data saved") : file_response("output-file", written.error());
}

http::Response load_data_from_file(const Call& call) {
  const auto file = call.request.query_value("input-file").value_or("");
  if (file.empty()) return api_response(400, "", "input-file: is required");
  const auto dump = read_contained(call.api.backups, file, max_dump);
  return dump ? load(call, *dump) : file_response("input-file", dump.error());
}

http::Response load_data_from_body(const Call& call) { return load(call, call.request.body); }

}  // namespace ferry::rest
