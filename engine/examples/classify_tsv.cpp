// Labels a table: each line's columns TEXT and, where given, PAIR are read; label and score are
// added.
//
//   classify_tsv MODEL TEXT [PAIR] < in.tsv > out.tsv      columns are counted from 1
#include <bertq/bertq.hpp>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t batch_lines = 256;

std::string_view column(std::string_view line, std::size_t number) {
  for (; number > 1; --number) {
    const std::size_t tab = line.find('\t');
    if (tab == line.npos) throw bertq::Error(bertq::ErrorKind::input, "a line lacks the column");
    line.remove_prefix(tab + 1);
  }
  return line.substr(0, line.find('\t'));
}

void label(bertq::Session& session, const std::vector<std::string>& lines, std::size_t text,
           std::size_t pair) {
  std::vector<bertq::Input> inputs;
  for (const std::string& line : lines) {
    inputs.push_back(pair == 0 ? bertq::Input(column(line, text))
                               : bertq::Input(column(line, text), column(line, pair)));
  }
  const auto results = session.classify_batch(inputs);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::cout << lines[i] << '\t' << results[i].label << '\t' << results[i].score << '\n';
  }
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 3 || argc > 4) {
    std::cerr << "usage: classify_tsv MODEL TEXT [PAIR] < in.tsv > out.tsv\n";
    return 2;
  }
  const std::size_t text = std::stoul(argv[2]), pair = argc == 4 ? std::stoul(argv[3]) : 0;
  const auto model = bertq::Model::load(argv[1]);
  bertq::Session session(model, {.truncate = true});
  std::vector<std::string> lines;
  for (std::string line; std::getline(std::cin, line);) {
    lines.push_back(std::move(line));
    if (lines.size() < batch_lines) continue;
    label(session, lines, text, pair);
    lines.clear();
  }
  label(session, lines, text, pair);
} catch (const std::exception& error) {
  std::cerr << "classify_tsv: " << error.what() << '\n';
  return 3;
}
