#include "engine/cli/verbs.h"

#include <fmt/format.h>

#include <vector>

#include "bertq/error.h"
#include "engine/cli/options.h"
#include "engine/cli/suggestion.h"

namespace bertq::engine::cli {
namespace {

constexpr std::string_view run_examples[] = {
    "bertq run --task mrpc",
    "bertq run --task mrpc --format json -o scores.json",
    "bertq run --task mrpc --max-batches 20 --batch 4",
};
constexpr std::string_view predict_examples[] = {
    R"(echo '{"text": "The cat sat down.", "text_pair": "The cat sat."}' | bertq predict)",
};
constexpr std::string_view answer_examples[] = {
    R"(echo '{"question": "What will Ada Ltd. build?", "context": "Ada Ltd. will build a bridge."}' )"
    "| bertq answer",
};
constexpr std::string_view embed_examples[] = {
    R"(echo '{"id": 7, "text": "The cat sat down."}' | bertq embed --pooling cls)",
    R"(echo '{"text": "The cat sat down."}' | bertq embed --format f32 | od -A n -t f4)",
};
constexpr std::string_view tokenize_examples[] = {
    "echo 'The cat sat down.' | bertq tokenize --format tokens",
    R"(printf 'The cat sat down.\tThe cat sat.\n' | bertq tokenize)",
};
constexpr std::string_view inspect_examples[] = {
    "bertq inspect",
    "bertq inspect --values --format json",
    "bertq quantize -q -o sample.bertq > size.txt && bertq inspect --verify -m sample.bertq",
    "bertq inspect --diff sample.bertq sample.bertq",
};
constexpr std::string_view doctor_examples[] = {
    "bertq doctor",
    "BERTQ_ISA=reference bertq doctor --format json",
};
constexpr std::string_view bench_examples[] = {
    "bertq bench --shapes 1x128 --threads 1 --seconds 1",
    "bertq bench --shapes 1x16,8x16 --precision fp32 --seconds 1 --format md",
    "bertq bench --task mrpc --scenario offline,single,server:load=0.8 --seconds 1 --repeat 1",
    "echo 'The cat sat.' | bertq bench --texts - --scenario single --seconds 1 --report bench.html",
};

constexpr std::string_view quantize_examples[] = {
    "bertq quantize -o sample.bertq",
    "bertq quantize --precision fp32 -o sample_fp32.bertq --format json",
};

constexpr std::string_view why_examples[] = {
    "bertq why --task mrpc",
    "bertq why -q --task mrpc --report why.html --format json",
};
constexpr std::string_view tune_examples[] = {
    "bertq tune --task mrpc --recipe tuned.json",
    "bertq tune -q --task mrpc --recipe tuned.json --resume --format json",
    "bertq run --task mrpc --recipe tuned.json",
};

constexpr std::string_view completion_examples[] = {
    "bertq completion bash > bertq.bash",
    "bertq completion zsh -o _bertq",
};
constexpr std::string_view help_examples[] = {
    "bertq help predict",
    "bertq help --man predict > bertq-predict.1",
};

constexpr Verb verbs[] = {
    {"run", verb_run, "score a task in FP32 and INT8 (or with a recipe) and compare",
     "--task TASK [-m MODEL --data FILE|DIR]", run_examples, run},
    {"tune", verb_tune, "find the fastest precisions of layers that keep the score",
     "--task mrpc [-m MODEL --data FILE|DIR] --recipe FILE", tune_examples, tune},
    {"why", verb_why, "show which layers cost how much accuracy and time, and what they change",
     "--task mrpc [-m MODEL --data FILE|DIR] [--recipe FILE]", why_examples, why},
    {"predict", verb_predict, "label texts: JSON Lines in, JSON Lines out", "[-m MODEL] < LINES",
     predict_examples, predict},
    {"answer", verb_answer, "find answers in texts: JSON Lines in, JSON Lines out",
     "[-m MODEL] < LINES", answer_examples, answer},
    {"quantize", verb_quantize, "pack a checkpoint into one .bertq file, ready to run",
     "[-m MODEL] [--recipe FILE] -o FILE.bertq", quantize_examples, quantize},
    {"embed", verb_embed, "turn texts into vectors: JSON Lines in, JSON Lines or floats out",
     "[-m MODEL] < LINES", embed_examples, embed},
    {"tokenize", verb_tokenize, "turn lines of text into ids, tokens or spans",
     "[-m MODEL | --vocab FILE] < TEXT", tokenize_examples, tokenize},
    {"inspect", verb_inspect, "show what is in a checkpoint, or compare two",
     "[-m MODEL | --diff A B]", inspect_examples, inspect},
    {"doctor", verb_doctor, "show what this machine offers and what will be used", "",
     doctor_examples, doctor},
    {"bench", verb_bench, "measure latency and throughput", "[--config NAME|FILE | -m MODEL]",
     bench_examples, bench},
    {"completion", verb_completion, "write a script with which a shell completes bertq's flags",
     "bash|zsh|fish", completion_examples, completion},
    {"help", verb_help, "show how the program or a verb is used", "[VERB]", help_examples, help},
};

}  // namespace

std::span<const Verb> all_verbs() {
  return verbs;
}

const Verb& find_verb(std::string_view name) {
  std::vector<std::string> known;
  for (const Verb& verb : verbs) {
    if (verb.name == name) return verb;
    known.emplace_back(verb.name);
  }
  throw Error(ErrorKind::usage, fmt::format("unknown verb '{}'{} (bertq --help lists them)", name,
                                            suggestion(name, known)));
}

}  // namespace bertq::engine::cli
