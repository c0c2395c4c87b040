#include "ssh/server_handler.h"

namespace ferry::ssh {

Task<AuthOutcome> ServerHandler::authenticate_none(std::string) { co_return AuthOutcome{}; }
Task<AuthOutcome> ServerHandler::authenticate_password(std::string, crypto::Secret) { co_return AuthOutcome{}; }
Task<AuthOutcome> ServerHandler::query_public_key(std::string, PublicKey) { co_return AuthOutcome{}; }
Task<AuthOutcome> ServerHandler::authenticate_public_key(std::string, PublicKey, SignatureFlags) {
  co_return AuthOutcome{};
}
Task<AuthOutcome> ServerHandler::query_certificate(std::string, Certificate) { co_return AuthOutcome{}; }
Task<AuthOutcome> ServerHandler::authenticate_certificate(std::string, Certificate) { co_return AuthOutcome{}; }
Task<DialogueStep> ServerHandler::begin_dialogue(std::string) { co_return DialogueStep{}; }
Task<DialogueStep> ServerHandler::answer_dialogue(std::vector<crypto::Secret>) { co_return DialogueStep{}; }

}  // namespace ferry::ssh
