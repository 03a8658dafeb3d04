// What the tokenizer must know of each Unicode code point, one byte each.
//
// A profile's ids must not change with the machine's ICU, so each profile is frozen to the Unicode
// versions of what it reproduces. ICU knows in which version a code point was assigned; one that is
// younger than the profile's tables counts as unassigned.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "tokenizer/tokenizer.h"

namespace bertq::tokenizer {

// Bits of a code point's class.
enum CodePointClass : std::uint8_t {
  kControl = 1,      // dropped by cleaning: U+FFFD, control, format (hf: and private use)
  kSpace = 2,        // White_Space
  kPunctuation = 4,  // a word of its own: ASCII symbols and category P
  kIdeograph = 8,    // a word of its own: BERT's ranges of CJK ideographs
  kMark = 16,        // category Mn: dropped where accents are stripped
  kDecomposes = 32,  // NFD changes it
  kLowerCases = 64,  // lower-casing changes it
  kReorders = 128,   // canonical combining class other than 0
};

class CodePoints {
 public:
  // The tables of a profile, built when first asked for; any thread may ask.
  static const CodePoints& of(Profile profile);

  std::uint8_t classes(char32_t code_point) const {
    return blocks_[block_of_[code_point / kBlock]][code_point % kBlock];
  }

 private:
  static constexpr std::size_t kBlock = 256;
  static constexpr std::size_t kCodePoints = 0x110000;
  using Block = std::array<std::uint8_t, kBlock>;

  explicit CodePoints(Profile profile);

  std::array<std::uint16_t, kCodePoints / kBlock> block_of_{};
  std::vector<Block> blocks_;  // each once
};

// Full lower case of one code point, out of context: up to two code points.
struct LowerCase {
  std::array<char32_t, 2> code_points;
  std::size_t count;
};
LowerCase lower_case(Profile profile, char32_t code_point);

// Canonical decomposition (NFD) of one code point that has kDecomposes: up to four code points.
struct Decomposition {
  std::array<char32_t, 4> code_points;
  std::size_t count;
};
Decomposition decompose(char32_t code_point);

// Canonical combining class of a code point that has kReorders.
std::uint8_t combining_class(char32_t code_point);

// Case_Ignorable and Cased, for the final sigma.
bool is_case_ignorable(Profile profile, char32_t code_point);
bool is_cased(Profile profile, char32_t code_point);

}  // namespace bertq::tokenizer
