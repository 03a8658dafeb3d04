// Dynamic batching: requests of many threads, run together by a few sessions.
//
// A batch is what waits when a session becomes free, in order of arrival, up to a number of tokens:
// as many as it takes to be efficient, and no more, since all requests of a batch end with its
// last. There is no padding, so requests of any lengths go well together, and since an answer never
// depends on who else is in its batch, it has the bits that it has alone. (A model that
// pads_batches() is the exception: its requests run one by one.)
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "engine/model/model.h"
#include "jit/isa.h"

namespace bertq::engine {

struct BatcherOptions {
  // Sessions working side by side, and threads of each. Several keep to CPUs of their own
  // (instance_cpus): one a NUMA node where there are as many.
  std::size_t instances = 1, threads = 1;
  // A batch is closed when the next request would exceed this; one longer request goes alone. 0:
  // good_batch_tokens.
  std::size_t max_batch_tokens = 0;
  // How long the oldest request may wait for company while an instance is idle and less waits than
  // makes a good batch (below). 0: not at all, an idle instance takes what is there; batches then
  // form only while all instances are busy.
  std::chrono::microseconds max_delay{0};
  // The queue's bound: submit refuses what would exceed it. A longer request is taken if it finds
  // the queue empty. Running requests do not count.
  std::size_t max_waiting_tokens = std::size_t{1} << 16;
};

inline constexpr std::size_t most_instances = 256;
// Tokens from which on a larger batch is hardly any faster for each of them: an idle instance that
// waited longer would only fall behind, and a batch that took more would only keep others waiting.
std::size_t good_batch_tokens(jit::Isa isa, std::size_t threads);
inline constexpr std::chrono::microseconds longest_delay = std::chrono::minutes(1);

// Which output of the model a batcher computes.
enum class Wanted : std::uint8_t { logits, token_logits, hidden_states };

class Batcher {
 public:
  // Called exactly once for an accepted request, on a thread of the batcher, without locks held:
  // with `values`, the request's own rows without padding between them ([labels], [tokens][2] or
  // [tokens][hidden]), which hold during the call only, or with `error`. A request whose batch
  // fails is run again alone, so that an error reaches no other request. May call submit(); must
  // not throw, which would end the program, nor wait for another request, nor destroy the batcher.
  using Done = std::function<void(std::span<const float> values, std::exception_ptr error)>;

  // `wanted` of requests that do not say otherwise. Throws Error: usage for options that cannot be,
  // input if the model lacks the head, resources if the system has no more threads.
  Batcher(std::shared_ptr<const Model> model, Wanted wanted, const BatcherOptions& options);
  // Runs what was accepted, without waiting for company. What is submitted meanwhile, from a
  // `done`, is refused.
  ~Batcher();
  Batcher(const Batcher&) = delete;
  Batcher& operator=(const Batcher&) = delete;

  // Copies ids and segments (empty: all 0). False, at once and without having taken anything,
  // where the queue is full. Throws Error (input) for what this model can never run, usage for
  // segments of another number than ids or an empty `done`. Any thread.
  bool submit(std::span<const std::int32_t> ids, std::span<const std::int32_t> segments, Done done);
  // For this output, whatever the batcher's own. A batch holds requests for one output. Throws
  // Error (input) if the model lacks the head as well.
  bool submit(Wanted wanted, std::span<const std::int32_t> ids,
              std::span<const std::int32_t> segments, Done done);
  // Several at once, all of them or none: each is a request like any other, and may run beside the
  // others. Together they are taken, too, if they are longer than the queue and find it empty.
  struct Part {
    std::span<const std::int32_t> ids, segments;
    Done done;
  };
  bool submit(Wanted wanted, std::vector<Part> parts);

  struct Counts {
    std::size_t accepted = 0, refused = 0;  // requests
    std::size_t batches = 0;                // forward passes begun, those after a failure included
    std::size_t waiting_tokens = 0;         // now
  };
  Counts counts() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bertq::engine
