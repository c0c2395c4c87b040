#include "store/memory/audit.h"

#include <algorithm>

namespace ferry::store::memory {

namespace {

bool among(const auto& list, const auto& value) { return list.empty() || std::ranges::find(list, value) != list.end(); }
bool same(const auto& wanted, const auto& value) { return !wanted || *wanted == value; }

bool matches(const AuditQuery& query, const model::FileEvent& event) {
  return among(query.actions, to_string(event.action)) && among(query.protocols, event.protocol) &&
         among(query.statuses, event.status) && same(query.username, event.username) && same(query.ip, event.ip) &&
         same(query.ssh_cmd, event.ssh_cmd) && same(query.bucket, event.bucket) &&
         same(query.endpoint, event.endpoint) && same(query.fs_provider, event.fs_provider) &&
         same(query.role, event.role);
}

bool matches(const AuditQuery& query, const model::ProviderEvent& event) {
  return among(query.actions, event.action) && among(query.object_types, event.object_type) &&
         same(query.username, event.username) && same(query.ip, event.ip) &&
         same(query.object_name, event.object_name) && same(query.role, event.role);
}

bool matches(const AuditQuery& query, const model::LogEvent& event) {
  return among(query.log_types, static_cast<std::int64_t>(event.event)) && among(query.protocols, event.protocol) &&
         same(query.username, event.username) && same(query.ip, event.ip) && same(query.role, event.role);
}

void add(auto& events, const auto& fresh, std::string_view instance_id) {
  for (const auto& event : fresh) {
    std::int64_t id = event.timestamp;
    while (events.contains(id)) ++id;
    events.emplace(id, typename std::decay_t<decltype(events)>::mapped_type{id, std::string(instance_id), event});
  }
}

template <class Event>
std::vector<Audited<Event>> find(const std::map<std::int64_t, Audited<Event>>& events, const AuditQuery& query) {
  std::vector<Audited<Event>> found;
  const auto take = [&](const Audited<Event>& one) {
    const std::int64_t time = one.event.timestamp;
    if (time < query.start || (query.end != 0 && time > query.end)) return;
    if (among(query.instance_ids, one.instance_id) && matches(query, one.event)) found.push_back(one);
  };
  if (query.descending) {
    auto at = std::make_reverse_iterator(query.from_id == 0 ? events.end() : events.lower_bound(query.from_id));
    for (; at != events.rend() && found.size() < query.limit; ++at) take(at->second);
  } else {
    for (auto at = events.upper_bound(query.from_id); at != events.end() && found.size() < query.limit; ++at) {
      take(at->second);
    }
  }
  return found;
}

void drop(auto& events, std::int64_t oldest, std::size_t most) {
  while (!events.empty() && (events.begin()->first < oldest || events.size() > most)) events.erase(events.begin());
}

}  // namespace

Result<void> Audit::record(const AuditBatch& batch, std::string_view instance_id) {
  const std::scoped_lock lock(mutex_);
  add(files_, batch.files, instance_id);
  add(changes_, batch.changes, instance_id);
  add(logins_, batch.logins, instance_id);
  return {};
}

Result<std::vector<AuditedFile>> Audit::files(const AuditQuery& query) {
  const std::scoped_lock lock(mutex_);
  return find(files_, query);
}

Result<std::vector<AuditedChange>> Audit::changes(const AuditQuery& query) {
  const std::scoped_lock lock(mutex_);
  auto found = find(changes_, query);
  if (query.object_data) return found;
  for (AuditedChange& one : found) one.event.object_data.clear();
  return found;
}

Result<std::vector<AuditedLogin>> Audit::logins(const AuditQuery& query) {
  const std::scoped_lock lock(mutex_);
  return find(logins_, query);
}

Result<bool> Audit::forget(const AuditLimits& limits) {
  const std::scoped_lock lock(mutex_);
  drop(files_, limits.files, limits.most);
  drop(changes_, limits.changes, limits.most);
  drop(logins_, limits.logins, limits.most);
  return true;
}

}  // namespace ferry::store::memory
