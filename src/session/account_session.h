// The Session of an account on its mounted storages.
#pragma once

#include "session/data_flow.h"
#include "session/session.h"
#include "session/session_state.h"
#include "session/transfer.h"

namespace ferry::session {

class AccountSession final : public Session {
 public:
  explicit AccountSession(std::shared_ptr<SessionState> state) : state_(std::move(state)) {}

  const model::User& user() const override { return *state_->user; }
  const presence::ConnectionInfo& connection() const override { return state_->who->connection; }
  const VirtualPath& start_directory() const override { return state_->start_directory; }
  std::size_t open_handles() const override { return state_->open_handles; }

  Task<Result<vfs::FileInfo>> stat(VirtualPath path) override;
  Task<Result<vfs::FileInfo>> lstat(VirtualPath path) override;
  Task<Result<std::unique_ptr<OpenFile>>> open(VirtualPath path, vfs::OpenOptions options) override;
  Task<Result<std::unique_ptr<OpenDirectory>>> open_directory(VirtualPath path) override;
  Task<Result<void>> make_directory(VirtualPath path, std::uint32_t mode) override;
  Task<Result<void>> remove_file(VirtualPath path) override;
  Task<Result<void>> remove_directory(VirtualPath path) override;
  Task<Result<void>> rename(VirtualPath from, VirtualPath to, bool overwrite, GivenUp given_up) override;
  Task<Result<void>> copy(VirtualPath from, VirtualPath to, bool overwrite, GivenUp given_up) override;
  Task<Result<void>> make_symlink(std::string target, VirtualPath link) override;
  Task<Result<std::string>> read_symlink(VirtualPath path) override;
  Task<Result<void>> make_hard_link(VirtualPath existing, VirtualPath link) override;
  Task<Result<void>> set_attributes(VirtualPath path, vfs::AttributeChange change, bool follow) override;
  Task<Result<vfs::SpaceInfo>> space(VirtualPath path) override;
  Task<Result<bool>> holds_mounts(VirtualPath path) override;
  Task<Result<NativePlace>> native_place(VirtualPath path) override;
  Result<std::unique_ptr<DataFlow>> begin_flow(VirtualPath path, FlowUse use) override {
    return AccountFlow::begin(state_, std::move(path), use);
  }
  Task<Result<void>> command_ended(std::string name, std::vector<VirtualPath> paths, bool succeeded) override;

 private:
  // One operation of the session, made at its beginning: marks the session as active, measures the time, and writes the
  // log lines of its failure or success.
  struct LoggedOperation {
    SessionState& state;
    std::string_view what;
    const VirtualPath& path;
    Clock::time_point start = Clock::now();

    LoggedOperation(SessionState& owner, std::string_view name, const VirtualPath& where);
    // Logs why the operation failed, and answers that error.
    std::unexpected<Error> failed(Error error) const;
    // A line in the log; `target`: null for commands on one path.
    void done(std::string_view command, const VirtualPath* target = nullptr,
              std::optional<std::uint64_t> size = {}) const;
    // The same for a link that was made at the step's path. As in SFTPGo's lines what it leads to comes first.
    void linked(const VirtualPath& to) const;
  };

  // Asks the hook of a pre-* action about `path`, which lies at `place`; permission_denied.
  Task<Result<void>> ask(model::FileAction action, VirtualPath path, VirtualPath place, vfs::OpenOptions options);
  // Publishes the event of an operation that was done. An error: the notification could not be stored.
  Task<Result<void>> tell(const LoggedOperation& step, model::FileAction action, const VirtualPath* target = nullptr,
                          std::uint64_t size = 0);
  Task<Result<void>> take_away(VirtualPath path);
  Task<Result<HeldName>> hold_to_make(vfs::MountTable::Target place, std::shared_ptr<const void>& use);
  Task<Result<vfs::FileInfo>> look_at(VirtualPath path, bool follow);
  Task<Result<VirtualPath>> may_open(const VirtualPath& path, vfs::OpenOptions& options);
  void log_ssh_command(const std::vector<VirtualPath>& paths) const;
  Task<Result<void>> open_download(VirtualPath place, vfs::OpenOptions options, Settlement& settlement);
  Task<Result<void>> open_upload(vfs::OpenOptions options, bool asked_exclusive, Settlement& settlement);
  Task<Result<HeldName>> hold_target(const Settlement& settlement, bool follow);
  Task<Result<bool>> stage(HeldName& at, const Settlement& settlement);
  Task<Result<void>> keep_size(VirtualPath place, vfs::AttributeChange& change, bool follow);
  Task<void> count_unanswered(HeldName target, quota::Existing existing, const Settlement& settlement);
  Task<void> look_at_opened(vfs::OpenOptions options, quota::Existing existing, Settlement& settlement);
  Task<Result<void>> open_by_storage(vfs::OpenOptions options, HeldName name, Settlement& settlement);
  Task<Result<void>> open_in_place(vfs::OpenOptions options, HeldName name, Settlement& settlement);
  Task<Result<void>> open_own(vfs::OpenOptions options, std::shared_ptr<StagedUpload> own, Settlement& settlement);
  Task<Result<void>> open_beside(vfs::OpenOptions options, HeldName name, Settlement& settlement);
  // What the client asks of an upload of this session that is not complete yet (own_upload.cpp). not_found: it is none.
  Task<Result<vfs::FileInfo>> look_at_own(VirtualPath path, bool follow);
  Task<Result<void>> remove_own(VirtualPath path);
  Task<Result<void>> change_own(VirtualPath path, vfs::AttributeChange change, bool follow);
  Task<Result<void>> rename_own(std::shared_ptr<StagedUpload> own, VirtualPath to, bool overwrite);
  Task<Result<void>> remove_empty(HeldName name);
  Result<void> check_native(const VirtualPath& directory) const;
  NativeRights native_rights(const VirtualPath& directory, const VirtualPath& real) const;
  Task<Result<bool>> must_copy(const VirtualPath& from, const VirtualPath& to);
  Task<Result<void>> move(VirtualPath from, VirtualPath to, bool overwrite, GivenUp given_up);
  // Sets `from` and `to` to the resolved paths. `own`: what is to be renamed is an upload that is not complete yet.
  Task<Result<void>> check_rename(VirtualPath& from, VirtualPath& to, bool& overwrite,
                                  std::shared_ptr<StagedUpload>& own);
  Result<void> check_tree(Operation operation, const VirtualPath& from, const VirtualPath& to) const;

  std::shared_ptr<SessionState> state_;
};

}  // namespace ferry::session
