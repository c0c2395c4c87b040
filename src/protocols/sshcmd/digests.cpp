// md5sum and its like, with the output of GNU's: "<hex>  <name>\n", a backslash before it when the name is escaped.
// Without a file, or for "-", what the client sends until its end of input is digested.
#include <algorithm>

#include "crypto/encoding.h"
#include "crypto/hasher.h"
#include "protocols/sshcmd/commands.h"
#include "session/digest.h"

namespace ferry::sshcmd {

namespace {

using crypto::HashAlgorithm;

std::string digest_line(ByteSpan digest, std::string_view name) {
  std::string shown;
  for (const char c : name) {
    if (c == '\\') {
      shown += "\\\\";
    } else if (c == '\n') {
      shown += "\\n";
    } else if (c == '\r') {
      shown += "\\r";
    } else {
      shown += c;
    }
  }
  return (shown.size() > name.size() ? "\\" : "") + crypto::hex_encode(digest) + "  " + shown + '\n';
}

Task<Result<Bytes>> digest_input(Invocation call, const Word& word, HashAlgorithm algorithm) {
  const Result<VirtualPath> path = call.path(word);
  if (!path) co_return fail(path.error());
  const Result<std::unique_ptr<session::DataFlow>> flow = call.session.begin_flow(*path, session::FlowUse::digested);
  if (!flow) co_return fail(flow.error());
  ssh::Channel& channel = call.channel;
  crypto::Hasher hasher(algorithm);
  while (true) {
    if (channel.input_size() == 0) {
      const bool more = co_await channel.wait_input(0);
      if (!more) co_return hasher.finish();
    }
    const std::size_t count = std::min(channel.input().front().size(), session::DataFlow::piece);
    const Result<void> passed = co_await (*flow)->receive(count);
    if (!passed) co_return fail(passed.error());
    hasher.update(channel.input().front().first(count));
    channel.consume(count);
  }
}

Task<Result<Bytes>> digest_file(Invocation call, const Word& word, HashAlgorithm algorithm) {
  const Result<VirtualPath> path = call.path(word);
  if (!path) co_return fail(path.error());
  const Result<vfs::FileInfo> info = co_await call.session.stat(*path);
  if (info && info->type == vfs::FileType::directory) co_return fail(ErrorCode::is_a_directory);
  const vfs::OpenOptions options{.read = true};
  Result<std::unique_ptr<session::OpenFile>> file = co_await call.session.open(*path, options);
  if (!file) co_return fail(file.error());
  ssh::Channel& channel = call.channel;
  const std::function<bool()> given_up = [&channel] { return channel.closed(); };
  Result<Bytes> digest = co_await session::digest(**file, algorithm, 0, session::to_the_end, given_up);
  if (!digest) {
    const Error why = digest.error();
    co_await (*file)->abandon(why);
    co_return fail(why);
  }
  const Result<void> closed = co_await (*file)->close();
  if (!closed) co_return fail(closed.error());
  co_return digest;
}

// Binary and text are the same here, as they are on every POSIX system.
bool is_mode_option(std::string_view word) {
  return word == "-b" || word == "-t" || word == "--binary" || word == "--text";
}

Task<int> digest_all(Invocation call, HashAlgorithm algorithm) {
  std::vector<Word> files;
  bool options = true;
  for (const Word& word : call.words.subspan(1)) {
    if (options && word.text == "--") {
      options = false;
    } else if (options && word.text.size() > 1 && word.text.starts_with('-')) {
      if (is_mode_option(word.text)) continue;
      co_await call.complain("unrecognized option '" + word.text + "'");
      co_return 1;
    } else {
      files.push_back(word);
    }
  }
  if (files.empty()) files.push_back({.text = "-", .pattern = "-"});
  int status = 0;
  for (const Word& file : files) {
    if (call.channel.closed()) co_return 1;
    Result<Bytes> digest = fail(ErrorCode::internal);
    if (file.text == "-") {
      digest = co_await digest_input(call, file, algorithm);
    } else {
      digest = co_await digest_file(call, file, algorithm);
    }
    if (digest) {
      co_await call.print(digest_line(*digest, file.text));
    } else {
      co_await call.complain(file, digest.error());
      status = 1;
    }
  }
  co_return status;
}

}  // namespace

Task<int> md5sum(Invocation call) { return digest_all(call, HashAlgorithm::md5); }
Task<int> sha1sum(Invocation call) { return digest_all(call, HashAlgorithm::sha1); }
Task<int> sha256sum(Invocation call) { return digest_all(call, HashAlgorithm::sha256); }
Task<int> sha384sum(Invocation call) { return digest_all(call, HashAlgorithm::sha384); }
Task<int> sha512sum(Invocation call) { return digest_all(call, HashAlgorithm::sha512); }

}  // namespace ferry::sshcmd
