#include "engine/serving/batcher.h"

#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "bertq/error.h"
#include "memory_checkpoint.h"
#include "support/thrown_message.h"
#include "texts.h"

namespace bertq::testing {
using namespace engine;
namespace {

std::shared_ptr<const Model> small_model(Precision precision = Precision::int8) {
  const ModelConfig config = small_config(48, 4, 96, 2);
  return Model::load(MemoryCheckpoint(config, 7), config, Recipe::uniform(precision),
                     jit::Isa::reference);
}

std::vector<Text> some_texts(const ModelConfig& config, std::size_t count) {
  std::vector<Text> texts;
  for (std::size_t i = 0; i < count; ++i) {
    texts.push_back(random_text(config, 1 + i * 7 % config.positions, i));
  }
  return texts;
}

// What a session of its own answers to one text: rows without padding.
std::vector<float> alone(Session& session, Wanted wanted, const Text& text) {
  const PackedBatch batch = batch_of({&text, 1});
  if (wanted == Wanted::hidden_states) {
    return states_of(batch, session.hidden_states(batch), session.hidden_ld(),
                     session.model().config().hidden, 0);
  }
  const auto values =
      wanted == Wanted::logits ? session.logits(batch) : session.token_logits(batch);
  return {values.begin(), values.end()};
}

// Holds threads back until it is opened.
class Gate {
 public:
  void wait() {
    std::unique_lock lock(mutex_);
    opened_.wait(lock, [this] { return open_; });
  }
  void open() {
    const std::scoped_lock lock(mutex_);
    open_ = true;
    opened_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool open_ = false;
};

// The answers to requests, by their numbers.
class Answers {
 public:
  explicit Answers(std::size_t count) : values_(count), errors_(count), calls_(count) {}

  Batcher::Done of(std::size_t request) {
    return [this, request](std::span<const float> values, std::exception_ptr error) {
      values_[request].assign(values.begin(), values.end());
      errors_[request] = std::move(error);
      ++calls_[request];
    };
  }
  const std::vector<float>& values(std::size_t request) const { return values_[request]; }
  const std::exception_ptr& error(std::size_t request) const { return errors_[request]; }
  int calls(std::size_t request) const { return calls_[request]; }

 private:
  std::vector<std::vector<float>> values_;
  std::vector<std::exception_ptr> errors_;
  std::vector<std::atomic<int>> calls_;
};

// One instance that is busy with a request of one token until the gate opens.
struct BusyBatcher {
  BusyBatcher(const std::shared_ptr<const Model>& model, const BatcherOptions& options)
      : batcher(model, Wanted::logits, options) {
    const std::vector<std::int32_t> ids{1};
    REQUIRE(batcher.submit(ids, {}, [this](auto, auto) {
      running.open();
      gate.wait();
    }));
    running.wait();
  }
  ~BusyBatcher() { gate.open(); }

  Gate running, gate;
  Batcher batcher;
};

TEST_CASE("answers have the bits that they have alone, whoever shares the batch") {
  for (const Precision precision : {Precision::fp32, Precision::int8}) {
    const auto model = small_model(precision);
    const auto texts = some_texts(model->config(), 40);
    Session session(model, 1);
    for (const Wanted wanted : {Wanted::logits, Wanted::token_logits, Wanted::hidden_states}) {
      for (const std::size_t most : {1U, 50U, 4096U}) {
        Answers answers(texts.size());
        {
          Batcher batcher(model, wanted, {.instances = 2, .threads = 2, .max_batch_tokens = most});
          for (std::size_t i = 0; i < texts.size(); ++i) {
            CHECK(batcher.submit(texts[i].ids, texts[i].segments, answers.of(i)));
          }
        }
        for (std::size_t i = 0; i < texts.size(); ++i) {
          CHECK(answers.calls(i) == 1);
          CHECK(hash_of(answers.values(i)) == hash_of(alone(session, wanted, texts[i])));
        }
      }
    }
  }
}

TEST_CASE("what waits is run together, up to max_batch_tokens, in order of arrival") {
  const auto model = small_model();
  const auto batches_of = [&](std::vector<std::size_t> lengths, std::size_t most) {
    Answers answers(lengths.size());
    BusyBatcher busy(model, {.max_batch_tokens = most});
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      const Text text = random_text(model->config(), lengths[i], i);
      REQUIRE(busy.batcher.submit(text.ids, text.segments, answers.of(i)));
    }
    busy.gate.open();
    while (answers.calls(lengths.size() - 1) == 0) std::this_thread::yield();
    return busy.batcher.counts().batches - 1;  // without the one that kept it busy
  };
  CHECK(batches_of({10, 10, 10}, 30) == 1);
  CHECK(batches_of({10, 10, 10}, 29) == 2);
  CHECK(batches_of({10, 25, 10}, 30) == 3);  // never out of order
  CHECK(batches_of({5, 60, 5}, 30) == 3);    // the long one alone
  CHECK(batches_of({1, 1, 1, 1}, 1) == 4);
}

TEST_CASE("by default a batch takes what makes it efficient, and leaves the rest to others") {
  const auto model = small_model();
  CHECK(good_batch_tokens(jit::Isa::amx, 1) > good_batch_tokens(jit::Isa::avx512_vnni, 1));
  CHECK(good_batch_tokens(jit::Isa::avx2, 4) == 4 * good_batch_tokens(jit::Isa::avx2, 1));
  const std::size_t most = good_batch_tokens(model->isa(), 1);
  const std::size_t length = model->config().positions;
  Answers answers(2 * most / length + 1);  // so many more than two batches
  BusyBatcher busy(model, {});
  for (std::size_t i = 0; i <= 2 * most / length; ++i) {
    const Text text = random_text(model->config(), length, i);
    REQUIRE(busy.batcher.submit(text.ids, text.segments, answers.of(i)));
  }
  busy.gate.open();
  while (answers.calls(2 * most / length) == 0) std::this_thread::yield();
  CHECK(busy.batcher.counts().batches == 1 + 3);
}

TEST_CASE("several at once: all are taken, or none") {
  const auto model = small_model();
  const Text text = random_text(model->config(), 10, 1);
  Answers answers(6);
  {
    BusyBatcher busy(model, {.max_batch_tokens = 10, .max_waiting_tokens = 35});
    const auto parts = [&](std::vector<std::size_t> numbers) {
      std::vector<Batcher::Part> some;
      for (const std::size_t number : numbers) {
        some.push_back({text.ids, text.segments, answers.of(number)});
      }
      return some;
    };
    CHECK(busy.batcher.submit(Wanted::token_logits, parts({0, 1})));
    CHECK_FALSE(busy.batcher.submit(Wanted::token_logits, parts({2, 3})));
    CHECK(busy.batcher.submit(Wanted::token_logits, parts({4})));
    CHECK(busy.batcher.counts().waiting_tokens == 30);
    CHECK(busy.batcher.counts().accepted == 4);
    CHECK(busy.batcher.counts().refused == 2);
    auto bad = parts({5, 5});
    bad[1].ids = {};
    CHECK_THROWS_AS(busy.batcher.submit(Wanted::token_logits, std::move(bad)), Error);
    CHECK(busy.batcher.counts().accepted == 4);
  }
  for (const std::size_t taken : {0U, 1U, 4U}) CHECK(answers.calls(taken) == 1);
  for (const std::size_t refused : {2U, 3U, 5U}) CHECK(answers.calls(refused) == 0);
  Session session(model, 1);
  CHECK(hash_of(answers.values(1)) == hash_of(alone(session, Wanted::token_logits, text)));
}

TEST_CASE("requests for several outputs: each gets its own, in batches of its own") {
  const auto model = small_model();
  constexpr Wanted outputs[] = {Wanted::logits, Wanted::logits, Wanted::hidden_states,
                                Wanted::token_logits};
  const Text text = random_text(model->config(), 10, 1);
  Answers answers(std::size(outputs));
  std::size_t batches = 0;
  {
    BusyBatcher busy(model, {});
    for (std::size_t i = 0; i < std::size(outputs); ++i) {
      CHECK(busy.batcher.submit(outputs[i], text.ids, text.segments, answers.of(i)));
    }
    busy.gate.open();
    while (answers.calls(std::size(outputs) - 1) == 0) std::this_thread::yield();
    batches = busy.batcher.counts().batches - 1;
  }
  CHECK(batches == 3);
  Session session(model, 1);
  for (std::size_t i = 0; i < std::size(outputs); ++i) {
    CHECK(hash_of(answers.values(i)) == hash_of(alone(session, outputs[i], text)));
  }
}

TEST_CASE("a full queue refuses, without waiting and without a trace") {
  const auto model = small_model();
  const Text text = random_text(model->config(), 10, 1);
  Answers answers(4);
  {
    BusyBatcher busy(model, {.max_waiting_tokens = 25});
    Batcher& batcher = busy.batcher;
    CHECK(batcher.submit(text.ids, text.segments, answers.of(0)));
    CHECK(batcher.submit(text.ids, text.segments, answers.of(1)));
    // The only instance is held back by the gate: a submit that waited would never return.
    CHECK_FALSE(batcher.submit(text.ids, text.segments, answers.of(2)));
    CHECK(batcher.counts().accepted == 3);
    CHECK(batcher.counts().refused == 1);
    CHECK(batcher.counts().waiting_tokens == 20);
    const Text shorter = random_text(model->config(), 5, 1);
    CHECK(batcher.submit(shorter.ids, shorter.segments, answers.of(3)));
  }
  CHECK(answers.calls(2) == 0);
  for (const std::size_t accepted : {0U, 1U, 3U}) CHECK(answers.calls(accepted) == 1);
}

TEST_CASE("one that is longer than the queue is taken while nothing waits") {
  const auto model = small_model();
  const Text text = random_text(model->config(), 30, 1);
  Answers answers(2);
  {
    BusyBatcher busy(model, {.max_waiting_tokens = 20});
    CHECK(busy.batcher.submit(text.ids, text.segments, answers.of(0)));
    CHECK_FALSE(busy.batcher.submit(text.ids, text.segments, answers.of(1)));
  }
  CHECK(answers.calls(0) == 1);
}

TEST_CASE("an idle instance waits for company until the batch is full or its time is up") {
  const auto model = small_model();
  const Text text = random_text(model->config(), 10, 1);
  Answers answers(3);
  {
    Batcher batcher(model, Wanted::logits,
                    {.max_batch_tokens = 30, .max_delay = std::chrono::minutes(1)});
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(batcher.counts().batches == 0);
      CHECK(batcher.submit(text.ids, text.segments, answers.of(i)));
    }
    while (answers.calls(2) == 0) std::this_thread::yield();
    CHECK(batcher.counts().batches == 1);
  }
  Answers later(1);
  Batcher batcher(model, Wanted::logits, {.max_delay = std::chrono::milliseconds(1)});
  CHECK(batcher.submit(text.ids, text.segments, later.of(0)));
  while (later.calls(0) == 0) std::this_thread::yield();
  CHECK(batcher.counts().batches == 1);
}

TEST_CASE("without a delay, a lone request does not wait") {
  const auto model = small_model();
  const Text text = random_text(model->config(), 10, 1);
  Batcher batcher(model, Wanted::logits, {.instances = 3});
  for (std::size_t i = 0; i < 20; ++i) {
    Answers answers(1);
    CHECK(batcher.submit(text.ids, text.segments, answers.of(0)));
    while (answers.calls(0) == 0) std::this_thread::yield();
  }
  CHECK(batcher.counts().batches == 20);
}

TEST_CASE("the destructor runs what was accepted and waits for no company") {
  const auto model = small_model();
  const auto texts = some_texts(model->config(), 30);
  Answers answers(texts.size());
  {
    Batcher batcher(model, Wanted::logits,
                    {.max_batch_tokens = 4096, .max_delay = std::chrono::minutes(1)});
    for (std::size_t i = 0; i < texts.size(); ++i) {
      CHECK(batcher.submit(texts[i].ids, texts[i].segments, answers.of(i)));
    }
  }
  for (std::size_t i = 0; i < texts.size(); ++i) CHECK(answers.calls(i) == 1);
}

TEST_CASE("an error reaches the request that caused it, and no other") {
  // One row of the word embeddings overflows the first LayerNorm: whoever says it fails.
  const ModelConfig config = small_config(48, 4, 96, 2);
  MemoryCheckpoint checkpoint(config, 7);
  constexpr std::int32_t poison = 5;
  auto& words = checkpoint.values("bert.embeddings.word_embeddings.weight");
  for (std::size_t i = 0; i < config.hidden; ++i) {
    words[poison * config.hidden + i] =
        std::numeric_limits<float>::max() * (i % 2 == 0 ? 1.0F : -1.0F);
  }
  const auto model =
      Model::load(checkpoint, config, Recipe::uniform(Precision::fp32), jit::Isa::reference);
  const std::vector<std::int32_t> good{1, 2, 3}, bad{1, poison, 3};
  Session session(model, 1);
  const Text text{good, {0, 0, 0}};
  const auto want = hash_of(alone(session, Wanted::logits, text));
  constexpr std::size_t requests = 12;
  Answers answers(requests);
  {
    BusyBatcher busy(model, {});
    for (std::size_t i = 0; i < requests; ++i) {
      CHECK(busy.batcher.submit(i % 5 == 2 ? bad : good, {}, answers.of(i)));
    }
  }
  for (std::size_t i = 0; i < requests; ++i) {
    CAPTURE(i);
    CHECK(answers.calls(i) == 1);
    if (i % 5 == 2) {
      REQUIRE(answers.error(i) != nullptr);
      CHECK_THROWS_AS(std::rethrow_exception(answers.error(i)), Error);
      CHECK(answers.values(i).empty());
    } else {
      CHECK(answers.error(i) == nullptr);
      CHECK(hash_of(answers.values(i)) == want);
    }
  }
}

TEST_CASE("many threads that submit: no answer is lost, doubled or another's") {
  const auto model = small_model();
  const auto texts = some_texts(model->config(), 16);
  std::vector<std::uint64_t> want;
  Session session(model, 1);
  for (const Text& text : texts) want.push_back(hash_of(alone(session, Wanted::logits, text)));

  constexpr std::size_t threads = 8, each = 150;
  Answers answers(threads * each);
  {
    Batcher batcher(model, Wanted::logits,
                    {.instances = 3, .max_batch_tokens = 200, .max_waiting_tokens = 1000});
    std::vector<std::thread> users;
    for (std::size_t user = 0; user < threads; ++user) {
      users.emplace_back([&, user] {
        for (std::size_t i = 0; i < each; ++i) {
          const Text& text = texts[(user + i) % texts.size()];
          while (!batcher.submit(text.ids, text.segments, answers.of(user * each + i))) {
            std::this_thread::yield();
          }
        }
      });
    }
    for (std::thread& user : users) user.join();
    CHECK(batcher.counts().accepted == threads * each);
  }
  for (std::size_t user = 0; user < threads; ++user) {
    for (std::size_t i = 0; i < each; ++i) {
      CHECK(answers.calls(user * each + i) == 1);
      CHECK(hash_of(answers.values(user * each + i)) == want[(user + i) % texts.size()]);
    }
  }
}

TEST_CASE("a request may be made from an answer; one made while it ends is refused") {
  const auto model = small_model();
  const std::vector<std::int32_t> ids{1, 2, 3};
  bool taken = false;
  std::size_t waiting_at_end = ~std::size_t{0};
  {
    Gate chained;
    BusyBatcher busy(model, {});
    Batcher& batcher = busy.batcher;
    CHECK(batcher.submit(ids, {}, [&](auto, auto) {
      taken = batcher.submit(ids, {}, [&](auto, auto) { chained.open(); });
    }));
    busy.gate.open();
    chained.wait();
  }
  {
    auto batcher = std::make_unique<Batcher>(model, Wanted::logits, BatcherOptions{});
    Batcher& alive = *batcher;
    Gate running, ending;
    CHECK(batcher->submit(ids, {}, [&](auto, auto) {
      running.open();
      ending.wait();
      while (alive.submit(ids, {}, [](auto, auto) {})) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
      waiting_at_end = alive.counts().waiting_tokens;
    }));
    running.wait();
    std::thread destroyer([&] { batcher.reset(); });
    ending.open();
    destroyer.join();
  }
  CHECK(taken);
  CHECK(waiting_at_end < BatcherOptions().max_waiting_tokens);  // the queue was not full
}

TEST_CASE("what can never run is refused by name") {
  const auto model = small_model();
  Batcher batcher(model, Wanted::logits, {});
  const auto message = [&](std::vector<std::int32_t> ids, std::vector<std::int32_t> segments) {
    return thrown_message<Error>([&] { batcher.submit(ids, segments, [](auto, auto) {}); });
  };
  const std::size_t words = model->config().vocabulary;
  CHECK(message({}, {}) == "expected 1 to 64 tokens, got 0");
  CHECK(message(std::vector<std::int32_t>(65, 1), {}) == "expected 1 to 64 tokens, got 65");
  CHECK(message({1, -1}, {}) ==
        "position 1: expected a token id below " + std::to_string(words) + ", got -1");
  CHECK(message({1, 2}, {0, 7}).starts_with("position 1: expected a segment below "));
  CHECK(message({1, 2}, {0}) == "expected a segment for each of 2 tokens, got 1");
  const std::vector<std::int32_t> ids{1};
  CHECK_THROWS_AS(batcher.submit(ids, {}, nullptr), Error);
  CHECK(batcher.counts().accepted == 0);
}

TEST_CASE("so are options that cannot be") {
  const auto model = small_model();
  const auto message = [&](const BatcherOptions& options) {
    return thrown_message<Error>([&] { Batcher(model, Wanted::logits, options); });
  };
  CHECK(message({.instances = 0}) == "batcher: instances: expected 1 to 256, got 0");
  CHECK(message({.instances = 1000}) == "batcher: instances: expected 1 to 256, got 1000");
  CHECK(message({.threads = 0}) == "expected 1 to 1024 threads, got 0");
  CHECK(message({.max_waiting_tokens = 0}).starts_with("batcher: max_waiting_tokens: expected"));
  CHECK(message({.max_delay = std::chrono::microseconds(-1)}) ==
        "batcher: max_delay: expected 0 to 60000000 us, got -1");
  CHECK(message({.max_delay = std::chrono::microseconds::max()})
            .starts_with("batcher: max_delay: expected 0"));
}

}  // namespace
}  // namespace bertq::testing
