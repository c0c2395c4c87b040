// Which names an account may not touch, or not even see: its file_patterns.
//
//   Patterns patterns(user.filters.file_patterns);
//   if (patterns.judge(path, mounts) == Verdict::hidden) return fail(ErrorCode::not_found);
//
// The filter of the nearest listed parent counts, alone. A name that matches a denied pattern is refused, and where
// there are allowed patterns, one that matches none of them. Files, links and directories alike; mount points and
// the way to them are exempt. What lies in a hidden directory is hidden, what lies in one that matches a denied
// pattern is refused; a directory that only is not among the allowed names may still hold names that are.
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
  denied,  // deny_policy 0: seen, and nothing else
  hidden,  // deny_policy 1: there is no such thing, and there cannot be
};

// The filter of one directory.
class NameFilter {
 public:
  enum class Match : std::uint8_t { allowed, not_listed, denied };

  // A pattern that cannot be understood refuses every name: nothing may be shown that was meant to be hidden.
  explicit NameFilter(const model::PatternsFilter& filter);

  Match judge(std::string_view name) const;
  bool hides() const { return hides_; }
  bool hides(std::string_view name) const { return hides_ && judge(name) != Match::allowed; }

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
  Verdict judge(const VirtualPath& path, const vfs::MountTable& mounts) const;
  // What names in `directory` are judged by; nullptr: nothing.
  const NameFilter* in(const VirtualPath& directory) const { return filters_.nearest(directory); }
  // Whether a filter holds in `directory` or below it.
  bool touch(const VirtualPath& directory) const { return in(directory) != nullptr || filters_.any_below(directory); }
  // Whether everything below `from` would be judged alike below `to`.
  bool alike(const VirtualPath& from, const VirtualPath& to) const;

 private:
  PathMap<NameFilter> filters_;
  bool empty_ = true;
};

}  // namespace ferry::session
