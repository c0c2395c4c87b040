// The audit log of the memory engine. Private to src/store/memory.
#pragma once

#include <map>
#include <mutex>

#include "store/audit_log.h"

namespace ferry::store::memory {

class Audit {
 public:
  Result<void> record(const AuditBatch& batch, std::string_view instance_id);
  Result<std::vector<AuditedFile>> files(const AuditQuery& query);
  Result<std::vector<AuditedChange>> changes(const AuditQuery& query);
  Result<std::vector<AuditedLogin>> logins(const AuditQuery& query);
  Result<bool> forget(const AuditLimits& limits);

 private:
  template <class Event>
  using Events = std::map<std::int64_t, Audited<Event>>;

  std::mutex mutex_;
  Events<model::FileEvent> files_;
  Events<model::ProviderEvent> changes_;
  Events<model::LogEvent> logins_;
};

}  // namespace ferry::store::memory
