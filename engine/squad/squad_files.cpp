#include "engine/squad/squad_files.h"

#include "engine/squad/python_json.h"

namespace bertq::engine {
namespace {

// An object with one member a question.
template <typename WriteValue>
std::string by_question(std::span<const SquadQuestion> questions,
                        std::span<const SquadPrediction> predictions, WriteValue write_value) {
  PythonJson json;
  json.open('{');
  for (std::size_t i = 0; i < questions.size(); ++i) {
    json.key(questions[i].id);
    write_value(json, predictions[i]);
  }
  json.close();
  return json.finish();
}

void write_candidate(PythonJson& json, const SquadCandidate& candidate) {
  json.open('{');
  json.key("text");
  json.value(python_string(candidate.text));
  json.key("probability");
  json.value(python_number(candidate.probability));
  json.key("start_logit");
  json.value(python_number(candidate.start_logit));
  json.key("end_logit");
  json.value(python_number(candidate.end_logit));
  json.close();
}

}  // namespace

std::string predictions_json(std::span<const SquadQuestion> questions,
                             std::span<const SquadPrediction> predictions) {
  return by_question(questions, predictions, [](PythonJson& json, const SquadPrediction& made) {
    json.value(python_string(made.answer().text));
  });
}

std::string nbest_predictions_json(std::span<const SquadQuestion> questions,
                                   std::span<const SquadPrediction> predictions) {
  return by_question(questions, predictions, [](PythonJson& json, const SquadPrediction& made) {
    json.open('[');
    for (const SquadCandidate& candidate : made.n_best) write_candidate(json, candidate);
    json.close();
  });
}

std::string null_odds_json(std::span<const SquadQuestion> questions,
                           std::span<const SquadPrediction> predictions) {
  return by_question(questions, predictions, [](PythonJson& json, const SquadPrediction& made) {
    json.value(python_number(made.null_odds));
  });
}

}  // namespace bertq::engine
