// The scp protocol, both ends, over a small tree in memory: whatever the client sends, the conversation ends and every
// handle is given back.
#include <gtest/gtest.h>

#include "fuzz/input.h"
#include "tests/unit/scp/conversation.h"

using namespace ferry;

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  GTEST_FLAG_SET(throw_on_failure, true);  // a failed expectation of the helpers is a crash
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::string_view lines[] = {"scp -r -p -t /d", "scp -t /d/x", "scp -r -p -f / /d", "scp -f /d/* /none"};
  fuzz::Input in(data, size);
  const std::uint8_t how = in.byte();
  test::ChannelShape shape;
  if (how & 4U) shape.portion = std::size_t{in.byte()} + 1;
  if (how & 8U) shape.fragment = std::size_t{in.byte()} + 1;
  if (how & 16U) shape.breaks_after = in.two();
  test::FakeSession session;
  session.add_directory("/d");
  session.add_file("/d/f", std::string(5000, 'x'));
  session.storage.waits = (how & 32U) != 0;
  const test::ScpOutcome outcome = test::run_scp(session, lines[how & 3U], in.rest(), shape);
  fuzz::require(session.storage.open_handles == 0 && outcome.status >= 0);
  return 0;
}
