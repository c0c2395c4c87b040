// Section "sftpd": the SSH server.
#pragma once

#include <string>
#include <vector>

namespace ferry::config {

struct Sftpd {
  struct Binding {
    int port = 2022;      // 0: off
    std::string address;  // empty: all
    bool apply_proxy_config = true;
    bool operator==(const Binding&) const = default;
  };
  std::vector<Binding> bindings = {Binding{}};
  int max_auth_tries = 0;              // 0: six; negative: no limit
  int login_grace_time = 120;          // seconds; ours, SFTPGo has no such key
  int max_handles = 256;               // open files and directories of an SFTP session; ours
  bool rename_replaces = true;         // RENAME replaces files, as SFTPGo does, else it fails as the draft says; ours
  std::vector<std::string> host_keys;  // empty: id_rsa, id_ecdsa, id_ed25519 in the config directory
  std::vector<std::string> host_certificates;
  std::string compatibility;  // "sftpgo": its algorithms and host keys where the lists below are empty
  // Algorithms in order of preference; empty: the built-in choice.
  std::vector<std::string> host_key_algorithms;
  std::vector<std::string> kex_algorithms;
  std::vector<std::string> ciphers;
  std::vector<std::string> macs;
  std::vector<std::string> public_key_algorithms;
  std::vector<std::string> trusted_user_ca_keys;
  std::string revoked_user_certs_file;
  std::string opkssh_path;
  std::string opkssh_checksum;
  std::string login_banner_file;
  std::vector<std::string> enabled_ssh_commands = {"md5sum", "sha1sum", "sha256sum", "cd", "pwd", "scp"};
  bool keyboard_interactive_authentication = true;
  std::string keyboard_interactive_auth_hook;
  bool password_authentication = true;
  std::string banner;
  std::string folder_prefix;
  bool operator==(const Sftpd&) const = default;
};

}  // namespace ferry::config
