#include "session/quota_scan.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>

#include "base/log.h"
#include "session/held_name.h"
#include "session/partial_name.h"
#include "session/tree_walk.h"

namespace ferry::session {

namespace {

// Directories open at once; what lies deeper waits by its path.
constexpr std::size_t most_open = 64;
// A scan begins again when something changed under it; this often.
constexpr int most_tries = 5;

quota::Usage usage_of(const vfs::FileInfo& file, std::uint64_t key, const quota::UploadTable& uploads) {
  const std::shared_ptr<quota::SharedUpload> row = uploads.find(key);
  if (!row) return {1, static_cast<std::int64_t>(file.size)};
  const std::lock_guard lock(row->mutex);
  return {static_cast<std::int64_t>(row->names), static_cast<std::int64_t>(row->counted)};
}

// A directory that is being read, and those found in its latest batch: they are done before the next is asked for.
struct Below {
  VirtualPath path;
  std::uint64_t id = 0;  // vfs::FileInfo::id
};
struct Level {
  Below here;
  std::unique_ptr<vfs::Directory> entries;
  std::vector<Below> below = {};
};

class Count {
 public:
  Count(std::shared_ptr<vfs::FileSystem> storage, const quota::UploadTable& uploads, SeenFile seen)
      : storage_(std::move(storage)), uploads_(uploads), seen_(std::move(seen)) {}

  Task<Result<Counted>> run(std::function<bool()> given_up, VirtualPath from) {
    const Result<vfs::FileInfo> root = co_await storage_->lstat(from);
    Below first{std::move(from), root ? root->id : 0};
    Result<void> done = co_await enter(std::move(first));
    while (done && !(levels_.empty() && deep_.empty())) {
      if (given_up()) co_return fail(ErrorCode::aborted, "given up");
      done = co_await step();
    }
    if (!done) co_return fail(done.error());
    co_return total_;
  }

 private:
  Task<Result<void>> enter(Below next) {
    Result<std::unique_ptr<vfs::Directory>> entries = co_await storage_->open_directory(next.path);
    const bool vanished = !entries && entries.error().code == ErrorCode::not_found && !next.path.is_root();
    if (!entries && !vanished) co_return fail(entries.error());
    if (entries) levels_.push_back({std::move(next), std::move(*entries)});
    co_return Result<void>();
  }

  Task<Result<void>> step() {
    Result<void> done;
    std::vector<Below>& from = levels_.empty() ? deep_ : levels_.back().below;
    if (from.empty()) {
      done = co_await read(levels_.back());
      co_return done;
    }
    Below next = std::move(from.back());
    from.pop_back();
    if (levels_.size() >= most_open) {
      deep_.push_back(std::move(next));
    } else {
      done = co_await enter(std::move(next));
    }
    co_return done;
  }

  Task<Result<void>> read(Level& level) {
    const Result<std::vector<vfs::DirectoryEntry>> some = co_await level.entries->next(listing_batch);
    if (!some) co_return fail(some.error());
    for (const vfs::DirectoryEntry& entry : *some) {
      Result<void> noted;
      if (is_partial_name(entry.name)) {
        noted = co_await note_hidden(level, entry);
      } else if (entry.info.type == vfs::FileType::directory) {
        Result<VirtualPath> path = level.here.path.child(entry.name);
        if (!path) co_return fail(path.error());
        level.below.push_back({std::move(*path), entry.info.id});
      } else if (entry.info.type == vfs::FileType::regular) {
        const Result<VirtualPath> path = level.here.path.child(entry.name);
        if (!path) co_return fail(path.error());
        const quota::Usage usage = usage_of(entry.info, writer_id(entry.info, *storage_, *path), uploads_);
        total_.usage.files += usage.files;
        total_.usage.size += usage.size;
        if (seen_) seen_(level.here.path, entry);
      }
      if (!noted) co_return noted;
    }
    if (some->empty()) levels_.pop_back();
    co_return Result<void>();
  }

  // It counts when it gets its name. Of an upload or a copy that nobody runs any more, the scan tells.
  Task<Result<void>> note_hidden(const Level& level, const vfs::DirectoryEntry& entry) {
    const Result<VirtualPath> path = level.here.path.child(entry.name);
    if (!path) co_return fail(path.error());
    const bool written = uploads_.is_written(writer_id(entry.info, *storage_, *path));
    if (seen_ || written || uploads_.awaits_arrival(level.here.id)) co_return Result<void>();
    const Result<vfs::FileInfo> info = co_await storage_->lstat(*path);
    Result<void> noted;
    if (info) noted = co_await add_leftover(storage_, *path, *info, total_.leftovers);
    // Not found: it ended meanwhile. Another error, of a read-only directory for example, must not end the scan: what
    // is hidden is not counted anyway.
    if (!noted && noted.error().code != ErrorCode::not_found) {
      log::warn("quota", "", "a hidden file or directory that a killed server left, {}, stays: {}",
                storage_->location(*path), noted.error().message);
    }
    co_return Result<void>();
  }

  std::shared_ptr<vfs::FileSystem> storage_;
  const quota::UploadTable& uploads_;
  SeenFile seen_;
  Counted total_;
  std::vector<Level> levels_;
  std::vector<Below> deep_;
};

}  // namespace

Task<Result<Counted>> count_files(std::shared_ptr<vfs::FileSystem> storage, const quota::UploadTable& uploads,
                                  std::function<bool()> given_up, VirtualPath from, SeenFile seen) {
  Count count(std::move(storage), uploads, std::move(seen));
  Result<Counted> total = co_await count.run(std::move(given_up), std::move(from));
  co_return total;
}

struct QuotaScans::State {
  Services services;
  mutable std::mutex mutex;  // of what follows
  std::condition_variable ended;
  std::map<std::string, RunningScan> users, folders;
  std::size_t asked = 0;  // recounts that have not begun
  bool stopping = false;

  explicit State(Services with) : services(std::move(with)) {}

  bool given_up() const {
    const std::lock_guard lock(mutex);
    return stopping;
  }
  bool idle() const { return users.empty() && folders.empty() && asked == 0; }  // needs mutex
  Result<void> begin(std::map<std::string, RunningScan>& running, RunningScan scan);
};

namespace {

using Open = std::function<Result<std::vector<std::shared_ptr<vfs::FileSystem>>>()>;

Task<Result<Counted>> count_all(const std::vector<std::shared_ptr<vfs::FileSystem>>& storages,
                                const quota::UploadTable& uploads, const std::function<bool()>& given_up) {
  Counted total;
  for (const auto& storage : storages) {
    const Result<Counted> one = co_await count_files(storage, uploads, given_up);
    if (!one) co_return one;
    total.usage.files += one->usage.files;
    total.usage.size += one->usage.size;
    total.leftovers.add(one->leftovers);
  }
  co_return total;
}

struct Report {
  quota::Usage before, after;
  Leftovers leftovers;
  bool moving = false;  // something changed during the last try too
};

Task<Result<Report>> recount(quota::Ledger& ledger, std::shared_ptr<quota::Balance> balance, Open open,
                             std::function<bool()> given_up) {
  const Result<std::vector<std::shared_ptr<vfs::FileSystem>>> storages = open();
  if (!storages) co_return fail(storages.error());
  Report report;
  for (int tries = 1;; ++tries) {
    report.before = balance->used();
    const std::optional<std::uint64_t> generation = balance->generation();
    const Result<Counted> counted = co_await count_all(*storages, ledger.uploads(), given_up);
    if (!counted) co_return fail(counted.error());
    report.after = counted->usage;
    // What an earlier try has removed the next one does not find.
    const std::size_t removed = report.leftovers.removed;
    report.leftovers = counted->leftovers;
    report.leftovers.removed += removed;
    report.moving = tries == most_tries;
    Result<void> set = fail(ErrorCode::conflict, "changed");
    if (report.moving) {
      set = ledger.reset(balance, counted->usage, std::nullopt);
    } else if (generation) {
      set = ledger.reset(balance, counted->usage, generation);
    }
    if (set) co_return report;
    if (set.error().code != ErrorCode::conflict) co_return fail(set.error());
    asio::steady_timer pause(co_await asio::this_coro::executor, tries * std::chrono::milliseconds(20));
    co_await pause.async_wait(asio::use_awaitable);
  }
}

void log_leftovers(const std::string& what, const Leftovers& left) {
  if (left.files == 0 && left.removed == 0) return;
  log::warn("quota", "",
            "{}: {} hidden files or directories of uploads and copies that a killed server did not complete, {} bytes, "
            "for example \"{}\"; {} were older than a day and were removed; no quota counts the others",
            what, left.files, left.size, left.first, left.removed);
}

void log_report(const std::string& what, const Report& report, std::int64_t start) {
  log::info(
      "quota", "",
      "scan of {}: {} files, {} bytes; {} files, {} bytes had been counted; drift {:+} files, {:+} bytes; {} ms{}",
      what, report.after.files, report.after.size, report.before.files, report.before.size,
      report.after.files - report.before.files, report.after.size - report.before.size, presence::now_ms() - start,
      report.moving ? "; it changed meanwhile: scan again when it is quiet" : "");
  log_leftovers(what, report.leftovers);
}

}  // namespace

Result<void> QuotaScans::State::begin(std::map<std::string, RunningScan>& running, RunningScan scan) {
  if (services.ledger->options().tracking == quota::Tracking::off) {
    return fail(ErrorCode::unsupported, "quotas are not tracked");
  }
  const std::lock_guard lock(mutex);
  if (stopping) return fail(ErrorCode::aborted, "the server is stopping");
  scan.start_time = presence::now_ms();
  if (!running.try_emplace(scan.name, scan).second) return fail(ErrorCode::conflict, "it is being scanned");
  return {};
}

QuotaScans::QuotaScans(Services services) : state_(std::make_shared<State>(std::move(services))) {}

QuotaScans::~QuotaScans() { stop({}); }

namespace {

// `end` is called when it is over, whatever came of it.
Task<void> scan(std::shared_ptr<quota::Ledger> ledger, std::shared_ptr<quota::Balance> balance, std::string what,
                Open open, std::function<bool()> given_up, std::function<void()> end) {
  const std::int64_t start = presence::now_ms();
  Result<Report> report = fail(ErrorCode::internal, "unexpected exception");
  try {
    report = co_await recount(*ledger, std::move(balance), std::move(open), std::move(given_up));
  } catch (const std::exception& exception) {
    report = fail(ErrorCode::internal, exception.what());
  }
  if (report) log_report(what, *report, start);
  if (!report) log::error("quota", "", "scan of {} failed, nothing has changed: {}", what, report.error().message);
  end();
}

}  // namespace

Result<void> QuotaScans::start_user(model::UserPtr user) { return start(state_, std::move(user)); }

Result<void> QuotaScans::start(const std::shared_ptr<State>& state, model::UserPtr user) {
  Result<void> begun = state->begin(state->users, {.name = user->username, .role = user->role});
  if (!begun) return begun;
  auto open = [state, user] { return open_counted(*user, state->services); };
  auto end = [state, name = user->username] {
    const std::lock_guard lock(state->mutex);
    state->users.erase(name);
    state->ended.notify_all();
  };
  const auto& ledger = state->services.ledger;
  asio::co_spawn(blocking_pool(Lane::disk).get_executor(),
                 scan(
                     ledger, ledger->known_user(user->username), "user \"" + user->username + '"', open,
                     [state] { return state->given_up(); }, end),
                 asio::detached);
  return {};
}

void QuotaScans::recount(model::UserPtr user) {
  {
    const std::lock_guard lock(state_->mutex);
    ++state_->asked;
  }
  asio::post(blocking_pool(Lane::disk), [state = state_, user = std::move(user)] {
    // Whoever counts now will see that something has changed.
    const quota::Change changed(state->services.ledger->owners_of_home(*user));
    const Result<void> started = start(state, user);
    if (!started && started.error().code != ErrorCode::conflict) {
      log::warn("quota", "", "user \"{}\" is not counted again: {}", user->username, started.error().message);
    }
    const std::lock_guard lock(state->mutex);
    --state->asked;
    state->ended.notify_all();
  });
}

Result<void> QuotaScans::start_folder(model::Folder folder) {
  Result<void> begun = state_->begin(state_->folders, {.name = folder.name, .role = {}});
  if (!begun) return begun;
  const auto state = state_;
  auto open = [state, folder]() -> Result<std::vector<std::shared_ptr<vfs::FileSystem>>> {
    auto storage = state->services.storage({.config = folder.filesystem, .path = folder.mapped_path});
    if (!storage) return fail(storage.error());
    return std::vector{std::move(*storage)};
  };
  auto end = [state, name = folder.name] {
    const std::lock_guard lock(state->mutex);
    state->folders.erase(name);
    state->ended.notify_all();
  };
  const auto& ledger = state->services.ledger;
  asio::co_spawn(blocking_pool(Lane::disk).get_executor(),
                 scan(
                     ledger, ledger->known_folder(folder.name), "folder \"" + folder.name + '"', open,
                     [state] { return state->given_up(); }, end),
                 asio::detached);
  return {};
}

namespace {

constexpr std::size_t page_size = 100;

struct Place {
  std::string what;
  model::FilesystemConfig config;
  std::string path;
};

Result<std::vector<Place>> user_places(store::Provider& provider, std::size_t offset) {
  const auto page = provider.users({.limit = page_size, .offset = offset});
  if (!page) return fail(page.error());
  std::vector<Place> places;
  for (const model::UserPtr& stored : *page) {
    auto user = provider.effective_user(stored->username);
    if (!user) continue;  // deleted just now
    places.push_back({"user \"" + stored->username + '"', (*user)->filesystem, (*user)->home_dir});
  }
  return places;
}

Result<std::vector<Place>> folder_places(store::Provider& provider, std::size_t offset) {
  const auto page = provider.folders({.limit = page_size, .offset = offset});
  if (!page) return fail(page.error());
  std::vector<Place> places;
  for (const model::Folder& folder : *page) {
    places.push_back({"folder \"" + folder.name + '"', folder.filesystem, folder.mapped_path});
  }
  return places;
}

Task<Leftovers> search(const std::vector<Place>& places, const Services& services,
                       const std::function<bool()>& given_up) {
  Leftovers total;
  for (const Place& place : places) {
    if (given_up()) break;
    std::error_code ignored;
    // Opening would make it, and not for the account. Storage that is not there is told to who logs in.
    if (!std::filesystem::exists(place.path, ignored)) continue;
    const auto storage = services.storage({.config = place.config, .path = place.path});
    if (!storage) continue;
    const Result<Counted> found = co_await count_files(*storage, services.ledger->uploads(), given_up);
    if (!found) {
      log::warn("quota", "", "{} cannot be searched for what the last server left: {}", place.what,
                found.error().message);
      continue;
    }
    log_leftovers(place.what, found->leftovers);
    total.add(found->leftovers);
  }
  co_return total;
}

}  // namespace

Task<void> QuotaScans::search_everywhere(std::shared_ptr<State> state, store::Provider& provider) {
  const std::function<bool()> given_up = [state] { return state->given_up(); };
  Leftovers total;
  for (const auto& places_of : {user_places, folder_places}) {
    for (std::size_t offset = 0; !given_up(); offset += page_size) {
      const Result<std::vector<Place>> places = places_of(provider, offset);
      if (!places) log::error("quota", "", "looking for hidden files: {}", places.error().message);
      if (!places || places->empty()) break;
      const Leftovers found = co_await search(*places, state->services, given_up);
      total.add(found);
    }
  }
  log::info("quota", "", "looked for what the last server did not complete: {} hidden files or directories, {} bytes",
            total.files, total.size);
  const std::lock_guard lock(state->mutex);
  --state->asked;
  state->ended.notify_all();
}

void QuotaScans::look_for_leftovers(store::Provider& provider) {
  {
    const std::lock_guard lock(state_->mutex);
    ++state_->asked;
  }
  asio::co_spawn(blocking_pool(Lane::disk).get_executor(), search_everywhere(state_, provider), asio::detached);
}

namespace {

std::vector<RunningScan> list_of(const std::map<std::string, RunningScan>& running) {
  std::vector<RunningScan> list;
  for (const auto& [name, scan] : running) list.push_back(scan);
  return list;
}

}  // namespace

std::vector<RunningScan> QuotaScans::users() const {
  const std::lock_guard lock(state_->mutex);
  return list_of(state_->users);
}

std::vector<RunningScan> QuotaScans::folders() const {
  const std::lock_guard lock(state_->mutex);
  return list_of(state_->folders);
}

bool QuotaScans::scans_user(const std::string& name) const {
  const std::lock_guard lock(state_->mutex);
  return state_->users.contains(name);
}

bool QuotaScans::scans_folder(const std::string& name) const {
  const std::lock_guard lock(state_->mutex);
  return state_->folders.contains(name);
}

void QuotaScans::stop(std::chrono::milliseconds longest) {
  const auto idle = [this] { return state_->idle(); };
  std::unique_lock lock(state_->mutex);
  state_->ended.wait_for(lock, longest, idle);
  state_->stopping = true;
  state_->ended.wait(lock, idle);
}

}  // namespace ferry::session
