// How objects are written, whatever they are.
#pragma once

#include <cstdint>
#include <functional>

#include "base/error.h"

namespace ferry::store {

// Where a new object comes from. One from a client begins its life now; one from a dump brings its times along
// (created_at, updated_at, last_login, first_download, first_upload). Nobody brings along an id or used quota.
enum class Origin : std::uint8_t { client, dump };

// Changes an object inside the transaction that holds it; an error from it leaves the object as it was. It must be
// quick and must not call the provider. It cannot rename the object.
template <class Object>
using Change = std::function<Result<void>(Object&)>;

}  // namespace ferry::store
