// How a tree of directories is seen in the flat keys of an object store. With the prefix "users/maria/":
//
//   /a/b.txt   the object   users/maria/a/b.txt
//   /a         a directory: some key begins with users/maria/a/, or the object users/maria/a/ (its marker) is there
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/virtual_path.h"

namespace ferry::vfs::object {

class Keys {
 public:
  // `prefix` as configured, with or without slashes at its ends; "": the whole bucket.
  explicit Keys(std::string_view prefix);

  // Of a file; of the root the prefix itself, which is no key.
  std::string file(const VirtualPath& path) const;
  // What the keys in a directory begin with: ends in "/", or is "" for the root of a bucket.
  std::string directory(const VirtualPath& path) const;
  // The name in its directory of what `key` or a common prefix names there: "b.txt" of "users/maria/a/b.txt" in
  // "users/maria/a/". No value: it is not in there, it is the directory's own marker, or no path can name it ("..", an
  // empty name, a NUL, a name that is too long). Such objects are left alone.
  static std::optional<std::string> name_in(std::string_view directory, std::string_view key);

 private:
  std::string prefix_;
};

}  // namespace ferry::vfs::object
