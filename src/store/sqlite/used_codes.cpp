#include "store/sqlite/tables.h"

namespace ferry::store::tables::used_codes {

bool claim(soci::session& sql, const std::string& account, Row step) {
  sql << "INSERT INTO used_codes (account, step) VALUES (:account, :step)"
         " ON CONFLICT (account) DO UPDATE SET step = excluded.step WHERE excluded.step > used_codes.step",
      soci::use(account), soci::use(step);
  return changed_any(sql);
}

}  // namespace ferry::store::tables::used_codes
