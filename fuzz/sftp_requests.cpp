// SFTP requests over a small tree in memory. The stream of requests is the input; each answered request gets one
// reply of a known type, and every handle is given back at the end.
#include <gtest/gtest.h>

#include "fuzz/input.h"
#include "tests/unit/sftp/client.h"

using namespace ferry;

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  GTEST_FLAG_SET(throw_on_failure, true);  // a failed expectation of the helpers is a crash
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, size);
  test::ChannelShape shape;
  const std::uint8_t how = in.byte();
  if (how & 1U) shape.portion = std::size_t{in.byte()} + 1;
  if (how & 2U) shape.fragment = std::size_t{in.byte()} + 1;
  if (how & 4U) shape.breaks_after = in.two();
  test::Requests requests((how & 8U) == 0);
  while (!in.empty()) {
    if (how & 16U) {
      requests.raw(in.message());
    } else {
      ByteWriter fields;
      const auto type = static_cast<sftp::Packet>(in.byte());
      requests.add(type, fields.bytes(in.take(in.byte())));
    }
  }
  test::FakeSession session;
  session.add_directory("/d");
  session.add_file("/d/f", std::string(5000, 'x'));
  session.storage.waits = (how & 32U) != 0;
  test::FakeChannel channel(requests.bytes(), shape);
  test::serve(channel, session);
  if ((how & 12U) == 0) test::take_apart(channel.output, true);
  fuzz::require(session.storage.open_handles == 0);
  return 0;
}
