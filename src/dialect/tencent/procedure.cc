#include "dialect/tencent/procedure.h"

#include <algorithm>

#include "base/text.h"

namespace telecine::tencent {
namespace {

/// An argument: a number is a list of one that `is_list` tells from {n}; nil is neither.
struct Argument {
  bool is_list = false;
  std::vector<int> numbers;

  bool is_nil() const { return !is_list && (numbers.empty() || numbers.front() == 0); }
};

struct Invocation {
  std::string name;
  std::vector<Argument> arguments;
};

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::optional<Invocation> parse() {
    Invocation call;
    call.name = word();
    if (call.name.empty()) return std::nullopt;
    if (take('(') && !take(')')) {
      do {
        auto argument = read_argument();
        if (!argument) return std::nullopt;
        call.arguments.push_back(std::move(*argument));
      } while (take(','));
      if (!take(')')) return std::nullopt;
    }
    skip_blanks();
    if (!text_.empty()) return std::nullopt;
    return call;
  }

 private:
  void skip_blanks() {
    text_.remove_prefix(std::min(text_.find_first_not_of(" \t\r\n"), text_.size()));
  }

  bool take(char wanted) {
    skip_blanks();
    if (!text_.starts_with(wanted)) return false;
    text_.remove_prefix(1);
    return true;
  }

  std::string word() {
    constexpr auto kAllowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    skip_blanks();
    const auto size = std::min(text_.find_first_not_of(kAllowed), text_.size());
    std::string found(text_.substr(0, size));
    text_.remove_prefix(size);
    return found;
  }

  static std::optional<int> number(const std::string& text) {
    const auto value = parse_int(text);
    if (!value || *value < 0 || *value > 1'000'000'000) return std::nullopt;
    return static_cast<int>(*value);
  }

  std::optional<Argument> read_argument() {
    constexpr std::size_t kMost = 64;
    Argument argument;
    if (take('{')) {
      argument.is_list = true;
      if (take('}')) return argument;
      do {
        const auto value = number(word());
        if (!value || argument.numbers.size() == kMost) return std::nullopt;
        argument.numbers.push_back(*value);
      } while (take(','));
      if (!take('}')) return std::nullopt;
      return argument;
    }
    const std::string text = word();
    if (text == "nil") return argument;
    const auto value = number(text);
    if (!value) return std::nullopt;
    argument.numbers.push_back(*value);
    return argument;
  }

  std::string_view text_;
};

constexpr std::size_t kTranscodeArgument = 0;
constexpr std::size_t kCover = 2;
constexpr std::size_t kSample = 3;
constexpr std::size_t kArguments = 4;

std::optional<Wishes> wishes_from(const Invocation& call, bool samples, const Options& options) {
  if (call.arguments.size() > kArguments) return std::nullopt;
  auto arguments = call.arguments;
  arguments.resize(kArguments);  // those left out are nil
  Wishes wishes;
  const Argument& transcode = arguments[kTranscodeArgument];
  if (transcode.is_list)
    wishes.transcode = transcode.numbers;
  else if (!transcode.is_nil() && transcode.numbers.front() == 1)
    wishes.transcode = options.convert_definitions;
  else if (!transcode.is_nil())
    return std::nullopt;
  const auto single = [](const Argument& argument) -> std::optional<int> {
    if (argument.numbers.size() == 1 && argument.numbers.front() != 0) return argument.numbers[0];
    return std::nullopt;
  };
  // Only transcodes come in lists.
  const auto is_list = [](const Argument& argument) { return argument.is_list; };
  if (std::any_of(arguments.begin() + kTranscodeArgument + 1, arguments.end(), is_list))
    return std::nullopt;
  wishes.cover = single(arguments[kCover]);
  if (samples) wishes.sample = single(arguments[kSample]);
  return wishes;
}

}  // namespace

std::optional<Wishes> wishes_of(std::string_view procedure, const Options& options) {
  const auto call = Parser(procedure).parse();
  if (!call) return std::nullopt;
  if (call->name == "QCVB_SimpleProcessFile") return wishes_from(*call, true, options);
  // Its fourth argument is a moderation template, and nothing is moderated here.
  if (call->name == "QCVB_ProcessUGCFile") return wishes_from(*call, false, options);
  const auto named = options.procedures.find(call->name);
  if (named == options.procedures.end() || !call->arguments.empty()) return std::nullopt;
  Options built_in = options;
  built_in.procedures.clear();
  return wishes_of(named->second, built_in);
}

}  // namespace telecine::tencent
