#include "engine/cli/why_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/cli/html_page.h"
#include "engine/cli/svg_chart.h"
#include "engine/cli/table.h"
#include "loaders/printable.h"

namespace bertq::engine::cli {
namespace {

constexpr double milli = 1e3, percent = 100.0;
constexpr std::size_t charted = 24;  // bars of a picture

std::string decibels(double value) {
  return std::isfinite(value) ? fmt::format("{:.1f}", value) : "exact";
}

std::string outliers_text(const ModuleFinding& finding) {
  if (!finding.input) return "-";
  const auto& outliers = finding.input->outliers;
  if (outliers.empty()) return "none";
  return fmt::format("{} (channel {}: {:.0f}x)", outliers.size(), outliers.front().channel,
                     outliers.front().times_median);
}

std::string use_text(const ModuleFinding& finding) {
  return finding.input ? fmt::format("{:.0f}", finding.input->steps_used * percent) : "-";
}

std::vector<std::string> titles(const WhyReport& report) {
  return {
      "layer",        "share of error %", "SQNR alone dB",  report.diagnosis.metric + " in fp32",
      "milliseconds", "time %",           "range in use %", "outlier channels"};
}

std::vector<std::string> cells(const WhyReport& report, const ModuleFinding& finding) {
  const Diagnosis& diagnosis = report.diagnosis;
  return {finding.module,
          fmt::format("{:.1f}", diagnosis.share_of_error(finding) * percent),
          decibels(finding.sqnr_db),
          fmt::format("{:.4f}", finding.score_put_back),
          fmt::format("{:.2f}", finding.seconds * milli),
          fmt::format("{:.1f}", finding.seconds / diagnosis.seconds * percent),
          use_text(finding),
          outliers_text(finding)};
}

// What is not within a layer of the list: normalisation, waiting.
double other_seconds(const Diagnosis& diagnosis) {
  double seconds = diagnosis.seconds;
  for (const ModuleFinding& finding : diagnosis.modules) seconds -= finding.seconds;
  return std::max(seconds, 0.0);
}

std::string summary(const WhyReport& report) {
  const Diagnosis& diagnosis = report.diagnosis;
  std::string text = fmt::format(
      "{} {:.4f} in {}, {:.4f} in fp32 ({:+.2f} %); outputs differ by {:.2f} % of their deviation",
      diagnosis.metric, diagnosis.score, report.precision, diagnosis.fp32_score,
      -relative_loss(diagnosis.fp32_score, diagnosis.score) * percent,
      diagnosis.agreement.logit_error * percent);
  if (diagnosis.agreement.labels_equal) {
    text += fmt::format("; {} of the answers changed", diagnosis.changed.size());
  }
  return text;
}

std::string time_summary(const Diagnosis& diagnosis) {
  return fmt::format("One pass takes {:.1f} ms; {:.1f} % of that is outside the layers listed here",
                     diagnosis.seconds * milli,
                     other_seconds(diagnosis) / diagnosis.seconds * percent);
}

Json input_json(const ModuleFinding& finding) {
  if (!finding.input) return nullptr;
  Json outliers = Json::array();
  for (const OutlierChannel& outlier : finding.input->outliers) {
    outliers.push_back({{"channel", outlier.channel}, {"times_median", outlier.times_median}});
  }
  return {{"steps_used", finding.input->steps_used}, {"outlier_channels", outliers}};
}

Json module_json(const WhyReport& report, const ModuleFinding& finding) {
  const Diagnosis& diagnosis = report.diagnosis;
  return {{"module", finding.module},
          {"share_of_error", diagnosis.share_of_error(finding)},
          {"sqnr_db", std::isfinite(finding.sqnr_db) ? Json(finding.sqnr_db) : Json()},
          {"score_in_fp32", finding.score_put_back},
          {"logit_error_in_fp32", finding.error_put_back},
          {"seconds", finding.seconds},
          {"input", input_json(finding)}};
}

// By falling value, as many as a picture holds.
template <typename Value>
std::string picture(const WhyReport& report, Value value, const char* format) {
  std::vector<Bar> bars;
  for (const ModuleFinding& finding : report.diagnosis.modules) {
    const double number = value(finding);
    bars.push_back({finding.module, number, fmt::format(fmt::runtime(format), number)});
  }
  std::ranges::stable_sort(bars, std::ranges::greater{}, &Bar::value);
  if (bars.size() > charted) bars.resize(charted);
  return bar_chart(bars);
}

}  // namespace

Json report_json(const WhyReport& report) {
  const Diagnosis& diagnosis = report.diagnosis;
  Json json = json_head(report.isa, report.threads);
  json.update(Json{{"model", report.model},
                   {"task", report.task},
                   {"data", report.data},
                   {"precision", report.precision},
                   {"metric", diagnosis.metric},
                   {"fp32_score", diagnosis.fp32_score},
                   {"score", diagnosis.score},
                   {"logit_error", diagnosis.agreement.logit_error},
                   {"labels_equal", json_or_null(diagnosis.agreement.labels_equal)},
                   {"seconds", diagnosis.seconds},
                   {"other_seconds", other_seconds(diagnosis)},
                   {"modules", Json::array()},
                   {"changed", Json::array()}});
  for (const ModuleFinding& finding : diagnosis.modules) {
    json["modules"].push_back(module_json(report, finding));
  }
  for (const ChangedAnswer& change : diagnosis.changed) {
    json["changed"].push_back({{"example", change.example},
                               {"text", change.text},
                               {"expected", change.expected},
                               {"fp32", change.before},
                               {report.precision, change.after}});
  }
  return json;
}

std::string report_text(const WhyReport& report, std::string_view format) {
  const Diagnosis& diagnosis = report.diagnosis;
  Table table(titles(report));
  for (const ModuleFinding& finding : diagnosis.modules) table.add(cells(report, finding));
  if (format == "csv") return table.text(format);
  std::string text = summary(report) + "\n" + time_summary(diagnosis) + "\n\n" + table.text(format);
  const std::size_t shown = std::min(report.shown_changes, diagnosis.changed.size());
  for (std::size_t i = 0; i < shown; ++i) {
    const ChangedAnswer& change = diagnosis.changed[i];
    text += fmt::format("\nexample {}: {} in fp32, {} in {}, expected {}\n  {}\n",
                        change.example + 1, loaders::printable(change.before),
                        loaders::printable(change.after), report.precision,
                        loaders::printable(change.expected), loaders::printable(change.text));
  }
  if (shown < diagnosis.changed.size()) {
    text += fmt::format("\n{} more changed answers: --changes N shows more, --format json all\n",
                        diagnosis.changed.size() - shown);
  }
  return text;
}

std::string report_page(const WhyReport& report) {
  const Diagnosis& diagnosis = report.diagnosis;
  std::string body = fmt::format("<p>{}.</p>\n<p>{}.</p>\n", html_text(summary(report)),
                                 html_text(time_summary(diagnosis)));
  body += fmt::format("<p class=\"faint\">{}, {} threads, {}; data: {}</p>\n",
                      html_text(jit::describe_cpu().name), report.threads,
                      jit::isa_name(report.isa), html_text(report.data));
  body +=
      "<h2>Which layers the error comes from</h2>\n"
      "<p>The share of the outputs' squared error that goes if this layer alone is put back to "
      "FP32.</p>\n";
  body += picture(
      report, [&](const auto& finding) { return diagnosis.share_of_error(finding) * percent; },
      "{:.1f} %");
  body += "<h2>Where the time goes</h2>\n";
  body += picture(
      report, [&](const auto& finding) { return finding.seconds / diagnosis.seconds * percent; },
      "{:.1f} %");
  std::vector<std::vector<std::string>> rows;
  for (const ModuleFinding& finding : diagnosis.modules) rows.push_back(cells(report, finding));
  body += "<h2>All layers</h2>\n" + html_table(titles(report), rows);
  if (!diagnosis.changed.empty()) {
    rows.clear();
    for (const ChangedAnswer& change : diagnosis.changed) {
      if (rows.size() == report.shown_changes) break;
      rows.push_back({std::to_string(change.example + 1), change.text, change.expected,
                      change.before, change.after});
    }
    body +=
        fmt::format("<h2>Changed answers: {} of {}</h2>\n", rows.size(), diagnosis.changed.size());
    body += html_table({"example", "text", "expected", "fp32", report.precision}, rows, 5);
  }
  return html_page(fmt::format("Why {} differs in {}", report.model, report.precision), body);
}

}  // namespace bertq::engine::cli
