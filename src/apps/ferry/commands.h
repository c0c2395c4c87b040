// The subcommands, one file each: every function adds its own to `app` and sets `exit_code` when it was run.
#pragma once

#include <CLI/CLI.hpp>

namespace ferry::app {

void add_serve(CLI::App& app, int& exit_code);
void add_startsubsys(CLI::App& app, int& exit_code);
void add_portable(CLI::App& app, int& exit_code);
void add_initprovider(CLI::App& app, int& exit_code);
void add_version(CLI::App& app, int& exit_code);

}  // namespace ferry::app
