// A service on loopback that answers what a test says, in ways that no emulator does. Each request comes on a
// connection of its own, one after another.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace ferry::test {

class ScriptedService {
 public:
  // Called on the service's thread with a whole request, its body among it; what it returns is sent as it is.
  using Answer = std::function<std::string(const std::string& request)>;

  explicit ScriptedService(Answer answer) : answer_(std::move(answer)), thread_([this] { serve(); }) {}
  // One answer for each request; after the last, the last again.
  explicit ScriptedService(std::vector<std::string> answers)
      : ScriptedService([answers = std::move(answers), next = std::size_t{0}](const std::string&) mutable {
          return answers[std::min(next++, answers.size() - 1)];
        }) {}
  ~ScriptedService() {
    ended_ = true;
    boost::system::error_code ignored;
    boost::asio::ip::tcp::socket last(context_);
    last.connect(acceptor_.local_endpoint(), ignored);  // ends accept()
    last.close(ignored);
    thread_.join();
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()); }
  std::vector<std::string> requests() const {
    const std::scoped_lock lock(mutex_);
    return requests_;
  }

  // "200 OK", "Name: value\r\n"...
  static std::string answer(const std::string& status, const std::string& headers, const std::string& body) {
    return "HTTP/1.1 " + status + "\r\nConnection: close\r\n" + headers +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  static std::string error(const std::string& status, const std::string& code, const std::string& headers = "") {
    return answer(status, headers, "<Error><Code>" + code + "</Code><Message>why</Message></Error>");
  }

 private:
  void serve() {
    using boost::asio::ip::tcp;
    while (!ended_) {
      tcp::socket socket(context_);
      boost::system::error_code error;
      acceptor_.accept(socket, error);
      std::string text;
      std::size_t size = boost::asio::read_until(socket, boost::asio::dynamic_buffer(text), "\r\n\r\n", error);
      if (error) continue;
      constexpr std::string_view field = "Content-Length: ";
      if (const std::size_t at = text.find(field); at < size) {
        std::size_t body = 0;
        std::from_chars(text.data() + at + field.size(), text.data() + size, body);
        size += body;
      }
      if (text.size() < size) {
        boost::asio::read(socket, boost::asio::dynamic_buffer(text), boost::asio::transfer_exactly(size - text.size()),
                          error);
      }
      {
        const std::scoped_lock lock(mutex_);
        requests_.push_back(text);
      }
      boost::asio::write(socket, boost::asio::buffer(answer_(text)), error);
      socket.shutdown(tcp::socket::shutdown_send, error);
      char rest[512];
      while (!error) socket.read_some(boost::asio::buffer(rest), error);  // what is unread would reset the connection
    }
  }

  boost::asio::io_context context_;
  boost::asio::ip::tcp::acceptor acceptor_{context_, {boost::asio::ip::address_v4::loopback(), 0}};
  Answer answer_;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

}  // namespace ferry::test
