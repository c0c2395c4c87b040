#include "base/command_line.h"

namespace ferry {

namespace {

constexpr std::string_view blanks = " \t\r\n";
constexpr std::string_view pattern_characters = "*?[]\\";

class Splitter {
 public:
  explicit Splitter(std::string_view line) : rest_(line) {}

  Result<std::vector<Word>> run() {
    while (!rest_.empty()) {
      const char c = take();
      if (blanks.find(c) != std::string_view::npos) {
        end_word();
      } else if (!one(c)) {
        return fail(ErrorCode::invalid_argument, "unfinished quotation");
      }
      if (words_.size() > most_command_words) return fail(ErrorCode::invalid_argument, "too many words");
    }
    end_word();
    return std::move(words_);
  }

 private:
  char take() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  // False: the line ends within a quotation.
  bool one(char c) {
    if (c == '\'') return single_quoted();
    if (c == '"') return double_quoted();
    if (c == '\\') {
      if (rest_.empty()) return false;
      const char next = take();
      if (next != '\n') literal(next);
      return true;
    }
    if (c == '~' && !in_word_ && (rest_.empty() || rest_.front() == '/' || blanks.contains(rest_.front()))) {
      word_.home = true;
    }
    in_word_ = true;
    word_.text += c;
    word_.pattern += c;
    if (c == '*' || c == '?' || c == '[') word_.wildcards = true;
    return true;
  }

  bool single_quoted() {
    in_word_ = true;
    const std::size_t end = rest_.find('\'');
    if (end == std::string_view::npos) return false;
    for (const char c : rest_.substr(0, end)) literal(c);
    rest_.remove_prefix(end + 1);
    return true;
  }

  // Within double quotes a backslash quotes only $ ` " \ and a line end.
  bool double_quoted() {
    in_word_ = true;
    while (!rest_.empty()) {
      const char c = take();
      if (c == '"') return true;
      if (c != '\\') {
        literal(c);
        continue;
      }
      if (rest_.empty()) return false;
      const char next = take();
      if (next == '\n') continue;
      if (std::string_view("$`\"\\").find(next) == std::string_view::npos) literal('\\');
      literal(next);
    }
    return false;
  }

  void literal(char c) {
    in_word_ = true;
    word_.text += c;
    if (pattern_characters.find(c) != std::string_view::npos) word_.pattern += '\\';
    word_.pattern += c;
  }

  void end_word() {
    if (in_word_) words_.push_back(std::move(word_));
    word_ = {};
    in_word_ = false;
  }

  std::string_view rest_;
  std::vector<Word> words_;
  Word word_;
  bool in_word_ = false;  // also of an empty one, as '' is
};

}  // namespace

Result<std::vector<Word>> split_command_line(std::string_view line) {
  if (line.size() > longest_command_line) return fail(ErrorCode::invalid_argument, "the command line is too long");
  if (line.find('\0') != std::string_view::npos) return fail(ErrorCode::invalid_argument, "NUL in the command line");
  return Splitter(line).run();
}

Result<VirtualPath> path_of(const Word& word, const VirtualPath& start) {
  if (!word.home) return VirtualPath::parse(word.text, start);
  return VirtualPath::parse("./" + word.text.substr(1), start);
}

}  // namespace ferry
