// What a channel needs of the connection that carries it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <string>

namespace ferry::ssh {

class OutputHost {
 public:
  // Offers what is pending to the socket without waiting.
  virtual void flush() = 0;
  virtual boost::asio::any_io_executor executor() = 0;
  virtual const std::string& connection_id() const = 0;
  // Of the link to the peer, as the kernel sees it; 0: not known.
  virtual std::chrono::microseconds round_trip() const = 0;

 protected:
  ~OutputHost() = default;
};

}  // namespace ferry::ssh
