// Payloads that a client sends, as RFC 4252, RFC 4253 and RFC 4254 lay them out.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "ssh/messages.h"

namespace ferry::ssh::test {

inline Bytes message(std::uint8_t number) { return ByteWriter().u8(number).take(); }
inline Bytes message(std::uint8_t number, std::uint32_t channel) { return ByteWriter().u8(number).u32(channel).take(); }

inline Bytes ignore_message() { return ByteWriter().u8(msg::ignore).string(std::string_view("nothing")).take(); }
inline Bytes debug_message() {
  return ByteWriter().u8(msg::debug).boolean(true).string(std::string_view("text")).string(std::string_view()).take();
}
inline Bytes unimplemented_message() { return ByteWriter().u8(msg::unimplemented).u32(0).take(); }
inline Bytes ping_message(std::string_view data) { return ByteWriter().u8(msg::ping).string(data).take(); }
inline Bytes disconnect_message(std::string_view text = "bye") {
  return ByteWriter().u8(msg::disconnect).u32(11).string(text).string(std::string_view()).take();
}

inline Bytes service_request(std::string_view name = "ssh-userauth") {
  return ByteWriter().u8(msg::service_request).string(name).take();
}
inline ByteWriter auth_request(std::string_view user, std::string_view method,
                               std::string_view service = "ssh-connection") {
  ByteWriter out;
  out.u8(msg::userauth_request).string(user).string(service).string(method);
  return out;
}
inline Bytes none_request(std::string_view user) { return auth_request(user, "none").take(); }
inline Bytes password_request(std::string_view user, std::string_view password) {
  return auth_request(user, "password").boolean(false).string(password).take();
}
inline Bytes dialogue_request(std::string_view user) {
  return auth_request(user, "keyboard-interactive").string(std::string_view()).string(std::string_view("pam")).take();
}
inline Bytes answers(std::initializer_list<std::string_view> texts) {
  ByteWriter out;
  out.u8(msg::userauth_info_response).u32(static_cast<std::uint32_t>(texts.size()));
  for (const std::string_view text : texts) out.string(text);
  return out.take();
}

inline Bytes global_request(std::string_view name, bool want_reply) {
  return ByteWriter().u8(msg::global_request).string(name).boolean(want_reply).take();
}
inline Bytes channel_open(std::uint32_t id, std::uint32_t window = 1 << 20, std::uint32_t max_packet = 32768,
                          std::string_view type = "session") {
  return ByteWriter().u8(msg::channel_open).string(type).u32(id).u32(window).u32(max_packet).take();
}
inline ByteWriter channel_request(std::uint32_t id, std::string_view type, bool want_reply = true) {
  ByteWriter out;
  out.u8(msg::channel_request).u32(id).string(type).boolean(want_reply);
  return out;
}
inline Bytes subsystem_request(std::uint32_t id, std::string_view name, bool want_reply = true) {
  return channel_request(id, "subsystem", want_reply).string(name).take();
}
inline Bytes exec_request(std::uint32_t id, std::string_view line) {
  return channel_request(id, "exec").string(line).take();
}
inline Bytes channel_data(std::uint32_t id, ByteSpan data) {
  return ByteWriter().u8(msg::channel_data).u32(id).string(data).take();
}
inline Bytes channel_stderr(std::uint32_t id, ByteSpan data) {
  return ByteWriter().u8(msg::channel_extended_data).u32(id).u32(1).string(data).take();
}
inline Bytes window_adjust(std::uint32_t id, std::uint32_t count) {
  return ByteWriter().u8(msg::channel_window_adjust).u32(id).u32(count).take();
}

inline std::uint8_t number_of(ByteSpan payload) { return std::to_integer<std::uint8_t>(payload[0]); }

}  // namespace ferry::ssh::test
