// Checkpoints that come quantised, through the program: --precision torch-dynamic and its flags,
// the default of files with ranges of their own, packing them, and what is refused.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/process.h"

namespace bertq::testing {
namespace {

using nlohmann::json;

const std::string fixtures = BERTQ_TEST_DATA "/checkpoints/";
const std::vector<std::string> texts = {"the red dog sat.", "it", "sat on the dog", "a zebra quit",
                                        "the dog sat on it . . ."};

std::string lines_from(const std::vector<std::string>& chosen) {
  std::string lines;
  for (const std::string& text : chosen) lines += json{{"text", text}}.dump() + "\n";
  return lines;
}

std::vector<json> logits(const std::string& flags, const std::string& input) {
  const Finished finished = shell("bertq predict -q " + flags, input);
  CHECK(finished.err == "");
  CHECK(finished.status == 0);
  std::vector<json> list;
  for (const std::string& line : lines_of(finished.out))
    list.push_back(json::parse(line)["logits"]);
  return list;
}

TEST_CASE("torch-dynamic takes its batches in the order of the input, full ones, padded as asked") {
  const std::string flags = "-m " + fixtures + "torch_dynamic --precision torch-dynamic ";
  const auto all = logits(flags + "--batch 2", lines_from(texts));
  REQUIRE(all.size() == 5);
  // The same batches one by one, each the whole input of a run.
  for (std::size_t first = 0; first < texts.size(); first += 2) {
    const std::size_t end = std::min(first + 2, texts.size());
    const auto alone =
        logits(flags, lines_from({texts.begin() + static_cast<std::ptrdiff_t>(first),
                                  texts.begin() + static_cast<std::ptrdiff_t>(end)}));
    for (std::size_t i = first; i < end; ++i) CHECK(all[i] == alone[i - first]);
  }
  CHECK(logits(flags + "--batch 1", lines_from(texts)) != all);
  CHECK(logits(flags + "--batch 2 --pad-to 30", lines_from(texts)) != all);
  // A line that cannot be used has no place in a batch.
  const Finished with_bad =
      shell("bertq predict -q " + flags + "--batch 2",
            lines_from({texts[0]}) + "{}\n" + lines_from({texts.begin() + 1, texts.end()}));
  CHECK(with_bad.status == 3);
  const auto lines = lines_of(with_bad.out);
  REQUIRE(lines.size() == 6);
  CHECK(json::parse(lines[1]).contains("error"));
  CHECK(json::parse(lines[0])["logits"] == all[0]);
  CHECK(json::parse(lines[2])["logits"] == all[1]);
  CHECK(json::parse(lines[5])["logits"] == all[4]);
}

TEST_CASE("quantised checkpoints are packed as what they are") {
  const Folder folder;
  struct Packing {
    const char* form;
    const char* precision;
  };
  for (const Packing& row :
       {Packing{"torch_dynamic", "torch-dynamic"}, Packing{"torch_zip", "torch-dynamic"},
        Packing{"torch_dynamic", "int8"}, Packing{"q8bert_ema", "auto"},
        Packing{"q8bert_dynamic", "auto"}, Packing{"q8bert_trained", "auto"},
        Packing{"lpot_static", "auto"}, Packing{"lpot_fallback", "auto"},
        Packing{"lpot_dynamic", "torch-dynamic"}, Packing{"nc_per_tensor", "auto"},
        Packing{"nc_per_tensor", "int8"}, Packing{"nc_static", "auto"}}) {
    CAPTURE(row.form);
    const std::string model = "-m " + fixtures + row.form + " --precision " + row.precision;
    const std::string file = folder / (std::string(row.form) + row.precision + ".bertq");
    REQUIRE(shell("bertq quantize -q " + model + " -o " + file).status == 0);
    CHECK(logits("-m " + file, lines_from(texts)) == logits(model, lines_from(texts)));
  }
  const std::string file = folder / "torch_dynamictorch-dynamic.bertq";
  const Finished other = shell("bertq predict -m " + file + " --precision int8");
  CHECK(other.status == 2);
  CHECK(other.err.find("torch-dynamic") != std::string::npos);
  CHECK(
      shell("bertq predict -m " + (folder / "q8bert_emaauto.bertq") + " --precision torch-dynamic")
          .status == 2);
}

TEST_CASE("embed and bench know torch-dynamic too") {
  const std::string model = "-m " + fixtures + "torch_dynamic --precision torch-dynamic ";
  const Finished embedded = shell("bertq embed -q " + model, lines_from(texts));
  CHECK(embedded.status == 0);
  CHECK(lines_of(embedded.out).size() == 5);
  const Finished bench =
      shell("bertq bench --seconds 0 --format json --shapes 2x8 --threads 1 " + model);
  CHECK(bench.status == 0);
  CHECK(bench.out.find("torch-dynamic") != std::string::npos);
}

TEST_CASE("what does not fit together is refused by name") {
  struct Case {
    std::string flags;
    int status;
    std::string words;
  };
  const std::string torch = "-m " + fixtures + "torch_dynamic ";
  const std::vector<Case> cases = {
      {torch + "--batch 4", 2, "--batch belongs to --precision torch-dynamic"},
      {torch + "--pad-to 16", 2, "--pad-to belongs to --precision torch-dynamic"},
      {torch + "--reduce-range yes", 2, "--reduce-range belongs to --precision torch-dynamic"},
      {torch + "--precision torch-dynamic --pad-to 33", 3, "at most the 32 positions"},
      {torch + "--precision torch-dynamic --pad-to 2", 3, "at least the longest"},
      {torch + "--precision torch-dynamic --reduce-range maybe", 2, "--reduce-range"},
      {torch + "--precision torch-dynamic --batch 0", 2, "--batch"},
      {"-m " + fixtures + "torch_script_dynamic --precision torch-dynamic", 2,
       "model.pt: does not say which PyTorch quantised it: --reduce-range yes"},
      {"-m " + fixtures + "q8bert_ema --precision torch-dynamic", 3, "got Q8BERT"},
      {"-m " + fixtures + "lpot_static --precision torch-dynamic", 3, "got PyTorch static"},
  };
  for (const Case& row : cases) {
    CAPTURE(row.flags);
    const Finished finished = shell("bertq predict -q " + row.flags, lines_from(texts));
    CHECK(finished.status == row.status);
    CHECK(finished.err.find(row.words) != std::string::npos);
    CHECK(lines_of(finished.err).size() == 1);
  }
}

TEST_CASE("inspect says who quantised a checkpoint") {
  const auto inspected = [](const std::string& form) {
    const Finished finished = shell("bertq inspect --format json -m " + fixtures + form);
    CHECK(finished.status == 0);
    return json::parse(finished.out);
  };
  CHECK(inspected("torch_dynamic")["quantised"]["by"] == "PyTorch dynamic quantisation");
  CHECK(inspected("q8bert_training")["quantised"]["modules"]["classifier"] == "q8bert_ema");
  CHECK_FALSE(inspected("torch_zip").contains("quantised"));
  const json fixed = inspected("lpot_static"), tabled = inspected("nc_static");
  for (const json& tensor : fixed["tensors"]) {
    const std::string name = tensor["name"];
    CAPTURE(name);
    if (name.ends_with("_packed_params.weight")) CHECK(tensor["in_int8"] == "int8");
    if (name.ends_with("_packed_params.bias")) CHECK(tensor["in_int8"] == "fp32");
    if (name == "bert.pooler.quant.scale") CHECK(tensor["in_int8"] == "range");
  }
  const json fallback = inspected("lpot_fallback");
  CHECK(fallback["quantised"]["modules"]["classifier"] == "torch_static_fp32");
  CHECK_FALSE(fallback["quantised"]["modules"].contains("bert.encoder.layer.1.output.dense"));
  const std::string table = "bert.embeddings.word_embeddings.module._packed_params._packed_weight";
  int tables = 0;
  for (const json& tensor : tabled["tensors"]) {
    if (tensor["name"] != table) continue;
    ++tables;
    CHECK(tensor["dtype"] == "U8");
    CHECK(tensor["zero_points"][0].is_number_float());
  }
  CHECK(tables == 1);
}

TEST_CASE("weights alone, as LPOT leaves them, are told what they lack") {
  const Folder folder;
  for (const auto& [form, file] : {std::pair{"lpot_static", "best_model_weights.pt"},
                                   std::pair{"nc_per_tensor", "best_model.pt"}}) {
    const std::string place = folder / form;
    std::filesystem::create_directory(place);
    for (const auto& entry : std::filesystem::directory_iterator(fixtures + form)) {
      if (entry.path().filename() != "config.json") {
        std::filesystem::copy(entry.path(), std::filesystem::path(place) / entry.path().filename());
      }
    }
    CAPTURE(file);
    const Finished finished = shell("bertq predict -q -m " + place, lines_from(texts));
    CHECK(finished.status == 3);
    CHECK(finished.err.find("expected config.json or bert_config.json, found neither (LPOT and "
                            "Neural Compressor save none: copy it") != std::string::npos);
    CHECK(lines_of(finished.err).size() == 1);
  }
}

}  // namespace
}  // namespace bertq::testing
