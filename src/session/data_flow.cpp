#include "session/data_flow.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace ferry::session {

namespace {

Task<void> store(std::shared_ptr<quota::Ledger> ledger, std::shared_ptr<quota::Balance> balance) {
  co_await ledger->store(std::move(balance));
}

// Its pipes, its sandbox and the directories that it may reach; counted as files that are open.
constexpr std::size_t descriptors_of_a_program = 8;

Error no_room() { return {ErrorCode::quota_exceeded, "quota exceeded"}; }

// Who wants to be asked, or may still refuse, is not heard by a program that works on files itself.
Result<void> check_hooks(const FileEvents& events, FlowUse use) {
  using model::FileAction;
  const auto decides = [&events](FileAction action) {
    return model::is_question(action) ? events.wants(action) : events.may_be_refused(action);
  };
  const auto refuse = [](FileAction action) {
    return fail(ErrorCode::unsupported,
                "a program does not ask the hook of \"" + std::string(model::to_string(action)) + "\" about its files");
  };
  struct Decision {
    FileAction action;
    bool read, moved, stored;  // whether a program of that use does it
  };
  for (const Decision& one :
       {Decision{FileAction::pre_download, true, true, false}, Decision{FileAction::download, true, true, false},
        Decision{FileAction::pre_remove, false, true, true}, Decision{FileAction::pre_upload, false, false, true},
        Decision{FileAction::upload, false, false, true}}) {
    const bool does = (use == FlowUse::read && one.read) || (use == FlowUse::moved && one.moved) ||
                      (use == FlowUse::stored && one.stored);
    if (does && decides(one.action)) return refuse(one.action);
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<DataFlow>> AccountFlow::begin(std::shared_ptr<SessionState> state, VirtualPath path,
                                                     FlowUse use) {
  if (Result<void> heard = check_hooks(*state->events, use); !heard) return fail(heard.error());
  Result<presence::OpenBudget::Taken> taken =
      state->take_places(use == FlowUse::digested ? 0 : descriptors_of_a_program);
  if (!taken) return fail(taken.error());
  auto flow = std::make_unique<AccountFlow>(std::move(state), std::move(path), use);
  flow->taken_ = std::move(*taken);
  const quota::Usage room = flow->owners_.room();
  if (use == FlowUse::stored && (room.files <= 0 || room.size <= 0)) return fail(no_room());
  return flow;
}

AccountFlow::AccountFlow(std::shared_ptr<SessionState> state, VirtualPath path, FlowUse use)
    : state_(std::move(state)),
      row_(state_->registration->add_transfer(use != FlowUse::read && use != FlowUse::moved, path.text())),
      in_{state_->data_allowance(true), state_->paces.upload},
      out_{state_->data_allowance(false), state_->paces.download},
      use_(use) {
  if (use == FlowUse::stored || use == FlowUse::moved) owners_ = state_->owners_of(*state_->mounts.mounts().front());
}

AccountFlow::~AccountFlow() {
  for (Way* way : {&in_, &out_}) {
    if (!way->allowance) continue;
    std::shared_ptr<quota::Balance> balance = way->allowance->balance();
    way->allowance.reset();
    asio::co_spawn(blocking_pool(Lane::database).get_executor(), store(state_->ledger, std::move(balance)),
                   asio::detached);
  }
  watch_.reset();
  if (owners_.empty()) return;
  owners_.settle({}, {.files = 0, .size = reserved_});
  // Only a count tells what became of it.
  if (state_->recount) state_->recount(state_->user);
}

Task<Result<void>> AccountFlow::receive(std::uint64_t count) {
  Result<void> passed;
  if (watch_) {
    passed = co_await watch_->admit(count);
  } else {
    passed = make_room(count);
  }
  if (passed) passed = co_await pass(in_, count);
  if (passed && row_->upload) row_->add(count);
  co_return passed;
}

Task<Result<void>> AccountFlow::send(std::uint64_t count) {
  Result<void> passed = co_await pass(out_, count);
  if (passed && !row_->upload) row_->add(count);
  co_return passed;
}

Task<Result<std::optional<std::uint64_t>>> AccountFlow::begin_watch(std::vector<VirtualPath> trees) {
  std::optional<std::uint64_t> largest;
  if (use_ != FlowUse::stored) co_return largest;
  const quota::Usage limits = owners_.limits();
  if (limits.files > 0 || limits.size > 0) {
    const auto executor = co_await asio::this_coro::executor;
    watch_ = std::make_unique<TreeWatch>(state_, owners_, executor);
    const Result<void> begun = co_await watch_->begin(std::move(trees));
    if (!begun) co_return fail(begun.error());
    largest = watch_->largest_file();
  }
  const auto allowed = static_cast<std::uint64_t>(state_->user->filters.max_upload_file_size);
  if (allowed > 0) largest = std::min(allowed, largest.value_or(allowed));
  co_return largest;
}

Task<Result<void>> AccountFlow::watch() {
  if (!watch_) co_return Result<void>();
  Result<void> fits = co_await watch_->run();
  co_return fits;
}

void AccountFlow::end_watch() {
  if (watch_) watch_->stop();
}

// Unwatched: all that is known of what will be stored is what comes.
Result<void> AccountFlow::make_room(std::uint64_t count) {
  if (use_ != FlowUse::stored || owners_.empty()) return {};
  stored_ += static_cast<std::int64_t>(count);
  if (stored_ > reserved_) reserved_ += owners_.reserve_growth(stored_ - reserved_);
  if (stored_ > reserved_) return fail(no_room());
  return {};
}

Task<Result<void>> AccountFlow::pass(Way& way, std::uint64_t count) {
  state_->registration->touch();
  if (way.allowance) {
    const std::uint64_t admitted = way.allowance->admit(count);
    if (admitted < count) {
      way.allowance->give_back(admitted);
      co_return fail(quota::DataAllowance::refusal());
    }
  }
  if (!way.pace) co_return Result<void>();
  const bool first = !std::exchange(way.paced, true);
  const bool there = co_await presence::Pace::wait(way.pace, count, first, state_->who->connection.gone);
  state_->registration->touch();
  if (!there) co_return fail(ErrorCode::connection_lost, "the client left");
  co_return Result<void>();
}

}  // namespace ferry::session
