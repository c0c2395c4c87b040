#include "server/storage_checks.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <mutex>
#include <set>

#include "base/log.h"
#include "base/trouble.h"
#include "crypto/token.h"
#include "server/storage_probe.h"

namespace ferry::server {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t content_size = 32;

struct Finding {
  std::string_view word, message;
};

constexpr Finding out_of_time{"timeout", "no answer in time"};
constexpr Finding not_what_was_written{"altered", "what was read is not what was written"};
constexpr std::string_view not_there_yet =
    "the directory is not there yet; it is made when the account or folder is first used";

Finding finding_of(Trouble trouble) {
  switch (trouble) {
    case Trouble::host_not_found: return {"host_not_found", "the host's name is not known"};
    case Trouble::refused: return {"refused", "the endpoint refuses connections"};
    case Trouble::unreachable: return {"unreachable", "there is no way to the endpoint"};
    case Trouble::certificate: return {"certificate", "the endpoint's certificate cannot be verified"};
    case Trouble::tls: return {"tls", "no TLS connection with the endpoint; does it speak plain HTTP?"};
    case Trouble::host_key: return {"host_key", "the server's host key is not among the fingerprints"};
    case Trouble::own_server: return {"own_server", "the endpoint is this server itself"};
    case Trouble::clock: return {"clock", "the clocks of this server and of the storage are too far apart"};
    case Trouble::no_bucket: return {"no_bucket", "the bucket or container does not exist"};
    case Trouble::wrong_region: return {"wrong_region", "the bucket is in another region"};
    case Trouble::bad_key: return {"bad_key", "the credentials are refused"};
  }
  return {};
}

Finding finding_of(const Error& error) {
  if (const auto trouble = trouble_of(error)) return finding_of(*trouble);
  switch (error.code) {
    case ErrorCode::authentication_failed: return finding_of(Trouble::bad_key);
    case ErrorCode::permission_denied: return {"denied", "the access is refused"};
    case ErrorCode::not_found: return {"not_found", "what was asked for does not exist"};
    case ErrorCode::not_a_directory: return {"not_a_directory", "a file, not a directory"};
    case ErrorCode::timeout: return out_of_time;
    case ErrorCode::connection_lost: return {"connection", "the connection broke off; is it such a server?"};
    case ErrorCode::protocol_error: return {"protocol", "what answers is no such storage"};
    case ErrorCode::invalid_argument:
    case ErrorCode::unsupported:
      return {"settings", "the settings do not fit this storage; the server's log says more"};
    case ErrorCode::storage_full:
    case ErrorCode::quota_exceeded: return {"full", "the storage is full"};
    default: return {"failed", "the storage answers with errors; the server's log says more"};
  }
}

}  // namespace

struct StorageChecks::Shared {
  Shared(StorageOptions storage_options, StorageCheckLimits given)
      : options(std::move(storage_options)), limits(given) {}

  bool enter(const std::string& admin) {
    const std::scoped_lock lock(mutex);
    return running.size() < limits.most && running.insert(admin).second;
  }
  void leave(const std::string& admin) {
    const std::scoped_lock lock(mutex);
    running.erase(admin);
  }

  const StorageOptions options;
  const StorageCheckLimits limits;
  std::mutex mutex;
  std::set<std::string> running;  // names of administrators
};

namespace {

// One check, shared by its work and by who waits for it; both run on one thread at a time, that of the request.
struct Check {
  Check(rest::StorageCheck given, const asio::any_io_executor& executor, Clock::time_point end)
      : what(std::move(given)), timer(executor, end) {}

  void begin(std::string_view step) { report.steps.push_back({step, out_of_time.word, out_of_time.message}); }
  void good(std::string_view remark = {}) { report.steps.back() = {report.steps.back().name, {}, remark}; }
  void bad(const Finding& finding) { report.steps.back() = {report.steps.back().name, finding.word, finding.message}; }
  void bad(const Error& error) {
    log::info("storage", what.request_id, "check for \"{}\": {}: {}: {}", what.admin, report.steps.back().name,
              to_string(error.code), error.message);
    bad(finding_of(error));
  }
  template <class T>
  bool note(const Result<T>& result) {
    if (!result) bad(result.error());
    if (result) good();
    return result.has_value();
  }

  const rest::StorageCheck what;
  rest::StorageReport report;  // a step that has begun is a timeout until it has ended
  asio::steady_timer timer;    // cancelled when the work is done
  bool done = false;
  bool given_up = false;  // nobody waits for it any more: nothing new is begun
  std::unique_ptr<Storages> storages;
  std::unique_ptr<StorageProbe> probe;
};

Task<void> try_writing(Check& check) {
  const std::string name = ".ferry-check-" + crypto::random_id();
  const std::string content = crypto::random_id(content_size);
  check.begin("write");
  const Result<void> written = co_await check.probe->write(name, as_bytes(content));
  // One whose answer was lost may be there all the same.
  if (!check.note(written)) {
    const Result<void> removed = co_await check.probe->remove(name);
    co_return;
  }
  check.begin("read");
  Bytes back(content_size);
  const Result<std::size_t> got = co_await check.probe->read(name, back);
  if (check.note(got) && (*got != content_size || as_text(back) != content)) check.bad(not_what_was_written);
  check.begin("remove");
  const Result<void> removed = co_await check.probe->remove(name);
  check.note(removed);
}

Lane lane_of(model::FilesystemProvider provider) {
  const bool local = provider == model::FilesystemProvider::local || provider == model::FilesystemProvider::encrypted;
  return local ? Lane::disk : Lane::remote;
}

Task<void> work_on(Check& check, const StorageOptions& options) {
  check.begin("settings");
  const auto opened = co_await run_blocking(lane_of(check.what.filesystem.provider), [&]() -> Result<void> {
    check.storages = std::make_unique<Storages>(options);
    auto probe = open_probe(check.what, *check.storages);
    if (!probe) return fail(probe.error());
    check.probe = std::move(*probe);
    return {};
  });
  if (!check.note(opened)) co_return;
  check.begin("list");
  const Result<bool> there = co_await check.probe->look();
  if (!check.note(there)) co_return;
  if (!*there) check.good(not_there_yet);
  if (check.what.write && *there && !check.given_up) co_await try_writing(check);
}

// Ends when the storage has answered, however long that takes; nobody waits for it then.
Task<void> perform(std::shared_ptr<Check> check, StorageOptions options) {
  co_await work_on(*check, options);
  check->done = true;
  check->timer.cancel();
  // Waits for threads.
  co_await run_blocking(Lane::remote, [&] {
    check->probe.reset();
    check->storages.reset();
  });
}

}  // namespace

StorageChecks::StorageChecks(StorageOptions options, StorageCheckLimits limits)
    : shared_(std::make_shared<Shared>(std::move(options), limits)) {}

Task<Result<rest::StorageReport>> StorageChecks::run(rest::StorageCheck what) {
  const std::shared_ptr<Shared> shared = shared_;
  const std::string admin = what.admin;
  if (!shared->enter(admin)) co_return fail(ErrorCode::limit_exceeded, "another check is running; try again later");
  const auto executor = co_await asio::this_coro::executor;
  const auto start = Clock::now();
  const auto check = std::make_shared<Check>(std::move(what), executor, start + shared->limits.longest);
  // Whatever becomes of the work: when it ends, also by an exception or with its event loop, the place is free again.
  const std::shared_ptr<void> place(nullptr, [shared, admin](void*) { shared->leave(admin); });
  asio::co_spawn(executor, perform(check, shared->options), [place, check](std::exception_ptr failure) {
    check->done = true;
    check->timer.cancel();
    if (failure) log::error("storage", check->what.request_id, "check for \"{}\" failed", check->what.admin);
  });
  boost::system::error_code ignored;
  if (!check->done) co_await check->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  check->given_up = !check->done;
  rest::StorageReport report = check->report;
  const auto grains = (Clock::now() - start) / shared->limits.grain + 1;
  asio::steady_timer padding(executor, start + grains * shared->limits.grain);
  co_await padding.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  co_return report;
}

}  // namespace ferry::server
