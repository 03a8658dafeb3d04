// SQuAD on a real checkpoint: INT8 against the F1 that PyTorch has in FP32 (scripts/
// compare_squad_with_official.py). Neither data nor checkpoint is part of the repository.

#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>

#include "engine/model/model_files.h"
#include "engine/task/evaluate.h"

namespace bertq::engine {
namespace {

namespace fs = std::filesystem;

TEST_CASE("INT8 keeps SQuAD's F1 on a MiniLM") {
  constexpr double pytorch_f1 = 58.221160613744395;
  const fs::path shared = fs::path(BERTQ_TEST_SHARED);
  const fs::path checkpoint = shared / "models" / "minilm-squad";
  const fs::path data = shared / "data" / "squad" / "dev-v1.1.json";
  if (!fs::exists(checkpoint) || !fs::exists(data)) {
    std::printf("SKIPPED: no checkpoint or data in %s\n", shared.c_str());
    return;
  }
  const ModelFiles files = open_model(checkpoint, {});
  const auto set = open_evaluation_set(*find_task("squad"), data, files, {});
  CHECK(set->examples() == 612);
  const auto model = Model::load(files.checkpoint, files.config, Recipe::uniform(Precision::int8),
                                 jit::select_isa(""));
  Session session(model, 2);
  const auto run = run_inputs(session, *set, 0, [](std::size_t) {});
  const auto scores = set->score(run.outputs);
  REQUIRE(scores.size() == 2);
  CHECK(scores[1].name == "f1");
  CHECK(scores[1].value >= 0.99 * pytorch_f1);
}

}  // namespace
}  // namespace bertq::engine
