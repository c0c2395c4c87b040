// A table from networks to values that answers which of them contain an address. It is a binary tree over the bits of
// the addresses in which nodes with a single child are left out (a radix tree). A look-up visits at most 128 nodes,
// and about log2(n) for n scattered networks: some 17 for 100,000.
//
//   NetworkMap<Rule> rules;
//   rules[*IpNetwork::parse("10.0.0.0/8")] = {...};
//   rules.visit(address, [&](unsigned prefix, const Rule& rule) { ... });   // the largest network first
//
// "::/0" contains no IPv4 address, as in IpNetwork::contains.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "base/ip_network.h"

namespace ferry {

template <class Value>
class NetworkMap {
 public:
  // The network's value; a default one is made when there is none.
  Value& operator[](const IpNetwork& network) {
    const Bits key(network.base());
    const unsigned length = network.prefix();
    for (Place place;;) {
      const int at = child(place);
      if (at == none) return fill(attach(place, key, length));
      const unsigned common = std::min({key.common(nodes_[at].key), length, nodes_[at].length});
      if (common == nodes_[at].length) {
        if (common == length) return fill(at);
        place = {at, key.bit(common)};
        continue;
      }
      // Both agree on their first `common` bits only: a node for these stands above both.
      const bool side = nodes_[at].key.bit(common);
      const int above = attach(place, key.first(common), common);
      nodes_[above].children[side] = at;
      if (common == length) return fill(above);
      place = {above, !side};
    }
  }

  // Null when there is none.
  const Value* find(const IpNetwork& network) const {
    const Value* found = nullptr;
    walk(Bits(network.base()), [&](const Node& node) {
      if (node.length == network.prefix() && node.value) found = &*node.value;
      return node.length < network.prefix();
    });
    return found;
  }

  void erase(const IpNetwork& network) {
    const Bits key(network.base());
    Place before, place;  // `before` leads to the node that holds `place`
    for (;;) {
      const int at = child(place);
      if (at == none || nodes_[at].length > network.prefix() || key.common(nodes_[at].key) < nodes_[at].length) return;
      if (nodes_[at].length == network.prefix()) break;
      before = std::exchange(place, Place{at, key.bit(nodes_[at].length)});
    }
    Node& node = nodes_[child(place)];
    if (!node.value) return;
    node.value.reset();
    --size_;
    lift(place);
    if (place.parent != none) lift(before);
  }

  // Calls see(prefix length of the 128-bit form, value) for each network that holds the address.
  template <class See>
  void visit(const IpAddress& address, See see) const {
    const unsigned least = address.is_v4() ? 96 : 0;
    walk(Bits(address), [&](const Node& node) {
      if (node.value && node.length >= least) see(node.length, *node.value);
      return true;
    });
  }

  std::size_t size() const { return size_; }
  void clear() { *this = NetworkMap(); }

 private:
  static constexpr int none = -1;

  struct Bits {
    std::uint64_t words[2] = {};
    Bits() = default;
    explicit Bits(const IpAddress& address) {
      for (int i = 0; i < 2; ++i) {
        std::memcpy(&words[i], address.bytes().data() + 8 * i, 8);
        words[i] = __builtin_bswap64(words[i]);
      }
    }
    bool bit(unsigned index) const { return (words[index / 64] >> (63 - index % 64) & 1U) != 0; }
    unsigned common(const Bits& other) const {
      const std::uint64_t high = words[0] ^ other.words[0];
      if (high != 0) return static_cast<unsigned>(std::countl_zero(high));
      return 64 + static_cast<unsigned>(std::countl_zero(words[1] ^ other.words[1]));
    }
    Bits first(unsigned count) const {
      const auto mask = [](unsigned bits) { return bits == 0 ? 0 : ~std::uint64_t{0} << (64 - bits); };
      Bits cut;
      cut.words[0] = words[0] & mask(std::min(count, 64U));
      cut.words[1] = count > 64 ? words[1] & mask(count - 64) : 0;
      return cut;
    }
  };

  struct Node {
    Bits key;
    unsigned length = 0;
    int children[2] = {none, none};
    std::optional<Value> value;
  };

  // A link of the tree: the root's, or a node's to one of its children.
  struct Place {
    int parent = none;
    bool side = false;
  };

  int& child(Place place) { return place.parent == none ? root_ : nodes_[place.parent].children[place.side]; }

  int attach(Place place, const Bits& key, unsigned length) {
    int made = 0;
    if (free_.empty()) {
      made = static_cast<int>(nodes_.size());
      nodes_.emplace_back();
    } else {
      made = free_.back();
      free_.pop_back();
    }
    nodes_[made] = Node{key, length, {none, none}, {}};
    child(place) = made;
    return made;
  }

  Value& fill(int at) {
    if (!nodes_[at].value) {
      nodes_[at].value.emplace();
      ++size_;
    }
    return *nodes_[at].value;
  }

  // Takes out a node that has neither a value nor two children.
  void lift(Place place) {
    const int at = child(place);
    Node& node = nodes_[at];
    if (node.value || (node.children[0] != none && node.children[1] != none)) return;
    child(place) = node.children[0] != none ? node.children[0] : node.children[1];
    free_.push_back(at);
  }

  // Goes down along the bits while `see(node)` wants more.
  template <class See>
  void walk(const Bits& key, See see) const {
    for (int at = root_; at != none;) {
      const Node& node = nodes_[at];
      if (key.common(node.key) < node.length || !see(node) || node.length == 128) return;
      at = node.children[key.bit(node.length)];
    }
  }

  std::vector<Node> nodes_;
  std::vector<int> free_;
  int root_ = none;
  std::size_t size_ = 0;
};

// A set of networks.
class NetworkSet {
 public:
  NetworkSet() = default;
  // Texts that are no network are left out.
  template <class Texts>
  static NetworkSet of(const Texts& texts) {
    NetworkSet set;
    for (const auto& text : texts) {
      if (const auto network = IpNetwork::parse(text)) set.networks_[*network] = true;
    }
    return set;
  }
  bool contains(const IpAddress& address) const {
    bool found = false;
    networks_.visit(address, [&](unsigned, bool) { found = true; });
    return found;
  }
  bool empty() const { return networks_.size() == 0; }

 private:
  NetworkMap<bool> networks_;
};

}  // namespace ferry
