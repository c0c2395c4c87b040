#include <iostream>
#include <memory>

#include "commands.h"
#include "options.h"
#include "server/server.h"

namespace ferry::app {

namespace {

int init_provider(const ConfigOptions& options) {
  const auto loaded = options.load();
  if (!loaded) return report(loaded.error());
  const auto done = server::init_provider(*loaded, options.location());
  if (!done) return report(done.error());
  std::cout << "the data provider is up to date" << std::endl;
  return 0;
}

}  // namespace

void add_initprovider(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("initprovider", "create or update the data provider's schema");
  auto options = std::make_shared<ConfigOptions>();
  options->add_to(*command);
  command->callback([options, &exit_code] { exit_code = init_provider(*options); });
}

}  // namespace ferry::app
