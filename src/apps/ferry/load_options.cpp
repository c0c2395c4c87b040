#include "load_options.h"

namespace ferry::app {

void LoadOptions::add_to(Command& command) {
  command.add(file, {.name = "--loaddata-from",
                     .help = "dump to load before serving, an absolute path",
                     .variables = {"LOADDATA_FROM"}});
  command.add(rest.mode, {.name = "--loaddata-mode",
                          .help = "0, 2: add and update, 1: add only",
                          .variables = {"LOADDATA_MODE"},
                          .range = {{0, 2}}});
  command.add(rest.scan, {.name = "--loaddata-scan",
                          .help = "quota scan after loading: 0 none, 1 all, 2 who has a quota",
                          .variables = {"LOADDATA_SCAN", "LOADDATA_QUOTA_SCAN"},
                          .range = {{0, 2}}});
  command.add_flag(rest.skip_invalid, {.name = "--loaddata-skip-invalid",
                                       .help = "load the rest of a dump when some of its objects are not valid",
                                       .variables = {"LOADDATA_SKIP_INVALID"}});
  command.add_flag(
      rest.clean,
      {.name = "--loaddata-clean", .help = "remove the dump once it is loaded", .variables = {"LOADDATA_CLEAN"}});
}

server::LoadData LoadOptions::data() const {
  server::LoadData data = rest;
  data.file = file;
  return data;
}

}  // namespace ferry::app
