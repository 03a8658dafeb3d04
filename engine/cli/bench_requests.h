// What `bench` sends through a model: the shapes of --shapes, the examples of --task, the texts of
// --texts.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/cli/arguments.h"
#include "engine/model/config.h"
#include "engine/task/evaluate.h"
#include "tokenizer/tokenizer.h"

namespace bertq::engine::cli {

struct TextPair {
  std::string text;
  std::optional<std::string> pair;
};

// The texts of one source, as read: no model is needed for that, and standard input comes once.
struct TextSet {
  std::string name;  // the task's, or "texts"
  std::size_t max_tokens = 0;
  std::vector<TextPair> texts;  // at least one
};

// Those of --task, where it is given, then those of --texts. Throws Error (input), naming file and
// line, for what is no text and for files without any.
std::vector<TextSet> read_text_sets(const Arguments& arguments);

struct Request {
  TextPair text;  // empty in a shape, which has only tokens
  tokenizer::Encoding encoding;
};

// Requests that are measured together.
struct RequestSet {
  std::string name;  // "8x128", "mrpc", "texts"
  bool has_text = false;
  std::size_t max_tokens = 0;  // that texts were cut to
  std::size_t cut = 0;         // texts that were
  std::vector<Request> requests;

  std::size_t tokens() const;
  std::vector<tokenizer::Encoding> encodings() const;
};

tokenizer::Encoding encode_text(const tokenizer::Tokenizer& tokenizer, const TextPair& text,
                                std::size_t max_tokens);

// `tokenizer` may be nullptr if there are no texts; `max_tokens` is the model's limit. Throws Error
// (usage) otherwise.
std::vector<RequestSet> encode_text_sets(std::span<const TextSet> sets,
                                         const tokenizer::Tokenizer* tokenizer,
                                         std::size_t max_tokens);

// "8x128,64x8-32": batch x length, or x the shortest and the longest of random lengths. Tokens are
// random too. Throws Error: usage for what is no shape, input for one that the model does not take.
std::vector<RequestSet> random_request_sets(std::string_view shapes, const ModelConfig& config,
                                            std::uint64_t seed);

// The share of the tokens of padded batches, `batch` requests each in their order, that would be
// padding.
double padding_share(std::span<const std::size_t> lengths, std::size_t batch);

}  // namespace bertq::engine::cli
