#include "loaders/pickle_values.h"

#include <bit>
#include <stdexcept>
#include <utility>

namespace bertq::loaders {
namespace {

// Shapes, strides and offsets are mostly small, and values never change: these exist once.
constexpr std::int64_t small_integers = 256;

}  // namespace

PickleValues::PickleValues(std::vector<std::byte> bytes, std::size_t memory_limit)
    : bytes_(std::move(bytes)), memory_limit_(memory_limit) {
  none_ = add({PickleKind::none, nothing, 0});
  false_ = add({PickleKind::boolean, nothing, 0});
  true_ = add({PickleKind::boolean, nothing, 1});
  empty_tuple_ = add({PickleKind::tuple, nothing, 0});
  first_small_ = static_cast<PickleIndex>(values_.size());
  for (std::int64_t i = 0; i < small_integers; ++i) {
    add({PickleKind::integer, nothing, static_cast<std::uint64_t>(i)});
  }
}

std::int64_t PickleValues::integer(PickleIndex value) const {
  return std::bit_cast<std::int64_t>(values_[value].bits);
}
double PickleValues::real(PickleIndex value) const {
  return std::bit_cast<double>(values_[value].bits);
}
std::string_view PickleValues::text(PickleIndex value) const {
  return slice(value);
}
std::string_view PickleValues::long_integer(PickleIndex value) const {
  return slice(value);
}
PickleIndex PickleValues::callee(PickleIndex call) const {
  return values_[call].link;
}
PickleIndex PickleValues::arguments(PickleIndex call) const {
  return first(values_[call]);
}

std::optional<PickleIndex> PickleValues::state(PickleIndex value) const {
  const std::uint32_t link = values_[value].link;
  return link == nothing ? std::nullopt : std::optional(link);
}

std::size_t PickleValues::size(PickleIndex tuple) const {
  return second(values_[tuple]);
}
PickleIndex PickleValues::item(PickleIndex tuple, std::size_t which) const {
  return items_[first(values_[tuple]) + which];
}

PickleValues::Cursor PickleValues::begin(PickleIndex container) const {
  return {container, is(container, PickleKind::tuple) ? 0 : first(values_[container])};
}

std::optional<PickleIndex> PickleValues::next(Cursor& cursor) const {
  if (is(cursor.container, PickleKind::tuple)) {
    if (cursor.at == size(cursor.container)) return std::nullopt;
    return item(cursor.container, cursor.at++);
  }
  if (cursor.at == nothing) return std::nullopt;
  const Cell& cell = cells_[cursor.at];
  cursor.at = cell.next;
  return cell.item;
}

std::optional<PickleIndex> PickleValues::find(PickleIndex dict, std::string_view key) const {
  std::optional<PickleIndex> found;
  Cursor cursor = begin(dict);
  while (const std::optional<PickleIndex> name = next(cursor)) {
    const std::optional<PickleIndex> value = next(cursor);
    if (is(*name, PickleKind::text) && text(*name) == key) found = value;
  }
  return found;
}

PickleIndex PickleValues::add_integer(std::int64_t value) {
  if (value >= 0 && value < small_integers) return first_small_ + static_cast<PickleIndex>(value);
  return add({PickleKind::integer, nothing, std::bit_cast<std::uint64_t>(value)});
}
PickleIndex PickleValues::add_real(double value) {
  return add({PickleKind::real, nothing, std::bit_cast<std::uint64_t>(value)});
}
PickleIndex PickleValues::add_slice(PickleKind kind, std::size_t offset, std::size_t length) {
  return add({kind, nothing,
              pair(static_cast<std::uint32_t>(offset), static_cast<std::uint32_t>(length))});
}
PickleIndex PickleValues::add_container(PickleKind kind) {
  return add({kind, nothing, pair(nothing, nothing)});
}

void PickleValues::append(PickleIndex container, PickleIndex item) {
  charge(sizeof(Cell));
  const auto cell = static_cast<std::uint32_t>(cells_.size());
  cells_.push_back({item, nothing});
  Value& value = values_[container];
  if (first(value) == nothing) {
    value.bits = pair(cell, cell);
  } else {
    cells_[second(value)].next = cell;
    value.bits = pair(first(value), cell);
  }
}

PickleIndex PickleValues::add_global(std::size_t name) {
  return add({PickleKind::global, static_cast<std::uint32_t>(name), 0});
}
PickleIndex PickleValues::add_call(PickleIndex callee, PickleIndex arguments) {
  return add({PickleKind::call, callee, arguments});
}
PickleIndex PickleValues::add_persistent(PickleIndex identity) {
  return add({PickleKind::persistent, identity, 0});
}

bool PickleValues::set_state(PickleIndex value, PickleIndex state) {
  if (values_[value].link != nothing) return false;
  values_[value].link = state;
  return true;
}

void PickleValues::charge(std::size_t bytes) {
  memory_ += bytes;
  if (memory_ > memory_limit_) throw std::length_error("pickle: too many values");
}

PickleIndex PickleValues::add(const Value& value) {
  charge(sizeof value);
  values_.push_back(value);
  return static_cast<PickleIndex>(values_.size() - 1);
}

std::string_view PickleValues::slice(PickleIndex value) const {
  return {reinterpret_cast<const char*>(bytes_.data()) + first(values_[value]),
          second(values_[value])};
}

}  // namespace bertq::loaders
