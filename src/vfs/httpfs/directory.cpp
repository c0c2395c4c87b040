#include "vfs/httpfs/directory.h"

#include <utility>

#include "base/log.h"

namespace ferry::vfs::httpfs {

namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

}  // namespace

void ArraySplitter::take_inside(char c, std::deque<std::string>& objects) {
  object_ += c;
  if (in_string_) {
    if (escape_) {
      escape_ = false;
    } else if (c == '\\') {
      escape_ = true;
    } else if (c == '"') {
      in_string_ = false;
    }
    return;
  }
  if (c == '"') in_string_ = true;
  if (c == '{' || c == '[') ++depth_;
  if (c != '}' && c != ']') return;
  if (--depth_ > 0) return;
  objects.push_back(std::exchange(object_, {}));
  state_ = State::between;
}

Result<void> ArraySplitter::take_byte(char c, std::deque<std::string>& objects) {
  const auto wrong = [] { return fail(ErrorCode::protocol_error, "not a list of files"); };
  if (state_ == State::inside) {
    if (object_.size() == longest_object) return fail(ErrorCode::protocol_error, "a file's description is too long");
    take_inside(c, objects);
    return {};
  }
  if (is_space(c)) return {};
  switch (state_) {
    case State::before:
      if (c == '[') {
        state_ = State::between;
      } else if (c == 'n') {
        state_ = State::null;
        object_ = "n";
      } else {
        return wrong();
      }
      return {};
    case State::null:
      object_ += c;
      if (object_.size() > 4) return wrong();
      return {};
    case State::between:
      if (c == ']') {
        state_ = State::after;
      } else if (c == '{') {
        state_ = State::inside;
        depth_ = 1;
        object_ = "{";
      } else if (c != ',') {
        return wrong();
      }
      return {};
    case State::inside:
    case State::after: break;
  }
  return wrong();
}

Result<void> ArraySplitter::take(std::string_view text, std::deque<std::string>& objects) {
  for (const char c : text) {
    if (Result<void> taken = take_byte(c, objects); !taken) return taken;
  }
  return {};
}

Result<void> HttpDirectory::add(std::string_view object, std::vector<DirectoryEntry>& batch) {
  Result<DirectoryEntry> entry = parse_entry(object);
  if (!entry) return fail(entry.error().code, "readdir " + path_ + ": " + entry.error().message);
  if (entry->name == "." || entry->name == "..") return {};
  // A name with a slash, say, of which no path may be built.
  if (!VirtualPath().child(entry->name)) {
    if (!std::exchange(warned_, true)) {
      log::warn("httpfs", "", "{}: the server sent a name that cannot be one; it is left out", path_);
    }
    return {};
  }
  batch.push_back(std::move(*entry));
  return {};
}

Task<Result<std::vector<DirectoryEntry>>> HttpDirectory::next(std::size_t max) {
  std::vector<DirectoryEntry> batch;
  Bytes piece(std::size_t{16} * 1024);
  while (batch.size() < max) {
    if (!objects_.empty()) {
      const std::string object = std::move(objects_.front());
      objects_.pop_front();
      const Result<void> added = add(object, batch);
      if (!added) co_return fail(added.error());
      continue;
    }
    if (ended_) break;
    auto count = co_await stream_->read(piece);
    if (!count) co_return fail(count.error());
    ended_ = *count == 0;
    if (ended_ && !splitter_.complete()) co_return fail(ErrorCode::protocol_error, path_ + ": a list that breaks off");
    const Result<void> taken = splitter_.take(as_text(ByteSpan(piece).first(*count)), objects_);
    if (!taken) co_return fail(taken.error().code, path_ + ": " + taken.error().message);
  }
  co_return batch;
}

}  // namespace ferry::vfs::httpfs
