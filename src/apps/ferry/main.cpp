// ferry: a file-transfer server. Exit codes: 0 done, 1 failed with one line on stderr.
#include "commands.h"
#include "version.h"

int main(int argc, char** argv) {
  ferry::app::CommandLine line(ferry::app::version_text());
  ferry::app::add_serve(line);
  ferry::app::add_portable(line);
  ferry::app::add_startsubsys(line);
  ferry::app::add_initprovider(line);
  ferry::app::add_resetpwd(line);
  ferry::app::add_ping(line);
  ferry::app::add_version(line);
  return line.run(argc, argv);
}
