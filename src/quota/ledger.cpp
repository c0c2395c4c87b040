#include "quota/ledger.h"

#include <thread>

#include "base/log.h"

namespace ferry::quota {

std::shared_ptr<Balance> Ledger::find(Balances& balances, Balance::Kind kind, const std::string& name) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<Balance>& balance = balances[name];
  if (!balance) balance = std::make_shared<Balance>(kind, name);
  return balance;
}

std::shared_ptr<Balance> Ledger::user_balance(const std::string& name) {
  return find(users_, Balance::Kind::user, name);
}

std::shared_ptr<Balance> Ledger::folder_balance(const std::string& name) {
  return find(folders_, Balance::Kind::folder, name);
}

template <class Work>
Result<void> Ledger::ask(std::shared_ptr<Balance> balance, Work work) {
  const std::shared_lock lock(asking_);
  if (closed_) return fail(ErrorCode::aborted, "the ledger is closed");
  return work(*balance);
}

Result<bool> Ledger::note_first_transfer(const std::string& name, bool upload) {
  const std::shared_lock lock(asking_);
  if (closed_) return fail(ErrorCode::aborted, "the ledger is closed");
  return provider_.note_first_transfer(name, upload, store::now_ms());
}

std::shared_ptr<Balance> Ledger::loaded(std::shared_ptr<Balance> balance) {
  const Result<void> known = ask(balance, [this](Balance& one) { return one.load(provider_); });
  if (!known) log::error("quota", "", "what is used could not be read: {}", known.error().message);
  return balance;
}

bool Ledger::counts_storage(const model::User& user) const {
  const bool limited = user.quota_files > 0 || user.quota_size > 0;
  return options_.tracking == Tracking::all || (options_.tracking == Tracking::limited && limited);
}

bool Ledger::counts_transfers(const model::User& user) const {
  const Balance::TransferLimits limits = transfer_limits_of(user);
  const bool limited = limits.upload > 0 || limits.download > 0 || limits.total > 0;
  return options_.tracking == Tracking::all || (options_.tracking == Tracking::limited && limited);
}

Owners Ledger::owners_of_home(const model::User& user) {
  if (!counts_storage(user)) return {};
  return Owners({{loaded(user_balance(user.username)), {user.quota_files, user.quota_size}}});
}

Owners Ledger::owners_of_folder(const model::User& user, const model::VirtualFolder& folder) {
  if (options_.tracking == Tracking::off) return {};
  const bool included = folder.quota_size < 0 || folder.quota_files < 0;
  Owner own{loaded(folder_balance(folder.name)), {folder.quota_files, folder.quota_size}};
  if (!included) return Owners({std::move(own)});
  own.limits = {};
  std::vector<Owner> all{std::move(own)};
  const Owners home = owners_of_home(user);
  all.insert(all.end(), home.all().begin(), home.all().end());
  return Owners(std::move(all));
}

std::shared_ptr<Balance> Ledger::transfers_of(const model::User& user) {
  if (!counts_transfers(user)) return {};
  return loaded(user_balance(user.username));
}

void Ledger::flush(Balance& balance) {
  const std::shared_lock lock(asking_);
  if (closed_ || balance.is_stored()) return;
  const Result<void> told = balance.flush(provider_);
  if (!told) log::warn("quota", "", "the data provider was not told what is used: {}", told.error().message);
}

Task<void> Ledger::store(Owners owners) {
  if (owners.empty() || options_.delay.count() > 0) co_return;
  auto work = [this, &owners] {
    for (const Owner& owner : owners.all()) flush(*owner.balance);
  };
  co_await run_blocking(Lane::database, work);
}

Task<void> Ledger::store(std::shared_ptr<Balance> balance) {
  if (!balance || options_.delay.count() > 0) co_return;
  auto work = [this, &balance] { flush(*balance); };
  co_await run_blocking(Lane::database, work);
}

Result<void> Ledger::update_user(const std::string& name, Usage usage, Update how) {
  return ask(user_balance(name), [&](Balance& balance) -> Result<void> {
    if (how == Update::reset) return balance.reset(provider_, usage);
    if (Result<void> known = balance.load(provider_); !known) return known;
    balance.add(usage);
    return balance.flush(provider_);
  });
}

Result<void> Ledger::update_folder(const std::string& name, Usage usage, Update how) {
  return ask(folder_balance(name), [&](Balance& balance) -> Result<void> {
    if (how == Update::reset) return balance.reset(provider_, usage);
    if (Result<void> known = balance.load(provider_); !known) return known;
    balance.add(usage);
    return balance.flush(provider_);
  });
}

Result<void> Ledger::update_transfer(const std::string& name, TransferUsage usage, Update how) {
  return ask(user_balance(name), [&](Balance& balance) -> Result<void> {
    if (how == Update::reset) return balance.reset_transfer(provider_, usage);
    if (Result<void> known = balance.load(provider_); !known) return known;
    balance.add_transfer(usage);
    return balance.flush(provider_);
  });
}

Result<void> Ledger::reset(std::shared_ptr<Balance> balance, Usage usage, std::optional<std::uint64_t> generation) {
  return ask(std::move(balance), [&](Balance& one) { return one.reset(provider_, usage, generation); });
}

std::vector<std::shared_ptr<Balance>> Ledger::all_balances() {
  std::vector<std::shared_ptr<Balance>> all;
  const std::lock_guard lock(mutex_);
  for (const Balances* balances : {&users_, &folders_}) {
    for (const auto& [name, balance] : *balances) all.push_back(balance);
  }
  return all;
}

void Ledger::tick() {
  const auto now = std::chrono::steady_clock::now();
  if (now - last_flush_ >= options_.delay) {
    last_flush_ = now;
    for (const auto& balance : all_balances()) flush(*balance);
  }
  const std::lock_guard lock(mutex_);
  const auto idle = [](const auto& row) { return row.second.use_count() == 1 && row.second->is_stored(); };
  std::erase_if(users_, idle);
  std::erase_if(folders_, idle);
}

void Ledger::close(std::chrono::milliseconds longest) {
  const auto until = std::chrono::steady_clock::now() + longest;
  while (uploads_.count() > 0 && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  for (const auto& balance : all_balances()) flush(*balance);
  const std::unique_lock lock(asking_);
  closed_ = true;
}

}  // namespace ferry::quota
