#include "engine/task/classifier_set.h"

#include <charconv>
#include <cmath>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include "bertq/error.h"
#include "engine/runtime/replace_file.h"

namespace bertq::engine {
namespace {

namespace fs = std::filesystem;

// Predictions and truth of some examples, as classes or as values.
struct Outcomes {
  std::vector<std::size_t> predicted_class, true_class;
  std::vector<double> predicted_value, true_value;

  double score(Metric metric) const {
    return is_of_values(metric) ? engine::score(metric, predicted_value, true_value)
                                : engine::score(metric, predicted_class, true_class);
  }
  void add(const Outcomes& other, std::size_t example, bool values) {
    if (values) {
      predicted_value.push_back(other.predicted_value[example]);
      true_value.push_back(other.true_value[example]);
    } else {
      predicted_class.push_back(other.predicted_class[example]);
      true_class.push_back(other.true_class[example]);
    }
  }
};

// What a set with a suffix calls its metrics: names are literals, so each has to be listed.
constexpr std::pair<std::string_view, std::string_view> names_in_second_set[] = {
    {"acc", "acc_mm"}, {"eval_loss", "eval_loss_mm"}};

std::string_view with_suffix(std::string_view name, std::string_view suffix) {
  if (suffix.empty()) return name;
  for (const auto& [plain, second] : names_in_second_set) {
    if (plain == name && second.ends_with(suffix)) return second;
  }
  throw std::logic_error("a second set of a metric that has no name there");
}

// Shortest digits that read back as the same float.
std::string digits_of(float value) {
  std::string text(32, '\0');
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  text.resize(static_cast<std::size_t>(end - text.data()));
  return text;
}

void write_lines(const fs::path& path, const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + '\n';
  replace_file(path, text);
}

class ClassifierSet final : public EvaluationSet {
 public:
  ClassifierSet(ClassifierTask task, std::vector<ClassifierPart> parts,
                const tokenizer::Tokenizer& tokenizer, std::size_t max_tokens)
      : task_(std::move(task)), parts_(std::move(parts)) {
    for (const ClassifierPart& part : parts_) {
      if (!name_.empty()) name_ += ", ";
      name_ += part.set.name;
      begins_.push_back(inputs_.size());
      for (const Example& example : part.set.examples) {
        inputs_.push_back(tokenizer.encode(example.text, example.pair, max_tokens));
      }
    }
    begins_.push_back(inputs_.size());
  }

  const std::string& name() const override { return name_; }
  std::size_t examples() const override { return inputs_.size(); }
  std::span<const tokenizer::Encoding> inputs() const override { return inputs_; }
  TaskHead head() const override { return TaskHead::classifier; }
  bool labelled() const override { return parts_.front().set.labelled; }
  bool regression() const override { return task_.classes.empty(); }
  std::string_view goal() const override { return metric_name(task_.goal); }

  std::string remark() const override {
    std::size_t skipped = 0;
    for (const ClassifierPart& part : parts_) skipped += part.set.skipped;
    if (skipped == 0) return "";
    return std::to_string(skipped) + (skipped == 1 ? " row" : " rows") +
           " without all columns left out";
  }

  std::vector<Score> score(const ModelOutputs& outputs) const override {
    std::vector<Score> scores;
    for (std::size_t part = 0; part < parts_.size(); ++part) {
      const std::string_view suffix = parts_[part].suffix;
      const Outcomes outcomes = outcomes_of(part, outputs);
      for (const Metric metric : task_.metrics) {
        scores.push_back({with_suffix(metric_name(metric), suffix), outcomes.score(metric)});
      }
      scores.push_back({with_suffix("eval_loss", suffix), mean_loss(part, outputs)});
    }
    return scores;
  }

  ScoreOfChoice goal_score(const ModelOutputs& outputs) const override {
    return [all = outcomes_of(0, outputs), goal = task_.goal,
            values = regression()](std::span<const std::size_t> examples) {
      const std::size_t count = values ? all.true_value.size() : all.true_class.size();
      Outcomes chosen;
      for (const std::size_t example : examples) {
        if (example < count) chosen.add(all, example, values);
      }
      const bool none = chosen.true_class.empty() && chosen.true_value.empty();
      return none ? 0.0 : chosen.score(goal);
    };
  }

  std::vector<std::string> answers(const ModelOutputs& outputs) const override {
    std::vector<std::string> answers;
    for (std::size_t i = 0; i < examples(); ++i) {
      answers.push_back(regression() ? digits_of(outputs.of(i)[0])
                                     : task_.classes[predicted_class(outputs.of(i))]);
    }
    return answers;
  }

  std::string example_text(std::size_t example) const override {
    const Example& asked = example_at(example);
    return asked.pair ? asked.text + '\t' + *asked.pair : asked.text;
  }

  std::string expected_answer(std::size_t example) const override {
    if (!labelled()) return "";
    const Example& asked = example_at(example);
    return regression() ? digits_of(static_cast<float>(asked.value)) : task_.classes[asked.label];
  }

  // output.txt, as Q8BERT's `run` leaves it for a test set: the index of the class, or the value,
  // one a line. A second set has a folder of its own, as LPOT's examples have it: "DIR-MM".
  void write_files(const ModelOutputs& outputs, const fs::path& folder) const override {
    if (labelled()) return;
    for (std::size_t part = 0; part < parts_.size(); ++part) {
      std::vector<std::string> lines;
      for (std::size_t i = begins_[part]; i < begins_[part + 1]; ++i) {
        lines.push_back(regression() ? digits_of(outputs.of(i)[0])
                                     : std::to_string(predicted_class(outputs.of(i))));
      }
      fs::path place = folder;
      if (part > 0) {
        place = second_folder(folder);
        std::error_code failed;
        fs::create_directories(place, failed);
        if (failed) throw Error(ErrorKind::resources, place.string() + ": " + failed.message());
      }
      write_lines(place / "output.txt", lines);
    }
  }

 private:
  std::vector<float> of_classes(std::span<const float> logits) const {
    std::vector<float> row;
    for (const std::size_t logit : task_.logit_of) row.push_back(logits[logit]);
    return row;
  }
  std::size_t predicted_class(std::span<const float> logits) const {
    return argmax(of_classes(logits));
  }

  const Example& example_at(std::size_t example) const {
    std::size_t part = 0;
    while (example >= begins_[part + 1]) ++part;
    return parts_[part].set.examples[example - begins_[part]];
  }

  Outcomes outcomes_of(std::size_t part, const ModelOutputs& outputs) const {
    Outcomes outcomes;
    for (std::size_t i = begins_[part]; i < begins_[part + 1]; ++i) {
      const Example& example = parts_[part].set.examples[i - begins_[part]];
      if (regression()) {
        outcomes.predicted_value.push_back(static_cast<double>(outputs.of(i)[0]));
        outcomes.true_value.push_back(example.value);
      } else {
        outcomes.predicted_class.push_back(predicted_class(outputs.of(i)));
        outcomes.true_class.push_back(example.label);
      }
    }
    return outcomes;
  }

  // Cross-entropy, or the square of the error.
  double mean_loss(std::size_t part, const ModelOutputs& outputs) const {
    double total = 0.0;
    for (std::size_t i = begins_[part]; i < begins_[part + 1]; ++i) {
      const Example& example = parts_[part].set.examples[i - begins_[part]];
      total += regression() ? std::pow(static_cast<double>(outputs.of(i)[0]) - example.value, 2)
                            : cross_entropy(of_classes(outputs.of(i)), example.label);
    }
    return total / static_cast<double>(begins_[part + 1] - begins_[part]);
  }

  ClassifierTask task_;
  std::vector<ClassifierPart> parts_;
  std::string name_;
  std::vector<tokenizer::Encoding> inputs_;
  std::vector<std::size_t> begins_;  // of each part in inputs_, and their end
};

}  // namespace

std::unique_ptr<EvaluationSet> make_classifier_set(ClassifierTask task,
                                                   std::vector<ClassifierPart> parts,
                                                   const tokenizer::Tokenizer& tokenizer,
                                                   std::size_t max_tokens) {
  return std::make_unique<ClassifierSet>(std::move(task), std::move(parts), tokenizer, max_tokens);
}

}  // namespace bertq::engine
