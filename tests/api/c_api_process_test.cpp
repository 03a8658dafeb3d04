// The C API in what surrounds it: threads, forks, small stacks, floating-point settings.
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xmmintrin.h>

#include <atomic>
#include <string>
#include <thread>

#include "api/c_api_support.h"
#include "support/skipped.h"

namespace bertq::test {
namespace {

const bertq_input sentences = bertq_pair("The cat sat down.", "The cat sat.");

// A batch that takes a session some time.
std::vector<bertq_input> many() {
  return std::vector<bertq_input>(200, sentences);
}

TEST_CASE("C: a session in use by another thread is busy, not broken") {
  const OpenModel model;
  const OpenSession session(model);
  const auto inputs = many();
  const auto expected = logits_of(session, sentences);
  std::atomic<bool> stop{false};
  std::atomic<int> good{0}, busy{0}, other{0};
  const auto work = [&] {
    std::vector<float> logits(2 * inputs.size());
    std::size_t count = 0;
    while (!stop) {
      const bertq_status status =
          bertq_logits(session, inputs.data(), inputs.size(), logits.data(), logits.size(), &count);
      const bool right = status == BERTQ_OK && count == logits.size() && logits[0] == expected[0] &&
                         logits.back() == expected[1];
      ++(status == BERTQ_BUSY ? busy : right ? good : other);
      if (status == BERTQ_BUSY) std::this_thread::yield();
    }
  };
  std::thread one(work), two(work);
  while ((good < 4 || busy < 4) && other == 0) std::this_thread::yield();
  stop = true;
  one.join();
  two.join();
  CHECK(other == 0);
  CHECK(logits_of(session, sentences) == expected);
}

TEST_CASE("C: one model, a session for each of eight threads") {
  const OpenModel model;
  const OpenSession session(model);
  const auto expected = logits_of(session, sentences);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int i = 0; i != 8; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round != 20; ++round) {
        bertq_session* own = nullptr;
        bertq_session_options options{};
        options.size = sizeof options;
        options.threads = 1;
        float logits[2];
        std::size_t count = 0;
        const bool good = bertq_session_create(model, &options, &own) == BERTQ_OK &&
                          bertq_logits(own, &sentences, 1, logits, 2, &count) == BERTQ_OK &&
                          logits[0] == expected[0] && logits[1] == expected[1] &&
                          bertq_session_free(own) == BERTQ_OK;
        // Each thread has an error of its own.
        const bool refused =
            bertq_session_free(own) == BERTQ_USAGE && bertq_last_error() != std::string();
        wrong += good && refused ? 0 : 1;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("C: a session freed while a call runs with it ends after the call") {
  const OpenModel model;
  const auto inputs = many();
  for (int round = 0; round != 10; ++round) {
    bertq_session* session = nullptr;
    REQUIRE_OK(bertq_session_create(model, nullptr, &session));
    std::atomic<int> calls{0};
    std::atomic<bertq_status> last{BERTQ_OK};
    std::thread user([&] {
      std::vector<bertq_classification> results(inputs.size());
      bertq_status status = BERTQ_OK;
      while (status == BERTQ_OK) {
        status = bertq_classify(session, inputs.data(), inputs.size(), results.data());
        ++calls;
      }
      last = status;
    });
    while (calls == 0) std::this_thread::yield();
    CHECK(bertq_session_free(session) == BERTQ_OK);
    user.join();
    CHECK(last == BERTQ_USAGE);
  }
}

// What a child process finds, as its exit code: 0 if all is as it should be, else which step is
// not.
int in_child(const bertq_model* model, bertq_session* session, bertq_queue* queue,
             const std::vector<float>& expected) {
  bertq_classification result{};
  if (bertq_classify(session, &sentences, 1, &result) != BERTQ_USAGE) return 1;
  if (std::string(bertq_last_error()).find("fork") == std::string::npos) return 2;
  const auto ignore = [](void*, bertq_status, const float*, std::size_t) {};
  if (bertq_submit_logits(queue, &sentences, ignore, nullptr) != BERTQ_USAGE) return 3;
  if (bertq_session_free(session) != BERTQ_OK) return 4;
  if (bertq_session_free(session) != BERTQ_USAGE) return 5;
  if (bertq_queue_free(queue) != BERTQ_OK) return 6;
  bertq_session* own = nullptr;
  if (bertq_session_create(model, nullptr, &own) != BERTQ_OK) return 7;
  std::vector<float> logits(2);
  std::size_t count = 0;
  if (bertq_logits(own, &sentences, 1, logits.data(), 2, &count) != BERTQ_OK) return 8;
  if (logits != expected) return 9;
  return bertq_session_free(own) == BERTQ_OK ? 0 : 10;
}

TEST_CASE("C: after fork, the parent's sessions are refused and new ones work") {
#ifdef __SANITIZE_THREAD__
  testing::print_skipped("fork", "ThreadSanitizer starts no threads in a child of many threads");
  return;
#endif
  const OpenModel model;
  const OpenSession session(model, 2);
  bertq_queue* queue = nullptr;
  REQUIRE_OK(bertq_queue_create(model, nullptr, &queue));
  const auto expected = logits_of(session, sentences);
  // Other threads are in the middle of calls while the process forks.
  std::atomic<bool> stop{false};
  std::thread busy([&] {
    while (!stop) {
      bertq_model_facts facts{};
      facts.size = sizeof facts;
      bertq_model_get_facts(model, &facts);
    }
  });
  for (int round = 0; round != 5; ++round) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      ::alarm(60);
      ::_exit(in_child(model, session, queue, expected));
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    // The parent goes on as before.
    CHECK(logits_of(session, sentences) == expected);
  }
  stop = true;
  busy.join();
  REQUIRE_OK(bertq_queue_free(queue));
}

// Everything that the API has, in one thread's life; null if all went well.
void* whole_life(void*) {
  static const char failed = 'x';
  void* const bad = const_cast<char*>(&failed);
  bertq_model* model = nullptr;
  bertq_session* session = nullptr;
  bertq_queue* queue = nullptr;
  const auto ignore = [](void*, bertq_status, const float*, std::size_t) {};
  if (bertq_model_load("/nowhere", nullptr, &model) != BERTQ_INPUT) return bad;
  if (bertq_model_load_sample(BERTQ_QUESTIONS, nullptr, &model) != BERTQ_OK) return bad;
  if (bertq_session_create(model, nullptr, &session) != BERTQ_OK) return bad;
  const bertq_input asked = bertq_pair("Who sat?", "The cat sat down. The dog did not.");
  bertq_answer_result answer{};
  answer.size = sizeof answer;
  std::size_t count = 0;
  if (bertq_answer(session, &asked, nullptr, &answer, nullptr, 0, &count) != BERTQ_OK) return bad;
  std::vector<float> states(128 * 128);
  if (bertq_hidden_states(session, &sentences, 1, states.data(), states.size(), &count) !=
      BERTQ_OK) {
    return bad;
  }
  if (bertq_queue_create(model, nullptr, &queue) != BERTQ_OK) return bad;
  if (bertq_submit_embed(queue, &sentences, ignore, nullptr) != BERTQ_OK) return bad;
  const bool freed = bertq_queue_free(queue) == BERTQ_OK &&
                     bertq_session_free(session) == BERTQ_OK && bertq_model_free(model) == BERTQ_OK;
  return freed ? nullptr : bad;
}

TEST_CASE("C: a stack of 64 KiB suffices") {
#ifdef __SANITIZE_ADDRESS__
  testing::print_skipped("a small stack", "AddressSanitizer's own frames take more");
  constexpr std::size_t stack = 2048 * 1024;
#else
  constexpr std::size_t stack = 64 * 1024;
#endif
  pthread_attr_t attributes;
  REQUIRE(::pthread_attr_init(&attributes) == 0);
  REQUIRE(::pthread_attr_setstacksize(&attributes, stack) == 0);
  pthread_t thread;
  REQUIRE(::pthread_create(&thread, &attributes, whole_life, nullptr) == 0);
  void* failed = nullptr;
  REQUIRE(::pthread_join(thread, &failed) == 0);
  CHECK(failed == nullptr);
  ::pthread_attr_destroy(&attributes);
}

TEST_CASE("C: the host's floating-point settings are neither obeyed nor altered") {
  const OpenModel plain;
  const OpenSession plain_session(plain);
  const auto expected = logits_of(plain_session, sentences);
  std::vector<float> expected_vector(128), vector(128);
  std::size_t count = 0;
  REQUIRE_OK(
      bertq_embed(plain_session, &sentences, 1, nullptr, expected_vector.data(), 128, &count));

  constexpr unsigned to_zero = 0x6000, down = 0x2000, flush = 0x8040, all_raised = 0x3f;
  constexpr unsigned masked = 0x1f80;
  const unsigned before = _mm_getcsr();
  for (const unsigned host : {masked | to_zero, masked | flush, masked | down | flush | all_raised,
                              masked & ~0x0800U /* underflow traps */}) {
    CAPTURE(host);
    _mm_setcsr(host);
    bertq_model* model = nullptr;
    bertq_session* session = nullptr;
    float logits[2] = {};
    const bertq_status loaded = bertq_model_load_sample(BERTQ_PARAPHRASES, nullptr, &model);
    const bertq_status made = bertq_session_create(model, nullptr, &session);
    const bertq_status ran = bertq_logits(session, &sentences, 1, logits, 2, &count);
    const bertq_status embedded =
        bertq_embed(session, &sentences, 1, nullptr, vector.data(), 128, &count);
    const bertq_status refused = bertq_model_load("/nowhere", nullptr, &model);
    const unsigned after = _mm_getcsr();
    _mm_setcsr(before);
    CHECK(loaded == BERTQ_OK);
    CHECK(made == BERTQ_OK);
    CHECK(ran == BERTQ_OK);
    CHECK(embedded == BERTQ_OK);
    CHECK(refused == BERTQ_INPUT);
    CHECK(after == host);
    CHECK(logits[0] == expected[0]);
    CHECK(logits[1] == expected[1]);
    CHECK(vector == expected_vector);
    REQUIRE_OK(bertq_session_free(session));
    REQUIRE_OK(bertq_model_free(model));
  }
}

}  // namespace
}  // namespace bertq::test
