#include "server/running_mark.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/descriptor.h"
#include "base/log.h"

namespace ferry::server {

RunningMark::RunningMark(const std::filesystem::path& directory) : file_(directory / "ferry.running") {
  const Descriptor made(::open(file_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (made.get() >= 0) return;
  last_was_killed_ = errno == EEXIST;
  if (last_was_killed_) return;
  log::warn("server", "", "cannot make {}: {}; after a crash, what it left of uploads will not be looked for",
            file_.string(), std::strerror(errno));
}

void RunningMark::remove() const { ::unlink(file_.c_str()); }

}  // namespace ferry::server
