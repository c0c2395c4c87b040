#include "store/sqlite/tables.h"
#include "store/store_fields.h"

namespace ferry::store::tables::defender {

namespace {

// 0: not banned, or unknown.
Row ban_of(soci::session& sql, const std::string& ip, Row now) {
  Row until = 0;
  sql << "SELECT banned_until FROM defender_hosts WHERE ip = :ip AND banned_until > :now", soci::use(ip),
      soci::use(now), soci::into(until);
  return sql.got_data() ? until : 0;
}

Row score_of(soci::session& sql, const std::string& ip, Row since) {
  Row score = 0;
  sql << "SELECT COALESCE(SUM(score), 0) FROM defender_events WHERE ip = :ip AND at >= :since", soci::use(ip),
      soci::use(since), soci::into(score);
  return score;
}

}  // namespace

Result<std::vector<DefenderHost>> list(soci::session& sql, DefenderTimes times, std::size_t limit) {
  DefenderHost host;
  Row score = 0, until = 0;
  const Row now = times.now, since = times.since, most = as_row(limit);
  soci::statement rows =
      (sql.prepare << "SELECT ip, banned_until, score FROM"
                      " (SELECT ip, banned_until, 0 AS score FROM defender_hosts WHERE banned_until > :now"
                      "  UNION ALL"
                      "  SELECT ip, 0, SUM(score) FROM defender_events WHERE at >= :since GROUP BY ip)"
                      " ORDER BY ip LIMIT :most",
       soci::use(now), soci::use(since), soci::use(most), soci::into(host.ip), soci::into(until), soci::into(score));
  rows.execute();
  std::vector<DefenderHost> hosts;
  while (rows.fetch()) hosts.push_back({host.ip, score, until});
  return hosts;
}

Result<DefenderHost> find(soci::session& sql, const std::string& ip, DefenderTimes times) {
  DefenderHost host{ip, 0, ban_of(sql, ip, times.now)};
  if (host.banned_until == 0) host.score = score_of(sql, ip, times.since);
  if (host.score == 0 && host.banned_until == 0) return fail_missing("host", ip);
  return host;
}

Result<DefenderHost> add(soci::session& sql, const DefenderEvent& event, DefenderTimes times) {
  const Row now = times.now, score = event.score, until = event.ban_until;
  if (const Row banned = ban_of(sql, event.ip, now); banned != 0) return DefenderHost{event.ip, 0, banned};
  sql << "INSERT INTO defender_events (ip, at, score) VALUES (:ip, :at, :score)", soci::use(event.ip), soci::use(now),
      soci::use(score);
  const Row sum = score_of(sql, event.ip, times.since);
  if (sum <= event.threshold) return DefenderHost{event.ip, sum, 0};
  sql << "DELETE FROM defender_events WHERE ip = :ip", soci::use(event.ip);
  sql << "INSERT INTO defender_hosts (ip, banned_until) VALUES (:ip, :until)"
         " ON CONFLICT (ip) DO UPDATE SET banned_until = excluded.banned_until",
      soci::use(event.ip), soci::use(until);
  return DefenderHost{event.ip, 0, until};
}

Result<std::int64_t> extend(soci::session& sql, const std::string& ip, Row now, Row by) {
  const Row until = ban_of(sql, ip, now);
  if (until == 0 || by == 0) return until;
  const Row later = until + by;
  sql << "UPDATE defender_hosts SET banned_until = :later WHERE ip = :ip", soci::use(later), soci::use(ip);
  return later;
}

Result<void> erase(soci::session& sql, const std::string& ip) {
  sql << "DELETE FROM defender_hosts WHERE ip = :ip", soci::use(ip);
  const bool banned = changed_any(sql);
  sql << "DELETE FROM defender_events WHERE ip = :ip", soci::use(ip);
  if (!banned && !changed_any(sql)) return fail_missing("host", ip);
  return {};
}

Result<void> forget(soci::session& sql, DefenderTimes times) {
  const Row now = times.now, since = times.since;
  sql << "DELETE FROM defender_hosts WHERE banned_until <= :now", soci::use(now);
  sql << "DELETE FROM defender_events WHERE at < :since", soci::use(since);
  return {};
}

}  // namespace ferry::store::tables::defender
