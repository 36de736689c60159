#include "filter/sessions.h"

#include "filter/matcher_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace warder::filter {
namespace {

constexpr std::size_t kMostUsers = 10;
constexpr std::array<std::string_view, 4> kLineMarks{"nofail", "mlfgained", "mlffirst", "mlfecho"};
constexpr std::array<std::string_view, 5> kIdentifiers{"fid", "ip4", "ip6", "dns", "cidr"};

bool is_identifier(std::string_view name) {
  return std::find(kIdentifiers.begin(), kIdentifiers.end(), name) != kIdentifiers.end();
}

using Groups = std::vector<std::pair<std::string, std::string>>;

void set_group(Groups& groups, std::string_view name, std::string_view value) {
  for (auto& [known, text] : groups) {
    if (known == name) {
      text = value.substr(0, kLongestText);
      return;
    }
  }
  groups.emplace_back(name, value.substr(0, kLongestText));
}

// The address, or what else the groups blame; empty when they blame nobody.
template <typename Named>
std::string_view identifier_of(const Named& groups) {
  for (const auto& [name, value] : groups) {
    if (!value.empty() && is_identifier(name)) {
      return value;
    }
  }
  return {};
}

void append_line(std::string& text, std::string_view line) {
  if (text.size() < kLongestText) {
    text += text.empty() ? "" : "\n";
    text += line.substr(0, kLongestText - text.size());
  }
}

}  // namespace

Sessions::Place Sessions::find_or_create(std::string_view key, util::WallTime now, bool& existed,
                                         bool& lost_one) {
  while (!sessions_.empty() && sessions_.front().begin + kLongest <= now) {
    erase(sessions_.begin());
  }
  const auto found = by_key_.find(key);
  existed = found != by_key_.end();
  if (existed) {
    return found->second;
  }
  if (sessions_.size() == kMost) {
    erase(sessions_.begin());
    lost_one = true;
  }
  Session session;
  session.key = key;
  session.begin = now;
  sessions_.push_back(std::move(session));
  const Place place = std::prev(sessions_.end());
  by_key_.emplace(place->key, place);
  return place;
}

void Sessions::erase(Place session) {
  by_key_.erase(session->key);
  sessions_.erase(session);
}

Sessions::Result Sessions::add(const Captures& captures, std::string_view text,
                               util::WallTime now) {
  const bool gained = !find_capture(captures, "mlfgained").empty();
  const bool forget = !find_capture(captures, "mlfforget").empty();
  const bool first_only = !find_capture(captures, "mlffirst").empty();
  const bool echo = !find_capture(captures, "mlfecho").empty();
  bool helper = gained || !find_capture(captures, "nofail").empty();

  Result result;
  bool existed = false;
  const Place session = find_or_create(find_capture(captures, "mlfid").substr(0, kLongestText), now,
                                       existed, result.lost_one);
  if (const std::string_view named = identifier_of(captures);
      !named.empty() && named != session->blamed) {
    session->reported = false;
    session->echo_due = false;
  }
  const bool told_already =
      (first_only && session->reported) || (echo && std::exchange(session->echo_due, false));
  if (const std::string_view user = find_capture(captures, "user");
      !user.empty() && session->users.size() < kMostUsers &&
      std::find(session->users.begin(), session->users.end(), user) == session->users.end()) {
    session->users.emplace_back(user.substr(0, kLongestText));
  }
  if (gained) {
    session->pending = false;
    session->reported = false;
  }
  if (existed && !session->helper && !session->pending) {
    session->text.clear();
  }
  // A line that names somebody replaces all that was known of the address: nobody is judged by half
  // of one line and half of another.
  if (std::any_of(captures.begin(), captures.end(),
                  [](const auto& capture) { return is_identifier(capture.first); })) {
    std::erase_if(session->groups, [](const auto& group) { return is_identifier(group.first); });
  }
  for (const auto& [name, value] : captures) {
    if (name != "mlfforget" && name != "content" &&
        std::find(kLineMarks.begin(), kLineMarks.end(), name) == kLineMarks.end()) {
      set_group(session->groups, name, value);
    }
  }
  if (!session->users.empty()) {
    set_group(session->groups, "users", fmt::format("{}", fmt::join(session->users, "\n")));
  }
  // Somebody who tries several names in one session is no helper line, whatever came of it.
  if (existed && (session->pending || session->users.size() > 1)) {
    helper = false;
  }
  helper |= told_already;
  append_line(session->text, text);
  session->helper = helper;
  if (!helper) {
    session->pending = identifier_of(session->groups).empty();
    if (!session->pending) {
      session->reported = true;
      session->blamed = identifier_of(session->groups);
      session->echo_due = !echo;
      result.verdict = Verdict::kFailure;
      result.failure = {session->groups, session->text};
    }
  }
  if (forget) {
    erase(session);
  }
  return result;
}

}  // namespace warder::filter
