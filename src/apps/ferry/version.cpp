#include "server/version.h"

#include <iostream>

#include "commands.h"

namespace ferry::app {

void add_version(CLI::App& app, int& exit_code) {
  const std::string text = "Ferry " + std::string(server::version());
  app.set_version_flag("-v,--version", text);
  app.add_subcommand("version", "print the version")->callback([text, &exit_code] {
    std::cout << text << std::endl;
    exit_code = 0;
  });
}

}  // namespace ferry::app
