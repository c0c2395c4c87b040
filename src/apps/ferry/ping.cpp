#include "server/ping.h"

#include <iostream>
#include <memory>

#include "commands.h"
#include "options.h"

namespace ferry::app {

namespace {

int ask(const ConfigOptions& options) {
  const auto loaded = options.load();
  if (!loaded) return report(loaded.error());
  const auto asked = server::ping(loaded->config.httpd);
  if (!asked) return report(asked.error());
  std::cout << *asked << ": healthy" << std::endl;
  return 0;
}

}  // namespace

void add_ping(CommandLine& line) {
  Command command = line.add("ping", "ask the running server for its health; exit code 0: it answers");
  auto options = std::make_shared<ConfigOptions>();
  options->add_to(command);
  command.run([options] { return ask(*options); });
}

}  // namespace ferry::app
