#include "engine/cli/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "engine/cli/verbs.h"
#include "engine/task/task.h"
#include "jit/isa.h"

namespace bertq::engine::cli {
namespace {

constexpr unsigned with_weights = verb_run | verb_predict | verb_embed | verb_answer | verb_bench;
constexpr unsigned with_recipe = with_weights | verb_quantize;
constexpr unsigned with_text = verb_run | verb_tune | verb_why | verb_predict | verb_embed |
                               verb_answer | verb_tokenize | verb_bench;
constexpr unsigned with_task = verb_run | verb_tune | verb_why | verb_quantize;
constexpr unsigned every = ~0U;
constexpr unsigned filters = verb_predict | verb_embed | verb_answer | verb_tokenize;
constexpr unsigned with_questions = verb_run | verb_tune | verb_why | verb_answer | verb_quantize;
constexpr unsigned with_calibration = verb_tune | verb_quantize;
constexpr std::size_t help_indent = 34, help_width = 100;
constexpr std::uint64_t any = std::numeric_limits<std::uint64_t>::max();

constexpr Option table[] = {
    {"model", 'm', Takes::path, "MODEL", "", "",
     "checkpoint: a folder, a file, or org/name[@revision] in the local Hugging Face cache "
     "(default: the embedded sample)",
     with_text | verb_inspect | verb_quantize},
    {"mmap", '\0', Takes::nothing, "", "", "",
     "map the weights of a .bertq file instead of reading them: several processes share them",
     with_weights},
    {"vocab", '\0', Takes::path, "FILE", "", "", "vocab.txt or tokenizer.json, without a model",
     verb_tokenize | verb_bench},
    {"config", '\0', Takes::path, "bert-base|bert-large|FILE", "bert-base", "",
     "shape of a model with random weights", verb_bench},
    {"task", '\0', Takes::task, "TASK", "", "",
     "what to score: cola|sst-2|mrpc|sts-b|qqp|mnli|qnli|rte|wnli|squad|squad_v2, or custom: a "
     "file "
     "of your own",
     with_task},
    {"task", '\0', Takes::task, "TASK", "", "", "adds a shape: all examples of the task's --data",
     verb_bench},
    {"data", '\0', Takes::path, "FILE|DIR", "", "",
     "the task's file, or a folder with its files under the names they were published by (dev.tsv, "
     "dev_matched.tsv, dev-v1.1.json, msr_paraphrase_test.txt, ...)",
     verb_run | verb_tune | verb_why | verb_bench},
    {"text-column", '\0', Takes::text, "NAME", "text", "",
     "--task custom: the column of the text, by its name in the header line of a tab-separated "
     "file, "
     "or its key in JSON Lines",
     with_task},
    {"pair-column", '\0', Takes::text, "NAME", "", "",
     "--task custom: that of the second text (default: single texts)", with_task},
    {"label-column", '\0', Takes::text, "NAME", "label", "",
     "--task custom: that of the label: a name in the checkpoint's id2label or its index; a number "
     "where the checkpoint has one logit",
     with_task},
    {"no-header", '\0', Takes::nothing, "", "", "",
     "--task custom: the file has no header line, and columns are numbers from 1", with_task},
    {"metric", '\0', Takes::choice, "acc|f1|acc_and_f1|mcc|pearson|spearmanr|corr", "", "",
     "--task custom: of the goal (default: acc; spearmanr where the checkpoint has one logit)",
     with_task},
    {"calibration-data", '\0', Takes::path, "FILE|DIR", "", "",
     "fixed ranges for the inputs of INT8 layers, from examples of --task: its training file, or a "
     "folder with it",
     with_calibration},
    {"calibration-samples", '\0', Takes::number, "N", "500", "",
     "at most so many of them, evenly spaced", with_calibration, 1, 1'000'000},
    {"algorithm", '\0', Takes::choice, "minmax|moving_average|percentile|kl|histogram|mse", "mse",
     "",
     "what finds a range for a whole layer: histogram is PyTorch's HistogramObserver (LPOT's kl "
     "for "
     "PyTorch), kl the divergence of LPOT and MXNet",
     verb_quantize},
    {"scheme", '\0', Takes::choice, "asymmetric|symmetric", "asymmetric", "",
     "whether a range has its zero where the values want it", verb_quantize},
    {"methods", '\0', Takes::text, "LIST", "all", "",
     "what keeps accuracy: equalization,weight_clipping,rounding,bias_correction, all or none",
     verb_quantize},
    {"data", '\0', Takes::path, "FILE", "", "", "read this instead of standard input", filters},
    {"recipe", '\0', Takes::path, "FILE", "", "", "precision of each layer, as JSON",
     with_recipe | verb_why},
    {"recipe", '\0', Takes::text, "FILE", "", "",
     "where the best recipe so far is kept; beside it FILE.journal, with every trial", verb_tune},
    {"resume", '\0', Takes::nothing, "", "", "",
     "continue the search in FILE.journal, to the result that it would have come to", verb_tune},
    {"strategy", '\0', Takes::choice, "sensitivity|basic|mse|exhaustive|random|bayesian",
     "sensitivity", "",
     "in which order recipes are tried: bertq's own measures what each layer spoils and costs; the "
     "others are LPOT's",
     verb_tune},
    {"lpot-config", '\0', Takes::path, "FILE", "", "",
     "a YAML file of LPOT: strategy, goal, exit policy, what is allowed for which operation",
     verb_tune},
    {"relative", '\0', Takes::text, "X", "0.01", "",
     "the goal: how much of the FP32 score may be lost; 0.01 or 1%", verb_tune},
    {"absolute", '\0', Takes::text, "X", "", "", "instead: by how much the score may be lower",
     verb_tune},
    {"lower-is-better", '\0', Takes::nothing, "", "", "", "the score is a loss", verb_tune},
    {"objective", '\0', Takes::choice, "time|memory|size", "time", "",
     "what is to be least among the recipes that meet the goal", verb_tune},
    {"max-trials", '\0', Takes::number, "N", "100", "", "recipes to try at most", verb_tune, 1,
     1'000'000},
    {"timeout", '\0', Takes::number, "SECONDS", "", "",
     "end after so long; 0: at the first recipe that meets the goal (default: sensitivity ends by "
     "itself, 0 for the others)",
     verb_tune, 0, 1'000'000'000},
    {"eval-command", '\0', Takes::text, "CMD", "", "",
     "scores a recipe in place of the task: run by a shell with the recipe's path as last "
     "argument, "
     "prints one number",
     verb_tune},
    {"precision", '\0', Takes::choice, "fp32|bf16|int8|torch-dynamic|auto", "auto", "",
     "auto: the recipe given or stored in the .bertq file, else int8. int8 of a checkpoint that "
     "brings ranges of its own (Q8BERT, LPOT) is its own arithmetic; torch-dynamic is PyTorch's "
     "dynamic quantisation, bit by bit, of an FP32 checkpoint too",
     with_recipe & ~verb_bench},
    {"precision", '\0', Takes::choices, "fp32|bf16|int8|torch-dynamic|auto", "auto", "",
     "one, or several with commas between, which are measured in alternation; auto: the recipe "
     "given or stored in the .bertq file, else int8",
     verb_bench},
    {"reduce-range", '\0', Takes::choice, "yes|no", "", "",
     "torch-dynamic: 7 or 8 bits for activations, where the file does not say", with_recipe},
    {"batch", '\0', Takes::number, "N", "8", "",
     "torch-dynamic: texts that share a range, in the order of the input; run --max-batches: those "
     "that are timed together",
     with_weights, 1, 4096},
    {"pad-to", '\0', Takes::number, "N", "", "",
     "torch-dynamic: pad each batch to so many tokens (default: those of its longest text)",
     with_weights, 1, 1'000'000},
    {"activations", '\0', Takes::choice, "dynamic|static", "", "",
     "INT8 ranges: each token's own, or fixed ones (of the recipe, else calibrated on what is "
     "measured)",
     verb_bench},
    {"texts", '\0', Takes::path, "FILE", "", "",
     "adds your own texts: one a line, a tab between the two of a pair; or JSON Lines with "
     "\"text\" "
     "and \"text_pair\"; -: standard input",
     verb_bench},
    {"scenario", '\0', Takes::text, "LIST", "", "",
     "measure as MLPerf does, with commas between: offline (all requests at once), single (one at "
     "a time), server:qps=N (Poisson arrivals, N a second), server:load=X (X times the Offline "
     "rate), server (the highest rate that keeps --p99-bound)",
     verb_bench},
    {"tokenize", '\0', Takes::choice, "in|out", "out", "",
     "scenarios: whether the time of a request includes its tokenization", verb_bench},
    {"instances", '\0', Takes::number, "N", "1", "",
     "scenarios: sessions side by side, each with --threads (default: an equal share) of its own",
     verb_bench, 1, 256},
    {"repeat", '\0', Takes::number, "N", "3", "",
     "runs that the time is divided into, for the spread from one to the next", verb_bench, 1, 100},
    {"p99-bound", '\0', Takes::text, "MS", "130", "",
     "server: the latency that 99 of 100 requests have to keep", verb_bench},
    {"max-delay", '\0', Takes::text, "MS", "0", "",
     "server: how long a request may wait for company while nothing runs", verb_bench},
    {"max-batch-tokens", '\0', Takes::number, "N", "", "",
     "server: tokens of a batch at most (default: what makes it efficient, and no more)", verb_bench,
     1, 1 << 20},
    {"max-waiting-tokens", '\0', Takes::number, "N", "65536", "",
     "server: tokens that may wait; what comes beyond is refused", verb_bench, 1, 1 << 30},
    {"layers", '\0', Takes::nothing, "", "", "",
     "where the time goes instead: each kernel of each layer, and its share of what the CPU's "
     "multiplying unit can do, measured beside it",
     verb_bench},
    {"baseline", '\0', Takes::path, "FILE.json", "", "",
     "compare with an earlier --format json of this machine; exit 6 if anything has become slower "
     "beyond the noise of both",
     verb_bench},
    {"shapes", '\0', Takes::text, "BxL,...", "1x128,8x128,1x384", "",
     "batch x length in tokens, with commas between; 64x8-32: 64 of lengths from 8 to 32",
     verb_bench},
    {"seconds", '\0', Takes::number, "N", "3", "",
     "time to spend on each shape, or on each run of a scenario", verb_bench, 0, 3600},
    {"seed", '\0', Takes::number, "N", "1978", "", "of the strategies that draw lots", verb_tune, 0,
     any},
    {"seed", '\0', Takes::number, "N", "1", "", "of random weights and tokens", verb_bench, 0, any},
    {"threads", '\0', Takes::number, "N", "", "BERTQ_THREADS",
     "worker threads, never more than the CPU quota (default: the cores this process may use)",
     with_weights | verb_tune | verb_why | verb_doctor | verb_quantize, 1, 1024},
    {"isa", '\0', Takes::isa, "ISA", "auto", "BERTQ_ISA", "code path",
     with_weights | verb_tune | verb_why | verb_doctor | verb_quantize},
    {"max-seq-length", '\0', Takes::number, "N", "", "",
     "longest input in tokens, special ones included (default: the task's, else the model's)",
     verb_run | verb_tune | verb_why | verb_predict | verb_embed | verb_bench | verb_quantize, 3,
     1'000'000},
    {"max-seq-length", '\0', Takes::number, "N", "", "",
     "truncate to so many tokens, special ones included (default: never)", verb_tokenize, 3,
     1'000'000},
    {"max-seq-length", '\0', Takes::number, "N", "384", "",
     "tokens of a window: question, a part of the context, special ones", verb_answer, 4,
     1'000'000},
    {"doc-stride", '\0', Takes::number, "N", "128", "",
     "SQuAD: tokens from one window of a long context to the next (where that is too far for short "
     "windows, a third of them)",
     with_questions, 1, 1'000'000},
    {"max-query-length", '\0', Takes::number, "N", "64", "",
     "SQuAD: a question is cut to so many tokens", with_questions, 1, 1'000'000},
    {"n-best", '\0', Takes::number, "N", "20", "",
     "SQuAD: ends that are looked at in a window, and answers that are listed",
     with_questions & ~verb_answer, 1, 10'000},
    {"n-best", '\0', Takes::number, "N", "20", "", "answers that are listed", verb_answer, 1,
     10'000},
    {"max-answer-length", '\0', Takes::number, "N", "30", "", "SQuAD: tokens of an answer",
     with_questions, 1, 1'000'000},
    {"version-2-with-negative", '\0', Takes::nothing, "", "", "",
     "the model may say that there is no answer, as those trained on SQuAD v2.0 do", verb_answer},
    {"null-score-diff-threshold", '\0', Takes::text, "X", "0", "",
     "SQuAD v2.0: answer nothing if that beats the best answer by more than X logits",
     with_questions},
    {"truncate", '\0', Takes::nothing, "", "", "", "cut what is too long instead of refusing it",
     verb_predict | verb_embed},
    {"pooling", '\0', Takes::choice, "mean|cls", "", "",
     "how token vectors become one (default: the model's modules.json, else mean)", verb_embed},
    {"no-normalize", '\0', Takes::nothing, "", "", "", "leave vectors at their own length",
     verb_embed},
    {"do-lower-case", '\0', Takes::boolean, "", "", "", "lower-case text, whatever the model says",
     with_text | verb_quantize},
    {"tokenizer-profile", '\0', Takes::choice, "hf|google", "", "",
     "whose ids to give where Hugging Face and google-research differ", with_text | verb_quantize},
    {"activation", '\0', Takes::choice, "erf|tanh", "", "", "which GELU, whatever config.json says",
     with_recipe | verb_tune | verb_why},
    {"changes", '\0', Takes::number, "N", "10", "", "changed answers to show", verb_why, 0, any},
    {"report", '\0', Takes::text, "FILE.html", "", "",
     "also write the results as one page with pictures, which needs no other file",
     verb_tune | verb_why | verb_bench},
    {"require-goal", '\0', Takes::nothing, "", "", "", "exit 4 if the accuracy goal is missed",
     verb_run},
    {"split", '\0', Takes::choice, "dev|test", "dev", "",
     "dev scores against labels; test writes predictions of unlabelled files to --output-dir",
     verb_run},
    {"max-batches", '\0', Takes::number, "N", "", "",
     "only time N batches of --batch, in the order of the data, after 5 more to warm up; latency "
     "is "
     "then that of a batch over --batch",
     verb_run, 1, 1'000'000},
    {"output-dir", '\0', Takes::text, "DIR", "", "",
     "write what the field's scripts write: eval_results.txt; of --split test output.txt, a line "
     "an "
     "example: the index of the class (MNLI: 0 contradiction, 1 entailment, 2 neutral) or the "
     "value; "
     "MNLI's second set to DIR-MM",
     verb_run},
    {"format", '\0', Takes::choice, "table|json|csv|md", "table", "", "of the results",
     verb_run | verb_why | verb_bench},
    {"format", '\0', Takes::choice, "table|json", "table", "", "of the results",
     verb_tune | verb_doctor | verb_inspect | verb_quantize},
    {"format", '\0', Takes::choice, "ids|tokens|json", "ids", "",
     "of each line; json has spans: bytes of the text, or of the pair in segment 1", verb_tokenize},
    {"format", '\0', Takes::choice, "json|f32", "json", "",
     "JSON Lines, or rows of little-endian floats", verb_embed},
    {"values", '\0', Takes::nothing, "", "", "", "read the weights: range, NaN and infinities",
     verb_inspect},
    {"verify", '\0', Takes::nothing, "", "", "",
     "read everything and hold it against the file's own checksums", verb_inspect},
    {"diff", '\0', Takes::paths, "A B", "", "",
     "compare two checkpoints of any formats, tensor by tensor, by their canonical names (exit 0 "
     "also if they differ; \"identical\" in the JSON says)",
     verb_inspect},
    {"shell", '\0', Takes::choice, "bash|zsh|fish", "", "", "whose completions to write",
     verb_completion, 0, 0, true},
    {"verb", '\0', Takes::verb, "VERB", "", "", "whose help to show (default: the program's)",
     verb_help, 0, 0, true},
    {"man", '\0', Takes::nothing, "", "", "", "as a manual page, in roff", verb_help},
    {"write-share", '\0', Takes::text, "DIR", "", "",
     "instead, write all manual pages and completions below DIR, as a package has them in share/",
     verb_help},
    {"output", 'o', Takes::text, "FILE", "", "", "write results there, not to standard output",
     every & ~verb_quantize},
    {"output", 'o', Takes::text, "FILE.bertq|FILE.json", "", "",
     "the file to write; one of that name is replaced when the new one is complete. A .json file "
     "is "
     "the calibrated recipe alone",
     verb_quantize},
    {"quiet", 'q', Takes::nothing, "", "", "", "no notes and no progress bar, even on a terminal",
     every},
    {"help", 'h', Takes::nothing, "", "", "", "show this", every},
    {"version", '\0', Takes::nothing, "", "", "", "show the version", every},
};

std::string isa_choices() {
  std::string names = "auto";
  for (const jit::Isa isa : jit::all_isas()) names += fmt::format("|{}", jit::isa_name(isa));
  return names;
}

std::vector<std::string> split_at_bars(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('|'), text.size());
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

// Words in lines that end before `help_width`, all but the first indented.
std::string wrapped(std::string_view text) {
  std::string lines;
  std::size_t column = help_indent;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (column != help_indent && column + 1 + end > help_width) {
      lines += '\n' + std::string(help_indent, ' ');
      column = help_indent;
    } else if (column != help_indent) {
      lines += ' ';
      ++column;
    }
    lines += text.substr(0, end);
    column += end;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

}  // namespace

std::span<const Option> all_options() {
  return table;
}

std::vector<const Option*> options_of(unsigned verb) {
  std::vector<const Option*> rows;
  for (const Option& row : table) {
    if ((row.verbs & verb) != 0) rows.push_back(&row);
  }
  return rows;
}

std::string argument_of(const Option& option) {
  return option.takes == Takes::isa ? isa_choices() : std::string(option.argument);
}

std::vector<std::string> candidates_of(const Option& option) {
  std::vector<std::string> names;
  switch (option.takes) {
    case Takes::choice:
    case Takes::choices:
    case Takes::isa:
      return split_at_bars(argument_of(option));
    case Takes::path:  // "bert-base|bert-large|FILE": what is not in capitals is meant as it stands
      for (std::string& name : split_at_bars(option.argument)) {
        if (name.find_first_of("abcdefghijklmnopqrstuvwxyz") != std::string::npos &&
            name.find('.') == std::string::npos) {
          names.push_back(std::move(name));
        }
      }
      return names;
    case Takes::task:
      for (const Task& task : all_tasks()) names.emplace_back(task.name);
      return names;
    case Takes::verb:
      for (const Verb& verb : all_verbs()) names.emplace_back(verb.name);
      return names;
    case Takes::nothing:
    case Takes::boolean:
    case Takes::text:
    case Takes::paths:
    case Takes::number:
      break;
  }
  return names;
}

Names names_what(const Option& option) {
  if (option.argument == "DIR") return Names::folder;
  const bool file = option.takes == Takes::path || option.takes == Takes::paths ||
                    (option.takes == Takes::text && option.argument.starts_with("FILE"));
  return file ? Names::file : Names::nothing;
}

std::string full_help(const Option& option) {
  std::string help(option.help);
  if (!option.fallback.empty()) help += fmt::format(" (default {})", option.fallback);
  if (!option.environment.empty()) help += fmt::format("; environment: {}", option.environment);
  return help;
}

std::string brief(std::string_view help) {
  constexpr std::size_t longest = 70;
  std::string_view gist = help.substr(0, help.find_first_of(";:("));
  if (gist.size() > longest) gist = gist.substr(0, gist.rfind(' ', longest));
  return std::string(gist.substr(0, gist.find_last_not_of(" ,") + 1));
}

std::string help_line(std::string_view left, std::string_view right) {
  const bool beside = left.size() + 2 <= help_indent;
  return (beside ? fmt::format("{:<{}}", left, help_indent)
                 : fmt::format("{}\n{:{}}", left, "", help_indent)) +
         wrapped(right) + '\n';
}

std::string options_help(unsigned verb) {
  std::string help;
  for (const Option* row : options_of(verb)) {
    std::string left = "  ";
    if (!row->positional) {
      left += row->letter == '\0' ? "    " : fmt::format("-{}, ", row->letter);
      left += fmt::format("--{} ", row->name);
    }
    left += argument_of(*row);
    help += help_line(std::string_view(left).substr(0, left.find_last_not_of(' ') + 1),
                      full_help(*row));
  }
  return help;
}

}  // namespace bertq::engine::cli
