// One tiny BERT in every form that holds the same values (scripts/tiny_bert.py): whatever the
// format, the answers have the same bits.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/model/model.h"
#include "engine/model/model_files.h"
#include "jit/paths.h"
#include "support/safetensors_file.h"
#include "support/temporary_folder.h"
#include "texts.h"

namespace bertq::testing {
using namespace engine;
namespace {

namespace fs = std::filesystem;

const fs::path checkpoints = BERTQ_TEST_DATA "/checkpoints";

struct Answers {
  std::uint64_t hidden = 0, logits = 0;
  bool operator==(const Answers&) const = default;
};

// In FP32 and in INT8.
std::vector<Answers> answers_of(const ModelFiles& files) {
  std::vector<Text> texts;
  for (const std::size_t length : {1U, 5U, 12U, 32U}) {
    texts.push_back(random_text(files.config, length, length));
  }
  const PackedBatch batch = batch_of(texts);
  std::vector<Answers> all;
  for (const Precision precision : {Precision::fp32, Precision::int8}) {
    const auto model = Model::load(files.checkpoint, files.config, Recipe::uniform(precision),
                                   jit::Isa::reference);
    Session session(model, 1);
    Answers answers;
    answers.hidden = hash_of(session.hidden_states(batch));
    if (model->heads().classifier) answers.logits = hash_of(session.logits(batch));
    all.push_back(answers);
  }
  return all;
}

ModelFiles opened(const std::string& form) {
  return open_model(checkpoints / form, {});
}

TEST_CASE("a checkpoint's format makes no difference") {
  const std::vector<Answers> want = answers_of(opened("safetensors"));
  REQUIRE(want.size() == 2);
  CHECK(want[0].logits != want[1].logits);  // of FP32 and of INT8
  const std::vector<std::string> forms{
      "torch_zip",    "torch_legacy",           "torch_tar",      "torch_protocol4",
      "torch_shards", "torch_protocol5_legacy", "torch_double",   "torch_strided",
      "torch_script", "torch_module_prefix",    "torch_training",
  };
  for (const std::string& form : forms) {
    CAPTURE(form);
    CHECK(answers_of(opened(form)) == want);
  }
}

TEST_CASE("neither does the head, for what lies below it") {
  const std::vector<Answers> want = answers_of(opened("safetensors"));
  for (const std::string form : {"torch_bare", "torch_question_answering"}) {
    CAPTURE(form);
    const ModelFiles files = opened(form);
    const std::vector<Answers> got = answers_of(files);
    for (std::size_t i = 0; i < want.size(); ++i) {
      CHECK(got[i].hidden == want[i].hidden);
      CHECK(got[i].logits == 0);
    }
    CHECK(files.heads.span == (form == "torch_question_answering"));
    CHECK(files.heads.pooler == (form == "torch_bare"));
  }
}

// A folder with the same tensors, each widened to f32, as safetensors.
void write_widened(const ModelFiles& files, const fs::path& from, const TemporaryFolder& to) {
  SafetensorsFile file;
  for (const loaders::Tensor& tensor : files.checkpoint.tensors) {
    std::vector<float> values(tensor.elements);
    loaders::read_f32(tensor, 0, values);
    file.add_f32(tensor.name, tensor.shape, values);
  }
  to.write("model.safetensors", file.bytes());
  for (const std::string name : {"config.json", "vocab.txt"}) {
    fs::copy_file(from / name, to / name);
  }
}

TEST_CASE("half precision is what it widens to") {
  const std::vector<Answers> whole = answers_of(opened("safetensors"));
  for (const std::string form : {"torch_half", "torch_bfloat16"}) {
    CAPTURE(form);
    const ModelFiles files = opened(form);
    const TemporaryFolder widened;
    write_widened(files, checkpoints / form, widened);
    const std::vector<Answers> got = answers_of(files);
    CHECK(got == answers_of(open_model(widened.path(), {})));
    CHECK(got[0].hidden != whole[0].hidden);  // it did lose bits
  }
}

}  // namespace
}  // namespace bertq::testing
