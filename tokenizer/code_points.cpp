#include "tokenizer/code_points.h"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/utf16.h>

#include <algorithm>
#include <stdexcept>

#include "tokenizer/frozen_unicode.h"

namespace bertq::tokenizer {
namespace {

constexpr char32_t kCapitalIWithDot = 0x130;

constexpr std::uint32_t bit(UCharCategory category) {
  return std::uint32_t{1} << category;
}

UChar32 icu(char32_t code_point) {
  return static_cast<UChar32>(code_point);
}

bool is_ascii_symbol(char32_t c) {
  return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) ||
         (c >= 123 && c <= 126);
}

const UNormalizer2& nfd() {
  static const UNormalizer2* const instance = [] {
    UErrorCode status = U_ZERO_ERROR;
    const UNormalizer2* found = unorm2_getNFDInstance(&status);
    if (U_FAILURE(status)) throw std::runtime_error("ICU has no NFD data");
    return found;
  }();
  return *instance;
}

bool decomposes(char32_t code_point) {
  UErrorCode status = U_ZERO_ERROR;
  return unorm2_getDecomposition(&nfd(), icu(code_point), nullptr, 0, &status) >= 0;
}

std::uint8_t category_classes(const FrozenUnicode& tables, std::uint32_t category,
                              char32_t code_point) {
  std::uint8_t classes = 0;
  if (category & tables.control_categories) classes |= kControl;
  if (category & U_GC_P_MASK) classes |= kPunctuation;
  if (category & U_GC_MN_MASK) classes |= kMark;
  if (code_point == '\t' || code_point == '\n' || code_point == '\r') classes = 0;
  return classes;
}

// The whole class of one code point. Cold: it asks ICU many things.
std::uint8_t classes_of(Profile profile, char32_t code_point, UCharCategory category) {
  const FrozenUnicode& tables = frozen_unicode(profile);
  std::uint8_t classes = 0;
  if (category == U_PRIVATE_USE_CHAR || assigned_in(tables.categories, code_point)) {
    classes |= category_classes(tables, bit(category), code_point);
  }
  if (u_isUWhiteSpace(icu(code_point))) classes |= kSpace;
  if (is_ascii_symbol(code_point)) classes |= kPunctuation;
  if (decomposes(code_point) && assigned_in(tables.decompositions, code_point)) {
    classes |= kDecomposes;
  }
  if (u_getCombiningClass(icu(code_point)) != 0 &&
      assigned_in(tables.combining_classes, code_point)) {
    classes |= kReorders;
  }
  const LowerCase lower = lower_case(profile, code_point);
  if (lower.count != 1 || lower.code_points[0] != code_point) classes |= kLowerCases;
  return classes;
}

}  // namespace

LowerCase lower_case(Profile profile, char32_t code_point) {
  if (code_point == kCapitalIWithDot) return {{'i', 0x307}, 2};
  for (const CasePairs& pairs : frozen_unicode(profile).young_case_pairs) {
    if (code_point < pairs.first || code_point > pairs.last) continue;
    return {{static_cast<char32_t>(icu(code_point) + pairs.to_lower), 0}, 1};
  }
  const auto lower = static_cast<char32_t>(u_tolower(icu(code_point)));
  if (lower == code_point || !assigned_in(frozen_unicode(profile).lower_case, code_point)) {
    return {{code_point, 0}, 1};
  }
  return {{lower, 0}, 1};
}

Decomposition decompose(char32_t code_point) {
  std::array<UChar, 8> units{};
  UErrorCode status = U_ZERO_ERROR;
  const std::int32_t length = unorm2_getDecomposition(
      &nfd(), icu(code_point), units.data(), static_cast<std::int32_t>(units.size()), &status);
  if (U_FAILURE(status)) throw std::runtime_error("ICU gave a decomposition that is too long");
  Decomposition result{};
  for (std::size_t i = 0; i < static_cast<std::size_t>(std::max(length, 0)); ++i) {
    char32_t next = units[i];
    if (U16_IS_LEAD(next)) next = 0x10000 + ((next & 0x3FF) << 10) + (units[++i] & 0x3FF);
    result.code_points.at(result.count++) = next;
  }
  return result;
}

std::uint8_t combining_class(char32_t code_point) {
  return u_getCombiningClass(icu(code_point));
}

bool is_case_ignorable(Profile profile, char32_t code_point) {
  return u_hasBinaryProperty(icu(code_point), UCHAR_CASE_IGNORABLE) &&
         assigned_in(frozen_unicode(profile).categories, code_point);
}

bool is_cased(Profile profile, char32_t code_point) {
  return u_hasBinaryProperty(icu(code_point), UCHAR_CASED) &&
         assigned_in(frozen_unicode(profile).categories, code_point);
}

CodePoints::CodePoints(Profile profile) {
  struct Build {
    Profile profile;
    std::vector<std::uint8_t> classes = std::vector<std::uint8_t>(kCodePoints);
  } build{profile};
  // ICU calls back once a range of one category, private use and unassigned ones included.
  const auto fill = [](const void* context, UChar32 start, UChar32 limit,
                       UCharCategory category) -> UBool {
    auto& [for_profile, classes] = *static_cast<Build*>(const_cast<void*>(context));
    const auto first = static_cast<std::size_t>(start), end = static_cast<std::size_t>(limit);
    // Nothing is to be known of these but the category: skip a million questions.
    if (category == U_UNASSIGNED || category == U_SURROGATE) return true;
    if (category == U_PRIVATE_USE_CHAR) {
      const std::uint8_t same = classes_of(for_profile, static_cast<char32_t>(start), category);
      std::fill(classes.begin() + start, classes.begin() + limit, same);
      return true;
    }
    for (std::size_t c = first; c < end; ++c) {
      classes[c] = classes_of(for_profile, static_cast<char32_t>(c), category);
    }
    return true;
  };
  u_enumCharTypes(fill, &build);

  std::vector<std::uint8_t>& classes = build.classes;
  for (const CasePairs& pairs : frozen_unicode(profile).young_case_pairs) {
    for (char32_t c = pairs.first; c <= pairs.last; ++c) classes[c] |= kLowerCases;
  }
  for (const auto& [code_point, category] : frozen_unicode(profile).exceptions) {
    classes[code_point] &= static_cast<std::uint8_t>(~(kControl | kPunctuation | kMark));
    classes[code_point] |= category_classes(frozen_unicode(profile), bit(category), code_point);
  }
  for (const auto& [first, last] : frozen_unicode(profile).ideographs) {
    for (char32_t c = first; c <= last; ++c) classes[c] |= kIdeograph;
  }
  classes[0xFFFD] |= kControl;

  for (std::size_t i = 0; i < block_of_.size(); ++i) {
    Block block;
    std::copy_n(classes.begin() + static_cast<std::ptrdiff_t>(i * kBlock), kBlock, block.begin());
    const auto found = std::find(blocks_.begin(), blocks_.end(), block);
    block_of_[i] = static_cast<std::uint16_t>(found - blocks_.begin());
    if (found == blocks_.end()) blocks_.push_back(block);
  }
}

const CodePoints& CodePoints::of(Profile profile) {
  if (profile == Profile::hf) {
    static const CodePoints hf(Profile::hf);
    return hf;
  }
  static const CodePoints google(Profile::google);
  return google;
}

}  // namespace bertq::tokenizer
