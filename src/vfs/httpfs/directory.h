// An open directory of HTTP storage: one GET, whose answer is read as far as the reader wants.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "vfs/httpfs/service.h"

namespace ferry::vfs::httpfs {

// Cuts a JSON array of objects into its objects, as the bytes come. It knows no more of JSON than where an object ends;
// what each is worth says parse_entry.
class ArraySplitter {
 public:
  static constexpr std::size_t longest_object = std::size_t{64} * 1024;

  // protocol_error: not an array of objects ("null" is an empty one, as Go writes it), or an object that is too long.
  Result<void> take(std::string_view text, std::deque<std::string>& objects);
  // At the end of the text: whether the array had ended.
  bool complete() const { return state_ == State::after || (state_ == State::null && object_ == "null"); }

 private:
  enum class State : std::uint8_t { before, between, inside, after, null };
  Result<void> take_byte(char c, std::deque<std::string>& objects);
  void take_inside(char c, std::deque<std::string>& objects);

  State state_ = State::before;
  std::string object_;
  int depth_ = 0;
  bool in_string_ = false, escape_ = false;
};

class HttpDirectory : public Directory {
 public:
  HttpDirectory(std::unique_ptr<http::ClientStream> stream, std::string path)
      : stream_(std::move(stream)), path_(std::move(path)) {}
  Task<Result<std::vector<DirectoryEntry>>> next(std::size_t max) override;

 private:
  Result<void> add(std::string_view object, std::vector<DirectoryEntry>& batch);

  const std::unique_ptr<http::ClientStream> stream_;
  const std::string path_;
  ArraySplitter splitter_;
  std::deque<std::string> objects_;
  bool ended_ = false, warned_ = false;
};

}  // namespace ferry::vfs::httpfs
