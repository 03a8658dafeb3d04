// Requests of many threads, run together: for servers.
//
//   bertq::Batcher batcher(model, {.instances = 2});
//   std::future<bertq::Prediction> label = batcher.classify({"He left.", "He went away."});
//   use(label.get().label);
//   if (!batcher.embed(text, on_vector)) say_busy();  // the queue is full
#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bertq/export.h"
#include "bertq/model.hpp"
#include "bertq/session.hpp"

namespace bertq {

struct BatcherOptions {
  // Batches that run side by side. Several instances keep to CPUs of their own, one a NUMA node
  // where there are as many. One instance of many threads answers a lone request soonest; an
  // instance for each core gets through the most requests.
  std::size_t instances = 1;
  // Of each; 0: the usable CPUs, divided among the instances. As in SessionOptions, all together
  // never exceed the CPU quota.
  std::size_t threads = 0;
  // A batch is what waits when an instance becomes free, up to so many tokens. 0: as many as it
  // takes to be efficient on this CPU. A larger one would hardly be faster for each of them, and
  // all requests of a batch end with its last.
  std::size_t max_batch_tokens = 0;
  // How long an idle instance lets a request wait for company, where less waits than makes an
  // efficient batch. 0: not at all; batches then form only while all instances are busy.
  std::chrono::microseconds max_delay{0};
  // Tokens that may wait. A request that would exceed them is refused at once; it never blocks.
  std::size_t max_waiting_tokens = std::size_t{1} << 16;
  bool truncate = false;  // as in SessionOptions
  EmbeddingOptions embedding = {};
};

// A Classification that owns what it holds. `index` and `probabilities` are of a head that
// classifies; the score of one that regresses is its value.
struct Prediction {
  std::size_t index = 0;
  std::string label;
  double score = 0.0;
  std::vector<double> probabilities;
  std::vector<float> logits;
  bool truncated = false;
};

// A candidate, and an Answer, that own what they hold.
struct AnswerText {
  std::string text;
  ByteSpan span = {};
  double score = 0.0;
  double begin_logit = 0.0, end_logit = 0.0;
};
struct Reply {
  AnswerText best;
  std::vector<AnswerText> n_best;
  double null_odds = 0.0;
};

// Any number of threads may submit at once. A text is tokenized by the thread that submits it, and
// the answer has the bits that it has alone.
//
// What can never run (not UTF-8, too long, a head that the checkpoint lacks) throws as Session
// does, from submit itself. What fails while running fails alone, with its own exception.
class BERTQ_API Batcher {
 public:
  explicit Batcher(const Model& model, const BatcherOptions& options = {});
  // Runs what was accepted.
  ~Batcher();
  Batcher(const Batcher&) = delete;
  Batcher& operator=(const Batcher&) = delete;

  // Throws Error (resources) at once where the queue is full.
  std::future<Prediction> classify(const Input& input);
  std::future<std::vector<float>> embed(const Input& input);
  // As Session::answer. The windows of a long context run side by side, beside other requests; they
  // count as a request each, and are accepted all together or not at all.
  std::future<Reply> answer(std::string_view question, std::string_view context,
                            const AnswerOptions& options = {});

  // Instead of a future: called once, on a thread of the batcher, with a result or an error, which
  // is null where there is none. It holds up the next batch, and must not throw. The results'
  // spans hold during the call. False, at once, where the queue is full: nothing is called.
  using OnClassified = std::function<void(const Classification& result, std::exception_ptr error)>;
  bool classify(const Input& input, OnClassified done);
  using OnEmbedded = std::function<void(std::span<const float> vector, std::exception_ptr error)>;
  bool embed(const Input& input, OnEmbedded done);
  // A context without words is answered at once, on the thread that calls.
  using OnAnswered = std::function<void(const Answer& answer, std::exception_ptr error)>;
  bool answer(std::string_view question, std::string_view context, OnAnswered done,
              const AnswerOptions& options = {});

  struct Counts {
    std::size_t accepted = 0, refused = 0;  // requests, a window of an answer being one
    std::size_t batches = 0;                // forward passes
    std::size_t waiting_tokens = 0;         // now
  };
  Counts counts() const;

 private:
  struct BERTQ_HIDDEN Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bertq
