// The audit log: events of the last days, searched over REST /events.
//
// An event's id is its time in nanoseconds, increased until no other event has it, so that ids order events by time.
// Every call may block, is safe from any thread, and is done completely or not at all. Errors: io_error, internal.
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

// Empty fields do not filter, and neither do fields that the kind of event does not have.
struct AuditQuery {
  std::int64_t start = 0, end = 0;  // times, both included; 0: none
  std::int64_t from_id = 0;         // only events after this one in the order asked for; 0: from the beginning
  bool descending = true;
  std::size_t limit = 100;
  std::vector<std::string> actions = {}, protocols = {}, instance_ids = {}, object_types = {};
  std::vector<std::int64_t> statuses = {}, log_types = {};
  std::optional<std::string> username = {}, ip = {}, ssh_cmd = {}, bucket = {}, endpoint = {}, object_name = {};
  std::optional<std::string> role = {};
  std::optional<std::int64_t> fs_provider = {};
  bool object_data = true;  // provider events: whether to answer the object, too
};

// For each kind of event, the time before which events are removed; and how many of each kind are kept.
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
  // Removes a limited number of events that are beyond the limits. False: call it again, there are more.
  virtual Result<bool> forget_events(const AuditLimits& limits) = 0;
};

}  // namespace ferry::store
