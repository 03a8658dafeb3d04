#include "loaders/pickle_stack.h"

namespace bertq::loaders {
namespace {

constexpr PickleIndex unset = 0xFFFF'FFFF;

}  // namespace

void PickleStack::push(PickleIndex value) {
  stack_.push_back(value);
  if (stack_.size() <= stack_peak_) return;
  stack_peak_ = stack_.size();
  values_.charge(sizeof value);
}

bool PickleStack::has_on_top(std::string_view text) const {
  return !stack_.empty() && values_.is(stack_.back(), PickleKind::text) &&
         values_.text(stack_.back()) == text;
}

PickleIndex PickleStack::top() const {
  const std::size_t floor = marks_.empty() ? 0 : marks_.back();
  if (stack_.size() == floor) throw PickleFault{"expected a value on the stack, found none"};
  return stack_.back();
}

PickleIndex PickleStack::pop() {
  const PickleIndex value = top();
  stack_.pop_back();
  return value;
}

PickleIndex PickleStack::top_kind(PickleKind kind, std::string_view expected) const {
  const PickleIndex value = top();
  expect_kind(value, kind, expected);
  return value;
}

PickleIndex PickleStack::pop_kind(PickleKind kind, std::string_view expected) {
  const PickleIndex value = pop();
  expect_kind(value, kind, expected);
  return value;
}

void PickleStack::mark() {
  marks_.push_back(static_cast<std::uint32_t>(stack_.size()));
  if (marks_.size() <= marks_peak_) return;
  marks_peak_ = marks_.size();
  values_.charge(sizeof(std::uint32_t));
}

std::vector<PickleIndex> PickleStack::pop_marked() {
  if (marks_.empty()) throw PickleFault{"expected a mark on the stack, found none"};
  const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<PickleIndex> values(begin, stack_.end());
  stack_.erase(begin, stack_.end());
  marks_.pop_back();
  return values;
}

void PickleStack::put(std::uint32_t number) {
  if (memoizes_.value_or(false)) throw PickleFault{"expected MEMOIZE as before, got BINPUT"};
  memoizes_ = false;
  remember(number);
}

void PickleStack::memoize() {
  if (!memoizes_.value_or(true)) throw PickleFault{"expected BINPUT as before, got MEMOIZE"};
  memoizes_ = true;
  remember(static_cast<std::uint32_t>(memo_.size()));
}

PickleIndex PickleStack::get(std::uint32_t number) const {
  if (number < memo_.size() && memo_[number] != unset) return memo_[number];
  throw PickleFault{"expected a number that the memo holds, got " + std::to_string(number)};
}

void PickleStack::remember(std::uint32_t number) {
  const PickleIndex value = top();
  if (number >= memo_.size()) {
    values_.charge((number + std::size_t{1} - memo_.size()) * sizeof value);
    memo_.resize(number + std::size_t{1}, unset);
  }
  memo_[number] = value;
}

void PickleStack::expect_kind(PickleIndex value, PickleKind kind, std::string_view expected) const {
  if (values_.is(value, kind)) return;
  throw PickleFault{"expected " + std::string(expected) + ", got another value"};
}

}  // namespace bertq::loaders
