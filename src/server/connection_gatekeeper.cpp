#include "server/connection_gatekeeper.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/host_of.h"
#include "base/log.h"

namespace ferry::server {

namespace {

using net::Refusal;
using net::Ticket;
using net::Visitor;
using Checked = std::expected<void, Refusal>;

constexpr auto as_tuple = asio::as_tuple(asio::use_awaitable);

// Protocols whose clients make many requests on a connection: these are counted, not the connections.
bool counts_requests(Protocol protocol) { return protocol == Protocol::http || protocol == Protocol::webdav; }

}  // namespace

Task<Checked> ConnectionGatekeeper::check_lists(Visitor visitor) {
  using Verdict = auth::IpRules::Verdict;
  if (allow_list_only_ && rules_.on(model::IpListType::allow_list, visitor.ip, visitor.protocol) != Verdict::allow) {
    co_return std::unexpected(Refusal{"it is not on the allow list"});
  }
  if (defender_ == nullptr) co_return Checked();
  auto checked = co_await defender_->check(visitor.ip, visitor.protocol);
  if (checked) co_return Checked();
  // Nobody gets in while nobody can tell who is banned.
  if (checked.error().code != ErrorCode::permission_denied) {
    log::warn("server", "", "{} client {} refused: {}", to_string(visitor.protocol), visitor.ip.to_string(),
              checked.error().message);
  }
  co_return std::unexpected(Refusal{std::move(checked.error().message)});
}

Task<Checked> ConnectionGatekeeper::check_rate(Visitor visitor) {
  const auto verdict = limiters_.ask(visitor.protocol, visitor.ip, auth::RateLimiters::Clock::now());
  if (!verdict.admitted) {
    if (verdict.for_the_defender && defender_ != nullptr) {
      defender_->failed(visitor.ip, auth::HostEvent::limit_exceeded);
    }
    const auto later = std::chrono::ceil<std::chrono::milliseconds>(verdict.wait);
    co_return std::unexpected(Refusal{"too many come", std::max(later, std::chrono::milliseconds(1))});
  }
  if (verdict.wait.count() == 0) co_return Checked();
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, verdict.wait);
  const auto [error] = co_await timer.async_wait(as_tuple);
  if (error) co_return std::unexpected(Refusal{error.message()});
  co_return Checked();
}

Task<std::expected<Ticket, Refusal>> ConnectionGatekeeper::admit(Visitor visitor) {
  auto checked = co_await check_lists(visitor);
  if (!checked) co_return std::unexpected(std::move(checked.error()));
  if (!counts_requests(visitor.protocol)) {
    auto in_time = co_await check_rate(visitor);
    if (!in_time) co_return std::unexpected(std::move(in_time.error()));
  }
  const std::string ip = visitor.ip.to_string();
  auto place = registry_->admit(host_of(visitor.ip, ipv6_prefix_).to_string());
  if (!place) {
    const bool too_many_of_one = place.error().code == ErrorCode::limit_exceeded;
    if (too_many_of_one && defender_ != nullptr) defender_->failed(visitor.ip, auth::HostEvent::limit_exceeded);
    log::warn("server", "", "{} client {} refused: {}", to_string(visitor.protocol), ip, place.error().message);
    co_return std::unexpected(Refusal{place.error().message, std::chrono::seconds(1)});
  }
  auto ticket = std::make_shared<presence::Admission>(std::move(*place));
  // Where clients make many requests the hook is asked when a user logs in: monitors and administrators' programs must
  // not start a program with every connection.
  if (connect_.decides() && !counts_requests(visitor.protocol)) {
    const bool welcome = co_await connect_.lets_in(ip, std::string(to_string(visitor.protocol)));
    if (!welcome) co_return std::unexpected(Refusal{"the post-connect hook says no"});
  }
  co_return ticket;
}

Task<Checked> ConnectionGatekeeper::admit_request(Visitor visitor) {
  auto checked = co_await check_lists(visitor);
  if (!checked) co_return std::unexpected(std::move(checked.error()));
  Checked in_time = co_await check_rate(visitor);
  co_return in_time;
}

}  // namespace ferry::server
