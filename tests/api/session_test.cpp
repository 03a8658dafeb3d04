#include <doctest/doctest.h>

#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "texts.h"

namespace bertq::testing {
namespace {

const Model& paraphrases() {
  static const Model model = Model::load(Sample::paraphrases);
  return model;
}

TEST_CASE("a pair gets a label, its probability, and those of all") {
  Session session(paraphrases(), {.threads = 1});
  const Classification& same =
      session.classify({"A walkout by mine workers over job cuts began in Pelmere on Tuesday.",
                        "Mine workers in Pelmere walked out on Tuesday over layoffs."});
  CHECK(same.label == "equivalent");
  CHECK(same.index == 1);
  CHECK(same.score == same.probabilities[1]);
  CHECK(same.score > 0.5);
  REQUIRE(same.probabilities.size() == 2);
  CHECK(std::abs(same.probabilities[0] + same.probabilities[1] - 1.0) < 1e-12);
  CHECK(same.logits.size() == 2);
  CHECK(same.logits[1] > same.logits[0]);
  CHECK_FALSE(same.truncated);
  const Classification& other =
      session.classify({"Police questioned ten people.", "Orders fell by a third in spring."});
  CHECK(other.label == "not_equivalent");
}

TEST_CASE("texts, token ids and the tokenizer agree") {
  Session session(paraphrases(), {.threads = 1});
  const auto want = copy(session.classify({"Ten people came.", "Few people came."}).logits);
  const Encoding encoding =
      paraphrases().tokenizer().encode("Ten people came.", "Few people came.");
  CHECK(same_bits<float>(session.classify(Input::tokens(encoding.ids, encoding.segments)).logits,
                         want));
}

TEST_CASE("a batch answers in order, however large") {
  const auto texts = some_texts(300);  // more than are run at once
  Session session(paraphrases(), {.threads = 1});
  const auto inputs = inputs_of(texts);
  const auto batch = session.classify_batch(inputs);
  REQUIRE(batch.size() == texts.size());
  std::vector<std::vector<float>> logits;
  for (const Classification& one : batch) logits.push_back(copy(one.logits));
  for (std::size_t i = 0; i < texts.size(); i += 7) {
    CHECK(same_bits<float>(session.classify(inputs[i]).logits, logits[i]));
  }
  const Rows rows = session.logits(inputs);
  CHECK(rows.size() == texts.size());
  CHECK(same_bits<float>(rows[3], logits[3]));
  CHECK(session.classify_batch({}).empty());
  CHECK(session.embed_batch({}).size() == 0);
}

TEST_CASE("embeddings: the mean of the hidden states, of length 1 unless asked otherwise") {
  Session session(paraphrases(), {.threads = 1});
  const Input text("A cold day in town.");
  const Rows states = session.hidden_states(text);
  const std::size_t hidden = paraphrases().hidden();
  CHECK(states.columns == hidden);
  CHECK(states.size() == paraphrases().tokenizer().encode("A cold day in town.").ids.size());
  std::vector<float> mean(hidden), first = copy(states[0]);
  for (std::size_t column = 0; column < hidden; ++column) {
    double sum = 0.0;
    for (std::size_t row = 0; row < states.size(); ++row) sum += states[row][column];
    mean[column] = static_cast<float>(sum / static_cast<double>(states.size()));
  }
  CHECK(same_bits<float>(session.embed(text, {.normalize = false}), mean));
  CHECK(
      same_bits<float>(session.embed(text, {.pooling = Pooling::cls, .normalize = false}), first));
  const auto vector = session.embed(text);
  const double length = std::inner_product(vector.begin(), vector.end(), vector.begin(), 0.0);
  CHECK(std::abs(length - 1.0) < 1e-6);

  const std::vector<Input> inputs{"One text.", text};
  const Rows both = session.embed_batch(inputs);
  CHECK(both.size() == 2);
  const auto second = copy(both[1]);
  CHECK(same_bits<float>(session.embed(text), second));
  CHECK(session.hidden_states_batch(inputs).size() > states.size());
}

TEST_CASE("an answer is bytes of the context") {
  const Model model = Model::load(Sample::questions);
  Session session(model, {.threads = 1});
  const std::string context =
      "A storm struck Zanhalett on Saturday,\n leaving 62,500 households without telephone "
      "service. Scientists discovered twenty-five new kinds of lizards near North Rasstad.";
  const Answer answer = session.answer("What did scientists identify near North Rasstad?", context);
  CHECK(answer.best.text == "lizards");
  CHECK(context.substr(answer.best.span.begin, answer.best.span.end - answer.best.span.begin) ==
        "lizards");
  REQUIRE(!answer.n_best.empty());
  CHECK(answer.n_best.size() <= 20);
  CHECK(answer.n_best[0].text == answer.best.text);
  double sum = 0.0;
  for (const AnswerSpan& candidate : answer.n_best) sum += candidate.score;
  CHECK(sum <= 1.0 + 1e-9);
  CHECK(session.answer("What?", context, {.n_best = 1}).n_best.size() == 1);
  CHECK(session.token_logits({"What?", context}).columns == 2);

  const Answer nothing = session.answer("What?", "");
  CHECK(nothing.best.text.empty());
  const Answer unsure = session.answer("What did scientists identify?", context,
                                       {.may_be_unanswerable = true, .null_threshold = -1e9});
  CHECK(unsure.best.text.empty());
  CHECK(unsure.null_odds > -1e9);
}

TEST_CASE("a head that regresses gives a value") {
  const Model model = Model::load(BERTQ_TEST_DATA "/golden/regression");
  REQUIRE(model.regresses());
  CHECK_FALSE(model.classifies());
  Session session(model, {.threads = 1});
  const std::vector<std::int32_t> ids{2, 5, 7, 3};
  const Input input = Input::tokens(ids);
  const double value = session.regress(input);
  CHECK(session.logits({&input, 1})[0][0] == static_cast<float>(value));
  CHECK(session.regress_batch({&input, 1})[0] == static_cast<float>(value));
  CHECK(error_of([&] { session.classify(input); }).find("expected a classification head") !=
        std::string::npos);
  Batcher batcher(model, {.threads = 1});
  CHECK(batcher.classify(input).get().score == value);
}

TEST_CASE("what is too long is refused, or cut and said so") {
  std::string text;
  for (int i = 0; i < 200; ++i) text += "people ";
  Session strict(paraphrases(), {.threads = 1});
  CHECK(error_of([&] { strict.classify(text); }) ==
        "3 expected at most 128 tokens, got 202 (truncate cuts them)");
  Session cuts(paraphrases(), {.threads = 1, .truncate = true, .max_tokens = 16});
  CHECK(cuts.classify(text).truncated);
  CHECK(cuts.hidden_states(text).size() == 16);
  CHECK_FALSE(cuts.classify("Short.").truncated);
}

}  // namespace
}  // namespace bertq::testing
