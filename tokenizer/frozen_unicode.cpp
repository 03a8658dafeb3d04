#include "tokenizer/frozen_unicode.h"

namespace bertq::tokenizer {
namespace {

constexpr CategoryException kHfExceptions[] = {
    {0x166D, U_OTHER_PUNCTUATION},      {0x1734, U_NON_SPACING_MARK},
    {0x1885, U_OTHER_LETTER},           {0x1886, U_OTHER_LETTER},
    {0xA9BD, U_COMBINING_SPACING_MARK}, {0x111C9, U_OTHER_PUNCTUATION},
};

constexpr CodePointRange kGoogleIdeographs[] = {
    {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xF900, 0xFAFF},   {0x20000, 0x2A6DF},
    {0x2A700, 0x2B73F}, {0x2B740, 0x2B81F}, {0x2B820, 0x2CEAF}, {0x2F800, 0x2FA1F},
};

// As google's, but extension E begins at 2B920 instead of 2B820.
constexpr CodePointRange kHfIdeographs[] = {
    {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xF900, 0xFAFF},   {0x20000, 0x2A6DF},
    {0x2A700, 0x2B73F}, {0x2B740, 0x2B81F}, {0x2B920, 0x2CEAF}, {0x2F800, 0x2FA1F},
};

// Of Unicode 16 and 17.
constexpr CasePairs kYoungCasePairs[] = {
    {0x1C89, 0x1C89, 1},      {0xA7CB, 0xA7CB, 0x264 - 0xA7CB},
    {0xA7CC, 0xA7CC, 1},      {0xA7CE, 0xA7CE, 1},
    {0xA7D2, 0xA7D2, 1},      {0xA7D4, 0xA7D4, 1},
    {0xA7DA, 0xA7DA, 1},      {0xA7DC, 0xA7DC, 0x19B - 0xA7DC},
    {0x10D50, 0x10D65, 0x20}, {0x16EA0, 0x16EB8, 0x1B},
};

// Categories are those of the crate unicode_categories, decompositions and combining classes of
// unicode-normalization-alignments, lower case of Rust's standard library.
constexpr FrozenUnicode kHf{
    .categories = {8, 0},
    .decompositions = {9, 0},
    .combining_classes = {9, 0},
    .lower_case = {17, 0},
    .control_categories = U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CO_MASK,
    .exceptions = kHfExceptions,
    .ideographs = kHfIdeographs,
    .young_case_pairs = kYoungCasePairs,
};

// tokenization.py takes all from Python's unicodedata; Debian 12's Python 3.11 has Unicode 14.
constexpr FrozenUnicode kGoogle{
    .categories = {14, 0},
    .decompositions = {14, 0},
    .combining_classes = {14, 0},
    .lower_case = {14, 0},
    .control_categories = U_GC_CC_MASK | U_GC_CF_MASK,
    .exceptions = {},
    .ideographs = kGoogleIdeographs,
    .young_case_pairs = {},
};

}  // namespace

const FrozenUnicode& frozen_unicode(Profile profile) {
  return profile == Profile::hf ? kHf : kGoogle;
}

bool assigned_in(UnicodeVersion version, char32_t code_point) {
  UVersionInfo age;
  u_charAge(static_cast<UChar32>(code_point), age);
  if (age[0] == 0) return false;
  return age[0] < version.major || (age[0] == version.major && age[1] <= version.minor);
}

}  // namespace bertq::tokenizer
