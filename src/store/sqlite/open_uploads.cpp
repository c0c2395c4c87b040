#include "store/sqlite/tables.h"
#include "store/store_fields.h"

namespace ferry::store::tables::open_uploads {

Result<std::int64_t> add(soci::session& sql, const OpenUpload& upload) {
  const Row started = upload.started_at;
  sql << "INSERT INTO open_uploads (account, folder, location, object, upload, owner, started_at) "
         "VALUES (:account, :folder, :location, :object, :upload, :owner, :started)",
      soci::use(upload.account), soci::use(upload.folder), soci::use(upload.location), soci::use(upload.key),
      soci::use(upload.upload), soci::use(upload.owner), soci::use(started);
  Row id = 0;
  sql << "SELECT last_insert_rowid()", soci::into(id);
  return id;
}

Result<void> disown(soci::session& sql, Row id) {
  sql << "UPDATE open_uploads SET owner = '' WHERE id = :id", soci::use(id);
  return {};
}

Result<void> erase(soci::session& sql, Row id) {
  sql << "DELETE FROM open_uploads WHERE id = :id", soci::use(id);
  return {};
}

Result<std::vector<OpenUpload>> list(soci::session& sql, Row after, std::size_t limit) {
  Row id = 0, started = 0;
  OpenUpload one;
  const Row most = as_row(limit);
  soci::statement rows =
      (sql.prepare << "SELECT id, account, folder, location, object, upload, owner, started_at FROM open_uploads "
                      "WHERE id > :after ORDER BY id LIMIT :limit",
       soci::use(after), soci::use(most), soci::into(id), soci::into(one.account), soci::into(one.folder),
       soci::into(one.location), soci::into(one.key), soci::into(one.upload), soci::into(one.owner),
       soci::into(started));
  rows.execute();
  std::vector<OpenUpload> all;
  while (rows.fetch()) {
    one.id = id;
    one.started_at = started;
    all.push_back(one);
  }
  return all;
}

}  // namespace ferry::store::tables::open_uploads
