// Texts of many lengths for the embedded sample, and what tests compare of results.
#pragma once

#include <bertq/bertq.hpp>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace bertq::testing {

struct TextPair {
  std::string text, pair;  // pair: empty for a single text
  Input input() const { return pair.empty() ? Input(text) : Input(text, pair); }
};

// `count` texts and pairs of a few to some sixty tokens; the same for the same count.
std::vector<TextPair> some_texts(std::size_t count);
std::vector<Input> inputs_of(const std::vector<TextPair>& texts);

// Equal bits: -0 and +0 differ.
template <typename Value>
bool same_bits(std::span<const Value> a, std::span<const Value> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

template <typename Value>
std::vector<Value> copy(std::span<const Value> values) {
  return {values.begin(), values.end()};
}

// What `call` throws, as "<kind> <message>"; otherwise a text that no message equals.
template <typename Call>
std::string error_of(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return std::to_string(static_cast<int>(error.kind())) + " " + error.what();
  } catch (const std::exception& error) {
    return std::string("(another exception) ") + error.what();
  }
  return "(nothing thrown)";
}

}  // namespace bertq::testing
