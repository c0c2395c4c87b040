#include "vfs/object/listing.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/log.h"
#include "vfs/object/retry.h"

namespace ferry::vfs::object {

namespace {

constexpr int most_empty_pages = 10'000;

}  // namespace

FileInfo file_info(const ObjectInfo& object) {
  FileInfo info;
  info.mode = 0644;
  info.size = object.size;
  info.modified = info.accessed = object.modified;
  return info;
}

FileInfo directory_info() {
  FileInfo info;
  info.type = FileType::directory;
  info.mode = 0755;
  return info;
}

Task<Result<void>> ObjectDirectory::begin() {
  Result<void> read = co_await read_page();
  for (int pages = 0; read && !found_ && !token_.empty() && pages < most_empty_pages; ++pages) {
    read = co_await read_page();
  }
  if (read && !found_ && !token_.empty()) read = fail(ErrorCode::protocol_error, "a listing of nothing without end");
  if (read && !found_) read = fail(ErrorCode::not_found, "nothing lies there");
  co_return read;
}

Task<Result<void>> ObjectDirectory::read_page() {
  const auto store = store_;
  ListRequest request{.prefix = directory_, .token = token_, .max = store_->traits().max_page};
  const auto ask = [=] { return store->list(request); };
  const Result<Page> page = co_await retried(store, ask);
  if (!page) co_return fail(page.error());
  if (tokens_.goes_back(page->next)) {
    co_return fail(ErrorCode::protocol_error, "the pages of a listing go in a circle");
  }
  begun_ = true;
  token_ = page->next;
  take(*page);
  co_return Result<void>();
}

void ObjectDirectory::take(const Page& page) {
  found_ = found_ || !page.objects.empty() || !page.prefixes.empty();
  entries_.clear();
  at_ = 0;
  std::set<std::string> directories;
  std::vector<DirectoryEntry> files = std::exchange(held_, {});
  std::string_view last;  // of all keys on the page
  const auto named = [&](std::string_view key) {
    last = std::max(last, key);
    std::optional<std::string> name = Keys::name_in(directory_, key);
    if (!name) log::debug(store_->traits().name, "", "not shown: {}", store_->location(key));
    return name;
  };
  const auto note_directory = [&](std::string_view key) {
    std::optional<std::string> name = named(key);
    if (name && directories.insert(*name).second) entries_.push_back({std::move(*name), directory_info()});
  };
  for (const std::string& prefix : page.prefixes) note_directory(prefix);
  for (const ObjectInfo& object : page.objects) {
    if (object.key == directory_) continue;  // its own marker
    if (object.key.ends_with('/')) {
      note_directory(object.key);
      continue;
    }
    std::optional<std::string> name = named(object.key);
    if (name) files.push_back({std::move(*name), object.directory ? directory_info() : file_info(object)});
  }
  for (DirectoryEntry& file : files) {
    if (directories.contains(file.name)) continue;
    const bool directory_may_come = !token_.empty() && directory_ + file.name + '/' > last;
    (directory_may_come ? held_ : entries_).push_back(std::move(file));
  }
}

Task<Result<std::vector<DirectoryEntry>>> ObjectDirectory::next(std::size_t max) {
  for (int pages = 0; at_ == entries_.size(); ++pages) {
    if (pages == most_empty_pages) co_return fail(ErrorCode::protocol_error, "a listing of nothing without end");
    if (begun_ && token_.empty()) co_return std::vector<DirectoryEntry>();
    const Result<void> read = co_await read_page();
    if (!read) co_return fail(read.error());
  }
  const std::size_t count = std::min(max, entries_.size() - at_);
  const auto from = entries_.begin() + static_cast<std::ptrdiff_t>(at_);
  std::vector<DirectoryEntry> some(std::make_move_iterator(from),
                                   std::make_move_iterator(from + static_cast<std::ptrdiff_t>(count)));
  at_ += count;
  co_return some;
}

}  // namespace ferry::vfs::object
