#include "protocols/scp/scp.h"

#include "protocols/scp/sink.h"
#include "protocols/scp/source.h"

namespace ferry::scp {

namespace {

Result<void> take_options(std::string_view letters, Arguments& arguments, bool& source) {
  for (const char letter : letters) {
    switch (letter) {
      case 't': arguments.sink = true; break;
      case 'f': source = true; break;
      case 'r': arguments.recursive = true; break;
      case 'p': arguments.preserve = true; break;
      case 'd': arguments.target_directory = true; break;
      case 'v':
      case 'q': break;  // what the client prints is its own affair
      default: return fail(ErrorCode::invalid_argument, "unknown option");
    }
  }
  return {};
}

}  // namespace

Result<Arguments> parse_arguments(std::span<const Word> words) {
  Arguments arguments;
  bool source = false;
  bool options = true;
  for (const Word& word : words.subspan(std::min<std::size_t>(1, words.size()))) {
    if (options && word.text == "--") {
      options = false;
    } else if (options && word.text.size() > 1 && word.text.front() == '-') {
      const Result<void> taken = take_options(std::string_view(word.text).substr(1), arguments, source);
      if (!taken) return fail(taken.error());
    } else {
      options = false;
      arguments.paths.push_back(word);
    }
  }
  if (arguments.sink == source) return fail(ErrorCode::invalid_argument, "one of -t and -f is needed");
  if (arguments.paths.empty()) return fail(ErrorCode::invalid_argument, "a path is needed");
  if (arguments.sink && arguments.paths.size() > 1) {
    return fail(ErrorCode::invalid_argument, "ambiguous target: one path is needed");
  }
  return arguments;
}

Task<void> serve(ssh::Channel& channel, session::Session& session, std::span<const Word> words) {
  const Result<Arguments> arguments = parse_arguments(words);
  Wire wire(channel);
  bool clean = false;
  if (!arguments) {
    co_await wire.fatal(arguments.error().message);
  } else if (arguments->sink) {
    clean = co_await receive(wire, session, *arguments);
  } else {
    clean = co_await send(wire, session, *arguments);
  }
  channel.flush();
  channel.send_exit_status(clean ? 0 : 1);
}

}  // namespace ferry::scp
