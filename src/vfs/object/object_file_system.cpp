#include "vfs/object/object_file_system.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>

#include "vfs/object/copies.h"
#include "vfs/object/download.h"
#include "vfs/object/listing.h"
#include "vfs/object/retry.h"
#include "vfs/object/upload.h"

namespace ferry::vfs::object {

namespace {

constexpr Capabilities abilities{.random_writes = false,
                                 .append = false,
                                 .truncate = false,
                                 .published_at_close = true,
                                 .resume = false,
                                 .atomic_rename = false,
                                 .directory_rename = false,
                                 .copy = true,
                                 .held_directories = false,
                                 .symlinks = false,
                                 .hard_links = false,
                                 .attributes = false,
                                 .times = true,
                                 .space_info = false};

constexpr int most_pages_looked_through = 100;

std::unexpected<Error> unsupported(const char* what) { return fail(ErrorCode::unsupported, what); }

class ObjectFileSystem final : public FileSystem {
 public:
  ObjectFileSystem(std::shared_ptr<ObjectStore> store, ObjectOptions options)
      : store_(std::move(store)), options_(std::move(options)), keys_(options_.key_prefix) {}

  const Capabilities& capabilities() const override { return abilities; }
  std::string_view name() const override { return store_->traits().name; }
  std::string location(const VirtualPath& path) const override { return store_->location(keys_.file(path)); }

  Task<Result<FileInfo>> stat(VirtualPath path) override {
    Result<FileInfo> info = co_await look(std::move(path));
    co_return info;
  }
  Task<Result<FileInfo>> lstat(VirtualPath path) override {
    Result<FileInfo> info = co_await look(std::move(path));
    co_return info;
  }

  Task<Result<std::unique_ptr<File>>> open(VirtualPath path, OpenOptions how) override {
    Result<std::unique_ptr<File>> file = fail(ErrorCode::internal);
    if (!how.write && !how.read) co_return fail(ErrorCode::invalid_argument, "neither to read nor to write");
    if (how.write) {
      file = co_await open_to_write(std::move(path), how);
    } else {
      file = co_await open_to_read(std::move(path));
    }
    co_return file;
  }

  Task<Result<std::unique_ptr<Directory>>> open_directory(VirtualPath path) override {
    auto listing = std::make_unique<ObjectDirectory>(store_, keys_.directory(path));
    if (path.is_root()) co_return std::move(listing);
    Result<void> begun = co_await listing->begin();
    if (begun) co_return std::move(listing);
    if (begun.error().code == ErrorCode::not_found) {
      const Result<ObjectInfo> file = co_await head(path);
      if (file && file->directory) co_return std::move(listing);  // marked as one, and empty
      if (file) begun = fail(ErrorCode::not_a_directory, "a file");
      if (!file && file.error().code != ErrorCode::not_found) begun = fail(file.error());
    }
    co_return fail(begun.error());
  }

  Task<Result<void>> make_directory(VirtualPath path, std::uint32_t) override {
    const Result<FileInfo> there = co_await look(path);
    if (there) co_return fail(ErrorCode::already_exists, "something is there");
    if (there.error().code != ErrorCode::not_found) co_return fail(there.error());
    const Result<void> parent = co_await check_parent(path);
    if (!parent) co_return parent;
    const auto store = store_;
    const std::string key = keys_.directory(path);
    const auto ask = [=] { return store->put(key, Payload{}, ObjectProperties{}, Condition{}); };
    const Result<ObjectInfo> made = co_await retried(store, ask);
    if (!made) co_return fail(made.error());
    co_return Result<void>();
  }

  Task<Result<void>> remove_file(VirtualPath path) override {
    const Result<FileInfo> there = co_await look(path);
    if (!there) co_return fail(there.error());
    if (there->type == FileType::directory) co_return fail(ErrorCode::is_a_directory, "a directory");
    Result<void> removed = co_await remove_key(keys_.file(path));
    co_return removed;
  }

  Task<Result<void>> remove_directory(VirtualPath path) override {
    if (path.is_root()) co_return fail(ErrorCode::permission_denied, "the root");
    const Result<bool> empty = co_await is_empty(path);
    if (!empty && empty.error().code == ErrorCode::not_found) {
      const Result<ObjectInfo> file = co_await head(path);
      if (file && !file->directory) co_return fail(ErrorCode::not_a_directory, "a file");
      if (!file) co_return fail(file.error());
      Result<void> unmarked = co_await remove_key(keys_.file(path));
      co_return unmarked;
    }
    if (!empty) co_return fail(empty.error());
    if (!*empty) co_return fail(ErrorCode::directory_not_empty, "something lies in it");
    Result<void> removed = co_await remove_key(keys_.directory(path));
    co_return removed;
  }

  // A file: copied, then removed. A directory only while it is empty; what lies in one is session's to copy.
  Task<Result<void>> rename(VirtualPath from, VirtualPath to, bool overwrite) override {
    if (from.is_root() || to.is_root()) co_return fail(ErrorCode::permission_denied, "the root");
    const Result<FileInfo> source = co_await look(from);
    if (!source) co_return fail(source.error());
    Result<void> done;
    if (source->type == FileType::directory) {
      done = co_await rename_directory(std::move(from), std::move(to));
      co_return done;
    }
    if (from == to) co_return done;
    const Result<ObjectInfo> object = co_await head(std::move(from));
    if (!object) co_return fail(object.error());
    done = co_await copy_from(*object, std::move(to), overwrite);
    if (!done) co_return done;
    const auto store = store_;
    const std::string key = object->key, version = object->version;
    const auto ask = [=] { return store->remove_version(key, version); };
    done = co_await retried(store, ask);
    // What somebody has put there since is not what was renamed, and stays.
    if (!done && done.error().code == ErrorCode::conflict) done = Result<void>();
    co_return done;
  }

  Task<Result<void>> copy_file(VirtualPath from, VirtualPath to, bool overwrite) override {
    Result<ObjectInfo> source = co_await head(std::move(from));
    if (!source) co_return fail(source.error());
    Result<void> done = co_await copy_from(std::move(*source), std::move(to), overwrite);
    co_return done;
  }

  Task<Result<std::optional<std::string>>> stored_digest(VirtualPath path, std::string algorithm) override {
    std::optional<std::string> digest;
    if (algorithm != "sha256") co_return digest;
    const Result<ObjectInfo> object = co_await head(std::move(path));
    if (!object) co_return fail(object.error());
    if (!object->sha256.empty()) digest = object->sha256;
    co_return digest;
  }

  Task<Result<void>> make_symlink(std::string, VirtualPath) override { co_return unsupported("links"); }
  Task<Result<std::string>> read_symlink(VirtualPath) override {
    co_return fail(ErrorCode::invalid_argument, "no link");
  }
  Task<Result<void>> make_hard_link(VirtualPath, VirtualPath) override { co_return unsupported("links"); }

  Task<Result<void>> set_attributes(VirtualPath path, AttributeChange change, bool) override {
    if (change.mode || change.owner) co_return unsupported("objects have no modes and owners");
    const Result<FileInfo> there = co_await look(path);
    if (!there) co_return fail(there.error());
    if (there->type == FileType::directory) co_return unsupported("directories of an object store have no times");
    if (change.size && *change.size != there->size) co_return unsupported("objects cannot be cut");
    if (!change.times) co_return Result<void>();
    Result<ObjectInfo> object = co_await head(std::move(path));
    if (!object) co_return fail(object.error());
    const ObjectProperties kept{
        .modified = change.times->modified, .content_type = object->content_type, .sha256 = object->sha256};
    const std::optional<ObjectProperties> properties = kept;
    std::string key = object->key;
    Result<void> done =
        co_await copy_object(store_, options_.journal, std::move(*object), std::move(key), properties, false);
    co_return done;
  }

  const std::shared_ptr<ObjectStore>& store() const { return store_; }

  Task<Result<SpaceInfo>> space(VirtualPath) override { co_return unsupported("object stores have no end"); }

 private:
  Task<Result<ObjectInfo>> head(VirtualPath path) {
    const auto store = store_;
    const std::string key = keys_.file(path);
    const auto ask = [=] { return store->head(key); };
    Result<ObjectInfo> object = co_await retried(store, ask);
    co_return object;
  }

  Task<Result<void>> copy_from(ObjectInfo source, VirtualPath to, bool overwrite) {
    const Result<FileInfo> there = co_await look(to);
    if (there && there->type == FileType::directory) co_return fail(ErrorCode::is_a_directory, "a directory");
    if (there && !overwrite) co_return fail(ErrorCode::already_exists, "something is there");
    if (!there && there.error().code != ErrorCode::not_found) co_return fail(there.error());
    const Result<void> parent = co_await check_parent(to);
    if (!parent) co_return parent;
    std::optional<ObjectProperties> kept;
    std::string target = keys_.file(to);
    Result<void> done = co_await copy_object(store_, options_.journal, std::move(source), std::move(target),
                                             std::move(kept), !overwrite);
    co_return done;
  }

  // Whether anything lies in the directory, its marker aside; not_found: it is none.
  Task<Result<bool>> is_empty(VirtualPath path) {
    const auto store = store_;
    const std::string directory = keys_.directory(path);
    ListRequest request{.prefix = directory, .max = 2};
    Result<Page> page = fail(ErrorCode::internal);
    // A service may answer pages with nothing on them before one with something.
    for (int pages = 0; pages < most_pages_looked_through; ++pages) {
      const auto ask = [=] { return store->list(request); };
      page = co_await retried(store, ask);
      if (!page) co_return fail(page.error());
      if (!page->objects.empty() || !page->prefixes.empty() || page->next.empty()) break;
      request.token = page->next;
    }
    if (page->objects.empty() && page->prefixes.empty()) {
      if (!page->next.empty()) co_return fail(ErrorCode::protocol_error, "a listing of nothing without end");
      if (!path.is_root()) co_return fail(ErrorCode::not_found, "nothing lies there");
      co_return true;
    }
    const auto is_marker = [&](const ObjectInfo& object) { return object.key == directory; };
    co_return page->prefixes.empty() && std::ranges::all_of(page->objects, is_marker);
  }

  // What is put somewhere is put into a directory: below the key of a file it would hide that file.
  Task<Result<void>> check_parent(VirtualPath path) {
    const VirtualPath above = path.parent();
    const Result<FileInfo> parent = co_await look(above);
    if (!parent) co_return fail(parent.error());
    if (parent->type != FileType::directory) co_return fail(ErrorCode::not_a_directory, "a file");
    co_return Result<void>();
  }

  // What is at the path. Where a file and a directory have one name, it is the directory.
  Task<Result<FileInfo>> look(VirtualPath path) {
    if (path.is_root()) co_return directory_info();
    // Both at once: what is there is known after the time of one answer.
    const auto executor = co_await asio::this_coro::executor;
    auto both = asio::experimental::make_parallel_group(asio::co_spawn(executor, is_empty(path), asio::deferred),
                                                        asio::co_spawn(executor, head(path), asio::deferred));
    const auto [order, no_list, directory, no_head, object] =
        co_await both.async_wait(asio::experimental::wait_for_all(), asio::use_awaitable);
    if (no_list) std::rethrow_exception(no_list);
    if (no_head) std::rethrow_exception(no_head);
    if (directory) co_return directory_info();
    if (directory.error().code != ErrorCode::not_found) co_return fail(directory.error());
    if (!object) co_return fail(object.error());
    if (object->directory) co_return directory_info();
    co_return file_info(*object);
  }

  Task<Result<void>> remove_key(std::string key) {
    const auto store = store_;
    const auto ask = [=] { return store->remove(key); };
    Result<void> removed = co_await retried(store, ask);
    co_return removed;
  }

  Task<Result<std::unique_ptr<File>>> open_to_read(VirtualPath path) {
    if (path.is_root()) co_return fail(ErrorCode::is_a_directory, "the root");
    Result<ObjectInfo> object = co_await head(path);
    if (object && !object->directory) {
      co_return std::make_unique<ObjectDownload>(store_, options_, std::move(*object));
    }
    if (!object && object.error().code != ErrorCode::not_found) co_return fail(object.error());
    const Result<bool> directory = co_await is_empty(std::move(path));
    if (directory) co_return fail(ErrorCode::is_a_directory, "a directory");
    co_return fail(directory.error());
  }

  Task<Result<std::unique_ptr<File>>> open_to_write(VirtualPath path, OpenOptions how) {
    if (how.read || how.append)
      co_return unsupported("objects are written from their beginning, and not read meanwhile");
    const Result<FileInfo> there = co_await look(path);
    if (there && there->type == FileType::directory) co_return fail(ErrorCode::is_a_directory, "a directory");
    if (there && how.create && how.exclusive) co_return fail(ErrorCode::already_exists, "something is there");
    if (there && !how.truncate) co_return unsupported("objects are replaced as a whole");
    if (!there && there.error().code != ErrorCode::not_found) co_return fail(there.error());
    if (!there && !how.create) co_return fail(there.error());
    if (keys_.file(path).size() > store_->traits().max_key)
      co_return fail(ErrorCode::invalid_argument, "a key too long");
    const Result<void> parent = co_await check_parent(path);
    if (!parent) co_return fail(parent.error());
    how.exclusive = how.create && how.exclusive;
    co_return std::make_unique<ObjectUpload>(store_, options_, keys_.file(path), how);
  }

  Task<Result<void>> rename_directory(VirtualPath from, VirtualPath to) {
    if (to.is_within(from)) co_return fail(ErrorCode::invalid_argument, "into itself");
    const Result<bool> empty = co_await is_empty(from);
    if (!empty) co_return fail(empty.error());
    if (!*empty) co_return unsupported("a directory with something in it");
    Result<void> done = co_await make_directory(std::move(to), 0755);
    if (done) done = co_await remove_key(keys_.directory(from));
    co_return done;
  }

  std::shared_ptr<ObjectStore> store_;
  ObjectOptions options_;
  Keys keys_;
};

}  // namespace

std::shared_ptr<FileSystem> make_object_file_system(std::shared_ptr<ObjectStore> store, ObjectOptions options) {
  return std::make_shared<ObjectFileSystem>(std::move(store), std::move(options));
}

Task<Result<void>> remove_left_parts(std::shared_ptr<FileSystem> storage, std::string location, Upload upload) {
  const auto* objects = dynamic_cast<const ObjectFileSystem*>(storage.get());
  if (objects == nullptr || objects->store()->location(upload.key) != location) {
    co_return fail(ErrorCode::not_found, "the storage is another by now");
  }
  Result<void> removed = co_await remove_parts(objects->store(), std::move(upload));
  co_return removed;
}

}  // namespace ferry::vfs::object
