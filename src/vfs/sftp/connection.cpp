#include "vfs/sftp/connection.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/log.h"

namespace ferry::vfs::sftp {

namespace {

using namespace std::chrono_literals;

constexpr auto keep_alive_every = 10s;
constexpr auto silence_limit = 45s;  // nothing at all from the server, although it was asked: it is dead
constexpr auto reply_limit = 120s;   // SSH lives, but no SFTP reply comes
constexpr auto start_limit = 20s;    // of VERSION and limits
constexpr std::size_t most_queued = std::size_t{256} << 20;
constexpr std::string_view sender = "sftpfs";

}  // namespace

Connection::Connection(std::shared_ptr<const Login> login, std::shared_ptr<void> slot)
    : login_(std::move(login)), slot_(std::move(slot)), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  thread_ = std::thread([this] { run(); });
}

Connection::~Connection() {
  end();
  if (thread_.joinable()) thread_.join();
}

void Connection::end() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  transport_.interrupt();
  wake();
}

void Connection::expire(std::chrono::milliseconds limit) {
  const Error late{ErrorCode::timeout, "no login to the SFTP server within " + std::to_string(limit.count()) + " ms"};
  std::deque<CallPtr> lost;
  {
    const std::lock_guard lock(mutex_);
    if (ready_ || broken_ || Clock::now() - begun_ < limit) return;
    broken_ = late;
    lost.swap(submitted_);
  }
  transport_.interrupt();
  wake();
  for (const CallPtr& call : lost) call->complete(fail(late));
}

void Connection::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

void Connection::submit(CallPtr call) {
  std::optional<Error> refused;
  {
    const std::lock_guard lock(mutex_);
    refused = broken_;
    const std::size_t size = call->request().bytes().size();
    if (!refused && queued_ + size > most_queued) {
      refused = Error{ErrorCode::limit_exceeded, "the SFTP server does not take what is sent to it"};
    }
    if (!refused) {
      ++in_flight_;
      queued_ += size;
      submitted_.push_back(call);
    }
  }
  if (refused) {
    call->complete(fail(*refused));
  } else {
    wake();
  }
}

std::optional<Error> Connection::broken() const {
  const std::lock_guard lock(mutex_);
  return broken_;
}

void Connection::run() {
  Result<void> ended = log_in();
  {
    const std::lock_guard lock(mutex_);
    if (broken_) ended = fail(*broken_);
    ready_ = ended.has_value();
  }
  if (ended) {
    log::debug(sender, "", "connected to {}:{} as \"{}\", {}", login_->endpoint.host, login_->endpoint.port,
               login_->username, transport_.server_banner());
    ended = serve();
  }
  break_off(ended ? Error{ErrorCode::connection_lost, "closed"} : ended.error());
  slot_.reset();
}

// Sends one request and waits for its reply: before others may use the connection.
Result<Reply> Connection::ask_now(Request request, bool with_id) {
  if (with_id) request.set_id(next_id_++);
  const Clock::time_point until = Clock::now() + start_limit;
  std::size_t sent = 0;
  std::optional<Reply> reply;
  while (Clock::now() < until) {
    if (sent < request.bytes().size()) {
      const Result<std::size_t> count = transport_.write(ByteSpan(request.bytes()).subspan(sent));
      if (!count) return fail(count.error());
      sent += *count;
    }
    std::uint32_t id = 0;
    if (auto read = read_packet(reply, id); !read) return fail(read.error());
    if (reply) return std::move(*reply);
    if (auto waited = transport_.wait(100ms, wake_.get()); !waited) return fail(waited.error());
  }
  return fail(ErrorCode::timeout, "the SFTP server does not answer");
}

Result<void> Connection::log_in() {
  if (auto opened = transport_.open(*login_); !opened) return opened;
  const Result<Reply> version = ask_now(Request::init(), false);
  if (!version) return fail(version.error());
  if (version->type != Packet::version) return fail(ErrorCode::protocol_error, "no VERSION from the SFTP server");
  const Result<Extensions> extensions = read_version({version->storage.get() + 1, version->size + version->skip - 1});
  if (!extensions) return fail(extensions.error());
  facts_.extensions = *extensions;
  // The draft says linkpath, targetpath; OpenSSH's server takes them the other way round, and most servers follow it.
  // A server that tells clients apart by their names takes us, as libssh, for one that keeps to the draft.
  facts_.symlink_as_openssh = transport_.server_banner().find("Ferry") == std::string::npos;
  if (extensions->limits) {
    const Result<Reply> limits = ask_now(Request::limits(), true);
    if (!limits) return fail(limits.error());
    facts_.limits = read_limits(*limits);
  }
  return {};
}

Result<void> Connection::serve() {
  heard_ = answered_ = asked_ = Clock::now();
  while (true) {
    take_submitted();
    {
      const std::lock_guard lock(mutex_);
      if (ending_) return {};
    }
    if (auto sent = send_some(); !sent) return sent;
    if (auto received = receive_some(); !received) return received;
    // What was submitted since wakes it at once. The server's window may have grown while replies were received.
    const bool more = !to_send_.empty() && transport_.may_write();
    if (auto waited = transport_.wait(more ? 0ms : 1000ms, wake_.get()); !waited) return waited;
    if (auto lives = watch(Clock::now()); !lives) return lives;
  }
}

void Connection::take_submitted() {
  std::deque<CallPtr> taken;
  {
    const std::lock_guard lock(mutex_);
    taken.swap(submitted_);
  }
  for (CallPtr& call : taken) {
    if (!call->request().empty()) {
      to_send_.push_back(std::move(call));
      continue;
    }
    --in_flight_;
    call->complete(Reply{});
  }
}

Result<void> Connection::send_some() {
  while (!to_send_.empty()) {
    CallPtr& call = to_send_.front();
    if (sent_of_front_ == 0) {
      while (waiting_.contains(next_id_)) ++next_id_;
      call->request().set_id(next_id_);
    }
    const Bytes& bytes = call->request().bytes();
    const Result<std::size_t> count = transport_.write(ByteSpan(bytes).subspan(sent_of_front_));
    if (!count) {
      call->set_sent();
      return fail(count.error());
    }
    if (*count == 0) return {};
    if (sent_of_front_ == 0) {
      if (waiting_.empty()) answered_ = Clock::now();
      call->set_sent();
      patient_ += call->patient() ? 1 : 0;
      waiting_.emplace(next_id_++, call);
    }
    sent_of_front_ += *count;
    if (sent_of_front_ < bytes.size()) return {};
    queued_ -= bytes.size();
    to_send_.pop_front();
    sent_of_front_ = 0;
  }
  return {};
}

// Sets `packet` when one is complete.
Result<void> Connection::read_packet(std::optional<Reply>& packet, std::uint32_t& id) {
  while (true) {
    const bool in_length = length_read_ < length_.size();
    const MutableByteSpan into = in_length ? MutableByteSpan(length_).subspan(length_read_)
                                           : MutableByteSpan(packet_.get() + packet_read_, packet_size_ - packet_read_);
    const Result<std::size_t> count = transport_.read(into);
    if (!count) return fail(count.error());
    if (*count == 0) return {};
    if (in_length) {
      length_read_ += *count;
      if (length_read_ < length_.size()) continue;
      packet_size_ = load_u32(length_.data());
      if (packet_size_ < 5 || packet_size_ > most_reply) {
        return fail(ErrorCode::protocol_error, "an SFTP packet of " + std::to_string(packet_size_) + " bytes");
      }
      packet_ = std::make_unique_for_overwrite<std::byte[]>(packet_size_);
      packet_read_ = 0;
      continue;
    }
    packet_read_ += *count;
    if (packet_read_ < packet_size_) continue;
    Reply reply;
    reply.type = static_cast<Packet>(packet_[0]);
    id = load_u32(packet_.get() + 1);
    reply.storage = std::move(packet_);
    reply.skip = 5;
    reply.size = packet_size_ - 5;
    length_read_ = 0;
    packet.emplace(std::move(reply));
    return {};
  }
}

Result<void> Connection::receive_some() {
  while (true) {
    std::optional<Reply> reply;
    std::uint32_t id = 0;
    if (auto read = read_packet(reply, id); !read) return read;
    if (!reply) return {};
    if (auto delivered = deliver(std::move(*reply), id); !delivered) return delivered;
  }
}

Result<void> Connection::deliver(Reply reply, std::uint32_t id) {
  const auto found = waiting_.find(id);
  if (found == waiting_.end()) return fail(ErrorCode::protocol_error, "an SFTP reply that nobody asked for");
  // A reply before its request was sent whole: it cannot be one.
  if (!to_send_.empty() && sent_of_front_ > 0 && to_send_.front() == found->second) {
    return fail(ErrorCode::protocol_error, "an SFTP reply to half a request");
  }
  const CallPtr call = std::move(found->second);
  waiting_.erase(found);
  patient_ -= call->patient() ? 1 : 0;
  answered_ = Clock::now();
  --in_flight_;
  call->complete(std::move(reply));
  return {};
}

Result<void> Connection::watch(Clock::time_point now) {
  if (transport_.received() != received_) {
    received_ = transport_.received();
    heard_ = now;
  }
  if (now - heard_ >= silence_limit) return fail(ErrorCode::timeout, "the SFTP server is silent");
  if (!waiting_.empty() && patient_ == 0 && now - answered_ >= reply_limit) {
    return fail(ErrorCode::timeout, "the SFTP server does not answer");
  }
  if (now - heard_ >= keep_alive_every && now - asked_ >= keep_alive_every) {
    asked_ = now;
    transport_.keep_alive();
  }
  return {};
}

void Connection::break_off(Error error) {
  std::deque<CallPtr> lost;
  bool ending = false;
  {
    const std::lock_guard lock(mutex_);
    if (!broken_) broken_ = error;
    ending = ending_;
    lost.swap(submitted_);
  }
  if (!ending) {
    log::warn(sender, "", "connection to {}:{} as \"{}\" ended: {}", login_->endpoint.host, login_->endpoint.port,
              login_->username, error.message);
  }
  for (auto& [id, call] : waiting_) lost.push_back(std::move(call));
  for (CallPtr& call : to_send_) lost.push_back(std::move(call));
  waiting_.clear();
  to_send_.clear();
  in_flight_ = 0;
  for (const CallPtr& call : lost) call->complete(fail(error));
}

}  // namespace ferry::vfs::sftp
