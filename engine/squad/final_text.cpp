#include "engine/squad/final_text.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tokenizer/utf8.h"

namespace bertq::engine {
namespace {

// The bytes of each code point that is no U+0020.
std::vector<tokenizer::Span> visible_code_points(std::string_view text) {
  std::vector<tokenizer::Span> found;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = at + tokenizer::decode_utf8(text, at).length;
    if (text[at] != ' ') {
      found.push_back({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(end)});
    }
    at = end;
  }
  return found;
}

}  // namespace

tokenizer::Span find_final_text(std::string_view predicted, std::string_view original,
                                const tokenizer::Tokenizer& tokenizer) {
  const tokenizer::Span all{0, static_cast<std::uint32_t>(original.size())};
  const std::string basic = tokenizer.basic_text(original);
  const std::size_t at = basic.find(predicted);
  if (predicted.empty() || at == std::string::npos) return all;
  const auto there = visible_code_points(original), here = visible_code_points(basic);
  if (there.size() != here.size()) return all;
  // `predicted` neither begins nor ends with a space.
  const auto nth = [&](std::size_t byte) {
    return static_cast<std::size_t>(
        std::partition_point(here.begin(), here.end(),
                             [&](const tokenizer::Span& span) { return span.end <= byte; }) -
        here.begin());
  };
  return {there[nth(at)].begin, there[nth(at + predicted.size() - 1)].end};
}

}  // namespace bertq::engine
