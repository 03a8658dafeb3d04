// Every call that cannot be is answered with its code, and nothing is touched.
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <string>

#include "api/c_api_support.h"

namespace bertq::test {
namespace {

constexpr std::size_t huge = std::numeric_limits<std::size_t>::max();

struct Misuse {
  const char* name;
  bertq_status expected;
  const char* error;  // what its text contains
  std::function<bertq_status()> call;
};

void check(const std::vector<Misuse>& misuses) {
  for (const Misuse& misuse : misuses) {
    const std::string name = misuse.name;
    CAPTURE(name);
    const bertq_status status = misuse.call();
    const std::string error = bertq_last_error();
    CAPTURE(error);
    CHECK(status == misuse.expected);
    CHECK(error.find(misuse.error) != std::string::npos);
    CHECK(error.find('\n') == std::string::npos);
  }
}

template <typename Handle>
Handle* made_up(std::uintptr_t value) {
  return reinterpret_cast<Handle*>(value);
}

TEST_CASE("C misuse: NULL") {
  const OpenModel model;
  const OpenSession session(model);
  const bertq_input input = bertq_text("a");
  bertq_input no_text = input;
  no_text.text = nullptr;
  float values[8];
  std::size_t count = 0;
  bertq_classification result{};
  bertq_queue* queue = nullptr;
  REQUIRE_OK(bertq_queue_create(model, nullptr, &queue));
  const bertq_done ignore = [](void*, bertq_status, const float*, std::size_t) {};
  check({
      {"load, name", BERTQ_USAGE, "name: expected an address, got NULL",
       [&] {
         bertq_model* to = nullptr;
         return bertq_model_load(nullptr, nullptr, &to);
       }},
      {"load, model", BERTQ_USAGE, "model: expected an address, got NULL",
       [&] { return bertq_model_load("x", nullptr, nullptr); }},
      {"load sample, model", BERTQ_USAGE, "NULL",
       [&] { return bertq_model_load_sample(BERTQ_PARAPHRASES, nullptr, nullptr); }},
      {"facts, model", BERTQ_USAGE, "expected a model, got NULL",
       [&] {
         bertq_model_facts facts{};
         facts.size = sizeof facts;
         return bertq_model_get_facts(nullptr, &facts);
       }},
      {"facts", BERTQ_USAGE, "facts: expected an address, got NULL",
       [&] { return bertq_model_get_facts(model, nullptr); }},
      {"label, count", BERTQ_USAGE, "count: expected an address, got NULL",
       [&] {
         char label[8];
         return bertq_model_get_label(model, 0, label, sizeof label, nullptr);
       }},
      {"label, buffer", BERTQ_USAGE, "label: expected an address, got NULL",
       [&] { return bertq_model_get_label(model, 0, nullptr, 8, &count); }},
      {"session, model", BERTQ_USAGE, "expected a model, got NULL",
       [&] {
         bertq_session* to = nullptr;
         return bertq_session_create(nullptr, nullptr, &to);
       }},
      {"session", BERTQ_USAGE, "session: expected an address, got NULL",
       [&] { return bertq_session_create(model, nullptr, nullptr); }},
      {"classify, session", BERTQ_USAGE, "expected a session, got NULL",
       [&] { return bertq_classify(nullptr, &input, 1, &result); }},
      {"classify, inputs", BERTQ_USAGE, "inputs: expected an address, got NULL",
       [&] { return bertq_classify(session, nullptr, 1, &result); }},
      {"classify, results", BERTQ_USAGE, "results: expected an address, got NULL",
       [&] { return bertq_classify(session, &input, 1, nullptr); }},
      {"neither text nor ids", BERTQ_USAGE, "input 0: expected text or ids, got NULL",
       [&] { return bertq_classify(session, &no_text, 1, &result); }},
      {"logits, buffer", BERTQ_USAGE, "logits: expected an address, got NULL",
       [&] { return bertq_logits(session, &input, 1, nullptr, 2, &count); }},
      {"logits, count", BERTQ_USAGE, "count: expected an address, got NULL",
       [&] { return bertq_logits(session, &input, 1, values, 8, nullptr); }},
      {"answer", BERTQ_USAGE, "answer: expected an address, got NULL",
       [&] { return bertq_answer(session, &input, nullptr, nullptr, nullptr, 0, &count); }},
      {"submit, done", BERTQ_USAGE, "done: expected a function, got NULL",
       [&] { return bertq_submit_logits(queue, &input, nullptr, nullptr); }},
      {"submit, input", BERTQ_USAGE, "input: expected an address, got NULL",
       [&] { return bertq_submit_logits(queue, nullptr, ignore, nullptr); }},
      {"submit, queue", BERTQ_USAGE, "expected a queue, got NULL",
       [&] { return bertq_submit_embed(nullptr, &input, ignore, nullptr); }},
  });
  REQUIRE_OK(bertq_queue_free(queue));
  CHECK(bertq_model_free(nullptr) == BERTQ_OK);
  CHECK(bertq_session_free(nullptr) == BERTQ_OK);
  CHECK(bertq_queue_free(nullptr) == BERTQ_OK);
}

TEST_CASE("C misuse: handles that are stale, freed twice, of another kind, made up") {
  const bertq_input input = bertq_text("a");
  bertq_classification result{};
  bertq_model* model = nullptr;
  bertq_session* session = nullptr;
  REQUIRE_OK(bertq_model_load_sample(BERTQ_PARAPHRASES, nullptr, &model));
  REQUIRE_OK(bertq_session_create(model, nullptr, &session));
  const OpenModel other;
  void* const as_session = other.handle;
  void* const as_model = session;

  REQUIRE_OK(bertq_model_free(model));
  // The session keeps what it needs of the model.
  REQUIRE_OK(bertq_classify(session, &input, 1, &result));
  bertq_session* const kept = session;
  check({
      {"another kind", BERTQ_USAGE, "expected a session, got a handle of another kind",
       [&] { return bertq_classify(static_cast<bertq_session*>(as_session), &input, 1, &result); }},
      {"freed as another kind", BERTQ_USAGE, "expected a model, got a handle of another kind",
       [&] { return bertq_model_free(static_cast<bertq_model*>(as_model)); }},
      {"freed twice", BERTQ_USAGE, "expected a model, got one that has been freed",
       [&] { return bertq_model_free(model); }},
      {"stale model", BERTQ_USAGE, "expected a model, got one that has been freed",
       [&] {
         bertq_session* to = nullptr;
         return bertq_session_create(model, nullptr, &to);
       }},
      {"stale session", BERTQ_USAGE, "expected a session, got one that has been freed",
       [&] {
         REQUIRE_OK(bertq_session_free(session));
         return bertq_classify(kept, &input, 1, &result);
       }},
      {"a small number", BERTQ_USAGE, "expected a session, got what is not a handle",
       [&] { return bertq_session_free(made_up<bertq_session>(8)); }},
      {"an address", BERTQ_USAGE, "expected a session, got what is not a handle",
       [&] {
         return bertq_session_free(
             made_up<bertq_session>(reinterpret_cast<std::uintptr_t>(&result)));
       }},
      {"a handle not yet given out", BERTQ_USAGE, "got what is not a handle",
       [&] {
         return bertq_session_free(
             made_up<bertq_session>(reinterpret_cast<std::uintptr_t>(kept) + (1U << 20)));
       }},
      {"minus 1", BERTQ_USAGE, "got what is not a handle",
       [&] { return bertq_session_free(made_up<bertq_session>(~std::uintptr_t{0})); }},
  });
  // Numbers are not given out again.
  const OpenSession next(other);
  CHECK(next.handle != kept);
  CHECK(bertq_session_free(kept) == BERTQ_USAGE);
}

TEST_CASE("C misuse: sizes of structs") {
  const OpenModel model;
  const OpenSession session(model);
  bertq_classification result{};
  std::size_t count = 0;
  float values[256];
  for (const std::uint32_t wrong : {0U, 4U, 7U, 1000U, ~0U}) {
    CAPTURE(wrong);
    bertq_model* loaded = nullptr;
    bertq_session* made = nullptr;
    bertq_queue* queue = nullptr;
    bertq_load_options load{};
    bertq_session_options create{};
    bertq_embed_options embed{};
    bertq_answer_options answer_options{};
    bertq_queue_options queue_options{};
    bertq_model_facts facts{};
    bertq_answer_result answer{};
    bertq_input input = bertq_text("a");
    load.size = create.size = embed.size = answer_options.size = queue_options.size = facts.size =
        answer.size = wrong;
    const std::string error = ", got " + std::to_string(wrong);
    const bertq_input good = bertq_pair("a", "b");
    check({
        {"load", BERTQ_USAGE, error.c_str(),
         [&] { return bertq_model_load_sample(BERTQ_PARAPHRASES, &load, &loaded); }},
        {"session", BERTQ_USAGE, error.c_str(),
         [&] { return bertq_session_create(model, &create, &made); }},
        {"queue", BERTQ_USAGE, error.c_str(),
         [&] { return bertq_queue_create(model, &queue_options, &queue); }},
        {"embed", BERTQ_USAGE, error.c_str(),
         [&] { return bertq_embed(session, &good, 1, &embed, values, 256, &count); }},
        {"facts", BERTQ_USAGE, error.c_str(), [&] { return bertq_model_get_facts(model, &facts); }},
        {"answer options", BERTQ_USAGE, error.c_str(),
         [&] {
           bertq_answer_result right{};
           right.size = sizeof right;
           return bertq_answer(session, &good, &answer_options, &right, nullptr, 0, &count);
         }},
        {"answer", BERTQ_USAGE, error.c_str(),
         [&] { return bertq_answer(session, &good, nullptr, &answer, nullptr, 0, &count); }},
        {"input", BERTQ_USAGE, error.c_str(),
         [&] {
           input.size = wrong;
           return bertq_classify(session, &input, 1, &result);
         }},
    });
    CHECK(loaded == nullptr);
    CHECK(made == nullptr);
    CHECK(queue == nullptr);
  }
}

TEST_CASE("C misuse: buffers that are too short say how long they have to be") {
  const OpenModel model;
  const OpenSession session(model);
  const bertq_input inputs[] = {bertq_text("a b"), bertq_text("c")};
  const float untouched = 7.0F;
  std::vector<float> values(4096, untouched);
  std::vector<bertq_token> tokens(64);
  std::vector<char> label(64, 'x');
  std::size_t count = 0;
  const struct {
    const char* name;
    std::size_t needed;
    std::function<bertq_status(std::size_t capacity)> call;
  } rows[] = {
      {"label", 15,
       [&](std::size_t size) {
         return bertq_model_get_label(model, 0, label.data(), size, &count);
       }},
      {"logits", 4,
       [&](std::size_t size) {
         return bertq_logits(session, inputs, 2, values.data(), size, &count);
       }},
      {"embeddings", 2 * 128,
       [&](std::size_t size) {
         return bertq_embed(session, inputs, 2, nullptr, values.data(), size, &count);
       }},
      {"hidden states", 7 * 128,
       [&](std::size_t size) {
         return bertq_hidden_states(session, inputs, 2, values.data(), size, &count);
       }},
      {"tokens", 4,
       [&](std::size_t size) {
         return bertq_tokenize(model, inputs, 0, tokens.data(), size, &count);
       }},
  };
  for (const auto& row : rows) {
    const std::string name = row.name;
    CAPTURE(name);
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, row.needed - 1}) {
      count = 99;
      CHECK(row.call(size) == BERTQ_SHORT_BUFFER);
      CHECK(count == row.needed);
      CHECK(std::string(bertq_last_error()).find("too short") != std::string::npos);
      CHECK(values == std::vector<float>(4096, untouched));
      CHECK(label[0] == 'x');
      CHECK(tokens[0].id == 0);
    }
  }
  for (const auto& row : rows) {
    const std::string name = row.name;
    CAPTURE(name);
    REQUIRE_OK(row.call(row.needed));
    CHECK(count == row.needed);
  }
}

TEST_CASE("C misuse: token ids, segments, lengths and masks") {
  const OpenModel model;
  const OpenSession session(model);
  bertq_model_facts facts{};
  facts.size = sizeof facts;
  REQUIRE_OK(bertq_model_get_facts(model, &facts));
  const auto vocabulary = static_cast<std::int32_t>(facts.vocabulary);
  constexpr std::int32_t least = std::numeric_limits<std::int32_t>::min();
  constexpr std::int32_t most = std::numeric_limits<std::int32_t>::max();
  using Ids = std::vector<std::int32_t>;
  const struct {
    const char* name;
    Ids ids, segments, mask;
    const char* error;
  } rows[] = {
      {"an id beyond the vocabulary", {2, vocabulary, 3}, {}, {}, "position 1"},
      {"the largest id", {2, most, 3}, {}, {}, "position 1"},
      {"a negative id", {-1, 5, 3}, {}, {}, "position 0"},
      {"the least id", {2, 5, least}, {}, {}, "position 2"},
      {"segment 2", {2, 5, 3}, {0, 2, 0}, {}, "segment"},
      {"a negative segment", {2, 5, 3}, {0, 0, -1}, {}, "segment"},
      {"a mask of zeros", {2, 5, 3}, {}, {0, 0, 0}, "got no ones"},
      {"a mask with a hole", {2, 5, 3}, {}, {1, 0, 1}, "mask, position 2"},
      {"a mask that begins with a zero", {2, 5, 3}, {}, {0, 1, 1}, "mask, position 1"},
      {"a mask of other numbers", {2, 5, 3}, {}, {1, 2, 0}, "expected 0 or 1, got 2"},
      {"a negative mask", {2, 5, 3}, {}, {1, -1, 0}, "expected 0 or 1, got -1"},
      {"no ids", {}, {}, {}, "expected 1 to 128 token ids, got 0"},
      {"one id too many", Ids(129, 5), {}, {}, "expected 1 to 128 token ids, got 129"},
  };
  for (const auto& row : rows) {
    const std::string name = row.name;
    CAPTURE(name);
    const std::int32_t none = 0;
    bertq_input input = bertq_ids(row.ids.empty() ? &none : row.ids.data(), row.ids.size());
    if (!row.segments.empty()) input.segments = row.segments.data();
    if (!row.mask.empty()) input.mask = row.mask.data();
    bertq_classification result{5, 5.0, 5, 5};
    CHECK(bertq_classify(session, &input, 1, &result) == BERTQ_INPUT);
    const std::string error = bertq_last_error();
    CAPTURE(error);
    CHECK(error.find(row.error) != std::string::npos);
    CHECK(result.index == 5);
    // The session is as good as before.
    const bertq_input good = bertq_text("a");
    CHECK(bertq_classify(session, &good, 1, &result) == BERTQ_OK);
  }
  // A length that no memory has is refused before anything is read.
  const std::int32_t id = 5;
  for (const std::size_t length : {huge, huge / 2, std::size_t{1} << 40}) {
    bertq_input input = bertq_ids(&id, length);
    input.mask = &id;
    bertq_classification result{};
    CHECK(bertq_classify(session, &input, 1, &result) == BERTQ_INPUT);
  }
  // Exactly as long as can be.
  const Ids longest(128, 5);
  const bertq_input input = bertq_ids(longest.data(), longest.size());
  bertq_classification result{};
  REQUIRE_OK(bertq_classify(session, &input, 1, &result));
}

TEST_CASE("C misuse: texts") {
  const OpenModel model;
  const OpenSession session(model);
  bertq_classification result{};
  bertq_input both = bertq_text("a");
  const std::int32_t id = 5;
  both.ids = &id;
  both.length = 1;
  bertq_input ids_and_pair = bertq_ids(&id, 1);
  ids_and_pair.pair = "b";
  bertq_input segments = bertq_text("a");
  segments.segments = &id;
  bertq_input endless = bertq_text("a");
  endless.text_length = huge;
  const std::string long_text(1000, 'a');
  std::string long_words;
  for (int i = 0; i != 500; ++i) long_words += "a ";
  const auto classify = [&](const bertq_input& input) {
    return [&] { return bertq_classify(session, &input, 1, &result); };
  };
  const bertq_input not_utf8 = bertq_text("a \xff b");
  const bertq_input too_long = bertq_text(long_words.c_str());
  check({
      {"text and ids", BERTQ_USAGE, "expected text or ids, got both", classify(both)},
      {"ids and a pair", BERTQ_USAGE, "expected no pair beside ids", classify(ids_and_pair)},
      {"text and segments", BERTQ_USAGE, "beside text", classify(segments)},
      {"a length that cannot be", BERTQ_USAGE, "a length that cannot be", classify(endless)},
      {"not UTF-8", BERTQ_INPUT, "2", classify(not_utf8)},
      {"too long", BERTQ_INPUT, "128", classify(too_long)},
      {"a number of inputs that cannot be", BERTQ_USAGE, "inputs: a number that cannot be",
       [&] { return bertq_classify(session, &both, huge, &result); }},
      {"a capacity that cannot be", BERTQ_USAGE, "a capacity that cannot be",
       [&] {
         const bertq_input good = bertq_text("a");
         float value = 0.0F;
         std::size_t count = 0;
         return bertq_logits(session, &good, 1, &value, huge / 2, &count);
       }},
      {"tokenize ids", BERTQ_USAGE, "expected text, got ids",
       [&] {
         const bertq_input ids = bertq_ids(&id, 1);
         std::size_t count = 0;
         return bertq_tokenize(model, &ids, 0, nullptr, 0, &count);
       }},
      {"a limit below the special tokens", BERTQ_USAGE, "",
       [&] {
         const bertq_input good = bertq_text("a");
         std::size_t count = 0;
         return bertq_tokenize(model, &good, 1, nullptr, 0, &count);
       }},
  });
  // Texts may be empty, hold NULs, and end where their length says.
  bertq_input text = bertq_text("a\0b and more");
  text.text_length = 3;
  REQUIRE_OK(bertq_classify(session, &text, 1, &result));
  text = bertq_text("");
  REQUIRE_OK(bertq_classify(session, &text, 1, &result));
}

TEST_CASE("C misuse: options out of range, heads that a model lacks, files that are not there") {
  const OpenModel model;
  const OpenSession session(model);
  const bertq_input input = bertq_pair("a", "b");
  std::size_t count = 0;
  bertq_model* loaded = nullptr;
  const auto load = [&](auto change) {
    return [&, change] {
      bertq_load_options options{};
      options.size = sizeof options;
      change(options);
      return bertq_model_load_sample(BERTQ_PARAPHRASES, &options, &loaded);
    };
  };
  check({
      {"precision", BERTQ_USAGE, "precision", load([](auto& o) { o.precision = 9; })},
      {"negative precision", BERTQ_USAGE, "precision", load([](auto& o) { o.precision = -1; })},
      {"lower_case", BERTQ_USAGE, "lower_case", load([](auto& o) { o.lower_case = 3; })},
      {"an unknown ISA", BERTQ_ISA, "sse9", load([](auto& o) { o.isa = "sse9"; })},
      {"no such recipe", BERTQ_INPUT, "/nowhere", load([](auto& o) { o.recipe = "/nowhere"; })},
      {"no such sample", BERTQ_USAGE, "sample",
       [&] { return bertq_model_load_sample(2, nullptr, &loaded); }},
      {"no such file", BERTQ_INPUT, "/nowhere",
       [&] { return bertq_model_load("/nowhere", nullptr, &loaded); }},
      {"threads", BERTQ_USAGE, "threads",
       [&] {
         bertq_session_options options{};
         options.size = sizeof options;
         options.threads = huge;
         bertq_session* made = nullptr;
         return bertq_session_create(model, &options, &made);
       }},
      {"pooling", BERTQ_USAGE, "pooling",
       [&] {
         bertq_embed_options options{};
         options.size = sizeof options;
         options.pooling = 3;
         return bertq_embed(session, &input, 1, &options, nullptr, 0, &count);
       }},
      {"no such label", BERTQ_USAGE, "index",
       [&] { return bertq_model_get_label(model, 2, nullptr, 0, &count); }},
      {"no head for answers", BERTQ_INPUT, "",
       [&] {
         bertq_answer_result answer{};
         answer.size = sizeof answer;
         return bertq_answer(session, &input, nullptr, &answer, nullptr, 0, &count);
       }},
      {"a question without a context", BERTQ_USAGE, "a question and its context",
       [&] {
         const bertq_input alone = bertq_text("a");
         bertq_answer_result answer{};
         answer.size = sizeof answer;
         return bertq_answer(session, &alone, nullptr, &answer, nullptr, 0, &count);
       }},
      {"a delay of years", BERTQ_USAGE, "max_delay_us",
       [&] {
         bertq_queue_options options{};
         options.size = sizeof options;
         options.max_delay_us = ~std::uint64_t{0};
         bertq_queue* queue = nullptr;
         return bertq_queue_create(model, &options, &queue);
       }},
  });
  CHECK(loaded == nullptr);
}

TEST_CASE("C misuse: results in each other's place, or where the inputs were") {
  const OpenModel model;
  const OpenSession session(model);
  const bertq_input input = bertq_pair("The cat sat down.", "The cat sat.");
  const auto expected = logits_of(session, input);
  alignas(16) std::size_t memory[64];

  // The number of results within the results.
  CHECK(bertq_logits(session, &input, 1, reinterpret_cast<float*>(memory), 16, &memory[2]) ==
        BERTQ_USAGE);
  CHECK(std::string(bertq_last_error()) == "logits: another result has the same place");
  bertq_answer_result answer{};
  answer.size = sizeof answer;
  std::size_t count = 0;
  CHECK(bertq_answer(session, &input, nullptr, &answer, &answer.best, 1, &count) == BERTQ_USAGE);

  // Inputs have been read by then: logits over the texts, over the ids, over the input itself.
  char texts[256] = "The cat sat down.\0The cat sat.";
  alignas(16) char place[256];
  std::memcpy(place, texts, sizeof place);
  bertq_input from_place = bertq_pair(place, place + std::strlen(place) + 1);
  float* const over_text = reinterpret_cast<float*>(place);
  REQUIRE_OK(bertq_logits(session, &from_place, 1, over_text, 2, &count));
  CHECK(std::memcmp(place, expected.data(), 2 * sizeof(float)) == 0);

  const auto own = std::make_unique<bertq_input>(input);
  REQUIRE_OK(bertq_logits(session, own.get(), 1, reinterpret_cast<float*>(own.get()), 2, &count));
  CHECK(std::memcmp(own.get(), expected.data(), 2 * sizeof(float)) == 0);
}

}  // namespace
}  // namespace bertq::test
