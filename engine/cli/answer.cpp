// bertq answer: JSON Lines with a question and a context in, the same objects with the answer out.

#include <iterator>
#include <utility>

#include "bertq/error.h"
#include "engine/cli/json_lines.h"
#include "engine/cli/setup.h"
#include "engine/cli/squad_flags.h"
#include "engine/cli/verbs.h"
#include "engine/squad/question_answering.h"
#include "engine/task/evaluate.h"

namespace bertq::engine::cli {
namespace {

constexpr std::size_t batch_items = 256;

// One line: what it asks, or why it cannot be used.
struct Question {
  Json object = Json::object();  // as read; holds the bytes that `inputs` look at
  std::string error;
  QuestionInputs inputs;
};

// What turns lines into answers. One for all of them.
struct Answering {
  const QuestionAnswering& answering;
  Session& session;
  std::size_t batch;  // windows of a question that share a range; 0: answers do not depend on it
};

Question read_question(LineSource& lines, LineSource::Next kind, std::string_view line,
                       const QuestionAnswering& answering, BadLines& bad) {
  Question read;
  try {
    read.object = parse_json_object(kind, line);
    const std::string& question = required_string(read.object, "question");
    read.inputs = answering.read(question, required_string(read.object, "context"));
  } catch (const BadLine& why) {
    read.error = bad.add(lines, why.why);
  } catch (const tokenizer::TokenizerError& why) {
    read.error = bad.add(lines, why.what());
  } catch (const Error& why) {
    read.error = bad.add(lines, why.what());
  }
  return read;
}

// At least one line unless the input has ended; more as long as they are there without waiting,
// unless answers depend on the batch: those must not depend on who else asks.
std::vector<Question> next_questions(LineSource& lines, const Answering& with, BadLines& bad) {
  std::vector<Question> questions;
  std::size_t tokens = 0;
  do {
    std::string_view line;
    const auto kind = lines.next(line);
    if (kind == LineSource::Next::end) break;
    questions.push_back(read_question(lines, kind, line, with.answering, bad));
    for (const auto& input : questions.back().inputs.features.inputs) tokens += input.size();
  } while (with.batch == 0 && questions.size() < batch_items && tokens < batch_tokens &&
           lines.ready());
  return questions;
}

// With the bytes of the context, which may have other white space than the field's texts.
Json described(const SquadContext& context, const SquadCandidate& candidate) {
  const auto [begin, end] = candidate.bytes;
  return {{"answer", context.text.substr(begin, end - begin)},
          {"start", begin},
          {"end", end},
          {"score", candidate.probability}};
}

Json answered(const Question& question, const ListedAnswers& answers) {
  const SquadContext& context = question.inputs.context;
  Json object = question.object;
  object.update(described(context, answers.best));
  Json n_best = Json::array();
  for (const SquadCandidate& candidate : answers.n_best) {
    n_best.push_back(described(context, candidate));
  }
  object["n_best"] = std::move(n_best);
  return object;
}

void answer_questions(std::vector<Question>& questions, const Answering& with, Output& output) {
  std::vector<tokenizer::Encoding> inputs;
  for (Question& question : questions) {
    auto& own = question.inputs.features.inputs;
    std::move(own.begin(), own.end(), std::back_inserter(inputs));
  }
  const ModelOutputs outputs =
      run_inputs(with.session, TaskHead::span, inputs, with.batch, [](std::size_t) {}).outputs;
  std::size_t input = 0;
  for (Question& question : questions) {
    if (!question.error.empty()) {
      Json object = std::move(question.object);
      object["error"] = question.error;
      write_json_line(output, object);
      continue;
    }
    std::vector<std::span<const float>> logits;
    for (std::size_t i = 0; i < question.inputs.features.windows.size(); ++i) {
      logits.push_back(outputs.of(input++));
    }
    write_json_line(output, answered(question, with.answering.answer(question.inputs, logits)));
  }
  output.flush();
}

}  // namespace

void answer(const Arguments& arguments, Output& output, const Console& console) {
  constexpr std::size_t window_tokens = 384;
  const jit::Isa isa = chosen_isa(arguments);
  const ModelFiles files = open_runnable_files(arguments, console, EmbeddedModel::squad);
  const Recipe recipe = chosen_recipe(arguments, files);
  const auto& tokenizer = tokenizer_of(files);
  const std::size_t limit = token_limit(arguments, files, window_tokens);
  const QuestionAnswering answering(tokenizer, limit, squad_options(arguments, limit),
                                    arguments.flag("version-2-with-negative"));
  LineSource lines(arguments.text("data"));
  if (!files.heads.span) {
    throw Error(ErrorKind::input, files.name + ": expected a span head (qa_outputs), got none");
  }

  Session session(load_model(arguments, files, recipe, isa), chosen_threads(arguments));
  const Answering with{answering, session, apply_batching(arguments, session)};
  BadLines bad;
  for (auto questions = next_questions(lines, with, bad); !questions.empty();
       questions = next_questions(lines, with, bad)) {
    answer_questions(questions, with, output);
  }
  output.finish();
  bad.check_none();
}

}  // namespace bertq::engine::cli
