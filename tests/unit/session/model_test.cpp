// Property: on random trees, mounts, permissions and patterns, random operations do what a slow and obvious model of
// an account says. A failure prints the seed and the shortest list of operations that shows it.
#include <algorithm>
#include <cstdlib>
#include <random>

#include "base/log.h"
#include "session/patterns.h"
#include "tests/unit/session/support.h"

namespace ferry::session {
namespace {

using test::run;
using Codes = std::set<ErrorCode>;  // empty: success; else any of them
using Names = std::set<std::string>;

// --- what is played ---

struct Call {
  enum class Kind : std::uint8_t { stat, list, get, put, mkdir, rmdir, remove, rename, copy } kind = Kind::stat;
  std::string path, to;
  bool overwrite = false;
  std::string content = {};  // of put
};

struct Scenario {
  model::Permissions permissions;
  std::vector<model::PatternsFilter> patterns;
  std::vector<std::string> mounts;  // where, beside "/"
  std::vector<Call> calls;
};

std::string told(const Call& call) {
  constexpr const char* kinds[] = {"stat", "list", "get", "put", "mkdir", "rmdir", "remove", "rename", "copy"};
  std::string text = std::string(kinds[static_cast<int>(call.kind)]) + ' ' + call.path;
  if (!call.to.empty()) text += " to " + call.to + (call.overwrite ? ", replacing" : "");
  return text;
}

std::string told(const Scenario& scenario) {
  std::string text;
  const auto list = [&text](const std::vector<std::string>& words) {
    for (const std::string& word : words) text += ' ' + word;
  };
  for (const auto& [directory, rights] : scenario.permissions) {
    text += "permissions of " + directory + ":";
    list(rights);
    text += '\n';
  }
  for (const model::PatternsFilter& filter : scenario.patterns) {
    text += "patterns of " + filter.path + (filter.deny_policy == 1 ? " (hide)" : "") + ": allowed";
    list(filter.allowed_patterns);
    text += ", denied";
    list(filter.denied_patterns);
    text += '\n';
  }
  text += "mounts:";
  list(scenario.mounts);
  for (const Call& call : scenario.calls) text += "\n  " + told(call);
  return text;
}

// --- the model ---

bool within(const std::string& path, const std::string& directory) {
  return directory == "/" || path == directory || path.starts_with(directory + '/');
}
std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}
std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }
std::string under(const std::string& directory, const std::string& name) {
  return directory == "/" ? '/' + name : directory + '/' + name;
}

bool glob(std::string_view pattern, std::string_view name) {
  if (pattern.empty()) return name.empty();
  if (pattern[0] == '*') return glob(pattern.substr(1), name) || (!name.empty() && glob(pattern, name.substr(1)));
  return !name.empty() && (pattern[0] == '?' || pattern[0] == name[0]) && glob(pattern.substr(1), name.substr(1));
}

class Model {
 public:
  explicit Model(const Scenario& scenario) : scenario_(scenario) {
    for (const std::string& point : scenario.mounts) nodes_[point] = {{"/", "directory"}};
    nodes_["/"] = {{"/", "directory"}};
  }

  Codes play(const Call& call, Names& seen, std::string& content);

  // By mount point: what its storage holds; "directory", or the content of a file after a "=".
  std::map<std::string, std::map<std::string, std::string>> nodes_;

 private:
  using Storage = std::map<std::string, std::string>;
  struct Place {
    Storage& storage;
    std::string path;
  };

  std::string mount_of(const std::string& path) const {
    std::string best = "/";
    for (const std::string& point : scenario_.mounts) {
      if (within(path, point) && point.size() > best.size()) best = point;
    }
    return best;
  }
  Place place(const std::string& path) {
    const std::string mount = mount_of(path);
    const std::string inside = mount == "/" ? path : path.substr(mount.size());
    return {nodes_.at(mount), inside.empty() ? "/" : inside};
  }
  bool pinned(const std::string& path) const {
    return path == "/" || std::ranges::any_of(scenario_.mounts, [&](const auto& point) { return within(point, path); });
  }
  // no code: it is there
  Codes missing(const Place& at) const {
    for (std::string up = at.path; up != "/";) {
      up = parent_of(up);
      const auto found = at.storage.find(up);
      if (found != at.storage.end() && found->second != "directory") return {ErrorCode::not_a_directory};
    }
    return at.storage.contains(at.path) ? Codes{} : Codes{ErrorCode::not_found};
  }
  static bool is_folder(const Place& at) {
    const auto found = at.storage.find(at.path);
    return found != at.storage.end() && found->second == "directory";
  }
  static Names children(const Place& at) {
    Names names;
    for (const auto& [path, node] : at.storage) {
      if (path != "/" && parent_of(path) == at.path) names.insert(name_of(path));
    }
    return names;
  }

  const model::PatternsFilter* filter_in(const std::string& directory) const {
    const model::PatternsFilter* best = nullptr;
    for (const model::PatternsFilter& filter : scenario_.patterns) {
      if (within(directory, filter.path) && (best == nullptr || filter.path.size() > best->path.size())) best = &filter;
    }
    return best;
  }
  static bool any(const std::vector<std::string>& patterns, const std::string& name) {
    return std::ranges::any_of(patterns, [&](const std::string& pattern) { return glob(pattern, name); });
  }
  Verdict verdict(const std::string& path) const {
    Verdict worst = Verdict::allowed;
    for (std::string at = path; at != "/"; at = parent_of(at)) {
      const model::PatternsFilter* filter = filter_in(parent_of(at));
      if (filter == nullptr || pinned(at)) continue;
      const bool denied = any(filter->denied_patterns, name_of(at));
      const bool left_out = !filter->allowed_patterns.empty() && !any(filter->allowed_patterns, name_of(at));
      if ((denied || left_out) && filter->deny_policy == 1) return Verdict::hidden;
      if (denied || (left_out && at == path)) worst = Verdict::denied;
    }
    return worst;
  }
  bool granted(const std::string& directory, const Names& words) const {
    const std::vector<std::string>* best = nullptr;
    std::size_t longest = 0;
    for (const auto& [path, rights] : scenario_.permissions) {
      if (within(directory, path) && path.size() >= longest) {
        best = &rights;
        longest = path.size();
      }
    }
    return best != nullptr &&
           std::ranges::any_of(*best, [&](const auto& word) { return word == "*" || words.contains(word); });
  }
  Codes may(const std::string& path, const Names& words) const {
    const Verdict judged = verdict(path);
    if (judged == Verdict::hidden) return {ErrorCode::not_found};
    const bool looking = words.contains("list");
    if (!granted(parent_of(path), words) || (judged == Verdict::denied && !looking)) {
      return {ErrorCode::permission_denied};
    }
    return {};
  }
  Codes may_list(const std::string& directory) const {
    if (verdict(directory) == Verdict::hidden) return {ErrorCode::not_found};
    return granted(directory, {"list"}) ? Codes{} : Codes{ErrorCode::permission_denied};
  }
  Codes discreet(Codes codes, const std::string& directory) const {
    const model::PatternsFilter* filter = filter_in(directory);
    if (filter != nullptr && filter->deny_policy == 1 && codes.erase(ErrorCode::directory_not_empty) != 0) {
      codes.insert(ErrorCode::permission_denied);
    }
    return codes;
  }
  // What an account that may list `directory` sees there.
  Names visible(const std::string& directory) {
    Names names;
    for (const std::string& name : children(place(directory))) {
      if (verdict(under(directory, name)) != Verdict::hidden) names.insert(name);
    }
    for (const std::string& point : scenario_.mounts) {
      for (std::string at = point; at != "/"; at = parent_of(at)) {
        if (parent_of(at) == directory) names.insert(name_of(at));
      }
    }
    return names;
  }
  Codes put(const Call& call);
  Codes make_directory(const std::string& path);
  Codes remove(const std::string& path, bool directory);
  Codes rename(const Call& call);
  Codes copy(const Call& call);
  Codes copy_tree(const std::string& from, const std::string& to, Storage& copied, const std::string& made);
  Codes replace(Place from, Place to, bool overwrite, bool one_storage);
  // Why nothing can be put at a place: its parent.
  Codes no_parent(const Place& to) const {
    const Codes codes = missing(to);
    return codes == Codes{ErrorCode::not_found} ? missing({to.storage, parent_of(to.path)}) : codes;
  }

  const Scenario& scenario_;
};

Codes operator+(Codes one, const Codes& other) {
  one.insert(other.begin(), other.end());
  return one;
}

Codes Model::put(const Call& call) {
  if (pinned(call.path)) return {ErrorCode::is_a_directory};
  Codes codes = may(call.path, {"upload"});
  if (!codes.empty()) return codes;
  const Place at = place(call.path);
  codes = no_parent(at);
  if (!codes.empty()) return codes;
  if (at.storage.contains(at.path)) {
    if (!may(call.path, {"overwrite"}).empty()) return {ErrorCode::permission_denied};
    if (is_folder(at)) return {ErrorCode::is_a_directory};
  }
  at.storage[at.path] = call.content;
  return {};
}

Codes Model::make_directory(const std::string& path) {
  Codes codes = may(path, {"create_dirs"});
  if (!codes.empty()) return codes;
  if (pinned(path)) return {ErrorCode::already_exists};
  const Place at = place(path);
  codes = no_parent(at);
  if (!codes.empty()) return codes;
  if (!at.storage.emplace(at.path, "directory").second) return {ErrorCode::already_exists};
  return {};
}

Codes Model::remove(const std::string& path, bool directory) {
  Codes codes = may(path, directory ? Names{"delete", "delete_dirs"} : Names{"delete", "delete_files"});
  if (!codes.empty()) return codes;
  if (pinned(path)) return {directory ? ErrorCode::permission_denied : ErrorCode::is_a_directory};
  const Place at = place(path);
  codes = missing(at);
  if (!codes.empty()) return codes;
  if (directory != is_folder(at)) return {directory ? ErrorCode::not_a_directory : ErrorCode::is_a_directory};
  if (directory && !children(at).empty()) return discreet({ErrorCode::directory_not_empty}, path);
  at.storage.erase(at.path);
  return {};
}

// What renaming does on a disk, or over two of them.
Codes Model::replace(Place from, Place to, bool overwrite, bool one_storage) {
  const bool directory = is_folder(from);
  const bool there = to.storage.contains(to.path);
  if (there && !overwrite) return {ErrorCode::already_exists};
  if (one_storage && from.path == to.path) return {};
  if (one_storage && directory && within(to.path, from.path)) return {ErrorCode::invalid_argument};
  if (one_storage && there && within(from.path, to.path)) return {ErrorCode::directory_not_empty};
  if (there && directory && !is_folder(to)) return {ErrorCode::not_a_directory};
  if (there && !directory && is_folder(to)) return {ErrorCode::is_a_directory};
  if (there && directory && !children(to).empty()) return {ErrorCode::directory_not_empty};
  Storage moved;
  std::erase_if(from.storage, [&](const auto& node) {
    if (!within(node.first, from.path)) return false;
    moved[to.path + node.first.substr(from.path.size())] = node.second;
    return true;
  });
  for (const auto& [path, node] : moved) to.storage[path] = node;
  return {};
}

// Where several things are wrong, any of them may be answered; but of a place that may not be used, nothing else.
Codes Model::rename(const Call& call) {
  if (pinned(call.path) || pinned(call.to)) return {ErrorCode::permission_denied};
  const Place from = place(call.path), to = place(call.to);
  const bool directory = is_folder(from);
  const Names words = directory ? Names{"rename", "rename_dirs"} : Names{"rename", "rename_files"};
  Codes source = may(call.path, words), target = may(call.to, words);
  if (source.empty()) source = missing(from);
  if (target.empty()) target = no_parent(to);
  Codes codes = source + target;
  for (const std::string* end : {&call.path, &call.to}) {
    bool free = !directory || granted(*end, words);
    for (const auto& [path, rights] : scenario_.permissions) {
      if (directory && within(path, *end) && !granted(path, words)) free = false;
    }
    for (const model::PatternsFilter& filter : scenario_.patterns) {
      if (directory && filter.path != *end && within(filter.path, *end)) free = false;
    }
    if (!free) codes.insert(ErrorCode::permission_denied);
  }
  if (directory && filter_in(call.path) != filter_in(call.to)) codes.insert(ErrorCode::permission_denied);
  if (!codes.empty()) return codes;
  const bool overwrite = call.overwrite && may(call.to, {"overwrite"}).empty();
  codes = replace(from, to, overwrite, mount_of(call.path) == mount_of(call.to));
  if (call.overwrite && !overwrite && codes.erase(ErrorCode::already_exists) != 0) {
    codes.insert(ErrorCode::permission_denied);
  }
  return discreet(codes, call.to);
}

Codes Model::copy_tree(const std::string& from, const std::string& to, Storage& copied, const std::string& made) {
  const Place source = place(from);
  const bool directory = pinned(from) || is_folder(source);
  Codes codes = may(from, {"copy"}) + may(from, {"list"}) + may(to, {"copy"});
  if (directory) {
    codes = codes + may(to, {"create_dirs"}) + may_list(from);
  } else {
    codes = codes + may(from, {"download"}) + may(to, {"upload"});
  }
  if (!codes.empty()) return codes;
  copied[made] = directory ? "directory" : source.storage.at(source.path);
  if (!directory) return {};
  // Which of several troubles is met first depends on the order of the listing.
  for (const std::string& name : visible(from)) {
    codes = codes + copy_tree(under(from, name), under(to, name), copied, under(made, name));
  }
  return codes;
}

Codes Model::copy(const Call& call) {
  if (pinned(call.to)) return {ErrorCode::already_exists};
  if (within(call.to, call.path)) return {ErrorCode::invalid_argument};
  const Place from = place(call.path), to = place(call.to);
  const bool there = pinned(call.path) || missing(from).empty();
  Storage copied;
  Codes codes;
  if (there) {
    codes = copy_tree(call.path, call.to, copied, to.path);
  } else {
    codes = may(call.path, {"copy"}) + may(call.path, {"list"}) + may(call.path, {"download"});
    if (may(call.path, {"copy"}).empty()) codes = codes + missing(from);
    codes = codes + may(call.to, {"copy"}) + may(call.to, {"upload"});
  }
  if (!may(call.to, {"copy"}).empty()) return codes;
  codes = codes + no_parent(to);
  const bool overwrite = call.overwrite && may(call.to, {"overwrite"}).empty();
  if (there && to.storage.contains(to.path)) {
    const bool file = copied.size() == 1 && copied.begin()->second != "directory";
    const bool onto_directory = overwrite && is_folder(to) && !is_folder(from) && !pinned(call.path);
    if (onto_directory) codes.insert(ErrorCode::is_a_directory);
    if (!onto_directory && !(overwrite && file)) {
      codes.insert(call.overwrite && !overwrite ? ErrorCode::permission_denied : ErrorCode::already_exists);
    }
  }
  if (codes.empty()) {
    for (const auto& [path, node] : copied) to.storage[path] = node;
  }
  return codes;
}

// `seen`: what a listing shows; `content`: what a file holds.
Codes Model::play(const Call& call, Names& seen, std::string& content) {
  using Kind = Call::Kind;
  switch (call.kind) {
    case Kind::stat: {
      const Codes codes = may(call.path, {"list"});
      return !codes.empty() || pinned(call.path) ? codes : missing(place(call.path));
    }
    case Kind::list: {
      Codes codes = may_list(call.path);
      if (!codes.empty()) return codes;
      const Place at = place(call.path);
      if (!pinned(call.path)) codes = missing(at);
      if (codes.empty() && !pinned(call.path) && !is_folder(at)) return {ErrorCode::not_a_directory};
      if (codes.empty()) seen = visible(call.path);
      return codes;
    }
    case Kind::get: {
      if (pinned(call.path)) return {ErrorCode::is_a_directory};
      Codes codes = may(call.path, {"download"});
      if (codes.empty()) codes = missing(place(call.path));
      if (codes.empty() && is_folder(place(call.path))) return {ErrorCode::is_a_directory};
      if (codes.empty()) content = place(call.path).storage.at(place(call.path).path);
      return codes;
    }
    case Kind::put: return put(call);
    case Kind::mkdir: return make_directory(call.path);
    case Kind::rmdir: return remove(call.path, true);
    case Kind::remove: return remove(call.path, false);
    case Kind::rename: return rename(call);
    case Kind::copy: return copy(call);
  }
  return {};
}

// --- the engine ---

class ModelTest : public SessionTest {
 protected:
  void SetUp() override {
    SessionTest::SetUp();
    log::Options quiet;
    quiet.level = log::Level::none;
    ASSERT_TRUE(log::open(quiet));
  }
  void TearDown() override {
    session.reset();
    log::Options usual;
    usual.level = log::Level::info;
    EXPECT_TRUE(log::open(usual));
  }

  // What differs; nothing when nothing does.
  std::optional<std::string> play(const Scenario& scenario);
  Codes play(const Call& call, Names& seen, std::string& content);
  std::map<std::string, std::string> stored(const std::string& root);
  std::string mapped(const std::string& point) const {
    std::string name = point;
    std::ranges::replace(name, '/', '_');
    return top_ + "/mapped" + name;
  }

  std::string top_;
  int round_ = 0;
};

Codes codes_of(const auto& result) { return result ? Codes{} : Codes{result.error().code}; }

Codes ModelTest::play(const Call& call, Names& seen, std::string& content) {
  using Kind = Call::Kind;
  const VirtualPath path = at(call.path);
  switch (call.kind) {
    case Kind::stat: return codes_of(run(session->stat(path)));
    case Kind::list: {
      const auto directory = run(session->open_directory(path));
      while (directory) {
        const auto some = run((*directory)->next(3));
        if (!some) return codes_of(some);
        if (some->empty()) break;
        for (const vfs::DirectoryEntry& entry : *some) seen.insert(entry.name);
      }
      return codes_of(directory);
    }
    case Kind::get: {
      const auto text = get(call.path);
      if (text) content = *text;
      return codes_of(text);
    }
    case Kind::put: return codes_of(put(call.path, call.content));
    case Kind::mkdir: return codes_of(run(session->make_directory(path, 0755)));
    case Kind::rmdir: return codes_of(run(session->remove_directory(path)));
    case Kind::remove: return codes_of(run(session->remove_file(path)));
    case Kind::rename: return codes_of(run(session->rename(path, at(call.to), call.overwrite)));
    case Kind::copy: return codes_of(run(session->copy(path, at(call.to), call.overwrite)));
  }
  return {};
}

std::map<std::string, std::string> ModelTest::stored(const std::string& root) {
  std::map<std::string, std::string> all{{"/", "directory"}};
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    all[entry.path().string().substr(root.size())] = entry.is_directory() ? "directory" : test::read_file(entry.path());
  }
  return all;
}

std::string told(const Codes& codes) {
  std::string text;
  for (const ErrorCode code : codes) text += (text.empty() ? "" : " or ") + std::string(to_string(code));
  return text.empty() ? "success" : text;
}

std::optional<std::string> ModelTest::play(const Scenario& scenario) {
  top_ = base / std::to_string(++round_);
  user.home_dir = top_ + "/home";
  user.permissions = scenario.permissions;
  user.filters.file_patterns = scenario.patterns;
  user.virtual_folders.clear();
  for (const std::string& point : scenario.mounts) {
    model::VirtualFolder folder;
    folder.name = "folder" + std::to_string(user.virtual_folders.size());
    folder.virtual_path = point;
    folder.mapped_path = mapped(point);
    user.virtual_folders.push_back(folder);
  }
  login();
  Model model(scenario);
  for (const Call& call : scenario.calls) {
    Names expected_names, names;
    std::string expected_content, content;
    const Codes expected = model.play(call, expected_names, expected_content);
    const Codes codes = play(call, names, content);
    const bool alike = codes.empty() ? expected.empty() : expected.contains(*codes.begin());
    if (!alike) return told(call) + ": expected " + told(expected) + ", was " + told(codes);
    if (names != expected_names || content != expected_content) return told(call) + ": shows something else";
  }
  for (const auto& [point, nodes] : model.nodes_) {
    const std::map<std::string, std::string> found = stored(point == "/" ? user.home_dir : mapped(point));
    if (found != nodes) return "in the end the storage of " + point + " holds something else";
  }
  return std::nullopt;
}

// --- chance ---

class Chance {
 public:
  explicit Chance(unsigned seed) : random_(seed) {}

  Scenario scenario() {
    Scenario made;
    made.permissions["/"] = rights();
    for (unsigned count = below(4); count > 0; --count) made.permissions[path(1, 3)] = rights();
    for (unsigned count = below(3); count > 0; --count) filter(made.patterns);
    for (unsigned count = below(3); count > 0; --count) {
      const std::string point = path(1, 3);
      if (std::ranges::find(made.mounts, point) == made.mounts.end()) made.mounts.push_back(point);
    }
    for (int i = 0; i < 60; ++i) made.calls.push_back(call(i));
    return made;
  }

 private:
  unsigned below(unsigned limit) { return static_cast<unsigned>(random_() % limit); }
  std::string path(unsigned least, unsigned most) {
    constexpr const char* names[] = {"a", "b", "c.x", "d.y"};
    std::string text;
    for (unsigned depth = least + below(most - least + 1); depth > 0; --depth)
      text += '/' + std::string(names[below(4)]);
    return text.empty() ? "/" : text;
  }
  std::vector<std::string> rights() {
    if (below(3) == 0) return {"*"};
    std::vector<std::string> words;
    for (const char* word : {"list", "download", "upload", "overwrite", "delete", "delete_files", "delete_dirs",
                             "rename", "rename_files", "rename_dirs", "create_dirs", "copy"}) {
      if (below(5) != 0) words.emplace_back(word);
    }
    return words;
  }
  void filter(std::vector<model::PatternsFilter>& filters) {
    constexpr const char* patterns[] = {"*.x", "d*", "b", "?", "*", "*.?", "c*x"};
    model::PatternsFilter made;
    made.path = path(0, 2);
    made.deny_policy = below(2);
    for (unsigned count = below(3); count > 0; --count) made.denied_patterns.emplace_back(patterns[below(4)]);
    for (unsigned count = below(3); count > 0; --count) made.allowed_patterns.emplace_back(patterns[below(7)]);
    const auto same = [&made](const model::PatternsFilter& other) { return other.path == made.path; };
    if (std::ranges::none_of(filters, same)) filters.push_back(made);
  }
  Call call(int number) {
    using Kind = Call::Kind;
    constexpr Kind kinds[] = {Kind::stat,   Kind::list,   Kind::get,    Kind::put,   Kind::put,
                              Kind::put,    Kind::mkdir,  Kind::mkdir,  Kind::mkdir, Kind::rmdir,
                              Kind::remove, Kind::rename, Kind::rename, Kind::copy};
    Call made;
    made.kind = kinds[below(std::size(kinds))];
    made.path = path(below(8) == 0 ? 0 : 1, 3);
    made.content = "=" + std::to_string(number);
    if (made.kind == Kind::rename || made.kind == Kind::copy) made.to = path(1, 3);
    made.overwrite = below(2) == 0;
    return made;
  }

  std::mt19937 random_;
};

TEST_F(ModelTest, RandomOperationsDoWhatTheModelSays) {
  const char* given = std::getenv("FERRY_TEST_SEED");
  const unsigned first = given != nullptr ? static_cast<unsigned>(std::stoul(given)) : 1;
  for (unsigned seed = first; seed < first + (given != nullptr ? 2000 : 400); ++seed) {
    Scenario scenario = Chance(seed).scenario();
    std::optional<std::string> difference = play(scenario);
    if (!difference) continue;
    for (std::size_t i = scenario.calls.size(); i-- > 0;) {  // what can go without the difference going, goes
      Scenario shorter = scenario;
      shorter.calls.erase(shorter.calls.begin() + static_cast<std::ptrdiff_t>(i));
      const std::optional<std::string> still = play(shorter);
      if (!still) continue;
      scenario = std::move(shorter);
      difference = still;
    }
    FAIL() << "FERRY_TEST_SEED=" << seed << "\n" << *difference << '\n' << told(scenario);
  }
}

}  // namespace
}  // namespace ferry::session
