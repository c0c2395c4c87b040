// The text of a dump, walked through without building all of it in memory: a dump of 100 MB would take ten times as
// much. Private to src/store.
//
//   const auto dump = DumpText::read(text);
//   if (const auto users = dump->find("users")) for_each_item(*users, [](std::string_view item) { ...; return true; });
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace ferry::store {

class DumpText {
 public:
  // `text` outlives it. Finds the members of the object that it is; what they hold is checked only where it is parsed.
  // invalid_argument: no JSON object, a name that stands twice, or too many members.
  static Result<DumpText> read(std::string_view text);

  // Names and values, as they stand in the text.
  const std::vector<std::pair<std::string, std::string_view>>& members() const { return members_; }
  // The value of a member that is there and not null, else nothing.
  const std::string_view* find(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, std::string_view>> members_;
};

// Calls `act` on each item of a list; false ends it. invalid_argument: `list` is no JSON list. Items are checked as far
// as it takes to find their ends.
Result<void> for_each_item(std::string_view list, const std::function<bool(std::string_view item)>& act);

}  // namespace ferry::store
