#include "engine/squad/squad_set.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "bertq/error.h"
#include "engine/runtime/replace_file.h"
#include "engine/squad/squad_answers.h"
#include "engine/squad/squad_evaluator.h"
#include "engine/squad/squad_features.h"
#include "engine/squad/squad_files.h"
#include "loaders/printable.h"

namespace bertq::engine {
namespace {

class SquadSet final : public EvaluationSet {
 public:
  SquadSet(SquadVersion version, SquadExamples examples, const tokenizer::Tokenizer& tokenizer,
           std::size_t max_tokens, const SquadOptions& options)
      : version_(version),
        examples_(std::move(examples)),
        tokenizer_(tokenizer),
        choice_{options, version == SquadVersion::v2_0} {
    const SquadEncoder encoder(tokenizer_, max_tokens, options);
    for (const std::string& text : examples_.contexts) {
      contexts_.push_back(encoder.read_context(text));
    }
    for (const SquadQuestion& question : examples_.questions) add_windows(encoder, question);
  }

  const std::string& name() const override { return examples_.name; }
  std::size_t examples() const override { return examples_.questions.size(); }
  std::span<const tokenizer::Encoding> inputs() const override { return features_.inputs; }
  TaskHead head() const override { return TaskHead::span; }
  bool labelled() const override { return examples_.labelled; }
  std::string_view goal() const override { return "f1"; }

  std::vector<Score> score(const ModelOutputs& outputs) const override {
    const auto predictions = predict(outputs);
    const auto points = points_of(predictions);
    if (version_ == SquadVersion::v1_1) return score_squad_v1(points);
    std::vector<SquadOutcome> outcomes;
    for (std::size_t i = 0; i < points.size(); ++i) {
      outcomes.push_back({points[i], !examples_.questions[i].answers.empty(),
                          !predictions[i].answer().text.empty(), predictions[i].null_odds});
    }
    return score_squad_v2(outcomes);
  }

  ScoreOfChoice goal_score(const ModelOutputs& outputs) const override {
    std::vector<double> f1;
    for (const SquadPoints& points : points_of(predict(outputs))) f1.push_back(points.f1);
    return [f1 = std::move(f1)](std::span<const std::size_t> chosen) {
      double sum = 0.0;
      for (const std::size_t example : chosen) sum += f1[example];
      return 100.0 * sum / static_cast<double>(chosen.size());
    };
  }

  std::vector<std::string> answers(const ModelOutputs& outputs) const override {
    std::vector<std::string> texts;
    for (const SquadPrediction& made : predict(outputs)) texts.push_back(made.answer().text);
    return texts;
  }

  std::string example_text(std::size_t example) const override {
    return examples_.questions[example].text;
  }

  std::string expected_answer(std::size_t example) const override {
    const auto& right = examples_.questions[example].answers;
    return right.empty() ? std::string() : right.front();
  }

  void write_files(const ModelOutputs& outputs,
                   const std::filesystem::path& folder) const override {
    const auto predictions = predict(outputs);
    const auto& questions = examples_.questions;
    replace_file(folder / "predictions.json", predictions_json(questions, predictions));
    replace_file(folder / "nbest_predictions.json", nbest_predictions_json(questions, predictions));
    if (version_ == SquadVersion::v1_1) return;
    replace_file(folder / "null_odds.json", null_odds_json(questions, predictions));
  }

 private:
  void add_windows(const SquadEncoder& encoder, const SquadQuestion& question) {
    try {
      SquadFeatures own = encoder.encode(question.text, contexts_[question.context]);
      std::move(own.inputs.begin(), own.inputs.end(), std::back_inserter(features_.inputs));
      features_.windows.insert(features_.windows.end(), own.windows.begin(), own.windows.end());
    } catch (const Error& error) {
      throw Error(error.kind(), examples_.name + ": question '" + loaders::printable(question.id) +
                                    "': " + error.what());
    }
    bounds_.push_back(features_.windows.size());
  }

  std::vector<SquadPrediction> predict(const ModelOutputs& outputs) const {
    std::vector<SquadPrediction> predictions;
    for (std::size_t i = 0; i < examples(); ++i) {
      const std::size_t first = bounds_[i], count = bounds_[i + 1] - first;
      std::vector<std::span<const float>> logits;
      for (std::size_t window = 0; window < count; ++window) {
        logits.push_back(outputs.of(first + window));
      }
      predictions.push_back(predict_answer(contexts_[examples_.questions[i].context],
                                           std::span(features_.windows).subspan(first, count),
                                           logits, tokenizer_, choice_));
    }
    return predictions;
  }

  std::vector<SquadPoints> points_of(std::span<const SquadPrediction> predictions) const {
    std::vector<SquadPoints> points;
    for (std::size_t i = 0; i < predictions.size(); ++i) {
      points.push_back(
          squad_points(version_, examples_.questions[i], predictions[i].answer().text));
    }
    return points;
  }

  SquadVersion version_;
  SquadExamples examples_;
  const tokenizer::Tokenizer& tokenizer_;
  SquadChoice choice_;
  std::vector<SquadContext> contexts_;
  SquadFeatures features_;              // of all questions, one after another
  std::vector<std::size_t> bounds_{0};  // of question i: windows [bounds_[i], bounds_[i + 1])
};

}  // namespace

std::unique_ptr<EvaluationSet> make_squad_set(SquadVersion version, SquadExamples examples,
                                              const ModelFiles& files, std::size_t max_tokens,
                                              const SquadOptions& options) {
  if (!files.tokenizer) {
    throw Error(ErrorKind::input, files.name + ": expected vocab.txt or tokenizer.json, got none");
  }
  if (!files.heads.span) {
    throw Error(ErrorKind::input,
                files.name + ": expected a span head (qa_outputs) for questions, got none");
  }
  return std::make_unique<SquadSet>(version, std::move(examples), *files.tokenizer, max_tokens,
                                    options);
}

}  // namespace bertq::engine
