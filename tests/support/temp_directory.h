// A directory that goes away with its test.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>

namespace ferry::test {

class TempDirectory {
 public:
  explicit TempDirectory(const std::string& parent = "/tmp") : path_(parent + "/ferry-test-XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("mkdtemp in " + parent);
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  ~TempDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }
  std::string operator/(std::string_view name) const { return path_ + '/' + std::string(name); }

 private:
  std::string path_;
};

inline void write_file(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary).write(text.data(), static_cast<std::streamsize>(text.size()));
}

// What can be read of it: "" for a directory, or for a file of /proc whose process ends meanwhile. (An
// std::istreambuf_iterator would throw then.)
inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text;
  char piece[4096];
  while (in) {
    in.read(piece, sizeof piece);
    text.append(piece, static_cast<std::size_t>(in.gcount()));
  }
  return text;
}

}  // namespace ferry::test
