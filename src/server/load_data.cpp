#include "server/load_data.h"

#include "base/contained_file.h"
#include "base/log.h"
#include "store/dump.h"

namespace ferry::server {

namespace fs = std::filesystem;

namespace {

// The operator's own file, so a much larger one than over REST; it is held in memory.
constexpr std::size_t largest_file = std::size_t{512} << 20;

// A line for each object that the operator should know of.
void warn(std::string_view what, const std::vector<std::string>& names) {
  for (const std::string& name : names) log::warn("server", "", "{}: {}", what, name);
}

}  // namespace

Result<store::LoadReport> load_data(store::Accounts& accounts, const LoadData& load,
                                    const store::LoadListener& listener) {
  if (load.file.empty()) return store::LoadReport();
  const auto refuse = [](const Error& error) { return fail(error.code, "--loaddata-from: " + error.message); };
  if (!load.file.is_absolute()) return refuse({ErrorCode::invalid_argument, "an absolute path is required"});
  std::error_code error;
  if (load.clean && !fs::exists(load.file, error) && !error) {
    log::info("server", "", "--loaddata-from: {} is not there (any more), nothing is loaded", load.file.string());
    return store::LoadReport();
  }
  const auto text = read_file(load.file, largest_file);
  if (!text) return refuse(text.error());
  const auto report = store::load_dump(accounts, *text,
                                       {.mode = load.mode == 1 ? store::LoadMode::add : store::LoadMode::update,
                                        .skip_invalid = load.skip_invalid,
                                        .listener = listener});
  if (!report) return refuse(report.error());
  log::info("server", "", "loaded {}: {}", load.file.string(), report->text());
  if (!report->left_out.empty()) log::warn("server", "", "{} holds what this server does not keep", load.file.string());
  warn("not valid, so skipped", report->skipped);
  warn("locked by a mark in place of the password, so disabled", report->locked);
  warn("on storage that this server does not have, so that nobody can use it", report->unusable);
  if (load.clean && !fs::remove(load.file, error)) {
    return refuse({ErrorCode::io_error, "loaded, but " + load.file.string() + " cannot be removed"});
  }
  return *report;
}

}  // namespace ferry::server
