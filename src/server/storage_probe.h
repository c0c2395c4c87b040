// One storage as a check sees it: looked at, and a small file in its root written, read and removed. Object stores are
// asked below the file system that sessions see, which would try again for minutes what fails.
#pragma once

#include <memory>
#include <string>

#include "protocols/rest/storage_check.h"
#include "server/storages.h"

namespace ferry::server {

class StorageProbe {
 public:
  virtual ~StorageProbe() = default;
  // False: the directory is not there yet.
  virtual Task<Result<bool>> look() = 0;
  // `content` stays until the call returns.
  virtual Task<Result<void>> write(std::string name, ByteSpan content) = 0;
  // Fills `into` from the beginning of the file; fewer bytes where it is shorter.
  virtual Task<Result<std::size_t>> read(std::string name, MutableByteSpan into) = 0;
  virtual Task<Result<void>> remove(std::string name) = 0;
};

// Makes nothing, connects to nobody; blocks for local storage. Errors as Storages::open. `storages` stays as long.
Result<std::unique_ptr<StorageProbe>> open_probe(const rest::StorageCheck& check, const Storages& storages);

}  // namespace ferry::server
