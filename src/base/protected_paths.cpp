#include "base/protected_paths.h"

#include <sys/stat.h>

#include <algorithm>

namespace ferry {

namespace {

namespace fs = std::filesystem;

std::string normal(const fs::path& path) {
  std::string text = path.lexically_normal().native();
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  if (text.starts_with("//")) text.erase(0, 1);
  return text;
}

// Without links, as far as it exists.
std::string resolved(const std::string& path) {
  std::error_code error;
  const fs::path real = fs::weakly_canonical(path, error);
  return error ? path : normal(real);
}

// Whether `path` is `directory` or lies in it.
bool is_within(std::string_view path, std::string_view directory) {
  if (directory == "/") return path.starts_with('/');
  if (directory.empty() || !path.starts_with(directory)) return false;
  return path.size() == directory.size() || path[directory.size()] == '/';
}

std::unexpected<Error> refuse(std::string_view relation, const std::string& what) {
  return fail(ErrorCode::invalid_argument, "it " + std::string(relation) + " " + what);
}

}  // namespace

ProtectedPaths::ProtectedPaths(Options options) {
  if (!options.base.empty()) base_ = {normal(options.base), resolved(normal(options.base)), {}};
  for (const fs::path& path : options.data) {
    if (!path.empty()) data_.push_back({normal(path), resolved(normal(path)), {}});
  }
  add(options.directory, "the configuration directory");
  for (Own& own : options.own) add(own.path, std::move(own.what));
}

void ProtectedPaths::add(const fs::path& path, std::string what) {
  if (path.empty()) return;
  Place place{normal(path), {}, std::move(what)};
  place.real = resolved(place.text);
  for (fs::path at = place.real;; at = at.parent_path()) {
    struct stat facts {};
    // Directories only: a file is often replaced by a new one (a list of revoked keys, say), and its inode number may
    // then be given to the new home of an account, which would be refused without a reason.
    if (::stat(at.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode)) above_.emplace(facts.st_dev, facts.st_ino);
    if (!at.has_relative_path()) break;
  }
  own_.push_back(std::move(place));
}

// A place for data counts where it lies inside the server's own directory: were it above, it would open all of that.
bool ProtectedPaths::is_data_in(const std::string& path, const Place& own) const {
  return std::ranges::any_of(data_, [&](const Place& data) {
    const auto holds = [&](const std::string& open, const std::string& closed) {
      return open != closed && is_within(open, closed) && is_within(path, open);
    };
    return holds(data.text, own.text) || holds(data.real, own.real) || holds(data.text, own.real) ||
           holds(data.real, own.text);
  });
}

Result<void> ProtectedPaths::judge(const std::string& path) const {
  for (const Place& own : own_) {
    if (is_within(own.text, path) || is_within(own.real, path)) return refuse("is, or lies above,", own.what);
  }
  for (const Place& own : own_) {
    const bool inside = is_within(path, own.text) || is_within(path, own.real);
    if (inside && !is_data_in(path, own)) return refuse("lies inside", own.what);
  }
  return {};
}

Result<void> ProtectedPaths::check_text(std::string_view path) const {
  return path.empty() ? Result<void>() : judge(normal(fs::path(path)));
}

Result<void> ProtectedPaths::check(std::string_view path) const {
  if (auto good = check_text(path); !good || path.empty()) return good;
  return judge(resolved(normal(fs::path(path))));
}

Result<void> ProtectedPaths::check_open(std::string_view real, dev_t device, ino_t inode) const {
  if (above_.contains({device, inode})) return refuse("is, or lies above,", "the server's own files");
  return check_text(real);
}

Result<void> ProtectedPaths::check_template(std::string_view path) const {
  const std::size_t mark = std::min(path.find("%username%"), path.find("%role%"));
  if (mark == std::string_view::npos) return check(path);
  const std::string known = resolved(normal(fs::path(path.substr(0, path.rfind('/', mark) + 1))));
  // That one user's directory may be the server's is found out when it is known. That all would be is known now.
  for (const Place& own : own_) {
    const bool inside = is_within(known, own.text) || is_within(known, own.real);
    if (inside && !is_data_in(known, own)) return refuse("lies inside", own.what);
  }
  return {};
}

bool ProtectedPaths::is_in_base(std::string_view path) const {
  if (base_.text.empty()) return false;
  const std::string text = normal(fs::path(path)), real = resolved(text);
  const bool named = is_within(text, base_.text) || is_within(text, base_.real);
  return named && is_within(real, base_.real) && real != base_.real;
}

}  // namespace ferry
