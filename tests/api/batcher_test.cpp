#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "texts.h"

namespace bertq::testing {
namespace {

const Model& paraphrases() {
  static const Model model = Model::load(Sample::paraphrases);
  return model;
}

TEST_CASE("futures have the bits of a session, whoever shares the batch") {
  const auto texts = some_texts(60);
  Session session(paraphrases(), {.threads = 1});
  std::vector<std::future<Prediction>> labels;
  std::vector<std::future<std::vector<float>>> vectors;
  {
    Batcher batcher(paraphrases(), {.instances = 2, .threads = 1, .max_batch_tokens = 300});
    for (const TextPair& text : texts) {
      labels.push_back(batcher.classify(text.input()));
      vectors.push_back(batcher.embed(text.input()));
    }
  }
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const Prediction got = labels[i].get();
    const Classification& want = session.classify(texts[i].input());
    CHECK(same_bits<float>(got.logits, want.logits));
    CHECK(same_bits<double>(got.probabilities, want.probabilities));
    CHECK(got.label == want.label);
    CHECK(got.index == want.index);
    CHECK(same_bits<float>(vectors[i].get(), session.embed(texts[i].input())));
  }
}

// Keeps the only instance of a batcher busy until it is opened.
class Gate {
 public:
  void hold(Batcher& batcher) {
    REQUIRE(batcher.embed("a", [this](std::span<const float>, std::exception_ptr) {
      std::unique_lock lock(mutex_);
      held_ = true;
      changed_.notify_all();
      changed_.wait(lock, [this] { return open_; });
    }));
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return held_; });
  }
  void open() {
    const std::scoped_lock lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false, open_ = false;
};

TEST_CASE("above capacity, submit refuses at once, and takes nothing") {
  Gate gate;
  std::atomic<int> calls = 0;
  Batcher batcher(paraphrases(), {.threads = 1, .max_waiting_tokens = 12});
  gate.hold(batcher);
  const auto count = [&](const Classification&, std::exception_ptr) { ++calls; };
  // The gate holds the only instance: a submit that waited for room would never return.
  CHECK(batcher.classify("people", count));
  CHECK(batcher.classify("people", count));
  while (batcher.classify("people", count)) {
  }
  CHECK(error_of([&] { batcher.classify("people"); }) ==
        "7 the queue is full (max_waiting_tokens)");
  const Batcher::Counts counts = batcher.counts();
  CHECK(counts.waiting_tokens <= 12);
  CHECK(counts.refused == 2);
  gate.open();
  std::future<Prediction> next;
  while (!next.valid()) {
    if (error_of([&] { next = batcher.classify("people"); }) == "(nothing thrown)") break;
    std::this_thread::yield();
  }
  CHECK_NOTHROW(next.get());
  CHECK(calls == static_cast<int>(counts.accepted) - 1);
}

const Model& questions() {
  static const Model model = Model::load(Sample::questions);
  return model;
}

// Of several windows, when these are short.
std::string long_context() {
  std::string context;
  for (int i = 0; i < 40; ++i) {
    context +=
        "The bridge was built in " + std::to_string(1850 + i) + " by the people of the town. ";
  }
  return context;
}

TEST_CASE("answers: those of a session, whoever shares the batch, one window or many") {
  struct Row {
    std::string question, context;
    AnswerOptions options;
  };
  const std::vector<Row> rows{
      {"Who built it?", "The bridge was built by the people of the town.", {}},
      {"When?", long_context(), {.n_best = 3, .max_window = 40}},
      {"Where?", long_context(), {.max_window = 64, .doc_stride = 16, .may_be_unanswerable = true}},
      {"Why?", "", {.may_be_unanswerable = true}},
  };
  Session session(questions(), {.threads = 1});
  std::vector<std::future<Reply>> replies;
  std::size_t accepted = 0;
  {
    Batcher batcher(questions(), {.instances = 2, .threads = 1});
    for (int i = 0; i < 5; ++i) {
      for (const Row& row : rows) {
        replies.push_back(batcher.answer(row.question, row.context, row.options));
        static_cast<void>(batcher.embed(row.question));
      }
    }
    accepted = batcher.counts().accepted;
  }
  CHECK(accepted > 2 * replies.size());  // a window is a request
  for (std::size_t i = 0; i < replies.size(); ++i) {
    CAPTURE(i);
    const Row& row = rows[i % rows.size()];
    const Answer want = session.answer(row.question, row.context, row.options);
    const Reply got = replies[i].get();
    CHECK(got.best.text == want.best.text);
    CHECK(got.best.span == want.best.span);
    CHECK(got.best.score == want.best.score);
    CHECK(got.null_odds == want.null_odds);
    REQUIRE(got.n_best.size() == want.n_best.size());
    for (std::size_t n = 0; n < want.n_best.size(); ++n) {
      CHECK(got.n_best[n].text == want.n_best[n].text);
      CHECK(got.n_best[n].score == want.n_best[n].score);
      CHECK(got.n_best[n].begin_logit == want.n_best[n].begin_logit);
      CHECK(got.n_best[n].end_logit == want.n_best[n].end_logit);
    }
  }
}

TEST_CASE("an answer's windows are accepted all together or not at all") {
  Gate gate;
  std::atomic<int> calls = 0;
  Batcher batcher(questions(), {.threads = 1, .max_waiting_tokens = 100});
  gate.hold(batcher);
  const auto count = [&](const Answer&, std::exception_ptr) { ++calls; };
  CHECK(batcher.answer("When?", "Then.", count));
  const Batcher::Counts before = batcher.counts();
  CHECK_FALSE(batcher.answer("When?", long_context(), count, {.max_window = 40}));
  CHECK(error_of([&] { batcher.answer("When?", long_context()); }).starts_with("7 "));
  CHECK(batcher.counts().waiting_tokens == before.waiting_tokens);
  CHECK(batcher.counts().accepted == before.accepted);
  gate.open();
  while (calls == 0) std::this_thread::yield();
  CHECK(calls == 1);
}

TEST_CASE("questions that can never run throw where they are submitted") {
  Batcher batcher(questions(), {.threads = 1});
  CHECK(error_of([&] { batcher.answer("Who?", "\xff"); }).starts_with("3 "));
  CHECK(error_of([&] { batcher.answer("Who?", "He.", nullptr); }).starts_with("2 "));
  CHECK(error_of([&] { batcher.answer("Who?", "He.", {.max_window = 2}); }) ==
        error_of([] { Session(questions()).answer("Who?", "He.", {.max_window = 2}); }));
  CHECK(batcher.counts().accepted == 0);
  Batcher classifier(paraphrases(), {.threads = 1});
  CHECK(error_of([&] { classifier.answer("Who?", "He."); }).starts_with("3 "));
}

TEST_CASE("what can never run throws where it is submitted") {
  Batcher batcher(paraphrases(), {.threads = 1});
  CHECK(error_of([&] { batcher.classify("\xff"); }).starts_with("3 text: byte offset 0: "));
  std::string text;
  for (int i = 0; i < 200; ++i) text += "people ";
  CHECK(error_of([&] { batcher.classify(text); }).starts_with("3 expected at most 128 tokens"));
  CHECK(error_of([&] { batcher.classify(Input::tokens({})); }).starts_with("3 "));
  CHECK(error_of([&] { batcher.embed("text", nullptr); }).starts_with("2 "));
  CHECK(error_of([&] { Batcher(paraphrases(), {.instances = 0}); }).starts_with("2 "));
  Batcher cuts(paraphrases(), {.threads = 1, .truncate = true});
  CHECK(cuts.classify(text).get().truncated);
  Batcher reader(questions(), {.threads = 1});
  CHECK(error_of([&] { reader.classify("text"); }).starts_with("3 "));
  CHECK(reader.embed("text").get().size() == questions().hidden());
}

TEST_CASE("many threads: every request is answered once, with its own answer") {
  constexpr std::size_t threads = 8, each = 100;
  const auto texts = some_texts(16);
  std::vector<std::vector<float>> want;
  Session session(paraphrases(), {.threads = 1});
  for (const TextPair& text : texts) want.push_back(copy(session.classify(text.input()).logits));
  std::vector<std::atomic<int>> calls(threads * each);
  std::atomic<int> wrong = 0;
  {
    Batcher batcher(paraphrases(),
                    {.instances = 2, .threads = 1, .max_delay = std::chrono::microseconds(200)});
    std::vector<std::thread> users;
    for (std::size_t user = 0; user < threads; ++user) {
      users.emplace_back([&, user] {
        for (std::size_t i = 0; i < each; ++i) {
          const std::size_t text = (user * 3 + i) % texts.size();
          const auto done = [&, text, request = user * each + i](const Classification& result,
                                                                 std::exception_ptr error) {
            ++calls[request];
            if (error || !same_bits<float>(result.logits, want[text])) ++wrong;
          };
          while (!batcher.classify(texts[text].input(), done)) std::this_thread::yield();
        }
      });
    }
    for (std::thread& user : users) user.join();
  }
  for (const std::atomic<int>& count : calls) CHECK(count == 1);
  CHECK(wrong == 0);
}

}  // namespace
}  // namespace bertq::testing
