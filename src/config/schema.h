// The table behind the structs: one row a key. Loading, environment overrides, errors and hints all read it.
//
//   template <> const Schema& schema<Sftpd::Binding>() {
//     static const Row rows[] = {row<&Sftpd::Binding::port>("port", range(0, 65535)), ...};
//     static const Schema table{rows};
//     return table;
//   }
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "config/checks.h"

namespace ferry::config {

enum class Kind : std::uint8_t { boolean, integer, number, text, text_list, object, object_list };

class Schema;

// Values are reached through void pointers to the object that holds the member, and to the member.
struct Row {
  std::string_view name;
  Kind kind = Kind::text;
  Check check;
  void* (*member)(void* object) = nullptr;
  bool (*equal)(const void* object_a, const void* object_b) = nullptr;  // this member of both
  void (*set_integer)(void* member, std::int64_t value) = nullptr;      // integer
  const Schema& (*nested)() = nullptr;                                  // object, object_list
  std::size_t (*resize)(void* list, std::ptrdiff_t by) = nullptr;       // object_list: the new size
  void* (*element)(void* list, std::size_t index) = nullptr;            // object_list
  void* (*default_element)() = nullptr;                                 // object_list: one to compare with
};

class Schema {
 public:
  explicit Schema(std::span<const Row> rows) : rows_(rows) {}
  std::span<const Row> rows() const { return rows_; }
  // Names are compared without regard to case.
  const Row* find(std::string_view name) const;

 private:
  std::span<const Row> rows_;
};

// Specialised for each struct, beside the rows.
template <class T>
const Schema& schema();

namespace detail {

template <class T>
struct MemberOf;
template <class Object, class Member>
struct MemberOf<Member Object::*> {
  using object = Object;
  using type = Member;
};

template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;

template <class T>
constexpr Kind kind_of() {
  if constexpr (std::is_same_v<T, bool>)
    return Kind::boolean;
  else if constexpr (std::is_integral_v<T>)
    return Kind::integer;
  else if constexpr (std::is_floating_point_v<T>)
    return Kind::number;
  else if constexpr (std::is_same_v<T, std::string>)
    return Kind::text;
  else if constexpr (std::is_same_v<T, std::vector<std::string>>)
    return Kind::text_list;
  else if constexpr (is_vector<T>)
    return Kind::object_list;
  else
    return Kind::object;
}

}  // namespace detail

template <auto member>
Row row(std::string_view name, Check check = {}) {
  using Object = typename detail::MemberOf<decltype(member)>::object;
  using T = typename detail::MemberOf<decltype(member)>::type;
  Row made;
  made.name = name;
  made.kind = detail::kind_of<T>();
  made.member = [](void* object) -> void* { return &(static_cast<Object*>(object)->*member); };
  made.equal = [](const void* a, const void* b) {
    return static_cast<const Object*>(a)->*member == static_cast<const Object*>(b)->*member;
  };
  if constexpr (detail::kind_of<T>() == Kind::integer) {
    check.limit(std::numeric_limits<T>::min(), std::numeric_limits<T>::max());
    made.set_integer = [](void* value, std::int64_t to) { *static_cast<T*>(value) = static_cast<T>(to); };
  }
  if constexpr (detail::kind_of<T>() == Kind::object) made.nested = schema<T>;
  if constexpr (detail::kind_of<T>() == Kind::object_list) {
    made.nested = schema<typename T::value_type>;
    made.resize = [](void* list, std::ptrdiff_t by) {
      auto& items = *static_cast<T*>(list);
      items.resize(static_cast<std::size_t>(static_cast<std::ptrdiff_t>(items.size()) + by));
      return items.size();
    };
    made.element = [](void* list, std::size_t index) -> void* { return &(*static_cast<T*>(list))[index]; };
    made.default_element = []() -> void* {
      static typename T::value_type element;
      return &element;
    };
  }
  made.check = check;
  return made;
}

}  // namespace ferry::config
