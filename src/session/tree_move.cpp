// The end of a TreeCopy: the copy is put in its place and, of a move, the source is taken away.
#include <fmt/format.h>

#include <boost/asio/steady_timer.hpp>

#include "session/partial_name.h"
#include "session/stored_tree.h"
#include "session/tree_copy.h"
#include "vfs/confirmed.h"

namespace ferry::session {

Task<Result<void>> TreeCopy::place(const Item& top, bool overwrite) {
  if (in_place_) {
    // It is there. Such storage tells no ids.
    placed_.type = top.info.type;
    co_return Result<void>();
  }
  const Result<vfs::FileInfo> made = co_await target_->lstat(top.made);
  if (!made) co_return fail(made.error());
  placed_ = *made;
  const Result<vfs::FileInfo> there = co_await target_->lstat(place_.path);
  replaces_ = there.has_value();
  // An empty directory that is replaced is gone for what is on its way into it (from temp_path).
  Result<std::shared_ptr<const void>> claimed = nullptr;
  const bool directory = overwrite && there && there->type == vfs::FileType::directory;
  if (directory && state_->ledger) claimed = state_->ledger->uploads().claim_removal(there->id);
  if (!claimed) co_return fail(claimed.error());
  Result<void> placed = co_await target_->rename(top.made, place_.path, overwrite);
  co_return placed;
}

// Before the copy is seen: then a move whose source was changed meanwhile has done nothing.
Task<Result<void>> TreeCopy::compare_source(const Item& top) {
  const vfs::MountTable::Target source = state_->mounts.resolve(top.from);
  Result<void> whole = co_await check_whole(state_->link_free(*source.mount), source.path, false);
  if (whole) whole = co_await pause();
  co_return whole;
}

Task<Result<void>> TreeCopy::check_whole(std::shared_ptr<vfs::FileSystem> storage, VirtualPath at, bool set_aside) {
  const auto now = co_await manifest_of(std::move(storage), std::move(at), TreeFacts::original, uploads(), set_aside);
  if (!now) co_return fail(now.error());
  if (!*now) co_return fail(ErrorCode::conflict, "it is being written");
  if (**now != moved_) co_return fail(ErrorCode::conflict, "it was changed while it was copied");
  co_return Result<void>();
}

namespace {

// Back to its name; when that was taken meanwhile, to one beside it that clients see.
Task<Result<void>> put_back(vfs::FileSystem& storage, VirtualPath aside, VirtualPath name) {
  constexpr int most_tries = 100, most_answers_lost = 3;
  constexpr std::size_t longest_suffix = 16;
  Result<void> back = co_await storage.rename(aside, name, false);
  for (int lost = 1; !back && vfs::leaves_open(back.error()) && lost <= most_answers_lost; ++lost) {
    asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::milliseconds(500) * lost);
    co_await timer.async_wait(asio::use_awaitable);
    back = co_await storage.rename(aside, name, false);
  }
  for (int tries = 1; !back && back.error().code == ErrorCode::already_exists && tries <= most_tries; ++tries) {
    const std::string_view kept = name.name().substr(0, VirtualPath::max_name_length - longest_suffix);
    const Result<VirtualPath> other = name.parent().child(fmt::format("{}.not-moved-{}", kept, tries));
    if (!other) co_return fail(other.error());
    back = co_await storage.rename(aside, *other, false);
  }
  co_return back;
}

}  // namespace

// From storage that cannot set it aside in one step: compared, then removed. Somebody who changes it in between loses
// that; nobody else can be kept out there.
Task<Result<void>> TreeCopy::remove_source(const Item& top, std::shared_ptr<vfs::FileSystem> storage,
                                           VirtualPath path) {
  const Result<void> whole = co_await check_whole(storage, path, false);
  if (!whole) co_return whole;
  quota::Usage removed;
  found_.sort();
  bool left = false;
  Result<void> gone = co_await remove_stored(storage, path, &removed, removes_singly_ ? &found_ : nullptr, &left);
  const quota::Owners owners = state_->owners_of(*state_->mounts.resolve(top.from).mount);
  if (gone && left) {
    // All that was copied is gone. What others have put there meanwhile stays, and is counted by them; what they have
    // replaced they have subtracted, though the copy of it is there.
    losing_.settle({-removed.files, -removed.size}, {});
    owners.without(losing_).settle({counted_.files - removed.files, counted_.size - removed.size}, {});
    co_return Result<void>();
  }
  if (gone) {
    losing_.settle({-counted_.files, -counted_.size}, {});
    co_return gone;
  }
  // An answer that was lost leaves open whether something was removed.
  const Result<void> still_whole = co_await check_whole(storage, path, false);
  if (!still_whole) split_ = true;
  if (removed.files > 0) owners.settle({-removed.files, -removed.size}, {});
  co_return gone;
}

// Set aside first, in one step: either the whole source is gone from its place, or all of it is still there. What was
// written to it while it was copied is not in the copy: then it goes back.
Task<Result<void>> TreeCopy::take_source_away(const Item& top) {
  const vfs::MountTable::Target source = state_->mounts.resolve(top.from);
  const std::shared_ptr<vfs::FileSystem> storage = state_->link_free(*source.mount);
  const vfs::Capabilities& can = storage->capabilities();
  const bool directory = top.info.type == vfs::FileType::directory;
  if (!(directory ? can.directory_rename : can.atomic_rename)) {
    Result<void> gone = co_await remove_source(top, storage, source.path);
    co_return gone;
  }
  const Result<HeldName> name = co_await hold_name(storage, source.path);
  if (!name) co_return fail(name.error());
  // Its directory stays where it is until the source is gone, or back.
  std::shared_ptr<const void> back;
  if (state_->ledger) {
    Result<std::shared_ptr<const void>> noted = note_arrival(state_->ledger->uploads(), *name, *storage);
    if (!noted) co_return fail(noted.error());
    back = std::move(*noted);
  }
  const VirtualPath aside = partial_path(name->path);
  // Who opens the source meanwhile would count it as what he replaces.
  std::optional<QuotaStep> held;
  Result<QuotaStep> step = co_await QuotaStep::removing(state_->ledger, state_->owners_of(*source.mount), *name);
  if (!step) co_return fail(step.error());
  held.emplace(std::move(*step));
  const Result<void> moved = co_await name->storage->rename(name->path, aside, false);
  if (!moved) {
    const Result<vfs::FileInfo> stays = co_await name->storage->lstat(name->path);
    if (!stays) split_ = true;
    co_return moved;
  }
  const Result<void> whole = co_await check_whole(name->storage, aside, true);
  if (!whole) {
    const Result<void> returned = co_await put_back(*name->storage, aside, name->path);
    if (!returned) split_ = true;
    if (!returned) log_failure(*state_->who, "put back what was not moved", top.from, returned.error());
    co_return whole;
  }
  losing_.settle({-counted_.files, -counted_.size}, {});
  held.reset();
  const Result<void> removed = co_await remove_stored(name->storage, aside);
  if (!removed) log_failure(*state_->who, "tidy up after a move", top.from, removed.error());
  co_return Result<void>();
}

// A move that has failed at its end. The copy goes, unless it has replaced something by then, or somebody else has
// changed it: then both stay, and who pays for both counts them twice from now on.
Task<void> TreeCopy::keep_source(const Item& top) {
  const Result<void> held = co_await hold_target();
  Result<void> undone = fail(ErrorCode::already_exists, "it has replaced something");
  if (split_) undone = fail(ErrorCode::conflict, "only the copy is whole");
  if (!held) undone = fail(held.error());
  if (held && !replaces_ && !split_) undone = co_await take_copy_back(top);
  if (!undone && !replaces_) log_failure(*state_->who, "undo a move", top.to, undone.error());
  const quota::Owners& owners = state_->owners_of(*target_mount_);
  if (undone) {
    gaining_.settle({-counted_.files, -counted_.size}, {});
  } else {
    owners.without(gaining_).settle(counted_, {});
  }
  replaced_.reset();
}

// Clients have seen it by now. Set aside first, as the source: nobody begins anything in it any more, and what has
// begun before shows.
Task<Result<void>> TreeCopy::take_copy_back(const Item& top) {
  const Result<vfs::FileInfo> there = co_await target_->lstat(place_.path);
  if (!there) co_return fail(there.error());
  if (placed_.id != 0 && there->id != placed_.id) co_return fail(ErrorCode::conflict, "somebody else has replaced it");
  const bool in_place = top.made == place_.path;
  Result<void> done;
  if (!in_place) done = co_await target_->rename(place_.path, top.made, false);
  if (!done) co_return done;
  const auto now = co_await manifest_of(target_, top.made, copy_facts_, uploads(), !in_place);
  const bool unchanged = now && *now && **now == copied_;
  if (unchanged) {
    quota::Usage gone;
    made_entries_.sort();
    const bool directory = top.info.type == vfs::FileType::directory;
    bool left = false;
    done = co_await remove_stored(target_, top.made, &gone, in_place && directory ? &made_entries_ : nullptr, &left);
    if (done && left) done = fail(ErrorCode::conflict, "somebody else has put something into it");
    if (!done && in_place && gone.files > 0) {
      state_->owners_of(*target_mount_).settle({-gone.files, -gone.size}, {});
    }
    if (!done && !in_place) log_failure(*state_->who, "tidy up after a move", top.to, done.error());
    co_return in_place ? done : Result<void>();
  }
  if (!in_place) done = co_await put_back(*target_, top.made, place_.path);
  if (!done) co_return done;
  co_return fail(ErrorCode::conflict, "somebody else has changed it");
}

}  // namespace ferry::session
