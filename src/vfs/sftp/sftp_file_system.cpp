#include "vfs/sftp/sftp_file_system.h"

#include <boost/asio/steady_timer.hpp>

#include "base/log.h"
#include "crypto/encoding.h"
#include "crypto/secret.h"
#include "vfs/sftp/directory.h"

namespace ferry::vfs {

namespace {

using sftp::Packet;
using sftp::Place;
using sftp::Reply;
using sftp::Request;

constexpr int most_looks = 6;  // after a broken replacement; 7.5 seconds of pauses in all
constexpr std::chrono::milliseconds look_pause{500};

std::string random_name() {
  std::array<std::byte, 8> random;
  crypto::random_bytes(random);
  return crypto::hex_encode(random);
}

std::size_t name_begin(const std::string& path) { return path.rfind('/') + 1; }

// A name beside `path` that clients neither see nor reach (see session/partial_name.h).
std::string hidden_beside(const std::string& path) {
  const std::size_t name = name_begin(path);
  return path.substr(0, name) + ".ferry-upload." + random_name() + "." + path.substr(name, 200);
}

// Where the file at `path` lies while another takes its place. Clients see it, and nothing that tidies up removes it:
// for this moment it is the only copy of what it holds.
std::string aside_of(const std::string& path) {
  const std::size_t name = name_begin(path);
  return path.substr(0, name) + path.substr(name, 200) + ".before-rename-" + random_name();
}

// The connection failed, and not what was asked for: whether it was done is not known.
bool is_open_ended(ErrorCode code) {
  return code == ErrorCode::connection_lost || code == ErrorCode::timeout || code == ErrorCode::protocol_error ||
         code == ErrorCode::limit_exceeded;
}

std::uint32_t flags_of(const OpenOptions& options) {
  std::uint32_t flags = 0;
  if (options.read) flags |= sftp::open_read;
  if (options.write) flags |= sftp::open_write;
  if (options.append) flags |= sftp::open_append;
  if (options.create) flags |= sftp::open_create;
  if (options.truncate && options.write) flags |= sftp::open_truncate;
  if (options.exclusive && options.create) flags |= sftp::open_exclusive;
  return flags;
}

// Whether these options may open what was found there.
Result<void> check_open(const Place& place, const OpenOptions& options) {
  if (!place.info) {
    if (place.obstacle) return fail(*place.obstacle, place.path.text());
    if (!options.create) return fail(ErrorCode::not_found, place.path.text());
    return {};
  }
  if (options.create && options.exclusive) return fail(ErrorCode::already_exists, place.path.text());
  if (place.info->type == FileType::directory) return fail(ErrorCode::is_a_directory, place.path.text());
  if (place.info->type != FileType::regular)
    return fail(ErrorCode::permission_denied, "not a file: " + place.path.text());
  return {};
}

}  // namespace

Result<std::shared_ptr<SftpFileSystem>> SftpFileSystem::open(std::shared_ptr<sftp::Pool> pool, SftpOptions options) {
  const Result<VirtualPath> prefix = VirtualPath::parse(options.prefix);
  if (!prefix) return fail(prefix.error());
  sftp::RemoteRoot root{.pool = std::move(pool), .prefix = *prefix, .umask = options.umask};
  return std::make_shared<SftpFileSystem>(std::move(root), std::move(options), true);
}

const Capabilities& SftpFileSystem::capabilities() const {
  static constexpr Capabilities plain{.held_directories = false, .hard_links = false};
  static constexpr Capabilities copying{.copy = true, .held_directories = false, .hard_links = false};
  return root_.pool->known().extensions.copy_data ? copying : plain;
}

std::shared_ptr<FileSystem> SftpFileSystem::without_links() {
  return std::make_shared<SftpFileSystem>(root_, options_, false);
}

Task<Result<VirtualPath>> SftpFileSystem::canonical(VirtualPath path, bool follow) {
  auto place = co_await sftp::resolve(root_, std::move(path), follow, links_);
  if (!place) co_return fail(place.error());
  co_return place->path;
}

Task<Result<Place>> SftpFileSystem::existing(VirtualPath path, bool follow) {
  auto place = co_await sftp::resolve(root_, std::move(path), follow, links_);
  if (!place) co_return place;
  if (!place->info) co_return fail(place->obstacle.value_or(ErrorCode::not_found), root_.text(place->path));
  co_return place;
}

Task<Result<Place>> SftpFileSystem::free_or_taken(VirtualPath path, bool follow) {
  auto place = co_await sftp::resolve(root_, std::move(path), follow, links_);
  if (!place) co_return place;
  if (place->obstacle) co_return fail(*place->obstacle, root_.text(place->path));
  co_return place;
}

Task<Result<void>> SftpFileSystem::simple(Request request, bool repeatable, std::string what) {
  auto reply = co_await root_.pool->call(std::move(request), repeatable);
  if (!reply) co_return fail(reply.error());
  co_return sftp::read_status(*reply, what);
}

Task<Result<FileInfo>> SftpFileSystem::stat(VirtualPath path) {
  auto place = co_await existing(std::move(path), true);
  if (!place) co_return fail(place.error());
  co_return *place->info;
}

Task<Result<FileInfo>> SftpFileSystem::lstat(VirtualPath path) {
  auto place = co_await existing(std::move(path), false);
  if (!place) co_return fail(place.error());
  co_return *place->info;
}

Task<Result<std::unique_ptr<File>>> SftpFileSystem::open(VirtualPath path, OpenOptions options) {
  if (!options.read && !options.write) co_return fail(ErrorCode::invalid_argument, "open for nothing");
  const bool exclusive = options.create && options.exclusive;
  auto place = co_await sftp::resolve(root_, std::move(path), !exclusive, links_);
  if (!place) co_return fail(place.error());
  if (auto may = check_open(*place, options); !may) co_return fail(may.error());
  const std::uint32_t mode = options.mode & ~options_.umask & 07777U;
  auto handle = co_await sftp::open_handle(root_.pool, root_.text(place->path), flags_of(options), mode, nullptr);
  if (!handle) {
    // Version 3 has no word for it: somebody else made the file just now.
    if (exclusive && handle.error().code == ErrorCode::io_error) {
      auto there = co_await existing(place->path, false);
      if (there) co_return fail(ErrorCode::already_exists, handle.error().message);
    }
    co_return fail(handle.error());
  }
  std::optional<sftp::Origin> origin;
  if (!options.write && place->info) origin.emplace(root_.pool, root_.text(place->path), *place->info);
  std::unique_ptr<File> file =
      std::make_unique<sftp::SftpFile>(std::move(*handle), options_.transfer, options.append, std::move(origin));
  co_return file;
}

Task<Result<std::unique_ptr<Directory>>> SftpFileSystem::open_directory(VirtualPath path) {
  auto place = co_await existing(std::move(path), true);
  if (!place) co_return fail(place.error());
  const std::string remote = root_.text(place->path);
  if (place->info->type != FileType::directory) co_return fail(ErrorCode::not_a_directory, remote);
  auto handle = co_await sftp::open_handle(root_.pool, remote, 0, 0, nullptr);
  if (!handle) co_return fail(handle.error());
  std::unique_ptr<Directory> directory = std::make_unique<sftp::SftpDirectory>(std::move(*handle), remote);
  co_return directory;
}

Task<Result<void>> SftpFileSystem::make_directory(VirtualPath path, std::uint32_t mode) {
  auto place = co_await free_or_taken(std::move(path), false);
  if (!place) co_return fail(place.error());
  const std::string remote = root_.text(place->path);
  if (place->info) co_return fail(ErrorCode::already_exists, remote);
  auto made = co_await simple(Request::make_directory(remote, mode & ~options_.umask & 07777U), false, remote);
  if (!made && made.error().code == ErrorCode::io_error) {
    auto there = co_await existing(place->path, false);
    if (there) co_return fail(ErrorCode::already_exists, remote);
  }
  co_return made;
}

Task<Result<void>> SftpFileSystem::remove_file(VirtualPath path) {
  auto place = co_await existing(std::move(path), false);
  if (!place) co_return fail(place.error());
  const std::string remote = root_.text(place->path);
  if (place->info->type == FileType::directory) co_return fail(ErrorCode::is_a_directory, remote);
  auto removed = co_await simple(Request::path(Packet::remove, remote), false, remote);
  co_return removed;
}

Task<Result<void>> SftpFileSystem::remove_directory(VirtualPath path) {
  if (path.is_root()) co_return fail(ErrorCode::permission_denied, "the root of a storage is not removed");
  auto place = co_await existing(std::move(path), false);
  if (!place) co_return fail(place.error());
  const std::string remote = root_.text(place->path);
  if (place->info->type != FileType::directory) co_return fail(ErrorCode::not_a_directory, remote);
  auto removed = co_await simple(Request::path(Packet::rmdir, remote), false, remote);
  if (removed || removed.error().code != ErrorCode::io_error) co_return removed;
  // Version 3 says "failure" when it is not empty.
  auto left = co_await open_directory(place->path);
  if (!left) co_return removed;
  auto entries = co_await (*left)->next(1);
  if (entries && !entries->empty()) co_return fail(ErrorCode::directory_not_empty, remote);
  co_return removed;
}

// Of what a symlink leads to nothing is told.
Task<Result<bool>> SftpFileSystem::is_there(std::string remote) {
  auto reply = co_await root_.pool->call(Request::path(Packet::lstat, remote), true);
  if (!reply) co_return fail(reply.error());
  const Result<FileInfo> info = sftp::read_attributes(*reply, remote);
  if (!info && info.error().code != ErrorCode::not_found) co_return fail(info.error());
  co_return info.has_value();
}

// For a server without posix-rename: the old file is moved aside, and back if the new one cannot take its place. For a
// moment there is none.
Task<Result<void>> SftpFileSystem::replace_in_steps(std::string from, std::string to) {
  const Replacement names{.from = std::move(from), .to = to, .aside = aside_of(to)};
  auto done = co_await simple(Request::rename(names.to, names.aside), false, names.to);
  if (!done && !is_open_ended(done.error().code)) co_return done;
  if (done) done = co_await simple(Request::rename(names.from, names.to), false, names.from);
  if (done) done = co_await simple(Request::path(Packet::remove, names.aside), true, names.aside);
  if (!done) done = co_await finish_replacement(names, done.error());
  co_return done;
}

// A step failed, perhaps without an answer: what lies where says how far it came. It is done to its end if the
// connection had failed, undone if the server refused.
Task<Result<void>> SftpFileSystem::finish_replacement(Replacement names, Error failed) {
  const auto executor = co_await asio::this_coro::executor;
  bool refused = !is_open_ended(failed.code);
  for (int look = 0; look < most_looks; ++look) {
    if (look > 0) {
      asio::steady_timer timer(executor, look * look_pause);
      co_await timer.async_wait(asio::use_awaitable);
    }
    const Result<bool> old_aside = co_await is_there(names.aside);
    const Result<bool> taken = co_await is_there(names.to);
    const Result<bool> left = co_await is_there(names.from);
    if (!old_aside || !taken || !left) continue;
    if (!*old_aside && *taken && !*left) co_return Result<void>();
    if (!*old_aside) co_return fail(failed);  // as it was before
    if (*taken && *left) break;               // by a third file, which somebody else put there
    Result<void> done;
    if (*taken) {
      done = co_await simple(Request::path(Packet::remove, names.aside), true, names.aside);
      if (!done && is_open_ended(done.error().code)) continue;
      if (!done) log::warn("sftpfs", "", "{}: what was replaced stays there: {}", names.aside, done.error().message);
      co_return Result<void>();
    }
    const bool back = refused || !*left;
    const std::string& source = back ? names.aside : names.from;
    done = co_await simple(Request::rename(source, names.to), false, source);
    if (done && back) co_return fail(failed);
    if (!done && !is_open_ended(done.error().code)) {
      if (back) break;
      refused = true;
      failed = done.error();
    }
  }
  failed.message += "; what was to be replaced may lie as " + names.aside;
  co_return fail(failed);
}

Task<Result<void>> SftpFileSystem::move(std::string from, FileInfo what, Place to, bool overwrite) {
  const std::string target = root_.text(to.path);
  if (to.info && !overwrite) co_return fail(ErrorCode::already_exists, target);
  auto facts = co_await root_.pool->facts();
  if (!facts) co_return fail(facts.error());
  if (to.info && what.type == FileType::directory && to.info->type != FileType::directory) {
    co_return fail(ErrorCode::not_a_directory, target);
  }
  if (to.info && what.type != FileType::directory && to.info->type == FileType::directory) {
    co_return fail(ErrorCode::is_a_directory, target);
  }
  if (overwrite && facts->extensions.posix_rename) {
    auto renamed = co_await simple(Request::posix_rename(from, target), false, from);
    const bool onto_directory = to.info && to.info->type == FileType::directory;
    if (!renamed && renamed.error().code == ErrorCode::io_error && onto_directory) {
      co_return fail(ErrorCode::directory_not_empty, target);
    }
    co_return renamed;
  }
  if (to.info && to.info->type != FileType::directory) {
    auto replaced = co_await replace_in_steps(from, target);
    co_return replaced;
  }
  auto renamed = co_await simple(Request::rename(from, target), false, from);
  if (!renamed && renamed.error().code == ErrorCode::io_error) {
    auto there = co_await existing(to.path, false);
    if (there) co_return fail(ErrorCode::already_exists, target);
  }
  co_return renamed;
}

Task<Result<void>> SftpFileSystem::rename(VirtualPath from, VirtualPath to, bool overwrite) {
  if (from.is_root() || to.is_root())
    co_return fail(ErrorCode::permission_denied, "the root of a storage is not moved");
  auto source = co_await existing(std::move(from), false);
  if (!source) co_return fail(source.error());
  auto target = co_await free_or_taken(std::move(to), false);
  if (!target) co_return fail(target.error());
  if (target->path != source->path && target->path.is_within(source->path)) {
    co_return fail(ErrorCode::invalid_argument, "a directory cannot be moved into itself");
  }
  if (target->path == source->path && overwrite) co_return Result<void>();
  auto moved = co_await move(root_.text(source->path), *source->info, *target, overwrite);
  co_return moved;
}

// As take_over() has it: accounts of one server may have roots of their own there.
std::string SftpFileSystem::place(const VirtualPath& path) const {
  const sftp::Login& login = root_.pool->login();
  const std::string server = login.endpoint.host + ':' + std::to_string(login.endpoint.port) + ' ' + root_.text(path);
  return options_.same_server_by_endpoint ? server : login.username + '@' + server;
}

Task<Result<void>> SftpFileSystem::take_over(FileSystem& storage, VirtualPath from, VirtualPath to, bool overwrite) {
  auto* other = dynamic_cast<SftpFileSystem*>(&storage);
  if (other == nullptr) co_return fail(ErrorCode::unsupported, "rename between storages of two kinds");
  const sftp::Login &mine = root_.pool->login(), &theirs = other->root_.pool->login();
  const bool by_endpoint = options_.same_server_by_endpoint && other->options_.same_server_by_endpoint;
  if (mine.endpoint != theirs.endpoint || (!by_endpoint && mine.username != theirs.username)) {
    co_return fail(ErrorCode::unsupported, "rename between two SFTP servers or accounts");
  }
  if (from.is_root() || to.is_root())
    co_return fail(ErrorCode::permission_denied, "the root of a storage is not moved");
  auto source = co_await other->existing(std::move(from), false);
  if (!source) co_return fail(source.error());
  auto target = co_await free_or_taken(std::move(to), false);
  if (!target) co_return fail(target.error());
  auto moved = co_await move(other->root_.text(source->path), *source->info, *target, overwrite);
  co_return moved;
}

Task<Result<void>> SftpFileSystem::copy_content(std::string from, std::string to, std::uint32_t mode) {
  auto source = co_await sftp::open_handle(root_.pool, from, sftp::open_read, 0, nullptr);
  if (!source) co_return fail(source.error());
  const std::uint32_t flags = sftp::open_write | sftp::open_create | sftp::open_exclusive;
  auto target = co_await sftp::open_handle(root_.pool, to, flags, mode, (*source)->connection());
  if (!target) co_return fail(target.error());
  auto reply = co_await sftp::wait((*source)->send(Request::copy_data((*source)->text(), (*target)->text()), true));
  Result<void> copied = reply ? sftp::read_status(*reply, "copy-data") : Result<void>(fail(reply.error()));
  auto closed = co_await (*target)->close();
  if (copied && !closed) copied = closed;
  co_return copied;
}

Task<Result<void>> SftpFileSystem::copy_file(VirtualPath from, VirtualPath to, bool overwrite) {
  auto facts = co_await root_.pool->facts();
  if (!facts) co_return fail(facts.error());
  if (!facts->extensions.copy_data) co_return fail(ErrorCode::unsupported, "the SFTP server does not offer copy-data");
  auto source = co_await existing(std::move(from), true);
  if (!source) co_return fail(source.error());
  if (auto may = check_open(*source, {.read = true}); !may) co_return may;
  auto target = co_await free_or_taken(std::move(to), false);
  if (!target) co_return fail(target.error());
  const std::string remote = root_.text(target->path);
  if (target->info && !overwrite) co_return fail(ErrorCode::already_exists, remote);
  if (target->info && target->info->type == FileType::directory) co_return fail(ErrorCode::is_a_directory, remote);
  if (target->path == source->path) co_return fail(ErrorCode::invalid_argument, "a file is not copied onto itself");
  const std::string growing = hidden_beside(remote);
  auto copied = co_await copy_content(root_.text(source->path), growing, source->info->mode & ~options_.umask);
  if (copied) copied = co_await move(growing, *source->info, *target, overwrite);
  if (!copied) {
    auto removed = co_await simple(Request::path(Packet::remove, growing), true, growing);
    if (!removed) copied.error().message += "; what was copied is left as " + growing;
  }
  co_return copied;
}

Task<Result<void>> SftpFileSystem::make_symlink(std::string target, VirtualPath link) {
  auto place = co_await free_or_taken(std::move(link), false);
  if (!place) co_return fail(place.error());
  const std::string remote = root_.text(place->path);
  const Result<std::string> stored = sftp::stored_target(root_, target, place->path.parent());
  if (!stored) co_return fail(stored.error());
  if (place->info) co_return fail(ErrorCode::already_exists, remote);
  auto facts = co_await root_.pool->facts();
  if (!facts) co_return fail(facts.error());
  auto made = co_await simple(Request::symlink(remote, *stored, facts->symlink_as_openssh), false, remote);
  co_return made;
}

Task<Result<std::string>> SftpFileSystem::read_symlink(VirtualPath path) {
  auto place = co_await existing(std::move(path), false);
  if (!place) co_return fail(place.error());
  const std::string remote = root_.text(place->path);
  if (place->info->type != FileType::symlink) co_return fail(ErrorCode::invalid_argument, "not a symlink: " + remote);
  auto reply = co_await root_.pool->call(Request::path(Packet::readlink, remote), true);
  if (!reply) co_return fail(reply.error());
  const Result<std::string> stored = sftp::read_one_name(*reply, remote);
  if (!stored) co_return fail(stored.error());
  co_return sftp::shown_target(root_, *stored, place->path.parent());
}

// Attributes of version 3 do not say how many names a file has, so quotas could not follow.
Task<Result<void>> SftpFileSystem::make_hard_link(VirtualPath, VirtualPath) {
  co_return fail(ErrorCode::unsupported, "hard links on remote SFTP storage");
}

Task<Result<void>> SftpFileSystem::set_attributes(VirtualPath path, AttributeChange change, bool follow) {
  auto place = co_await existing(std::move(path), follow);
  if (!place) co_return fail(place.error());
  const std::string remote = root_.text(place->path);
  if (place->info->type == FileType::symlink) {
    auto facts = co_await root_.pool->facts();
    if (!facts) co_return fail(facts.error());
    if (!facts->extensions.lsetstat) co_return fail(ErrorCode::unsupported, "the SFTP server does not offer lsetstat");
    auto changed = co_await simple(Request::lsetstat(remote, change), true, remote);
    co_return changed;
  }
  auto changed = co_await simple(Request::set_attributes(remote, change), true, remote);
  co_return changed;
}

Task<Result<SpaceInfo>> SftpFileSystem::space(VirtualPath path) {
  auto facts = co_await root_.pool->facts();
  if (!facts) co_return fail(facts.error());
  if (!facts->extensions.space) co_return fail(ErrorCode::unsupported, "the SFTP server does not offer statvfs");
  auto place = co_await existing(std::move(path), true);
  if (!place) co_return fail(place.error());
  const std::string remote = root_.text(place->path);
  auto reply = co_await root_.pool->call(Request::space(remote), true);
  if (!reply) co_return fail(reply.error());
  co_return sftp::read_space(*reply, remote);
}

}  // namespace ferry::vfs
