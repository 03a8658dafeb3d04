#include "tokenizer/tokenizer.h"

#include <algorithm>
#include <limits>

#include "tokenizer/read_definition.h"
#include "tokenizer/text_tokenizer.h"
#include "tokenizer/truncation.h"

namespace bertq::tokenizer {

struct Tokenizer::Impl {
  Impl(const Definition& definition, const Options& wanted)
      : options(wanted),
        sources(definition.sources),
        text(definition, options),
        classify(text.require_special(definition, kClassify)),
        separate(text.require_special(definition, kSeparate)) {}

  Options options;
  std::vector<std::string> sources;
  TextTokenizer text;
  std::int32_t classify, separate;
};

namespace {

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

// Writes an Encoding front to back, over what it held.
class EncodingWriter {
 public:
  EncodingWriter(Encoding& encoding, std::size_t size) : encoding_(encoding) {
    encoding_.ids.clear();
    encoding_.segments.clear();
    encoding_.spans.clear();
    encoding_.truncated = false;
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

 private:
  void put(const Token& token, std::int32_t segment) {
    encoding_.ids.push_back(token.id);
    encoding_.segments.push_back(segment);
    encoding_.spans.push_back(token.span);
  }

  Encoding& encoding_;
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

struct Tokenizer::Scratch::Impl {
  TextTokenizer::Scratch text;
  std::vector<Token> first, second;
};
Tokenizer::Scratch::Scratch() : impl_(std::make_unique<Impl>()) {}
Tokenizer::Scratch::Scratch(Scratch&&) noexcept = default;
Tokenizer::Scratch& Tokenizer::Scratch::operator=(Scratch&&) noexcept = default;
Tokenizer::Scratch::~Scratch() = default;

Encoding Tokenizer::encode(std::string_view text, std::optional<std::string_view> pair,
                           std::size_t max_tokens) const {
  Scratch scratch;
  Encoding encoding;
  encode(text, pair, max_tokens, scratch, encoding);
  return encoding;
}

void Tokenizer::encode(std::string_view text, std::optional<std::string_view> pair,
                       std::size_t max_tokens, Scratch& scratch, Encoding& encoding) const {
  const std::size_t special = pair ? 3 : 2;
  const std::size_t most = room(max_tokens, special);
  auto& [work, first, second] = *scratch.impl_;
  impl_->text.tokenize(text, work, first);
  second.clear();
  if (pair) impl_->text.tokenize(*pair, work, second);
  const PairLengths kept =
      pair ? truncate_longest_first({first.size(), second.size()}, most, impl_->options.profile)
           : PairLengths{std::min(first.size(), most), 0};

  EncodingWriter writer(encoding, kept.first + kept.second + special);
  writer.special(impl_->classify, 0);
  writer.text(first, kept.first, 0);
  writer.special(impl_->separate, 0);
  if (pair) {
    writer.text(second, kept.second, 1);
    writer.special(impl_->separate, 1);
  }
}

std::string Tokenizer::basic_text(std::string_view text) const {
  return impl_->text.basic_text(text);
}

Tokenizer::Tokenizer(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Tokenizer Tokenizer::from_folder(const std::filesystem::path& folder, const Overrides& overrides) {
  return from_files(files_in(folder), overrides);
}

Tokenizer Tokenizer::from_files(const Files& files, const Overrides& overrides) {
  const Definition definition = read_files(files, overrides);
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
  return impl_->text.size();
}

std::string_view Tokenizer::token(std::int32_t id) const {
  return impl_->text.token(id);
}

std::optional<std::int32_t> Tokenizer::id(std::string_view token) const {
  return impl_->text.id(token);
}

const Options& Tokenizer::options() const {
  return impl_->options;
}

const std::vector<std::string>& Tokenizer::sources() const {
  return impl_->sources;
}

}  // namespace bertq::tokenizer
