// How many bytes one transfer may still move by the user's data-transfer quota. Up to 1 MiB is reserved ahead, so that
// the shared balance is not locked for each request.
#pragma once

#include <memory>

#include "quota/ledger.h"

namespace ferry::quota {

class DataAllowance {
 public:
  DataAllowance(std::shared_ptr<Balance> balance, bool upload, Balance::TransferLimits limits)
      : balance_(std::move(balance)), upload_(upload), limits_(limits) {}
  DataAllowance(const DataAllowance&) = delete;
  DataAllowance& operator=(const DataAllowance&) = delete;
  ~DataAllowance() { balance_->settle_transfer(upload_, moved_, reserved_); }

  const std::shared_ptr<Balance>& balance() const { return balance_; }

  // Whether the quota leaves at least a byte; asked before the transfer begins.
  bool any_left() {
    const std::uint64_t byte = admit(1);
    give_back(byte);
    return byte > 0;
  }
  // How many of `count` bytes may be moved (fewer: the quota is used up); these count as moved.
  std::uint64_t admit(std::uint64_t count) {
    const auto wanted = static_cast<std::int64_t>(count);
    if (wanted > ahead()) reserved_ += balance_->reserve_transfer(upload_, wanted - ahead(), limits_);
    const std::int64_t fits = std::min(wanted, ahead());
    moved_ += fits;
    return static_cast<std::uint64_t>(fits);
  }
  // `count` bytes were admitted and then not moved.
  void give_back(std::uint64_t count) { moved_ -= static_cast<std::int64_t>(count); }
  static Error refusal() { return {ErrorCode::quota_exceeded, "data transfer quota exceeded"}; }

 private:
  std::int64_t ahead() const { return reserved_ - moved_; }

  std::shared_ptr<Balance> balance_;
  const bool upload_;
  const Balance::TransferLimits limits_;
  std::int64_t reserved_ = 0, moved_ = 0;  // bytes
};

}  // namespace ferry::quota
