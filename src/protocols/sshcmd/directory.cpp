// cd and pwd: for clients that find out so where they are. Every channel begins in the account's start directory and
// has no other, so `cd` has nothing to change.
#include "protocols/sshcmd/commands.h"

namespace ferry::sshcmd {

Task<int> change_directory(Invocation) { co_return 0; }

Task<int> print_directory(Invocation call) {
  co_await call.print(call.session.start_directory().text() + '\n');
  co_return 0;
}

}  // namespace ferry::sshcmd
