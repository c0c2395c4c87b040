// Command lines of exec requests, and what the commands make of their words.
#include "base/command_line.h"

#include "fuzz/input.h"
#include "protocols/scp/scp.h"
#include "protocols/scp/wire.h"
#include "protocols/sshcmd/rsync_options.h"

using namespace ferry;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  const VirtualPath start;
  if (const auto words = split_command_line(line)) {
    fuzz::require(words->size() <= most_command_words + 1);
    std::size_t bytes = 0;
    for (const Word& word : *words) {
      bytes += word.text.size();
      if (const auto path = path_of(word, start)) fuzz::require(path->text().starts_with('/'));
    }
    fuzz::require(bytes <= line.size());
    if (const auto call = scp::parse_arguments(*words)) fuzz::require(!call->paths.empty());
    if (const auto call = sshcmd::parse_rsync(*words)) {
      for (const std::string& option : call->options) fuzz::require(option.starts_with('-') && option != "-s");
    }
  }
  if (const auto entry = scp::parse_entry(line))
    fuzz::require(VirtualPath().child(entry->name) || entry->name.size() > 255);
  if (const auto times = scp::parse_times(line)) fuzz::require(times->modified.nanoseconds < 1'000'000'000);
  return 0;
}
