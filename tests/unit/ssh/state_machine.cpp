// Every message number, with three bodies, in every state of a connection: what the server does is what the table
// below says. Before authentication no message reaches a channel, a service or the handler's login.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/unit/ssh/memory_server.h"
#include "tests/unit/ssh/packet_support.h"

namespace ferry::ssh::test {
namespace {

// --- states ---

void before_version(MemoryServer& server) {
  server.client.automatic = false;
  server.pump();
}
void before_kexinit(MemoryServer& server) {
  before_version(server);
  server.connect();
}
void after_kexinit(MemoryServer& server) {
  before_kexinit(server);
  server.client.send_kexinit();
  server.pump();
}
void before_newkeys(MemoryServer& server) {
  after_kexinit(server);
  server.client.send_kex_init();
  server.pump();
}
void before_service(MemoryServer& server) {
  before_newkeys(server);
  server.client.send_newkeys();
  server.pump();
}
void before_auth(MemoryServer& server) {
  before_service(server);
  server.say(service_request());
}
void in_dialogue(MemoryServer& server) {
  before_auth(server);
  server.handler.dialogue = {{.instruction = {}, .prompts = {{"Password: ", false}}}};
  server.say(dialogue_request("user"));
}
void after_partial(MemoryServer& server) {
  before_auth(server);
  static const PrivateKey key = PrivateKey::generate(PrivateKey::Kind::ed25519);
  server.handler.keys = {key.public_key()};
  server.handler.key_then_password = true;
  const Bytes request = auth_request("user", "publickey")
                            .boolean(true)
                            .string(std::string_view("ssh-ed25519"))
                            .string(key.public_key().blob())
                            .take();
  const Bytes signature =
      *key.sign("ssh-ed25519", ByteWriter().string(server.client.session_id()).bytes(request).data());
  server.say(ByteWriter().bytes(request).string(signature).take());
  ASSERT_EQ(server.client.take(51), ByteWriter().u8(51).string(std::string_view("password")).boolean(true).take());
}
void logged_in(MemoryServer& server) {
  before_auth(server);
  server.say(password_request("user", "right"));
}
void serving(MemoryServer& server) {
  logged_in(server);
  server.open_service(70, "stubborn");
}
void after_our_close(MemoryServer& server) {
  logged_in(server);
  server.open_service(70, "quiet");
  ASSERT_TRUE(server.client.got(97));
}
void after_both_closes(MemoryServer& server) {
  after_our_close(server);
  server.say(message(97, 0));
}
void rekey_by_client(MemoryServer& server) {
  serving(server);
  server.client.send_kexinit();
  server.pump();
}
void rekey_before_newkeys(MemoryServer& server) {
  rekey_by_client(server);
  server.client.send_kex_init();
  server.pump();
}
void rekey_by_server(MemoryServer& server) {
  serving(server);
  server.transport.rekey_if_due(server.time + std::chrono::hours(2));
  server.pump();
}

// --- bodies ---

Bytes plausible(std::uint8_t number) {
  switch (number) {
    case 1: return disconnect_message();
    case 2: return ignore_message();
    case 3: return unimplemented_message();
    case 4: return debug_message();
    case 5: return service_request();
    case 6: return ByteWriter().u8(6).string(std::string_view("ssh-userauth")).take();
    case 7:
      return ByteWriter()
          .u8(7)
          .u32(1)
          .string(std::string_view("ext-info-in-auth@openssh.com"))
          .string(std::string_view("0"))
          .take();
    case 20: return Kexinit{}.payload();
    case 21: return message(21);
    case 30: return ByteWriter().u8(30).string(Bytes(32, std::byte{9})).take();
    case 50: return password_request("user", "wrong");
    case 61: return answers({"wrong"});
    case 80: return global_request("tcpip-forward", true);
    case 90: return channel_open(71);
    case 91: return ByteWriter().u8(91).u32(0).u32(0).u32(1000).u32(1000).take();
    case 92: return ByteWriter().u8(92).u32(0).u32(1).string(std::string_view("no")).string(std::string_view()).take();
    case 93: return window_adjust(0, 1000);
    case 94: return channel_data(0, pattern(50));
    case 95: return channel_stderr(0, pattern(50));
    case 96:
    case 97:
    case 99:
    case 100: return message(number, 0);
    case 98: return subsystem_request(0, "echo");
    case 192: return ping_message("data");
    default: return ByteWriter().u8(number).u32(0).u32(0).take();
  }
}

enum Body { plausible_body, empty_body, garbage_body };

Bytes make(std::uint8_t number, Body body) {
  if (body == plausible_body) return plausible(number);
  ByteWriter out;
  out.u8(number);
  if (body == garbage_body) out.bytes(Bytes(16, std::byte{0xee})).bytes(pattern(60, number));
  return out.take();
}

// --- the table ---

// "nothing": taken in silence. "gone": ends, as the client asked. "error": ends with DISCONNECT. "unimplemented".
// Numbers: the messages that answer.
using Outcome = std::string;

struct Row {
  int from, to;
  Outcome with_plausible, with_empty, with_garbage;
};

struct State {
  const char* name;
  void (*reach)(MemoryServer&);
  bool strict;  // offered by the client
  bool authenticated;
  Outcome otherwise;
  std::vector<Row> rows;
};

Row same(int from, int to, const Outcome& outcome) { return {from, to, outcome, outcome, outcome}; }

// What an authenticated client may say, channels apart.
std::vector<Row> authenticated_rows(std::vector<Row> channel_rows) {
  std::vector<Row> rows{same(1, 1, "gone"),
                        same(2, 4, "nothing"),
                        {20, 20, "20", "error", "error"},
                        same(21, 49, "error"),
                        same(50, 50, "nothing"),  // RFC 4252 section 5.1
                        {80, 80, "82", "error", "error"},
                        same(81, 82, "nothing"),
                        {90, 90, "91", "error", "error"},
                        same(91, 92, "error"),
                        {192, 192, "193", "error", "error"}};
  rows.insert(rows.end(), channel_rows.begin(), channel_rows.end());
  return rows;
}

std::vector<State> states() {
  const Row gone = same(1, 1, "gone");
  const Row harmless = same(2, 4, "nothing");
  const Row kexinit{20, 20, "nothing", "error", "error"};
  const Row kex_init{30, 30, "31 21", "error", "error"};
  const Row newkeys{21, 21, "nothing", "nothing", "error"};
  const Row rekey{20, 20, "20", "error", "error"};
  const Row ext_info = same(7, 7, "nothing");
  const Row service{5, 5, "6", "error", "error"};
  const Row wrong_password{50, 50, "51", "error", "error"};
  const Row ping{192, 192, "193", "error", "error"};
  return {
      {"BeforeVersion", before_version, true, false, "error", {}},
      {"BeforeKexinit", before_kexinit, true, false, "error", {gone, kexinit, harmless}},
      {"AfterKexinit", after_kexinit, true, false, "error", {gone, kex_init}},
      {"AfterKexinitNotStrict", after_kexinit, false, false, "error", {gone, kex_init, harmless}},
      {"BeforeNewkeys", before_newkeys, true, false, "error", {gone, newkeys}},
      {"BeforeNewkeysNotStrict", before_newkeys, false, false, "error", {gone, newkeys, harmless}},
      {"BeforeService", before_service, true, false, "error", {gone, harmless, rekey, service, ext_info, ping}},
      {"BeforeAuth",
       before_auth,
       true,
       false,
       "error",
       {gone, harmless, rekey, service, ext_info, ping, wrong_password}},
      {"AfterPartial",
       after_partial,
       true,
       false,
       "error",
       {gone, harmless, rekey, service, ext_info, ping, wrong_password}},
      {"InDialogue",
       in_dialogue,
       true,
       false,
       "error",
       {gone, harmless, rekey, service, ext_info, ping, wrong_password, {61, 61, "51", "error", "51"}}},
      {"LoggedIn", logged_in, true, true, "unimplemented", authenticated_rows({same(93, 100, "error")})},
      {"Serving", serving, true, true, "unimplemented",
       authenticated_rows({{93, 97, "nothing", "error", "error"},
                           {98, 98, "100", "error", "error"},
                           {99, 100, "nothing", "error", "error"}})},
      {"AfterOurClose", after_our_close, true, true, "unimplemented",
       authenticated_rows({{93, 100, "nothing", "error", "error"}})},
      {"AfterBothCloses", after_both_closes, true, true, "unimplemented", authenticated_rows({same(93, 100, "error")})},
      {"RekeyByClient", rekey_by_client, true, true, "error", {gone, harmless, kex_init}},
      {"RekeyBeforeNewkeys", rekey_before_newkeys, true, true, "error", {gone, harmless, newkeys}},
      // Our KEXINIT is out, the client's is not: it may still talk, but is answered afterwards.
      {"RekeyByServer",
       rekey_by_server,
       true,
       true,
       "nothing",
       {gone,
        {20, 20, "nothing", "error", "error"},
        same(21, 49, "error"),
        {80, 80, "nothing", "error", "error"},
        {90, 90, "nothing", "error", "error"},
        same(91, 92, "error"),
        {93, 100, "nothing", "error", "error"},
        {192, 192, "nothing", "error", "error"}}},
  };
}

Outcome expected(const State& state, int number, Body body) {
  for (const Row& row : state.rows) {
    if (number < row.from || number > row.to) continue;
    return body == plausible_body ? row.with_plausible : body == empty_body ? row.with_empty : row.with_garbage;
  }
  return state.otherwise;
}

Outcome observe(MemoryServer& server, const Bytes& payload) {
  server.client.numbers.clear();
  const std::uint32_t sequence = server.client.send_sequence();
  if (payload == plausible(msg::kex_init) && server.client.negotiated().key_agreement != nullptr) {
    server.client.send_kex_init();  // with a key that the client knows
  } else {
    server.client.send(payload);
  }
  if (server.client.send_sequence() == 1 && server.transport.client_version().empty()) {
    server.client.send_raw(Bytes(300));  // no line of a version ever comes
  }
  server.pump();
  EXPECT_EQ(server.client.violation, "");
  if (server.error) return server.error->code == ErrorCode::connection_lost ? "gone" : "error";
  if (server.client.numbers == std::vector<std::uint8_t>{3}) {
    EXPECT_EQ(server.client.received.back(), ByteWriter().u8(3).u32(sequence).take());
    return "unimplemented";
  }
  Outcome answers;
  for (const std::uint8_t number : server.client.numbers)
    answers += (answers.empty() ? "" : " ") + std::to_string(number);
  return answers.empty() ? "nothing" : answers;
}

class StateMachine : public testing::TestWithParam<State> {};
INSTANTIATE_TEST_SUITE_P(All, StateMachine, testing::ValuesIn(states()),
                         [](const auto& info) { return info.param.name; });

TEST_P(StateMachine, EveryMessage) {
  const State& state = GetParam();
  for (int number = 0; number < 256; ++number) {
    for (const Body body : {plausible_body, empty_body, garbage_body}) {
      MemoryServer server;
      server.client.strict = state.strict;
      server.client.ext_info = false;
      ASSERT_NO_FATAL_FAILURE(state.reach(server));
      ASSERT_FALSE(server.error) << server.error->message;
      const std::vector<std::string> calls_before = server.handler.calls;
      const auto what = [&] { return "message " + std::to_string(number) + " body " + std::to_string(body); };
      ASSERT_EQ(observe(server, make(static_cast<std::uint8_t>(number), body)), expected(state, number, body))
          << what();

      EXPECT_EQ(server.authenticated, state.authenticated) << what();
      if (state.authenticated) continue;
      EXPECT_TRUE(server.handler.services_started.empty()) << what();
      EXPECT_EQ(server.services_running, 0) << what();
      std::vector<std::string> calls = server.handler.calls;
      calls.erase(calls.begin(), calls.begin() + static_cast<std::ptrdiff_t>(calls_before.size()));
      const bool asked_to_log_in = (number == 50 || number == 61) && expected(state, number, body) == "51";
      EXPECT_EQ(!calls.empty(), asked_to_log_in) << what();
      const std::set<std::string> harmless{"banner", "password user", "abandon", "answers wrong", "none user"};
      for (const std::string& call : calls) EXPECT_TRUE(harmless.contains(call)) << call;
    }
  }
}

// What a client says before it may, all at once and again after its login failed, never reaches a channel.
TEST(StateMachineRun, ChannelMessagesAroundAuthentication) {
  for (const Bytes& early : {channel_open(1), subsystem_request(0, "echo"), exec_request(0, "echo"),
                             channel_data(0, pattern(5)), global_request("x", true)}) {
    for (void (*reach)(MemoryServer&) : {before_service, before_auth, in_dialogue, after_partial}) {
      MemoryServer server;
      server.client.ext_info = false;
      reach(server);
      server.client.send(early);
      server.client.send(password_request("user", "right"));
      server.client.send(channel_open(1));
      server.client.send(exec_request(0, "echo"));
      server.pump();
      ASSERT_TRUE(server.error);
      EXPECT_FALSE(server.authenticated);
      EXPECT_FALSE(server.client.got(52));
      EXPECT_FALSE(server.client.got(91));
      EXPECT_TRUE(server.handler.services_started.empty());
    }
  }
}

}  // namespace
}  // namespace ferry::ssh::test
