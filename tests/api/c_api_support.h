// Handles of the C API that free themselves, and the samples that its tests run.
#pragma once

#include <bertq/bertq.h>
#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

// `expression` is a call that has to end well.
#define REQUIRE_OK(expression)                      \
  do {                                              \
    const bertq_status status_of_call = expression; \
    INFO(bertq_last_error());                       \
    REQUIRE(status_of_call == BERTQ_OK);            \
  } while (false)

namespace bertq::test {

struct OpenModel {
  explicit OpenModel(std::int32_t sample = BERTQ_PARAPHRASES,
                     const bertq_load_options* options = nullptr) {
    REQUIRE_OK(bertq_model_load_sample(sample, options, &handle));
  }
  ~OpenModel() { bertq_model_free(handle); }
  OpenModel(const OpenModel&) = delete;
  OpenModel& operator=(const OpenModel&) = delete;
  operator bertq_model*() const { return handle; }

  bertq_model* handle = nullptr;
};

struct OpenSession {
  explicit OpenSession(const bertq_model* model, std::size_t threads = 1) {
    bertq_session_options options{};
    options.size = sizeof options;
    options.threads = threads;
    REQUIRE_OK(bertq_session_create(model, &options, &handle));
  }
  ~OpenSession() { bertq_session_free(handle); }
  OpenSession(const OpenSession&) = delete;
  OpenSession& operator=(const OpenSession&) = delete;
  operator bertq_session*() const { return handle; }

  bertq_session* handle = nullptr;
};

// The logits of one input, by a call that has to end well.
inline std::vector<float> logits_of(bertq_session* session, const bertq_input& input) {
  std::vector<float> logits(2);
  std::size_t count = 0;
  REQUIRE_OK(bertq_logits(session, &input, 1, logits.data(), logits.size(), &count));
  REQUIRE(count == logits.size());
  return logits;
}

}  // namespace bertq::test
