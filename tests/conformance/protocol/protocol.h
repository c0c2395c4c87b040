// What the suite wants of a protocol: its verbs as a client would use them, one conversation each, and the verdict that
// the client reads off the wire.
#pragma once

#include <cstddef>
#include <limits>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "session/session.h"

namespace ferry::conformance {

// As far as the protocol tells; what it cannot tell apart is `failure`.
enum class Outcome { done, no_such_file, denied, exists, quota, failure };

inline void PrintTo(Outcome outcome, std::ostream* out) {
  const char* const names[] = {"done", "no_such_file", "denied", "exists", "quota", "failure"};
  *out << names[static_cast<int>(outcome)];
}

// What a protocol cannot do, or does in its own way. A case that needs what is missing is left out for it.
struct Abilities {
  bool lists = true, stats = true, makes_directories = true, removes = true, renames = true, resumes = true;
  bool downloads_need_list = false;    // it looks at a file before it opens it
  bool slash_means_directory = false;  // an upload to "f/" is refused where "f" is no directory
  bool sends_line_breaks = true;       // a file whose name holds one can be downloaded
};

class Protocol {
 public:
  static constexpr std::size_t all = std::numeric_limits<std::size_t>::max();

  virtual ~Protocol() = default;
  virtual std::string name() const = 0;  // as in ConnectionInfo::protocol
  virtual Abilities abilities() const { return {}; }

  // A new file, or one that replaces what is there. The client vanishes when it has sent `cut_after` bytes of the
  // data; with bytes.size() it has sent all of them, but has not said that this was the end.
  virtual Outcome put(session::Session& session, std::string_view path, std::string_view bytes,
                      std::size_t cut_after = all) const = 0;
  virtual std::pair<Outcome, std::string> get(session::Session& session, std::string_view path) const = 0;

  // Those below are asked only where abilities() has the verb.
  virtual std::pair<Outcome, std::vector<std::string>> list(session::Session&, std::string_view) const {
    return {Outcome::failure, {}};
  }
  virtual Outcome stat(session::Session&, std::string_view) const { return Outcome::failure; }
  virtual Outcome make_directory(session::Session&, std::string_view) const { return Outcome::failure; }
  virtual Outcome remove(session::Session&, std::string_view) const { return Outcome::failure; }
  virtual Outcome rename(session::Session&, std::string_view, std::string_view) const { return Outcome::failure; }
  // Writes `bytes` from `offset` on into a file that is there.
  virtual Outcome resume(session::Session&, std::string_view, std::size_t, std::string_view) const {
    return Outcome::failure;
  }
};

}  // namespace ferry::conformance
