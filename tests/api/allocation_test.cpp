// From text to result, nothing is allocated once a session has seen as much.

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <vector>

#include "support/allocation_count.h"
#include "support/skipped.h"
#include "texts.h"

namespace bertq::testing {
namespace {

TEST_CASE("no allocation after warm-up, from text to result") {
  if (!counts_allocations) return print_skipped("allocations", "ThreadSanitizer has its own new");
  auto texts = some_texts(40);
  texts[5].pair =
      "Ein Bär, é e\u0301 e\u0323\u0301 ﬁ Ω İ 한국어 ガギグ";  // accents, marks, scripts
  const auto inputs = inputs_of(texts);
  const Encoding encoding = Model::load(Sample::paraphrases).tokenizer().encode("Ids as well.");
  const Input ids = Input::tokens(encoding.ids, encoding.segments);
  for (const Precision precision : {Precision::fp32, Precision::int8}) {
    const Model model = Model::load(Sample::paraphrases, {.precision = precision});
    for (const std::size_t threads : {1U, 2U}) {
      Session session(model, {.threads = threads});
      const auto all = [&] {
        session.classify_batch(inputs);
        session.embed_batch(inputs);
        session.hidden_states_batch(inputs);
        session.logits(inputs);
      };
      all();
      const std::size_t before = allocation_count();
      all();
      for (const Input& input : inputs) {
        session.classify(input);
        session.embed(input);
        session.hidden_states(input);
      }
      session.classify(ids);
      CHECK(allocation_count() == before);
    }
  }
  const std::size_t before = allocation_count();
  CHECK(std::vector<int>(100).size() == 100);
  CHECK(allocation_count() > before);  // the counter counts
}

}  // namespace
}  // namespace bertq::testing
