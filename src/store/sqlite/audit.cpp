// The audit log: a table for each kind of event, whose primary key is the event's time, so that a search walks along
// the time or along the one index that fits, and ends when it has enough.
#include <array>

#include "base/json_text.h"
#include "store/sqlite/tables.h"

namespace ferry::store::tables::audit {

namespace {

// How far an id may have been moved on from its event's time.
constexpr Row longest_move = 1'000'000;

// The conditions of a search: constant text, and the values it names.
class Search {
 public:
  Search(soci::session& sql, const AuditQuery& query) : statement_(sql) {
    number("id >= :start", "start", query.start, query.start != 0);
    number("timestamp >= :earliest", "earliest", query.start, query.start != 0);
    number("id <= :end", "end", query.end + longest_move, query.end != 0);
    number("timestamp <= :latest", "latest", query.end, query.end != 0);
    number(query.descending ? "id < :from" : "id > :from", "from", query.from_id, query.from_id != 0);
    descending_ = query.descending;
    limit_ = as_row(query.limit);
  }

  void text(const char* condition, const char* name, const std::optional<std::string>& value) {
    if (value) use(condition, name).text = *value;
  }
  void number(const char* condition, const char* name, Row value, bool given) {
    if (given) use(condition, name).number = value;
  }
  // `one` compares with a single value, which an index serves; `many` takes a JSON array of them.
  void texts(const char* one, const char* many, const char* name, const std::vector<std::string>& values) {
    if (values.empty()) return;
    Value& value = use(values.size() == 1 ? one : many, name);
    value.text = values.front();
    if (values.size() == 1) return;
    value.text = "[";
    for (const std::string& text : values) {
      if (value.text->size() > 1) *value.text += ',';
      append_json_string(*value.text, text);
    }
    *value.text += ']';
  }
  void numbers(const char* many, const char* name, const std::vector<std::int64_t>& values) {
    if (values.empty()) return;
    Value& value = use(many, name);
    value.text = "[";
    for (const std::int64_t number : values) {
      if (value.text->size() > 1) *value.text += ',';
      *value.text += std::to_string(number);
    }
    *value.text += ']';
  }

  // `into` says where the columns of `select` go; `take` is called for each row.
  void run(const char* select, auto into, auto take) {
    std::string query = select;
    const char* word = " WHERE ";
    for (const char* condition : conditions_) {
      query.append(word).append(condition);
      word = " AND ";
    }
    query.append(descending_ ? " ORDER BY id DESC LIMIT :limit" : " ORDER BY id LIMIT :limit");
    into(statement_);
    for (std::size_t i = 0; i < used_; ++i) {
      if (values_[i].text) {
        statement_.exchange(soci::use(*values_[i].text, values_[i].name));
      } else {
        statement_.exchange(soci::use(values_[i].number, values_[i].name));
      }
    }
    statement_.exchange(soci::use(limit_, "limit"));
    statement_.alloc();
    statement_.prepare(query);
    statement_.define_and_bind();
    statement_.execute(false);
    while (statement_.fetch()) take();
  }

 private:
  struct Value {
    const char* name = nullptr;
    std::optional<std::string> text;
    Row number = 0;
  };
  Value& use(const char* condition, const char* name) {
    conditions_.push_back(condition);
    Value& value = values_.at(used_++);
    value.name = name;
    return value;
  }

  soci::statement statement_;
  std::vector<const char*> conditions_;
  std::array<Value, 24> values_;  // they stay where they are while the statement uses them
  std::size_t used_ = 0;
  bool descending_ = true;
  Row limit_ = 0;
};

void search_common(Search& search, const AuditQuery& query) {
  search.text("username = :username", "username", query.username);
  search.text("ip = :ip", "ip", query.ip);
  search.text("role = :role", "role", query.role);
  search.texts("instance_id = :instances", "instance_id IN (SELECT value FROM json_each(:instances))", "instances",
               query.instance_ids);
}

struct Base {
  Row id = 0, timestamp = 0;
  std::string instance;
};

// Puts the row in, at the first free id from its time on.
void insert(soci::statement& statement, Base& base, std::int64_t timestamp) {
  base.timestamp = timestamp;
  for (base.id = timestamp;; ++base.id) {
    statement.execute(true);
    if (statement.get_affected_rows() > 0) return;
  }
}

struct FileColumns : Base {
  model::FileEvent event;
  std::string action;
  Row file_size = 0, elapsed = 0, fs_provider = 0, status = 0, open_flags = 0;
};

void record_files(soci::session& sql, const std::vector<model::FileEvent>& files, std::string_view instance) {
  FileColumns c;
  c.instance = instance;
  soci::statement row =
      (sql.prepare << "INSERT OR IGNORE INTO audit_files (id, timestamp, action, username, path, target_path, "
                      "virtual_path, virtual_target_path, ssh_cmd, file_size, elapsed, fs_provider, bucket, endpoint, "
                      "status, protocol, ip, session_id, open_flags, role, instance_id) VALUES (:id, :timestamp, "
                      ":action, :username, :path, :target, :vpath, :vtarget, :cmd, :size, :elapsed, :provider, "
                      ":bucket, :endpoint, :status, :protocol, :ip, :session, :flags, :role, :instance)",
       soci::use(c.id), soci::use(c.timestamp), soci::use(c.action), soci::use(c.event.username),
       soci::use(c.event.path), soci::use(c.event.target_path), soci::use(c.event.virtual_path),
       soci::use(c.event.virtual_target_path), soci::use(c.event.ssh_cmd), soci::use(c.file_size), soci::use(c.elapsed),
       soci::use(c.fs_provider), soci::use(c.event.bucket), soci::use(c.event.endpoint), soci::use(c.status),
       soci::use(c.event.protocol), soci::use(c.event.ip), soci::use(c.event.session_id), soci::use(c.open_flags),
       soci::use(c.event.role), soci::use(c.instance));
  for (const model::FileEvent& event : files) {
    c.event = event;
    c.action = to_string(event.action);
    c.file_size = event.file_size;
    c.elapsed = event.elapsed;
    c.fs_provider = event.fs_provider;
    c.status = event.status;
    c.open_flags = event.open_flags;
    insert(row, c, event.timestamp);
  }
}

struct ChangeColumns : Base {
  model::ProviderEvent event;
};

void record_changes(soci::session& sql, const std::vector<model::ProviderEvent>& changes, std::string_view instance) {
  ChangeColumns c;
  c.instance = instance;
  soci::statement row =
      (sql.prepare << "INSERT OR IGNORE INTO audit_changes (id, timestamp, action, username, ip, object_type, "
                      "object_name, object_data, role, instance_id) VALUES (:id, :timestamp, :action, :username, :ip, "
                      ":type, :name, :data, :role, :instance)",
       soci::use(c.id), soci::use(c.timestamp), soci::use(c.event.action), soci::use(c.event.username),
       soci::use(c.event.ip), soci::use(c.event.object_type), soci::use(c.event.object_name),
       soci::use(c.event.object_data), soci::use(c.event.role), soci::use(c.instance));
  for (const model::ProviderEvent& event : changes) {
    c.event = event;
    insert(row, c, event.timestamp);
  }
}

struct LoginColumns : Base {
  model::LogEvent event;
  Row type = 0;
};

void record_logins(soci::session& sql, const std::vector<model::LogEvent>& logins, std::string_view instance) {
  LoginColumns c;
  c.instance = instance;
  soci::statement row =
      (sql.prepare << "INSERT OR IGNORE INTO audit_logins (id, timestamp, event, protocol, username, ip, message, "
                      "role, instance_id) VALUES (:id, :timestamp, :event, :protocol, :username, :ip, :message, :role, "
                      ":instance)",
       soci::use(c.id), soci::use(c.timestamp), soci::use(c.type), soci::use(c.event.protocol),
       soci::use(c.event.username), soci::use(c.event.ip), soci::use(c.event.message), soci::use(c.event.role),
       soci::use(c.instance));
  for (const model::LogEvent& event : logins) {
    c.event = event;
    c.type = static_cast<Row>(event.event);
    insert(row, c, event.timestamp);
  }
}

}  // namespace

Result<void> record(soci::session& sql, const AuditBatch& batch, std::string_view instance_id) {
  if (!batch.files.empty()) record_files(sql, batch.files, instance_id);
  if (!batch.changes.empty()) record_changes(sql, batch.changes, instance_id);
  if (!batch.logins.empty()) record_logins(sql, batch.logins, instance_id);
  return {};
}

Result<std::vector<AuditedFile>> files(soci::session& sql, const AuditQuery& query) {
  Search search(sql, query);
  search_common(search, query);
  // An account or an address has fewer events than an action: its index is the one to walk along.
  const char* action = query.username || query.ip ? "+action = :actions" : "action = :actions";
  search.texts(action, "+action IN (SELECT value FROM json_each(:actions))", "actions", query.actions);
  search.texts("protocol = :protocols", "protocol IN (SELECT value FROM json_each(:protocols))", "protocols",
               query.protocols);
  search.numbers("status IN (SELECT value FROM json_each(:statuses))", "statuses", query.statuses);
  search.text("ssh_cmd = :cmd", "cmd", query.ssh_cmd);
  search.text("bucket = :bucket", "bucket", query.bucket);
  search.text("endpoint = :endpoint", "endpoint", query.endpoint);
  search.number("fs_provider = :provider", "provider", query.fs_provider.value_or(0), query.fs_provider.has_value());
  FileColumns c;
  std::vector<AuditedFile> found;
  search.run(
      "SELECT id, timestamp, action, username, path, target_path, virtual_path, virtual_target_path, ssh_cmd, "
      "file_size, elapsed, fs_provider, bucket, endpoint, status, protocol, ip, session_id, open_flags, role, "
      "instance_id FROM audit_files",
      [&c](soci::statement& row) {
        row.exchange(soci::into(c.id));
        row.exchange(soci::into(c.timestamp));
        for (std::string* text : {&c.action, &c.event.username, &c.event.path, &c.event.target_path,
                                  &c.event.virtual_path, &c.event.virtual_target_path, &c.event.ssh_cmd}) {
          row.exchange(soci::into(*text));
        }
        for (Row* number : {&c.file_size, &c.elapsed, &c.fs_provider}) row.exchange(soci::into(*number));
        row.exchange(soci::into(c.event.bucket));
        row.exchange(soci::into(c.event.endpoint));
        row.exchange(soci::into(c.status));
        for (std::string* text : {&c.event.protocol, &c.event.ip, &c.event.session_id}) {
          row.exchange(soci::into(*text));
        }
        row.exchange(soci::into(c.open_flags));
        row.exchange(soci::into(c.event.role));
        row.exchange(soci::into(c.instance));
      },
      [&c, &found] {
        c.event.timestamp = c.timestamp;
        c.event.action = model::file_action_of(c.action).value_or(model::FileAction::download);
        c.event.file_size = c.file_size;
        c.event.elapsed = c.elapsed;
        c.event.fs_provider = c.fs_provider;
        c.event.status = c.status;
        c.event.open_flags = c.open_flags;
        found.push_back({c.id, c.instance, c.event});
      });
  return found;
}

Result<std::vector<AuditedChange>> changes(soci::session& sql, const AuditQuery& query) {
  Search search(sql, query);
  search_common(search, query);
  search.texts("action = :actions", "+action IN (SELECT value FROM json_each(:actions))", "actions", query.actions);
  search.texts("object_type = :types", "object_type IN (SELECT value FROM json_each(:types))", "types",
               query.object_types);
  search.text("object_name = :name", "name", query.object_name);
  ChangeColumns c;
  std::vector<AuditedChange> found;
  search.run(
      query.object_data ? "SELECT id, timestamp, action, username, ip, object_type, object_name, object_data, role, "
                          "instance_id FROM audit_changes"
                        : "SELECT id, timestamp, action, username, ip, object_type, object_name, '' AS object_data, "
                          "role, instance_id FROM audit_changes",
      [&c](soci::statement& row) {
        row.exchange(soci::into(c.id));
        row.exchange(soci::into(c.timestamp));
        for (std::string* text : {&c.event.action, &c.event.username, &c.event.ip, &c.event.object_type,
                                  &c.event.object_name, &c.event.object_data, &c.event.role, &c.instance}) {
          row.exchange(soci::into(*text));
        }
      },
      [&c, &found] {
        c.event.timestamp = c.timestamp;
        found.push_back({c.id, c.instance, c.event});
      });
  return found;
}

Result<std::vector<AuditedLogin>> logins(soci::session& sql, const AuditQuery& query) {
  Search search(sql, query);
  search_common(search, query);
  search.texts("protocol = :protocols", "protocol IN (SELECT value FROM json_each(:protocols))", "protocols",
               query.protocols);
  search.numbers("event IN (SELECT value FROM json_each(:events))", "events", query.log_types);
  LoginColumns c;
  std::vector<AuditedLogin> found;
  search.run(
      "SELECT id, timestamp, event, protocol, username, ip, message, role, instance_id FROM audit_logins",
      [&c](soci::statement& row) {
        for (Row* number : {&c.id, &c.timestamp, &c.type}) row.exchange(soci::into(*number));
        for (std::string* text :
             {&c.event.protocol, &c.event.username, &c.event.ip, &c.event.message, &c.event.role, &c.instance}) {
          row.exchange(soci::into(*text));
        }
      },
      [&c, &found] {
        c.event.timestamp = c.timestamp;
        c.event.event = static_cast<model::LogEventType>(c.type);
        found.push_back({c.id, c.instance, c.event});
      });
  return found;
}

Result<bool> forget(soci::session& sql, const AuditLimits& limits) {
  constexpr Row at_once = 5000;  // others want to write, too
  const struct {
    const char* old;
    const char* too_many;
    Row oldest;
  } tables[] = {
      {"DELETE FROM audit_files WHERE id IN (SELECT id FROM audit_files WHERE id < :oldest ORDER BY id LIMIT :some)",
       "SELECT id FROM audit_files ORDER BY id DESC LIMIT 1 OFFSET :most", limits.files},
      {"DELETE FROM audit_changes WHERE id IN (SELECT id FROM audit_changes WHERE id < :oldest ORDER BY id "
       "LIMIT :some)",
       "SELECT id FROM audit_changes ORDER BY id DESC LIMIT 1 OFFSET :most", limits.changes},
      {"DELETE FROM audit_logins WHERE id IN (SELECT id FROM audit_logins WHERE id < :oldest ORDER BY id LIMIT :some)",
       "SELECT id FROM audit_logins ORDER BY id DESC LIMIT 1 OFFSET :most", limits.logins},
  };
  bool all = true;
  const Row most = as_row(limits.most);
  for (const auto& table : tables) {
    Row oldest = table.oldest, last_beyond = 0, deleted = 0;
    sql << table.too_many, soci::use(most), soci::into(last_beyond);
    if (sql.got_data()) oldest = std::max(oldest, last_beyond + 1);
    sql << table.old, soci::use(oldest), soci::use(at_once);
    sql << "SELECT changes()", soci::into(deleted);
    all = all && deleted < at_once;
  }
  return all;
}

}  // namespace ferry::store::tables::audit
