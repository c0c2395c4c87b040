#include "vfs/httpfs/http_file_system.h"

#include <array>

#include "crypto/encoding.h"
#include "crypto/secret.h"
#include "vfs/httpfs/directory.h"

namespace ferry::vfs {

namespace {

using httpfs::Query;

constexpr std::size_t longest_name_part = 200;  // of a file's name in that of its upload

Result<void> check_open(const std::string& path, const std::optional<FileInfo>& there, const OpenOptions& options) {
  if (!options.read && !options.write) return fail(ErrorCode::invalid_argument, "open for nothing");
  if (options.read && options.write) {
    return fail(ErrorCode::unsupported, "HTTP storage opens a file to read it or to write it, not for both");
  }
  if (!there) {
    if (!options.write || !options.create) return fail(ErrorCode::not_found, path);
    return {};
  }
  if (options.create && options.exclusive) return fail(ErrorCode::already_exists, path);
  if (there->type == FileType::directory) return fail(ErrorCode::is_a_directory, path);
  if (there->type != FileType::regular) return fail(ErrorCode::permission_denied, "not a file: " + path);
  if (options.write && (!options.truncate || options.append)) {
    return fail(ErrorCode::unsupported, "HTTP storage replaces a file as a whole");
  }
  return {};
}

// A name beside `path` that clients neither see nor reach (see session/partial_name.h).
std::string hidden_beside_file(const VirtualPath& path) {
  std::array<std::byte, 8> random;
  crypto::random_bytes(random);
  const VirtualPath above = path.parent();
  const std::string hidden = above.is_root() ? "/" : above.text() + "/";
  std::string name = path.text().substr(hidden.size());
  if (name.size() > longest_name_part) {
    // Not within a character of UTF-8.
    std::size_t end = longest_name_part;
    while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0U) == 0x80U) --end;
    name.resize(end);
  }
  return hidden + ".ferry-upload." + crypto::hex_encode(random) + "." + name;
}

httpfs::UploadPlan plan_of(const VirtualPath& path, const std::optional<FileInfo>& before, const OpenOptions& options) {
  httpfs::UploadPlan plan;
  plan.path = path.text();
  plan.growing = hidden_beside_file(path);
  plan.exclusive = options.create && options.exclusive;
  plan.before.mode = options.mode & 0777U;
  if (before) plan.before = *before;
  return plan;
}

}  // namespace

const Capabilities& HttpFileSystem::capabilities() const {
  static constexpr Capabilities can{.random_writes = false,
                                    .append = false,
                                    .truncate = false,
                                    .published_at_close = true,
                                    .resume = false,
                                    .held_directories = false,
                                    .symlinks = false,
                                    .hard_links = false};
  return can;
}

Task<Result<void>> HttpFileSystem::send(std::string method, std::string operation, VirtualPath path, Query query) {
  auto answer = co_await service_->call(std::move(method), std::move(operation), path.text(), std::move(query));
  if (!answer) co_return fail(answer.error());
  co_return Result<void>();
}

Task<Result<FileInfo>> HttpFileSystem::stat(VirtualPath path) {
  auto there = co_await service_->stat(path.text());
  if (!path.is_root()) co_return there;
  if (!there && there.error().code == ErrorCode::not_found) {
    // The root is made, as the home directory of an account on local storage is.
    const Query none;
    auto made = co_await send("POST", "mkdir", path, none);
    if (!made) co_return fail(made.error());
    there = co_await service_->stat(path.text());
  }
  if (there && there->type != FileType::directory)
    co_return fail(ErrorCode::not_a_directory, "the root of HTTP storage");
  co_return there;
}

Task<Result<FileInfo>> HttpFileSystem::lstat(VirtualPath path) {
  auto there = co_await stat(std::move(path));
  co_return there;
}

Task<Result<std::optional<FileInfo>>> HttpFileSystem::look(VirtualPath path) {
  auto there = co_await stat(path);
  if (there) co_return std::optional(*there);
  if (path.is_root() || there.error().code != ErrorCode::not_found) {
    // A server may answer otherwise than 404 below what is a file.
    if (path.is_root()) co_return fail(there.error());
    auto above = co_await stat(path.parent());
    if (above && above->type != FileType::directory) co_return fail(ErrorCode::not_a_directory, path.text());
    co_return fail(there.error());
  }
  auto above = co_await stat(path.parent());
  if (!above) {
    // Which of those above is the one that is in the way?
    for (VirtualPath at = path.parent(); !at.is_root(); at = at.parent()) {
      auto one = co_await stat(at);
      if (one && one->type != FileType::directory) co_return fail(ErrorCode::not_a_directory, path.text());
      if (one) break;
    }
    co_return fail(above.error());
  }
  if (above->type != FileType::directory) co_return fail(ErrorCode::not_a_directory, path.text());
  co_return std::optional<FileInfo>();
}

Task<Result<std::unique_ptr<File>>> HttpFileSystem::open(VirtualPath path, OpenOptions options) {
  auto there = co_await look(path);
  if (!there) co_return fail(there.error());
  if (auto may = check_open(path.text(), *there, options); !may) co_return fail(may.error());
  std::unique_ptr<File> file;
  if (options.write) {
    file = std::make_unique<httpfs::HttpWriter>(service_, options_.budget, options_.account,
                                                plan_of(path, *there, options));
  } else {
    file = std::make_unique<httpfs::HttpReader>(service_, options_.budget, options_.account, path.text(), **there);
  }
  co_return file;
}

Task<Result<std::unique_ptr<Directory>>> HttpFileSystem::open_directory(VirtualPath path) {
  auto there = co_await look(path);
  if (!there) co_return fail(there.error());
  if (!*there) co_return fail(ErrorCode::not_found, path.text());
  if ((*there)->type != FileType::directory) co_return fail(ErrorCode::not_a_directory, path.text());
  const Query none;
  http::ClientStreamOptions how;
  how.receives = true;
  how.capacity = std::size_t{64} * 1024;
  auto stream = service_->stream("GET", "readdir", path.text(), none, how);
  if (!stream) co_return fail(stream.error());
  auto head = co_await (*stream)->head();
  if (!head) co_return fail(head.error());
  if (const auto error = httpfs::Service::error_of(*head, "readdir " + path.text())) co_return fail(*error);
  std::unique_ptr<Directory> directory = std::make_unique<httpfs::HttpDirectory>(std::move(*stream), path.text());
  co_return directory;
}

Task<Result<void>> HttpFileSystem::make_directory(VirtualPath path, std::uint32_t) {
  auto there = co_await look(path);
  if (!there) co_return fail(there.error());
  if (*there) co_return fail(ErrorCode::already_exists, path.text());
  const Query none;
  auto made = co_await send("POST", "mkdir", path, none);
  co_return made;
}

Task<Result<void>> HttpFileSystem::remove_file(VirtualPath path) {
  auto there = co_await look(path);
  if (!there) co_return fail(there.error());
  if (!*there) co_return fail(ErrorCode::not_found, path.text());
  if ((*there)->type == FileType::directory) co_return fail(ErrorCode::is_a_directory, path.text());
  const Query none;
  auto removed = co_await send("DELETE", "remove", path, none);
  co_return removed;
}

Task<Result<void>> HttpFileSystem::remove_directory(VirtualPath path) {
  if (path.is_root()) co_return fail(ErrorCode::permission_denied, "the root of a storage is not removed");
  // Whether it is empty: a server might remove it with all that is in it.
  auto opened = co_await open_directory(path);
  if (!opened) co_return fail(opened.error());
  auto entries = co_await (*opened)->next(1);
  if (!entries) co_return fail(entries.error());
  if (!entries->empty()) co_return fail(ErrorCode::directory_not_empty, path.text());
  const Query none;
  auto removed = co_await send("DELETE", "remove", path, none);
  co_return removed;
}

Task<Result<void>> HttpFileSystem::rename(VirtualPath from, VirtualPath to, bool overwrite) {
  if (from.is_root() || to.is_root()) {
    co_return fail(ErrorCode::permission_denied, "the root of a storage is not moved");
  }
  auto source = co_await look(from);
  if (!source) co_return fail(source.error());
  if (!*source) co_return fail(ErrorCode::not_found, from.text());
  auto target = co_await look(to);
  if (!target) co_return fail(target.error());
  if (to == from && overwrite) co_return Result<void>();
  if (*target && !overwrite) co_return fail(ErrorCode::already_exists, to.text());
  const bool directory = (*source)->type == FileType::directory;
  if (to != from && directory && to.is_within(from)) {
    co_return fail(ErrorCode::invalid_argument, "a directory cannot be moved into itself");
  }
  if (*target && directory != ((*target)->type == FileType::directory)) {
    co_return fail(directory ? ErrorCode::not_a_directory : ErrorCode::is_a_directory, to.text());
  }
  Query query;
  query.emplace_back("target", to.text());
  auto renamed = co_await send("PATCH", "rename", from, query);
  co_return renamed;
}

std::string HttpFileSystem::place(const VirtualPath& path) const {
  const httpfs::Login& login = service_->login();
  const std::string server = login.endpoint.unix_socket + ' ' + login.endpoint.base + ' ' + path.text();
  return options_.same_server_by_endpoint ? server : login.username + '@' + server;
}

Task<Result<void>> HttpFileSystem::take_over(FileSystem& storage, VirtualPath from, VirtualPath to, bool overwrite) {
  auto* other = dynamic_cast<HttpFileSystem*>(&storage);
  if (other == nullptr) co_return fail(ErrorCode::unsupported, "rename between storages of two kinds");
  const httpfs::Login &mine = service_->login(), &theirs = other->service_->login();
  const bool by_endpoint = options_.same_server_by_endpoint && other->options_.same_server_by_endpoint;
  if (mine.endpoint != theirs.endpoint || (!by_endpoint && mine.username != theirs.username)) {
    co_return fail(ErrorCode::unsupported, "rename between two HTTP servers or accounts");
  }
  auto renamed = co_await rename(std::move(from), std::move(to), overwrite);
  co_return renamed;
}

Task<Result<void>> HttpFileSystem::make_symlink(std::string, VirtualPath) {
  co_return fail(ErrorCode::unsupported, "links on HTTP storage");
}

Task<Result<std::string>> HttpFileSystem::read_symlink(VirtualPath path) {
  auto there = co_await stat(path);
  if (!there) co_return fail(there.error());
  co_return fail(ErrorCode::invalid_argument, "not a symlink: " + path.text());
}

Task<Result<void>> HttpFileSystem::make_hard_link(VirtualPath, VirtualPath) {
  co_return fail(ErrorCode::unsupported, "links on HTTP storage");
}

Task<Result<void>> HttpFileSystem::set_attributes(VirtualPath path, AttributeChange change, bool) {
  auto changed = co_await service_->change(path.text(), change);
  co_return changed;
}

Task<Result<SpaceInfo>> HttpFileSystem::space(VirtualPath path) {
  const Query none;
  auto answer = co_await service_->call("GET", "statvfs", path.text(), none);
  if (!answer) co_return fail(answer.error());
  co_return httpfs::parse_space(*answer);
}

}  // namespace ferry::vfs
