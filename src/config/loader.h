// Where a configuration comes from.
//
// In order of precedence, highest first:
//   1. environment variables FERRY_SECTION__KEY (FERRY_SFTPD__BINDINGS__0__PORT=2022), lists comma-separated
//   2. the same as SFTPGO_SECTION__KEY
//   3. both forms from the files <directory>/env.d/*.env, the first in name order that sets a variable
//   4. the configuration file: ferry.json, .yaml, .yml, .toml, .env, then sftpgo.* in the same order
//   5. the defaults of config.h
// A list of objects given in the file replaces the default list. An index from the environment that the list
// has changes that element; higher ones append new elements, in the order of their indexes.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "config/config.h"

namespace ferry::config {

using Environment = std::map<std::string, std::string, std::less<>>;

Environment process_environment();

struct Sources {
  std::filesystem::path directory = ".";
  std::string file;  // absolute or relative to `directory`; empty: searched for
  Environment environment;
};

struct Loaded {
  Config config;
  Environment environment;            // given, completed from env.d
  std::filesystem::path file;         // empty: there was none
  std::vector<std::string> warnings;  // one line each
};

// An error is one line that names file (or variable), key and expected form.
Result<Loaded> load(const Sources& sources);

}  // namespace ferry::config
