#include "auth/hook_message.h"

#include <nlohmann/json.hpp>

namespace ferry::auth {

namespace {

using Json = nlohmann::json;

std::unexpected<Error> malformed(const char* what) { return fail(ErrorCode::invalid_argument, what); }

// A whole number that may be left out.
Result<std::int64_t> number(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || found->is_null()) return 0;
  if (!found->is_number_integer()) return malformed("a field is not a whole number");
  return found->get<std::int64_t>();
}

Result<std::vector<Question>> questions_of(const Json& json) {
  const auto texts = json.find("questions"), echos = json.find("echos");
  if (texts == json.end() || echos == json.end() || !texts->is_array() || !echos->is_array() || texts->empty()) {
    return malformed("neither questions nor a verdict");
  }
  if (texts->size() != echos->size()) return malformed("questions and echos differ in number");
  std::vector<Question> questions;
  for (std::size_t i = 0; i < texts->size(); ++i) {
    const Json &text = (*texts)[i], &echo = (*echos)[i];
    if (!text.is_string() || !echo.is_boolean()) return malformed("a question is no text, or an echo no boolean");
    questions.push_back({text.get<std::string>(), echo.get<bool>()});
  }
  return questions;
}

}  // namespace

Result<HookMessage> parse_hook_message(std::string_view text) {
  if (text.size() > longest_hook_message) return malformed("too long");
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return malformed("not a JSON object");
  const auto verdict = number(json, "auth_result"), check = number(json, "check_password");
  if (!verdict) return fail(verdict.error());
  if (!check) return fail(check.error());
  HookMessage message;
  if (*verdict != 0) {
    message.finished = true;
    message.success = *verdict == 1;
    return message;
  }
  auto questions = questions_of(json);
  if (!questions) return fail(questions.error());
  message.questions = std::move(*questions);
  if (const auto found = json.find("instruction"); found != json.end() && found->is_string()) {
    message.instruction = found->get<std::string>();
  }
  if (*check != 0) {
    if ((*check != 1 && *check != 2) || message.questions.size() != 1) {
      return malformed("check_password is 1 or 2 and goes with one question");
    }
    message.check = *check == 1 ? HookMessage::Check::password : HookMessage::Check::code;
  }
  return message;
}

std::string to_json(const UrlDialogueRequest& request) {
  Json json = {{"request_id", request.request_id},
               {"step", request.step},
               {"username", request.username},
               {"ip", request.ip},
               {"password", request.password}};
  if (request.step > 1) {
    json["answers"] = request.answers;
    json["questions"] = request.questions;
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace ferry::auth
