#include "session/staged_upload.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace ferry::session {

namespace {

Task<void> remove(HeldName partial) {
  // Nobody waits for it; what cannot be removed is told by the next scan.
  (void)co_await partial.storage->remove_file(partial.path);
}

}  // namespace

StagedUpload::~StagedUpload() {
  if (ending || removed || !partial.storage) return;
  asio::co_spawn(blocking_pool(Lane::disk).get_executor(), remove(std::move(partial)), asio::detached);
}

}  // namespace ferry::session
