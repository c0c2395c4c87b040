// Facts about the connection of a session: set once by the protocol.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace ferry::presence {

struct ConnectionInfo {
  std::string id;              // unique, e.g. "SFTP_5f0c..._1"; in every log line
  std::string protocol;        // SFTP, SCP, SSH, FTP, DAV, HTTP, ... as logs and REST name them
  std::string local_address;   // ip:port
  std::string remote_address;  // ip:port
  std::string client_ip;       // without port
  std::string client_version;  // what the client says of itself
  bool counted = true;         // counts against the account's max_sessions
  std::string command = {};    // the SSH command it runs; empty for file protocols
  // Ends this connection when an administrator or the idle timer says so. Called from any thread, perhaps
  // more than once and after the connection is gone: post to the connection's executor, own nothing of it.
  std::function<void()> disconnect = {};
  // Whether the client has left. Asked on the connection's thread while the session makes the client wait (bandwidth).
  std::function<bool()> gone = {};
  // When the login was active last, in Unix milliseconds: shared by all sessions of one login, so that none of them is
  // ended as idle while another works. Set by Registry::keep_login().
  std::shared_ptr<std::atomic<std::int64_t>> login_activity = {};
};

}  // namespace ferry::presence
