// bertq quantize, and the other verbs with the file that it writes.

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/process.h"

namespace bertq::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const std::string pairs =
    "{\"text\": \"The cat sat down.\", \"text_pair\": \"The cat sat.\"}\n{\"text\": \"a dog\"}\n";

std::string packed_sample(const Folder& folder, const std::string& flags = "") {
  const std::string file = folder / "sample.bertq";
  const Finished finished = shell("bertq quantize " + flags + " -o " + file);
  CAPTURE(finished.err);
  REQUIRE(finished.status == 0);
  return file;
}

std::size_t files_in(const Folder& folder) {
  const fs::directory_iterator entries(folder / "");
  return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

TEST_CASE("quantize reports what it wrote") {
  const Folder folder;
  const std::string file = folder / "x.bertq";
  const json report = json::parse(shell("bertq quantize --format json -o " + file).out);
  CHECK(report["schema_version"] == 1);
  CHECK(report["file"] == file);
  CHECK(report["file_bytes"] == fs::file_size(file));
  CHECK(report["files"] == json({"config.json", "vocab.txt"}));
  CHECK(report["precisions"][0]["name"] == "int8");
  CHECK(report["precisions"][0]["layers"] == 27);  // four layers of six, words, pooler, classifier
  CHECK(report["recipe"]["default"]["precision"] == "int8");
  CHECK(fs::file_size(file) < report["checkpoint_bytes"]);
  const Finished text = shell("bertq quantize -o " + file);
  CHECK(text.out.find("XXH3-128  " + report["xxh3_128"].get<std::string>() + "\n") !=
        std::string::npos);
  CHECK(files_in(folder) == 1);
}

TEST_CASE("every verb answers from a .bertq file as from the checkpoint") {
  const Folder folder;
  for (const std::string precision : {"int8", "fp32"}) {
    CAPTURE(precision);
    const std::string file = packed_sample(folder, "--precision " + precision);
    for (const std::string verb : {"predict", "embed --pooling mean", "embed --format f32"}) {
      const Finished expected = shell("bertq " + verb + " --precision " + precision, pairs);
      CHECK(expected.status == 0);
      for (const std::string flags : {"", " --mmap", " --precision auto"}) {
        const Finished got = shell("bertq " + verb + " -m " + file + flags, pairs);
        CAPTURE(got.err);
        CHECK(got.status == 0);
        CHECK(got.out == expected.out);
      }
    }
    CHECK(shell("bertq tokenize -m " + file, "The cat\n").out ==
          shell("bertq tokenize", "The cat\n").out);
    const std::string run = " --task mrpc --format json --threads 1 --data " +
                            std::string(BERTQ_TEST_SAMPLE) + "/mrpc.tsv -m ";
    const json from_file = json::parse(shell("bertq run" + run + file).out);
    const json from_folder = json::parse(shell("bertq run" + run + BERTQ_TEST_SAMPLE).out);
    REQUIRE(from_file["results"].size() == 1);
    const std::size_t index = precision == "fp32" ? 0 : 1;
    CHECK(from_file["results"][0]["precision"] == precision);
    CHECK(from_file["results"][0]["metrics"] == from_folder["results"][index]["metrics"]);
    CHECK(from_file["goal"].is_null());
    const Finished bench =
        shell("bertq bench --format json --shapes 1x8 --seconds 0 --mmap -m " + file);
    CHECK(json::parse(bench.out)["results"][0]["precision"] == precision);
  }
  const Finished run =
      shell("bertq run --task mrpc --threads 1 --data " + std::string(BERTQ_TEST_SAMPLE) +
            "/mrpc.tsv -m " + (folder / "sample.bertq"));
  CHECK(run.out.find("There is no fp32 to compare with") != std::string::npos);
}

TEST_CASE("a recipe travels in the file") {
  const Folder folder;
  const std::string recipe = folder.write("recipe.json", R"({"schema_version": 1,
    "default": {"precision": "int8"},
    "layers": {"bert.encoder.layer.1.output.dense": {"precision": "fp32"}},
    "metadata": {"calibrated_on": "nothing"}})");
  const std::string file = packed_sample(folder, "--recipe " + recipe);
  const std::string expected = shell("bertq predict --recipe " + recipe, pairs).out;
  CHECK(expected != shell("bertq predict", pairs).out);
  CHECK(shell("bertq predict -m " + file, pairs).out == expected);
  CHECK(shell("bertq predict -m " + file + " --recipe " + recipe, pairs).out == expected);
  const json run = json::parse(shell("bertq run --task mrpc --format json --threads 1 --data " +
                                     std::string(BERTQ_TEST_SAMPLE) + "/mrpc.tsv -m " + file)
                                   .out);
  CHECK(run["results"][0]["precision"] == "tuned");
  CHECK(run["calibrated_on"] == "nothing");
  const json inspected = json::parse(shell("bertq inspect --format json -m " + file).out);
  CHECK(inspected["packed"]["recipe"]["layers"].size() == 1);
  CHECK(inspected["packed"]["source_format"] == "safetensors");
}

TEST_CASE("what cannot be packed, or asked of a packed model, is refused in one line") {
  const Folder folder;
  const std::string copy = copy_sample(folder, "copy");
  const std::string file = packed_sample(folder);
  const std::string weights = copy + "/model.safetensors";
  struct Row {
    std::string command;
    int status;
    std::string message;
  };
  const Row rows[] = {
      {"quantize", 2, "quantize: -o FILE.bertq is missing"},
      {"quantize -o -", 2, "quantize: -o FILE.bertq is missing"},
      {"quantize -o /dev/full", 7, "/dev/full: No space left on device"},
      {"quantize -o " + (folder / "none/x.bertq"), 7,
       folder / "none/x.bertq" + ": No such file or directory"},
      {"quantize -m " + copy + " -o " + weights, 2,
       "--output: '" + weights + "' is also the input"},
      {"quantize -m " + copy + " -o " + copy + "/vocab.txt", 2,
       "--output: '" + copy + "/vocab.txt' is also the input"},
      {"quantize -m " + file + " -o " + file, 2, "--output: '" + file + "' is also the input"},
      {"quantize -m " + file + " -o " + (folder / "y.bertq"), 2,
       file + ": is a .bertq file already; quantise the checkpoint that it was made from "
              "(model.safetensors)"},
      {"predict -m " + file + " --precision fp32", 2,
       file + ": holds weights of its own recipe (int8) alone; for another, quantise the "
              "checkpoint again (bertq quantize)"},
      {"predict -m " + file + " --activation tanh", 2,
       file + ": holds weights packed for another recipe or activation than asked for: quantise "
              "the checkpoint again"},
      {"predict -m " + copy + " --mmap", 2,
       copy + ": --mmap needs a .bertq file, whose weights are stored as they are used (bertq "
              "quantize)"},
      {"run --task mrpc --require-goal -m " + file + " --data " + BERTQ_TEST_SAMPLE + "/mrpc.tsv",
       2,
       file + ": --require-goal compares with fp32, which a .bertq file does not hold; score the "
              "checkpoint instead"},
      {"bench --activations static -m " + file, 2,
       "--activations static: " + file + " was packed without static ranges"},
  };
  const std::string before = read_file(file), weights_before = read_file(weights);
  for (const Row& row : rows) {
    const Finished finished = shell("bertq " + row.command, pairs);
    CHECK(finished.status == row.status);
    const std::string kind = row.status == 7 ? "resources" : "usage";
    CHECK(finished.err == "bertq: " + kind + ": " + row.message + "\n");
  }
  CHECK(read_file(file) == before);
  CHECK(read_file(weights) == weights_before);
  CHECK(files_in(folder) == 2);
}

TEST_CASE("a full disk leaves the old file as it was, and nothing beside it") {
  const Folder folder;
  const std::string file = folder.write("x.bertq", "the old one");
  // A limit on the size of files stands for the disk's; without its signal, write() fails.
  const Finished finished = shell("trap '' XFSZ; ulimit -f 100; bertq quantize -o " + file);
  CHECK(finished.status == 7);
  CHECK(finished.err == "bertq: resources: " + file + ": File too large\n");
  CHECK(read_file(file) == "the old one");
  CHECK(files_in(folder) == 1);
}

TEST_CASE("killed at any time, quantize leaves the old file or the new one") {
  const Folder folder;
  const std::string file = packed_sample(folder);
  const std::string int8 = read_file(file);
  packed_sample(folder, "--precision fp32");
  const std::string fp32 = read_file(file);
  std::size_t killed = 0;
  for (int i = 0; i < 24; ++i) {
    const bool to_fp32 = i % 2 == 0;
    const std::string seconds = "0.0" + std::to_string(1 + i * 2 % 39);
    const Finished finished = shell("timeout -s KILL " + seconds + " bertq quantize --precision " +
                                    (to_fp32 ? "fp32" : "int8") + " -o " + file);
    killed += finished.status == 137 ? 1U : 0U;
    const std::string now = read_file(file);
    const bool whole = now == int8 || now == fp32;
    CHECK(whole);
    if (finished.status == 0) CHECK(now == (to_fp32 ? fp32 : int8));
  }
  MESSAGE(killed << " of 24 were killed in time");
  CHECK(shell("bertq inspect --verify -m " + file).status == 0);
}

// Feeds a line, waits for its answer, cuts the file, feeds another.
std::string cut_while_running(const Folder& folder, const std::string& flags) {
  return "cd " + (folder / "") + "; rm -f pipe out; mkfifo pipe; bertq predict -m sample.bertq " +
         flags +
         " < pipe > out & child=$!; exec 3> pipe; echo '{\"text\": \"a\"}' >&3; tries=0; "
         "while ! [ -s out ] && [ $tries -lt 400 ]; do sleep 0.05; tries=$((tries + 1)); done; "
         ": > sample.bertq; echo '{\"text\": \"b\"}' >&3; exec 3>&-; wait $child";
}

TEST_CASE("a .bertq file that is cut shorter under a running program") {
  const Folder folder;
  packed_sample(folder);
  const Finished mapped = shell(cut_while_running(folder, "--mmap"));
  CHECK(mapped.status == 3);
  CHECK(mapped.err ==
        "bertq: input: sample.bertq: expected it to stay as it was while it is mapped (--mmap), it "
        "was cut shorter\n");
  packed_sample(folder);
  const Finished read = shell(cut_while_running(folder, ""));
  CHECK(read.status == 0);
  CHECK(lines_of(read_file(folder / "out")).size() == 2);
}

}  // namespace
}  // namespace bertq::testing
