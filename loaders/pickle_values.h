// What a pickle says, as plain values in one arena. No value is an object of anything, and none can
// run: a call is the name of what would be called beside its arguments, for others to understand.
//
// Values refer to each other by index and may do so in cycles (a list can hold itself), so nobody
// may follow them without a bound.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace bertq::loaders {

enum class PickleKind : std::uint8_t {
  none,
  boolean,
  integer,
  long_integer,  // beyond 64 bits
  real,
  text,
  tuple,
  list,
  dict,
  global,      // the name of a function, a class or a constant
  call,        // a function and its arguments
  object,      // of a class; all that is known of it is its state
  persistent,  // an id of something that is stored elsewhere in the file
};

using PickleIndex = std::uint32_t;

class PickleValues {
 public:
  // `bytes`: the pickle, which texts are views into. `memory_limit`: of the arena; what makes
  // values throws std::length_error above it.
  PickleValues(std::vector<std::byte> bytes, std::size_t memory_limit);

  PickleKind kind(PickleIndex value) const { return values_[value].kind; }
  bool is(PickleIndex value, PickleKind kind) const { return values_[value].kind == kind; }
  bool is_none(PickleIndex value) const { return is(value, PickleKind::none); }

  // Each of a value of that kind only.
  bool boolean(PickleIndex value) const { return values_[value].bits != 0; }
  std::int64_t integer(PickleIndex value) const;
  double real(PickleIndex value) const;
  std::string_view text(PickleIndex value) const;          // UTF-8
  std::string_view long_integer(PickleIndex value) const;  // its bytes, least significant first
  std::size_t global(PickleIndex value) const { return values_[value].link; }  // see pickle.h
  PickleIndex callee(PickleIndex call) const;
  PickleIndex arguments(PickleIndex call) const;  // a tuple
  PickleIndex identity(PickleIndex persistent) const { return values_[persistent].link; }
  // What BUILD gave to an object or a dict.
  std::optional<PickleIndex> state(PickleIndex value) const;
  // Items of a tuple.
  std::size_t size(PickleIndex tuple) const;
  PickleIndex item(PickleIndex tuple, std::size_t which) const;

  // A place in a tuple, a list or a dict. next() gives the items one after another, of a dict key,
  // value, key, value.
  struct Cursor {
    PickleIndex container = 0;
    std::uint32_t at = 0;
  };
  Cursor begin(PickleIndex container) const;
  std::optional<PickleIndex> next(Cursor& cursor) const;
  // The value of a dict's text key. The last, if there are several.
  std::optional<PickleIndex> find(PickleIndex dict, std::string_view key) const;

  std::size_t count() const { return values_.size(); }
  std::span<const std::byte> bytes() const { return bytes_; }

  // The rest makes values.
  PickleIndex add_none() { return none_; }
  PickleIndex add_boolean(bool value) { return value ? true_ : false_; }
  PickleIndex add_integer(std::int64_t value);
  PickleIndex add_real(double value);
  PickleIndex add_slice(PickleKind kind, std::size_t offset, std::size_t length);  // of the bytes
  template <typename Items>
  PickleIndex add_tuple(const Items& items);
  PickleIndex add_container(PickleKind kind);  // an empty list or dict
  void append(PickleIndex container, PickleIndex item);
  PickleIndex add_global(std::size_t name);
  PickleIndex add_call(PickleIndex callee, PickleIndex arguments);
  PickleIndex add_object() { return add({PickleKind::object, nothing, 0}); }
  PickleIndex add_persistent(PickleIndex identity);
  // False if it has one.
  bool set_state(PickleIndex value, PickleIndex state);
  // Counts memory that the maker of the values holds beside them.
  void charge(std::size_t bytes);

 private:
  static constexpr std::uint32_t nothing = 0xFFFF'FFFF;

  // 16 bytes: a pickle of 1 MB can say 1 million of them.
  struct Value {
    PickleKind kind = PickleKind::none;
    std::uint32_t link = nothing;  // state, callee, identity or name
    std::uint64_t bits = 0;        // a number, or two of the indices below
  };
  struct Cell {
    PickleIndex item = 0;
    std::uint32_t next = nothing;
  };
  static std::uint64_t pair(std::uint32_t first, std::uint32_t second) {
    return std::uint64_t{second} << 32U | first;
  }
  static std::uint32_t first(const Value& value) { return static_cast<std::uint32_t>(value.bits); }
  static std::uint32_t second(const Value& value) {
    return static_cast<std::uint32_t>(value.bits >> 32U);
  }

  PickleIndex add(const Value& value);
  std::string_view slice(PickleIndex value) const;

  std::vector<std::byte> bytes_;
  std::size_t memory_limit_, memory_ = 0;
  std::deque<Value> values_;
  std::deque<PickleIndex> items_;  // of tuples, side by side
  std::deque<Cell> cells_;         // of lists and dicts, which grow
  PickleIndex none_, false_, true_, empty_tuple_, first_small_;
};

template <typename Items>
PickleIndex PickleValues::add_tuple(const Items& items) {
  if (items.empty()) return empty_tuple_;
  charge(items.size() * sizeof(PickleIndex));
  const auto begin = static_cast<std::uint32_t>(items_.size());
  items_.insert(items_.end(), items.begin(), items.end());
  return add({PickleKind::tuple, nothing, pair(begin, static_cast<std::uint32_t>(items.size()))});
}

}  // namespace bertq::loaders
