// Every Unicode code point in four contexts, cased and uncased, against what Hugging Face
// `tokenizers` (ids and spans) and google's tokenization.py (ids) gave.
//
// scripts/make_tokenizer_golden.py made tests/data/tokenizer_golden.txt and says how: the
// vocabulary and the texts here are the same. Where a checksum differs, scripts/tokenizer_parity.py
// tells the code points apart.

#include <doctest/doctest.h>

#include <array>
#include <fstream>
#include <sstream>
#include <string>

#include "tokenizer/tokenizer.h"
#include "tokenizer/utf8.h"

#ifndef BERTQ_TEST_DATA
#error "BERTQ_TEST_DATA names tests/data"
#endif

namespace bertq::tokenizer {
namespace {

constexpr char32_t kCodePoints = 0x110000, kBlock = 4096;

struct Context {
  std::string_view before, after;
};
constexpr std::array<Context, 4> kContexts{{{"", ""}, {"a", ""}, {"", "a"}, {"a", "b"}}};

bool is_surrogate(char32_t code_point) {
  return code_point >= 0xD800 && code_point <= 0xDFFF;
}

// One line of the vocabulary. A line feed cannot be in one and a surrogate is no character: empty
// lines, that is gaps, or the special tokens.
void append_line(std::string& lines, std::string_view prefix, char32_t code_point) {
  constexpr std::array<std::string_view, 3> special{"[UNK]", "[CLS]", "[SEP]"};
  if (is_surrogate(code_point)) {
    const std::size_t index = code_point - 0xD800;
    if (prefix.empty() && index < special.size()) lines += special[index];
  } else if (code_point != '\n') {
    lines += prefix;
    append_utf8(lines, code_point);
  }
  lines += '\n';
}

std::string full_vocabulary() {
  std::string lines;
  for (const std::string_view prefix : {"", "##"}) {
    for (char32_t c = 0; c < kCodePoints; ++c) append_line(lines, prefix, c);
  }
  return lines;
}

std::string block_text(char32_t first, const Context& context) {
  std::string text;
  for (char32_t c = first; c < first + kBlock; ++c) {
    if (is_surrogate(c)) continue;
    if (!text.empty()) text += ' ';
    text += context.before;
    append_utf8(text, c);
    text += context.after;
  }
  return text;
}

std::uint32_t checksum(const Encoding& encoding, bool with_spans) {
  std::uint64_t sum = 0;
  for (std::size_t i = 1; i + 1 < encoding.size(); ++i) {
    std::uint64_t z = static_cast<std::uint64_t>(encoding.ids[i]) << 42;
    if (with_spans) z |= std::uint64_t{encoding.spans[i].begin} << 21 | encoding.spans[i].end;
    z += i * 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    sum += z ^ z >> 31;
  }
  return static_cast<std::uint32_t>(sum >> 32);
}

TEST_CASE("every code point in four contexts, as the originals have it") {
  std::ifstream golden(BERTQ_TEST_DATA "/tokenizer_golden.txt");
  REQUIRE(golden.is_open());
  std::string line;
  std::getline(golden, line);  // who made it
  const std::string vocabulary = full_vocabulary();
  for (const Profile profile : {Profile::hf, Profile::google}) {
    for (const bool lower_case : {true, false}) {
      const std::string section = std::string(profile == Profile::hf ? "hf" : "google") +
                                  (lower_case ? " uncased" : " cased");
      CAPTURE(section);
      std::getline(golden, line);
      REQUIRE(line == section);
      const auto tokenizer = Tokenizer::from_vocabulary(
          vocabulary, "full", {.lower_case = lower_case, .profile = profile});
      std::size_t differing = 0;
      for (char32_t first = 0; first < kCodePoints; first += kBlock) {
        std::getline(golden, line);
        REQUIRE_FALSE(golden.fail());
        std::istringstream expected(line);
        for (const Context& context : kContexts) {
          std::uint32_t value = 0;
          expected >> std::hex >> value;
          REQUIRE_FALSE(expected.fail());
          const Encoding encoding = tokenizer.encode(block_text(first, context));
          const bool same = checksum(encoding, profile == Profile::hf) == value;
          differing += same ? 0 : 1;
          if (same) continue;
          MESSAGE(section << ": code points from " << std::uint32_t{first} << " in \""
                          << context.before << "{}" << context.after << "\" differ");
        }
      }
      CHECK(differing == 0);
    }
  }
}

}  // namespace
}  // namespace bertq::tokenizer
