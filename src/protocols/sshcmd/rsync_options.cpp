#include "protocols/sshcmd/rsync_options.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>

namespace ferry::sshcmd {

namespace {

// What clients send beside letters and options that name a path, from rsync 3.0 to 3.5. Whole names: rsync (popt) takes
// no abbreviations. All else is refused, for newer options may name a program or a file.
constexpr std::array known = std::to_array<std::string_view>({
    "--append",
    "--atimes",
    "--bwlimit",
    "--checksum-choice",
    "--checksum-seed",
    "--compress-choice",
    "--compress-level",
    "--crtimes",
    "--debug",
    "--delay-updates",
    "--delete",
    "--delete-after",
    "--delete-before",
    "--delete-delay",
    "--delete-during",
    "--delete-excluded",
    "--delete-missing-args",
    "--dirs",
    "--executability",
    "--existing",
    "--fake-super",
    "--force",
    "--from0",
    "--fsync",
    "--fuzzy",
    "--group",
    "--groupmap",
    "--hard-links",
    "--iconv",
    "--ignore-errors",
    "--ignore-existing",
    "--ignore-missing-args",
    "--info",
    "--inplace",
    "--list-only",
    "--log-format",
    "--max-alloc",
    "--max-delete",
    "--max-size",
    "--min-size",
    "--mkpath",
    "--modify-window",
    "--msgs2stderr",
    "--new-compress",
    "--no-D",
    "--no-W",
    "--no-dirs",
    "--no-implied-dirs",
    "--no-inc-recursive",
    "--no-i-r",
    "--no-msgs2stderr",
    "--no-r",
    "--no-relative",
    "--no-whole-file",
    "--numeric-ids",
    "--old-compress",
    "--omit-dir-times",
    "--only-write-batch",
    "--open-noatime",
    "--owner",
    "--partial",
    "--perms",
    "--preallocate",
    "--remove-sent-files",
    "--remove-source-files",
    "--safe-links",
    "--size-only",
    "--skip-compress",
    "--specials",
    "--stats",
    "--suffix",
    "--super",
    "--timeout",
    "--times",
    "--use-qsort",
    "--usermap",
    "--whole-file",
    "--xattrs",
    "--acls",
    "--zl",
});
// Those that name a path. Their values come as words of their own: "--link-dest ../prev".
constexpr std::array<std::string_view, 7> naming{"--backup-dir", "--compare-dest", "--copy-dest", "--files-from",
                                                 "--link-dest",  "--partial-dir",  "--temp-dir"};
// In a bundle of letters. Not: s hides the arguments, L and k follow links, K writes through them, T, f, F and M take
// the next word for their value, a is sent in parts.
constexpr std::string_view known_letters = "0ACDEHIJNOPRSUWXbcdghilmnopqrtuvxyz";
constexpr std::string_view with_number = "B@";  // "-B700"

using Rights = session::NativeRights;

struct Guarded {
  std::string_view name;
  bool Rights::*right;
};

// What acts on the files that are received, and needs a right.
constexpr std::array<Guarded, 15> guarded{{
    {"--hard-links", &Rights::links},
    {"--link-dest", &Rights::links},
    {"--perms", &Rights::chmod},
    {"--executability", &Rights::chmod},
    {"--acls", &Rights::chmod},
    {"--owner", &Rights::chown},
    {"--group", &Rights::chown},
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

std::unexpected<Error> refused(std::string_view option) {
  return fail(ErrorCode::permission_denied, "option " + std::string(option) + " is not allowed");
}

Result<void> check_long(std::string_view option) {
  const std::string_view name = name_of(option);
  if (std::ranges::find(known, name) == known.end()) return refused(name);
  if (name.size() < option.size() && climbs(option.substr(name.size() + 1))) {
    return fail(ErrorCode::permission_denied, "option " + std::string(name) + ": a path outside is not allowed");
  }
  return {};
}

bool is_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) != 0; });
}

// "-vlogDtpre.iLsfxCIvu": letters, up to 'e', whose value is what the client is able to.
Result<void> check_letters(std::string_view letters) {
  if (with_number.find(letters.front()) != std::string_view::npos && is_number(letters.substr(1))) return {};
  for (const char letter : letters.substr(0, letters.find('e'))) {
    if (known_letters.find(letter) == std::string_view::npos) return refused(std::string("-") + letter);
  }
  const std::size_t capabilities = letters.find('e');
  if (capabilities != std::string_view::npos &&
      !std::ranges::all_of(letters.substr(capabilities + 1),
                           [](unsigned char c) { return std::isalnum(c) != 0 || c == '.'; })) {
    return refused("-e");
  }
  return {};
}

bool names_path(std::string_view option) { return std::ranges::find(naming, name_of(option)) != naming.end(); }

Word word_of(std::string_view text) { return {.text = std::string(text), .pattern = std::string(text)}; }

// Takes an option that names a path, and its value, which may be the next word: `i` is moved on to it.
Result<void> take_path(RsyncCall& call, std::span<const Word> words, std::size_t& i) {
  const std::string& option = words[i].text;
  const std::string_view name = name_of(option);
  Word value;
  if (name.size() < option.size()) {
    value = word_of(std::string_view(option).substr(name.size() + 1));
  } else if (i + 1 < words.size()) {
    value = words[++i];
  }
  if (value.text.empty()) return fail(ErrorCode::invalid_argument, "expected a path after " + std::string(name));
  if (name != "--files-from") {
    // Clients name it to a sending server too (--backup-dir), which has no use for it.
    if (!call.sender) call.named.push_back({std::string(name), std::move(value)});
  } else if (value.text == "-") {
    call.options.push_back("--files-from=-");  // it comes from the client
  } else if (call.sender) {
    call.named.push_back({std::string(name), std::move(value)});
  } else {
    return refused(name);
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
    if (names_path(option)) {
      if (const Result<void> taken = take_path(call, words, i); !taken) return fail(taken.error());
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

bool RsyncCall::has(std::string_view option) const { return std::ranges::find(options, option) != options.end(); }

Result<VirtualPath> rsync_directory(const VirtualPath& target, std::string_view value) {
  // Step by step: what climbs above the home is refused even if it comes down again.
  VirtualPath path = value.starts_with('/') ? VirtualPath() : target;
  for (std::string_view rest = value; !rest.empty();) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view name = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (name.empty() || name == ".") continue;
    if (name == ".." && path.is_root()) return fail(ErrorCode::permission_denied, "a path above the home");
    if (name == "..") {
      path = path.parent();
      continue;
    }
    Result<VirtualPath> child = path.child(name);
    if (!child) return fail(child.error());
    path = std::move(*child);
  }
  return path;
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

Result<void> check_right(std::string_view name, const Rights& rights) {
  const auto row = std::ranges::find(guarded, name, &Guarded::name);
  if (row != guarded.end() && !(rights.*(row->right))) return not_allowed(name);
  return {};
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
    if (const Result<void> may = check_right(name_of(option), rights); !may) return may;
    run.arguments.push_back(option);
  }
  for (const RsyncPath& one : call.named) {
    if (const Result<void> may = check_right(one.name, rights); !may) return may;
  }
  return {};
}

}  // namespace

Result<RsyncRun> rsync_run(const RsyncCall& call, const RsyncPlaces& places, const Rights& rights) {
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
  for (std::size_t i = 0; i < call.named.size(); ++i) {
    run.arguments.push_back(call.named[i].name + '=' + places.named.at(i));
  }
  run.arguments.emplace_back(".");
  run.arguments.insert(run.arguments.end(), places.paths.begin(), places.paths.end());
  return run;
}

}  // namespace ferry::sshcmd
