// Which Unicode each profile's original knows, measured over all code points; what ICU of today
// says otherwise is undone here.
#pragma once

#include <unicode/uchar.h>

#include <cstdint>
#include <span>

#include "tokenizer/tokenizer.h"

namespace bertq::tokenizer {

struct UnicodeVersion {
  std::uint8_t major, minor;
};

// Both ends belong to it.
struct CodePointRange {
  char32_t first, last;
};

struct CategoryException {
  char32_t code_point;
  UCharCategory category;
};

// Capital letters whose small ones are `to_lower` further on.
struct CasePairs {
  char32_t first, last;
  std::int32_t to_lower;
};

struct FrozenUnicode {
  UnicodeVersion categories, decompositions, combining_classes, lower_case;
  std::uint32_t control_categories;               // what cleaning drops, as ICU's masks
  std::span<const CategoryException> exceptions;  // categories that Unicode has changed since
  std::span<const CodePointRange> ideographs;     // BERT's, not Unicode's
  std::span<const CasePairs> young_case_pairs;    // that ICU may be too old to have
};

const FrozenUnicode& frozen_unicode(Profile profile);

// Whether the code point was in that version of Unicode, or in one before.
bool assigned_in(UnicodeVersion version, char32_t code_point);

}  // namespace bertq::tokenizer
