#include "server/upload_journal.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fstream>
#include <iterator>
#include <sstream>

#include "base/log.h"
#include "vfs/object/object_file_system.h"

namespace ferry::server {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds between_cleanings = 10min;
constexpr std::chrono::hours unknown_processes_end_after{24};
constexpr std::size_t rows_at_once = 100;
constexpr const char* sender = "uploads";

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// proc_pid_stat(5), field 22: when the process was started, in ticks since the boot. "": there is none.
std::string start_of_process(const std::string& pid) {
  const std::string line = first_line("/proc/" + pid + "/stat");
  const std::size_t name_end = line.rfind(')');  // the name may hold anything
  if (name_end == std::string::npos) return {};
  std::istringstream fields(line.substr(name_end + 1));
  std::string field;
  for (int number = 3; number <= 22; ++number) fields >> field;
  return fields ? field : std::string();
}

// boot, namespace, process id, start
std::array<std::string, 4> identity() {
  std::array<char, 64> place{};
  const ssize_t size = ::readlink("/proc/self/ns/pid", place.data(), place.size());
  const std::string pid = std::to_string(::getpid());
  return {first_line("/proc/sys/kernel/random/boot_id"),
          std::string(place.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))), pid, start_of_process(pid)};
}

class StoredJournal final : public vfs::object::UploadJournal {
 public:
  StoredJournal(store::OpenUploads& rows, std::string account, std::string folder)
      : rows_(rows), account_(std::move(account)), folder_(std::move(folder)) {}

  Task<Result<std::int64_t>> note(std::string location, vfs::object::Upload upload) override {
    store::OpenUpload row;
    row.account = account_;
    row.folder = folder_;
    row.location = std::move(location);
    row.key = std::move(upload.key);
    row.upload = std::move(upload.id);
    row.owner = this_process();
    row.started_at = store::now_ms();
    const auto add = [this, &row] { return rows_.add_open_upload(row); };
    Result<std::int64_t> entry = co_await run_blocking(Lane::database, add);
    co_return entry;
  }
  Task<void> strike_out(std::int64_t entry) override {
    const auto remove = [this, entry] { return rows_.remove_open_upload(entry); };
    const Result<void> removed = co_await run_blocking(Lane::database, remove);
    // The next process finds nothing to remove then.
    if (!removed) log::warn(sender, "", "the journal keeps an upload that has ended: {}", removed.error().message);
  }
  Task<void> leave_behind(std::int64_t entry) override {
    const auto disown = [this, entry] { return rows_.disown_open_upload(entry); };
    const Result<void> left = co_await run_blocking(Lane::database, disown);
    if (!left) log::warn(sender, "", "the parts of an upload stay until the next start: {}", left.error().message);
  }

 private:
  store::OpenUploads& rows_;
  const std::string account_, folder_;
};

}  // namespace

std::string this_process() {
  static const std::string text = [] {
    const auto [boot, space, pid, start] = identity();
    return boot + '|' + space + '|' + pid + '|' + start;
  }();
  return text;
}

bool has_ended(const std::string& owner, std::chrono::milliseconds since) {
  if (owner == this_process()) return false;
  std::array<std::string, 4> other;
  std::istringstream parts(owner);
  for (std::string& part : other) std::getline(parts, part, '|');
  const std::array<std::string, 4> own = identity();
  if (other[0] != own[0]) return true;
  if (other[1] != own[1]) return since > unknown_processes_end_after;
  const bool number = !other[2].empty() && std::ranges::all_of(other[2], [](char c) { return c >= '0' && c <= '9'; });
  return !number || start_of_process(other[2]) != other[3];
}

std::shared_ptr<vfs::object::UploadJournal> upload_journal(store::OpenUploads& rows, std::string account,
                                                           std::string folder) {
  return std::make_shared<StoredJournal>(rows, std::move(account), std::move(folder));
}

void LeftUploads::tick() {
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now().time_since_epoch());
  if (stopped_ || now.count() < next_) return;
  next_ = INT64_MAX;  // until this one has ended
  asio::co_spawn(pool_strand(Lane::remote), clean_in_background(shared_from_this()), asio::detached);
}

Task<void> LeftUploads::clean_in_background(std::shared_ptr<LeftUploads> self) {
  try {
    co_await self->clean();
  } catch (const std::exception& error) {
    log::error(sender, "", "the journal of uploads: {}", error.what());
  }
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now().time_since_epoch());
  self->next_ = (now + between_cleanings).count();
}

Task<void> LeftUploads::clean() {
  std::int64_t after = 0;
  while (!stopped_) {
    const auto read = [this, after] { return provider_.open_uploads(after, rows_at_once); };
    const Result<std::vector<store::OpenUpload>> rows = co_await run_blocking(Lane::database, read);
    if (!rows) log::warn(sender, "", "the journal of uploads cannot be read: {}", rows.error().message);
    if (!rows || rows->empty()) co_return;
    after = rows->back().id;
    for (const store::OpenUpload& row : *rows) {
      if (stopped_) co_return;
      const std::chrono::milliseconds since(store::now_ms() - row.started_at);
      if (!row.owner.empty() && !has_ended(row.owner, since)) continue;
      co_await clean_one(row);
    }
  }
}

// not_found: it belongs to nobody any more.
Result<std::shared_ptr<vfs::FileSystem>> LeftUploads::open(const store::OpenUpload& row) {
  const Result<model::UserPtr> user = provider_.effective_user(row.account);
  if (!user && user.error().code != ErrorCode::not_found) return fail(user.error());
  if (row.folder.empty()) {
    if (!user) return fail(user.error());
    return storage_({.config = (*user)->filesystem, .account = row.account, .path = (*user)->home_dir});
  }
  if (user) {
    const auto& folders = (*user)->virtual_folders;
    const auto found = std::ranges::find(folders, row.folder, &model::VirtualFolder::name);
    if (found != folders.end()) {
      return storage_({.config = found->filesystem, .account = row.account, .path = found->mapped_path});
    }
  }
  const Result<model::Folder> folder = provider_.folder(row.folder);
  if (!folder) return fail(folder.error());
  return storage_({.config = folder->filesystem, .account = row.account, .path = folder->mapped_path});
}

Task<void> LeftUploads::clean_one(store::OpenUpload row) {
  const auto find = [this, &row] { return open(row); };
  const Result<std::shared_ptr<vfs::FileSystem>> storage = co_await run_blocking(Lane::database, find);
  Result<void> removed;
  if (storage) {
    vfs::object::Upload upload{.key = row.key, .id = row.upload};
    removed = co_await vfs::object::remove_left_parts(*storage, row.location, std::move(upload));
  } else {
    removed = fail(storage.error());
  }
  if (!removed && removed.error().code != ErrorCode::not_found) {
    log::warn(sender, "", "{}: the parts of an upload that ended with its process stay: {}", row.location,
              removed.error().message);
    co_return;
  }
  if (removed) {
    log::info(sender, "", "{}: the parts of an upload that was not completed are removed", row.location);
  } else {
    log::error(sender, "", "{}: the parts of an upload that was not completed stay (account \"{}\"): {}", row.location,
               row.account, removed.error().message);
  }
  const auto forget = [this, &row] { return provider_.remove_open_upload(row.id); };
  const Result<void> forgotten = co_await run_blocking(Lane::database, forget);
  if (!forgotten) log::warn(sender, "", "the journal of uploads: {}", forgotten.error().message);
}

}  // namespace ferry::server
