// A forward pass allocates nothing once its session has seen a batch as large.
#include <doctest/doctest.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/model/model.h"
#include "engine/model/model_files.h"
#include "engine/model/pack_model.h"
#include "memory_checkpoint.h"
#include "support/allocation_count.h"
#include "support/skipped.h"
#include "support/temporary_folder.h"
#include "texts.h"

namespace bertq::testing {
using namespace engine;
namespace {

void check_forward_passes(const std::shared_ptr<const Model>& model) {
  const ModelConfig& config = model->config();
  const std::size_t longest = config.positions;
  for (const std::size_t threads : {1U, 2U}) {
    Session session(model, threads);
    std::vector<Text> texts;
    for (std::size_t i = 0; i < 9; ++i) {
      texts.push_back(random_text(config, longest - longest / 10 * i, i));
    }
    std::vector<PackedBatch> batches;
    for (const std::size_t count : {9U, 1U, 5U}) batches.push_back(batch_of({texts.data(), count}));
    session.logits(batches[0]);
    for (const PackedBatch& batch : batches) {
      const std::size_t before = allocation_count();
      session.logits(batch);
      session.hidden_states(batch);
      CHECK(allocation_count() == before);
    }
  }
}

TEST_CASE("no allocation in a forward pass after the largest batch") {
  if (!counts_allocations) return print_skipped("allocations", "ThreadSanitizer has its own new");
  const ModelConfig config = small_config(48, 4, 100, 2);
  const MemoryCheckpoint checkpoint(config, 5);
  for (const Precision precision : {Precision::fp32, Precision::int8}) {
    check_forward_passes(
        Model::load(checkpoint, config, Recipe::uniform(precision), jit::Isa::reference));
  }
  const std::size_t before = allocation_count();
  CHECK(std::vector<int>(100).size() == 100);
  CHECK(allocation_count() > before);  // the counter counts
}

TEST_CASE("nor of a packed model, read or mapped") {
  if (!counts_allocations) return print_skipped("allocations", "ThreadSanitizer has its own new");
  const ModelFiles files = open_model(BERTQ_TEST_DATA "/checkpoints/safetensors", {});
  const auto recipe = Recipe::uniform(Precision::int8);
  std::string bytes;
  pack_model(*Model::load(files.checkpoint, files.config, recipe, jit::Isa::reference), files, {},
             "1", [&](std::span<const std::byte> part) {
               bytes.append(reinterpret_cast<const char*>(part.data()), part.size());
             });
  const TemporaryFolder folder;
  const auto path = folder.write("m.bertq", bytes);
  for (const WeightAccess access : {WeightAccess::read, WeightAccess::mapped}) {
    const ModelFiles packed = open_model(path, {}, access);
    check_forward_passes(
        Model::load(packed.checkpoint, packed.config, recipe, jit::Isa::reference));
  }
}

}  // namespace
}  // namespace bertq::testing
