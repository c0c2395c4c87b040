#include "load_options.h"

#include "options.h"

namespace ferry::app {

void LoadOptions::add_to(CLI::App& command) {
  with_variable(command.add_option("--loaddata-from", file, "dump to load before serving, an absolute path"),
                {"LOADDATA_FROM"});
  with_variable(command.add_option("--loaddata-mode", rest.mode, "0, 2: add and update, 1: add only"),
                {"LOADDATA_MODE"})
      ->capture_default_str()
      ->check(CLI::Range(0, 2));
  with_variable(
      command.add_option("--loaddata-scan", rest.scan, "quota scan after loading: 0 none, 1 all, 2 who has a quota"),
      {"LOADDATA_SCAN", "LOADDATA_QUOTA_SCAN"})
      ->capture_default_str()
      ->check(CLI::Range(0, 2));
  with_variable(command.add_flag("--loaddata-clean", rest.clean, "remove the dump once it is loaded"),
                {"LOADDATA_CLEAN"});
}

server::LoadData LoadOptions::data() const {
  server::LoadData data = rest;
  data.file = file;
  return data;
}

}  // namespace ferry::app
