#include "loaders/leveldb_block.h"

#include <cstring>
#include <utility>

#include "loaders/leveldb_table.h"
#include "loaders/printable.h"
#include "loaders/varint.h"

namespace bertq::loaders {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::size_t word_bytes = 4;

std::string text(std::uint64_t number) {
  return std::to_string(number);
}

std::uint32_t word_at(Bytes bytes, std::size_t offset) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

}  // namespace

TableEntries::TableEntries(Bytes block, std::string place)
    : place_(std::move(place)), block_(block) {
  if (block.size() < 2 * word_bytes) fail(0, "at least one restart", "the block's end");
  restarts_ = word_at(block, block.size() - word_bytes);
  const std::size_t most = block.size() / word_bytes - 1;
  if (restarts_ == 0 || restarts_ > most) {
    fail(block.size() - word_bytes, "1 to " + text(most) + " restarts", text(restarts_));
  }
  entries_bytes_ = block.size() - (restarts_ + 1) * word_bytes;
  if (restart(0) != 0) fail(entries_bytes_, "a first restart of 0", text(restart(0)));
}

bool TableEntries::next() {
  if (at_ == entries_bytes_) return end_of_restarts();
  Bytes rest = block_.subspan(at_, entries_bytes_ - at_);
  const std::uint64_t shared = take_length(rest);
  const std::uint64_t unshared = take_length(rest);
  const std::uint64_t value = take_length(rest);
  if (shared > key_.size()) {
    fail(at_, "at most the " + text(key_.size()) + " bytes of the key before as shared",
         text(shared));
  }
  if (take_restart() && shared != 0) fail(at_, "nothing shared at a restart", text(shared));
  if (unshared > rest.size() || value > rest.size() - unshared) {
    fail(at_, "a key and a value within the " + text(rest.size()) + " bytes left",
         text(unshared) + " and " + text(value) + " bytes");
  }
  if (shared + unshared > table_key_limit) {
    fail(at_, "a key of at most " + text(table_key_limit) + " bytes", text(shared + unshared));
  }
  const Bytes tail = rest.first(static_cast<std::size_t>(unshared));
  set_key(static_cast<std::size_t>(shared),
          {reinterpret_cast<const char*>(tail.data()), tail.size()});
  value_ = rest.subspan(tail.size(), static_cast<std::size_t>(value));
  at_ = entries_bytes_ - (rest.size() - tail.size() - value_.size());
  return true;
}

void TableEntries::fail(std::size_t at, const std::string& expected, const std::string& got) const {
  throw FormatError(place_ + ": byte " + text(at) + ": expected " + expected + ", got " + got);
}

std::uint64_t TableEntries::take_length(Bytes& rest) const {
  const auto length = take_varint(rest);
  if (!length) fail(at_, "three lengths as varints", "none that is one");
  return *length;
}

std::uint32_t TableEntries::restart(std::size_t index) const {
  return word_at(block_, entries_bytes_ + index * word_bytes);
}

// Whether the entry at at_ is a restart. Restarts ascend and each is where an entry begins.
bool TableEntries::take_restart() {
  if (next_restart_ == restarts_ || restart(next_restart_) > at_) return false;
  if (restart(next_restart_) < at_) refuse_restart();
  ++next_restart_;
  return true;
}

// An empty block has one restart all the same.
bool TableEntries::end_of_restarts() const {
  const bool empty = entries_bytes_ == 0 && restarts_ == 1;
  if (!empty && next_restart_ < restarts_) refuse_restart();
  return false;
}

void TableEntries::refuse_restart() const {
  fail(entries_bytes_ + next_restart_ * word_bytes, "a restart where an entry begins",
       text(restart(next_restart_)));
}

void TableEntries::set_key(std::size_t shared, std::string_view tail) {
  const bool ascends = at_ == 0 || tail > std::string_view(key_).substr(shared);
  key_.resize(shared);
  key_ += tail;
  if (!ascends) fail(at_, "a key above the one before", printable(key_));
}

}  // namespace bertq::loaders
