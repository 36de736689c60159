#include "filter/line_window.h"

#include "filter/matcher_options.h"
#include "util/strings.h"

#include <algorithm>
#include <utility>

namespace warder::filter {

bool LineWindow::add(std::string_view message, std::string_view text) {
  Line line;
  if (lines_.size() == most_) {
    // Its memory serves the new one.
    line = std::move(lines_.front());
    bytes_ -= line.message.size() + 1;
    lines_.pop_front();
  }
  line.message.assign(message.substr(0, kMostBytes / 2));
  line.text.assign(text.substr(0, kLongestText));
  // A line break within would be counted as a line.
  const bool breaks = line.message.find('\n') != std::string::npos;
  std::replace(line.message.begin(), line.message.end(), '\n', ' ');
  const bool whole = !breaks && line.message.size() == message.size();
  bytes_ += line.message.size() + 1;
  lines_.push_back(std::move(line));
  while (lines_.size() > most_ || bytes_ > kMostBytes) {
    bytes_ -= lines_.front().message.size() + 1;
    lines_.pop_front();
  }
  return whole;
}

std::string LineWindow::joined() const {
  std::string text;
  text.reserve(bytes_);
  for (const Line& line : lines_) {
    text += line.message;
    text += '\n';
  }
  return text;
}

LineWindow::Taken LineWindow::take(std::string_view joined, const Span& match,
                                   const Captures& captures) {
  // A match that ends behind a line break ends with that line.
  const auto lines_before = [&](std::size_t place) {
    return static_cast<std::size_t>(
        std::count(joined.begin(), joined.begin() + static_cast<std::ptrdiff_t>(place), '\n'));
  };
  const std::size_t last_place =
      match.end > match.begin ? std::min(match.end - 1, joined.size() - 1) : match.begin;
  std::size_t first = lines_before(match.begin);
  const std::size_t last = std::min(lines_before(last_place) + 1, lines_.size());
  // One that begins with the line break of a line begins with the next.
  if (match.begin < joined.size() && joined[match.begin] == '\n' && first + 1 < last) {
    ++first;
  }
  std::vector<bool> skipped(last, false);
  for (const auto& [name, value] : captures) {
    if (!name.starts_with("skiplines") || value.empty()) {
      continue;
    }
    const std::size_t begin = lines_before(static_cast<std::size_t>(value.data() - joined.data()));
    const std::size_t count =
        static_cast<std::size_t>(std::count(value.begin(), value.end(), '\n'));
    for (std::size_t line = begin; line < begin + count && line < last; ++line) {
      skipped[line] = true;
    }
  }
  Taken taken;
  std::deque<Line> left;
  for (std::size_t line = 0; line < lines_.size(); ++line) {
    if (line < first || line >= last || skipped[line]) {
      left.push_back(std::move(lines_[line]));
      continue;
    }
    bytes_ -= lines_[line].message.size() + 1;
    taken.messages += lines_[line].message + "\n";
    taken.texts += (taken.texts.empty() ? "" : "\n") + lines_[line].text;
  }
  lines_ = std::move(left);
  return taken;
}

}  // namespace warder::filter
