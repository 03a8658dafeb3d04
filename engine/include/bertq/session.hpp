// One thread's way to use a model: from texts to labels, values, answers and embeddings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "bertq/export.h"
#include "bertq/model.hpp"
#include "bertq/tokenizer.hpp"

namespace bertq {

// Threads that several sessions share, instead of some of each: sessions then take turns with them,
// a whole batch at a time. Cheap to copy; copies are the same threads.
class BERTQ_API ThreadPool {
 public:
  // 0: as many as there are usable CPUs: the physical cores of the affinity mask, and no more than
  // the CPU quota of the control group. Whatever is asked for, more than the quota are not used:
  // they would only be stopped in turn. `isa` as in LoadOptions: that of the models to run. Throws
  // Error: usage for more than 1024, isa, resources.
  explicit ThreadPool(std::size_t threads = 0, const std::string& isa = {});
  std::size_t threads() const;

 private:
  friend class Session;
  struct BERTQ_HIDDEN Impl;
  std::shared_ptr<Impl> impl_;
};

struct SessionOptions {
  std::size_t threads = 0;              // as in ThreadPool; 0: as many as there are usable CPUs
  std::optional<ThreadPool> pool = {};  // instead of threads of its own
  bool truncate = false;                // cut inputs that are too long, instead of refusing them
  std::size_t max_tokens = 0;           // fewer than the model's; 0: the model's
};

// What a model reads: a text, a pair of texts, or token ids with special tokens in place. Texts are
// UTF-8. Looks at the caller's memory, which must hold until the call returns.
class Input {
 public:
  Input(std::string_view text) : text_(text) {}
  Input(const char* text) : text_(text) {}
  Input(const std::string& text) : text_(text) {}
  Input(std::string_view text, std::string_view pair) : text_(text), pair_(pair) {}
  // Without segments, all are 0; otherwise there is one an id.
  static Input tokens(std::span<const std::int32_t> ids,
                      std::span<const std::int32_t> segments = {}) {
    Input input{std::string_view()};
    input.ids_ = ids;
    input.segments_ = segments;
    input.is_text_ = false;
    return input;
  }

  bool is_text() const { return is_text_; }
  std::string_view text() const { return text_; }
  std::optional<std::string_view> pair() const { return pair_; }
  std::span<const std::int32_t> ids() const { return ids_; }
  std::span<const std::int32_t> segments() const { return segments_; }

 private:
  std::string_view text_;
  std::optional<std::string_view> pair_;
  std::span<const std::int32_t> ids_, segments_;
  bool is_text_ = true;
};

struct Classification {
  std::size_t index = 0;                       // of the likeliest class
  std::string_view label = {};                 // its name; empty where the config has none
  double score = 0.0;                          // its probability
  std::span<const double> probabilities = {};  // one a class
  std::span<const float> logits = {};
  bool truncated = false;
};

// Rows of equally many floats.
struct Rows {
  std::span<const float> values = {};
  std::size_t columns = 0;

  std::size_t size() const { return columns == 0 ? 0 : values.size() / columns; }
  std::span<const float> operator[](std::size_t row) const {
    return values.subspan(row * columns, columns);
  }
};

enum class Pooling : std::uint8_t { mean, cls };
// What is left empty is as the checkpoint's modules.json says, else mean and normalised.
struct EmbeddingOptions {
  std::optional<Pooling> pooling = {};
  std::optional<bool> normalize = {};  // to length 1
};

struct AnswerOptions {
  std::size_t n_best = 20;
  std::size_t max_answer = 30;       // tokens of an answer
  std::size_t max_question = 64;     // tokens of a question; more are cut
  std::size_t max_window = 384;      // tokens of question and context that are read at once
  std::size_t doc_stride = 0;        // tokens from one window to the next; 0: 128, or what fits
  bool may_be_unanswerable = false;  // SQuAD v2.0: "no answer" is one of the candidates
  double null_threshold = 0.0;       // and the answer, if it beats the best one by more than this
};

// One candidate: `text` is bytes `span` of the caller's context. "No answer" has neither.
struct AnswerSpan {
  std::string_view text = {};
  ByteSpan span = {};
  double score = 0.0;  // probability among the candidates
  double begin_logit = 0.0, end_logit = 0.0;
};

struct Answer {
  AnswerSpan best = {};                     // without text where there is no answer
  std::span<const AnswerSpan> n_best = {};  // the likeliest first
  double null_odds = 0.0;  // may_be_unanswerable: by how much "no answer" beats the best, in logits
};

// Working memory and threads of one caller. Make one a thread; they share the model's weights.
//
// Results have the same bits whatever the batch, the number of threads and the session, and as the
// command line's (Model::depends_on_batch names the exception). They belong to the session and hold
// until its next call, its destruction, or its being moved.
//
// Memory: a call allocates nothing once the session has seen a batch that was no smaller in any
// way (inputs, tokens, longest input, bytes of its longest text), from text to result. The
// exception is answer(), which allocates for the candidates that it compares.
//
// All throw Error: input for text that is not UTF-8, an empty or too long sequence of ids, ids or
// segments out of range, a head or a tokenizer that the checkpoint lacks, and activations that are
// not finite; usage for segments of another number than ids, options that cannot be, and a session
// that another thread is just using, that was moved from, or that was made before a fork() and is
// used after it. A failed call leaves the session as good as it was.
class BERTQ_API Session {
 public:
  explicit Session(const Model& model, const SessionOptions& options = {});
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  const Model& model() const;

  // Of a classification head: Error (input) for a head that regresses.
  const Classification& classify(const Input& input);
  std::span<const Classification> classify_batch(std::span<const Input> inputs);

  // Of a head that regresses: the value.
  double regress(const Input& input);
  std::span<const float> regress_batch(std::span<const Input> inputs);

  // Of either: [inputs][Model::outputs()].
  Rows logits(std::span<const Input> inputs);

  // One vector of Model::hidden() floats an input.
  std::span<const float> embed(const Input& input, const EmbeddingOptions& options = {});
  Rows embed_batch(std::span<const Input> inputs, const EmbeddingOptions& options = {});

  // The last layer's output: a row a token, those of all inputs one after another.
  Rows hidden_states(const Input& input);
  Rows hidden_states_batch(std::span<const Input> inputs);

  // Of a head for answers: a row a token, the logits of an answer that begins and of one that ends
  // there.
  Rows token_logits(const Input& input);

  // The best answers that bytes of the context give to the question.
  Answer answer(std::string_view question, std::string_view context,
                const AnswerOptions& options = {});

 private:
  friend class Tuner;
  struct BERTQ_HIDDEN Impl;
  BERTQ_HIDDEN explicit Session(std::unique_ptr<Impl> impl);
  template <typename Function>
  BERTQ_HIDDEN decltype(auto) use(Function&& function);
  std::unique_ptr<Impl> impl_;
};

}  // namespace bertq
