// The working memory of a pickle's machine: its stack, the marks on it, and the memo.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "loaders/pickle_values.h"

namespace bertq::loaders {

// What a pickle did wrong; the machine knows where.
struct PickleFault {
  std::string what;
};

// Counts its memory with the values (std::length_error above their limit). Throws PickleFault for
// what is not there.
class PickleStack {
 public:
  explicit PickleStack(PickleValues& values) : values_(values) {}

  bool is_empty() const { return stack_.empty() && marks_.empty(); }
  void push(PickleIndex value);
  // Whether the last value, if there is one, is this text.
  bool has_on_top(std::string_view text) const;
  // The last value above the last mark.
  PickleIndex top() const;
  PickleIndex pop();
  // The same, of that kind only; `expected` is for the message.
  PickleIndex top_kind(PickleKind kind, std::string_view expected) const;
  PickleIndex pop_kind(PickleKind kind, std::string_view expected);

  void mark();
  // All above the last mark, which goes.
  std::vector<PickleIndex> pop_marked();

  // The memo's numbers are given by the pickle (BINPUT) or in turn (MEMOIZE), but never by both.
  void put(std::uint32_t number);
  void memoize();
  PickleIndex get(std::uint32_t number) const;

 private:
  void remember(std::uint32_t number);
  void expect_kind(PickleIndex value, PickleKind kind, std::string_view expected) const;

  PickleValues& values_;
  std::deque<PickleIndex> stack_, memo_;
  std::deque<std::uint32_t> marks_;  // heights of the stack
  std::size_t stack_peak_ = 0, marks_peak_ = 0;
  std::optional<bool> memoizes_;
};

}  // namespace bertq::loaders
