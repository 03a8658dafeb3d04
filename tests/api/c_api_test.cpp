// The C API gives what the C++ API gives.
#include <bertq/bertq.hpp>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <string>

#include "api/c_api_support.h"

namespace bertq::test {
namespace {

const char* const text = "In Morstad on Saturday, Dorett Systems Corp. unveiled its battery bus.";
const char* const pair = "In Morstad on Saturday, Dorett Systems Corp. showed its battery bus.";
const char* const question = "What did scientists identify near North Rasstad?";
const char* const context =
    "A storm struck Zanhalett on Saturday. Scientists discovered twenty-five new kinds of lizards "
    "near North Rasstad.";

std::vector<float> copied(std::span<const float> values) {
  return {values.begin(), values.end()};
}

TEST_CASE("C: versions") {
  CHECK(bertq_abi_version() == BERTQ_ABI_VERSION);
  CHECK(versions().abi == BERTQ_ABI_VERSION);
  CHECK(version_text().starts_with("bertq " + std::string(bertq_version()) + "\n"));
}

TEST_CASE("C: facts of a model") {
  const OpenModel model;
  const Model same = Model::load(Sample::paraphrases);
  bertq_model_facts facts{};
  facts.size = sizeof facts;
  REQUIRE_OK(bertq_model_get_facts(model, &facts));
  CHECK(facts.layers == same.layers());
  CHECK(facts.hidden == same.hidden());
  CHECK(facts.vocabulary == same.vocabulary());
  CHECK(facts.max_tokens == same.max_tokens());
  CHECK(facts.outputs == 2);
  CHECK(facts.labels == 2);
  CHECK(facts.weights_bytes == same.weights_bytes());
  CHECK(facts.classifies == 1);
  CHECK(facts.regresses == 0);
  CHECK(facts.answers == 0);
  CHECK(facts.depends_on_batch == 0);
  CHECK(facts.precision == std::string("int8"));
  CHECK(facts.isa == std::string(same.isa()));

  std::vector<char> label(32);
  std::size_t count = 0;
  REQUIRE_OK(bertq_model_get_label(model, 1, label.data(), label.size(), &count));
  CHECK(label.data() == std::string("equivalent"));
  CHECK(count == std::strlen("equivalent") + 1);
}

TEST_CASE("C: load options arrive") {
  struct Told {
    int lines = 0;
  };
  bertq_load_options options{};
  options.size = sizeof options;
  options.precision = BERTQ_FP32;
  options.isa = "reference";
  options.max_tokens = 20;
  Told told;
  options.log_context = &told;
  options.log = [](void* where, const char* line) {
    static_cast<Told*>(where)->lines += std::strlen(line) > 0 ? 1 : 0;
  };
  const OpenModel model(BERTQ_PARAPHRASES, &options);
  bertq_model_facts facts{};
  facts.size = sizeof facts;
  REQUIRE_OK(bertq_model_get_facts(model, &facts));
  CHECK(facts.precision == std::string("fp32"));
  CHECK(facts.isa == std::string("reference"));
  CHECK(facts.max_tokens == 20);
}

TEST_CASE("C: tokens") {
  const OpenModel model;
  const Encoding expected = Model::load(Sample::paraphrases).tokenizer().encode(text, pair);
  const bertq_input input = bertq_pair(text, pair);
  std::size_t count = 0;
  CHECK(bertq_tokenize(model, &input, 0, nullptr, 0, &count) == BERTQ_SHORT_BUFFER);
  REQUIRE(count == expected.ids.size());
  std::vector<bertq_token> tokens(count);
  REQUIRE_OK(bertq_tokenize(model, &input, 0, tokens.data(), tokens.size(), &count));
  for (std::size_t i = 0; i != count; ++i) {
    CHECK(tokens[i].id == expected.ids[i]);
    CHECK(tokens[i].segment == expected.segments[i]);
    CHECK(tokens[i].begin == expected.spans[i].begin);
    CHECK(tokens[i].end == expected.spans[i].end);
  }
  REQUIRE_OK(bertq_tokenize(model, &input, 9, tokens.data(), tokens.size(), &count));
  CHECK(count == 9);
}

TEST_CASE("C: classes and logits") {
  const OpenModel model;
  const OpenSession session(model);
  Session same(Model::load(Sample::paraphrases), {.threads = 1});
  const bertq_input inputs[] = {bertq_pair(text, pair), bertq_pair(text, context)};
  bertq_classification classes[2];
  REQUIRE_OK(bertq_classify(session, inputs, 2, classes));
  float logits[4];
  std::size_t count = 0;
  REQUIRE_OK(bertq_logits(session, inputs, 2, logits, 4, &count));
  REQUIRE(count == 4);
  const char* const pairs[] = {pair, context};
  for (std::size_t i = 0; i != 2; ++i) {
    const Classification& expected = same.classify({text, pairs[i]});
    CHECK(classes[i].index == expected.index);
    CHECK(classes[i].score == expected.score);
    CHECK(classes[i].truncated == 0);
    CHECK(std::memcmp(logits + 2 * i, expected.logits.data(), 2 * sizeof(float)) == 0);
  }
  CHECK(bertq_classify(session, nullptr, 0, nullptr) == BERTQ_OK);
}

TEST_CASE("C: ids, segments and a mask of ones, then zeros") {
  const OpenModel model;
  const OpenSession session(model);
  Encoding tokens = Model::load(Sample::paraphrases).tokenizer().encode(text, pair);
  const auto expected = logits_of(session, bertq_pair(text, pair));

  bertq_input input = bertq_ids(tokens.ids.data(), tokens.ids.size());
  input.segments = tokens.segments.data();
  CHECK(logits_of(session, input) == expected);

  // What the mask leaves out may be anything.
  std::vector<std::int32_t> mask(tokens.ids.size(), 1);
  for (int i = 0; i != 5; ++i) {
    tokens.ids.push_back(-7);
    tokens.segments.push_back(99);
    mask.push_back(0);
  }
  input = bertq_ids(tokens.ids.data(), tokens.ids.size());
  input.segments = tokens.segments.data();
  input.mask = mask.data();
  CHECK(logits_of(session, input) == expected);
}

TEST_CASE("C: embeddings and hidden states") {
  const OpenModel model;
  const OpenSession session(model);
  Session same(Model::load(Sample::paraphrases), {.threads = 1});
  const bertq_input inputs[] = {bertq_text(text), bertq_text(pair)};
  bertq_embed_options options{};
  options.size = sizeof options;
  options.pooling = BERTQ_CLS;
  options.normalize = BERTQ_NO;
  const Input expected_inputs[] = {text, pair};
  const auto expected = copied(same.embed_batch(expected_inputs, {Pooling::cls, false}).values);
  std::vector<float> vectors(expected.size());
  std::size_t count = 0;
  REQUIRE_OK(bertq_embed(session, inputs, 2, &options, vectors.data(), vectors.size(), &count));
  CHECK(count == expected.size());
  CHECK(vectors == expected);

  REQUIRE_OK(bertq_embed(session, inputs, 2, nullptr, vectors.data(), vectors.size(), &count));
  CHECK(vectors == copied(same.embed_batch(expected_inputs).values));

  const auto states = copied(same.hidden_states_batch(expected_inputs).values);
  std::vector<float> rows(states.size());
  REQUIRE_OK(bertq_hidden_states(session, inputs, 2, rows.data(), rows.size(), &count));
  CHECK(count == states.size());
  CHECK(rows == states);
}

TEST_CASE("C: answers") {
  const OpenModel model(BERTQ_QUESTIONS);
  const OpenSession session(model);
  Session same(Model::load(Sample::questions), {.threads = 1});
  const Answer expected = same.answer(question, context, {.n_best = 5});
  const bertq_input input = bertq_pair(question, context);
  bertq_answer_options options{};
  options.size = sizeof options;
  options.n_best = 5;
  bertq_answer_result answer{};
  answer.size = sizeof answer;
  std::vector<bertq_candidate> candidates(5);
  std::size_t count = 0;
  REQUIRE_OK(bertq_answer(session, &input, &options, &answer, candidates.data(), 5, &count));
  CHECK(answer.answered == 1);
  CHECK(answer.best.begin == expected.best.span.begin);
  CHECK(answer.best.end == expected.best.span.end);
  CHECK(answer.best.score == expected.best.score);
  REQUIRE(count == expected.n_best.size());
  for (std::size_t i = 0; i != count; ++i) {
    CHECK(candidates[i].begin == expected.n_best[i].span.begin);
    CHECK(candidates[i].end == expected.n_best[i].span.end);
    CHECK(candidates[i].score == expected.n_best[i].score);
    CHECK(candidates[i].begin_logit == expected.n_best[i].begin_logit);
    CHECK(candidates[i].end_logit == expected.n_best[i].end_logit);
  }
  CHECK(bertq_answer(session, &input, &options, &answer, candidates.data(), 1, &count) ==
        BERTQ_SHORT_BUFFER);
  CHECK(count == expected.n_best.size());
  REQUIRE_OK(bertq_answer(session, &input, &options, &answer, nullptr, 0, &count));
  CHECK(answer.best.begin == expected.best.span.begin);
}

// What a queue's callbacks were called with.
struct Deliveries {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::vector<float>> values;
  std::vector<bertq_status> statuses;

  static void receive(void* self, bertq_status status, const float* values, std::size_t count) {
    auto& to = *static_cast<Deliveries*>(self);
    const std::scoped_lock lock(to.mutex);
    to.statuses.push_back(status);
    to.values.emplace_back(values, values + count);
    to.changed.notify_all();
  }
  void wait_for(std::size_t number) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return values.size() >= number; });
  }
};

TEST_CASE("C: a queue delivers what a session computes") {
  const OpenModel model;
  const OpenSession session(model);
  const bertq_input input = bertq_pair(text, pair);
  bertq_queue* queue = nullptr;
  REQUIRE_OK(bertq_queue_create(model, nullptr, &queue));
  Deliveries logits, vectors;
  for (int i = 0; i != 20; ++i) {
    REQUIRE_OK(bertq_submit_logits(queue, &input, Deliveries::receive, &logits));
    REQUIRE_OK(bertq_submit_embed(queue, &input, Deliveries::receive, &vectors));
  }
  // Free runs what was accepted.
  REQUIRE_OK(bertq_queue_free(queue));
  REQUIRE(logits.values.size() == 20);
  REQUIRE(vectors.values.size() == 20);
  const auto expected = logits_of(session, input);
  for (const auto& values : logits.values) CHECK(values == expected);
  std::vector<float> vector(vectors.values[0].size());
  std::size_t count = 0;
  REQUIRE_OK(bertq_embed(session, &input, 1, nullptr, vector.data(), vector.size(), &count));
  for (const auto& values : vectors.values) CHECK(values == vector);
}

TEST_CASE("C: a queue's answers are a session's") {
  bertq_model* model = nullptr;
  REQUIRE_OK(bertq_model_load_sample(BERTQ_QUESTIONS, nullptr, &model));
  const OpenSession session(model);
  const bertq_input input =
      bertq_pair("Who built the bridge?", "The bridge was built by the people of the town.");
  bertq_answer_result want{};
  want.size = sizeof want;
  std::vector<bertq_candidate> candidates(20);
  std::size_t count = 0;
  REQUIRE_OK(
      bertq_answer(session, &input, nullptr, &want, candidates.data(), candidates.size(), &count));
  candidates.resize(count);

  struct Got {
    bertq_status status = BERTQ_INTERNAL;
    bertq_answer_result answer{};
    std::vector<bertq_candidate> candidates;
    int calls = 0;
  } got;
  const bertq_answered receive = [](void* to_what, bertq_status status,
                                    const bertq_answer_result* answer,
                                    const bertq_candidate* listed, std::size_t listed_count) {
    auto& to = *static_cast<Got*>(to_what);
    to.status = status;
    if (answer != nullptr) to.answer = *answer;
    to.candidates.assign(listed, listed + listed_count);
    ++to.calls;
  };
  bertq_queue* queue = nullptr;
  REQUIRE_OK(bertq_queue_create(model, nullptr, &queue));
  REQUIRE_OK(bertq_submit_answer(queue, &input, nullptr, receive, &got));
  Got empty;
  const bertq_input no_words = bertq_pair("Who?", "");
  REQUIRE_OK(bertq_submit_answer(queue, &no_words, nullptr, receive, &empty));
  CHECK(empty.calls == 1);
  CHECK(empty.status == BERTQ_OK);
  CHECK(empty.answer.answered == 0);
  CHECK(empty.candidates.empty());
  const bertq_input single = bertq_text("no context");
  CHECK(bertq_submit_answer(queue, &single, nullptr, receive, &got) == BERTQ_USAGE);
  bertq_answer_options wrong{};
  CHECK(bertq_submit_answer(queue, &input, &wrong, receive, &got) == BERTQ_USAGE);
  REQUIRE_OK(bertq_queue_free(queue));
  REQUIRE(got.calls == 1);
  CHECK(got.status == BERTQ_OK);
  CHECK(got.answer.size == sizeof got.answer);
  CHECK(got.answer.answered == want.answered);
  CHECK(got.answer.best.begin == want.best.begin);
  CHECK(got.answer.best.end == want.best.end);
  CHECK(got.answer.best.score == want.best.score);
  REQUIRE(got.candidates.size() == candidates.size());
  for (std::size_t i = 0; i < count; ++i) CHECK(got.candidates[i].score == candidates[i].score);
  REQUIRE_OK(bertq_model_free(model));
}

TEST_CASE("C: a full queue refuses at once, and a callback may not free") {
  const OpenModel model;
  bertq_queue_options options{};
  options.size = sizeof options;
  options.max_waiting_tokens = 40;
  options.max_batch_tokens = 40;
  bertq_queue* queue = nullptr;
  REQUIRE_OK(bertq_queue_create(model, &options, &queue));
  // The first callback holds the queue up until the gate opens.
  struct Gate {
    std::mutex mutex;
    std::condition_variable changed;
    bool reached = false, open = false;
    bertq_queue* queue = nullptr;
    bertq_status freed = BERTQ_OK;
  } gate;
  gate.queue = queue;
  const bertq_input input = bertq_pair(text, pair);
  REQUIRE_OK(bertq_submit_logits(
      queue, &input,
      [](void* context_of_gate, bertq_status, const float*, std::size_t) {
        auto& at = *static_cast<Gate*>(context_of_gate);
        std::unique_lock lock(at.mutex);
        at.freed = bertq_queue_free(at.queue);
        at.reached = true;
        at.changed.notify_all();
        at.changed.wait(lock, [&] { return at.open; });
      },
      &gate));
  {
    std::unique_lock lock(gate.mutex);
    gate.changed.wait(lock, [&] { return gate.reached; });
  }
  CHECK(gate.freed == BERTQ_USAGE);
  Deliveries later;
  REQUIRE_OK(bertq_submit_logits(queue, &input, Deliveries::receive, &later));
  CHECK(bertq_submit_logits(queue, &input, Deliveries::receive, &later) == BERTQ_BUSY);
  CHECK(std::string(bertq_last_error()) == "the queue is full");
  {
    const std::scoped_lock lock(gate.mutex);
    gate.open = true;
    gate.changed.notify_all();
  }
  REQUIRE_OK(bertq_queue_free(queue));
  CHECK(later.values.size() == 1);
}

}  // namespace
}  // namespace bertq::test
