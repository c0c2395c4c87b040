// The audit log: what happened, kept for a while and searched over REST /events.
//
// An event's id is its time in nanoseconds, moved on until it is the only one, so that ids order events by time.
// Every call may block, is safe from any thread and happens as a whole or not at all. Errors: io_error, internal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/event.h"

namespace ferry::store {

template <class Event>
struct Audited {
  std::int64_t id = 0;
  std::string instance_id = {};
  Event event = {};
  bool operator==(const Audited&) const = default;
};
using AuditedFile = Audited<model::FileEvent>;
using AuditedChange = Audited<model::ProviderEvent>;
using AuditedLogin = Audited<model::LogEvent>;

struct AuditBatch {
  std::vector<model::FileEvent> files;
  std::vector<model::ProviderEvent> changes;
  std::vector<model::LogEvent> logins;
  std::size_t size() const { return files.size() + changes.size() + logins.size(); }
};

// What is not given filters nothing, nor does what this kind of event does not have.
struct AuditQuery {
  std::int64_t start = 0, end = 0;  // times, both included; 0: none
  std::int64_t from_id = 0;         // what comes after this one in the order asked for; 0: from its beginning
  bool descending = true;
  std::size_t limit = 100;
  std::vector<std::string> actions = {}, protocols = {}, instance_ids = {}, object_types = {};
  std::vector<std::int64_t> statuses = {}, log_types = {};
  std::optional<std::string> username = {}, ip = {}, ssh_cmd = {}, bucket = {}, endpoint = {}, object_name = {};
  std::optional<std::string> role = {};
  std::optional<std::int64_t> fs_provider = {};
  bool object_data = true;  // of changes; else it is left empty
};

// The oldest time that is kept of each kind, and how many.
struct AuditLimits {
  std::int64_t files = 0, changes = 0, logins = 0;
  std::size_t most = 1'000'000;
};

class AuditLog {
 public:
  virtual ~AuditLog() = default;

  virtual Result<void> record(const AuditBatch& batch, std::string_view instance_id) = 0;
  virtual Result<std::vector<AuditedFile>> file_events(const AuditQuery& query) = 0;
  virtual Result<std::vector<AuditedChange>> provider_events(const AuditQuery& query) = 0;
  virtual Result<std::vector<AuditedLogin>> log_events(const AuditQuery& query) = 0;
  // Forgets some of what goes beyond the limits. False: there is more of it.
  virtual Result<bool> forget_events(const AuditLimits& limits) = 0;
};

}  // namespace ferry::store
