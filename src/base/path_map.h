// PathMap: values at virtual paths, found by walking the components of a path from the root.
//
//   PathMap<Rights> rights;
//   rights.emplace(directory, some_rights);
//   const Rights* here = rights.nearest(path);  // of the path or the closest parent that has some
//
// A look-up in a map of 10,000 paths visits at most one node for each component of the path asked for ("/a/b/c":
// three), and stops where nothing deeper has a value.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/virtual_path.h"

namespace ferry {

template <class T>
class PathMap {
 public:
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const { return std::hash<std::string_view>{}(name); }
  };

  // One component of a path: exists where the path has a value, or one below it has.
  struct Node {
    std::optional<T> value;
    std::unordered_map<std::string, std::unique_ptr<Node>, NameHash, std::equal_to<>> children;

    const Node* child(std::string_view name) const {
      if (children.empty()) return nullptr;
      const auto found = children.find(name);
      return found == children.end() ? nullptr : found->second.get();
    }
  };

  // Adds `value`, unless `path` has one already, which then stays. Answers the path's value, and true when it was
  // added.
  std::pair<T&, bool> emplace(const VirtualPath& path, T value) {
    Node* node = &root_;
    for (const std::string_view name : path.components()) {
      std::unique_ptr<Node>& next = node->children[std::string(name)];
      if (!next) next = std::make_unique<Node>();
      node = next.get();
    }
    const bool fresh = !node->value.has_value();
    if (fresh) node->value.emplace(std::move(value));
    return {*node->value, fresh};
  }

  // nullptr when there is none.
  const T* nearest(const VirtualPath& path) const {
    const T* found = root_.value ? &*root_.value : nullptr;
    descend(path, [&found](const Node& node) {
      if (node.value) found = &*node.value;
    });
    return found;
  }

  // nullptr when neither `path` nor anything below it has a value.
  const Node* node(const VirtualPath& path) const {
    const Node* last = &root_;
    const bool arrived = descend(path, [&last](const Node& node) { last = &node; });
    return arrived ? last : nullptr;
  }

  // Whether a value lies below `path`, not counting its own.
  bool any_below(const VirtualPath& path) const {
    const Node* here = node(path);
    return here != nullptr && !here->children.empty();
  }

  // Whether `holds` for every value below `path`, not counting its own.
  template <class Predicate>
  bool all_below(const VirtualPath& path, Predicate holds) const {
    const Node* here = node(path);
    return here == nullptr || all_in(*here, holds);
  }

  const Node& root() const { return root_; }

 private:
  // Shows each node on the way to `path` but the root; false when the way ends before.
  template <class Visit>
  bool descend(const VirtualPath& path, Visit visit) const {
    const Node* node = &root_;
    std::string_view rest = std::string_view(path.text()).substr(1);
    while (!rest.empty()) {
      const std::size_t slash = rest.find('/');
      node = node->child(rest.substr(0, slash));
      if (node == nullptr) return false;
      visit(*node);
      rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
    }
    return true;
  }

  template <class Predicate>
  static bool all_in(const Node& parent, Predicate& holds) {
    for (const auto& [name, node] : parent.children) {
      if (node->value && !holds(*node->value)) return false;
      if (!all_in(*node, holds)) return false;
    }
    return true;
  }

  Node root_;
};

}  // namespace ferry
