// The outbox: one table, whose two partial indexes hold the waiting in their order, and the dead.
#include "store/sqlite/tables.h"
#include "store/store_fields.h"

namespace ferry::store::tables::outbox {

namespace {

#define FERRY_OUTBOX_COLUMNS                                                                                 \
  "SELECT id, hook, action, payload, created_at, expires_at, next_attempt, attempts, last_error, dead FROM " \
  "outbox "

struct Columns {
  Row id = 0, created_at = 0, expires_at = 0, next_attempt = 0, attempts = 0;
  std::string hook, action, payload, last_error;
  int dead = 0;
};

soci::statement into_columns(soci::details::prepare_temp_type query, Columns& c) {
  return (query, soci::into(c.id), soci::into(c.hook), soci::into(c.action), soci::into(c.payload),
          soci::into(c.created_at), soci::into(c.expires_at), soci::into(c.next_attempt), soci::into(c.attempts),
          soci::into(c.last_error), soci::into(c.dead));
}

std::vector<Notification> fetch(soci::statement rows, const Columns& c) {
  rows.execute();
  std::vector<Notification> list;
  while (rows.fetch()) {
    list.push_back({.id = c.id,
                    .hook = c.hook,
                    .action = c.action,
                    .payload = c.payload,
                    .created_at = c.created_at,
                    .expires_at = c.expires_at,
                    .next_attempt = c.next_attempt,
                    .attempts = c.attempts,
                    .last_error = c.last_error,
                    .dead = c.dead != 0});
  }
  return list;
}

std::size_t changed(soci::session& sql) {
  Row count = 0;
  sql << "SELECT changes()", soci::into(count);
  return static_cast<std::size_t>(count);
}

}  // namespace

Result<void> queue(soci::session& sql, std::span<const Notification> fresh) {
  Columns c;
  soci::statement insert =
      (sql.prepare << "INSERT INTO outbox (hook, action, payload, created_at, expires_at, next_attempt, attempts) "
                      "VALUES (:hook, :action, :payload, :created, :expires, :next, :attempts)",
       soci::use(c.hook), soci::use(c.action), soci::use(c.payload), soci::use(c.created_at), soci::use(c.expires_at),
       soci::use(c.next_attempt), soci::use(c.attempts));
  for (const Notification& one : fresh) {
    c.hook = one.hook;
    c.action = one.action;
    c.payload = one.payload;
    c.created_at = one.created_at;
    c.expires_at = one.expires_at;
    c.next_attempt = one.next_attempt;
    c.attempts = one.attempts;
    insert.execute(true);
  }
  return {};
}

Result<std::vector<Notification>> due(soci::session& sql, const std::string& hook, Row now, Row horizon,
                                      std::size_t limit) {
  Columns c;
  const Row most = as_row(limit);
  return fetch(
      into_columns((sql.prepare << FERRY_OUTBOX_COLUMNS
                        "WHERE dead = 0 AND hook = :hook AND (next_attempt <= :now OR next_attempt > :horizon) "
                        "ORDER BY id LIMIT :limit",
                    soci::use(hook), soci::use(now), soci::use(horizon), soci::use(most)),
                   c),
      c);
}

Result<void> settle(soci::session& sql, std::span<const std::int64_t> delivered, std::span<const Notification> others) {
  Columns c;
  soci::statement remove = (sql.prepare << "DELETE FROM outbox WHERE id = :id AND dead = 0", soci::use(c.id));
  for (const std::int64_t id : delivered) {
    c.id = id;
    remove.execute(true);
  }
  if (others.empty()) return {};
  soci::statement update =
      (sql.prepare << "UPDATE outbox SET attempts = :attempts, next_attempt = :next, last_error = :error, dead = :dead "
                      "WHERE id = :id AND dead = 0",
       soci::use(c.attempts), soci::use(c.next_attempt), soci::use(c.last_error), soci::use(c.dead), soci::use(c.id));
  for (const Notification& one : others) {
    c.attempts = one.attempts;
    c.next_attempt = one.next_attempt;
    c.last_error = one.last_error;
    c.dead = one.dead ? 1 : 0;
    c.id = one.id;
    update.execute(true);
  }
  return {};
}

Result<std::size_t> expire(soci::session& sql, const std::string& hook, Row now, const std::string& error) {
  sql << "UPDATE outbox SET dead = 1, last_error = CASE last_error WHEN '' THEN :error ELSE last_error END "
         "WHERE dead = 0 AND hook = :hook AND expires_at <= :now",
      soci::use(error), soci::use(hook), soci::use(now);
  return changed(sql);
}

Result<Outbox::Trimmed> trim(soci::session& sql, std::size_t most) {
  const Row kept = as_row(most);
  Outbox::Trimmed trimmed;
  sql << "UPDATE outbox SET dead = 1, last_error = CASE last_error WHEN '' THEN 'the queue is full' ELSE last_error "
         "END WHERE dead = 0 AND id <= "
         "(SELECT id FROM outbox WHERE dead = 0 ORDER BY id DESC LIMIT 1 OFFSET :most)",
      soci::use(kept);
  trimmed.died = changed(sql);
  sql << "DELETE FROM outbox WHERE dead = 1 AND id <= "
         "(SELECT id FROM outbox WHERE dead = 1 ORDER BY id DESC LIMIT 1 OFFSET :most)",
      soci::use(kept);
  trimmed.dropped = changed(sql);
  return trimmed;
}

Result<OutboxCount> count(soci::session& sql) {
  Row waiting = 0, dead = 0;
  sql << "SELECT count(*) FROM outbox WHERE dead = 0", soci::into(waiting);
  sql << "SELECT count(*) FROM outbox WHERE dead = 1", soci::into(dead);
  return OutboxCount{.waiting = static_cast<std::size_t>(waiting), .dead = static_cast<std::size_t>(dead)};
}

Result<std::vector<Notification>> list(soci::session& sql, bool dead, Row after, std::size_t limit) {
  Columns c;
  const Row most = as_row(limit);
  const char* query = dead ? FERRY_OUTBOX_COLUMNS "WHERE dead = 1 AND id > :after ORDER BY id LIMIT :limit"
                           : FERRY_OUTBOX_COLUMNS "WHERE dead = 0 AND id > :after ORDER BY id LIMIT :limit";
  return fetch(into_columns((sql.prepare << query, soci::use(after), soci::use(most)), c), c);
}

Result<std::size_t> replay(soci::session& sql, Row id, Row expires_at) {
  sql << "UPDATE outbox SET dead = 0, attempts = 0, next_attempt = 0, last_error = '', expires_at = :expires "
         "WHERE dead = 1 AND (:all = 0 OR id = :id)",
      soci::use(expires_at), soci::use(id), soci::use(id);
  const std::size_t count = changed(sql);
  if (id != 0 && count == 0) return fail_missing("dead letter", std::to_string(id));
  return count;
}

Result<std::size_t> discard(soci::session& sql, Row id) {
  sql << "DELETE FROM outbox WHERE dead = 1 AND (:all = 0 OR id = :id)", soci::use(id), soci::use(id);
  const std::size_t count = changed(sql);
  if (id != 0 && count == 0) return fail_missing("dead letter", std::to_string(id));
  return count;
}

}  // namespace ferry::store::tables::outbox
