#include "version.h"

#include <iostream>

#include "commands.h"
#include "server/version.h"

namespace ferry::app {

std::string version_text() { return "Ferry " + std::string(server::version()); }

void add_version(CommandLine& line) {
  line.add("version", "print the version").run([] {
    std::cout << version_text() << std::endl;
    return 0;
  });
}

}  // namespace ferry::app
