#include "base/virtual_path.h"

namespace ferry {

namespace {

// Appends the components of `text` to the normal path `out`, which is "" for the root.
Result<void> append_components(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const std::size_t slash = text.find('/');
    const std::string_view name = text.substr(0, slash);
    text = slash == std::string_view::npos ? std::string_view() : text.substr(slash + 1);
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      const std::size_t last = out.rfind('/');
      if (last != std::string::npos) out.resize(last);
      continue;
    }
    if (name.size() > VirtualPath::max_name_length) return fail(ErrorCode::invalid_argument, "name too long");
    out += '/';
    out += name;
  }
  return {};
}

}  // namespace

Result<VirtualPath> VirtualPath::parse(std::string_view text, const VirtualPath& base) {
  if (text.size() > max_length) return fail(ErrorCode::invalid_argument, "path too long");
  if (text.find('\0') != std::string_view::npos) return fail(ErrorCode::invalid_argument, "NUL in path");
  std::string out;
  if (!text.starts_with('/') && !base.is_root()) out = base.text_;
  const Result<void> appended = append_components(out, text);
  if (!appended) return fail(appended.error());
  if (out.size() > max_length) return fail(ErrorCode::invalid_argument, "path too long");
  if (out.empty()) out = "/";
  return VirtualPath(std::move(out));
}

std::string_view VirtualPath::name() const { return std::string_view(text_).substr(text_.rfind('/') + 1); }

VirtualPath VirtualPath::parent() const {
  const std::size_t last = text_.rfind('/');
  return last == 0 ? VirtualPath() : VirtualPath(text_.substr(0, last));
}

Result<VirtualPath> VirtualPath::child(std::string_view name) const {
  if (name.empty() || name == "." || name == ".." || name.size() > max_name_length ||
      name.find('/') != std::string_view::npos || name.find('\0') != std::string_view::npos) {
    return fail(ErrorCode::invalid_argument, "not a file name");
  }
  if (text_.size() + 1 + name.size() > max_length) return fail(ErrorCode::invalid_argument, "path too long");
  std::string out = is_root() ? std::string() : text_;
  out += '/';
  out += name;
  return VirtualPath(std::move(out));
}

bool VirtualPath::is_within(const VirtualPath& ancestor) const {
  if (ancestor.is_root()) return true;
  if (!text_.starts_with(ancestor.text_)) return false;
  return text_.size() == ancestor.text_.size() || text_[ancestor.text_.size()] == '/';
}

VirtualPath VirtualPath::below(const VirtualPath& ancestor) const {
  if (ancestor.is_root()) return *this;
  std::string rest = text_.substr(ancestor.text_.size());
  return rest.empty() ? VirtualPath() : VirtualPath(std::move(rest));
}

VirtualPath VirtualPath::join(const VirtualPath& rest) const {
  if (rest.is_root()) return *this;
  if (is_root()) return rest;
  return VirtualPath(text_ + rest.text_);
}

std::vector<std::string_view> VirtualPath::components() const {
  std::vector<std::string_view> names;
  std::string_view rest = std::string_view(text_).substr(1);
  while (!rest.empty()) {
    const std::size_t slash = rest.find('/');
    names.push_back(rest.substr(0, slash));
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  }
  return names;
}

}  // namespace ferry
