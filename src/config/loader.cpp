#include "config/loader.h"

#include <unistd.h>

#include <algorithm>
#include <system_error>

#include "config/apply.h"
#include "config/nearest.h"
#include "config/value.h"

namespace ferry::config {

namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& file) {
  std::error_code error;
  return fs::exists(file, error) || error;  // one that cannot be looked at must not be passed over in silence
}

struct Found {
  fs::path file;
  std::vector<std::string> warnings;
};

Result<Found> find_file(const Sources& sources) {
  if (!sources.file.empty()) {
    const fs::path file = sources.directory / sources.file;
    if (!is_there(file)) return fail(ErrorCode::not_found, file.string() + ": there is no such configuration file");
    return Found{file, {}};
  }
  Found found;
  for (const std::string_view stem : {"ferry", "sftpgo"}) {
    for (const std::string_view extension : {".json", ".yaml", ".yml", ".toml", ".env"}) {
      const fs::path file = sources.directory / (std::string(stem) + std::string(extension));
      if (!is_there(file)) continue;
      if (found.file.empty()) {
        found.file = file;
      } else if (extension != ".env") {  // packages put the service's environment beside the file
        found.warnings.push_back(file.string() + ": ignored, because " + found.file.filename().string() +
                                 " is there too");
      }
    }
  }
  return found;
}

// The environment from env.d: of variables in several files the first stands. They may refer to each other, and to what
// the process was given.
Result<void> read_env_directory(const fs::path& directory, const Environment& given, Environment& environment) {
  std::error_code error;
  if (!fs::exists(directory, error) && !error) return {};
  std::vector<fs::path> files;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() == ".env") files.push_back(entry->path());
  }
  if (error) return fail(ErrorCode::io_error, directory.string() + ": cannot be read: " + error.message());
  std::ranges::sort(files);
  for (const fs::path& file : files) {
    auto text = read_text(file);
    if (!text) return fail(text.error());
    Environment known = given;
    known.insert(environment.begin(), environment.end());
    auto variables = parse_env(*text, file, known);
    if (!variables) return fail(variables.error());
    environment.merge(*variables);
  }
  return {};
}

}  // namespace

Environment process_environment() {
  Environment found;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos && equals > 0) found.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return found;
}

Result<Loaded> load(const Sources& sources) {
  std::error_code error;
  if (!fs::is_directory(sources.directory, error)) {
    return fail(ErrorCode::not_found, sources.directory.string() + ": expected an existing configuration directory");
  }
  Loaded loaded;
  auto found = find_file(sources);
  if (!found) return fail(found.error());
  loaded.file = found->file;
  loaded.warnings = std::move(found->warnings);
  if (!loaded.file.empty()) {
    auto document = read_file(loaded.file, sources.environment);
    if (!document) return fail(document.error());
    auto applied = apply(*document, loaded.file.string(), loaded.config, loaded.warnings);
    if (!applied) return fail(applied.error());
  }
  Environment from_files;
  if (auto read = read_env_directory(sources.directory / "env.d", sources.environment, from_files); !read)
    return fail(read.error());
  std::erase_if(from_files, [&](const auto& entry) { return sources.environment.contains(entry.first); });
  // What the process was given stands above env.d, whatever the prefix: each source is applied by itself.
  for (const Environment* environment : {&std::as_const(from_files), &sources.environment}) {
    for (const std::string_view prefix : {"SFTPGO_", "FERRY_"}) {
      auto applied = apply(tree_of(*environment, prefix), "environment", loaded.config, loaded.warnings);
      if (!applied) return fail(applied.error());
    }
  }
  for (const Environment* environment : {&std::as_const(from_files), &sources.environment}) {
    for (std::string& warning : misspelt_variables(*environment)) loaded.warnings.push_back(std::move(warning));
  }
  loaded.environment = sources.environment;
  loaded.environment.merge(from_files);
  return loaded;
}

}  // namespace ferry::config
