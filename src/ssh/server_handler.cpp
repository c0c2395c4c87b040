#include "ssh/server_handler.h"

namespace ferry::ssh {

Task<AuthOutcome> ServerHandler::authenticate_none(std::string) { co_return AuthOutcome{}; }
Task<AuthOutcome> ServerHandler::authenticate_password(std::string, crypto::Secret) { co_return AuthOutcome{}; }
Task<AuthOutcome> ServerHandler::query_public_key(std::string, PublicKey) { co_return AuthOutcome{}; }
Task<AuthOutcome> ServerHandler::authenticate_public_key(std::string, PublicKey) { co_return AuthOutcome{}; }

}  // namespace ferry::ssh
