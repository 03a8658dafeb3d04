// Pictures for reports, as SVG within an HTML page (html_page.h gives the colours).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bertq::engine::cli {

struct Bar {
  std::string label;
  double value = 0.0;  // finite; bars of negative values go to the left
  std::string text;    // beside the bar: the value with its unit
};
// Horizontal bars, one below the other.
std::string bar_chart(const std::vector<Bar>& bars);

enum class Mark : unsigned char { plain, good, chosen };

struct Point2 {
  double x = 0.0, y = 0.0;  // finite
  Mark mark = Mark::plain;
  std::string tip;  // shown when pointed at
};
struct Scatter {
  std::string x_title, y_title;
  std::vector<Point2> points;
  // A line through these of the points, in their order: the Pareto front.
  std::vector<std::size_t> line;
  std::optional<double> level;  // a horizontal line, such as a goal,
  std::string level_title;      // and what it is
};
// The titles of the vertical axis and of the level stand above the plot, clear of any points.
std::string scatter_chart(const Scatter& scatter);

struct LegendEntry {
  Mark mark = Mark::plain;
  std::string text;
};
// What the marks of a picture mean: a line to stand above it.
std::string chart_legend(const std::vector<LegendEntry>& entries);

// The ends and the distance of three to seven round numbers that cover low..high.
struct Ticks {
  double first = 0.0, step = 1.0;
  int count = 2;
};
Ticks round_ticks(double low, double high);

}  // namespace bertq::engine::cli
