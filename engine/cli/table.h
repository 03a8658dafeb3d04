// Results in rows and columns: for a terminal, for Markdown, and as CSV.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bertq::engine::cli {

class Table {
 public:
  // Units belong into the titles, so that cells are plain numbers. All columns but the first are
  // aligned to the right.
  explicit Table(std::vector<std::string> titles);
  void add(std::vector<std::string> cells);  // as many as there are titles

  // `format` is "table", "md" or "csv".
  std::string text(std::string_view format) const;

 private:
  std::string aligned() const;
  std::string markdown() const;
  std::string csv() const;

  std::vector<std::vector<std::string>> rows_;  // the titles first
};

}  // namespace bertq::engine::cli
