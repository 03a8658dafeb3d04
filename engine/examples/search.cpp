// Semantic search over a text file: the lines that mean most nearly what the query means.
//
//   search MODEL FILE QUERY...      MODEL: a sentence-transformers folder, or any BERT
#include <algorithm>
#include <bertq/bertq.hpp>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <numeric>
#include <string>
#include <vector>

namespace {

std::vector<std::string> lines_of(const char* file) {
  std::ifstream in(file);
  if (!in) throw bertq::Error(bertq::ErrorKind::input, std::string(file) + ": cannot be read");
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

void search(const bertq::Model& model, const std::vector<std::string>& lines,
            const std::string& query) {
  bertq::Session session(model, {.truncate = true});
  const auto sought = session.embed(query, {.normalize = true});
  const std::vector<float> vector(sought.begin(), sought.end());  // the next call has the session's

  const std::vector<bertq::Input> inputs(lines.begin(), lines.end());
  const bertq::Rows rows = session.embed_batch(inputs, {.normalize = true});
  std::vector<std::pair<float, std::size_t>> found;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto row = rows[i];
    found.emplace_back(std::inner_product(row.begin(), row.end(), vector.begin(), 0.0F), i);
  }
  std::sort(found.rbegin(), found.rend());
  if (found.size() > 5) found.resize(5);
  std::cout << std::fixed << std::setprecision(3);
  for (const auto& [cosine, line] : found) std::cout << cosine << "  " << lines[line] << '\n';
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 4) {
    std::cerr << "usage: search MODEL FILE QUERY...\n";
    return 2;
  }
  std::string query = argv[3];
  for (int i = 4; i < argc; ++i) query += std::string(" ") + argv[i];
  search(bertq::Model::load(argv[1]), lines_of(argv[2]), query);
} catch (const bertq::Error& error) {
  std::cerr << "search: " << error.what() << '\n';
  return static_cast<int>(error.kind());
}
