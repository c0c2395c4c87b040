#include "protocols/sshcmd/rsync_options.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace ferry::sshcmd {

namespace {

// Whole names: rsync (popt) takes no abbreviations.
constexpr std::array<std::string_view, 22> refused{
    "--",
    "--daemon",
    "--config",
    "--dparam",
    "--rsh",
    "--rsync-path",
    "--protect-args",
    "--secluded-args",
    "--old-args",
    "--no-munge-links",
    "--log-file",
    "--devices",
    "--copy-devices",
    "--write-devices",
    "--copy-links",
    "--copy-dirlinks",
    "--keep-dirlinks",
    "--copy-unsafe-links",
    "--address",
    "--password-file",
    "--server",
    "--no-safe-links",
};
// In a bundle of letters: s hides the arguments, L and k follow links, K writes through them.
constexpr std::string_view refused_letters = "sLkK";

bool climbs(std::string_view value) {
  if (value.starts_with('/')) return true;
  while (!value.empty()) {
    const std::size_t end = std::min(value.find('/'), value.size());
    if (value.substr(0, end) == "..") return true;
    value.remove_prefix(std::min(end + 1, value.size()));
  }
  return false;
}

Result<void> check_long(std::string_view option) {
  const std::size_t equals = std::min(option.find('='), option.size());
  const std::string_view name = option.substr(0, equals);
  if (std::ranges::find(refused, name) != refused.end()) {
    return fail(ErrorCode::permission_denied, "option " + std::string(name) + " is not allowed");
  }
  if (equals < option.size() && climbs(option.substr(equals + 1))) {
    return fail(ErrorCode::permission_denied, "option " + std::string(name) + ": a path outside is not allowed");
  }
  return {};
}

// "-vlogDtpre.iLsfxCIvu": letters, up to 'e', whose value is what the client is able to.
Result<void> check_letters(std::string_view letters) {
  for (const char letter : letters.substr(0, letters.find('e'))) {
    if (refused_letters.find(letter) != std::string_view::npos) {
      return fail(ErrorCode::permission_denied, std::string("option -") + letter + " is not allowed");
    }
  }
  const std::size_t capabilities = letters.find('e');
  if (capabilities != std::string_view::npos &&
      !std::ranges::all_of(letters.substr(capabilities + 1),
                           [](unsigned char c) { return std::isalnum(c) != 0 || c == '.'; })) {
    return fail(ErrorCode::permission_denied, "option -e is not allowed");
  }
  return {};
}

}  // namespace

Result<RsyncCall> parse_rsync(std::span<const Word> words) {
  RsyncCall call;
  if (words.size() < 2 || words[1].text != "--server") {
    return fail(ErrorCode::invalid_argument, "expected the request of an rsync client");
  }
  std::size_t i = 2;
  for (; i < words.size() && words[i].text.size() > 1 && words[i].text.starts_with('-'); ++i) {
    const std::string& option = words[i].text;
    if (option == "--sender") {
      call.sender = true;
      continue;
    }
    const Result<void> fine = option.starts_with("--") ? check_long(option) : check_letters(option.substr(1));
    if (!fine) return fail(fine.error());
    call.options.push_back(option);
  }
  // The client's "." stands for the directory its rsync would be started in.
  if (i >= words.size() || words[i].text != ".") return fail(ErrorCode::invalid_argument, "expected \".\"");
  call.paths.assign(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
  if (call.paths.empty()) call.paths.push_back({.text = "", .pattern = ""});
  if (!call.sender && call.paths.size() > 1) return fail(ErrorCode::invalid_argument, "expected one target");
  return call;
}

std::vector<std::string> rsync_arguments(const RsyncCall& call, const std::vector<std::string>& paths, bool may_link) {
  std::vector<std::string> arguments{"--server"};
  if (call.sender) arguments.emplace_back("--sender");
  arguments.insert(arguments.end(), call.options.begin(), call.options.end());
  const std::string_view links = may_link ? "--safe-links" : "--munge-links";
  if (std::ranges::find(arguments, links) == arguments.end()) arguments.emplace_back(links);
  arguments.emplace_back(".");
  arguments.insert(arguments.end(), paths.begin(), paths.end());
  return arguments;
}

}  // namespace ferry::sshcmd
