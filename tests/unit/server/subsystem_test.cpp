#include "server/ssh/subsystem.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "tests/support/temp_directory.h"

namespace ferry::server {
namespace {

TEST(Journal, StandardErrorGoesThereBehindTheHeader) {
  const test::TempDirectory folder;
  const std::string path = folder.path() + "/journal";
  const Descriptor listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);

  const Descriptor kept(::dup(STDERR_FILENO));
  const auto sent = send_errors_to_journal(path);
  const ssize_t written = ::write(STDERR_FILENO, "a line\n", 7);
  ::dup2(kept.get(), STDERR_FILENO);
  ASSERT_TRUE(sent) << sent.error().message;
  EXPECT_EQ(written, 7);

  const Descriptor accepted(::accept(listener.get(), nullptr, nullptr));
  std::string text;
  char buffer[100];
  for (ssize_t count; (count = ::read(accepted.get(), buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(count));
  }
  EXPECT_EQ(text, "ferry\n\n6\n0\n0\n0\n0\na line\n");
}

TEST(Journal, WithoutOneIsAnError) {
  const auto sent = send_errors_to_journal("/no/such/socket");
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace ferry::server
