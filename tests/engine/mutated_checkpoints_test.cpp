// Whole checkpoints of every form, one of their files spoilt at random, then opened, loaded and run
// as any other: refused in one line that names the file, or the same answer to the bit. Where a
// format has no checksum, a spoilt file may be a good one that says something else: there only what
// nothing else can be made of has to give the same answer.
//
// By hand, for long: BERTQ_TEST_MUTATIONS=20000, of each form.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bertq/error.h"
#include "engine/model/model.h"
#include "engine/model/model_files.h"
#include "engine/model/pack_model.h"
#include "engine/model/packed_facts.h"
#include "support/read_file.h"
#include "support/spoilt.h"
#include "support/temporary_folder.h"
#include "texts.h"

namespace bertq::testing {
using namespace engine;
namespace {

namespace fs = std::filesystem;
using Kind = ArithmeticChoice::Kind;

// What keeps an edit of a form from being taken for other contents.
enum class Guard {
  checksums,  // of everything
  structure,  // but of the numbers, which are spared: each fills a place of exactly its size
  nothing     // scales, zero points and strides stand among the structure
};

struct Form {
  std::string name;
  Guard guard = Guard::checksums;
  Kind arithmetic = Kind::own;
  std::optional<bool> reduced_range = std::nullopt;  // where the format cannot say
};
const std::vector<Form> forms{
    {"safetensors", Guard::structure},
    {"torch_zip"},
    {"torch_protocol4"},
    {"torch_strided"},
    {"torch_training"},
    {"torch_shards"},
    {"torch_legacy", Guard::structure},
    {"torch_tar", Guard::structure},
    {"torch_protocol5_legacy", Guard::nothing},
    {"torch_script"},
    {"torch_question_answering"},
    {"torch_dynamic", Guard::checksums, Kind::torch_dynamic},
    {"torch_dynamic_v1", Guard::checksums, Kind::torch_dynamic},
    {"torch_dynamic_per_channel", Guard::checksums, Kind::torch_dynamic},
    {"torch_dynamic_fp16", Guard::checksums, Kind::torch_dynamic},
    {"torch_script_dynamic", Guard::checksums, Kind::torch_dynamic, true},
    {"tf_bert"},
    {"tf_squad"},
    {"tf_sharded"},
    {"tf_snappy"},
    {"tf_zip"},
    {"lpot_static", Guard::nothing, Kind::stored},
    {"lpot_fallback", Guard::nothing, Kind::stored},
    {"lpot_dynamic", Guard::nothing, Kind::torch_dynamic, false},
    {"nc_static", Guard::checksums, Kind::stored},
    {"nc_per_tensor", Guard::checksums, Kind::stored},
    {"q8bert_ema", Guard::checksums, Kind::stored},
    {"q8bert_training", Guard::checksums, Kind::stored},
};

// Hashes; 0 where there is no such head, which whoever asks it is told.
struct Answer {
  std::uint64_t states = 0, logits = 0, token_logits = 0;

  // Whether all that it says is the same. A name may become another, far from its own: then a head
  // is missing, and nothing else.
  bool agrees_with(const Answer& good) const {
    return states == good.states && (logits == 0 || logits == good.logits) &&
           (token_logits == 0 || token_logits == good.token_logits);
  }
};

Answer answer_of(const fs::path& path, const ArithmeticChoice& arithmetic, WeightAccess access) {
  const ModelFiles files = open_model(path, {}, access);
  const Recipe recipe = files.packed ? files.packed->recipe : Recipe::uniform(Precision::fp32);
  const auto model =
      Model::load(files.checkpoint, files.config, recipe, jit::Isa::reference, arithmetic);
  Session session(model, 1);
  const PackedBatch batch =
      batch_of(std::vector{random_text(files.config, 3, 1), random_text(files.config, 9, 2)});
  Answer answer;
  const Heads heads = model->heads();
  // Rows end in padding, which is nobody's answer.
  const auto states = session.hidden_states(batch);
  std::vector<float> rows;
  for (std::size_t i = 0; i < batch.sequences(); ++i) {
    const auto own = states_of(batch, states, session.hidden_ld(), files.config.hidden, i);
    rows.insert(rows.end(), own.begin(), own.end());
  }
  answer.states = hash_of(rows);
  if (heads.classifier) answer.logits = hash_of(session.logits(batch));
  if (heads.span) answer.token_logits = hash_of(session.token_logits(batch));
  return answer;
}

// Where the numbers of a file lie.
std::vector<ByteRange> numbers_in(const fs::path& file) {
  std::vector<ByteRange> ranges;
  const loaders::Checkpoint checkpoint = loaders::open_checkpoint_file(loaders::open_file(file));
  for (const loaders::Tensor& tensor : checkpoint.tensors) {
    REQUIRE(tensor.source->size() == fs::file_size(file));
    const auto extent = loaders::element_extent(tensor.shape, tensor.strides);
    ranges.push_back({tensor.offset, tensor.offset + *extent * loaders::dtype_bytes(tensor.dtype)});
  }
  return ranges;
}

// A copy of a fixture, without what says nothing of the weights or has other ones.
class Fixture {
 public:
  explicit Fixture(const Form& form) : form_(form) {
    static const std::set<std::string> settings{"config.json", "bert_config.json", "vocab.txt"};
    const fs::path from = fs::path(BERTQ_TEST_DATA) / "checkpoints" / form.name;
    for (const auto& entry : fs::directory_iterator(from)) {
      const std::string name = entry.path().filename().string();
      fs::copy_file(entry.path(), folder_ / name);
      if (!settings.contains(name)) add(name);
    }
    std::sort(files_.begin(), files_.end());
    path_ = form.name == "tf_zip" ? folder_ / files_.at(0).name : folder_.path();
  }
  // The file that `bertq quantize` makes of a folder.
  Fixture(const Form& form, const Recipe& recipe) : form_(form) {
    const ModelFiles files = open_model(fs::path(BERTQ_TEST_DATA) / "checkpoints/safetensors", {});
    const auto model = Model::load(files.checkpoint, files.config, recipe, jit::Isa::reference);
    std::string bytes;
    pack_model(*model, files, {}, "1.2.3", [&](std::span<const std::byte> part) {
      bytes.append(reinterpret_cast<const char*>(part.data()), part.size());
    });
    path_ = folder_.write("m.bertq", bytes);
    add("m.bertq");
  }

  void spoil_and_open(int mutations) {
    const Answer want = answer_of(path_, arithmetic(), WeightAccess::read);
    Random random(2026);
    int refused = 0, run = 0;
    std::clock_t longest = 0;
    for (int round = 0; round < mutations; ++round) {
      const File& file = files_[random.below(files_.size())];
      replace(file.name, spoilt(file.bytes, random, file.spared));
      CAPTURE(form_.name);
      CAPTURE(file.name);
      CAPTURE(round);
      const std::clock_t start = std::clock();
      const auto access = random.coin() ? WeightAccess::read : WeightAccess::mapped;
      if (is_refused(file, want, access)) {
        ++refused;
      } else {
        ++run;
      }
      longest = std::max(longest, std::clock() - start);
      replace(file.name, file.bytes);
    }
    if (mutations >= 1'000) {
      MESSAGE(form_.name, ": ", refused, " refused, ", run, " run, at most ",
              longest * 1'000 / CLOCKS_PER_SEC, " ms each");
    }
    CHECK(refused > mutations / 4);
    CHECK(refused + run == mutations);
  }

 private:
  struct File {
    std::string name, bytes;
    std::vector<ByteRange> spared;
    bool is_guarded;
    bool operator<(const File& other) const { return name < other.name; }
  };

  void add(const std::string& name) {
    // LPOT's choices are checked against the weights.
    const bool is_guarded = form_.guard != Guard::nothing || name.ends_with(".yaml");
    files_.push_back({name, read_file(folder_ / name), {}, is_guarded});
    if (form_.guard == Guard::structure) files_.back().spared = numbers_in(folder_ / name);
  }

  ArithmeticChoice arithmetic() const { return {form_.arithmetic, form_.reduced_range}; }

  // A new file each time: to write over an old one may mean to wait for the disk.
  void replace(const std::string& name, const std::string& bytes) const {
    fs::remove(folder_ / name);
    folder_.write(name, bytes);
  }

  bool is_refused(const File& file, const Answer& want, WeightAccess access) const {
    std::string message;
    try {
      const Answer got = answer_of(path_, arithmetic(), access);
      if (file.is_guarded) CHECK(got.agrees_with(want));
      return false;
    } catch (const loaders::FormatError& error) {
      message = error.what();
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::input);
      message = error.what();
    }
    CAPTURE(message);
    // Numbers that make others overflow are noticed by the layer that computes with them.
    const bool names_layer = !file.is_guarded && message.ends_with("activations are not finite");
    CHECK((names_layer || message.starts_with(folder_.path().string())));
    CHECK(message.find('\n') == std::string::npos);
    return true;
  }

  const Form& form_;
  TemporaryFolder folder_;
  fs::path path_;
  std::vector<File> files_;
};

int mutations() {
  const char* const set = std::getenv("BERTQ_TEST_MUTATIONS");
  return set == nullptr ? 50 : std::stoi(set);
}

TEST_CASE("a spoilt checkpoint is refused by name, or answers as before") {
  for (const Form& form : forms) Fixture(form).spoil_and_open(mutations());
}

TEST_CASE("a spoilt .bertq file is refused by name, or answers as before") {
  Recipe mixed = Recipe::uniform(Precision::int8);
  mixed.set("bert.encoder.layer.0.output.dense", {.precision = Precision::fp32});
  mixed.set("bert.encoder.layer.1.intermediate.dense", {.precision = Precision::bf16});
  const Form whole{"bertq, INT8"}, parts{"bertq, mixed"};
  Fixture(whole, Recipe::uniform(Precision::int8)).spoil_and_open(mutations());
  Fixture(parts, mixed).spoil_and_open(mutations());
}

}  // namespace
}  // namespace bertq::testing
