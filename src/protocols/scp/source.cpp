#include "protocols/scp/source.h"

#include <algorithm>

namespace ferry::scp {

namespace {

constexpr std::size_t deepest_directory = 256;
// Links may be rings, or lead to the same directories again and again: ten of them beside each other, eight deep, are a
// hundred million copies. So a directory is not sent within itself, and links to directories count.
constexpr std::size_t most_nested_links = 8;
constexpr std::size_t most_linked_directories = 1000;  // in one request
constexpr std::size_t source_batch = 256;

class Source {
 public:
  Source(Wire& wire, session::Session& session, const Arguments& arguments)
      : wire_(wire), session_(session), arguments_(arguments) {}

  Task<bool> run() {
    const bool ready = co_await answered();
    if (!ready) co_return false;
    for (const Word& word : arguments_.paths) {
      const Result<std::vector<VirtualPath>> paths = co_await expand(session_, word);
      bool going_on = true;
      if (!paths) going_on = co_await wire_.warn(word.text + ": " + paths.error().message);
      for (std::size_t i = 0; paths && going_on && i < paths->size(); ++i) {
        going_on = co_await entry((*paths)[i], name_of((*paths)[i]), {});
      }
      if (!going_on) co_return false;
    }
    co_return wire_.errors() == 0;
  }

 private:
  // How an entry was reached.
  struct Way {
    std::size_t depth = 0;
    std::size_t links = 0;  // to directories on the way
    bool by_link = false;   // it is one itself
  };

  // Each answers whether the conversation goes on.
  Task<bool> entry(VirtualPath path, std::string name, Way way);
  Task<bool> file(VirtualPath path, std::string name);
  Task<bool> data(session::OpenFile& file, std::uint64_t size, std::optional<Error>& failure);
  Task<bool> directory(VirtualPath path, std::string name, vfs::FileInfo info, Way way);
  Task<bool> contents(session::OpenDirectory& listing, VirtualPath path, Way way);
  // Empty: it may be entered.
  std::string_view reason_to_skip(const vfs::FileInfo& info, Way& way);
  Task<bool> times(vfs::FileInfo info);
  Task<bool> answered();
  Task<bool> answered(bool& accepted);
  Task<std::size_t> piece(session::OpenFile& file, std::uint64_t offset, std::size_t count,
                          std::optional<Error>& failure);

  // No client accepts "" or ".", which a real scp would call the top of a tree.
  std::string name_of(const VirtualPath& path) const {
    if (!path.is_root()) return std::string(path.name());
    const std::string& user = session_.user().username;
    return VirtualPath().child(user) ? user : "home";
  }

  Wire& wire_;
  session::Session& session_;
  const Arguments& arguments_;
  Bytes buffer_;
  std::vector<std::uint64_t> above_;  // FileInfo::id of the directories that are being sent
  std::size_t linked_directories_ = 0;
};

// `accepted`: the sink wants what was announced. False: it is gone, or has given up.
Task<bool> Source::answered(bool& accepted) {
  const Result<Answer> answer = co_await wire_.answer();
  accepted = answer && answer->kind == Answer::Kind::done;
  if (!accepted) wire_.count_error();
  if (!answer && answer.error().code == ErrorCode::protocol_error) {
    co_await wire_.fatal("protocol error: " + answer.error().message);
  }
  co_return answer && answer->kind != Answer::Kind::fatal;
}

Task<bool> Source::answered() {
  bool accepted = false;
  const bool going_on = co_await answered(accepted);
  co_return going_on;
}

std::string_view Source::reason_to_skip(const vfs::FileInfo& info, Way& way) {
  if (way.by_link) {
    if (++way.links > most_nested_links) return "too many levels of links";
    if (++linked_directories_ > most_linked_directories) return "too many links to directories";
  }
  if (way.depth >= deepest_directory) return "too many levels of directories";
  const bool ring = info.id != 0 && std::ranges::find(above_, info.id) != above_.end();
  return ring ? "too many levels of links: it holds this link itself" : std::string_view();
}

Task<bool> Source::entry(VirtualPath path, std::string name, Way way) {
  const Result<vfs::FileInfo> info = co_await session_.stat(path);
  bool going_on = false;
  if (!info) {
    going_on = co_await wire_.warn(path, info.error());
  } else if (name.find('\n') != std::string::npos) {
    going_on = co_await wire_.warn(path.text() + ": a line break in the name");
  } else if (info->type == vfs::FileType::regular) {
    going_on = co_await file(std::move(path), std::move(name));
  } else if (info->type != vfs::FileType::directory || !arguments_.recursive) {
    going_on = co_await wire_.warn(path.text() + ": not a regular file");
  } else if (const std::string_view why = reason_to_skip(*info, way); !why.empty()) {
    going_on = co_await wire_.warn(path.text() + ": " + std::string(why));
  } else {
    going_on = co_await directory(std::move(path), std::move(name), *info, way);
  }
  co_return going_on;
}

Task<bool> Source::times(vfs::FileInfo info) {
  if (!arguments_.preserve) co_return true;
  bool going_on = co_await wire_.send(format_times(info));
  if (going_on) going_on = co_await answered();
  co_return going_on;
}

Task<bool> Source::directory(VirtualPath path, std::string name, vfs::FileInfo info, Way way) {
  Result<std::unique_ptr<session::OpenDirectory>> listing = co_await session_.open_directory(path);
  bool going_on = false;
  if (!listing) {
    going_on = co_await wire_.warn(path, listing.error());
    co_return going_on;
  }
  going_on = co_await times(info);
  if (going_on) going_on = co_await wire_.send(format_entry('D', info, name));
  bool accepted = false;
  if (going_on) going_on = co_await answered(accepted);
  if (!going_on || !accepted) co_return going_on;
  above_.push_back(info.id);
  going_on = co_await contents(**listing, std::move(path), way);
  above_.pop_back();
  if (going_on) going_on = co_await wire_.send("E\n");
  if (going_on) going_on = co_await answered();
  co_return going_on;
}

Task<bool> Source::contents(session::OpenDirectory& listing, VirtualPath path, Way way) {
  while (true) {
    const Result<std::vector<vfs::DirectoryEntry>> some = co_await listing.next(source_batch);
    if (!some) {
      const bool going_on = co_await wire_.warn(path, some.error());
      co_return going_on;
    }
    if (some->empty()) co_return true;
    for (const vfs::DirectoryEntry& one : *some) {
      const Result<VirtualPath> child = path.child(one.name);
      if (!child) continue;
      const bool link = one.info.type == vfs::FileType::symlink;
      const Way below{way.depth + 1, way.links, link};
      const bool going_on = co_await entry(*child, one.name, below);
      if (!going_on) co_return false;
    }
  }
}

Task<bool> Source::file(VirtualPath path, std::string name) {
  const vfs::OpenOptions options{.read = true};
  Result<std::unique_ptr<session::OpenFile>> opened = co_await session_.open(path, options);
  Result<vfs::FileInfo> info = fail(ErrorCode::internal);
  if (!opened) info = fail(opened.error());
  if (opened) info = co_await (*opened)->info();
  bool going_on = false;
  if (!info) {
    going_on = co_await wire_.warn(path, info.error());
    co_return going_on;
  }
  going_on = co_await times(*info);
  if (going_on) going_on = co_await wire_.send(format_entry('C', *info, name));
  bool accepted = false;
  if (going_on) going_on = co_await answered(accepted);
  std::optional<Error> failure;
  if (going_on && accepted) going_on = co_await data(**opened, info->size, failure);
  if (!going_on) failure = {ErrorCode::connection_lost, "broken off"};
  if (going_on && !accepted) failure = {ErrorCode::aborted, "refused by the client"};
  if (failure) {
    co_await (*opened)->abandon(*failure);
  } else {
    const Result<void> closed = co_await (*opened)->close();
    if (!closed) failure = closed.error();
  }
  if (!going_on || !accepted) co_return going_on;
  if (failure) {
    going_on = co_await wire_.warn(path, *failure);
  } else {
    going_on = co_await wire_.done();
  }
  if (going_on) going_on = co_await answered();
  co_return going_on;
}

// Sends exactly `size` bytes, as was announced: what cannot be read is filled up with zeros, and `failure` says so.
// False: the client is gone.
Task<bool> Source::data(session::OpenFile& file, std::uint64_t size, std::optional<Error>& failure) {
  std::uint64_t offset = 0;
  while (offset < size) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(chunk, size - offset));
    const std::size_t sent = co_await piece(file, offset, wanted, failure);
    if (sent == 0) co_return false;
    offset += sent;
  }
  buffer_ = Bytes();
  co_return true;
}

// Straight from the storage into outgoing packets where both allow it, else through a buffer. Answers how many bytes
// went out; 0: the client is gone.
Task<std::size_t> Source::piece(session::OpenFile& file, std::uint64_t offset, std::size_t count,
                                std::optional<Error>& failure) {
  ssh::Channel& channel = wire_.channel();
  if (!failure) {
    const bool room = co_await channel.wait_output(count);
    const std::span<const iovec> spans = room ? channel.reserve_output(count) : std::span<const iovec>();
    if (!spans.empty()) {
      const std::optional<Result<std::size_t>> got = file.try_read_at(offset, spans);
      const std::size_t used = got && *got ? **got : 0;
      channel.commit_output(used);
      if (used > 0) co_return used;
    }
  }
  if (buffer_.size() < count) buffer_.resize(count);
  const MutableByteSpan into = MutableByteSpan(buffer_).first(count);
  std::size_t used = 0;
  if (!failure) {
    const Result<std::size_t> got = co_await file.read_at(offset, into);
    if (got) used = *got;
    if (!got) failure = got.error();
    if (got && *got == 0) failure = {ErrorCode::io_error, "the file became shorter"};
  }
  if (used == 0) {
    std::ranges::fill(into, std::byte{0});
    used = count;
  }
  const Result<void> sent = co_await channel.write(into.first(used));
  co_return sent ? used : 0;
}

}  // namespace

Task<bool> send(Wire& wire, session::Session& session, const Arguments& arguments) {
  Source source(wire, session, arguments);
  const bool clean = co_await source.run();
  co_return clean;
}

}  // namespace ferry::scp
