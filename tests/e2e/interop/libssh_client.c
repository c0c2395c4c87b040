/* A client on libssh, for test_interop.py:
 *   libssh_client PORT USER password|key SECRET put LOCAL REMOTE OFFSET | get REMOTE LOCAL OFFSET | list FOLDER
 *                                             | rename FROM TO | remove FILE | mkdir FOLDER
 * put and get begin at OFFSET of both files. Exits 0 when the server did as asked; else says what failed. */
#include <fcntl.h>
#include <libssh/libssh.h>
#include <libssh/sftp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static ssh_session ssh;
static sftp_session sftp;

static void need(int done, const char *what) {
  if (done) return;
  fprintf(stderr, "%s: %s, SFTP status %d\n", what, ssh ? ssh_get_error(ssh) : "", sftp ? sftp_get_error(sftp) : -1);
  exit(1);
}

static void log_in(unsigned port, const char *user, const char *way, const char *secret) {
  int no = 0;
  ssh = ssh_new();
  ssh_options_set(ssh, SSH_OPTIONS_HOST, "127.0.0.1");
  ssh_options_set(ssh, SSH_OPTIONS_PORT, &port);
  ssh_options_set(ssh, SSH_OPTIONS_USER, user);
  ssh_options_set(ssh, SSH_OPTIONS_PROCESS_CONFIG, &no);
  need(ssh_connect(ssh) == SSH_OK, "connect");
  if (strcmp(way, "key") == 0) {
    ssh_key key = NULL;
    need(ssh_pki_import_privkey_file(secret, NULL, NULL, NULL, &key) == SSH_OK, "private key");
    need(ssh_userauth_publickey(ssh, NULL, key) == SSH_AUTH_SUCCESS, "publickey");
    ssh_key_free(key);
  } else {
    need(ssh_userauth_password(ssh, NULL, secret) == SSH_AUTH_SUCCESS, "password");
  }
  sftp = sftp_new(ssh);
  need(sftp && sftp_init(sftp) == SSH_OK, "sftp");
}

static void put(const char *local, const char *remote, unsigned long long offset) {
  static char data[32768];
  size_t count;
  FILE *from = fopen(local, "rb");
  need(from && fseeko(from, (off_t)offset, SEEK_SET) == 0, local);
  sftp_file to = sftp_open(sftp, remote, O_WRONLY | O_CREAT | (offset ? 0 : O_TRUNC), 0644);
  need(to && sftp_seek64(to, offset) == 0, "open");
  while ((count = fread(data, 1, sizeof data, from)) > 0) need(sftp_write(to, data, count) == (ssize_t)count, "write");
  need(sftp_close(to) == SSH_OK, "close");
  fclose(from);
}

static void get(const char *remote, const char *local, unsigned long long offset) {
  static char data[32768];
  ssize_t count;
  FILE *to = fopen(local, offset ? "r+b" : "wb");
  need(to && fseeko(to, (off_t)offset, SEEK_SET) == 0, local);
  sftp_file from = sftp_open(sftp, remote, O_RDONLY, 0);
  need(from && sftp_seek64(from, offset) == 0, "open");
  while ((count = sftp_read(from, data, sizeof data)) > 0) fwrite(data, 1, (size_t)count, to);
  need(count == 0, "read");
  need(sftp_close(from) == SSH_OK, "close");
  need(fclose(to) == 0, local);
}

static void list(const char *folder) {
  sftp_attributes entry;
  sftp_dir dir = sftp_opendir(sftp, folder);
  need(dir != NULL, "opendir");
  while ((entry = sftp_readdir(sftp, dir)) != NULL) {
    puts(entry->name);
    sftp_attributes_free(entry);
  }
  need(sftp_dir_eof(dir), "readdir");
  need(sftp_closedir(dir) == SSH_OK, "closedir");
}

int main(int count, char **words) {
  need(count >= 7, "arguments");
  const char *what = words[5];
  log_in((unsigned)atoi(words[1]), words[2], words[3], words[4]);
  if (strcmp(what, "put") == 0) put(words[6], words[7], strtoull(words[8], NULL, 10));
  else if (strcmp(what, "get") == 0) get(words[6], words[7], strtoull(words[8], NULL, 10));
  else if (strcmp(what, "list") == 0) list(words[6]);
  else if (strcmp(what, "rename") == 0) need(sftp_rename(sftp, words[6], words[7]) == SSH_OK, what);
  else if (strcmp(what, "remove") == 0) need(sftp_unlink(sftp, words[6]) == SSH_OK, what);
  else if (strcmp(what, "mkdir") == 0) need(sftp_mkdir(sftp, words[6], 0755) == SSH_OK, what);
  else need(0, "operation");
  sftp_free(sftp);
  ssh_disconnect(ssh);
  ssh_free(ssh);
  return 0;
}
