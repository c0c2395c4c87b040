// The options that name a dump to load.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "server/server.h"

namespace ferry::app {

struct LoadOptions {
  std::string file;
  server::LoadData rest;  // all but the file

  void add_to(CLI::App& command);
  server::LoadData data() const;
};

}  // namespace ferry::app
