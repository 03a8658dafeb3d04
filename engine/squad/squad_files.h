// predictions.json, nbest_predictions.json and null_odds.json, as google-research/bert's
// run_squad.py writes them: what the official evaluation reads.
#pragma once

#include <span>
#include <string>

#include "engine/squad/squad_answers.h"
#include "engine/squad/squad_reader.h"

namespace bertq::engine {

// {id: answer}. Both spans are one an example.
std::string predictions_json(std::span<const SquadQuestion> questions,
                             std::span<const SquadPrediction> predictions);
// {id: [{"text", "probability", "start_logit", "end_logit"}, ...]}
std::string nbest_predictions_json(std::span<const SquadQuestion> questions,
                                   std::span<const SquadPrediction> predictions);
// {id: by how much "no answer" beats the best answer}; of v2.0.
std::string null_odds_json(std::span<const SquadQuestion> questions,
                           std::span<const SquadPrediction> predictions);

}  // namespace bertq::engine
