// BERT's tokenizer: text to word pieces, with byte spans back into the text.
//
// Source: google-research/bert tokenization.py and Hugging Face `tokenizers` (BertNormalizer,
// BertPreTokenizer, WordPiece). Text and vocabulary are UTF-8; all offsets are bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace bertq::tokenizer {

// A vocabulary or tokenizer file that cannot be used, or text that is not UTF-8. The message names
// the file and the line or byte offset: "vocab.txt: line 17: expected ..., got ...".
struct TokenizerError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Whose ids to give where the two differ: Hugging Face `tokenizers` or google-research/bert.
enum class Profile : std::uint8_t { hf, google };

struct Options {
  bool lower_case = true;
  // Empty: as `lower_case`.
  std::optional<bool> strip_accents = {};
  bool split_chinese_characters = true;
  Profile profile = Profile::hf;
  // hf: special tokens written out in the text ("[SEP]") become that token, as `tokenizers` does.
  bool special_tokens_in_text = true;
};

// The bytes [begin, end) of the text that a token came from.
struct Span {
  std::uint32_t begin = 0, end = 0;
  friend bool operator==(const Span&, const Span&) = default;
};

// A text or a pair as the model takes it: [CLS] text [SEP] or [CLS] text [SEP] pair [SEP].
// `segments` is 0 up to and including the first [SEP], then 1. Special tokens have an empty span.
// A span of segment 1 lies in the pair's text.
struct Encoding {
  std::vector<std::int32_t> ids;
  std::vector<std::int32_t> segments;
  std::vector<Span> spans;
  bool truncated = false;
  std::size_t size() const { return ids.size(); }
};

// A checkpoint's files by name ("vocab.txt").
struct Files {
  std::string place;  // what stands before their names in messages: "folder/"
  // The file's bytes, or nothing if there is none of that name.
  std::function<std::optional<std::string>(const std::string& name)> read;
};

// Immutable after construction; any number of threads may use one at once.
class Tokenizer {
 public:
  // From a checkpoint's folder: tokenizer.json or vocab.txt, tokenizer_config.json and
  // special_tokens_map.json where present. `overrides` are what the user asked for; they win and
  // the rest comes from the files. Where files contradict each other, throws TokenizerError naming
  // both. Throws TokenizerError too if there is no vocabulary.
  struct Overrides {
    std::optional<bool> lower_case = {};
    std::optional<Profile> profile = {};
    std::optional<bool> special_tokens_in_text = {};
  };
  static Tokenizer from_folder(const std::filesystem::path& folder, const Overrides& overrides);
  // The same from files that are not in a folder of their own (an archive, a packed model).
  static Tokenizer from_files(const Files& files, const Overrides& overrides);
  // From one file, vocab.txt or tokenizer.json (told apart by content).
  static Tokenizer from_file(const std::filesystem::path& file, const Overrides& overrides);
  // From the bytes of a vocab.txt; `name` stands for the file in messages.
  static Tokenizer from_vocabulary(std::string_view vocabulary, std::string_view name,
                                   const Options& options);

  // The working memory of one caller of encode(). Not thread-safe.
  class Scratch {
   public:
    Scratch();
    Scratch(Scratch&&) noexcept;
    Scratch& operator=(Scratch&&) noexcept;
    ~Scratch();

   private:
    friend class Tokenizer;
    struct Impl;
    std::unique_ptr<Impl> impl_;
  };

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  // Longest-first truncation to `max_tokens` (special tokens included; 0: no limit; at least 3, or
  // 2 for a single text, otherwise throws std::invalid_argument). Throws TokenizerError with the
  // byte offset if a text is not UTF-8.
  Encoding encode(std::string_view text, std::optional<std::string_view> pair = std::nullopt,
                  std::size_t max_tokens = 0) const;
  // The same into `encoding`, for many texts: one no longer than earlier ones allocates nothing.
  void encode(std::string_view text, std::optional<std::string_view> pair, std::size_t max_tokens,
              Scratch& scratch, Encoding& encoding) const;

  // The text as its words are before they become pieces, a space between any two: cleaned,
  // lower-cased and so on, as google's BasicTokenizer has them. Special tokens are text like any
  // other. Throws as encode() does.
  std::string basic_text(std::string_view text) const;

  std::size_t vocabulary_size() const;            // one more than the largest id
  std::string_view token(std::int32_t id) const;  // empty for a gap
  std::optional<std::int32_t> id(std::string_view token) const;
  const Options& options() const;
  // The files that it was read from, for `inspect`.
  const std::vector<std::string>& sources() const;

 private:
  struct Impl;
  explicit Tokenizer(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace bertq::tokenizer
