// Writing JSON strings without a JSON library: for log lines and small fixed answers.
#pragma once

#include <string>
#include <string_view>

namespace ferry {

// Appends `text` as a JSON string with its quotes (RFC 8259 section 7). Bytes that are not valid UTF-8 become
// U+FFFD, one for each byte, so what is appended is always valid JSON.
void append_json_string(std::string& out, std::string_view text);

}  // namespace ferry
