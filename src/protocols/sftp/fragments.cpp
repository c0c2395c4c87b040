#include "protocols/sftp/fragments.h"

#include <algorithm>

namespace ferry::sftp {

void FragmentCursor::settle() {
  while (index_ < fragments_.size() && offset_ == fragments_[index_].size()) {
    ++index_;
    offset_ = 0;
  }
}

template <class Take>
bool FragmentCursor::walk(std::size_t count, Take take) {
  while (count > 0) {
    if (index_ == fragments_.size()) return false;
    const ByteSpan rest = fragments_[index_].subspan(offset_);
    const ByteSpan run = rest.first(std::min(count, rest.size()));
    take(run);
    count -= run.size();
    offset_ += run.size();
    settle();
  }
  return true;
}

bool FragmentCursor::skip(std::size_t count) {
  return walk(count, [](ByteSpan) {});
}

bool FragmentCursor::read(MutableByteSpan into) {
  return walk(into.size(), [&](ByteSpan run) {
    std::memcpy(into.data(), run.data(), run.size());
    into = into.subspan(run.size());
  });
}

ByteSpan FragmentCursor::contiguous(std::size_t count) const {
  if (index_ == fragments_.size() || fragments_[index_].size() - offset_ < count) return {};
  return fragments_[index_].subspan(offset_, count);
}

bool FragmentCursor::pieces(std::size_t count, std::vector<iovec>& out) {
  return walk(count, [&](ByteSpan run) {
    // iovec serves reading and writing, so it knows no const; these pieces are only ever written from.
    out.push_back({const_cast<std::byte*>(run.data()), run.size()});
  });
}

}  // namespace ferry::sftp
