// bertq inspect --diff and --verify.

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/process.h"
#include "support/safetensors_file.h"

namespace bertq::testing {
namespace {

using nlohmann::json;

const std::string forms = BERTQ_TEST_DATA "/checkpoints/";

json diffed(const std::string& a, const std::string& b) {
  const Finished finished = shell("bertq inspect --format json --diff " + a + " " + b);
  CAPTURE(finished.err);
  REQUIRE(finished.status == 0);
  return json::parse(finished.out);
}

TEST_CASE("one model in many formats does not differ") {
  for (const std::string form :
       {"torch_zip", "torch_legacy", "torch_module_prefix", "torch_shards", "tf_classifier"}) {
    CAPTURE(form);
    const json diff = diffed(forms + "safetensors", forms + form);
    CAPTURE(diff.dump());
    CHECK(diff["different"].empty());
    CHECK(diff["only_in_a"].empty());
    CHECK(diff["equal"] == 41);
  }
  const Finished text =
      shell("bertq inspect --diff " + forms + "safetensors " + forms + "torch_zip");
  CHECK(text.out.find("tensors     41 equal, 0 different, 0 only in A, 0 only in B\n") !=
        std::string::npos);
}

TEST_CASE("halves differ from what they were rounded from, by little") {
  const json diff = diffed(forms + "safetensors", forms + "torch_half");
  CHECK_FALSE(diff["identical"]);
  CHECK(diff["different"].size() == 41);
  for (const json& tensor : diff["different"]) {
    CHECK(tensor["type_a"] == "F32");
    CHECK(tensor["type_b"] == "F16");
    CHECK(tensor["largest_difference"] < 1e-3);
    CHECK(tensor["differing"] > 0);
  }
}

TEST_CASE("every way in which tensors can differ") {
  const Folder folder;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::string a = folder.write("a.safetensors", SafetensorsFile()
                                                          .add_f32("same", {2}, {1.0F, nan})
                                                          .add_f32("far", {2, 2}, {1, 2, 3, 4})
                                                          .add_f32("odd", {1}, {nan})
                                                          .add_f32("shape", {2, 1}, {1, 2})
                                                          .add("ids", "I32", {1}, "1234")
                                                          .add("type", "I32", {1}, "1234")
                                                          .add_f32("gone", {1}, {0})
                                                          .bytes());
  const std::string b = folder.write("b.safetensors", SafetensorsFile()
                                                          .add_f32("same", {2}, {1.0F, nan})
                                                          .add_f32("far", {2, 2}, {1, 2.5F, 3, 1})
                                                          .add_f32("odd", {1}, {1})
                                                          .add_f32("shape", {1, 2}, {1, 2})
                                                          .add("ids", "I32", {1}, "1235")
                                                          .add("type", "U32", {1}, "1234")
                                                          .add_f32("new", {1}, {0})
                                                          .bytes());
  const json diff = diffed(a, b);
  CHECK_FALSE(diff["identical"]);
  CHECK(diff["a"] == a);
  CHECK(diff["equal"] == 1);
  CHECK(diff["only_in_a"] == json({"gone"}));
  CHECK(diff["only_in_b"] == json({"new"}));
  json found;
  for (const json& tensor : diff["different"]) found[tensor["name"]] = tensor;
  REQUIRE(found.size() == 5);
  CHECK(found["far"]["differing"] == 2);
  CHECK(found["far"]["largest_difference"] == 3.0);
  CHECK(found["far"]["index"] == 3);
  CHECK(found["far"]["value_a"] == 4.0);
  CHECK(found["far"]["value_b"] == 1.0);
  CHECK(found["odd"]["largest_difference"] == "inf");
  CHECK(found["odd"]["value_a"] == "nan");
  CHECK(found["shape"]["compared"] == false);
  CHECK(found["shape"]["shape_a"] == json({2, 1}));
  CHECK(found["ids"]["largest_difference"] == 16777216.0);  // the last of four bytes
  CHECK(found["type"]["compared"] == false);
  const Finished text = shell("bertq inspect --diff " + a + " " + b);
  CHECK(text.status == 0);
  CHECK(text.out.find("tensors     1 equal, 5 different, 1 only in A, 1 only in B\n") !=
        std::string::npos);
  CHECK(text.out.find("2 elements, at most by 3, at 3: 4 against 1\n") != std::string::npos);
  CHECK(text.out.find("shape [2, 1] against [1, 2]\n") != std::string::npos);
  CHECK(text.out.find("not compared: I32 against U32\n") != std::string::npos);
}

TEST_CASE("bad uses of --diff") {
  const std::string one = forms + "safetensors";
  struct Row {
    std::string flags;
    int status;
    std::string message;
  };
  const Row rows[] = {
      {"--diff " + one, 2, "usage: --diff: expected two paths, got one"},
      {"--diff " + one + " " + one + " " + one, 2, "usage: unexpected argument '" + one + "'"},
      {"--diff " + one + " " + one + " --values", 2,
       "usage: --diff and --values contradict each other"},
      {"-m " + one + " --diff " + one + " " + one, 2,
       "usage: --diff and --model contradict each other"},
      {"--diff " + one + " /nowhere/x", 3, "input: /nowhere/x: no such file or folder"},
      {"--diff " + one + "/model.safetensors " + one + " -o " + one + "/model.safetensors", 2,
       "usage: --output: '" + one + "/model.safetensors' is also the input"}};
  for (const Row& row : rows) {
    const Finished finished = shell("bertq inspect " + row.flags);
    CHECK(finished.status == row.status);
    CHECK(finished.err == "bertq: " + row.message + "\n");
  }
}

json verified(const std::string& model, int status = 0) {
  const Finished finished = shell("bertq inspect --verify --format json -m " + model);
  CAPTURE(finished.err);
  CHECK(finished.status == status);
  return json::parse(finished.out)["verification"];
}

TEST_CASE("inspect --verify: the checksums that each format keeps") {
  struct Row {
    std::string model;
    bool keeps;
  };
  for (const Row& row :
       {Row{"safetensors", false}, Row{"torch_zip", true}, Row{"tf_sharded", true}}) {
    CAPTURE(row.model);
    const json found = verified(forms + row.model);
    CHECK(found["problems"].empty());
    CHECK((found["checked"] > 0) == row.keeps);
    CHECK((found["unchecked"] > 0) == !row.keeps);
    CHECK(found["xxh3_128"].is_null());
  }
}

TEST_CASE("inspect --verify of a .bertq file finds any byte that was changed") {
  const Folder folder;
  const std::string file = folder / "m.bertq";
  REQUIRE(shell("bertq quantize -m " + forms + "safetensors -o " + file).status == 0);
  const json good = verified(file);
  CHECK(good["problems"].empty());
  CHECK(good["unchecked"] == 0);
  CHECK(good["xxh3_128"]["stored"] == good["xxh3_128"]["computed"]);
  const std::string bytes = read_file(file);
  const json inspected = json::parse(shell("bertq inspect --format json -m " + file).out);
  CHECK(inspected["format"] == ".bertq");
  CHECK(inspected["total"]["tensors"] == good["checked"]);

  // Behind the header, whose length is at byte 16, are zeros up to the first section.
  std::uint64_t header = 0;
  std::memcpy(&header, bytes.data() + 16, sizeof header);
  REQUIRE(header % 64 != 0);
  std::string changed = bytes;
  changed[header] = '\1';
  const json padding = verified(folder.write("m.bertq", changed), 3);
  REQUIRE(padding["problems"].size() == 1);
  CHECK(padding["problems"][0].get<std::string>().find("expected the XXH3-128 ") !=
        std::string::npos);
  CHECK(shell("bertq predict -m " + file, "{\"text\": \"the dog\"}\n").status == 0);

  changed = bytes;
  changed[bytes.size() / 2] = static_cast<char>(~changed[bytes.size() / 2]);
  const json array = verified(folder.write("m.bertq", changed), 3);
  CHECK(array["problems"].size() == 2);  // the section and the whole
  CHECK(array["checked"].get<int>() + 1 == good["checked"].get<int>());
  const Finished refused = shell("bertq predict -m " + file, "{\"text\": \"the dog\"}\n");
  CHECK(refused.status == 3);
  CHECK(refused.err.find("the file is damaged\n") != std::string::npos);
  const Finished text = shell("bertq inspect --verify -m " + file);
  CHECK(text.status == 3);
  CHECK(text.out.find("\ndamage      " + file) != std::string::npos);
  CHECK(text.err.find(" (and 1 more)\n") != std::string::npos);
}

}  // namespace
}  // namespace bertq::testing
