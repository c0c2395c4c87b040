// What of an object's properties and conditions becomes headers of a request, and back.
#pragma once

#include <string>
#include <string_view>

#include "http/client.h"
#include "vfs/azure/signing.h"
#include "vfs/object/object_store.h"

namespace ferry::vfs::azure {

// x-ms-meta-mtime, x-ms-meta-sha256, x-ms-meta-ferrywriting.
Pairs metadata_headers(const object::ObjectProperties& properties);
// Also the content type, for requests that store content.
void add_properties(Pairs& headers, const object::ObjectProperties& properties);
// If-None-Match, If-Match.
void add_condition(Pairs& headers, const object::Condition& condition);

// Of the answer to a request that stored something: version and time. A time that the client had set counts.
object::ObjectInfo stored_info(std::string key, std::uint64_t size, const object::ObjectProperties& properties,
                               const http::ClientResponse& answer);

// A condition that failed: already_exists where the object had to be absent, else conflict.
Error with_condition(Error error, const object::Condition& condition);

}  // namespace ferry::vfs::azure
