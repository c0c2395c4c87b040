#include "protocols/scp/sink.h"

#include <algorithm>

namespace ferry::scp {

namespace {

constexpr std::size_t most_pieces = 256;

class Sink {
 public:
  Sink(Wire& wire, session::Session& session, const Arguments& arguments)
      : wire_(wire), session_(session), arguments_(arguments) {}

  Task<bool> run() {
    const bool ready = co_await prepare();
    if (!ready) co_return false;
    while (true) {
      Result<std::optional<std::string>> line = co_await wire_.line();
      if (!line) {
        co_await wire_.fatal("protocol error: " + line.error().message);
        co_return false;
      }
      if (!*line) co_return levels_.empty() && wire_.errors() == 0;
      const bool going_on = co_await control(std::move(**line));
      if (!going_on) co_return false;
    }
  }

 private:
  // A directory that is being filled.
  struct Level {
    VirtualPath path;
    vfs::AttributeChange change;  // once it is full: -p
  };

  Task<bool> prepare();
  // False: the conversation is over.
  Task<bool> control(std::string line);
  Task<bool> times(std::string_view text);
  Task<bool> file(std::string_view text);
  Task<bool> directory(std::string_view text);
  Task<bool> end_directory();
  Task<bool> store(std::unique_ptr<session::OpenFile> file, VirtualPath path, Entry entry);
  Task<Result<void>> data(session::OpenFile& file, std::uint64_t size, std::optional<Error>& failure);
  Task<std::optional<Error>> write(session::OpenFile& file, std::uint64_t offset);
  Result<VirtualPath> path_for(const std::string& name) const;
  vfs::AttributeChange change_for(const Entry& entry);

  Wire& wire_;
  session::Session& session_;
  const Arguments& arguments_;
  VirtualPath target_;
  bool target_is_directory_ = false;
  bool target_must_be_directory_ = false;  // "name/"
  std::vector<Level> levels_;
  std::optional<vfs::AttributeChange::Times> times_;  // of the next entry
  std::vector<iovec> pieces_;
};

Task<bool> Sink::prepare() {
  const Word& word = arguments_.paths.front();
  const Result<VirtualPath> path = path_of(word, session_.start_directory());
  if (!path) {
    co_await wire_.fatal("bad path");
    co_return false;
  }
  target_ = *path;
  target_must_be_directory_ = word.text.ends_with('/');
  const Result<vfs::FileInfo> info = co_await session_.stat(target_);
  target_is_directory_ = info && info->type == vfs::FileType::directory;
  if (arguments_.target_directory && !target_is_directory_) {
    const Error why = info ? Error{ErrorCode::not_a_directory, {}} : info.error();
    co_await wire_.warn(target_, why);
    co_return false;
  }
  const bool sent = co_await wire_.done();
  co_return sent;
}

Task<bool> Sink::control(std::string line) {
  const std::string_view rest = std::string_view(line).substr(std::min<std::size_t>(1, line.size()));
  bool going_on = false;
  switch (line.empty() ? '?' : line.front()) {
    case 'T': going_on = co_await times(rest); break;
    case 'C': going_on = co_await file(rest); break;
    case 'D': going_on = co_await directory(rest); break;
    case 'E': going_on = co_await end_directory(); break;
    case '\1':  // the client could not read something of its own: it has told its user, and goes on
      wire_.count_error();
      going_on = true;
      break;
    case '\2': break;
    default: co_await wire_.fatal("protocol error: unexpected control line"); break;
  }
  co_return going_on;
}

Task<bool> Sink::times(std::string_view text) {
  const Result<vfs::AttributeChange::Times> parsed = parse_times(text);
  if (!parsed) {
    co_await wire_.fatal("protocol error: " + parsed.error().message);
    co_return false;
  }
  times_ = *parsed;
  const bool sent = co_await wire_.done();
  co_return sent;
}

Result<VirtualPath> Sink::path_for(const std::string& name) const {
  if (!levels_.empty()) return levels_.back().path.child(name);
  return target_is_directory_ ? target_.child(name) : target_;
}

vfs::AttributeChange Sink::change_for(const Entry& entry) {
  vfs::AttributeChange change;
  if (arguments_.preserve) change.mode = entry.mode;
  change.times = std::exchange(times_, std::nullopt);
  return change;
}

Task<bool> Sink::directory(std::string_view text) {
  const Result<Entry> entry = parse_entry(text);
  if (!entry || !arguments_.recursive) {
    const std::string why = entry ? "a directory without -r" : entry.error().message;
    co_await wire_.fatal("protocol error: " + why);
    co_return false;
  }
  const vfs::AttributeChange change = change_for(*entry);
  const Result<VirtualPath> path = path_for(entry->name);
  Result<void> made;
  if (!path) {
    made = fail(path.error());
  } else {
    const Result<vfs::FileInfo> there = co_await session_.stat(*path);
    if (there && there->type != vfs::FileType::directory) made = fail(ErrorCode::not_a_directory);
    // Whatever its mode will be, it must be filled first.
    if (!there) made = co_await session_.make_directory(*path, entry->mode | 0700U);
  }
  bool sent = false;
  if (made) {
    levels_.push_back({*path, change});
    sent = co_await wire_.done();
  } else {
    sent = co_await wire_.warn(path.value_or(target_), made.error());
  }
  co_return sent;
}

Task<bool> Sink::end_directory() {
  if (levels_.empty()) {
    co_await wire_.fatal("protocol error: the end of no directory");
    co_return false;
  }
  const Level level = std::move(levels_.back());
  levels_.pop_back();
  Result<void> changed;
  if (level.change.mode || level.change.times) {
    changed = co_await session_.set_attributes(level.path, level.change, true);
  }
  bool sent = false;
  if (changed) {
    sent = co_await wire_.done();
  } else {
    sent = co_await wire_.warn(level.path, changed.error());
  }
  co_return sent;
}

Task<bool> Sink::file(std::string_view text) {
  Result<Entry> entry = parse_entry(text);
  if (!entry) {
    co_await wire_.fatal("protocol error: " + entry.error().message);
    co_return false;
  }
  const Result<VirtualPath> path = path_for(entry->name);
  Result<std::unique_ptr<session::OpenFile>> opened = fail(ErrorCode::is_a_directory);
  if (!path) {
    opened = fail(path.error());
  } else if (!levels_.empty() || target_is_directory_ || !target_must_be_directory_) {
    const vfs::OpenOptions options{.write = true, .create = true, .truncate = true, .mode = entry->mode};
    opened = co_await session_.open(*path, options);
  }
  bool going_on = false;
  if (!opened) {
    times_.reset();
    going_on = co_await wire_.warn(path.value_or(target_), opened.error());  // the client sends no data then
  } else {
    going_on = co_await store(std::move(*opened), *path, std::move(*entry));
  }
  co_return going_on;
}

// The data of one file, and what the client thinks of it. A file of which a part is missing is never completed.
Task<bool> Sink::store(std::unique_ptr<session::OpenFile> file, VirtualPath path, Entry entry) {
  const vfs::AttributeChange change = change_for(entry);
  std::optional<Error> failure;
  bool sent = co_await wire_.done();
  Result<void> arrived = co_await data(*file, entry.size, failure);
  Result<Answer> answer = fail(ErrorCode::connection_lost);
  if (arrived) answer = co_await wire_.answer();
  if (!arrived || !answer || answer->kind == Answer::Kind::fatal) {
    const Error why{ErrorCode::connection_lost, "broken off by the client"};
    co_await file->abandon(why);
    co_return false;
  }
  if (answer->kind == Answer::Kind::warning) {
    wire_.count_error();
    const Error why{ErrorCode::aborted, "the client could not read all of its file"};
    co_await file->abandon(why);
    sent = co_await wire_.done();
    co_return sent;
  }
  Result<void> changed;
  if (!failure && (change.mode || change.times)) changed = co_await file->set_attributes(change);
  if (failure) {
    co_await file->abandon(*failure);
  } else {
    const Result<void> closed = co_await file->close();
    if (!closed) failure = closed.error();
    if (!failure && !changed) failure = changed.error();
  }
  if (failure) {
    sent = co_await wire_.warn(path, *failure);
  } else {
    sent = co_await wire_.done();
  }
  co_return sent;
}

// Takes `size` bytes off the channel; once a write has failed they are only passed over, so that the conversation
// can go on behind them. connection_lost: the client left.
Task<Result<void>> Sink::data(session::OpenFile& file, std::uint64_t size, std::optional<Error>& failure) {
  std::uint64_t offset = 0;
  while (offset < size) {
    if (wire_.channel().input_size() == 0) {
      const bool more = co_await wire_.channel().wait_input(0);
      if (!more) co_return fail(ErrorCode::connection_lost, "the client left");
    }
    std::size_t count = 0;
    pieces_.clear();
    for (const ByteSpan fragment : wire_.channel().input()) {
      if (offset + count == size || pieces_.size() == most_pieces) break;
      const std::size_t run = static_cast<std::size_t>(std::min<std::uint64_t>(fragment.size(), size - offset - count));
      pieces_.push_back({const_cast<std::byte*>(fragment.data()), run});
      count += run;
    }
    if (!failure) failure = co_await write(file, offset);
    wire_.channel().consume(count);
    offset += count;
  }
  co_return Result<void>();
}

Task<std::optional<Error>> Sink::write(session::OpenFile& file, std::uint64_t offset) {
  const std::optional<Result<void>> at_once = file.try_write_at(offset, pieces_);
  Result<void> written;
  if (at_once) {
    written = *at_once;
  } else {
    written = co_await file.write_at(offset, pieces_);
  }
  std::optional<Error> failure;
  if (!written) failure = written.error();
  co_return failure;
}

}  // namespace

Task<bool> receive(Wire& wire, session::Session& session, const Arguments& arguments) {
  Sink sink(wire, session, arguments);
  const bool clean = co_await sink.run();
  co_return clean;
}

}  // namespace ferry::scp
