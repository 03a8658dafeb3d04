// From text to result, nothing is allocated once a session has seen as much.

#include <doctest/doctest.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "support/skipped.h"
#include "texts.h"

#ifdef __SANITIZE_THREAD__

TEST_CASE("no allocation after warm-up, from text to result") {
  bertq::testing::print_skipped("allocations", "ThreadSanitizer has its own operator new");
}

#else

namespace {

std::atomic<std::size_t> allocations = 0;

void* allocate(std::size_t size, std::size_t alignment) noexcept {
  ++allocations;
  return std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

void* allocate_or_throw(std::size_t size, std::size_t alignment) {
  void* const memory = allocate(size, alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

constexpr std::size_t usual = alignof(std::max_align_t);

}  // namespace

// Replaced for the whole program and the library in it. The forms for arrays come down to these.
void* operator new(std::size_t size) {
  return allocate_or_throw(size, usual);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate_or_throw(size, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return allocate(size, usual);
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}

namespace bertq::testing {
namespace {

TEST_CASE("no allocation after warm-up, from text to result") {
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
      const std::size_t before = allocations;
      all();
      for (const Input& input : inputs) {
        session.classify(input);
        session.embed(input);
        session.hidden_states(input);
      }
      session.classify(ids);
      CHECK(allocations == before);
    }
  }
  const std::size_t before = allocations;
  CHECK(std::vector<int>(100).size() == 100);
  CHECK(allocations > before);  // the counter counts
}

}  // namespace
}  // namespace bertq::testing

#endif
