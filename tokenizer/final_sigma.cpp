#include "tokenizer/final_sigma.h"

#include <optional>

#include "tokenizer/utf8.h"

namespace bertq::tokenizer {
namespace {

// Whether a neighbour is a cased letter; empty: it does not count, go on to the next. White space
// and ideographs, which end a word, are not cased.
std::optional<bool> cased_neighbour(char32_t code_point, Profile profile) {
  if (CodePoints::of(profile).classes(code_point) & kControl) return std::nullopt;
  if (is_case_ignorable(profile, code_point)) return std::nullopt;
  return is_cased(profile, code_point);
}

bool cased_before(std::string_view text, std::size_t end, Profile profile) {
  while (end > 0) {
    const Decoded decoded = decode_utf8_before(text, end);
    if (const auto cased = cased_neighbour(decoded.code_point, profile)) return *cased;
    end -= decoded.length;
  }
  return false;
}

bool cased_after(std::string_view text, std::size_t at, Profile profile) {
  while (at < text.size()) {
    const Decoded decoded = decode_utf8(text, at);
    if (decoded.length == 0) return false;  // the normaliser will refuse it when it gets there
    if (const auto cased = cased_neighbour(decoded.code_point, profile)) return *cased;
    at += decoded.length;
  }
  return false;
}

}  // namespace

bool is_final_sigma(std::string_view text, std::size_t begin, std::size_t end, Profile profile) {
  return cased_before(text, begin, profile) && !cased_after(text, end, profile);
}

}  // namespace bertq::tokenizer
