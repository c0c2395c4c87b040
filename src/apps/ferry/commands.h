// The subcommands, one file each: every function adds its own.
#pragma once

#include "command_line.h"

namespace ferry::app {

void add_serve(CommandLine& line);
void add_startsubsys(CommandLine& line);
void add_portable(CommandLine& line);
void add_initprovider(CommandLine& line);
void add_resetpwd(CommandLine& line);
void add_ping(CommandLine& line);
void add_version(CommandLine& line);

}  // namespace ferry::app
