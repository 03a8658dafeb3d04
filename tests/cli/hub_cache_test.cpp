// Names of the Hugging Face hub, found in caches laid out as huggingface_hub does.

#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include "cli/process.h"

namespace bertq::testing {
namespace {

namespace fs = std::filesystem;

const std::string commit = "0123456789abcdef0123456789abcdef01234567";
const std::string other_commit = "89abcdef0123456789abcdef0123456789abcdef";

// A cache in a folder of its own, with the sample in it.
class Cache {
 public:
  explicit Cache(const std::string& below = "hub") : hub_(folder_ / below) {}

  std::string hub() const { return hub_.string(); }
  std::string root() const { return folder_ / ""; }
  std::string operator/(const std::string& name) const { return (hub_ / name).string(); }

  // Files are links into blobs/, as downloads leave them.
  void add(const std::string& repository, const std::string& revision,
           const std::string& reference = "refs/main") {
    const fs::path model = hub_ / repository;
    const fs::path snapshot = model / "snapshots" / revision;
    fs::create_directories(snapshot);
    fs::create_directories(model / "blobs");
    for (const char* file : {"config.json", "model.safetensors", "vocab.txt"}) {
      const fs::path blob = model / "blobs" / (revision + "-" + file);
      fs::copy_file(fs::path(BERTQ_TEST_SAMPLE) / file, blob);
      fs::create_symlink(fs::path("../../blobs") / blob.filename(), snapshot / file);
    }
    if (!reference.empty()) refer(repository, reference, revision);
  }
  void refer(const std::string& repository, const std::string& reference,
             const std::string& revision) const {
    const fs::path file = hub_ / repository / reference;
    fs::create_directories(file.parent_path());
    folder_.write(fs::relative(file, folder_ / "").string(), revision);
  }

 private:
  Folder folder_;
  fs::path hub_;
};

// With nothing of this machine's own environment but the path.
Finished inspect(const std::string& variables, const std::string& name) {
  return shell("env -i PATH=\"$PATH\" " + variables + " bertq inspect -m " + name);
}

std::string refusal(const Cache& cache, const std::string& name) {
  const Finished finished = inspect("HF_HUB_CACHE=" + cache.hub(), name);
  CHECK(finished.status == 3);
  CHECK(lines_of(finished.err).size() == 1);
  return finished.err;
}

TEST_CASE("each variable that says where the cache is") {
  struct Row {
    std::string below, variables;
  };
  const Row rows[] = {{"hub", "HF_HUB_CACHE=@/hub"},
                      {"hub", "HUGGINGFACE_HUB_CACHE=@/hub"},
                      {"hub", "HF_HOME=@"},
                      {"huggingface/hub", "XDG_CACHE_HOME=@"},
                      {".cache/huggingface/hub", "HOME=@"},
                      {"old", "TRANSFORMERS_CACHE=@/old"},
                      {"old", "HOME=/nowhere TRANSFORMERS_CACHE=@/old"},
                      {"mine/hub", "HOME=@ HF_HOME=~/mine"},
                      // The first that is set decides.
                      {"hub", "HF_HUB_CACHE=@/hub HF_HOME=/nowhere HOME=/nowhere"},
                      {"hub", "HF_HUB_CACHE= HF_HOME=@"}};
  for (const Row& row : rows) {
    CAPTURE(row.variables);
    Cache cache(row.below);
    cache.add("models--org--name", commit);
    std::string variables = row.variables;
    for (std::size_t at = 0; (at = variables.find('@')) != std::string::npos;) {
      variables.replace(at, 1, cache.root());
    }
    const Finished finished = inspect(variables, "org/name");
    CAPTURE(finished.err);
    CHECK(finished.status == 0);
    CHECK(finished.out.find("snapshots/" + commit) != std::string::npos);
  }
}

TEST_CASE("revisions: branches, tags, pull requests and commits; names without an organisation") {
  Cache cache;
  cache.add("models--org--name", commit);
  cache.add("models--org--name", other_commit, "refs/v1.0");
  cache.refer("models--org--name", "refs/refs/pr/3", other_commit);
  cache.refer("models--org--name", "refs/feature/x", other_commit);
  cache.add("models--bert-base-uncased", commit);
  const std::string variables = "HF_HUB_CACHE=" + cache.hub();
  struct Row {
    std::string name, revision;
  };
  const Row rows[] = {{"org/name", commit},
                      {"org/name@main", commit},
                      {"org/name@v1.0", other_commit},
                      {"org/name@refs/pr/3", other_commit},
                      {"org/name@feature/x", other_commit},
                      {"org/name@" + other_commit, other_commit},
                      {"bert-base-uncased", commit}};
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const Finished finished = inspect(variables, row.name);
    CAPTURE(finished.err);
    CHECK(finished.status == 0);
    CHECK(finished.out.find("snapshots/" + row.revision) != std::string::npos);
  }
}

TEST_CASE("what is not there is named, with the command that downloads it") {
  Cache cache;
  cache.add("models--org--name", commit, "");
  const std::string nowhere =
      "no such file or folder, nor in the Hugging Face cache " + cache.hub();
  CHECK(refusal(cache, "org/other") ==
        "bertq: input: org/other: " + nowhere + "; this downloads it: hf download org/other\n");
  CHECK(refusal(cache, "bert-base-uncased@v2") ==
        "bertq: input: bert-base-uncased@v2: " + nowhere +
            "; this downloads it: hf download bert-base-uncased --revision v2\n");
  CHECK(refusal(cache, "org/name") ==
        "bertq: input: org/name: the Hugging Face cache " + cache.hub() +
            " has no complete download of revision main, but these: " + commit +
            "; this downloads it: hf download org/name\n");
  for (const char* name : {"org/name@../../x", "../name", "org/../name", "a/b/c", "org/name@",
                           "org/na..me", "/org/name", "org//name", "org/name@-x@y"}) {
    CAPTURE(name);
    CHECK(refusal(cache, name) ==
          "bertq: input: " + std::string(name) + ": no such file or folder\n");
  }
  CHECK(inspect("HF_HUB_CACHE=/one TRANSFORMERS_CACHE=/two", "a/b")
            .err.find("cache /one and /two;") != std::string::npos);
}

TEST_CASE("incomplete downloads") {
  const std::string advice = "; this downloads it: hf download org/name\n";
  Cache cache;
  cache.add("models--org--name", commit);
  const std::string snapshot = cache / ("models--org--name/snapshots/" + commit);
  const std::string begin = "bertq: input: org/name: " + snapshot + ": an incomplete download: ";
  // What bertq does not read may be missing.
  fs::create_symlink("../../blobs/none", snapshot + "/tf_model.h5");
  CHECK(inspect("HF_HUB_CACHE=" + cache.hub(), "org/name").status == 0);
  fs::remove(cache / ("models--org--name/blobs/" + commit + "-model.safetensors"));
  CHECK(refusal(cache, "org/name") ==
        begin + "model.safetensors is a link to a blob that is missing" + advice);
  fs::remove(snapshot + "/model.safetensors");
  CHECK(refusal(cache, "org/name") == begin + "no weights among its files" + advice);
  // The tokenizer needs none.
  CHECK(shell("HF_HUB_CACHE=" + cache.hub() + " bertq tokenize -m org/name", "the cat\n").out ==
        shell("bertq tokenize", "the cat\n").out);
  fs::remove_all(snapshot);
  CHECK(refusal(cache, "org/name").find("has no complete download of revision main; this") !=
        std::string::npos);
}

TEST_CASE("repositories with PyTorch's file alone, and with shards") {
  const fs::path data = fs::path(BERTQ_TEST_DATA) / "checkpoints";
  for (const char* form : {"torch_zip", "torch_shards"}) {
    CAPTURE(form);
    Cache cache;
    const fs::path snapshot = cache / ("models--org--name/snapshots/" + commit);
    fs::create_directories(snapshot.parent_path());
    fs::copy(data / form, snapshot, fs::copy_options::recursive);
    cache.refer("models--org--name", "refs/main", commit);
    const Finished finished = inspect("HF_HUB_CACHE=" + cache.hub(), "org/name");
    CAPTURE(finished.err);
    CHECK(finished.status == 0);
  }
}

}  // namespace
}  // namespace bertq::testing
