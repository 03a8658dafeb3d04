// What the library's doors cost: a text in, a label out, beside the forward pass alone that it
// needs. `api_bench [MODEL]`: any name that bertq::Model::load takes, else the embedded sample, so
// small that anything beside it looks large. Both in INT8, one thread, texts of 16 and 128 tokens.
//
//   forward   the engine's forward pass, of token ids that are ready
//   classify  Session::classify of the text: checks, tokenization, forward pass, softmax, label
//   tokenize  the tokenizer alone, with storage that is used again

#include <benchmark/benchmark.h>

#include <bertq/bertq.hpp>
#include <iostream>
#include <memory>
#include <string>

#include "engine/api/model_impl.h"
#include "engine/model/precision_choice.h"

namespace bertq {
namespace {

// As much of a text as `tokens` tokens hold.
std::string text_of(const Model& model, std::size_t tokens) {
  constexpr const char* words[] = {"the",  "police", "in",     "that", "town",       "said",
                                   "on",   "friday", "that",   "ten",  "people",     "were",
                                   "over", "tax",    "losses", "and",  "questioned", "again"};
  const Tokenizer tokenizer = model.tokenizer();
  std::string text;
  for (std::size_t i = 0; tokenizer.encode(text).ids.size() < tokens; ++i) {
    if (i > 0) text += ' ';
    text += words[i % std::size(words)];
  }
  return text;
}

struct Subject {
  explicit Subject(Model loaded) : model(std::move(loaded)) {}
  Model model;

  void forward(benchmark::State& state) const {
    const Encoding encoding = encoded(state);
    engine::Session session(model.impl().model, 1);
    engine::PackedBatch batch;
    batch.add(encoding.ids, encoding.segments);
    for (auto _ : state) benchmark::DoNotOptimize(session.logits(batch).data());
  }

  void classify(benchmark::State& state) const {
    const std::string text = text_of(model, static_cast<std::size_t>(state.range(0)));
    Session session(model, {.threads = 1, .truncate = true});
    for (auto _ : state) benchmark::DoNotOptimize(session.classify(text).score);
  }

  void tokenize(benchmark::State& state) const {
    const std::string text = text_of(model, static_cast<std::size_t>(state.range(0)));
    const tokenizer::Tokenizer& tokenizer = engine::tokenizer_of(*model.impl().files);
    tokenizer::Tokenizer::Scratch scratch;
    tokenizer::Encoding encoding;
    for (auto _ : state) {
      tokenizer.encode(text, std::nullopt, model.max_tokens(), scratch, encoding);
      benchmark::DoNotOptimize(encoding.ids.data());
    }
  }

 private:
  Encoding encoded(const benchmark::State& state) const {
    const auto tokens = static_cast<std::size_t>(state.range(0));
    return model.tokenizer().encode(text_of(model, tokens), std::nullopt, model.max_tokens());
  }
};

void register_all(const Subject& subject) {
  const auto add = [&](const char* name, auto member) {
    benchmark::RegisterBenchmark(
        name, [&subject, member](benchmark::State& state) { (subject.*member)(state); })
        ->Arg(16)
        ->Arg(128)
        ->ArgName("tokens")
        ->Unit(benchmark::kMicrosecond);
  };
  add("forward", &Subject::forward);
  add("classify", &Subject::classify);
  add("tokenize", &Subject::tokenize);
}

}  // namespace
}  // namespace bertq

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  try {
    const bertq::LoadOptions int8{.precision = bertq::Precision::int8};
    const bertq::Subject subject(argc > 1 ? bertq::Model::load(argv[1], int8)
                                          : bertq::Model::load(bertq::Sample::paraphrases, int8));
    bertq::register_all(subject);
    benchmark::RunSpecifiedBenchmarks();
  } catch (const bertq::Error& error) {
    std::cerr << "api_bench: " << error.what() << '\n';
    return static_cast<int>(error.kind());
  }
}
