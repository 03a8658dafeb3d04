#include "tokenizer/tokenizer.h"

#include <algorithm>
#include <limits>

#include "tokenizer/added_tokens.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/read_definition.h"
#include "tokenizer/truncation.h"
#include "tokenizer/utf8.h"
#include "tokenizer/vocab.h"
#include "tokenizer/word_splitter.h"
#include "tokenizer/wordpiece.h"

namespace bertq::tokenizer {
namespace {

// google's WordpieceTokenizer has this limit, whatever the files say.
constexpr std::size_t kGoogleMaxCharacters = 200;

struct Token {
  std::int32_t id;
  Span span;
};

Vocab make_vocab(const Vocabulary& vocabulary) {
  std::vector<VocabEntry> entries;
  entries.reserve(vocabulary.tokens.size());
  for (const auto& token : vocabulary.tokens) entries.push_back({vocabulary.name(token), token.id});
  return Vocab(entries);
}

Options make_options(const Statements& statements, const Tokenizer::Overrides& overrides) {
  Options options;
  const auto take = [](const Fact<bool>& fact, bool fallback) {
    return fact ? fact->value : fallback;
  };
  options.lower_case = overrides.lower_case.value_or(take(statements.lower_case, true));
  if (statements.strip_accents) options.strip_accents = statements.strip_accents->value;
  options.split_chinese_characters = take(statements.split_chinese_characters, true);
  options.profile = overrides.profile.value_or(Profile::hf);
  options.special_tokens_in_text = overrides.special_tokens_in_text.value_or(true);
  return options;
}

NormalizerRules make_rules(const Options& options, bool clean_text) {
  return {.profile = options.profile,
          .clean_text = clean_text,
          .split_chinese_characters = options.split_chinese_characters,
          .strip_accents = options.strip_accents.value_or(options.lower_case),
          .lower_case = options.lower_case};
}

}  // namespace

struct Tokenizer::Impl {
  Impl(const Definition& definition, const Options& wanted)
      : options(wanted),
        sources(definition.sources),
        vocab(make_vocab(definition.vocabulary)),
        normalizer(make_rules(
            options, !definition.statements.clean_text || definition.statements.clean_text->value)),
        splitter(options.profile),
        // google knows no added tokens: "[SEP]" in a text is three words.
        added(options.profile == Profile::google ? std::vector<AddedToken>{}
                                                 : definition.added_tokens,
              normalizer, !options.special_tokens_in_text),
        unknown(require_special(definition, kUnknown)),
        classify(require_special(definition, kClassify)),
        separate(require_special(definition, kSeparate)),
        word_piece(vocab, {.unknown = unknown,
                           .continuing_prefix = definition.continuing_prefix,
                           .max_characters = options.profile == Profile::google
                                                 ? kGoogleMaxCharacters
                                                 : definition.max_characters}) {}

  std::int32_t require_special(const Definition& definition, SpecialRole role) const {
    const auto& name = definition.statements.names[role];
    const std::string token =
        name ? name->value : std::string(kSpecialRoleNames[role].default_name);
    if (const auto id = find(token)) return *id;
    const std::string asked_by = name ? " (" + name->source + ")" : "";
    throw TokenizerError(definition.vocabulary.source + ": expected the token \"" + token + '"' +
                         asked_by + ", got none among " + std::to_string(vocab.size()));
  }

  std::optional<std::int32_t> find(std::string_view token) const {
    if (const auto id = added.id(token)) return id;
    return vocab.id(token);
  }

  // The tokens of one text, without [CLS] and [SEP].
  std::vector<Token> tokenize(std::string_view text) const {
    if (text.size() > std::numeric_limits<std::uint32_t>::max()) {
      throw TokenizerError("text: expected at most 4 GiB, got " + std::to_string(text.size()) +
                           " bytes");
    }
    std::vector<Token> tokens;
    tokens.reserve(text.size() / 4 + 8);
    Scratch scratch;
    std::size_t at = 0;
    while (const auto match = added.in_source().find(text, at)) {
      add_part(text, at, match->begin, scratch, tokens);
      tokens.push_back(
          {match->id,
           {static_cast<std::uint32_t>(match->begin), static_cast<std::uint32_t>(match->end)}});
      at = match->end;
    }
    add_part(text, at, text.size(), scratch, tokens);
    return tokens;
  }

  // Storage that the parts of one text share.
  struct Scratch {
    NormalizedText normalized;
    std::vector<Piece> pieces;
  };

  // text[begin, end) has no added token that shows in the source.
  void add_part(std::string_view text, std::size_t begin, std::size_t end, Scratch& scratch,
                std::vector<Token>& tokens) const {
    if (begin == end) return;
    NormalizedText& normalized = scratch.normalized;
    normalizer.normalize(text, begin, end, normalized);
    std::size_t at = 0;
    while (added.in_normalized()) {
      const auto match = added.in_normalized()->find(normalized.text, at);
      if (!match) break;
      add_words(normalized, at, match->begin, scratch.pieces, tokens);
      tokens.push_back({match->id, normalized.origin(match->begin, match->end)});
      at = match->end;
    }
    add_words(normalized, at, normalized.text.size(), scratch.pieces, tokens);
  }

  void add_words(const NormalizedText& normalized, std::size_t begin, std::size_t end,
                 std::vector<Piece>& pieces, std::vector<Token>& tokens) const {
    pieces.clear();
    std::size_t at = begin;
    while (const auto word = splitter.next(normalized.text, at, end)) {
      word_piece.split(normalized.text, *word, pieces);
      at = word->end;
    }
    for (const auto& [id, bytes] : pieces) {
      tokens.push_back({id, normalized.origin(bytes.begin, bytes.end)});
    }
  }

  Options options;
  std::vector<std::string> sources;
  Vocab vocab;
  Normalizer normalizer;
  WordSplitter splitter;
  AddedTokens added;
  std::int32_t unknown, classify, separate;
  WordPiece word_piece;
};

namespace {

// Builds an Encoding front to back.
class EncodingWriter {
 public:
  explicit EncodingWriter(std::size_t size) {
    encoding_.ids.reserve(size);
    encoding_.segments.reserve(size);
    encoding_.spans.reserve(size);
  }

  void special(std::int32_t id, std::int32_t segment) { put({id, {}}, segment); }

  // The first `count` of `tokens`.
  void text(const std::vector<Token>& tokens, std::size_t count, std::int32_t segment) {
    encoding_.truncated |= count < tokens.size();
    for (std::size_t i = 0; i < count; ++i) put(tokens[i], segment);
  }

  Encoding finish() { return std::move(encoding_); }

 private:
  void put(const Token& token, std::int32_t segment) {
    encoding_.ids.push_back(token.id);
    encoding_.segments.push_back(segment);
    encoding_.spans.push_back(token.span);
  }

  Encoding encoding_;
};

// How many tokens of the text or texts fit beside `special` others.
std::size_t room(std::size_t max_tokens, std::size_t special) {
  if (max_tokens == 0) return std::numeric_limits<std::size_t>::max();
  if (max_tokens < special) {
    throw std::invalid_argument("max_tokens must be at least " + std::to_string(special) +
                                ", the number of special tokens");
  }
  return max_tokens - special;
}

}  // namespace

Encoding Tokenizer::encode(std::string_view text, std::optional<std::string_view> pair,
                           std::size_t max_tokens) const {
  const std::size_t special = pair ? 3 : 2;
  const std::size_t most = room(max_tokens, special);
  const std::vector<Token> first = impl_->tokenize(text);
  const std::vector<Token> second = pair ? impl_->tokenize(*pair) : std::vector<Token>{};
  const PairLengths kept =
      pair ? truncate_longest_first({first.size(), second.size()}, most, impl_->options.profile)
           : PairLengths{std::min(first.size(), most), 0};

  EncodingWriter writer(kept.first + kept.second + special);
  writer.special(impl_->classify, 0);
  writer.text(first, kept.first, 0);
  writer.special(impl_->separate, 0);
  if (pair) {
    writer.text(second, kept.second, 1);
    writer.special(impl_->separate, 1);
  }
  return writer.finish();
}

Tokenizer::Tokenizer(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Tokenizer Tokenizer::from_folder(const std::filesystem::path& folder, const Overrides& overrides) {
  const Definition definition = read_folder(folder, overrides);
  return Tokenizer(
      std::make_unique<const Impl>(definition, make_options(definition.statements, overrides)));
}

Tokenizer Tokenizer::from_file(const std::filesystem::path& file, const Overrides& overrides) {
  const Definition definition = read_definition_file(file);
  return Tokenizer(
      std::make_unique<const Impl>(definition, make_options(definition.statements, overrides)));
}

Tokenizer Tokenizer::from_vocabulary(std::string_view vocabulary, std::string_view name,
                                     const Options& options) {
  return Tokenizer(std::make_unique<const Impl>(define_by_vocab_txt(vocabulary, name), options));
}

std::size_t Tokenizer::vocabulary_size() const {
  return std::max(impl_->vocab.size(), impl_->added.size());
}

std::string_view Tokenizer::token(std::int32_t id) const {
  const std::string_view added = impl_->added.content(id);
  return added.empty() ? impl_->vocab.token(id) : added;
}

std::optional<std::int32_t> Tokenizer::id(std::string_view token) const {
  return impl_->find(token);
}

const Options& Tokenizer::options() const {
  return impl_->options;
}

const std::vector<std::string>& Tokenizer::sources() const {
  return impl_->sources;
}

}  // namespace bertq::tokenizer
