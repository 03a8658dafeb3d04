// Bytes of text and tokens a second, one thread, spans included: the sentences of the embedded
// sample, the same with what leaves the ASCII path, and, as
//
//   tokenizer_bench [--benchmark_...] VOCAB.txt FILE...
//
// the lines of files.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/model_files.h"
#include "tokenizer/tokenizer.h"

namespace bertq::engine {
namespace {

using Texts = std::vector<std::string>;
using SharedTokenizer = std::shared_ptr<const tokenizer::Tokenizer>;

SharedTokenizer sample_tokenizer() {
  const auto files = std::make_shared<const ModelFiles>(open_embedded_model({}));
  return {files, &*files->tokenizer};
}

Texts sample_sentences(std::string_view suffix) {
  Texts texts;
  std::string_view rest = embedded_mrpc();
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view row = rest.substr(0, end);
    texts.push_back(std::string(row.substr(row.rfind('\t') + 1)).append(suffix));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return texts;
}

Texts lines_of(const std::string& path) {
  std::ifstream file(path);
  Texts lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  if (lines.empty()) throw std::runtime_error(path + ": expected lines of text, got none");
  return lines;
}

void run_tokenizer(benchmark::State& state, const tokenizer::Tokenizer& tokenizer,
                   const Texts& texts) {
  std::int64_t bytes = 0, tokens = 0;
  tokenizer::Tokenizer::Scratch scratch;
  tokenizer::Encoding encoding;
  for (const std::string& text : texts) {
    bytes += static_cast<std::int64_t>(text.size());
    tokens += static_cast<std::int64_t>(tokenizer.encode(text).size());
  }
  for (auto _ : state) {
    for (const std::string& text : texts) {
      tokenizer.encode(text, std::nullopt, 0, scratch, encoding);
      benchmark::DoNotOptimize(encoding.ids.data());
    }
  }
  state.SetBytesProcessed(state.iterations() * bytes);
  state.SetItemsProcessed(state.iterations() * tokens);
}

void add(const std::string& name, const SharedTokenizer& tokenizer, const Texts& texts) {
  benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
    run_tokenizer(state, *tokenizer, texts);
  })->Unit(benchmark::kMillisecond);
}

// `files`: a vocabulary and the files to read with it, or nothing.
void register_all(const std::vector<std::string>& files) {
  const SharedTokenizer sample = sample_tokenizer();
  add("sample", sample, sample_sentences(""));
  add("sample+accents", sample, sample_sentences(" \xC3\x89t\xC3\xA9"));
  add("sample+chinese", sample, sample_sentences(" \xE4\xB8\xAD\xE6\x96\x87"));
  if (files.empty()) return;
  const auto given = std::make_shared<const tokenizer::Tokenizer>(
      tokenizer::Tokenizer::from_file(files.front(), {}));
  for (std::size_t i = 1; i < files.size(); ++i) {
    add(std::filesystem::path(files[i]).filename().string(), given, lines_of(files[i]));
  }
}

}  // namespace
}  // namespace bertq::engine

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  try {
    bertq::engine::register_all({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tokenizer_bench: %s\n", error.what());
    return 3;
  }
  benchmark::RunSpecifiedBenchmarks();
}
