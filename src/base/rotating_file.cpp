#include "base/rotating_file.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <fstream>

namespace ferry {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view stamp_shape = "0000-00-00T00-00-00.000";

std::string stamp_now() {
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  return fmt::format("{:%Y-%m-%dT%H-%M-%S}.{:03}", fmt::gmtime(seconds.time_since_epoch().count()),
                     (now - seconds).count());
}

bool is_stamp(std::string_view text) {
  if (text.size() != stamp_shape.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (stamp_shape[i] == '0' ? !digit : text[i] != stamp_shape[i]) return false;
  }
  return true;
}

Result<void> write_all(int descriptor, std::string_view data, const fs::path& path) {
  while (!data.empty()) {
    const ssize_t written = ::write(descriptor, data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno(errno, "write " + path.string());
    data.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

// The compressed copy appears under its name only when it is complete; then the original goes.
bool gzip(const fs::path& from) {
  const fs::path partial = from.string() + ".gz.partial";
  std::ifstream in(from, std::ios::binary);
  const int descriptor = ::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (!in || descriptor < 0) return false;
  gzFile out = gzdopen(descriptor, "wb");
  if (out == nullptr) {
    ::close(descriptor);
    return false;
  }
  std::array<char, 65536> buffer;
  bool good = true;
  while (good && in) {
    in.read(buffer.data(), buffer.size());
    const auto count = static_cast<unsigned>(in.gcount());
    good = count == 0 || gzwrite(out, buffer.data(), count) == static_cast<int>(count);
  }
  good = gzclose(out) == Z_OK && good && in.eof();
  std::error_code error;
  if (good) fs::rename(partial, from.string() + ".gz", error);
  if (!good || error) {
    fs::remove(partial, error);
    return false;
  }
  return fs::remove(from, error);
}

}  // namespace

Result<std::unique_ptr<RotatingFile>> RotatingFile::open(fs::path path, Limits limits) {
  std::error_code error;
  if (path.has_parent_path()) fs::create_directories(path.parent_path(), error);
  std::unique_ptr<RotatingFile> file(new RotatingFile(std::move(path), limits));
  if (auto opened = file->open_locked(); !opened) return fail(opened.error());
  file->worker_ = std::thread([raw = file.get()] { raw->housekeeping(); });
  return file;
}

RotatingFile::RotatingFile(fs::path path, Limits limits) : path_(std::move(path)), limits_(limits) {}

RotatingFile::~RotatingFile() {
  {
    const std::lock_guard lock(work_mutex_);
    stopping_ = true;
  }
  work_changed_.notify_all();
  if (worker_.joinable()) worker_.join();
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<void> RotatingFile::open_locked() {
  const int descriptor = ::open(path_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return fail_errno(errno, "open " + path_.string());
  struct stat info {};
  if (::fstat(descriptor, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(descriptor);
    return fail(ErrorCode::invalid_argument, "open " + path_.string() + ": not a regular file");
  }
  descriptor_ = descriptor;
  size_ = static_cast<std::uint64_t>(info.st_size);
  // What a crash left unfinished must not swallow the next line.
  char last = '\n';
  if (size_ > 0 && ::pread(descriptor_, &last, 1, info.st_size - 1) == 1 && last != '\n') {
    if (write_all(descriptor_, "\n", path_)) ++size_;
  }
  return {};
}

Result<void> RotatingFile::append(std::string_view line) {
  const std::lock_guard lock(mutex_);
  if (descriptor_ < 0) {
    if (auto opened = open_locked(); !opened) return opened;
  }
  if (limits_.max_size != 0 && size_ != 0 && size_ + line.size() > limits_.max_size) {
    // When it cannot be rotated, the old file goes on: a log too long is better than none.
    static_cast<void>(rotate_locked());
    if (descriptor_ < 0) return fail(ErrorCode::io_error, "cannot reopen " + path_.string());
  }
  auto written = write_all(descriptor_, line, path_);
  if (written) {
    size_ += line.size();
  } else {
    static_cast<void>(::ftruncate(descriptor_, static_cast<off_t>(size_)) == 0);
  }
  return written;
}

Result<void> RotatingFile::rotate() {
  const std::lock_guard lock(mutex_);
  return rotate_locked();
}

Result<void> RotatingFile::rotate_locked() {
  // Two rotations within a millisecond must not meet under one name.
  fs::path target;
  std::error_code error;
  do {
    target = path_.parent_path() / (path_.stem().string() + "-" + stamp_now() + path_.extension().string());
  } while (fs::exists(target, error) || fs::exists(target.string() + ".gz", error));
  if (::rename(path_.c_str(), target.c_str()) != 0 && errno != ENOENT) {
    return fail_errno(errno, "rename " + path_.string());
  }
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
  auto opened = open_locked();
  {
    const std::lock_guard lock(work_mutex_);
    work_waiting_ = true;
  }
  work_changed_.notify_all();
  return opened;
}

void RotatingFile::wait_for_housekeeping() {
  std::unique_lock lock(work_mutex_);
  work_changed_.wait(lock, [&] { return !work_waiting_ && !working_; });
}

void RotatingFile::housekeeping() {
  std::unique_lock lock(work_mutex_);
  while (true) {
    work_changed_.wait(lock, [&] { return work_waiting_ || stopping_; });
    if (!work_waiting_) return;
    work_waiting_ = false;
    working_ = true;
    lock.unlock();
    remove_old_backups();
    if (limits_.compress) compress_backups();
    lock.lock();
    working_ = false;
    work_changed_.notify_all();
  }
}

std::vector<fs::path> RotatingFile::backups() const {
  const std::string prefix = path_.stem().string() + "-";
  const std::string suffix = path_.extension().string();
  const fs::path directory = path_.has_parent_path() ? path_.parent_path() : fs::path(".");
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    const std::string full = entry->path().filename().string();
    std::string_view name = full;
    if (name.ends_with(".gz")) name.remove_suffix(3);
    if (!name.starts_with(prefix) || !name.ends_with(suffix)) continue;
    if (name.size() != prefix.size() + stamp_shape.size() + suffix.size()) continue;
    if (is_stamp(name.substr(prefix.size(), stamp_shape.size()))) found.push_back(entry->path());
  }
  std::ranges::sort(found, std::greater{});  // the stamp sorts as time does
  return found;
}

void RotatingFile::remove_old_backups() const {
  const auto oldest = fs::file_time_type::clock::now() - std::chrono::days(limits_.max_age_days);
  int kept = 0;
  for (const fs::path& backup : backups()) {
    std::error_code error;
    const bool too_many = limits_.max_backups != 0 && kept >= limits_.max_backups;
    const auto written = fs::last_write_time(backup, error);
    const bool too_old = limits_.max_age_days != 0 && !error && written < oldest;
    if (too_many || too_old) {
      fs::remove(backup, error);
    } else {
      ++kept;
    }
  }
}

void RotatingFile::compress_backups() const {
  for (const fs::path& backup : backups()) {
    if (backup.extension() != ".gz") static_cast<void>(gzip(backup));
  }
}

}  // namespace ferry
