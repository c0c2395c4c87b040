// ferry: a file-transfer server. Exit codes: 0 done, 1 failed with one line on stderr.
#include <exception>
#include <iostream>

#include "commands.h"

int main(int argc, char** argv) {
  CLI::App app("Ferry, a file-transfer server", "ferry");
  app.require_subcommand(1);
  int exit_code = 1;
  ferry::app::add_serve(app, exit_code);
  ferry::app::add_portable(app, exit_code);
  ferry::app::add_startsubsys(app, exit_code);
  ferry::app::add_initprovider(app, exit_code);
  ferry::app::add_version(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    std::cerr << "ferry: " << error.what() << std::endl;
    return 1;
  } catch (const std::exception& error) {
    std::cerr << "ferry: " << error.what() << std::endl;
    return 1;
  }
  return exit_code;
}
