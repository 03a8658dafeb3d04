// A forward pass allocates nothing once its session has seen a batch as large.
#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <vector>

#include "bertq/model.h"
#include "memory_checkpoint.h"
#include "texts.h"

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

// Replaced for the whole test program. The forms for arrays come down to these.
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

TEST_CASE("no allocation in a forward pass after the largest batch") {
  const ModelConfig config = small_config(48, 4, 100, 2);
  const MemoryCheckpoint checkpoint(config, 5);
  for (const Precision precision : {Precision::fp32, Precision::int8}) {
    const auto model =
        Model::load(checkpoint, config, Recipe::uniform(precision), jit::Isa::reference);
    for (const std::size_t threads : {1U, 2U}) {
      Session session(model, threads);
      std::vector<Text> texts;
      for (std::size_t i = 0; i < 9; ++i) texts.push_back(random_text(config, 64 - 7 * i, i));
      std::vector<PackedBatch> batches;
      for (const std::size_t count : {9U, 1U, 5U}) {
        batches.push_back(batch_of({texts.data(), count}));
      }
      session.logits(batches[0]);
      for (const PackedBatch& batch : batches) {
        const std::size_t before = allocations;
        session.logits(batch);
        session.hidden_states(batch);
        CHECK(allocations == before);
      }
    }
  }
  const std::size_t before = allocations;
  CHECK(std::vector<int>(100).size() == 100);
  CHECK(allocations > before);  // the counter counts
}

}  // namespace
}  // namespace bertq::testing
