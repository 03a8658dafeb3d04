#include "engine/squad/squad_answers.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_set>
#include <utility>

#include "engine/squad/final_text.h"
#include "tokenizer/python_text.h"

namespace bertq::engine {
namespace {

constexpr std::size_t no_window = static_cast<std::size_t>(-1);
constexpr double no_null_score = 1'000'000;  // of an example without windows

// A span of tokens, before it is known which text it is.
struct Pair {
  std::size_t window = no_window;   // no_window: "no answer"
  std::size_t first = 0, last = 0;  // tokens of the context
  double start_logit = 0.0, end_logit = 0.0;
  double score() const { return start_logit + end_logit; }
};

// The indices of the `most` largest values of one column of [tokens][2], the first of equals first.
std::vector<std::size_t> best_indices(std::span<const float> logits, std::size_t column,
                                      std::size_t most) {
  std::vector<std::size_t> order(logits.size() / 2);
  std::iota(order.begin(), order.end(), std::size_t{0});
  const std::size_t kept = std::min(most, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept), order.end(),
                    [&](std::size_t a, std::size_t b) {
                      const float x = logits[2 * a + column], y = logits[2 * b + column];
                      return x > y || (x == y && a < b);
                    });
  order.resize(kept);
  return order;
}

class Predictor {
 public:
  Predictor(const SquadContext& context, std::span<const SquadWindow> windows,
            std::span<const std::span<const float>> logits, const tokenizer::Tokenizer& tokenizer,
            const SquadChoice& choice)
      : context_(context),
        windows_(windows),
        logits_(logits),
        tokenizer_(tokenizer),
        choice_(choice) {}

  SquadPrediction predict() {
    std::vector<Pair> pairs;
    for (std::size_t window = 0; window < windows_.size(); ++window) {
      if (choice_.may_be_unanswerable) look_at_null(window);
      add_pairs(window, pairs);
    }
    if (choice_.may_be_unanswerable) pairs.push_back(null_);
    std::stable_sort(pairs.begin(), pairs.end(),
                     [](const Pair& a, const Pair& b) { return a.score() > b.score(); });
    SquadPrediction prediction;
    prediction.n_best = take_best(pairs);
    set_probabilities(prediction.n_best);
    if (choice_.may_be_unanswerable) choose(prediction);
    return prediction;
  }

 private:
  // "No answer" is a span from [CLS] to [CLS]; the window least sure of it counts.
  void look_at_null(std::size_t window) {
    const double start = logits_[window][0], end = logits_[window][1];
    if (start + end >= null_score_) return;
    null_score_ = start + end;
    null_.start_logit = start;
    null_.end_logit = end;
  }

  void add_pairs(std::size_t nth, std::vector<Pair>& pairs) const {
    const SquadWindow& window = windows_[nth];
    const auto logits = logits_[nth];
    const auto in_context = [&](std::size_t index) {
      return index >= window.offset && index < window.offset + window.length;
    };
    const auto ends = best_indices(logits, 1, choice_.options.n_best);
    for (const std::size_t start : best_indices(logits, 0, choice_.options.n_best)) {
      if (!in_context(start)) continue;
      const std::size_t first = start - window.offset + window.begin;
      if (!has_most_context(windows_, nth, first)) continue;
      for (const std::size_t end : ends) {
        if (!in_context(end) || end < start) continue;
        if (end - start + 1 > choice_.options.max_answer) continue;
        pairs.push_back(
            {nth, first, first + (end - start), logits[2 * start], logits[2 * end + 1]});
      }
    }
  }

  // The first pair of each text.
  std::vector<SquadCandidate> take_best(std::span<const Pair> pairs) const {
    std::vector<SquadCandidate> best;
    std::unordered_set<std::string> seen;
    for (const Pair& pair : pairs) {
      if (best.size() >= choice_.options.n_best) break;
      SquadCandidate candidate = pair.window == no_window ? SquadCandidate{} : text_of(pair);
      if (!seen.insert(candidate.text).second) continue;
      candidate.start_logit = pair.start_logit;
      candidate.end_logit = pair.end_logit;
      best.push_back(std::move(candidate));
    }
    if (choice_.may_be_unanswerable) {
      if (!seen.contains("")) best.push_back({"", {}, null_.start_logit, null_.end_logit});
      if (best.size() == 1) best.insert(best.begin(), {"empty", {}});
    }
    if (best.empty()) best.push_back({"empty", {}});
    return best;
  }

  SquadCandidate text_of(const Pair& pair) const {
    const std::size_t first = context_.word_of[pair.first], last = context_.word_of[pair.last];
    const std::string original = context_.joined(first, last);
    const auto [begin, end] = find_final_text(put_together(pair), original, tokenizer_);
    return {original.substr(begin, end - begin),
            {in_context(first, begin), in_context(first, end - 1) + 1}};
  }

  // Pieces as words again: "steve", "smith", "##s" is "steve smiths".
  std::string put_together(const Pair& pair) const {
    constexpr std::string_view continuing = "##";
    std::string text;
    for (std::size_t i = pair.first; i <= pair.last; ++i) {
      std::string_view piece = tokenizer_.token(context_.ids[i]);
      if (piece.starts_with(continuing)) {
        piece.remove_prefix(continuing.size());
      } else if (!text.empty()) {
        text += ' ';
      }
      text += piece;
    }
    for (auto at = text.find(continuing); at != text.npos; at = text.find(continuing, at)) {
      text.erase(at, continuing.size());
    }
    return tokenizer::collapse_python_spaces(text);
  }

  // Where in the context a byte of joined(first, ...) is.
  std::uint32_t in_context(std::size_t first, std::uint32_t byte) const {
    std::size_t word = first;
    for (;; ++word) {
      const std::uint32_t length = context_.words[word].end - context_.words[word].begin;
      if (byte < length) return context_.words[word].begin + byte;
      byte -= length + 1;  // the space after it
    }
  }

  static void set_probabilities(std::span<SquadCandidate> candidates) {
    const auto score = [](const SquadCandidate& c) { return c.start_logit + c.end_logit; };
    double highest = score(candidates[0]);
    for (const SquadCandidate& c : candidates) highest = std::max(highest, score(c));
    double sum = 0.0;
    for (SquadCandidate& c : candidates) {
      c.probability = std::exp(score(c) - highest);
      sum += c.probability;
    }
    for (SquadCandidate& c : candidates) c.probability /= sum;
  }

  void choose(SquadPrediction& prediction) const {
    const auto& list = prediction.n_best;
    const auto find = [&](bool empty) {
      return static_cast<std::size_t>(
          std::find_if(list.begin(), list.end(),
                       [&](const SquadCandidate& c) { return c.text.empty() == empty; }) -
          list.begin());
    };
    const std::size_t best = find(false);
    prediction.null_odds = null_score_ - list[best].start_logit - list[best].end_logit;
    prediction.chosen = prediction.null_odds > choice_.options.null_threshold ? find(true) : best;
  }

  const SquadContext& context_;
  std::span<const SquadWindow> windows_;
  std::span<const std::span<const float>> logits_;
  const tokenizer::Tokenizer& tokenizer_;
  const SquadChoice& choice_;
  double null_score_ = no_null_score;
  Pair null_;
};

}  // namespace

SquadPrediction predict_answer(const SquadContext& context, std::span<const SquadWindow> windows,
                               std::span<const std::span<const float>> logits,
                               const tokenizer::Tokenizer& tokenizer, const SquadChoice& choice) {
  return Predictor(context, windows, logits, tokenizer, choice).predict();
}

}  // namespace bertq::engine
