// A DataFlow of an account, and what it settles at its end. See session.h.
#pragma once

#include "session/session.h"
#include "session/session_state.h"
#include "session/tree_watch.h"

namespace ferry::session {

class AccountFlow final : public DataFlow {
 public:
  // quota_exceeded: the flow is stored, and nothing more may be. unsupported: a hook would have to be asked.
  // limit_exceeded: too much is open.
  static Result<std::unique_ptr<DataFlow>> begin(std::shared_ptr<SessionState> state, VirtualPath path, FlowUse use);
  AccountFlow(std::shared_ptr<SessionState> state, VirtualPath path, FlowUse use);
  ~AccountFlow() override;

  Task<Result<void>> receive(std::uint64_t count) override;
  Task<Result<void>> send(std::uint64_t count) override;
  Task<Result<std::optional<std::uint64_t>>> begin_watch(std::vector<VirtualPath> trees) override;
  Task<Result<void>> watch() override;
  void end_watch() override;

 private:
  struct Way {
    std::unique_ptr<quota::DataAllowance> allowance;
    std::shared_ptr<presence::Pace> pace;
    bool paced = false;
  };
  Task<Result<void>> pass(Way& way, std::uint64_t count);
  Result<void> make_room(std::uint64_t count);

  std::shared_ptr<SessionState> state_;
  presence::OpenBudget::Taken taken_;
  std::shared_ptr<presence::TransferRow> row_;
  Way in_, out_;
  FlowUse use_;
  quota::Owners owners_;              // of what is stored
  std::unique_ptr<TreeWatch> watch_;  // of a program whose account has a quota
  std::int64_t reserved_ = 0, stored_ = 0;
};

}  // namespace ferry::session
