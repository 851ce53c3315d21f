#include <cstdio>

#include "app/client.h"
#include "app/output_options.h"
#include "app/show.h"
#include "base/text.h"
#include "task/records.h"

namespace telecine::app {
namespace {

const Template* built_in(std::string_view name) {
  for (const Template& made : built_in_templates()) {
    if (made.name == name) return &made;
  }
  return nullptr;
}

std::string template_path(const std::string& name) {
  return "/api/v1/templates/" + percent_encode(name);
}

void print_template_line(const json::value& value) {
  const LooseReader in(value);
  std::string outputs;
  for (const auto& output : in.list("outputs")) {
    if (!outputs.empty()) outputs += ", ";
    outputs += LooseReader(output).text("name");
  }
  std::printf("%-16s %-9s %s\n%27s%s\n", printable(in.text("name"), 64).c_str(),
              in.flag("built_in") ? "built-in" : "own",
              printable(in.text("description"), 200).c_str(), "", printable(outputs, 1000).c_str());
}

/// The server's templates; without a server those that every one of them has.
int list_templates(const Arguments& arguments) {
  json::array templates;
  for (const Template& made : built_in_templates()) templates.emplace_back(to_json(made));
  if (!arguments.has("offline")) {
    const auto client = Client::make(arguments);
    if (!client) return report(client.error());
    auto answer = client->call_json("GET", "/api/v1/templates");
    if (answer) {
      templates = LooseReader(*answer).list("templates");
    } else if (!is_connection_trouble(answer.error())) {
      return report_call(answer.error());
    } else {
      std::fprintf(stderr, "No answer from %s: only built-in templates are shown\n",
                   client->server().c_str());
    }
  }
  if (arguments.has("json")) {
    print_json(json::object{{"templates", std::move(templates)}});
    return kDone;
  }
  for (const auto& item : templates) print_template_line(item);
  return kDone;
}

int show_template(const Arguments& arguments) {
  const std::string name = arguments.text("NAME");
  json::value document;
  if (const Template* made = built_in(name)) {
    document = to_json(*made);
  } else {
    const auto client = Client::make(arguments);
    if (!client) return report(client.error());
    auto answer = client->call_json("GET", template_path(name));
    if (!answer) return report_call(answer.error());
    document = std::move(*answer);
  }
  if (arguments.has("json"))
    print_json(document);
  else
    std::printf("%s\n", pretty_json(document).c_str());
  return kDone;
}

/// The request's body: a template as `show` prints it, or a bare list of outputs.
Result<json::value> template_body(const Arguments& arguments) {
  auto value = json_argument(arguments.text("FILE"));
  if (!value) return std::unexpected(value.error());
  json::object body;
  if (auto* object = value->if_object())
    body = std::move(*object);
  else
    body["outputs"] = std::move(*value);
  // What `show` prints says these too; the server knows them from the path.
  body.erase("name");
  body.erase("built_in");
  if (const auto description = arguments.find("description")) body["description"] = *description;
  return body;
}

int put_template(const Arguments& arguments) {
  const auto body = template_body(arguments);
  if (!body) return report(body.error());
  const auto client = Client::make(arguments);
  if (!client) return report(client.error());
  const auto answer = client->call_json("PUT", template_path(arguments.text("NAME")), &*body);
  if (!answer) return report_call(answer.error());
  if (arguments.has("json"))
    print_json(*answer);
  else
    std::printf("Template %s is stored\n", arguments.text("NAME").c_str());
  return kDone;
}

int remove_template(const Arguments& arguments) {
  const auto client = Client::make(arguments);
  if (!client) return report(client.error());
  const auto answer = client->call_json("DELETE", template_path(arguments.text("NAME")));
  if (!answer) return report_call(answer.error());
  if (!arguments.has("json")) std::printf("Template %s is gone\n", arguments.text("NAME").c_str());
  return kDone;
}

}  // namespace

std::vector<Command> template_commands() {
  const OptionSpec name{.name = "NAME", .help = "The template", .required = true};
  return {
      {.name = "template list",
       .summary = "List templates",
       .details = "Without a server it shows the built-in ones.\n\n"
                  "Example:\n  telecine template list",
       .options = with_client({{.name = "--offline", .help = "Ask no server"}}),
       .run = list_templates},
      {.name = "template show",
       .summary = "Show a template as JSON",
       .details = "Example:\n  telecine template show ladder > mine.json",
       .positionals = {name},
       .options = with_client({}),
       .run = show_template},
      {.name = "template put",
       .summary = "Make or replace a template of your own",
       .details = "Example:\n"
                  "  telecine template show ladder > mine.json\n"
                  "  telecine template put mine mine.json --description \"Our ladder\"",
       .positionals = {name, {.name = "FILE", .help = "JSON, or a file with it", .required = true}},
       .options = with_client({{.name = "--description", .value = "TEXT", .help = "In words"}}),
       .run = put_template},
      {.name = "template delete",
       .summary = "Delete a template of your own",
       .details = "Tasks made from it are not touched.\n\n"
                  "Example:\n  telecine template delete mine",
       .positionals = {name},
       .options = with_client({}),
       .run = remove_template},
  };
}

}  // namespace telecine::app
