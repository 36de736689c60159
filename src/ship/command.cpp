#include "ship/command.h"

#include "ship/command_words.h"
#include "ship/forms.h"
#include "util/descriptor.h"
#include "util/program.h"
#include "util/result.h"

#include <string_view>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utility>

namespace warder::ship {
namespace {

constexpr int kRefusedStatus = 65;  // EX_DATAERR

class Command : public Destination {
 public:
  explicit Command(CommandOptions options)
      : options_(std::move(options)), cancelled_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  std::string_view name() const override { return options_.name; }
  std::size_t batch_limit() const override { return 1; }

  std::vector<Outcome> deliver(std::span<const Message> messages) override {
    std::vector<Outcome> outcomes;
    for (const Message& message : messages) {
      outcomes.push_back(outcomes.empty() || outcomes.back().kind != Outcome::Kind::kRetry
                             ? run(message)
                             : outcomes.back());
    }
    return outcomes;
  }

  void cancel() override {
    const std::uint64_t one = 1;
    // Cannot fail: the counter is far from its limit.
    [[maybe_unused]] const ssize_t written = ::write(cancelled_.get(), &one, sizeof one);
  }

 private:
  static Outcome retry(std::string reason) {
    return {Outcome::Kind::kRetry, {}, std::move(reason)};
  }

  // The arguments for this message.
  util::Result<std::vector<std::string>> arguments(const Message& message) const {
    const bool unban = message.event() && message.event()->kind == model::EventKind::kUnban;
    const std::vector<std::string>& argv =
        unban && !options_.unban_argv.empty() ? options_.unban_argv : options_.argv;
    // A summary is of many: destination_options() refuses words together with a digest.
    return message.event() ? fill_command_words(argv, *message.event()) : argv;
  }

  Outcome run(const Message& message) {
    const auto argv = arguments(message);
    if (!argv) {
      return {Outcome::Kind::kRefused, {}, argv.error().message()};
    }
    const std::string input = json_line(Sender{options_.host, options_.name}, message) + '\n';
    const auto end = util::run_program(*argv, input, options_.timeout, cancelled_.get());
    if (!end) {
      return retry(end.error().message());
    }
    if (end->succeeded()) {
      return {};
    }
    Outcome outcome = retry(end->to_string(argv->front(), options_.timeout));
    if (end->how == util::ProgramEnd::How::kExited && end->value == kRefusedStatus) {
      outcome.kind = Outcome::Kind::kRefused;
    }
    return outcome;
  }

  const CommandOptions options_;
  const util::Descriptor cancelled_;
};

}  // namespace

std::unique_ptr<Destination> make_command(CommandOptions options) {
  return std::make_unique<Command>(std::move(options));
}

}  // namespace warder::ship
