// What cannot be is an Error of the right kind, and the session goes on.

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "texts.h"

namespace bertq::testing {
namespace {

TEST_CASE("inputs that cannot be run") {
  const Model model = Model::load(Sample::paraphrases);
  Session session(model, {.threads = 1});
  const auto ids_error = [&](std::vector<std::int32_t> ids, std::vector<std::int32_t> segments) {
    return error_of([&] { session.classify(Input::tokens(ids, segments)); });
  };
  CHECK(ids_error({}, {}) == "3 sequence 0: expected 1 to 128 tokens, got 0");
  CHECK(ids_error({2, 2000}, {}) ==
        "3 sequence 0: position 1: expected a token id below 2000, got 2000");
  CHECK(ids_error({-1}, {}).starts_with("3 sequence 0: position 0: "));
  CHECK(ids_error({2, 3}, {0, 2}) == "3 sequence 0: position 1: expected a segment below 2, got 2");
  CHECK(ids_error({2, 3}, {0}).starts_with("2 "));
  CHECK(ids_error(std::vector<std::int32_t>(129, 1), {}) ==
        "3 expected at most 128 tokens, got 129");
  CHECK(error_of([&] { session.classify("abc\xff"); }).starts_with("3 text: byte offset 3: "));
  const std::vector<Input> inputs{"good", "bad\xff"};
  CHECK(error_of([&] {
          session.classify_batch(inputs);
        }).starts_with("3 input 1: text: byte offset 3: "));

  CHECK_NOTHROW(session.classify(""));  // [CLS] [SEP] is an input
  CHECK_NOTHROW(session.classify({"", ""}));
}

TEST_CASE("a head that the checkpoint lacks") {
  const Model paraphrases = Model::load(Sample::paraphrases);
  const Model questions = Model::load(Sample::questions);
  Session classifier(paraphrases, {.threads = 1}), reader(questions, {.threads = 1});
  CHECK(error_of([&] { classifier.answer("Who?", "Nobody."); }) ==
        "3 embedded sample: expected a span head (qa_outputs), got none");
  CHECK(error_of([&] { classifier.token_logits("Who?"); }).starts_with("3 "));
  CHECK(error_of([&] { classifier.regress("Who?"); }) ==
        "3 embedded sample: expected a regression head, got none");
  CHECK(error_of([&] { reader.classify("Who?"); }) ==
        "3 embedded sample: expected a classification head, got none");
  const Input input("Who?");
  CHECK(error_of([&] { reader.logits({&input, 1}); }).starts_with("3 "));
  CHECK_NOTHROW(reader.embed(input));
}

TEST_CASE("options that cannot be") {
  const Model model = Model::load(Sample::questions);
  const auto session_error = [&](const SessionOptions& options) {
    return error_of([&] { Session session(model, options); });
  };
  CHECK(session_error({.threads = 5000}) == "2 expected 1 to 1024 threads, got 5000");
  CHECK(session_error({.max_tokens = 1000}) ==
        "2 max_tokens: expected at most the model's 256, got 1000");
  CHECK(error_of([] { ThreadPool(1, "mmx"); }).starts_with("5 "));
  Session session(model, {.threads = 1});
  CHECK(error_of([&] { session.answer("Who?", "Nobody.", {.n_best = 0}); }).starts_with("2 "));
  CHECK(error_of([&] { session.answer("Who?", "Nobody.", {.max_window = 3}); }).starts_with("2 "));
  CHECK(
      error_of([&] { session.answer("Who?", "Nobody.", {.doc_stride = 500}); }).starts_with("2 "));
}

TEST_CASE("threads made for another instruction set") {
  const Model model = Model::load(Sample::paraphrases);
  if (model.isa() == "reference") return;  // there is but one
  const ThreadPool pool(1, "reference");
  CHECK(error_of([&] {
          Session session(model, {.pool = pool});
        }).starts_with("2 expected threads for "));
}

TEST_CASE("what was moved from") {
  const Model model = Model::load(Sample::paraphrases);
  Session session(model, {.threads = 1});
  Session moved = std::move(session);
  CHECK(error_of([&] { session.classify("text"); }) == "2 expected a session, got one moved from");
  CHECK(error_of([&] { session.model(); }).starts_with("2 "));
  CHECK_NOTHROW(moved.classify("text"));
  Tokenizer tokenizer = model.tokenizer();
  const Tokenizer taken = std::move(tokenizer);
  CHECK(error_of([&] { tokenizer.encode("text"); }).starts_with("2 "));
  CHECK(taken.encode("text").ids.size() >= 3);
}

TEST_CASE("a session in the hands of two threads") {
  const Model model = Model::load(Sample::paraphrases);
  Session session(model, {.threads = 1});
  const auto texts = some_texts(200);
  const auto inputs = inputs_of(texts);
  std::vector<std::string> errors(2);
  std::vector<std::thread> users;
  for (std::string& error : errors) {
    users.emplace_back([&] {
      for (int i = 0; i < 100 && error.empty(); ++i) {
        const std::string got = error_of([&] { session.logits(inputs); });
        if (got != "(nothing thrown)") error = got;
      }
    });
  }
  for (std::thread& user : users) user.join();
  // Whether they met is up to the machine; that no other error came of it is not.
  for (const std::string& error : errors) {
    if (error.empty()) continue;
    CHECK(error == "2 a session that another thread is using: make one for each thread");
  }
  CHECK_NOTHROW(session.logits(inputs));
}

TEST_CASE("a session and a batcher in a child process") {
  const Model model = Model::load(Sample::paraphrases);
  Session session(model, {.threads = 2});
  auto batcher = std::make_unique<Batcher>(model, BatcherOptions{.threads = 1});
  session.classify("text");
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const bool refused = error_of([&] { session.classify("text"); }).starts_with("2 ") &&
                         error_of([&] { batcher->embed("text"); }).starts_with("2 ");
    {
      const Session gone = std::move(session);
    }  // its threads are not here: must not wait for them
    batcher.reset();
    Session own(model, {.threads = 1});
    const bool runs = error_of([&] { own.classify("text"); }) == "(nothing thrown)";
    ::_exit(refused && runs ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

}  // namespace
}  // namespace bertq::testing
