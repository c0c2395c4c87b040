// The options that name a dump to load.
#pragma once

#include <string>

#include "command_line.h"
#include "server/server.h"

namespace ferry::app {

struct LoadOptions {
  std::string file;
  server::LoadData rest;  // all but the file

  void add_to(Command& command);
  server::LoadData data() const;
};

}  // namespace ferry::app
