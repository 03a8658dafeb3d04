// The promise: a result has the same bits whoever asks, with whom, and on how many threads.

#include <doctest/doctest.h>

#include <atomic>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "support/resident_memory.h"
#include "texts.h"

namespace bertq::testing {
namespace {

// Everything that a model without a span head has to say of one input.
std::vector<float> everything(Session& session, const Input& input) {
  std::vector<float> all;
  const auto add = [&](std::span<const float> values) {  // before the next call takes them back
    all.insert(all.end(), values.begin(), values.end());
  };
  add(session.classify(input).logits);
  add(session.embed(input));
  add(session.hidden_states(input).values);
  return all;
}

TEST_CASE("threads, a shared pool, batch mates: the same bits") {
  const auto texts = some_texts(24);
  const auto inputs = inputs_of(texts);
  for (const Precision precision : {Precision::fp32, Precision::bf16, Precision::int8}) {
    const Model model = Model::load(Sample::paraphrases, {.precision = precision});
    Session alone(model, {.threads = 1});
    const ThreadPool pool(3);
    CHECK(pool.threads() <= 3);  // or as many as the CPU quota allows
    Session three(model, {.threads = 3}), pooled(model, {.pool = pool}),
        again(model, {.pool = pool});
    for (const Input& input : inputs) {
      const auto want = everything(alone, input);
      CHECK(same_bits<float>(everything(three, input), want));
      CHECK(same_bits<float>(everything(pooled, input), want));
      CHECK(same_bits<float>(everything(again, input), want));
    }
    const auto batch = copy(three.logits(inputs).values);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      CHECK(same_bits<float>(alone.classify(inputs[i]).logits,
                             std::span<const float>(batch).subspan(2 * i, 2)));
    }
  }
}

TEST_CASE("sessions of several threads take turns in a pool that they share") {
  const Model model = Model::load(Sample::paraphrases);
  const auto texts = some_texts(12);
  const auto inputs = inputs_of(texts);
  Session reference(model, {.threads = 1});
  const auto want = copy(reference.logits(inputs).values);
  const ThreadPool pool(2);
  std::atomic<int> different = 0;
  std::vector<std::thread> users;
  for (int user = 0; user < 4; ++user) {
    users.emplace_back([&] {
      Session session(model, {.pool = pool});
      for (int round = 0; round < 20; ++round) {
        if (!same_bits<float>(session.logits(inputs).values, want)) ++different;
      }
    });
  }
  for (std::thread& user : users) user.join();
  CHECK(different == 0);
}

TEST_CASE("8 threads with a session each, 10,000 mixed requests: the bits of one thread") {
  constexpr std::size_t threads = 8, requests = 10000, distinct = 64;
  const Model model = Model::load(Sample::paraphrases);
  const Model reader = Model::load(Sample::questions);
  const auto texts = some_texts(distinct);
  const auto inputs = inputs_of(texts);

  // Request i is of kind i % 5, about text i % distinct.
  const auto ask = [&](Session& session, Session& answering, std::size_t i) -> std::vector<float> {
    const TextPair& text = texts[i % distinct];
    const Input& input = inputs[i % distinct];
    switch (i % 5) {
      case 0:
        return copy(session.classify(input).logits);
      case 1:
        return copy(session.embed(input));
      case 2:
        return copy(session.hidden_states(input).values);
      case 3:
        return copy(session.logits(std::span(inputs).first(1 + i % 7)).values);
      default:
        break;
    }
    const Answer answer = answering.answer("Who said that?", text.text + " " + text.pair);
    return {static_cast<float>(answer.best.score), static_cast<float>(answer.best.span.begin),
            static_cast<float>(answer.best.span.end)};
  };

  std::vector<std::vector<float>> want(distinct * 5 * 7);  // what repeats, repeats after so many
  {
    Session session(model, {.threads = 1}), answering(reader, {.threads = 1});
    for (std::size_t i = 0; i < want.size(); ++i) want[i] = ask(session, answering, i);
  }
  std::atomic<std::size_t> different = 0, done = 0;
  std::vector<std::thread> users;
  for (std::size_t user = 0; user < threads; ++user) {
    users.emplace_back([&, user] {
      Session session(model, {.threads = 1}), answering(reader, {.threads = 1});
      for (std::size_t i = user; i < requests; i += threads) {
        const auto got = ask(session, answering, i);
        if (!same_bits<float>(got, want[i % want.size()])) ++different;
        ++done;
      }
    });
  }
  for (std::thread& user : users) user.join();
  CHECK(done == requests);
  CHECK(different == 0);
}

TEST_CASE("resident memory does not grow with the number of requests") {
  const Model model = Model::load(Sample::paraphrases);
  const auto texts = some_texts(64);
  const auto inputs = inputs_of(texts);
  Session session(model, {.threads = 1});
  const auto round = [&] {
    session.classify_batch(inputs);
    session.embed_batch(inputs);
    for (const Input& input : inputs) session.classify(input);
  };
  for (int i = 0; i < 3; ++i) round();
  const std::size_t before = resident_bytes();
  if (before == 0) {
    print_skipped("resident memory", "/proc/self/statm cannot be read");
    return;
  }
  for (int i = 0; i < 30; ++i) round();
  CHECK(resident_bytes() <= before + (std::size_t{1} << 20));
}

}  // namespace
}  // namespace bertq::testing
