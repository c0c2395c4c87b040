// VirtualPath: the one place where a path from a client is normalised.
//
// A VirtualPath is absolute inside an account's tree, uses '/', has no empty, "." or ".." component, no
// NUL and no trailing slash ("/" itself apart). Names are bytes: they need not be UTF-8. A VirtualPath
// can only be made by normalising: parse("/a/../b/./c/") is "/b/c" for permissions, quota and storage
// alike, so a client cannot pass a check with one spelling and reach a file with another.
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace ferry {

class VirtualPath {
 public:
  static constexpr std::size_t max_length = 4096;      // of the text given and of the result
  static constexpr std::size_t max_name_length = 255;  // of one component

  // The root, "/".
  VirtualPath() : text_("/") {}

  // Normalises `text`; a relative one starts at `base`. ".." at the root stays at the root (RFC 3986
  // 5.2.4 and every SFTP server). invalid_argument: NUL inside, too long.
  static Result<VirtualPath> parse(std::string_view text, const VirtualPath& base = {});

  const std::string& text() const { return text_; }
  // The text without its leading '/', "." for the root: what openat2 wants.
  std::string_view relative() const { return is_root() ? std::string_view(".") : std::string_view(text_).substr(1); }
  bool is_root() const { return text_.size() == 1; }

  // The last component; empty for the root.
  std::string_view name() const;
  // The directory that holds it; the root's parent is the root.
  VirtualPath parent() const;
  // One more component. `name` must be a single, valid name: no '/', not "." or "..", not empty.
  Result<VirtualPath> child(std::string_view name) const;

  // Whether this path is `ancestor` or lies below it; whole components count ("/share2" is not in "/share").
  bool is_within(const VirtualPath& ancestor) const;
  // What remains of this path below `ancestor`, as a path of its own. Needs is_within(ancestor).
  VirtualPath below(const VirtualPath& ancestor) const;
  // `rest` appended below this path.
  VirtualPath join(const VirtualPath& rest) const;

  std::vector<std::string_view> components() const;

  auto operator<=>(const VirtualPath&) const = default;

 private:
  explicit VirtualPath(std::string normal) : text_(std::move(normal)) {}
  std::string text_;
};

}  // namespace ferry
