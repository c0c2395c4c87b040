#include "vfs/s3/providers.h"

#include <fstream>

#include "vfs/s3/profiles.h"
#include "vfs/s3/sts.h"

namespace ferry::vfs::s3 {

namespace {

using Asked = std::shared_ptr<const CredentialSurroundings>;
using SharedProfiles = std::shared_ptr<const Profiles>;

constexpr std::size_t longest_file = 1 << 20;
constexpr int deepest_profile = 5;

std::unexpected<Error> none(const std::string& why) {
  return fail(ErrorCode::permission_denied, "S3 credentials: " + why);
}

std::string variable(const Asked& asked, const char* name) {
  const auto found = asked->environment.find(name);
  return found == asked->environment.end() ? std::string() : found->second;
}

std::string setting(const Profile& profile, const char* name) {
  const auto found = profile.find(name);
  return found == profile.end() ? std::string() : found->second;
}

FoundCredentials keys(const std::string& key, const std::string& secret, std::string token) {
  if (key.empty() || secret.empty()) return std::nullopt;
  Credentials found;
  found.access_key = key;
  found.secret = crypto::Secret(std::string_view(secret));
  found.session_token = std::move(token);
  return found;
}

FoundCredentials of_environment(const Asked& asked) {
  return keys(variable(asked, "AWS_ACCESS_KEY_ID"), variable(asked, "AWS_SECRET_ACCESS_KEY"),
              variable(asked, "AWS_SESSION_TOKEN"));
}

FoundCredentials keys_of(const Profile& profile) {
  return keys(setting(profile, "aws_access_key_id"), setting(profile, "aws_secret_access_key"),
              setting(profile, "aws_session_token"));
}

Role role_of(const Profile& profile) {
  return {.arn = setting(profile, "role_arn"),
          .region = setting(profile, "region"),
          .external_id = setting(profile, "external_id"),
          .session_name = setting(profile, "role_session_name"),
          .duration = setting(profile, "duration_seconds")};
}

// Kubernetes writes the file anew before the token in it ends, so it is read each time.
Task<Result<FoundCredentials>> by_token_file(Asked asked, std::string file, Role role) {
  std::optional<std::string> token = co_await read_token(std::move(file));
  if (!token) co_return none("the web identity's token file cannot be read");
  Result<Credentials> found = co_await assume_role_by_token(std::move(asked), std::move(*token), std::move(role));
  if (!found) co_return fail(found.error());
  co_return FoundCredentials(std::move(*found));
}

Task<Result<FoundCredentials>> by_web_identity(Asked asked) {
  std::string file = variable(asked, "AWS_WEB_IDENTITY_TOKEN_FILE");
  Role role{.arn = variable(asked, "AWS_ROLE_ARN"), .session_name = variable(asked, "AWS_ROLE_SESSION_NAME")};
  if (file.empty() || role.arn.empty()) co_return FoundCredentials();
  Result<FoundCredentials> found = co_await by_token_file(std::move(asked), std::move(file), std::move(role));
  co_return found;
}

// "Environment", "Ec2InstanceMetadata", "EcsContainer".
Task<Result<FoundCredentials>> of_source(Asked asked, std::string source) {
  Result<FoundCredentials> found = FoundCredentials();
  if (source == "Environment") {
    found = of_environment(asked);
  } else if (source == "EcsContainer") {
    found = co_await container_credentials(std::move(asked));
  } else if (source == "Ec2InstanceMetadata") {
    found = co_await machine_credentials(std::move(asked));
  } else {
    found = none("an unknown credential_source");
  }
  co_return found;
}

Task<Result<FoundCredentials>> of_profile(Asked asked, SharedProfiles profiles, std::string name, int depth);

// The role of a profile, taken with the credentials that the profile names as its source.
Task<Result<FoundCredentials>> by_source(Asked asked, SharedProfiles profiles, std::string name, int depth) {
  const Profile& profile = profiles->at(name);
  const std::string source = setting(profile, "source_profile");
  Result<FoundCredentials> base = FoundCredentials();
  if (source.empty()) {
    base = co_await of_source(asked, setting(profile, "credential_source"));
  } else if (source == name) {
    base = keys_of(profile);
  } else {
    base = co_await of_profile(asked, profiles, source, depth + 1);
  }
  if (!base) co_return base;
  if (!*base) co_return none("the source of a profile's role has none");
  Role role = role_of(profile);
  Result<Credentials> found = co_await assume_role(std::move(asked), std::move(**base), std::move(role), nullptr);
  if (!found) co_return fail(found.error());
  co_return FoundCredentials(std::move(*found));
}

Task<Result<FoundCredentials>> of_profile(Asked asked, SharedProfiles profiles, std::string name, int depth) {
  const auto named = profiles->find(name);
  if (named == profiles->end()) co_return none("a source_profile that is not there");
  if (depth == deepest_profile) co_return none("profiles name each other as source_profile");
  const Profile& profile = named->second;
  Role role = role_of(profile);
  std::string token = setting(profile, "web_identity_token_file"), line = setting(profile, "credential_process");
  const bool sourced = !setting(profile, "source_profile").empty() || !setting(profile, "credential_source").empty();
  Result<FoundCredentials> found = keys_of(profile);
  if (!role.arn.empty() && !token.empty()) {
    found = co_await by_token_file(std::move(asked), std::move(token), std::move(role));
  } else if (!role.arn.empty() && sourced) {
    found = co_await by_source(std::move(asked), std::move(profiles), std::move(name), depth);
  } else if (!*found && !line.empty()) {
    Result<Credentials> printed = co_await process_credentials(std::move(asked), std::move(line));
    if (!printed) co_return fail(printed.error());
    found = FoundCredentials(std::move(*printed));
  }
  co_return found;
}

Task<Result<FoundCredentials>> by_profile(Asked asked) {
  const std::string home = variable(asked, "HOME");
  std::string config = variable(asked, "AWS_CONFIG_FILE"), secrets = variable(asked, "AWS_SHARED_CREDENTIALS_FILE");
  if (config.empty() && !home.empty()) config = home + "/.aws/config";
  if (secrets.empty() && !home.empty()) secrets = home + "/.aws/credentials";
  auto profiles = std::make_shared<Profiles>();
  co_await run_blocking(Lane::remote, [&] {
    if (const auto text = read_small_file(secrets)) read_profiles(*text, false, *profiles);
    if (const auto text = read_small_file(config)) read_profiles(*text, true, *profiles);
  });
  const std::string named = variable(asked, "AWS_PROFILE");
  std::string name = named.empty() ? "default" : named;
  if (!profiles->contains(name) && !named.empty()) co_return none("AWS_PROFILE names a profile that is not there");
  if (!profiles->contains(name)) co_return FoundCredentials();
  Result<FoundCredentials> found = co_await of_profile(std::move(asked), std::move(profiles), std::move(name), 0);
  co_return found;
}

}  // namespace

std::optional<std::string> read_small_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::string text(longest_file, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

Task<std::optional<std::string>> read_token(std::string path) {
  std::optional<std::string> text = co_await run_blocking(Lane::remote, [&path] { return read_small_file(path); });
  while (text && (text->ends_with('\n') || text->ends_with('\r') || text->ends_with(' '))) text->pop_back();
  if (text && text->empty()) text.reset();
  co_return text;
}

Task<Result<Credentials>> own_credentials(std::shared_ptr<const CredentialSurroundings> surroundings) {
  Result<FoundCredentials> found = of_environment(surroundings);
  if (found && !*found) found = co_await by_web_identity(surroundings);
  if (found && !*found) found = co_await by_profile(surroundings);
  if (found && !*found) found = co_await container_credentials(surroundings);
  if (found && !*found) found = co_await machine_credentials(surroundings);
  if (!found) co_return fail(found.error());
  if (!*found) co_return none("none in the configuration, the environment, profiles, a container or this machine");
  co_return std::move(**found);
}

}  // namespace ferry::vfs::s3
