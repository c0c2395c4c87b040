// The ways to the server's own credentials, in AWS's order: the environment, web identity, profiles, the container, the
// virtual machine.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "vfs/s3/credentials.h"

namespace ferry::vfs::s3 {

// No value: this way is not configured.
using FoundCredentials = std::optional<Credentials>;

// permission_denied: there are none anywhere, or the first that is configured is refused; io_error: it does not answer.
Task<Result<Credentials>> own_credentials(std::shared_ptr<const CredentialSurroundings> surroundings);

Task<Result<FoundCredentials>> container_credentials(std::shared_ptr<const CredentialSurroundings> surroundings);
Task<Result<FoundCredentials>> machine_credentials(std::shared_ptr<const CredentialSurroundings> surroundings);
// What a program prints as JSON. `line`: the program and its arguments, between spaces; "quoted ones" may have spaces.
// It is started without a shell, with the environment that these variables are of.
Task<Result<Credentials>> process_credentials(std::shared_ptr<const CredentialSurroundings> surroundings,
                                              std::string line);

// Whether a container's token may be sent there: https, or a host of this machine (loopback, or the link-local
// addresses at which ECS and EKS serve credentials).
bool is_container_url(std::string_view url);

// At most 1 MiB of a file; no value: it cannot be read. Blocks.
std::optional<std::string> read_small_file(const std::string& path);
// A token in a file: without white space at its end; no value: it cannot be read, or is empty.
Task<std::optional<std::string>> read_token(std::string path);

}  // namespace ferry::vfs::s3
