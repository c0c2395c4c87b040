// What a server's listeners and connections share. Internal to src/http.
#pragma once

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "http/server.h"

namespace ferry::http {

// A connection as the server sees it. Both calls are made on the connection's own executor.
class ConnectionHandle {
 public:
  virtual ~ConnectionHandle() = default;
  // Closes an idle connection; a busy one closes after its response.
  virtual void drain() = 0;
  virtual void close() = 0;
};

struct Server::State : std::enable_shared_from_this<Server::State> {
  State(std::vector<asio::io_context*> io_contexts, Router routes, ServerOptions server_options);

  // Takes a place for a connection; no value when the server is full or stopping.
  class Place;
  std::unique_ptr<Place> take_place(std::weak_ptr<ConnectionHandle> connection, asio::any_io_executor executor);
  // Takes part of max_body_memory; false when too little is left.
  bool reserve_body(std::size_t size);
  void release_body(std::size_t size) { body_memory -= size; }
  std::string next_request_id();

  const std::vector<asio::io_context*> contexts;
  const Router router;
  const ServerOptions options;
  std::string request_id_prefix;
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::size_t> body_memory{0};

  struct Member {
    std::weak_ptr<ConnectionHandle> connection;
    asio::any_io_executor executor;
  };
  mutable std::mutex mutex;  // guards all below
  bool draining = false;
  std::uint64_t next_member = 0;
  std::unordered_map<std::uint64_t, Member> members;
  std::vector<std::unique_ptr<net::Listener>> listeners;
};

class Server::State::Place {
 public:
  Place(std::shared_ptr<State> state, std::uint64_t id) : state_(std::move(state)), id_(id) {}
  ~Place();
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

 private:
  std::shared_ptr<State> state_;
  std::uint64_t id_;
};

// Serves one accepted connection on its own executor, in connection.cpp.
void start_connection(std::shared_ptr<Server::State> state, asio::ip::tcp::socket socket, net::Endpoints ends,
                      net::Ticket ticket, std::shared_ptr<const Binding> binding);

}  // namespace ferry::http
