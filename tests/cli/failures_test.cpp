// What goes wrong ends in one line on standard error that names the place, nothing on standard
// output, and the documented exit code.

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "cli/process.h"
#include "jit/isa.h"

namespace bertq::testing {
namespace {

struct Case {
  std::string what, command;
  int status;
  std::string message;  // the line contains this
  std::string input = {};
};

void check(const Case& c) {
  CAPTURE(c.what);
  CAPTURE(c.command);
  const Finished finished = shell(c.command, c.input);
  CAPTURE(finished.err);
  CHECK(finished.status == c.status);
  CHECK(finished.out == "");
  const auto lines = lines_of(finished.err);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].starts_with("bertq: "));
  CHECK(lines[0].find(c.message) != std::string::npos);
}

TEST_CASE("usage") {
  const Case cases[] = {
      {"no verb", "bertq", 2, "usage: no verb given"},
      {"unknown verb", "bertq rnu", 2, "usage: unknown verb 'rnu'; did you mean 'run'?"},
      {"a verb like no other", "bertq frobnicate", 2, "usage: unknown verb 'frobnicate' ("},
      {"unknown flag", "bertq run --thread 3", 2,
       "usage: unknown flag '--thread'; did you mean '--threads'?"},
      {"another verb's flag", "bertq run --pooling cls", 2, "unknown flag '--pooling'"},
      {"unknown flag without a verb", "bertq --verson", 2,
       "usage: unknown flag '--verson'; did you mean '--version'?"},
      {"unknown letter", "bertq run -z", 2, "unknown flag '-z'"},
      {"a file without its flag", "bertq tokenize /dev/null", 2,
       "unexpected argument '/dev/null'; did you mean '--data /dev/null'?"},
      {"a folder without its flag", "bertq predict /", 2,
       "unexpected argument '/'; did you mean '--model /'?"},
      {"a file where only a model is read", "bertq inspect /dev/null", 2,
       "did you mean '--model /dev/null'?"},
      {"stray word", "bertq doctor here", 2, "unexpected argument 'here'"},
      {"no value", "bertq run --task", 2, "task"},
      {"threads 0", "bertq doctor --threads 0", 2, "--threads: expected a whole number from 1"},
      {"threads -1", "bertq doctor --threads -1", 2, "got '-1'"},
      {"threads 4x", "bertq doctor --threads 4x", 2, "got '4x'"},
      {"threads 1.5", "bertq doctor --threads 1.5", 2, "got '1.5'"},
      {"threads 2^64", "bertq doctor --threads 18446744073709551616", 2,
       "got '18446744073709551616'"},
      {"threads empty", "bertq doctor --threads=", 2, "got ''"},
      {"model empty", "bertq predict -m ''", 2, "--model: expected MODEL, got ''"},
      {"threads from the environment", "BERTQ_THREADS=many bertq doctor", 2,
       "BERTQ_THREADS: expected a whole number"},
      {"unknown path", "bertq doctor --isa sse9", 2, "--isa: expected one of auto|reference|avx2|"},
      {"unknown path from the environment", "BERTQ_ISA=foo bertq run --task mrpc", 2,
       "BERTQ_ISA: expected one of auto|reference|avx2|"},
      {"unknown log level", "BERTQ_LOG=loud bertq doctor", 2, "error|info|debug"},
      {"unknown format", "bertq run --task mrpc --format xml", 2, "table|json|csv|md"},
      {"unknown task", "bertq run --task mrcp", 2, "did you mean 'mrpc'?"},
      {"no task", "bertq run", 2, "--task is missing"},
      {"data without model", "bertq run --task mrpc --data x", 2, "belong together"},
      {"two precisions", "bertq predict --recipe r.json --precision fp32", 2, "contradict"},
      {"two vocabularies", "bertq tokenize -m x --vocab y", 2, "contradict"},
      {"shape of words", "bertq bench --shapes 1by128", 2, "batch x length"},
      {"shape without end", "bertq bench --shapes 1x128x", 2, "got '1x128x'"},
      {"shape of nothing", "bertq bench --shapes 0x8", 2, "got '0x8'"},
      {"shape beyond memory", "bertq bench --shapes 18446744073709551615x2", 2, "--shapes"},
      {"no ranges", "bertq bench --activations static --precision fp32", 2, "fp32 has no ranges"},
      {"unknown shape", "bertq bench --config bert-huge", 2, "bert-huge"},
      {"an argument of 100 kB", "bertq doctor $(head -c 100000 /dev/zero | tr '\\0' x)", 2,
       "unexpected argument"},
  };
  for (const Case& c : cases) check(c);
}

TEST_CASE("instruction sets that this machine lacks") {
  for (const jit::Isa isa : jit::all_isas()) {
    if (jit::available(isa)) continue;
    const std::string name(jit::isa_name(isa));
    check({"by flag", "bertq run --task mrpc --isa " + name, 5, name});
    check({"by environment", "BERTQ_ISA=" + name + " bertq predict", 5, name});
  }
  if (jit::available(jit::Isa::amx)) MESSAGE("SKIPPED: no path that this machine lacks");
}

TEST_CASE("checkpoints that cannot be used") {
  const Folder folder;
  const std::string model = copy_sample(folder, "model");
  const std::string weights = read_file(model + "/model.safetensors");
  const std::string config = read_file(model + "/config.json");
  const auto with = [&](std::string_view name, std::string_view file, std::string_view content) {
    const std::string copy = copy_sample(folder, name);
    folder.write(std::string(name) + "/" + std::string(file), content);
    return "bertq predict -m " + copy;
  };
  const auto edited = [&](std::string_view from, std::string_view to) {
    std::string text = config;
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
  };
  std::string renamed = weights;
  renamed.replace(renamed.find("bert.pooler.dense.bias"), 22, "bert.pooler.dense.bi_s");
  const Case cases[] = {
      {"no such folder", "bertq predict -m " + (folder / "absent"), 3, "absent"},
      {"not in the cache either", "HF_HUB_CACHE=/nowhere bertq predict -m some/model", 3,
       "some/model: no such file or folder, nor in the Hugging Face cache /nowhere"},
      {"a folder without anything", "bertq predict -m /proc/self/task", 3, "model.safetensors"},
      {"truncated header", with("short", "model.safetensors", weights.substr(0, 100)), 3,
       "short/model.safetensors"},
      {"truncated data", with("cut", "model.safetensors", weights.substr(0, weights.size() - 1)), 3,
       "cut/model.safetensors"},
      {"empty weights", with("empty", "model.safetensors", ""), 3, "empty/model.safetensors"},
      {"a tensor of another name", with("renamed", "model.safetensors", renamed), 3,
       "pooler.dense.bias"},
      {"config of another model", with("roberta", "config.json", edited("\"bert\"", "\"roberta\"")),
       3, "roberta"},
      {"config that contradicts the weights",
       with("wide", "config.json", edited("\"hidden_size\": 128", "\"hidden_size\": 256")), 3,
       "bert.embeddings"},
      {"unknown activation", with("swish", "config.json", edited("\"gelu\"", "\"swish\"")), 3,
       "swish"},
      {"a page that says 404",
       with("page", "model.safetensors", "<!DOCTYPE html>\n<html>not found</html>\n"), 3,
       "page/model.safetensors: expected a checkpoint, got an HTML page"},
      {"broken JSON", with("json", "config.json", "{\"hidden_size\": "), 3, "config.json"},
      {"a vocabulary without [UNK]", with("vocab", "vocab.txt", "[CLS]\n[SEP]\na\n"), 3,
       "vocab.txt"},
      {"no tokenizer", "rm -f " + model + "/vocab.txt; bertq predict -m " + model, 3, "vocab.txt"},
  };
  for (const Case& c : cases) check(c);
}

TEST_CASE("task files that cannot be used") {
  const Folder folder;
  const std::string model = copy_sample(folder, "model");
  const std::string header = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n";
  const auto run_on = [&](std::string_view name, const std::string& content) {
    return "bertq run --task mrpc -m " + model + " --data " + folder.write(name, content);
  };
  const std::string layer_9 = "\"bert.encoder.layer.9.output.dense\": ";
  const auto recipe_with = [&](std::string_view name, const std::string& layer) {
    return "bertq run --task mrpc --recipe " +
           folder.write(name,
                        "{\"schema_version\": 1, \"default\": {\"precision\": "
                        "\"int8\"}, \"layers\": {" +
                            layer + "}}");
  };
  const Case cases[] = {
      {"absent", "bertq run --task mrpc -m " + model + " --data " + (folder / "none.tsv"), 3,
       "none.tsv"},
      {"a device", "bertq run --task mrpc -m " + model + " --data /dev/zero", 3, "/dev/zero"},
      {"missing column", run_on("a.tsv", header + "1\t2\t3\tonly one\n"), 3,
       "a.tsv: line 2: expected 5 columns, got 4"},
      {"unknown label", run_on("b.tsv", header + "yes\t2\t3\tone\ttwo\n"), 3,
       "b.tsv: line 2: column Quality: expected 0 or 1, got 'yes'"},
      {"bad UTF-8", run_on("c.tsv", header + "1\t2\t3\tone\ttw\xFF\n"), 3,
       "c.tsv: line 2: expected UTF-8"},
      {"no labels", run_on("d.tsv", "index" + header.substr(7) + "0\t2\t3\tone\ttwo\n"), 3,
       "d.tsv: expected labels"},
      {"longer than the position table",
       run_on("e.tsv", header + "1\t2\t3\tone\ttwo\n") + " --max-seq-length 129", 3,
       "at most the 128 positions"},
      {"recipe absent", "bertq run --task mrpc --recipe " + (folder / "none.json"), 3, "none.json"},
      {"recipe of a later version",
       "bertq run --task mrpc --recipe " + folder.write("r.json", "{\"version\": 99}"), 3,
       "r.json"},
      {"recipe of another model", recipe_with("deeper.json", layer_9 + "{\"precision\": \"fp32\"}"),
       3, "deeper.json: layer bert.encoder.layer.9.output.dense: the model has no such layer"},
      {"recipe of a wider model",
       recipe_with("wider.json",
                   "\"classifier\": {\"precision\": \"int8\", \"bias_correction\": [0, 0, 0]}"),
       3, "wider.json: layer classifier: bias_correction: expected 2 numbers, got 3"},
      {"shape longer than the position table", "bertq bench --shapes 1x513 --config bert-base", 3,
       "at most the 512 positions"},
  };
  for (const Case& c : cases) check(c);
}

TEST_CASE("results that cannot be written") {
  const Folder folder;
  const Case cases[] = {
      {"full disk", "bertq --help > /dev/full", 7, "standard output: No space left on device"},
      {"full disk, a verb", "bertq doctor > /dev/full", 7, "No space left on device"},
      {"full disk, by name", "bertq doctor -o /dev/full", 7, "/dev/full: No space left"},
      {"closed standard output", "bertq doctor >&-", 7, "standard output: Bad file descriptor"},
      {"no such folder", "bertq doctor -o " + (folder / "none/out"), 7, "none/out"},
  };
  for (const Case& c : cases) check(c);
}

TEST_CASE("an output never replaces its own input") {
  const Folder folder;
  const std::string file = folder.write("lines", "a cat\n");
  check({"by name", "bertq tokenize --data " + file + " -o " + file, 2, "is also the input"});
  check({"by redirection", "bertq tokenize < " + file + " -o " + file, 2, "is also the input"});
  CHECK(read_file(file) == "a cat\n");
}

TEST_CASE("a file of results appears whole or not at all") {
  const Folder folder;
  const std::string file = folder.write("results", "old");
  check({"a line that fails", "bertq tokenize -o " + file, 3, "line 2",
         "good\nb\xFF"
         "d\n"});
  // What came before the bad line is kept.
  CHECK(lines_of(read_file(file)).size() == 1);
  CHECK(shell("bertq run --task mrcp -o " + file).status == 2);
  CHECK(lines_of(read_file(file)).size() == 1);
  CHECK(lines_of(shell("ls -A $(dirname " + file + ")").out).size() == 1);
}

TEST_CASE("a reader that closes the pipe ends it quietly") {
  // `true` reads nothing; what is written overflows the pipe's 64 KiB.
  const std::string many(200'000, 'a');
  std::string input;
  for (int i = 0; i < 200; ++i) input += many.substr(0, 2000) + "\n";
  const Finished finished =
      shell("{ bertq tokenize --format json; echo $? >&2; } | true", input + input + input);
  CHECK(finished.err == "0\n");
}

TEST_CASE("interrupted: 130, one line, and no file left behind") {
  const Folder folder;
  const std::string pipe = folder / "pipe";  // nobody will ever write to it
  const Finished finished =
      shell("mkfifo " + pipe + "; timeout --preserve-status -s INT 1 bertq tokenize --data " +
            pipe + " -o " + (folder / "out") + "; echo $?; ls -A " + (folder / ""));
  CHECK(finished.out == "130\npipe\n");
  CHECK(finished.err == "bertq: interrupted\n");
}

}  // namespace
}  // namespace bertq::testing
