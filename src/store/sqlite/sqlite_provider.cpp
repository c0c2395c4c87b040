#include "store/sqlite/sqlite_provider.h"

#include <fcntl.h>
#include <unistd.h>

#include "store/sqlite/database.h"
#include "store/sqlite/schema.h"
#include "store/sqlite/tables.h"
#include "store/sqlite/user_cache.h"

namespace ferry::store {

namespace {

using soci::session;

// A call each: which table, and whether it writes.
class SqliteProvider final : public Provider {
 public:
  SqliteProvider(std::unique_ptr<Database> objects, std::unique_ptr<Database> events, std::unique_ptr<UserCache> users)
      : db_(std::move(objects)), events_(std::move(events)), users_(std::move(users)) {}

  std::string_view driver() const override { return "sqlite"; }
  Result<void> check() override {
    return db_->read([](session& sql) -> Result<void> {
      int version = 0;
      sql << "SELECT version FROM ferry_schema", soci::into(version);
      return {};
    });
  }

  Result<model::UserPtr> user(std::string_view name) override { return cached("stored ", name, tables::users::find); }
  Result<model::UserPtr> effective_user(std::string_view name) override {
    return cached("effective ", name, tables::users::find_effective);
  }
  model::UserPtr remembered_user(std::string_view name) override {
    return users_->remembered(std::string("effective ").append(name));
  }
  Result<std::vector<model::UserPtr>> users_of_role(std::string_view role, Page page) override {
    return db_->read([&](session& sql) { return tables::users::list_of_role(sql, std::string(role), page); });
  }
  Result<std::vector<model::UserPtr>> users(Page page) override {
    return db_->read([&](session& sql) { return tables::users::list(sql, page); });
  }
  Result<model::UserPtr> add_user(model::User user, Origin origin) override {
    return db_->write([&](session& sql) { return tables::users::add(sql, std::move(user), origin); });
  }
  Result<model::UserPtr> change_user(std::string_view name, const Change<model::User>& change) override {
    return db_->write([&](session& sql) { return tables::users::change(sql, std::string(name), change); });
  }
  Result<void> delete_user(std::string_view name) override {
    return db_->write([&](session& sql) { return tables::users::erase(sql, std::string(name)); });
  }

  Result<model::AdminPtr> admin(std::string_view name) override {
    return db_->read([&](session& sql) { return tables::admins::find(sql, std::string(name)); });
  }
  Result<std::vector<model::AdminPtr>> admins(Page page) override {
    return db_->read([&](session& sql) { return tables::admins::list(sql, page); });
  }
  Result<model::AdminPtr> add_admin(model::Admin admin, Origin origin) override {
    return db_->write([&](session& sql) { return tables::admins::add(sql, std::move(admin), origin); });
  }
  Result<model::AdminPtr> add_first_admin(model::Admin admin) override {
    return db_->write([&](session& sql) -> Result<model::AdminPtr> {
      if (tables::admins::any(sql)) return fail(ErrorCode::conflict, "there is an administrator already");
      return tables::admins::add(sql, std::move(admin), Origin::client);
    });
  }
  Result<model::AdminPtr> change_admin(std::string_view name, const Change<model::Admin>& change) override {
    return db_->write([&](session& sql) { return tables::admins::change(sql, std::string(name), change); });
  }
  Result<void> delete_admin(std::string_view name) override {
    return db_->write([&](session& sql) { return tables::admins::erase(sql, std::string(name)); });
  }
  Result<bool> has_admin() override {
    return db_->read([](session& sql) -> Result<bool> { return tables::admins::any(sql); });
  }

  Result<model::Folder> folder(std::string_view name) override {
    return db_->read([&](session& sql) { return tables::folders::find(sql, std::string(name)); });
  }
  Result<std::vector<model::Folder>> folders(Page page) override {
    return db_->read([&](session& sql) { return tables::folders::list(sql, page); });
  }
  Result<model::Folder> add_folder(model::Folder folder, Origin origin) override {
    return db_->write([&](session& sql) { return tables::folders::add(sql, std::move(folder), origin); });
  }
  Result<model::Folder> change_folder(std::string_view name, const Change<model::Folder>& change) override {
    return db_->write([&](session& sql) { return tables::folders::change(sql, std::string(name), change); });
  }
  Result<void> delete_folder(std::string_view name) override {
    return db_->write([&](session& sql) { return tables::folders::erase(sql, std::string(name)); });
  }

  Result<model::Group> group(std::string_view name) override {
    return db_->read([&](session& sql) { return tables::groups::find(sql, std::string(name)); });
  }
  Result<std::vector<model::Group>> groups(Page page) override {
    return db_->read([&](session& sql) { return tables::groups::list(sql, page); });
  }
  Result<model::Group> add_group(model::Group group, Origin origin) override {
    return db_->write([&](session& sql) { return tables::groups::add(sql, std::move(group), origin); });
  }
  Result<model::Group> change_group(std::string_view name, const Change<model::Group>& change) override {
    return db_->write([&](session& sql) { return tables::groups::change(sql, std::string(name), change); });
  }
  Result<void> delete_group(std::string_view name) override {
    return db_->write([&](session& sql) { return tables::groups::erase(sql, std::string(name)); });
  }

  Result<model::Role> role(std::string_view name) override {
    return db_->read([&](session& sql) { return tables::roles::find(sql, std::string(name)); });
  }
  Result<std::vector<model::Role>> roles(Page page) override {
    return db_->read([&](session& sql) { return tables::roles::list(sql, page); });
  }
  Result<model::Role> add_role(model::Role role, Origin origin) override {
    return db_->write([&](session& sql) { return tables::roles::add(sql, std::move(role), origin); });
  }
  Result<model::Role> change_role(std::string_view name, const Change<model::Role>& change) override {
    return db_->write([&](session& sql) { return tables::roles::change(sql, std::string(name), change); });
  }
  Result<void> delete_role(std::string_view name) override {
    return db_->write([&](session& sql) { return tables::roles::erase(sql, std::string(name)); });
  }

  Result<model::IpListEntry> ip_list_entry(model::IpListType type, std::string_view ipornet) override {
    return db_->read([&](session& sql) { return tables::ip_lists::find(sql, number(type), std::string(ipornet)); });
  }
  Result<std::vector<model::IpListEntry>> ip_list_entries(model::IpListType type, const IpListPage& page) override {
    return db_->read([&](session& sql) { return tables::ip_lists::list(sql, number(type), page); });
  }
  Result<std::vector<model::IpListEntry>> all_ip_list_entries() override {
    return db_->read(
        [](session& sql) -> Result<std::vector<model::IpListEntry>> { return tables::ip_lists::all(sql); });
  }
  Result<model::IpListEntry> add_ip_list_entry(model::IpListEntry entry, Origin origin) override {
    return db_->write([&](session& sql) { return tables::ip_lists::add(sql, std::move(entry), origin); });
  }
  Result<model::IpListEntry> change_ip_list_entry(model::IpListType type, std::string_view ipornet,
                                                  const Change<model::IpListEntry>& change) override {
    return db_->write(
        [&](session& sql) { return tables::ip_lists::change(sql, number(type), std::string(ipornet), change); });
  }
  Result<void> delete_ip_list_entry(model::IpListType type, std::string_view ipornet) override {
    return db_->write([&](session& sql) { return tables::ip_lists::erase(sql, number(type), std::string(ipornet)); });
  }

  Result<std::vector<DefenderHost>> defender_hosts(DefenderTimes times, std::size_t limit) override {
    return db_->read([&](session& sql) { return tables::defender::list(sql, times, limit); });
  }
  Result<DefenderHost> defender_host(std::string_view ip, DefenderTimes times) override {
    return db_->read([&](session& sql) { return tables::defender::find(sql, std::string(ip), times); });
  }
  Result<DefenderHost> add_defender_event(const DefenderEvent& event, DefenderTimes times) override {
    return db_->write([&](session& sql) { return tables::defender::add(sql, event, times); });
  }
  Result<std::int64_t> extend_ban(std::string_view ip, std::int64_t now, std::int64_t by) override {
    // Nearly every host that comes is not banned: these wait for no writer.
    const auto banned = db_->read([&](session& sql) { return tables::defender::extend(sql, std::string(ip), now, 0); });
    if (!banned || *banned == 0) return banned;
    return db_->write([&](session& sql) { return tables::defender::extend(sql, std::string(ip), now, by); });
  }
  Result<void> delete_defender_host(std::string_view ip) override {
    return db_->write([&](session& sql) { return tables::defender::erase(sql, std::string(ip)); });
  }
  Result<void> forget_defender_hosts(DefenderTimes times) override {
    return db_->write([&](session& sql) { return tables::defender::forget(sql, times); });
  }

  Result<Snapshot> snapshot() override {
    return db_->read([](session& sql) { return tables::snapshot(sql); });
  }

  Result<model::ApiKey> api_key(std::string_view id) override {
    return db_->read([&](session& sql) { return tables::api_keys::find(sql, std::string(id)); });
  }
  Result<std::vector<model::ApiKey>> api_keys(Page page) override {
    return db_->read([&](session& sql) { return tables::api_keys::list(sql, page); });
  }
  Result<model::ApiKey> add_api_key(model::ApiKey key, Origin origin) override {
    return db_->write([&](session& sql) { return tables::api_keys::add(sql, std::move(key), origin); });
  }
  Result<model::ApiKey> change_api_key(std::string_view id, const Change<model::ApiKey>& change) override {
    return db_->write([&](session& sql) { return tables::api_keys::change(sql, std::string(id), change); });
  }
  Result<void> delete_api_key(std::string_view id) override {
    return db_->write([&](session& sql) { return tables::api_keys::erase(sql, std::string(id)); });
  }
  Result<void> set_api_key_last_use(std::string_view id, std::int64_t when) override {
    return db_->write([&](session& sql) { return tables::api_keys::set_last_use(sql, std::string(id), when); });
  }

  Result<bool> claim_code_step(std::string_view account, std::int64_t step) override {
    return db_->write(
        [&](session& sql) -> Result<bool> { return tables::used_codes::claim(sql, std::string(account), step); });
  }

  Result<std::int64_t> add_open_upload(const OpenUpload& upload) override {
    return db_->write([&](session& sql) { return tables::open_uploads::add(sql, upload); });
  }
  Result<void> disown_open_upload(std::int64_t id) override {
    return db_->write([&](session& sql) { return tables::open_uploads::disown(sql, id); });
  }
  Result<void> remove_open_upload(std::int64_t id) override {
    return db_->write([&](session& sql) { return tables::open_uploads::erase(sql, id); });
  }
  Result<std::vector<OpenUpload>> open_uploads(std::int64_t after, std::size_t limit) override {
    return db_->read([&](session& sql) { return tables::open_uploads::list(sql, after, limit); });
  }

  Result<void> update_user_quota(std::string_view name, QuotaUsage usage, QuotaUpdate how) override {
    return db_->write([&](session& sql) { return tables::users::update_quota(sql, std::string(name), usage, how); });
  }
  Result<void> update_folder_quota(std::string_view name, QuotaUsage usage, QuotaUpdate how) override {
    return db_->write([&](session& sql) { return tables::folders::update_quota(sql, std::string(name), usage, how); });
  }
  Result<void> update_transfer_quota(std::string_view name, TransferUsage usage, QuotaUpdate how) override {
    return db_->write([&](session& sql) { return tables::users::update_transfer(sql, std::string(name), usage, how); });
  }
  Result<QuotaUsage> user_quota(std::string_view name) override {
    return db_->read([&](session& sql) { return tables::users::quota(sql, std::string(name)); });
  }
  Result<QuotaUsage> folder_quota(std::string_view name) override {
    return db_->read([&](session& sql) { return tables::folders::quota(sql, std::string(name)); });
  }
  Result<TransferUsage> transfer_quota(std::string_view name) override {
    return db_->read([&](session& sql) { return tables::users::transfer(sql, std::string(name)); });
  }

  Result<void> set_user_last_login(std::string_view name, std::int64_t when) override {
    return db_->write([&](session& sql) { return tables::users::set_last_login(sql, std::string(name), when); });
  }
  Result<void> set_admin_last_login(std::string_view name, std::int64_t when) override {
    return db_->write([&](session& sql) { return tables::admins::set_last_login(sql, std::string(name), when); });
  }
  Result<bool> note_first_transfer(std::string_view name, bool upload, std::int64_t when) override {
    return db_->write(
        [&](session& sql) { return tables::users::note_first_transfer(sql, std::string(name), upload, when); });
  }

  Result<void> queue(std::span<const Notification> fresh) override {
    return events_->write([&](session& sql) { return tables::outbox::queue(sql, fresh); });
  }
  Result<std::vector<Notification>> due(std::string_view hook, std::int64_t now, std::int64_t horizon,
                                        std::size_t limit) override {
    return events_->read(
        [&](session& sql) { return tables::outbox::due(sql, std::string(hook), now, horizon, limit); });
  }
  Result<void> settle(std::span<const std::int64_t> delivered, std::span<const Notification> others) override {
    return events_->write([&](session& sql) { return tables::outbox::settle(sql, delivered, others); });
  }
  Result<std::size_t> expire(std::string_view hook, std::int64_t now, std::string_view error) override {
    return events_->write(
        [&](session& sql) { return tables::outbox::expire(sql, std::string(hook), now, std::string(error)); });
  }
  Result<Trimmed> trim(std::size_t most) override {
    return events_->write([&](session& sql) { return tables::outbox::trim(sql, most); });
  }
  Result<OutboxCount> count_notifications() override {
    return events_->read([](session& sql) { return tables::outbox::count(sql); });
  }
  Result<std::vector<Notification>> notifications(bool dead, std::int64_t after, std::size_t limit) override {
    return events_->read([&](session& sql) { return tables::outbox::list(sql, dead, after, limit); });
  }
  Result<std::size_t> replay(std::int64_t id, std::int64_t expires_at) override {
    return events_->write([&](session& sql) { return tables::outbox::replay(sql, id, expires_at); });
  }
  Result<std::size_t> discard(std::int64_t id) override {
    return events_->write([&](session& sql) { return tables::outbox::discard(sql, id); });
  }

  Result<void> record(const AuditBatch& batch, std::string_view instance_id) override {
    return events_->write([&](session& sql) { return tables::audit::record(sql, batch, instance_id); });
  }
  Result<std::vector<AuditedFile>> file_events(const AuditQuery& query) override {
    return events_->read([&](session& sql) { return tables::audit::files(sql, query); });
  }
  Result<std::vector<AuditedChange>> provider_events(const AuditQuery& query) override {
    return events_->read([&](session& sql) { return tables::audit::changes(sql, query); });
  }
  Result<std::vector<AuditedLogin>> log_events(const AuditQuery& query) override {
    return events_->read([&](session& sql) { return tables::audit::logins(sql, query); });
  }
  Result<bool> forget_events(const AuditLimits& limits) override {
    return events_->write([&](session& sql) { return tables::audit::forget(sql, limits); });
  }

 private:
  static tables::Row number(model::IpListType type) { return static_cast<tables::Row>(type); }

  template <class Find>
  Result<model::UserPtr> cached(std::string_view kind, std::string_view name, Find find) {
    const auto read = [&] { return db_->read([&](session& sql) { return find(sql, std::string(name)); }); };
    return users_->get(std::string(kind).append(name), read);
  }

  std::unique_ptr<Database> db_;      // of all but the next
  std::unique_ptr<Database> events_;  // the outbox and the audit log
  std::unique_ptr<UserCache> users_;
};

// The file holds password hashes: nobody else may read it. SQLite gives its companion files the same mode.
Result<void> create_private(const std::string& path) {
  const int fd = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0) return fail_errno(errno, "open " + path);
  ::close(fd);
  return {};
}

Result<std::unique_ptr<Database>> open_file(const SqliteOptions& options, std::span<const Migration> schema) {
  if (auto ours = check_owner(options.path); !ours) return fail(ours.error());
  if (auto created = create_private(options.path); !created) return fail(created.error());
  auto database = Database::open(options);
  if (!database) return database;
  auto migrated = (*database)->write([&](session& sql) { return migrate(sql, schema, options.create_schema); });
  if (!migrated) return fail(migrated.error());
  return database;
}

}  // namespace

Result<std::unique_ptr<Provider>> open_sqlite(const SqliteOptions& options) {
  auto objects = open_file(options, object_schema());
  if (!objects) return fail(objects.error());
  SqliteOptions beside = options;
  beside.path += "-events";
  beside.connections = 2;
  auto events = open_file(beside, event_schema());
  if (!events) return fail(events.error());
  auto users = UserCache::open(options.path, options.busy_timeout_s);
  if (!users) return fail(users.error());
  return std::make_unique<SqliteProvider>(std::move(*objects), std::move(*events), std::move(*users));
}

}  // namespace ferry::store
