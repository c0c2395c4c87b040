// Pieces of requests to S3, and how answers to them are read, that several kinds of requests have in common.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "http/client.h"
#include "vfs/object/object_store.h"
#include "vfs/s3/answers.h"
#include "vfs/s3/sigv4.h"

namespace ferry::vfs::s3 {

// Copies inside the service, removing 1,000 objects, and putting 10,000 parts together, take minutes.
constexpr std::chrono::seconds work_in_service{600};
// Of the headers that name a customer's key, for the object that is asked for and for the source of a copy.
constexpr const char* customer_prefix = "x-amz-server-side-encryption-customer-";
constexpr const char* source_customer_prefix = "x-amz-copy-source-server-side-encryption-customer-";

// In base64, as headers have them.
std::string crc_text(std::uint32_t crc);
std::string md5_text(ByteSpan bytes);

bool fits_in_xml(std::string_view text);
std::string xml_text(std::string_view text);

// What the headers of an answer say about the object.
object::ObjectInfo info_of(std::string key, const http::ClientResponse& answer);
void add_condition(Pairs& headers, const object::Condition& condition);

}  // namespace ferry::vfs::s3
