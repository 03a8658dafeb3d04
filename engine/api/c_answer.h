// Questions and answers, from C's terms to C++'s and back.
#pragma once

#include <vector>

#include "bertq/bertq.h"
#include "bertq/bertq.hpp"

namespace bertq::engine::c_api {

// Throws Error (usage) for options that cannot be.
AnswerOptions answer_options(const bertq_answer_options* given);

// Throws Error (usage) unless the input is a question and its context.
void check_question(const Input& input);

bertq_answer_result answer_result(const Answer& answer);
std::vector<bertq_candidate> candidates_of(const Answer& answer);

}  // namespace bertq::engine::c_api
