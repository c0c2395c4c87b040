#include "protocols/sshcmd/rsync_options.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>

namespace ferry::sshcmd {

namespace {

// Whole names: rsync (popt) takes no abbreviations.
constexpr std::array<std::string_view, 26> refused{
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
    "--insecure-links",
    "--copy-as",
    "--chmod",    // a client does that itself
    "--archive",  // and sends its parts instead
};
// In a bundle of letters: s hides the arguments, L and k follow links, K writes through them; a as above.
constexpr std::string_view refused_letters = "sLkKa";

using Rights = session::NativeRights;

struct Guarded {
  std::string_view name;
  bool Rights::*right;
};

// What acts on the files that are received, and needs a right.
constexpr std::array<Guarded, 16> guarded{{
    {"--hard-links", &Rights::links},
    {"--link-dest", &Rights::links},
    {"--perms", &Rights::chmod},
    {"--executability", &Rights::chmod},
    {"--acls", &Rights::chmod},
    {"--owner", &Rights::chown},
    {"--group", &Rights::chown},
    {"--chown", &Rights::chown},
    {"--usermap", &Rights::chown},
    {"--groupmap", &Rights::chown},
    {"--super", &Rights::chown},
    {"--fake-super", &Rights::chown},
    {"--times", &Rights::chtimes},
    {"--atimes", &Rights::chtimes},
    {"--crtimes", &Rights::chtimes},
    {"--xattrs", &Rights::xattrs},
}};

struct GuardedLetter {
  char letter;
  bool Rights::*right;
  enum class Without : std::uint8_t {
    refused,   // both ends must have it, or neither
    left_out,  // the other end does not mind
    kept,      // what rsync_run() adds makes it void
  } without;
};

constexpr std::array<GuardedLetter, 10> guarded_letters{{
    {'H', &Rights::links, GuardedLetter::Without::refused},
    {'A', &Rights::chmod, GuardedLetter::Without::refused},
    {'p', &Rights::chmod, GuardedLetter::Without::left_out},
    {'E', &Rights::chmod, GuardedLetter::Without::left_out},
    {'o', &Rights::chown, GuardedLetter::Without::kept},
    {'g', &Rights::chown, GuardedLetter::Without::kept},
    {'t', &Rights::chtimes, GuardedLetter::Without::left_out},
    {'U', &Rights::chtimes, GuardedLetter::Without::refused},
    {'N', &Rights::chtimes, GuardedLetter::Without::refused},
    {'X', &Rights::xattrs, GuardedLetter::Without::refused},
}};
// Gives every group a number that nobody has: one that is not among its own a program without --super leaves alone.
constexpr std::string_view no_groups = "--groupmap=0-4294967295:4294967294";

bool climbs(std::string_view value) {
  if (value.starts_with('/')) return true;
  while (!value.empty()) {
    const std::size_t end = std::min(value.find('/'), value.size());
    if (value.substr(0, end) == "..") return true;
    value.remove_prefix(std::min(end + 1, value.size()));
  }
  return false;
}

std::string_view name_of(std::string_view option) { return option.substr(0, option.find('=')); }

Result<void> check_long(std::string_view option) {
  const std::string_view name = name_of(option);
  const std::size_t equals = name.size();
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

namespace {

std::unexpected<Error> not_allowed(std::string_view option) {
  return fail(ErrorCode::permission_denied, "option " + std::string(option) + " is not allowed to this account");
}

// `letters` as far as the rights go; what has no effect is noted in `ignored`.
Result<std::string> permitted_letters(std::string_view letters, const Rights& rights, std::string& ignored) {
  std::string kept;
  const std::size_t end = std::min(letters.find('e'), letters.size());
  for (const char letter : letters.substr(0, end)) {
    const auto row = std::ranges::find(guarded_letters, letter, &GuardedLetter::letter);
    if (row == guarded_letters.end() || rights.*(row->right)) {
      kept += letter;
      continue;
    }
    if (row->without == GuardedLetter::Without::refused) return not_allowed(std::string("-") + letter);
    if (row->without == GuardedLetter::Without::kept) kept += letter;
    ignored += (ignored.empty() ? "-" : " -") + std::string(1, letter);
  }
  return kept.append(letters.substr(end));
}

// Adds the options of a client that sends files, as far as the rights go.
Result<void> add_permitted(RsyncRun& run, const RsyncCall& call, const Rights& rights) {
  for (const std::string& option : call.options) {
    if (!option.starts_with("--")) {
      const Result<std::string> letters = permitted_letters(option.substr(1), rights, run.ignored);
      if (!letters) return fail(letters.error());
      if (!letters->empty()) run.arguments.push_back('-' + *letters);
      continue;
    }
    const auto row = std::ranges::find(guarded, name_of(option), &Guarded::name);
    if (row != guarded.end() && !(rights.*(row->right))) return not_allowed(row->name);
    run.arguments.push_back(option);
  }
  return {};
}

}  // namespace

// Ours come first: the last of the client's may take the word after it for its value.
Result<RsyncRun> rsync_run(const RsyncCall& call, const std::vector<std::string>& paths, const Rights& rights) {
  RsyncRun run{.arguments = {"--server"}, .ignored = {}};
  if (call.sender) run.arguments.emplace_back("--sender");
  run.arguments.emplace_back(rights.links ? "--safe-links" : "--munge-links");
  if (call.sender) {
    run.arguments.insert(run.arguments.end(), call.options.begin(), call.options.end());
  } else {
    run.arguments.emplace_back("--chmod=ug-s");
    const bool groups = std::ranges::any_of(call.options, [](std::string_view option) {
      return !option.starts_with("--") && option.substr(0, option.find('e')).find('g') != std::string_view::npos;
    });
    if (!rights.chown) run.arguments.emplace_back("--no-super");
    if (!rights.chown && groups) run.arguments.emplace_back(no_groups);
    if (const Result<void> added = add_permitted(run, call, rights); !added) return fail(added.error());
  }
  run.arguments.emplace_back(".");
  run.arguments.insert(run.arguments.end(), paths.begin(), paths.end());
  return run;
}

}  // namespace ferry::sshcmd
