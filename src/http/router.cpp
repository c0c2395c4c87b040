#include "http/router.h"

#include <algorithm>

namespace ferry::http {

namespace {

template <class String>
std::vector<String> split_segments(std::string_view path) {
  std::vector<String> out;
  if (path.starts_with('/')) path.remove_prefix(1);
  for (;;) {
    const std::size_t end = std::min(path.find('/'), path.size());
    out.emplace_back(path.substr(0, end));
    if (end == path.size()) return out;
    path.remove_prefix(end + 1);
  }
}

bool is_variable(std::string_view segment) { return segment.starts_with('{') && segment.ends_with('}'); }

bool fits(const std::vector<std::string>& pattern, const std::vector<std::string>& segments) {
  return std::ranges::equal(pattern, segments, [](const std::string& expected, const std::string& segment) {
    return is_variable(expected) ? !segment.empty() : expected == segment;
  });
}

// Whether `a` names more segments literally, looking from the left.
bool more_literal(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::ranges::lexicographical_compare(a, b, {}, is_variable, is_variable);
}

bool answers(const Route& route, std::string_view method) {
  return route.method == method || (method == "HEAD" && route.method == "GET");
}

void append_method(std::string& allow, std::string_view method) {
  if (!allow.empty()) allow += ", ";
  allow += method;
}

}  // namespace

void Router::add(Route route) {
  auto segments = split_segments<std::string>(route.pattern);
  const auto same = std::ranges::find_if(
      entries_, [&](const Entry& entry) { return entry.segments == segments && entry.route.method == route.method; });
  if (same != entries_.end()) {
    same->route = std::move(route);
    return;
  }
  const auto place =
      std::ranges::find_if(entries_, [&](const Entry& entry) { return more_literal(segments, entry.segments); });
  entries_.insert(place, Entry{std::move(segments), std::move(route)});
}

void Router::set_error_page(std::string prefix, ErrorPage page) {
  error_pages_.emplace_back(std::move(prefix), std::move(page));
  std::ranges::stable_sort(error_pages_, [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
}

Router::Match Router::match(std::string_view method, std::string_view raw_path) const {
  Match match;
  std::vector<std::string> segments;
  if (!raw_path.starts_with('/')) {
    match.status = 400;
    return match;
  }
  for (const std::string_view raw : split_segments<std::string_view>(raw_path)) {
    auto decoded = percent_decode(raw);
    if (!decoded) {
      match.status = 400;
      return match;
    }
    match.path += '/' + *decoded;
    segments.push_back(std::move(*decoded));
  }
  // "/users/" is "/users", as with SFTPGo. Not to delete: a script whose variable is empty means one object of a list,
  // and would delete what belongs to the list itself.
  if (method != "DELETE" && segments.size() > 1 && segments.back().empty()) {
    segments.pop_back();
    match.path.pop_back();
  }
  for (const Entry& entry : entries_) {
    if (!fits(entry.segments, segments)) continue;
    if (!answers(entry.route, method)) {
      match.status = 405;
      append_method(match.allow, entry.route.method);
      continue;
    }
    match.route = &entry.route;
    match.status = 200;
    for (std::size_t i = 0; i < segments.size(); ++i) {
      const std::string& name = entry.segments[i];
      if (is_variable(name)) match.params.emplace_back(name.substr(1, name.size() - 2), segments[i]);
    }
    return match;
  }
  return match;
}

Response Router::error(std::string_view raw_path, int status, std::string_view detail) const {
  for (const auto& [prefix, page] : error_pages_) {
    if (raw_path.starts_with(prefix)) return page(status, detail);
  }
  return Response::text(status, std::string(detail.empty() ? status_text(status) : detail) + "\n");
}

}  // namespace ferry::http
