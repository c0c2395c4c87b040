#include "session/scan_loaded.h"

#include "base/log.h"

namespace ferry::session {

std::size_t scan_loaded(QuotaScans& scans, store::Provider& provider, const store::LoadReport& loaded,
                        bool only_limited) {
  std::size_t begun = 0;
  const auto note = [&](const std::string& name, const Result<void>& started) {
    if (started) ++begun;
    if (!started) log::warn("quota", "", "{} was loaded and is not scanned: {}", name, started.error().message);
  };
  for (const std::string& name : loaded.users) {
    auto user = provider.effective_user(name);
    if (!user) {
      note(name, fail(user.error()));
    } else if (!only_limited || (*user)->quota_size > 0 || (*user)->quota_files > 0) {
      note(name, scans.start_user(std::move(*user)));
    }
  }
  for (const std::string& name : loaded.folders) {
    auto folder = provider.folder(name);
    note(name, folder ? scans.start_folder(std::move(*folder)) : Result<void>(fail(folder.error())));
  }
  return begun;
}

}  // namespace ferry::session
