#include "base/program_file.h"

#include <fcntl.h>
#include <link.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <vector>

#include "base/descriptor.h"

namespace ferry {

namespace {

bool read_exactly(int file, void* into, std::size_t count, std::uint64_t offset) {
  return ::pread(file, into, count, static_cast<off_t>(offset)) == static_cast<ssize_t>(count);
}

std::unexpected<Error> no_program(const std::string& path) {
  return fail(ErrorCode::unsupported, path + " is not a program of this machine");
}

}  // namespace

Result<std::string> interpreter_of(const std::string& program) {
  const Descriptor file(::open(program.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail_errno(errno, program);
  ElfW(Ehdr) header{};
  if (!read_exactly(file.get(), &header, sizeof header, 0) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_ident[EI_CLASS] != (sizeof(void*) == 8 ? ELFCLASS64 : ELFCLASS32) ||
      header.e_phentsize != sizeof(ElfW(Phdr))) {
    return no_program(program);
  }
  std::vector<ElfW(Phdr)> parts(header.e_phnum);
  if (!read_exactly(file.get(), parts.data(), parts.size() * sizeof parts[0], header.e_phoff)) {
    return no_program(program);
  }
  for (const ElfW(Phdr) & part : parts) {
    if (part.p_type != PT_INTERP) continue;
    if (part.p_filesz < 2 || part.p_filesz > PATH_MAX) return no_program(program);
    std::string loader(part.p_filesz, '\0');
    if (!read_exactly(file.get(), loader.data(), loader.size(), part.p_offset) || loader.back() != '\0') {
      return no_program(program);
    }
    loader.resize(std::strlen(loader.c_str()));
    return loader;
  }
  return std::string();
}

}  // namespace ferry
