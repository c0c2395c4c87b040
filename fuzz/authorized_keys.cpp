// Lines of authorized_keys form: their options, and whether the key can log in.
#include "fuzz/input.h"
#include "model/public_key.h"

using namespace ferry;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string line(reinterpret_cast<const char*>(data), size);
  const auto key = model::parse_authorized_key(line);
  if (!key) return 0;
  fuzz::require(!key->type.empty() && !key->blob.empty());
  (void)model::check_usable(*key);
  const bool everybody = key->options.from.empty();
  for (const char* address : {"192.0.2.1", "2001:db8::1", "no address"}) {
    fuzz::require(!everybody || key->options.allow_address(address));
    (void)key->options.allow_address(address);
  }
  // What is let in by a list is let in by no longer one of exclusions.
  if (!everybody && key->options.from.size() < 1000) {
    model::KeyOptions excluding = key->options;
    excluding.from += ",!*";
    fuzz::require(!excluding.allow_address("192.0.2.1"));
  }
  return 0;
}
