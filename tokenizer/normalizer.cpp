#include "tokenizer/normalizer.h"

#include <algorithm>
#include <tuple>

#include "tokenizer/final_sigma.h"
#include "tokenizer/utf8.h"

namespace bertq::tokenizer {
namespace {

constexpr char32_t kCapitalSigma = 0x3A3;
constexpr char32_t kFinalSigma = 0x3C2;

// What one code point becomes before marks are dropped. NFD gives at most 4, lower case at most 2.
struct Expansion {
  std::array<char32_t, 8> code_points;
  std::size_t count = 0;
  void push(char32_t code_point) { code_points[count++] = code_point; }
};

}  // namespace

// One call of normalize(): appends to `out` and holds back what canonical order may still move.
class NormalizerRun {
 public:
  NormalizerRun(const Normalizer& normalizer, std::string_view source, NormalizedText& out)
      : normalizer_(normalizer),
        rules_(normalizer.rules_),
        code_points_(normalizer.code_points_),
        source_(source),
        out_(out),
        marks_(out.marks),
        origins_(out.mark_origins) {
    marks_.clear();
  }

  void run(std::size_t begin, std::size_t end) {
    begin_ = begin;
    end_ = end;
    for (std::size_t at = begin; at < end;) {
      at = is_ascii(source_[at]) ? copy_ascii(at) : add_code_point(at);
    }
    flush_marks();
  }

 private:
  // Copies a run of ASCII and returns where it ends.
  std::size_t copy_ascii(std::size_t at) {
    for (; at < end_ && is_ascii(source_[at]); ++at) {
      const auto byte = static_cast<unsigned char>(source_[at]);
      if (!normalizer_.plain_[byte]) continue;
      if (!marks_.empty()) flush_marks();
      out_.text += normalizer_.ascii_[byte];
      out_.origins.push_back(span(at, 1));
    }
    return at;
  }

  // Adds the code point that starts at `at` and returns where it ends.
  std::size_t add_code_point(std::size_t at) {
    const Decoded decoded = decode_utf8(source_.substr(0, end_), at);
    if (decoded.length == 0) throw invalid_utf8(at);
    const Span origin = span(at, decoded.length);
    const std::size_t next = at + decoded.length;
    const std::uint8_t classes = code_points_.classes(decoded.code_point);
    if (classes & normalizer_.dropped_) return next;
    if ((classes & normalizer_.changed_) == 0) {
      put_starter(decoded.code_point, origin);
    } else if (classes & kSpace) {
      put_starter(rules_.clean_text ? U' ' : decoded.code_point, origin);
    } else {
      const bool apart = rules_.split_chinese_characters && (classes & kIdeograph);
      if (apart) put_starter(' ', origin);
      const Expansion expansion = expand(decoded.code_point, classes, at, next);
      for (std::size_t i = 0; i < expansion.count; ++i) {
        put(expansion.code_points[i], i > 0, origin);
      }
      if (apart) put_starter(' ', origin);
    }
    return next;
  }

  // tokenizers decomposes and then lower-cases; google lower-cases and then decomposes.
  Expansion expand(char32_t code_point, std::uint8_t classes, std::size_t at, std::size_t next) {
    Expansion result;
    if (rules_.profile == Profile::hf) {
      for_each_decomposed(code_point, classes, [&](char32_t part) {
        for_each_lowered(part, at, next, [&](char32_t lower) { result.push(lower); });
      });
    } else {
      for_each_lowered(code_point, at, next, [&](char32_t lower) {
        for_each_decomposed(lower, code_points_.classes(lower),
                            [&](char32_t part) { result.push(part); });
      });
    }
    return result;
  }

  template <typename Use>
  void for_each_decomposed(char32_t code_point, std::uint8_t classes, Use use) {
    if (!rules_.strip_accents || !(classes & kDecomposes)) return use(code_point);
    const Decomposition parts = decompose(code_point);
    for (std::size_t i = 0; i < parts.count; ++i) use(parts.code_points[i]);
  }

  template <typename Use>
  void for_each_lowered(char32_t code_point, std::size_t at, std::size_t next, Use use) {
    if (!rules_.lower_case || !(code_points_.classes(code_point) & kLowerCases)) {
      return use(code_point);
    }
    if (code_point == kCapitalSigma && rules_.profile == Profile::google &&
        is_final_sigma(source_.substr(begin_, end_ - begin_), at - begin_, next - begin_,
                       rules_.profile)) {
      return use(kFinalSigma);
    }
    const LowerCase lower = lower_case(rules_.profile, code_point);
    for (std::size_t i = 0; i < lower.count; ++i) use(lower.code_points[i]);
  }

  // NFD sorts a run of marks by combining class, so the run is held back until it ends. A dropped
  // mark of class 0 ends it too.
  void put(char32_t code_point, bool added, Span origin) {
    const std::uint8_t classes = code_points_.classes(code_point);
    const bool dropped = classes & kMark;
    if (!rules_.strip_accents || !(classes & (kMark | kReorders))) {
      put_starter(code_point, origin);
    } else if (classes & kReorders) {
      marks_.push_back({code_point, combining_class(code_point), dropped, added,
                        static_cast<std::uint32_t>(marks_.size()), origin});
    } else {
      flush_marks();
    }
  }

  void put_starter(char32_t code_point, Span origin) {
    if (!marks_.empty()) flush_marks();
    append(code_point, origin);
  }

  // Code points change places, their origins do not: so spans never run backwards, and are those of
  // `tokenizers`. What a decomposition added has the origin of whatever it now follows.
  void flush_marks() {
    origins_.clear();
    for (const Mark& mark : marks_) {
      if (!mark.added) origins_.push_back(mark.origin);
    }
    std::sort(marks_.begin(), marks_.end(), [](const Mark& a, const Mark& b) {
      return std::tie(a.combining_class, a.place) < std::tie(b.combining_class, b.place);
    });
    auto next = origins_.begin();
    for (const Mark& mark : marks_) {
      if (!mark.added) ++next;
      if (mark.dropped) continue;
      append(mark.code_point, next == origins_.begin() ? mark.origin : *(next - 1));
    }
    marks_.clear();
  }

  void append(char32_t code_point, Span origin) {
    append_utf8(out_.text, code_point);
    out_.origins.resize(out_.text.size(), origin);
  }

  static Span span(std::size_t at, std::size_t length) {
    return {static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(at + length)};
  }

  static TokenizerError invalid_utf8(std::size_t at) {
    return TokenizerError("text: byte offset " + std::to_string(at) +
                          ": expected UTF-8, got a byte that is not part of a character");
  }

  const Normalizer& normalizer_;
  const NormalizerRules& rules_;
  const CodePoints& code_points_;
  std::string_view source_;
  std::size_t begin_ = 0, end_ = 0;
  NormalizedText& out_;
  std::vector<Mark>& marks_;
  std::vector<Span>& origins_;  // flush_marks()'s own
};

Normalizer::Normalizer(const NormalizerRules& rules)
    : rules_(rules), code_points_(CodePoints::of(rules.profile)) {
  // google's BasicTokenizer always cleans.
  if (rules_.profile == Profile::google) rules_.clean_text = true;
  if (rules_.clean_text) dropped_ |= kControl, changed_ |= kSpace;
  if (rules_.split_chinese_characters) changed_ |= kIdeograph;
  if (rules_.strip_accents) changed_ |= kDecomposes | kMark | kReorders;
  if (rules_.lower_case) changed_ |= kLowerCases;

  for (std::size_t byte = 0; byte < 128; ++byte) {
    const std::uint8_t classes = code_points_.classes(static_cast<char32_t>(byte));
    plain_[byte] = !(classes & dropped_);
    ascii_[byte] = static_cast<char>(byte);
    if (rules_.clean_text && (classes & kSpace)) ascii_[byte] = ' ';
    if (rules_.lower_case && byte >= 'A' && byte <= 'Z') ascii_[byte] |= 0x20;
  }
}

void Normalizer::normalize(std::string_view source, std::size_t begin, std::size_t end,
                           NormalizedText& out) const {
  out.base = static_cast<std::uint32_t>(begin);
  out.origins.clear();
  const std::string_view part = source.substr(begin, end - begin);
  out.text.resize(part.size());
  bool all_plain = true;
  for (std::size_t i = 0; i < part.size(); ++i) {
    const auto byte = static_cast<unsigned char>(part[i]);
    all_plain &= plain_[byte];
    out.text[i] = ascii_[byte & 0x7F];
  }
  if (all_plain) return;
  out.text.clear();
  out.origins.reserve(part.size());
  NormalizerRun(*this, source, out).run(begin, end);
}

}  // namespace bertq::tokenizer
