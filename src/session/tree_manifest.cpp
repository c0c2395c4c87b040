#include "session/tree_manifest.h"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstring>

#include "crypto/cipher.h"
#include "session/held_name.h"
#include "session/partial_name.h"
#include "session/tree_walk.h"

namespace ferry::session {

namespace {

using EntryDigest = std::array<std::uint64_t, 4>;

EntryDigest entry_digest(const VirtualPath& below, const vfs::FileInfo& info, TreeFacts facts) {
  std::array<std::uint64_t, 6> told{static_cast<std::uint64_t>(info.type)};
  const bool original = facts == TreeFacts::original;
  if (original && info.type != vfs::FileType::symlink) told[1] = info.mode;
  if (info.type == vfs::FileType::regular || (original && info.type != vfs::FileType::directory)) {
    told[2] = info.size;
    if (facts != TreeFacts::content) {
      told[3] = static_cast<std::uint64_t>(info.modified.seconds);
      told[4] = info.modified.nanoseconds;
      told[5] = info.id;
    }
  }
  const Bytes digest = crypto::hash(crypto::HashAlgorithm::sha256,
                                    {std::as_bytes(std::span(told)), std::as_bytes(std::span(below.text()))});
  EntryDigest words{};
  std::memcpy(words.data(), digest.data(), sizeof words);
  return words;
}

}  // namespace

void TreeManifest::add(const VirtualPath& below, const vfs::FileInfo& info, TreeFacts facts) {
  const EntryDigest words = entry_digest(below, info, facts);
  for (std::size_t i = 0; i < words.size(); ++i) sum_[i] += words[i];
  ++entries_;
}

Result<void> TreeEntries::add(const VirtualPath& below, const vfs::FileInfo& info) {
  constexpr std::size_t most = 4'000'000;
  if (digests_.size() == most) return fail(ErrorCode::limit_exceeded, "too many files for one operation");
  digests_.push_back(entry_digest(below, info, facts_)[0]);
  return {};
}

void TreeEntries::sort() { std::ranges::sort(digests_); }

bool TreeEntries::contains(const VirtualPath& below, const vfs::FileInfo& info) const {
  return std::ranges::binary_search(digests_, entry_digest(below, info, facts_)[0]);
}

namespace {

// What began before a tree was set aside ends soon, unless a storage does not answer.
constexpr std::chrono::seconds longest_use{5};

struct ListedLevel {
  VirtualPath path, below;
};

class ManifestWalk {
 public:
  ManifestWalk(std::shared_ptr<vfs::FileSystem> storage, TreeFacts facts, const quota::UploadTable* uploads,
               bool set_aside)
      : storage_(std::move(storage)), facts_(facts), uploads_(uploads), set_aside_(set_aside) {}

  Task<Result<std::optional<TreeManifest>>> run(VirtualPath top) {
    ended_ = ended_writes();
    const Result<vfs::FileInfo> info = co_await storage_->lstat(top);
    if (!info) co_return fail(info.error());
    ListedLevel first{std::move(top), VirtualPath()};
    Result<bool> quiet = co_await note(std::move(first), *info);
    while (quiet && *quiet && !waiting_.empty()) {
      co_await asio::post(asio::use_awaitable);
      ListedLevel level = std::move(waiting_.back());
      waiting_.pop_back();
      quiet = co_await list(std::move(level));
    }
    if (!quiet) co_return fail(quiet.error());
    if (!*quiet) co_return std::optional<TreeManifest>();
    co_return std::optional<TreeManifest>(manifest_);
  }

 private:
  // False: somebody is at work there. Asked of a directory before it is read: whatever arrives in it later was not on
  // its way when it was set aside.
  Task<Result<bool>> note(ListedLevel entry, vfs::FileInfo info) {
    const bool directory = info.type == vfs::FileType::directory;
    if (uploads_ != nullptr) {
      if (uploads_->is_written(writer_id(info, *storage_, entry.path)) || uploads_->awaits_arrival(info.id))
        co_return false;
      if (set_aside_ && directory) {
        const bool unused = co_await wait_until_unused(info.id);
        // What was waited for may have been the beginning of an upload.
        if (!unused || uploads_->awaits_arrival(info.id)) co_return false;
      }
      if (!directory && ended_writes() != ended_) {
        // One that was written until now may have grown since its size was read.
        Result<vfs::FileInfo> now = co_await storage_->lstat(entry.path);
        if (!now) co_return fail(now.error());
        info = *now;
      }
    }
    manifest_.add(entry.below, info, facts_);
    if (directory) waiting_.push_back(std::move(entry));
    co_return true;
  }

  std::uint64_t ended_writes() const { return uploads_ != nullptr ? uploads_->ended_writes() : 0; }

  Task<bool> wait_until_unused(std::uint64_t directory) const {
    const auto until = std::chrono::steady_clock::now() + longest_use;
    while (uploads_->is_used(directory)) {
      if (std::chrono::steady_clock::now() > until) co_return false;
      asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::milliseconds(1));
      co_await timer.async_wait(asio::use_awaitable);
    }
    co_return true;
  }

  Task<Result<bool>> list(ListedLevel level) {
    Result<std::unique_ptr<vfs::Directory>> listing = co_await storage_->open_directory(level.path);
    if (!listing) co_return fail(listing.error());
    while (true) {
      ended_ = ended_writes();
      const Result<std::vector<vfs::DirectoryEntry>> some = co_await (*listing)->next(listing_batch_of_a_level);
      if (!some) co_return fail(some.error());
      if (some->empty()) co_return true;
      for (const vfs::DirectoryEntry& entry : *some) {
        if (is_partial_name(entry.name)) continue;
        Result<VirtualPath> path = level.path.child(entry.name), below = level.below.child(entry.name);
        if (!path || !below) co_return fail(ErrorCode::invalid_argument, "a path too long");
        ListedLevel found{std::move(*path), std::move(*below)};
        const Result<bool> quiet = co_await note(std::move(found), entry.info);
        if (!quiet || !*quiet) co_return quiet;
      }
    }
  }

  std::shared_ptr<vfs::FileSystem> storage_;
  TreeFacts facts_;
  const quota::UploadTable* uploads_;
  bool set_aside_;
  TreeManifest manifest_;
  std::uint64_t ended_ = 0;  // before the facts were read
  std::vector<ListedLevel> waiting_;
};

}  // namespace

Task<Result<std::optional<TreeManifest>>> manifest_of(std::shared_ptr<vfs::FileSystem> storage, VirtualPath top,
                                                      TreeFacts facts, const quota::UploadTable* uploads,
                                                      bool set_aside) {
  ManifestWalk walk(std::move(storage), facts, uploads, set_aside);
  Result<std::optional<TreeManifest>> found = co_await walk.run(std::move(top));
  co_return found;
}

}  // namespace ferry::session
