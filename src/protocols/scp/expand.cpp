// Wildcards, which the shell of a real host would have expanded before scp ever saw them.
#include <fnmatch.h>

#include <algorithm>

#include "protocols/scp/source.h"

namespace ferry::scp {

namespace {

constexpr std::size_t most_matches = 64 * 1024;
constexpr std::size_t listing_batch = 512;

struct Part {
  std::string pattern;
  bool wildcards = false;

  std::string literal() const {
    std::string text;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
      if (pattern[i] == '\\' && i + 1 < pattern.size()) ++i;
      text += pattern[i];
    }
    return text;
  }
};

std::vector<Part> parts_of(std::string_view pattern) {
  std::vector<Part> parts(1);
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '/') {
      parts.emplace_back();
      continue;
    }
    parts.back().pattern += c;
    if (c == '\\' && i + 1 < pattern.size()) {
      parts.back().pattern += pattern[++i];
    } else if (c == '*' || c == '?' || c == '[') {
      parts.back().wildcards = true;
    }
  }
  std::erase_if(parts, [](const Part& part) { return part.pattern.empty(); });
  return parts;
}

// What in `directory` matches; a directory that cannot be listed has nothing.
Task<Result<void>> match_in(session::Session& session, VirtualPath directory, std::string pattern,
                            std::vector<VirtualPath>& found) {
  Result<std::unique_ptr<session::OpenDirectory>> listing = co_await session.open_directory(directory);
  if (!listing) co_return Result<void>();
  while (true) {
    const Result<std::vector<vfs::DirectoryEntry>> some = co_await (*listing)->next(listing_batch);
    if (!some || some->empty()) co_return Result<void>();
    for (const vfs::DirectoryEntry& entry : *some) {
      if (::fnmatch(pattern.c_str(), entry.name.c_str(), FNM_PERIOD) != 0) continue;
      const Result<VirtualPath> path = directory.child(entry.name);
      if (path) found.push_back(*path);
    }
    if (found.size() > most_matches) co_return fail(ErrorCode::limit_exceeded, "too many files match");
  }
}

Task<Result<void>> expand_part(session::Session& session, Part part, bool last, std::vector<VirtualPath>& paths) {
  std::vector<VirtualPath> next;
  for (const VirtualPath& path : paths) {
    if (part.wildcards) {
      const Result<void> matched = co_await match_in(session, path, part.pattern, next);
      if (!matched) co_return matched;
      continue;
    }
    const Result<VirtualPath> child = VirtualPath::parse(part.literal(), path);
    if (!child) continue;
    if (last && paths.size() > 1) {  // behind a wildcard a name counts only where it exists
      const Result<vfs::FileInfo> info = co_await session.lstat(*child);
      if (!info) continue;
    }
    next.push_back(*child);
  }
  std::ranges::sort(next);
  paths = std::move(next);
  co_return Result<void>();
}

}  // namespace

Task<Result<std::vector<VirtualPath>>> expand(session::Session& session, const Word& word) {
  const Result<VirtualPath> literal = path_of(word, session.start_directory());
  if (!literal) co_return fail(literal.error());
  std::vector<VirtualPath> paths;
  if (!word.wildcards) {
    paths.push_back(*literal);
    co_return paths;
  }
  const std::string_view pattern = std::string_view(word.pattern).substr(word.home ? 1 : 0);
  paths.push_back(word.text.starts_with('/') ? VirtualPath() : session.start_directory());
  const std::vector<Part> parts = parts_of(pattern);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Result<void> done = co_await expand_part(session, parts[i], i + 1 == parts.size(), paths);
    if (!done) co_return fail(done.error());
  }
  if (paths.empty()) paths.push_back(*literal);
  co_return paths;
}

}  // namespace ferry::scp
