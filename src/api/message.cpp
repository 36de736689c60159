#include "api/message.h"

#include "util/strings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <array>
#include <limits>

namespace warder::api {
namespace {

using nlohmann::json;

struct CommandRow {
  Command command;
  std::string_view name;
  Role role;
  bool needs_address;
};

constexpr std::array<CommandRow, 19> kCommands{{
    {Command::kStatus, "status", Role::kReadOnly, false},
    {Command::kBans, "bans", Role::kReadOnly, false},
    {Command::kExplain, "explain", Role::kReadOnly, true},
    {Command::kBan, "ban", Role::kAdmin, true},
    {Command::kUnban, "unban", Role::kAdmin, true},
    {Command::kReload, "reload", Role::kAdmin, false},
    {Command::kTestAlert, "test-alert", Role::kAdmin, false},
    {Command::kRetryDead, "retry-dead", Role::kAdmin, false},
    {Command::kDiagnose, "diagnose", Role::kReadOnly, false},
    {Command::kAcceptSchema, "accept-schema", Role::kAdmin, false},
    {Command::kProbe, "probe", Role::kAdmin, false},
    {Command::kReport, "report", Role::kAdmin, false},
    {Command::kConfiguration, "configuration", Role::kReadOnly, false},
    {Command::kIncidents, "incidents", Role::kReadOnly, false},
    {Command::kAcknowledge, "acknowledge", Role::kAdmin, false},
    {Command::kExplainKey, "explain-key", Role::kReadOnly, false},
    {Command::kAcceptFiles, "accept-files", Role::kAdmin, false},
    {Command::kScanFiles, "scan-files", Role::kAdmin, false},
    {Command::kBaselineFiles, "baseline-files", Role::kAdmin, false},
}};

const CommandRow& row_of(Command command) { return kCommands[static_cast<std::size_t>(command)]; }

constexpr std::array<std::string_view, 9> kCodes{"not-found", "invalid",  "denied",
                                                 "io",        "timeout",  "unavailable",
                                                 "conflict",  "internal", "configuration"};

util::Error invalid(std::string message) {
  return util::Error(util::ErrorCode::kInvalid, std::move(message));
}

// json throws on text that is not UTF-8; answers carry text from logs, so it is replaced instead.
std::string dump(const json& document) {
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

constexpr std::size_t kLongestKey = 512;

util::Result<std::string> text_field(const json& value, std::string_view field,
                                     std::size_t longest) {
  if (!value.is_string()) {
    return invalid(fmt::format("the request's field '{}' must be text", field));
  }
  std::string text = value.get<std::string>();
  if (text.size() > longest) {
    return invalid(fmt::format("the request's field '{}' is longer than {} bytes", field, longest));
  }
  return text;
}

util::Result<std::string> name_field(const json& value, std::string_view field) {
  return text_field(value, field, 128);
}

util::Result<void> read_field(const std::string& key, const json& value, Request* request) {
  if (key == "jail") {
    WARDER_ASSIGN_OR_RETURN(request->jail, name_field(value, key));
  } else if (key == "destination") {
    WARDER_ASSIGN_OR_RETURN(request->destination, name_field(value, key));
  } else if (key == "text") {
    WARDER_ASSIGN_OR_RETURN(request->text, text_field(value, key, Request::kLongestText));
  } else if (key == "by") {
    WARDER_ASSIGN_OR_RETURN(request->by, name_field(value, key));
  } else if (key == "severity") {
    WARDER_ASSIGN_OR_RETURN(request->severity, name_field(value, key));
  } else if (key == "state") {
    WARDER_ASSIGN_OR_RETURN(request->state, name_field(value, key));
  } else if (key == "kind") {
    WARDER_ASSIGN_OR_RETURN(request->kind, name_field(value, key));
  } else if (key == "key") {
    WARDER_ASSIGN_OR_RETURN(request->key, text_field(value, key, kLongestKey));
  } else if (key == "address") {
    WARDER_ASSIGN_OR_RETURN(const std::string text, name_field(value, key));
    WARDER_ASSIGN_OR_RETURN(request->address, net::Prefix::parse(text));
  } else if (key == "duration") {
    // Ten thousand years: longer is a slip.
    constexpr std::int64_t kLongest = 315'576'000'000;
    if (!value.is_number_integer() || value.get<std::int64_t>() < -1 ||
        value.get<std::int64_t>() > kLongest) {
      return invalid("the request's field 'duration' must be seconds from 0, or -1 for ever");
    }
    request->duration = std::chrono::seconds(value.get<std::int64_t>());
  } else if (key == "limit") {
    if (!value.is_number_unsigned() ||
        value.get<std::uint64_t>() > std::numeric_limits<std::uint32_t>::max()) {
      return invalid("the request's field 'limit' must be a whole number from 0");
    }
    request->limit = value.get<std::uint32_t>();
  } else {
    return invalid(fmt::format("the request has an unknown field '{}'", util::printable(key, 64)));
  }
  return {};
}

}  // namespace

Role required_role(Command command) { return row_of(command).role; }

std::string_view to_string(Command command) { return row_of(command).name; }

std::string encode(const Request& request) {
  json document{{"command", to_string(request.command)}};
  if (!request.jail.empty()) {
    document["jail"] = request.jail;
  }
  if (!request.destination.empty()) {
    document["destination"] = request.destination;
  }
  if (!request.key.empty()) {
    document["key"] = request.key;
  }
  if (request.address) {
    document["address"] = request.address->to_string();
  }
  if (request.duration) {
    document["duration"] = request.duration->count();
  }
  if (request.limit != 0) {
    document["limit"] = request.limit;
  }
  if (!request.text.empty()) {
    document["text"] = request.text;
  }
  if (!request.by.empty()) {
    document["by"] = request.by;
  }
  if (!request.severity.empty()) {
    document["severity"] = request.severity;
  }
  if (!request.kind.empty()) {
    document["kind"] = request.kind;
  }
  if (!request.state.empty()) {
    document["state"] = request.state;
  }
  return dump(document);
}

util::Result<Request> decode_request(std::string_view text) {
  const json document = json::parse(text, nullptr, false);
  if (!document.is_object()) {
    return invalid("the request is no JSON object");
  }
  const auto command = document.find("command");
  if (command == document.end() || !command->is_string()) {
    return invalid("the request has no field 'command'");
  }
  Request request;
  const CommandRow* row = nullptr;
  for (const CommandRow& candidate : kCommands) {
    if (candidate.name == command->get_ref<const std::string&>()) {
      row = &candidate;
    }
  }
  if (row == nullptr) {
    return invalid(fmt::format("the request has an unknown command '{}'",
                               util::printable(command->get_ref<const std::string&>(), 64)));
  }
  request.command = row->command;
  for (const auto& [key, value] : document.items()) {
    if (key != "command") {
      WARDER_RETURN_IF_ERROR(read_field(key, value, &request));
    }
  }
  if (row->needs_address && !request.address) {
    return invalid(fmt::format("the command '{}' needs the field 'address'", row->name));
  }
  return request;
}

std::string encode(const Response& response) {
  if (response.error) {
    return dump(json{{"error",
                      {{"code", kCodes[static_cast<std::size_t>(response.error->code())]},
                       {"message", response.error->message()}}}});
  }
  // The body is a JSON document already: put in as it is, not as text in text.
  return fmt::format("{{\"body\":{}}}", response.body.empty() ? "null" : response.body);
}

util::Result<Response> decode_response(std::string_view text) {
  const json document = json::parse(text, nullptr, false);
  if (!document.is_object()) {
    return invalid("the answer is no JSON object");
  }
  Response response;
  if (const auto error = document.find("error"); error != document.end()) {
    util::ErrorCode code = util::ErrorCode::kInternal;
    for (std::size_t i = 0; i < kCodes.size(); ++i) {
      if (error->value("code", "") == kCodes[i]) {
        code = static_cast<util::ErrorCode>(i);
      }
    }
    response.error = util::Error(code, error->value("message", "no reason given"));
    return response;
  }
  const auto body = document.find("body");
  if (body == document.end()) {
    return invalid("the answer has neither 'body' nor 'error'");
  }
  response.body = dump(*body);
  return response;
}

}  // namespace warder::api
