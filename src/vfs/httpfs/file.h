// Open files of HTTP storage.
//
// Reading: one GET from an offset on, whose body flows as far as the reader wants; a jump to another place is another
// GET. What the file was when it was opened (size and time) must still hold whenever a request is made.
//
// Writing: one POST to a hidden name beside the target, which is renamed onto it at close(), when the server shows all
// that was written. A file of up to 256 KiB is collected and sent at close(), a longer one flows as chunks while it is
// written. A body that is broken off has no end, so a server that keeps the rules keeps nothing of it; whether it did
// is looked at, and the hidden name is removed.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/byte_budget.h"
#include "vfs/httpfs/service.h"

namespace ferry::vfs::httpfs {

class HttpReader : public File {
 public:
  HttpReader(std::shared_ptr<Service> service, std::shared_ptr<ByteBudget> budget, std::string account,
             std::string path, FileInfo info)
      : service_(std::move(service)),
        budget_(std::move(budget)),
        account_(std::move(account)),
        path_(std::move(path)),
        info_(info) {}

  Task<Result<std::size_t>> read_at(std::uint64_t offset, MutableByteSpan into) override;
  Task<Result<void>> write_at(std::uint64_t offset, std::span<const iovec> pieces) override;
  Task<Result<FileInfo>> info() override;
  Task<Result<void>> set_attributes(AttributeChange change) override;
  Task<Result<void>> sync() override;
  Task<Result<void>> close() override;

 private:
  Task<Result<void>> begin(std::uint64_t offset);
  Task<Result<void>> skip_to(std::uint64_t offset);
  Task<Result<std::size_t>> read_some(std::uint64_t offset, MutableByteSpan into);

  const std::shared_ptr<Service> service_;
  const std::shared_ptr<ByteBudget> budget_;
  const std::string account_;
  const std::string path_;
  FileInfo info_;
  ByteBudget::Ticket ticket_;
  std::unique_ptr<http::ClientStream> stream_;  // null: none runs
  std::uint64_t position_ = 0;                  // of its next byte
};

struct UploadPlan {
  std::string path, growing;  // the target, and the hidden name beside it
  bool exclusive = false;     // nothing may be there
  FileInfo before = {};       // what was there when it was opened
};

class HttpWriter : public File {
 public:
  HttpWriter(std::shared_ptr<Service> service, std::shared_ptr<ByteBudget> budget, std::string account, UploadPlan plan)
      : service_(std::move(service)),
        budget_(std::move(budget)),
        account_(std::move(account)),
        plan_(std::move(plan)) {}
  ~HttpWriter() override;

  Task<Result<std::size_t>> read_at(std::uint64_t offset, MutableByteSpan into) override;
  Task<Result<void>> write_at(std::uint64_t offset, std::span<const iovec> pieces) override;
  Task<Result<FileInfo>> info() override;
  Task<Result<void>> set_attributes(AttributeChange change) override;
  Task<Result<void>> sync() override;
  Task<Result<void>> close() override;
  Task<Result<void>> discard() override;

 private:
  Task<Result<void>> take(ByteSpan bytes);
  Task<Result<void>> start();
  Task<Result<void>> send();
  Task<Result<void>> check();
  Task<Result<void>> publish();
  static Task<void> undo(std::shared_ptr<Service> service, std::string path,
                         std::unique_ptr<http::ClientStream> stream);

  const std::shared_ptr<Service> service_;
  const std::shared_ptr<ByteBudget> budget_;
  const std::string account_;
  const UploadPlan plan_;
  ByteBudget::Ticket ticket_;
  std::string collected_;                       // until the transfer has begun
  std::unique_ptr<http::ClientStream> stream_;  // null: not begun
  std::uint64_t written_ = 0;
  bool ended_ = false;
  AttributeChange pending_;  // for close()
};

}  // namespace ferry::vfs::httpfs
