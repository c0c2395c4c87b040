#include "server/ssh/subsystem.h"

#include <pwd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <csignal>
#include <cstring>
#include <sstream>
#include <thread>

#include "base/descriptor.h"
#include "base/log.h"
#include "crypto/token.h"
#include "protocols/sftp/sftp.h"
#include "server/event_delivery.h"
#include "server/hooks.h"
#include "server/settings.h"
#include "server/ssh/stdio_channel.h"
#include "server/storages.h"
#include "server/version.h"

namespace ferry::server {

namespace {

struct SystemUser {
  std::string name, home;
};

Result<SystemUser> current_user() {
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> buffer(16 * 1024);
  const int error = ::getpwuid_r(::getuid(), &entry, buffer.data(), buffer.size(), &found);
  if (error != 0) return fail_errno(error, "getpwuid");
  if (found == nullptr) return fail(ErrorCode::not_found, "the system does not know who runs this");
  return SystemUser{found->pw_name, found->pw_dir};
}

Result<model::UserPtr> account_of(store::Accounts& accounts, const SystemUser& who, const SubsystemOptions& options) {
  const std::string home = options.base_home_dir.empty() ? who.home : options.base_home_dir + "/" + who.name;
  auto known = accounts.provider().user(accounts.stored_name(who.name));
  if (known && !options.preserve_home && (*known)->home_dir != home) {
    known = accounts.provider().change_user((*known)->username, [&home](model::User& user) -> Result<void> {
      user.home_dir = home;
      return {};
    });
  }
  if (known) return accounts.provider().effective_user((*known)->username);
  if (known.error().code != ErrorCode::not_found) return known;
  model::User user;
  user.username = accounts.stored_name(who.name);
  user.home_dir = home;
  user.permissions["/"] = {"*"};
  auto added = accounts.add_user(std::move(user));
  // Two conversations of one user may begin at once.
  if (!added && added.error().code == ErrorCode::already_exists) return accounts.provider().user(who.name);
  return added;
}

// Where the client is, as sshd says it.
presence::ConnectionInfo connection_info() {
  presence::ConnectionInfo info;
  info.id = "SFTP_" + crypto::random_id() + "_1";
  info.protocol = "SFTP";
  const char* text = std::getenv("SSH_CONNECTION");
  std::istringstream words(text != nullptr ? text : "");
  std::string remote_port, local_ip, local_port;
  words >> info.client_ip >> remote_port >> local_ip >> local_port;
  if (!words) return info;
  info.remote_address = info.client_ip + ":" + remote_port;
  info.local_address = local_ip + ":" + local_port;
  return info;
}

// What waits for hooks when the conversation ends goes with the process: they are given a moment. Uploads that were cut
// off end on the pool, and hold the stream until they have told; `holders` is how many do so that have nothing to tell.
void deliver_rest(store::Provider& provider, const std::shared_ptr<events::Stream>& stream, long holders) {
  constexpr std::chrono::seconds longest{10};
  const auto until = std::chrono::steady_clock::now() + longest;
  while (true) {
    const bool telling = stream.use_count() > holders;
    const auto left = provider.count_notifications();
    const std::size_t waiting = left ? left->waiting : 0;
    if (!telling && waiting == 0) return;
    if (std::chrono::steady_clock::now() > until) {
      log::error("server", "", "{} notifications were not delivered and are lost", waiting);
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

Task<Result<int>> converse(model::UserPtr user, session::Services services) {
  const auto executor = co_await asio::this_coro::executor;
  presence::ConnectionInfo info = connection_info();
  auto channel = StdioChannel::open(executor, STDIN_FILENO, STDOUT_FILENO, info.id);
  if (!channel) co_return fail(channel.error());
  info.gone = [&stdio = **channel] { return stdio.closed(); };
  auto session = co_await session::open_session(std::move(user), info, std::move(services));
  if (!session) co_return fail(session.error());
  sftp::Options options;
  options.product_version = version();
  co_await sftp::serve(**channel, **session, options);
  co_await (*channel)->drain();
  co_return (*channel)->exit_status();
}

}  // namespace

Result<int> run_subsystem(config::Loaded loaded, SubsystemOptions options) {
  if (!options.base_home_dir.empty() && !options.base_home_dir.starts_with('/')) {
    return fail(ErrorCode::invalid_argument, "--base-home-dir: expected an absolute path");
  }
  std::signal(SIGPIPE, SIG_IGN);
  config::DataProvider& data = loaded.config.data_provider;
  if (data.driver == "sqlite" || data.driver == "bolt") data.driver = "memory";
  auto who = current_user();
  if (!who) return fail(who.error());
  auto provider = open_provider(data, options.directory, false);
  if (!provider) return fail(provider.error());
  auto rules = account_options(loaded.config);
  if (!rules) return fail(rules.error());
  const auto storages = std::make_shared<Storages>(StorageOptions{.master_key = rules->master_key});
  store::Accounts accounts(**provider, std::move(*rules));
  auto user = account_of(accounts, *who, options);
  if (!user) return fail(user.error().code, "account " + who->name + ": " + user.error().message);
  if ((*user)->status != 1) return fail(ErrorCode::permission_denied, "account " + who->name + " is disabled");

  auto rules_of_sessions = session_options(loaded.config.common, options.directory);
  if (!rules_of_sessions) return fail(rules_of_sessions.error());
  // Hooks are run as by the server; nobody could search an audit log that ends with the process.
  config::Common::Audit& audit = loaded.config.common.audit;
  audit.fs_events = audit.provider_events = audit.log_events = 0;
  auto made = make_hooks(loaded.config, options.directory);
  if (!made) return fail(made.error());
  const std::shared_ptr<events::Hooks> hooks = std::move(*made);
  auto events = EventDelivery::make(loaded.config, **provider, hooks);
  if (!events) return fail(events.error());
  (*events)->start();
  const std::shared_ptr<events::Stream>& stream = (*events)->stream();
  const long holders = stream.use_count();
  session::Services services{.registry = std::make_shared<presence::Registry>(),
                             .options = std::move(*rules_of_sessions),
                             .storage = factory_of(storages),
                             .events = stream};
  asio::io_context io;
  Result<int> status = fail(ErrorCode::internal, "the conversation did not end");
  asio::co_spawn(io, converse(std::move(*user), std::move(services)),
                 [&](std::exception_ptr thrown, Result<int> result) {
                   if (!thrown) status = std::move(result);
                 });
  io.run();
  deliver_rest(**provider, stream, holders);
  (*events)->stop();
  hooks->close(std::chrono::seconds(5));
  finish_blocking_work();
  return status;
}

// The journal's stream protocol: seven lines of what follows, then the text itself (sd_journal_stream_fd(3)).
Result<void> send_errors_to_journal(const std::string& socket) {
  Descriptor stream(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!stream) return fail_errno(errno, "socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.size() >= sizeof address.sun_path) return fail(ErrorCode::invalid_argument, "journal: path too long");
  std::memcpy(address.sun_path, socket.c_str(), socket.size() + 1);
  if (::connect(stream.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail_errno(errno, "the journal at " + socket);
  }
  // Identifier, unit, priority (6: info), no prefixes, not on to syslog, kernel log or console.
  constexpr std::string_view header = "ferry\n\n6\n0\n0\n0\n0\n";
  if (::write(stream.get(), header.data(), header.size()) != static_cast<ssize_t>(header.size()) ||
      ::dup2(stream.get(), STDERR_FILENO) < 0) {
    return fail_errno(errno, "the journal at " + socket);
  }
  return {};
}

}  // namespace ferry::server
