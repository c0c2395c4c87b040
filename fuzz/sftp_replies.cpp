// Replies of a hostile SFTP server to the client of remote SFTP storage: each parser takes them; what it accepts lies
// within what was sent.
#include "fuzz/input.h"
#include "vfs/sftp/packets.h"

using namespace ferry;
using namespace ferry::vfs::sftp;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, size);
  Reply reply;
  reply.type = static_cast<Packet>(in.byte());
  const ByteSpan body = in.rest();
  reply.storage = std::make_unique<std::byte[]>(body.size());
  std::copy(body.begin(), body.end(), reply.storage.get());
  reply.size = body.size();

  (void)read_version(body);
  const Result<void> status = read_status(reply, "x");
  fuzz::require(!status || reply.type == Packet::status);
  const auto handle = read_handle(reply, "x");
  fuzz::require(!handle || handle->size() <= most_handle);
  const auto piece = read_data(reply, "x");
  if (piece && *piece) fuzz::require(!(*piece)->empty() && (*piece)->size() + 4 <= body.size());
  const auto names = read_names(reply, "x");
  if (names && *names) fuzz::require((*names)->size() * 12 <= body.size());
  const auto name = read_one_name(reply, "x");
  fuzz::require(!name || name->size() < body.size());
  (void)read_attributes(reply, "x");
  (void)read_space(reply, "x");
  const Limits limits = read_limits(reply);
  fuzz::require(limits.read >= 4096 && limits.read <= most_transfer);
  fuzz::require(limits.write >= 4096 && limits.write <= most_transfer);
  return 0;
}
