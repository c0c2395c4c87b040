// One conversation with the scp of this server, over a channel and a tree in memory.
#pragma once

#include <string>

#include "protocols/scp/scp.h"
#include "tests/support/run.h"
#include "tests/unit/sftp/fake_channel.h"
#include "tests/unit/sftp/fake_session.h"

namespace ferry::test {

struct ScpOutcome {
  int status = -1;
  std::string output;
};

inline ScpOutcome run_scp(FakeSession& session, std::string_view line, ByteSpan sent, ChannelShape shape = {}) {
  FakeChannel channel(sent, shape);
  const auto words = split_command_line(line);
  run(scp::serve(channel, session, *words));
  return {channel.exit_status, std::string(as_text(channel.output))};
}

}  // namespace ferry::test
