// The IP lists' part of the data provider; store/provider.h says what holds for every call.
//
// An entry is named by its list and its `ipornet`, in the form that validation gave it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/ip_list.h"
#include "store/change.h"

namespace ferry::store {

// Part of a list that is ordered by `ipornet`, as text.
struct IpListPage {
  std::string filter = {};  // only those that begin so
  std::string from = {};    // only those after this one (before it, when descending)
  std::size_t limit = 100;
  bool descending = false;
};

class IpLists {
 public:
  virtual ~IpLists() = default;

  virtual Result<model::IpListEntry> ip_list_entry(model::IpListType type, std::string_view ipornet) = 0;
  virtual Result<std::vector<model::IpListEntry>> ip_list_entries(model::IpListType type, const IpListPage& page) = 0;
  // Of every list, ordered by list and `ipornet`.
  virtual Result<std::vector<model::IpListEntry>> all_ip_list_entries() = 0;
  // Sets created_at and updated_at. already_exists.
  virtual Result<model::IpListEntry> add_ip_list_entry(model::IpListEntry entry, Origin origin = Origin::client) = 0;
  // Sets updated_at. not_found, and the errors of `change`.
  virtual Result<model::IpListEntry> change_ip_list_entry(model::IpListType type, std::string_view ipornet,
                                                          const Change<model::IpListEntry>& change) = 0;
  virtual Result<void> delete_ip_list_entry(model::IpListType type, std::string_view ipornet) = 0;
};

}  // namespace ferry::store
