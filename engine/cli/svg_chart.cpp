#include "engine/cli/svg_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/cli/html_page.h"

namespace bertq::engine::cli {
namespace {

constexpr double width = 900.0;

// Where a value lies between two ends of the picture.
struct Axis {
  double low, high, from, to;
  double at(double value) const { return from + (value - low) / (high - low) * (to - from); }
};

Axis axis_of(const Ticks& ticks, double from, double to) {
  return {ticks.first, ticks.first + ticks.step * (ticks.count - 1), from, to};
}

std::string line(double x1, double y1, double x2, double y2, std::string_view look) {
  return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" {}/>\n", x1, y1,
                     x2, y2, look);
}

std::string text(double x, double y, std::string_view anchor, std::string_view words) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n", x, y, anchor,
                     html_text(words));
}

std::string svg(double height, std::string_view content) {
  return fmt::format("<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\">\n{}</svg>\n", width, height,
                     content);
}

constexpr std::string_view grid = "stroke=\"var(--faint)\"";

std::string_view colour_of(Mark mark) {
  switch (mark) {
    case Mark::good:
      return "var(--good)";
    case Mark::chosen:
      return "var(--warn)";
    case Mark::plain:
      break;
  }
  return "var(--mark)";
}

std::string points_of(const Scatter& scatter, const Axis& x, const Axis& y) {
  std::string content;
  for (const Mark mark : {Mark::plain, Mark::good, Mark::chosen}) {  // the chosen ones on top
    for (const Point2& point : scatter.points) {
      if (point.mark != mark) continue;
      content += fmt::format(
          "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\" fill=\"{}\"><title>{}</title></circle>\n",
          x.at(point.x), y.at(point.y), mark == Mark::chosen ? 7 : 4, colour_of(mark),
          html_text(point.tip));
    }
  }
  return content;
}

std::string front_of(const Scatter& scatter, const Axis& x, const Axis& y) {
  if (scatter.line.size() < 2) return "";
  std::string corners;
  for (const std::size_t i : scatter.line) {
    corners += fmt::format("{:.1f},{:.1f} ", x.at(scatter.points[i].x), y.at(scatter.points[i].y));
  }
  return fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"var(--good)\"/>\n", corners);
}

}  // namespace

Ticks round_ticks(double low, double high) {
  if (!(high > low)) {
    const double margin = low == 0.0 ? 1.0 : std::fabs(low) * 0.01;
    low -= margin;
    high += margin;
  }
  const double rough = (high - low) / 5.0;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  double step = power * 10.0;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough) {
      step = factor * power;
      break;
    }
  }
  const double first = std::floor(low / step), last = std::ceil(high / step);
  return {first * step, step, static_cast<int>(last - first) + 1};
}

std::string bar_chart(const std::vector<Bar>& bars) {
  constexpr double row = 22.0, label_width = 340.0, text_width = 110.0;
  double least = 0.0, most = 0.0;
  for (const Bar& bar : bars) {
    least = std::min(least, bar.value);
    most = std::max(most, bar.value);
  }
  if (most == least) most = 1.0;
  const Axis axis{least, most, label_width, width - text_width};
  std::string content;
  for (std::size_t i = 0; i < bars.size(); ++i) {
    const Bar& bar = bars[i];
    const double y = row * static_cast<double>(i);
    const double begin = axis.at(std::min(0.0, bar.value)), end = axis.at(std::max(0.0, bar.value));
    content += text(label_width - 8.0, y + 15.0, "end", bar.label);
    content += fmt::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"14\" fill=\"var(--{})\"/>\n",
        begin, y + 4.0, std::max(end - begin, 1.0), bar.value < 0.0 ? "good" : "mark");
    content += text(end + 6.0, y + 15.0, "start", bar.text);
  }
  const double height = row * static_cast<double>(bars.size());
  content += line(axis.at(0.0), 0.0, axis.at(0.0), height, grid);
  return svg(height, content);
}

std::string chart_legend(const std::vector<LegendEntry>& entries) {
  std::string spans;
  for (const LegendEntry& entry : entries) {
    spans += fmt::format("<span style=\"color: {}\">&#9679;</span> {} &emsp;",
                         colour_of(entry.mark), html_text(entry.text));
  }
  return fmt::format("<p>{}</p>\n", spans);
}

std::string scatter_chart(const Scatter& scatter) {
  // Nothing but the titles is above `top`, so that they keep clear of points wherever those lie:
  // the best ones are in the upper corners.
  constexpr double height = 440.0, left = 84.0, bottom = 50.0, top = 36.0, right = 16.0;
  constexpr double title_line = 16.0;
  constexpr std::string_view level_look = "stroke=\"var(--warn)\" stroke-dasharray=\"6 4\"";
  double low_x = 0.0, high_x = 0.0, low_y = scatter.level.value_or(scatter.points.at(0).y);
  double high_y = low_y;
  for (const Point2& point : scatter.points) {
    high_x = std::max(high_x, point.x);
    low_y = std::min(low_y, point.y);
    high_y = std::max(high_y, point.y);
  }
  const Ticks ticks_x = round_ticks(low_x, high_x), ticks_y = round_ticks(low_y, high_y);
  const Axis x = axis_of(ticks_x, left, width - right), y = axis_of(ticks_y, height - bottom, top);
  std::string content;
  for (int i = 0; i < ticks_x.count; ++i) {
    const double value = ticks_x.first + ticks_x.step * i;
    content += line(x.at(value), top, x.at(value), height - bottom, grid);
    content += text(x.at(value), height - bottom + 18.0, "middle", fmt::format("{:.4g}", value));
  }
  for (int i = 0; i < ticks_y.count; ++i) {
    const double value = ticks_y.first + ticks_y.step * i;
    content += line(left, y.at(value), width - right, y.at(value), grid);
    content += text(left - 8.0, y.at(value) + 4.0, "end", fmt::format("{:.5g}", value));
  }
  content += text((left + width) / 2.0, height - 10.0, "middle", scatter.x_title);
  content += text(8.0, title_line, "start", scatter.y_title);
  if (scatter.level) {
    content += line(left, y.at(*scatter.level), width - right, y.at(*scatter.level), level_look);
    const double sample = width - right - 30.0;
    content += line(sample, title_line - 4.0, width - right, title_line - 4.0, level_look);
    content += text(sample - 8.0, title_line, "end", scatter.level_title);
  }
  content += front_of(scatter, x, y);
  content += points_of(scatter, x, y);
  return svg(height, content);
}

}  // namespace bertq::engine::cli
