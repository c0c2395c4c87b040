#include "presence/open_budget.h"

#include <utility>

namespace ferry::presence {

OpenBudget::Taken& OpenBudget::Taken::operator=(Taken&& other) noexcept {
  if (this == &other) return *this;
  give_back();
  share_ = std::move(other.share_);
  count_ = std::exchange(other.count_, 0);
  return *this;
}

void OpenBudget::Taken::give_back() {
  if (!share_) return;
  share_->open_ -= count_;
  share_->budget_->open_ -= count_;
  share_.reset();
}

OpenBudget::Share::~Share() {
  const std::lock_guard lock(budget_->mutex_);
  const auto found = budget_->shares_.find(username_);
  // Another one may have been made since the last owner let go of this.
  if (found != budget_->shares_.end() && found->second.expired()) budget_->shares_.erase(found);
}

Result<OpenBudget::Taken> OpenBudget::Share::take(std::size_t count, Use use) {
  // Counted first and given back when it is too much, so that two at once cannot both have the last place.
  const std::size_t own = open_ += count;
  const std::size_t total = budget_->open_ += count;
  Taken taken(shared_from_this(), count);
  const Limits& limits = budget_->limits_;
  if (limits.each != 0 && own > limits.each) {
    return fail(ErrorCode::limit_exceeded, "the account has " + std::to_string(own - count) +
                                               " files and directories open, of at most " +
                                               std::to_string(limits.each) + " (common.max_open_files_per_account)");
  }
  if (use == Use::file && limits.all != 0 && total > limits.all) {
    return fail(ErrorCode::limit_exceeded, "all accounts have " + std::to_string(total - count) +
                                               " files and directories open, of at most " + std::to_string(limits.all) +
                                               " (common.max_open_files)");
  }
  return taken;
}

std::shared_ptr<OpenBudget::Share> OpenBudget::share_of(const std::string& username) {
  const std::lock_guard lock(mutex_);
  std::weak_ptr<Share>& known = shares_[username];
  std::shared_ptr<Share> share = known.lock();
  if (!share) {
    share = std::make_shared<Share>(shared_from_this(), username);
    known = share;
  }
  return share;
}

}  // namespace ferry::presence
