// The tables of events. They have a file of their own: it is written all the time, and what is known of the other
// one's users would have to be read again each time (user_cache.h).
#include "store/sqlite/schema.h"

namespace ferry::store {

namespace {

// Notifications that wait for their hook, and those that have waited in vain.
constexpr const char* outbox[] = {
    "CREATE TABLE ferry_schema (version INTEGER NOT NULL)",
    "INSERT INTO ferry_schema (version) VALUES (0)",

    "CREATE TABLE outbox ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " hook TEXT NOT NULL,"
    " action TEXT NOT NULL,"
    " payload TEXT NOT NULL,"
    " created_at BIGINT NOT NULL,"
    " expires_at BIGINT NOT NULL,"
    " next_attempt BIGINT NOT NULL,"
    " attempts BIGINT NOT NULL,"
    " last_error TEXT NOT NULL DEFAULT '',"
    " dead INTEGER NOT NULL DEFAULT 0)",
    "CREATE INDEX outbox_waiting ON outbox (hook, id, next_attempt) WHERE dead = 0",
    "CREATE INDEX outbox_dead ON outbox (id) WHERE dead = 1",
};

// The audit log. A search by a name ends when it has enough: an index's entries lie in the order of time.
constexpr const char* audit_log[] = {
    "CREATE TABLE audit_files ("
    " id INTEGER PRIMARY KEY,"
    " timestamp BIGINT NOT NULL,"
    " action TEXT NOT NULL,"
    " username TEXT NOT NULL,"
    " path TEXT NOT NULL,"
    " target_path TEXT NOT NULL,"
    " virtual_path TEXT NOT NULL,"
    " virtual_target_path TEXT NOT NULL,"
    " ssh_cmd TEXT NOT NULL,"
    " file_size BIGINT NOT NULL,"
    " elapsed BIGINT NOT NULL,"
    " fs_provider INTEGER NOT NULL,"
    " bucket TEXT NOT NULL,"
    " endpoint TEXT NOT NULL,"
    " status INTEGER NOT NULL,"
    " protocol TEXT NOT NULL,"
    " ip TEXT NOT NULL,"
    " session_id TEXT NOT NULL,"
    " open_flags INTEGER NOT NULL,"
    " role TEXT NOT NULL,"
    " instance_id TEXT NOT NULL)",
    "CREATE INDEX audit_files_by_user ON audit_files (username)",
    "CREATE INDEX audit_files_by_ip ON audit_files (ip)",
    "CREATE INDEX audit_files_by_action ON audit_files (action)",

    "CREATE TABLE audit_changes ("
    " id INTEGER PRIMARY KEY,"
    " timestamp BIGINT NOT NULL,"
    " action TEXT NOT NULL,"
    " username TEXT NOT NULL,"
    " ip TEXT NOT NULL,"
    " object_type TEXT NOT NULL,"
    " object_name TEXT NOT NULL,"
    " object_data TEXT NOT NULL,"
    " role TEXT NOT NULL,"
    " instance_id TEXT NOT NULL)",
    "CREATE INDEX audit_changes_by_user ON audit_changes (username)",
    "CREATE INDEX audit_changes_by_object ON audit_changes (object_name)",

    "CREATE TABLE audit_logins ("
    " id INTEGER PRIMARY KEY,"
    " timestamp BIGINT NOT NULL,"
    " event INTEGER NOT NULL,"
    " protocol TEXT NOT NULL,"
    " username TEXT NOT NULL,"
    " ip TEXT NOT NULL,"
    " message TEXT NOT NULL,"
    " role TEXT NOT NULL,"
    " instance_id TEXT NOT NULL)",
    "CREATE INDEX audit_logins_by_user ON audit_logins (username)",
    "CREATE INDEX audit_logins_by_ip ON audit_logins (ip)",
};

constexpr Migration migrations[] = {outbox, audit_log};

}  // namespace

std::span<const Migration> event_schema() { return migrations; }

}  // namespace ferry::store
