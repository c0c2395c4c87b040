#include "session/data_flow.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace ferry::session {

namespace {

Task<void> store(std::shared_ptr<Ledger> ledger, std::shared_ptr<Balance> balance) {
  co_await ledger->store(std::move(balance));
}

Error no_room() { return {ErrorCode::quota_exceeded, "quota exceeded"}; }

}  // namespace

Result<std::unique_ptr<DataFlow>> AccountFlow::begin(std::shared_ptr<Account> account, VirtualPath path, FlowUse use) {
  auto flow = std::make_unique<AccountFlow>(std::move(account), std::move(path), use);
  const QuotaUsage room = flow->payers_.room();
  if (room.files <= 0 || room.size <= 0) return fail(no_room());
  return flow;
}

AccountFlow::AccountFlow(std::shared_ptr<Account> account, VirtualPath path, FlowUse use)
    : account_(std::move(account)),
      row_(account_->registration->add_transfer(use != FlowUse::read, path.text())),
      in_{account_->data_allowance(true), account_->paces.upload},
      out_{account_->data_allowance(false), account_->paces.download} {
  if (use == FlowUse::stored) payers_ = account_->payers_of(*account_->mounts.mounts().front());
}

AccountFlow::~AccountFlow() {
  for (Way* way : {&in_, &out_}) {
    if (!way->allowance) continue;
    std::shared_ptr<Balance> balance = way->allowance->balance();
    way->allowance.reset();
    asio::co_spawn(blocking_pool().get_executor(), store(account_->ledger, std::move(balance)), asio::detached);
  }
  if (payers_.empty()) return;
  payers_.settle({}, {.files = 0, .size = reserved_});
  // Only a count tells what became of it.
  if (account_->recount) account_->recount(account_->user);
}

Task<Result<void>> AccountFlow::receive(std::uint64_t count) {
  Result<void> passed = make_room(count);
  if (passed) passed = co_await pass(in_, count);
  if (passed && row_->upload) row_->add(count);
  co_return passed;
}

Task<Result<void>> AccountFlow::send(std::uint64_t count) {
  Result<void> passed = co_await pass(out_, count);
  if (passed && !row_->upload) row_->add(count);
  co_return passed;
}

// All that is known of what will be stored is what comes.
Result<void> AccountFlow::make_room(std::uint64_t count) {
  if (payers_.empty()) return {};
  stored_ += static_cast<std::int64_t>(count);
  if (stored_ > reserved_) reserved_ += payers_.reserve_growth(stored_ - reserved_);
  if (stored_ > reserved_) return fail(no_room());
  return {};
}

Task<Result<void>> AccountFlow::pass(Way& way, std::uint64_t count) {
  account_->registration->touch();
  if (way.allowance) {
    const std::uint64_t admitted = way.allowance->admit(count);
    if (admitted < count) {
      way.allowance->give_back(admitted);
      co_return fail(DataAllowance::refusal());
    }
  }
  if (!way.pace) co_return Result<void>();
  const bool first = !std::exchange(way.paced, true);
  const bool there = co_await Pace::wait(way.pace, count, first, account_->who->connection.gone);
  account_->registration->touch();
  if (!there) co_return fail(ErrorCode::connection_lost, "the client left");
  co_return Result<void>();
}

}  // namespace ferry::session
