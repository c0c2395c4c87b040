// Which names an account may not use, or not even see: its file_patterns.
//
//   Patterns patterns(user.filters.file_patterns);
//   if (patterns.verdict(path, mounts) == Verdict::hidden) return fail(ErrorCode::not_found);
//
// Only the filter of the nearest parent that has one counts. It refuses names that match a denied pattern and, if there
// are allowed patterns, names that match none of them. This holds for files, links and directories; mount points and
// the directories that lead to them are exempt. Everything in a hidden directory is hidden, and everything in a
// directory that matches a denied pattern is refused. A directory that is merely not among the allowed names may be
// entered: with allowed "*.jpg", "/photos/a.jpg" is allowed although "photos" is no "*.jpg".
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/glob.h"
#include "base/path_map.h"
#include "base/virtual_path.h"
#include "model/filters.h"
#include "vfs/mounts.h"

namespace ferry::session {

enum class Verdict : std::uint8_t {
  allowed,
  denied,  // deny_policy 0: it is listed, but cannot be used
  hidden,  // deny_policy 1: it is not listed, and treated as if it did not exist; it cannot be created either
};

// The filter of one directory.
class NameFilter {
 public:
  enum class Match : std::uint8_t { allowed, not_listed, denied };

  // With a pattern that cannot be parsed every name is refused, so that nothing is shown that was meant to be hidden.
  explicit NameFilter(const model::PatternsFilter& filter);

  Match match(std::string_view name) const;
  bool hides() const { return hides_; }
  bool hides(std::string_view name) const { return hides_ && match(name) != Match::allowed; }

 private:
  GlobSet allowed_, denied_;
  bool hides_ = false;
  bool broken_ = false;
};

class Patterns {
 public:
  Patterns() = default;
  explicit Patterns(const std::vector<model::PatternsFilter>& filters);

  bool empty() const { return empty_; }
  Verdict verdict(const VirtualPath& path, const vfs::MountTable& mounts) const;
  // The filter for names in `directory`; null: none.
  const NameFilter* in(const VirtualPath& directory) const { return filters_.nearest(directory); }
  // Whether any name in or below `directory` has a filter.
  bool touch(const VirtualPath& directory) const { return in(directory) != nullptr || filters_.any_below(directory); }
  // Whether the same filters apply below `from` and below `to`, so that a directory can be renamed without looking at
  // the names in it.
  bool alike(const VirtualPath& from, const VirtualPath& to) const;

 private:
  PathMap<NameFilter> filters_;
  bool empty_ = true;
};

}  // namespace ferry::session
