#include "tokenizer/python_text.h"

#include <unicode/ucasemap.h>
#include <unicode/uchar.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <stdexcept>

#include "tokenizer/frozen_unicode.h"
#include "tokenizer/utf8.h"

namespace bertq::tokenizer {
namespace {

constexpr std::array<CodePointRange, 10> spaces{{{0x09, 0x0D},
                                                 {0x1C, 0x20},
                                                 {0x85, 0x85},
                                                 {0xA0, 0xA0},
                                                 {0x1680, 0x1680},
                                                 {0x2000, 0x200A},
                                                 {0x2028, 0x2029},
                                                 {0x202F, 0x202F},
                                                 {0x205F, 0x205F},
                                                 {0x3000, 0x3000}}};

// ICU's mapping by the root locale's rules, which any thread may use.
const UCaseMap& root_case_map() {
  static const UCaseMap* const map = [] {
    UErrorCode status = U_ZERO_ERROR;
    const UCaseMap* const opened = ucasemap_open("", 0, &status);
    if (U_FAILURE(status)) throw std::runtime_error("ICU has no case mappings");
    return opened;
  }();
  return *map;
}

}  // namespace

std::string python_lower(std::string_view text) {
  const bool ascii = std::all_of(text.begin(), text.end(), is_ascii);
  std::string lowered(text);
  if (ascii) {
    for (char& c : lowered) {
      if ('A' <= c && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return lowered;
  }
  if (text.size() > std::numeric_limits<std::int32_t>::max() / 4) {
    throw std::length_error("text too long to be lower-cased");
  }
  // No mapping makes UTF-8 more than three times as long.
  lowered.resize(3 * text.size());
  UErrorCode status = U_ZERO_ERROR;
  const std::int32_t length = ucasemap_utf8ToLower(
      &root_case_map(), lowered.data(), static_cast<std::int32_t>(lowered.size()), text.data(),
      static_cast<std::int32_t>(text.size()), &status);
  if (U_FAILURE(status)) throw std::runtime_error("ICU cannot lower-case a text");
  lowered.resize(static_cast<std::size_t>(length));
  return lowered;
}

bool is_python_space(char32_t code_point) {
  return std::any_of(spaces.begin(), spaces.end(), [&](const CodePointRange& range) {
    return range.first <= code_point && code_point <= range.last;
  });
}

bool is_python_word(char32_t code_point) {
  const auto c = static_cast<UChar32>(code_point);
  return code_point == '_' || (U_GET_GC_MASK(c) & (U_GC_L_MASK | U_GC_N_MASK)) != 0 ||
         u_getNumericValue(c) != U_NO_NUMERIC_VALUE;
}

std::string collapse_python_spaces(std::string_view text) {
  std::string collapsed;
  bool apart = false;
  for (std::size_t at = 0; at < text.size();) {
    const Decoded decoded = decode_utf8(text, at);
    const std::size_t length = std::max<std::size_t>(decoded.length, 1);
    if (is_python_space(decoded.code_point) && decoded.length != 0) {
      apart = !collapsed.empty();
    } else {
      if (apart) collapsed += ' ';
      apart = false;
      collapsed += text.substr(at, length);
    }
    at += length;
  }
  return collapsed;
}

}  // namespace bertq::tokenizer
