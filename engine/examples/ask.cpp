// Answers questions, a line each, from a document of any length.
//
//   ask MODEL DOCUMENT < questions.txt      MODEL: a BERT fine-tuned on SQuAD
#include <bertq/bertq.hpp>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

namespace {

std::string text_of(const char* file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw bertq::Error(bertq::ErrorKind::input, std::string(file) + ": cannot be read");
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) {
    std::cerr << "usage: ask MODEL DOCUMENT < questions.txt\n";
    return 2;
  }
  const std::string document = text_of(argv[2]);
  const auto model = bertq::Model::load(argv[1]);
  bertq::Session session(model);
  for (std::string question; std::getline(std::cin, question);) {
    const auto answer = session.answer(question, document);
    std::cout << question << "\n  " << answer.best.text << "  (" << answer.best.score << ", bytes "
              << answer.best.span.begin << " to " << answer.best.span.end << ")\n";
  }
} catch (const bertq::Error& error) {
  std::cerr << "ask: " << error.what() << '\n';
  return static_cast<int>(error.kind());
}
