#include <iostream>
#include <memory>

#include "commands.h"
#include "load_options.h"
#include "options.h"
#include "server/server.h"

namespace ferry::app {

namespace {

struct InitOptions {
  ConfigOptions config;
  LoadOptions load;
};

int init_provider(const InitOptions& options) {
  const auto loaded = options.config.load();
  if (!loaded) return report(loaded.error());
  const auto done = server::init_provider(*loaded, options.config.location(), options.load.data());
  if (!done) return report(done.error());
  std::cout << "the data provider is up to date" << std::endl;
  return 0;
}

}  // namespace

void add_initprovider(CommandLine& line) {
  Command command = line.add("initprovider", "create or update the data provider's schema");
  auto options = std::make_shared<InitOptions>();
  options->config.add_to(command);
  options->load.add_to(command);
  command.run([options] { return init_provider(*options); });
}

}  // namespace ferry::app
