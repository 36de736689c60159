#include "fail2ban/action_destination.h"

#include "fail2ban/shell_words.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace warder::fail2ban {
namespace {

// Tags of a ban that an argument of a destination can hold (ship/command_words.h), and those that
// say the same by a word. <restored> is 0: bans put back at start run nothing here.
constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kTags{
    {{"<ip>", "<ip>"},
     {"<fid>", "<ip>"},
     {"<family>", "<family>"},
     {"<time>", "<time>"},
     {"<bantime>", "<bantime>"},
     {"<bancount>", "<bancount>"},
     {"<failures>", "<failures>"},
     {"<restored>", "0"}}};
// Where a program is looked for that is named without its folder: systemd's own PATH for services.
constexpr std::array<std::string_view, 4> kPath{"/usr/local/sbin/", "/usr/local/bin/", "/usr/sbin/",
                                                "/usr/bin/"};

struct Service {
  std::string_view host;  // this one, or one below it
  std::string_view form;
};
constexpr std::array<Service, 5> kServices{{{"hooks.slack.com", "slack"},
                                            {"discord.com", "discord"},
                                            {"discordapp.com", "discord"},
                                            {"ntfy.sh", "ntfy"},
                                            {"ntfy", "ntfy"}}};

std::string plain_name(std::string_view text) {
  std::string name;
  for (const char c : text) {
    const bool good = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_';
    name += good ? c : '-';
  }
  return name.substr(0, 80);
}

std::string text_of(const config::Definition& definition, std::string_view option) {
  const auto found = definition.get(option);
  if (!found) {
    return {};  // what it refers to is not there
  }
  const std::optional<config::Value>& value = *found;
  return value ? std::string(util::trim(value->text)) : std::string();
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

// A user of this host is one to its relay, too.
std::string whole_address(std::string_view address) {
  return address.find('@') == std::string_view::npos ? fmt::format("{}@localhost", address)
                                                     : std::string(address);
}

// One entry of a mail's head without the name that may stand before it: "Ops <ops@example.org>".
std::string_view bare_address(std::string_view text) {
  const std::size_t open = text.find('<');
  const std::size_t close = text.find('>', open == std::string_view::npos ? 0 : open);
  return util::trim(open == std::string_view::npos || close == std::string_view::npos
                        ? text
                        : text.substr(open + 1, close - open - 1));
}

std::string addresses(std::string_view list) {
  std::string result;
  for (const std::string_view entry : util::split_words(list, ",\n")) {
    for (const std::string_view word : util::split_words(bare_address(entry), " \t")) {
      result += (result.empty() ? "" : " ") + whole_address(word);
    }
  }
  return result;
}

util::Error unfit(std::string text) {
  return util::Error(util::ErrorCode::kInvalid, std::move(text));
}

// An argument in the words of a destination.
util::Result<std::string> argument(const std::string& word) {
  std::string text = word;
  for (const auto& [tag, ours] : kTags) {
    if (tag != ours) {
      text = replaced(std::move(text), tag, ours);
    }
  }
  for (std::size_t open = text.find('<'); open != std::string::npos;
       open = text.find('<', open + 1)) {
    const std::string_view rest = std::string_view(text).substr(open);
    const bool known = std::any_of(kTags.begin(), kTags.end(), [&](const auto& tag) {
      return tag.first == tag.second && rest.starts_with(tag.first);
    });
    if (!known) {
      return unfit(fmt::format(
          "{} is not put into arguments: text of a log is written by whoever attacks, could pass "
          "for an option and would stand in the list of processes",
          util::printable(rest.substr(0, rest.find('>') + 1), 80)));
    }
  }
  // What a list of a configuration file could not hold.
  if (text.empty() || util::trim(text).size() != text.size() || text.front() == '#' ||
      text.front() == ';' || text.find(" ;") != std::string::npos) {
    return unfit(fmt::format("the argument '{}' cannot stand in a list", util::printable(text)));
  }
  return text;
}

util::Result<std::string> program_path(const std::string& name,
                                       const DestinationSurroundings& surroundings) {
  if (name.starts_with('/')) {
    return name;
  }
  if (name.find('/') == std::string::npos && surroundings.exists) {
    for (const std::string_view folder : kPath) {
      if (const std::string path = fmt::format("{}{}", folder, name); surroundings.exists(path)) {
        return path;
      }
    }
  }
  return unfit(fmt::format("there is no program {}; write its whole path", util::printable(name)));
}

void add_new(std::vector<std::string> words, std::vector<std::string>* list) {
  for (std::string& word : words) {
    if (std::find(list->begin(), list->end(), word) == list->end()) {
      list->push_back(std::move(word));
    }
  }
}

bool has_word(std::string_view text, std::string_view word) {
  for (std::size_t at = text.find(word); at != std::string_view::npos;
       at = text.find(word, at + 1)) {
    const auto apart = [&](std::size_t place) {
      return place >= text.size() || std::isalnum(static_cast<unsigned char>(text[place])) == 0;
    };
    if ((at == 0 || apart(at - 1)) && apart(at + word.size())) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::string ActionDestination::to_ini() const {
  std::string text = fmt::format("[destination {}]\n", name);
  for (const auto& [key, value] : keys) {
    text += fmt::format("{} = {}\n", key, replaced(replaced(value, "%", "%%"), "\n", "\n  "));
  }
  text += "jails =";
  for (const std::string& jail : jails) {
    text += " " + jail;
  }
  return text + '\n';
}

bool ActionDestination::is_mail() const {
  return !keys.empty() && keys.front() == std::pair<std::string, std::string>("form", "mail");
}

ActionDestination mail_destination(const config::Definition& definition,
                                   const DestinationSurroundings& surroundings) {
  const auto or_else = [](std::string text, const char* fallback) {
    return text.empty() ? std::string(fallback) : text;
  };
  const std::string to = addresses(or_else(text_of(definition, "dest"), "root"));
  std::string from = or_else(text_of(definition, "sender"), "root@<fq-hostname>");
  for (const std::string_view tag : {"<fq-hostname>", "<sh-hostname>"}) {
    from = replaced(std::move(from), tag, surroundings.host);
  }
  ActionDestination mail;
  mail.name = "fail2ban-mail-" + plain_name(to);
  mail.in_use = !surroundings.mail_server.empty();
  mail.keys = {{"form", "mail"},
               {"server", mail.in_use ? surroundings.mail_server : "smtp://127.0.0.1"},
               {"from", whole_address(bare_address(from))},
               {"to", to},
               {"events", "ban"}};
  return mail;
}

ActionDestination smtp_destination(const config::Parameters& parameters) {
  const auto given = [&](const char* name, const char* fallback) {
    const auto found = parameters.find(name);
    return found == parameters.end() || found->second.empty() ? std::string(fallback)
                                                              : found->second;
  };
  ActionDestination mail;
  const std::string to = addresses(given("dest", "root"));
  mail.name = "fail2ban-mail-" + plain_name(to);
  mail.keys = {{"form", "mail"},
               {"server", "smtp://" + given("host", "127.0.0.1")},
               {"from", whole_address(bare_address(given("sender", "fail2ban")))},
               {"to", to}};
  if (const std::string user = given("user", ""); !user.empty()) {
    mail.keys.emplace_back("username", user);
    mail.keys.emplace_back("password", "vault:alerts-secrets/smtp_password");
  }
  mail.keys.emplace_back("events", "ban");
  return mail;
}

std::optional<ActionDestination> webhook_destination(std::string_view command,
                                                     std::string_view action) {
  if (!has_word(command, "curl") && !has_word(command, "wget")) {
    return std::nullopt;
  }
  constexpr std::string_view kScheme = "https://";
  const std::size_t at = command.find(kScheme);
  if (at == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view rest = command.substr(at + kScheme.size());
  const std::string host = util::to_lower(rest.substr(
      0,
      rest.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")));
  const auto* const service =
      std::find_if(kServices.begin(), kServices.end(), [&](const Service& one) {
        return host == one.host || host.ends_with(fmt::format(".{}", one.host)) ||
               (one.host == "ntfy" && host.starts_with("ntfy."));
      });
  if (service == kServices.end()) {
    return std::nullopt;
  }
  ActionDestination webhook;
  webhook.name = "fail2ban-" + plain_name(action);
  webhook.keys = {{"form", std::string(service->form)},
                  {"url", fmt::format("vault:webhooks/{}", plain_name(action))},
                  {"events", "ban"}};
  return webhook;
}

ActionDestination report_destination(const config::Definition& definition, std::string_view action,
                                     std::string_view jail) {
  const bool abuseipdb = action == "abuseipdb";
  ActionDestination report;
  report.name = fmt::format("fail2ban-{}-{}", plain_name(action), plain_name(jail));
  report.keys = {{"form", abuseipdb ? "abuseipdb" : "blocklist-de"},
                 {"token", abuseipdb ? "vault:alerts-secrets/abuseipdb_key"
                                     : "vault:alerts-secrets/blocklist_de_key"}};
  std::string target = text_of(definition, abuseipdb ? "abuseipdb_category" : "email");
  if (target.empty() || target.find('<') != std::string::npos) {
    target = abuseipdb ? "15" : "ops@example.org";
  }
  report.keys.emplace_back("target", std::move(target));
  report.keys.emplace_back("events", "ban");
  return report;
}

util::Result<std::string> argv_lines(std::string_view command,
                                     const DestinationSurroundings& surroundings) {
  WARDER_ASSIGN_OR_RETURN(const std::vector<std::string> words, plain_words(util::trim(command)));
  std::string argv;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const util::Result<std::string> word = argument(words[i]);
    if (!word) {
      return word.error();
    }
    if (i == 0) {
      WARDER_ASSIGN_OR_RETURN(argv, program_path(*word, surroundings));
    } else {
      argv += '\n';
      argv += *word;
    }
  }
  return argv;
}

util::Result<ActionDestination> command_destination(std::string_view ban, std::string_view unban,
                                                    std::string_view action, std::string_view jail,
                                                    const DestinationSurroundings& surroundings) {
  ActionDestination command;
  command.name = fmt::format("fail2ban-{}-{}", plain_name(action), plain_name(jail));
  command.in_use = true;
  WARDER_ASSIGN_OR_RETURN(std::string argv, argv_lines(ban, surroundings));
  command.keys = {{"form", "command"}, {"argv", std::move(argv)}};
  const bool both = !util::trim(unban).empty();
  if (both) {
    auto back = argv_lines(unban, surroundings);
    if (!back) {
      return back.error().with_context("actionunban");
    }
    if (back->find("<bantime>") != std::string::npos ||
        back->find("<bancount>") != std::string::npos ||
        back->find("<failures>") != std::string::npos) {
      return unfit(
          "actionunban: how long a ban was and what led to it is not known any more when it ends");
    }
    command.keys.emplace_back("unban_argv", std::move(*back));
  }
  command.keys.emplace_back("events", both ? "ban unban" : "ban");
  return command;
}

void add_destination(ActionDestination destination, std::vector<ActionDestination>* list) {
  const std::string name = destination.name;
  for (int number = 2;; ++number) {
    const auto known = std::find_if(list->begin(), list->end(), [&](const ActionDestination& one) {
      return one.name == destination.name;
    });
    if (known == list->end()) {
      list->push_back(std::move(destination));
      return;
    }
    if (known->keys == destination.keys) {
      add_new(std::move(destination.jails), &known->jails);
      add_new(std::move(destination.actions), &known->actions);
      return;
    }
    destination.name = fmt::format("{}-{}", name, number);
  }
}

}  // namespace warder::fail2ban
