#include "session/patterns.h"

namespace ferry::session {

NameFilter::NameFilter(const model::PatternsFilter& filter) : hides_(filter.deny_policy == 1) {
  Result<GlobSet> allowed = GlobSet::compile(filter.allowed_patterns);
  Result<GlobSet> denied = GlobSet::compile(filter.denied_patterns);
  broken_ = !allowed || !denied;
  if (broken_) return;
  allowed_ = std::move(*allowed);
  denied_ = std::move(*denied);
}

NameFilter::Match NameFilter::match(std::string_view name) const {
  if (broken_) return Match::denied;
  const std::u32string folded = fold_name(name);
  if (denied_.matches(folded)) return Match::denied;
  return allowed_.empty() || allowed_.matches(folded) ? Match::allowed : Match::not_listed;
}

Patterns::Patterns(const std::vector<model::PatternsFilter>& filters) {
  for (const model::PatternsFilter& filter : filters) {
    const Result<VirtualPath> path = VirtualPath::parse(filter.path);
    // Validation lets none through; should one come all the same, it holds everywhere rather than nowhere.
    filters_.emplace(path ? *path : VirtualPath(), NameFilter(filter));
    empty_ = false;
  }
}

Verdict Patterns::verdict(const VirtualPath& path, const vfs::MountTable& mounts) const {
  if (empty_ || path.is_root()) return Verdict::allowed;
  const auto* node = &filters_.root();
  const auto* mounted = &mounts.tree().root();
  const NameFilter* filter = nullptr;
  Verdict verdict = Verdict::allowed;
  std::string_view rest = std::string_view(path.text()).substr(1);
  while (!rest.empty()) {
    const std::size_t slash = rest.find('/');
    const std::string_view name = rest.substr(0, slash);
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
    if (node != nullptr && node->value) filter = &*node->value;
    if (mounted != nullptr) mounted = mounted->child(name);
    const bool checked = filter != nullptr && mounted == nullptr;
    const NameFilter::Match match = checked ? filter->match(name) : NameFilter::Match::allowed;
    if (match != NameFilter::Match::allowed && filter->hides()) return Verdict::hidden;
    if (match == NameFilter::Match::denied) verdict = Verdict::denied;
    if (match == NameFilter::Match::not_listed && rest.empty()) verdict = Verdict::denied;
    if (node != nullptr) node = node->child(name);
  }
  return verdict;
}

bool Patterns::alike(const VirtualPath& from, const VirtualPath& to) const {
  return in(from) == in(to) && !filters_.any_below(from) && !filters_.any_below(to);
}

}  // namespace ferry::session
