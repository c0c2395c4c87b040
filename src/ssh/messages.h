// Message numbers and reason codes (RFC 4250 section 4.1, RFC 4252, RFC 4253, RFC 4254, RFC 8308).
#pragma once

#include <cstdint>

namespace ferry::ssh {

namespace msg {
inline constexpr std::uint8_t disconnect = 1;
inline constexpr std::uint8_t ignore = 2;
inline constexpr std::uint8_t unimplemented = 3;
inline constexpr std::uint8_t debug = 4;
inline constexpr std::uint8_t service_request = 5;
inline constexpr std::uint8_t service_accept = 6;
inline constexpr std::uint8_t ext_info = 7;
inline constexpr std::uint8_t kexinit = 20;
inline constexpr std::uint8_t newkeys = 21;
inline constexpr std::uint8_t kex_init = 30;   // KEXDH_INIT, KEX_ECDH_INIT
inline constexpr std::uint8_t kex_reply = 31;  // KEXDH_REPLY, KEX_ECDH_REPLY
inline constexpr std::uint8_t userauth_request = 50;
inline constexpr std::uint8_t userauth_failure = 51;
inline constexpr std::uint8_t userauth_success = 52;
inline constexpr std::uint8_t userauth_banner = 53;
inline constexpr std::uint8_t userauth_pk_ok = 60;
inline constexpr std::uint8_t userauth_info_request = 60;  // RFC 4256
inline constexpr std::uint8_t userauth_info_response = 61;
inline constexpr std::uint8_t global_request = 80;
inline constexpr std::uint8_t request_success = 81;
inline constexpr std::uint8_t request_failure = 82;
inline constexpr std::uint8_t channel_open = 90;
inline constexpr std::uint8_t channel_open_confirmation = 91;
inline constexpr std::uint8_t channel_open_failure = 92;
inline constexpr std::uint8_t channel_window_adjust = 93;
inline constexpr std::uint8_t channel_data = 94;
inline constexpr std::uint8_t channel_extended_data = 95;
inline constexpr std::uint8_t channel_eof = 96;
inline constexpr std::uint8_t channel_close = 97;
inline constexpr std::uint8_t channel_request = 98;
inline constexpr std::uint8_t channel_success = 99;
inline constexpr std::uint8_t channel_failure = 100;
inline constexpr std::uint8_t ping = 192;  // PROTOCOL of OpenSSH, ping@openssh.com
inline constexpr std::uint8_t pong = 193;
}  // namespace msg

// RFC 4253 section 11.1.
enum class DisconnectReason : std::uint32_t {
  protocol_error = 2,
  key_exchange_failed = 3,
  mac_error = 5,
  service_not_available = 7,
  protocol_version_not_supported = 8,
  connection_lost = 10,
  by_application = 11,
  too_many_connections = 12,
  no_more_auth_methods_available = 14,
};

// RFC 4254 section 5.1.
enum class OpenFailure : std::uint32_t {
  administratively_prohibited = 1,
  connect_failed = 2,
  unknown_channel_type = 3,
  resource_shortage = 4,
};

}  // namespace ferry::ssh
