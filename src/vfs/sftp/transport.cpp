#include "vfs/sftp/transport.h"

#include <fcntl.h>
#include <libssh/libssh.h>
#include <libssh/server.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <system_error>
#include <thread>

#include "base/descriptor.h"
#include "base/log.h"
#include "base/trouble.h"

namespace ferry::vfs::sftp {

namespace {

constexpr long login_seconds = 20;
constexpr int connect_limit_ms = 15'000;
constexpr int most_dialogue_rounds = 8;
constexpr int most_lookups = 64;                       // at once
constexpr std::size_t most_dropped_at_once = 1 << 20;  // then replies have their turn

// libssh 0.10 without what is weak: no SHA-1, no CBC.
constexpr const char* ciphers =
    "aes256-gcm@openssh.com,aes128-gcm@openssh.com,chacha20-poly1305@openssh.com,aes256-ctr,aes192-ctr,aes128-ctr";
constexpr std::array<const char*, 3> host_key_families{
    "ssh-ed25519", "ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521", "rsa-sha2-512,rsa-sha2-256"};

struct FreeKey {
  void operator()(ssh_key key) const { ssh_key_free(key); }
};
using Key = std::unique_ptr<ssh_key_struct, FreeKey>;

std::string fingerprint(ssh_key key, ssh_publickey_hash_type type) {
  unsigned char* hash = nullptr;
  std::size_t size = 0;
  if (ssh_get_publickey_hash(key, type, &hash, &size) != 0) return {};
  char* text = ssh_get_fingerprint_hash(type, hash, size);
  std::string answer = text == nullptr ? "" : text;
  ssh_string_free_char(text);
  ssh_clean_pubkey_hash(&hash);
  return answer;
}

// Which of host_key_families a key belongs to.
std::size_t family_of(ssh_key key) {
  switch (ssh_key_type(key)) {
    case SSH_KEYTYPE_ED25519: return 0;
    case SSH_KEYTYPE_RSA: return 2;
    default: return 1;
  }
}

void prepare_socket(int socket) {
  const int on = 1, idle = 20, interval = 5, count = 4, unacknowledged = 40'000;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
  ::setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged, sizeof unacknowledged);
}

// Why no connection came to be.
std::unexpected<Error> not_connected(int error) {
  Error failure{ErrorCode::connection_lost, error_from_errno(error, "connect").message};
  if (error == ECONNREFUSED) return fail(with_trouble(std::move(failure), Trouble::refused));
  const bool no_way = error == ENETUNREACH || error == EHOSTUNREACH;
  return fail(no_way ? with_trouble(std::move(failure), Trouble::unreachable) : std::move(failure));
}

Result<void> connect_one(int socket, const addrinfo& address, const std::atomic<bool>& interrupted) {
  if (::connect(socket, address.ai_addr, address.ai_addrlen) == 0) return {};
  if (errno != EINPROGRESS) return not_connected(errno);
  for (int waited = 0; waited < connect_limit_ms && !interrupted; waited += 100) {
    pollfd ready{.fd = socket, .events = POLLOUT, .revents = 0};
    if (::poll(&ready, 1, 100) <= 0) continue;
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error == 0) return {};
    return not_connected(error);
  }
  return fail(ErrorCode::timeout, "connect: no answer");
}

using Addresses = std::unique_ptr<addrinfo, void (*)(addrinfo*)>;

struct Lookup {
  std::mutex mutex;
  std::condition_variable ended;
  bool done = false;
  int code = 0;
  Addresses found{nullptr, &::freeaddrinfo};
};

int get_addresses(const Endpoint& endpoint, int flags, Addresses& found) {
  addrinfo hints{}, *list = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  const int code = ::getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &hints, &list);
  if (code == 0) found.reset(list);
  return code;
}

std::atomic<int> lookups_running = 0;

// The system's resolver may take minutes and cannot be ended: it works on a thread of its own, which is left alone when
// the answer is not wanted any more.
Result<Addresses> look_up(const Endpoint& endpoint, const std::atomic<bool>& interrupted) {
  Addresses numeric{nullptr, &::freeaddrinfo};
  if (get_addresses(endpoint, AI_NUMERICHOST, numeric) == 0) return numeric;
  if (++lookups_running > most_lookups) {
    --lookups_running;
    return fail(ErrorCode::limit_exceeded, endpoint.host + ": too many names are being looked up");
  }
  const auto lookup = std::make_shared<Lookup>();
  try {
    std::thread([lookup, endpoint] {
      Addresses found{nullptr, &::freeaddrinfo};
      const int code = get_addresses(endpoint, AI_ADDRCONFIG, found);
      --lookups_running;
      const std::lock_guard lock(lookup->mutex);
      lookup->code = code;
      lookup->found = std::move(found);
      lookup->done = true;
      lookup->ended.notify_all();
    }).detach();
  } catch (const std::system_error& error) {
    --lookups_running;
    return fail(ErrorCode::limit_exceeded, endpoint.host + ": a thread to look it up: " + error.what());
  }
  std::unique_lock lock(lookup->mutex);
  while (!lookup->ended.wait_for(lock, std::chrono::milliseconds(100), [&] { return lookup->done; })) {
    if (interrupted) return fail(ErrorCode::timeout, endpoint.host + ": its name is not resolved in time");
  }
  if (lookup->code != 0) {
    Error unknown{ErrorCode::connection_lost, endpoint.host + ": " + ::gai_strerror(lookup->code)};
    return fail(with_trouble(std::move(unknown), Trouble::host_not_found));
  }
  return std::move(lookup->found);
}

Result<Descriptor> connect_to(const Endpoint& endpoint, const std::atomic<bool>& interrupted) {
  const Result<Addresses> found = look_up(endpoint, interrupted);
  if (!found) return fail(found.error());
  Error last{ErrorCode::connection_lost, endpoint.host + ": no address"};
  for (const addrinfo* address = found->get(); address != nullptr; address = address->ai_next) {
    Descriptor socket(::socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket) continue;
    auto connected = connect_one(socket.get(), *address, interrupted);
    if (connected) {
      prepare_socket(socket.get());
      return socket;
    }
    last = connected.error();
  }
  return fail(std::move(last));
}

}  // namespace

Result<Endpoint> parse_endpoint(std::string_view text) {
  Endpoint endpoint;
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return fail(ErrorCode::invalid_argument, "SFTP endpoint without ']'");
    endpoint.host = text.substr(1, end - 1);
    port = text.substr(end + 1);
    if (!port.empty() && !port.starts_with(':')) return fail(ErrorCode::invalid_argument, "SFTP endpoint");
  } else {
    const std::size_t colon = text.find(':');
    const bool one = colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos;
    endpoint.host = one ? text.substr(0, colon) : text;
    if (one) port = text.substr(colon);
  }
  if (endpoint.host.empty() || endpoint.host.find('\0') != std::string::npos) {
    return fail(ErrorCode::invalid_argument, "SFTP endpoint without a host");
  }
  if (port.empty()) return endpoint;
  port.remove_prefix(1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
  if (error != std::errc() || end != port.data() + port.size() || endpoint.port == 0) {
    return fail(ErrorCode::invalid_argument, "port of the SFTP endpoint");
  }
  return endpoint;
}

struct Transport::State {
  ssh_session session = nullptr;
  ssh_channel channel = nullptr;
  ssh_event event = nullptr;
  ssh_counter_struct counter{};
  std::string banner;
  int wake = -1;
  bool woken = false;  // `wake` was readable, perhaps inside of another call: libssh asks all descriptors in each
  std::mutex mutex;    // of what interrupt() uses
  int socket = -1;
  std::atomic<bool> interrupted = false;

  ~State() { reset(); }

  void reset() {
    const std::lock_guard lock(mutex);
    if (event != nullptr) {
      if (wake >= 0) ssh_event_remove_fd(event, wake);
      if (session != nullptr) ssh_event_remove_session(event, session);
      ssh_event_free(event);
    }
    if (channel != nullptr) ssh_channel_free(channel);
    if (session != nullptr) {
      if (ssh_is_connected(session) != 0) ssh_disconnect(session);
      ssh_free(session);
    }
    session = nullptr;
    channel = nullptr;
    event = nullptr;
    wake = socket = -1;
  }

  std::unexpected<Error> failed(ErrorCode code, std::string_view what) const {
    return fail(code, std::string(what) + ": " + ssh_get_error(session));
  }

  Result<void> start(const Login& login, const std::string& host_keys);
  Result<bool> check_host_key(const Login& login, std::vector<bool>& excluded);
  Result<void> authenticate(const Login& login);
  Result<bool> try_key(const Login& login);
  Result<bool> try_password(const Login& login);
  Result<bool> try_dialogue(const Login& login);
  Result<void> open_channel();
  Result<void> drop_errors() const;
};

// The key exchange, with only these types of host keys.
Result<void> Transport::State::start(const Login& login, const std::string& host_keys) {
  Result<Descriptor> connected = connect_to(login.endpoint, interrupted);
  if (!connected) return fail(connected.error());
  session = ssh_new();
  if (session == nullptr) return fail(ErrorCode::internal, "libssh: no memory");
  const int no = 0, level = SSH_LOG_NOLOG;
  const long seconds = login_seconds;
  const socket_t number = connected->get();
  const unsigned port = login.endpoint.port;
  bool good = ssh_options_set(session, SSH_OPTIONS_HOST, login.endpoint.host.c_str()) == 0;
  good = good && ssh_options_set(session, SSH_OPTIONS_PORT, &port) == 0;
  good = good && ssh_options_set(session, SSH_OPTIONS_USER, login.username.c_str()) == 0;
  // Nothing of the account that runs this server: no ~/.ssh/config, no known_hosts, no agent.
  good = good && ssh_options_set(session, SSH_OPTIONS_PROCESS_CONFIG, &no) == 0;
  good = good && ssh_options_set(session, SSH_OPTIONS_KNOWNHOSTS, "/dev/null") == 0;
  good = good && ssh_options_set(session, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null") == 0;
  good = good && ssh_options_set(session, SSH_OPTIONS_LOG_VERBOSITY, &level) == 0;
  good = good && ssh_options_set(session, SSH_OPTIONS_TIMEOUT, &seconds) == 0;
  good = good && ssh_options_set(session, SSH_OPTIONS_CIPHERS_C_S, ciphers) == 0;
  good = good && ssh_options_set(session, SSH_OPTIONS_CIPHERS_S_C, ciphers) == 0;
  good = good && ssh_options_set(session, SSH_OPTIONS_HOSTKEYS, host_keys.c_str()) == 0;
  good = good && ssh_options_set(session, SSH_OPTIONS_FD, &number) == 0;
  if (!good) return failed(ErrorCode::invalid_argument, "SFTP endpoint");
  {
    const std::lock_guard lock(mutex);
    socket = connected->release();  // libssh closes it
  }
  if (interrupted) return fail(ErrorCode::connection_lost, "interrupted");
  ssh_set_counters(session, nullptr, &counter);
  if (ssh_connect(session) != SSH_OK) return failed(ErrorCode::connection_lost, "SSH key exchange");
  return {};
}

// False: another type of host key may be the one that the fingerprints mean; this one was excluded.
Result<bool> Transport::State::check_host_key(const Login& login, std::vector<bool>& excluded) {
  ssh_key raw = nullptr;
  if (ssh_get_server_publickey(session, &raw) != SSH_OK) return failed(ErrorCode::connection_lost, "host key");
  const Key key(raw);
  const std::string sha256 = fingerprint(raw, SSH_PUBLICKEY_HASH_SHA256);
  const std::string md5 = fingerprint(raw, SSH_PUBLICKEY_HASH_MD5);
  if (sha256.empty()) return fail(ErrorCode::internal, "host key: no fingerprint");
  if (login.is_own && login.is_own(sha256)) {
    Error itself{ErrorCode::permission_denied,
                 "the SFTP endpoint is this server itself (allow_self_connections is off)"};
    return fail(with_trouble(std::move(itself), Trouble::own_server));
  }
  if (login.fingerprints.empty()) return true;
  for (const std::string& known : login.fingerprints) {
    if (known.empty()) continue;
    if (known == sha256) return true;
    if (!md5.empty() && (known == md5 || "MD5:" + known == md5)) return true;  // empty: the system has no MD5
  }
  excluded[family_of(raw)] = true;
  if (std::ranges::find(excluded, false) != excluded.end()) return false;
  Error strange{ErrorCode::permission_denied, "host key " + sha256 + " is not among the fingerprints"};
  return fail(with_trouble(std::move(strange), Trouble::host_key));
}

Result<bool> Transport::State::try_key(const Login& login) {
  ssh_key raw = nullptr;
  std::string passphrase(login.key_passphrase.text());
  std::string text(login.private_key.text());
  const int imported = ssh_pki_import_privkey_base64(text.c_str(), passphrase.empty() ? nullptr : passphrase.c_str(),
                                                     nullptr, nullptr, &raw);
  crypto::wipe(text.data(), text.size());
  crypto::wipe(passphrase.data(), passphrase.size());
  if (imported != SSH_OK) return fail(ErrorCode::authentication_failed, "the private key cannot be read");
  const Key key(raw);
  const int answer = ssh_userauth_publickey(session, nullptr, raw);
  if (answer == SSH_AUTH_ERROR) return failed(ErrorCode::connection_lost, "login by key");
  return answer == SSH_AUTH_SUCCESS;
}

Result<bool> Transport::State::try_password(const Login& login) {
  std::string password(login.password.text());
  const int answer = ssh_userauth_password(session, nullptr, password.c_str());
  crypto::wipe(password.data(), password.size());
  if (answer == SSH_AUTH_ERROR) return failed(ErrorCode::connection_lost, "login by password");
  return answer == SSH_AUTH_SUCCESS;
}

// keyboard-interactive: every question is answered with the password.
Result<bool> Transport::State::try_dialogue(const Login& login) {
  std::string password(login.password.text());
  int answer = ssh_userauth_kbdint(session, nullptr, nullptr);
  for (int round = 0; answer == SSH_AUTH_INFO && round < most_dialogue_rounds; ++round) {
    const int questions = ssh_userauth_kbdint_getnprompts(session);
    for (int i = 0; i < questions; ++i) {
      ssh_userauth_kbdint_setanswer(session, static_cast<unsigned>(i), password.c_str());
    }
    answer = ssh_userauth_kbdint(session, nullptr, nullptr);
  }
  crypto::wipe(password.data(), password.size());
  if (answer == SSH_AUTH_ERROR) return failed(ErrorCode::connection_lost, "keyboard-interactive login");
  return answer == SSH_AUTH_SUCCESS;
}

Result<void> Transport::State::authenticate(const Login& login) {
  const int none = ssh_userauth_none(session, nullptr);  // the server's list of methods comes with its refusal
  if (none == SSH_AUTH_SUCCESS) return {};
  if (none == SSH_AUTH_ERROR) return failed(ErrorCode::connection_lost, "login");
  std::string tried;
  if (!login.private_key.empty() && (ssh_userauth_list(session, nullptr) & SSH_AUTH_METHOD_PUBLICKEY) != 0) {
    const Result<bool> in = try_key(login);
    if (!in && (in.error().code != ErrorCode::authentication_failed || login.password.empty())) return fail(in.error());
    if (in && *in) return {};
    tried += " key";
  }
  if (!login.password.empty() && (ssh_userauth_list(session, nullptr) & SSH_AUTH_METHOD_PASSWORD) != 0) {
    const Result<bool> in = try_password(login);
    if (!in) return fail(in.error());
    if (*in) return {};
    tried += " password";
  }
  if (!login.password.empty() && (ssh_userauth_list(session, nullptr) & SSH_AUTH_METHOD_INTERACTIVE) != 0) {
    const Result<bool> in = try_dialogue(login);
    if (!in) return fail(in.error());
    if (*in) return {};
    tried += " keyboard-interactive";
  }
  return fail(ErrorCode::authentication_failed, "the SFTP server refuses the login; tried:" + tried);
}

Result<void> Transport::State::open_channel() {
  channel = ssh_channel_new(session);
  if (channel == nullptr) return failed(ErrorCode::internal, "channel");
  if (ssh_channel_open_session(channel) != SSH_OK) return failed(ErrorCode::connection_lost, "channel");
  if (ssh_channel_request_subsystem(channel, "sftp") != SSH_OK) return failed(ErrorCode::connection_lost, "sftp");
  const char* text = ssh_get_serverbanner(session);
  banner = text == nullptr ? "" : text;
  ssh_set_blocking(session, 0);
  event = ssh_event_new();
  if (event == nullptr || ssh_event_add_session(event, session) != SSH_OK) return failed(ErrorCode::internal, "event");
  return {};
}

Transport::Transport() : state_(std::make_unique<State>()) {}
Transport::~Transport() = default;
const std::string& Transport::server_banner() const { return state_->banner; }
std::uint64_t Transport::received() const { return state_->counter.in_bytes; }

Result<void> Transport::open(const Login& login) {
  std::vector<bool> excluded(host_key_families.size(), false);
  while (!state_->interrupted) {
    std::string host_keys;
    for (std::size_t i = 0; i < host_key_families.size(); ++i) {
      if (excluded[i]) continue;
      if (!host_keys.empty()) host_keys += ',';
      host_keys += host_key_families[i];
    }
    if (auto started = state_->start(login, host_keys); !started) {
      const bool other_type = std::ranges::find(excluded, true) != excluded.end();
      if (!other_type || started.error().code == ErrorCode::timeout) return started;
      Error strange{ErrorCode::permission_denied, "no host key of the server is among the fingerprints"};
      return fail(with_trouble(std::move(strange), Trouble::host_key));
    }
    const Result<bool> known = state_->check_host_key(login, excluded);
    if (!known) return fail(known.error());
    if (*known) {
      if (auto in = state_->authenticate(login); !in) return in;
      return state_->open_channel();
    }
    state_->reset();
  }
  return fail(ErrorCode::connection_lost, "interrupted");
}

Result<void> Transport::wait(std::chrono::milliseconds limit, int wake) {
  State& state = *state_;
  if (state.wake < 0) {
    const auto drain = [](socket_t number, int, void* user) -> int {
      std::uint64_t count = 0;
      [[maybe_unused]] const ssize_t got = ::read(number, &count, sizeof count);
      static_cast<State*>(user)->woken = true;
      return 0;
    };
    if (ssh_event_add_fd(state.event, wake, POLLIN, drain, state_.get()) != SSH_OK) {
      return state.failed(ErrorCode::internal, "event");
    }
    state.wake = wake;
  }
  if (std::exchange(state.woken, false)) limit = {};
  const int answer = ssh_event_dopoll(state.event, static_cast<int>(limit.count()));
  state.woken = false;
  if (state.interrupted) return fail(ErrorCode::connection_lost, "interrupted");
  if (answer == SSH_ERROR) return state.failed(ErrorCode::connection_lost, "SFTP server");
  return {};
}

bool Transport::may_write() const { return ssh_channel_window_size(state_->channel) > 0; }

Result<std::size_t> Transport::write(ByteSpan data) {
  State& state = *state_;
  const std::size_t room = std::min<std::size_t>(data.size(), ssh_channel_window_size(state.channel));
  if (room == 0) return std::size_t{0};
  const int sent = ssh_channel_write(state.channel, data.data(), static_cast<std::uint32_t>(room));
  if (sent < 0) return state.failed(ErrorCode::connection_lost, "SFTP server");
  return static_cast<std::size_t>(sent);
}

// What the remote program says beside the replies. libssh keeps it until it is read, and lets the server send more
// whatever lies unread: without this a server could fill the memory.
Result<void> Transport::State::drop_errors() const {
  std::array<std::byte, 16 * 1024> dropped;
  for (std::size_t total = 0; total < most_dropped_at_once;) {
    const int got = ssh_channel_read_nonblocking(channel, dropped.data(), dropped.size(), 1);
    if (got == SSH_ERROR) return failed(ErrorCode::connection_lost, "SFTP server");
    if (got <= 0) return {};
    total += static_cast<std::size_t>(got);
  }
  return {};
}

Result<std::size_t> Transport::read(MutableByteSpan into) {
  State& state = *state_;
  if (auto dropped = state.drop_errors(); !dropped) return fail(dropped.error());
  const int waiting = ssh_channel_poll(state.channel, 0);
  if (waiting == SSH_EOF || waiting == SSH_ERROR)
    return state.failed(ErrorCode::connection_lost, "SFTP channel closed");
  if (waiting == 0) {
    if (ssh_channel_is_closed(state.channel) != 0)
      return state.failed(ErrorCode::connection_lost, "SFTP channel closed");
    return std::size_t{0};
  }
  const std::size_t most = std::min(into.size(), static_cast<std::size_t>(waiting));
  const int got = ssh_channel_read_timeout(state.channel, into.data(), static_cast<std::uint32_t>(most), 0, 0);
  if (got < 0) return state.failed(ErrorCode::connection_lost, "SFTP server");
  return static_cast<std::size_t>(got);
}

void Transport::keep_alive() { ssh_send_keepalive(state_->session); }

void Transport::interrupt() {
  state_->interrupted = true;
  const std::lock_guard lock(state_->mutex);
  if (state_->socket >= 0) ::shutdown(state_->socket, SHUT_RDWR);
}

}  // namespace ferry::vfs::sftp
