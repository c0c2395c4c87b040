#include "store/sqlite/tables.h"
#include "store/store_fields.h"

namespace ferry::store::tables::ip_lists {

namespace {

#define FERRY_IP_LIST_COLUMNS \
  "SELECT type, ipornet, description, mode, protocols, created_at, updated_at FROM ip_lists "

struct Columns {
  Row type = 0, mode = 0, protocols = 0, created_at = 0, updated_at = 0;
  std::string ipornet, description;
  model::IpListEntry entry() const {
    return {.ipornet = ipornet,
            .description = description,
            .type = type,
            .mode = mode,
            .protocols = protocols,
            .created_at = created_at,
            .updated_at = updated_at};
  }
};

template <class Prepared>
auto into_columns(Prepared&& prepared, Columns& c) {
  return (prepared, soci::into(c.type), soci::into(c.ipornet), soci::into(c.description), soci::into(c.mode),
          soci::into(c.protocols), soci::into(c.created_at), soci::into(c.updated_at));
}

std::vector<model::IpListEntry> fetch(soci::statement& rows, const Columns& c) {
  rows.execute();
  std::vector<model::IpListEntry> list;
  while (rows.fetch()) list.push_back(c.entry());
  return list;
}

}  // namespace

Result<model::IpListEntry> find(soci::session& sql, Row type, const std::string& ipornet) {
  Columns c;
  soci::statement query = into_columns((sql.prepare << FERRY_IP_LIST_COLUMNS "WHERE type = :type AND ipornet = :net",
                                        soci::use(type), soci::use(ipornet)),
                                       c);
  if (!query.execute(true)) return fail_missing("IP list entry", ipornet);
  return c.entry();
}

Result<std::vector<model::IpListEntry>> list(soci::session& sql, Row type, const IpListPage& page) {
  Columns c;
  const Row limit = as_row(page.limit);
  // The texts are ASCII: what begins with the filter lies between these two.
  const std::string end = page.filter + "\x7f";
  const std::string from = page.from.empty() && page.descending ? end : page.from;
  const char* query = page.descending ? FERRY_IP_LIST_COLUMNS
                          "WHERE type = :type AND ipornet >= :filter AND ipornet < :end AND ipornet < :from"
                          " ORDER BY ipornet DESC LIMIT :limit"
                                      : FERRY_IP_LIST_COLUMNS
                          "WHERE type = :type AND ipornet >= :filter AND ipornet < :end AND ipornet > :from"
                          " ORDER BY ipornet LIMIT :limit";
  soci::statement rows = into_columns((sql.prepare << query, soci::use(type), soci::use(page.filter), soci::use(end),
                                       soci::use(from), soci::use(limit)),
                                      c);
  return fetch(rows, c);
}

std::vector<model::IpListEntry> all(soci::session& sql) {
  Columns c;
  soci::statement rows = into_columns((sql.prepare << FERRY_IP_LIST_COLUMNS "ORDER BY type, ipornet"), c);
  return fetch(rows, c);
}

Result<model::IpListEntry> add(soci::session& sql, model::IpListEntry entry, Origin origin) {
  const Row type = entry.type, mode = entry.mode, protocols = entry.protocols;
  int taken = 0;
  sql << "SELECT count(*) FROM ip_lists WHERE type = :type AND ipornet = :net", soci::use(type),
      soci::use(entry.ipornet), soci::into(taken);
  if (taken != 0) return fail_exists("IP list entry", entry.ipornet);
  set_store_fields(entry, origin);
  const Row created = entry.created_at, updated = entry.updated_at;
  sql << "INSERT INTO ip_lists (type, ipornet, description, mode, protocols, created_at, updated_at)"
         " VALUES (:type, :net, :description, :mode, :protocols, :created, :updated)",
      soci::use(type), soci::use(entry.ipornet), soci::use(entry.description), soci::use(mode), soci::use(protocols),
      soci::use(created), soci::use(updated);
  return entry;
}

Result<model::IpListEntry> change(soci::session& sql, Row type, const std::string& ipornet,
                                  const Change<model::IpListEntry>& change) {
  const auto stored = find(sql, type, ipornet);
  if (!stored) return fail(stored.error());
  model::IpListEntry entry = *stored;
  if (auto changed = change(entry); !changed) return fail(changed.error());
  restore_store_fields(entry, *stored);
  entry.updated_at = now_ms();
  const Row mode = entry.mode, protocols = entry.protocols, updated = entry.updated_at;
  sql << "UPDATE ip_lists SET description = :description, mode = :mode, protocols = :protocols, updated_at = :updated"
         " WHERE type = :type AND ipornet = :net",
      soci::use(entry.description), soci::use(mode), soci::use(protocols), soci::use(updated), soci::use(type),
      soci::use(ipornet);
  return entry;
}

Result<void> erase(soci::session& sql, Row type, const std::string& ipornet) {
  sql << "DELETE FROM ip_lists WHERE type = :type AND ipornet = :net", soci::use(type), soci::use(ipornet);
  if (!changed_any(sql)) return fail_missing("IP list entry", ipornet);
  return {};
}

}  // namespace ferry::store::tables::ip_lists
