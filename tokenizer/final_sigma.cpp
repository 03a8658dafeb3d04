#include "tokenizer/final_sigma.h"

#include <optional>

#include "tokenizer/utf8.h"

namespace bertq::tokenizer {
namespace {

// Whether the nearest code point that counts is a cased letter; empty: it does not count, go on.
std::optional<bool> cased_neighbour(char32_t code_point, const NormalizerRules& rules) {
  const std::uint8_t classes = CodePoints::of(rules.profile).classes(code_point);
  if (classes & kControl) return std::nullopt;
  if (classes & kSpace) return false;
  if (rules.split_chinese_characters && (classes & kIdeograph)) return false;
  if (is_case_ignorable(rules.profile, code_point)) return std::nullopt;
  return is_cased(rules.profile, code_point);
}

bool cased_before(std::string_view text, std::size_t end, const NormalizerRules& rules) {
  while (end > 0) {
    const Decoded decoded = decode_utf8_before(text, end);
    if (const auto cased = cased_neighbour(decoded.code_point, rules)) return *cased;
    end -= decoded.length;
  }
  return false;
}

bool cased_after(std::string_view text, std::size_t at, const NormalizerRules& rules) {
  while (at < text.size()) {
    const Decoded decoded = decode_utf8(text, at);
    if (decoded.length == 0) return false;  // the normaliser will refuse it when it gets there
    if (const auto cased = cased_neighbour(decoded.code_point, rules)) return *cased;
    at += decoded.length;
  }
  return false;
}

}  // namespace

bool is_final_sigma(std::string_view text, std::size_t begin, std::size_t end,
                    const NormalizerRules& rules) {
  return cased_before(text, begin, rules) && !cased_after(text, end, rules);
}

}  // namespace bertq::tokenizer
