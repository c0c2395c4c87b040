#include "base/trouble.h"

#include <utility>

namespace ferry {

std::string_view to_string(Trouble trouble) {
  switch (trouble) {
    case Trouble::host_not_found: return "host_not_found";
    case Trouble::refused: return "refused";
    case Trouble::unreachable: return "unreachable";
    case Trouble::certificate: return "certificate";
    case Trouble::tls: return "tls";
    case Trouble::host_key: return "host_key";
    case Trouble::own_server: return "own_server";
    case Trouble::clock: return "clock";
    case Trouble::no_bucket: return "no_bucket";
    case Trouble::wrong_region: return "wrong_region";
    case Trouble::bad_key: return "bad_key";
  }
  return {};
}

Error with_trouble(Error error, Trouble trouble) {
  error.message += " [" + std::string(to_string(trouble)) + "]";
  return error;
}

std::optional<Trouble> trouble_of(const Error& error) {
  const std::string_view message = error.message;
  const std::size_t begin = message.rfind('[');
  if (begin == std::string_view::npos || !message.ends_with(']')) return std::nullopt;
  const std::string_view word = message.substr(begin + 1, message.size() - begin - 2);
  for (int i = 0; i <= static_cast<int>(Trouble::bad_key); ++i) {
    const auto one = static_cast<Trouble>(i);
    if (word == to_string(one)) return one;
  }
  return std::nullopt;
}

}  // namespace ferry
