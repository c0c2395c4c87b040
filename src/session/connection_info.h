// Who is connected, from where, over what: set once by the protocol when a client connects.
#pragma once

#include <string>
#include <string_view>

namespace ferry::session {

struct ConnectionInfo {
  std::string id;              // unique, e.g. "SFTP_5f0c..._1"; in every log line
  std::string protocol;        // SFTP, SCP, SSH, FTP, DAV, HTTP, ... as logs and REST name them
  std::string local_address;   // ip:port
  std::string remote_address;  // ip:port
  std::string client_ip;       // without port
  std::string client_version;  // what the client says of itself
};

}  // namespace ferry::session
