// Bytes of text a second, one thread: the sentences of the embedded sample, and the same with what
// leaves the ASCII path.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/model_files.h"

namespace bertq::engine {
namespace {

std::vector<std::string> sentences() {
  std::vector<std::string> texts;
  std::string_view rest = embedded_mrpc();
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view row = rest.substr(0, end);
    texts.emplace_back(row.substr(row.rfind('\t') + 1));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return texts;
}

void run_tokenizer(benchmark::State& state, std::string_view suffix) {
  const auto files = open_embedded_model({});
  auto texts = sentences();
  std::int64_t bytes = 0;
  for (std::string& text : texts) {
    text += suffix;
    bytes += static_cast<std::int64_t>(text.size());
  }
  for (auto _ : state) {
    for (const std::string& text : texts) {
      benchmark::DoNotOptimize(files.tokenizer->encode(text).ids.data());
    }
  }
  state.SetBytesProcessed(state.iterations() * bytes);
}
BENCHMARK_CAPTURE(run_tokenizer, ascii, "")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(run_tokenizer, accents, " \xC3\x89t\xC3\xA9")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(run_tokenizer, chinese, " \xE4\xB8\xAD\xE6\x96\x87")
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace bertq::engine

BENCHMARK_MAIN();
