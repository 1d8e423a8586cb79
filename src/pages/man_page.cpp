#include "pages/man_page.hpp"

#include <algorithm>
#include <string_view>

#include "shell/settings/help.hpp"
#include "shell/settings/tenants_file.hpp"
#include "shell/state/state_dir.hpp"

namespace logzio_okta {
namespace {

/// `text` escaped for roff: hyphens can be pasted into a shell, and no word is taken for a request.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool at_line_start = out.empty() || out.ends_with('\n');
    if (at_line_start && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out;
}

std::string section(std::string_view title) {
  return ".SH " + std::string(title) + "\n";
}

/// The first needs no request before it: it begins its section.
std::string paragraphs(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::string_view paragraph = text.substr(0, text.find('\n'));
    if (!out.empty()) out += ".PP\n";
    out += escaped(paragraph) + "\n";
    text.remove_prefix(std::min(paragraph.size() + 1, text.size()));
  }
  return out;
}

/// A tagged paragraph: the name in bold, the rest of its line in italics, the meaning below.
std::string item(std::string_view name, std::string_view meaning) {
  const std::size_t space = std::min(name.find(' '), name.size());
  std::string tag = "\\fB" + escaped(name.substr(0, space)) + "\\fR";
  if (space < name.size()) tag += " \\fI" + escaped(name.substr(space + 1)) + "\\fR";
  return ".TP\n" + tag + "\n" + escaped(meaning) + "\n";
}

std::string flag(const OptionRow& row) {
  std::string meaning(row.meaning);
  if (!row.environment.empty()) meaning += " Variable: " + std::string(row.environment) + ".";
  if (!row.fallback.empty() && row.fallback != "required") {
    meaning += " Default: " + std::string(row.fallback) + ".";
  }
  if (row.fallback == "required") meaning += " It is required.";
  return item(row.flag, meaning);
}

std::string command(const CommandRow& row, bool first) {
  std::string out = ".SS \"" + escaped("logzio-okta " + usage_of(row)) + "\"\n";
  out += paragraphs(std::string(row.meaning) + "\n" + std::string(row.details));
  // Flags shared with the first command are explained above.
  std::string shared;
  for (const OptionRow& each : flags_of(row)) {
    const bool own =
        std::ranges::any_of(row.own, [&](const OptionRow& other) { return other.flag == each.flag; });
    if (own) {
      out += flag(each);
    } else {
      shared += (shared.empty() ? "" : ", ") + ("\\fB" + escaped("--" + std::string(name_of(each))) + "\\fR");
    }
  }
  if (first) return out + ".PP\nTakes the options above.\n";
  if (!shared.empty()) out += ".PP\nAlso takes " + shared + ".\n";
  return out;
}

/// Lines indented by six spaces are shown verbatim.
std::string examples() {
  constexpr std::string_view shown_indent = "      ";
  std::string out;
  std::string_view text = help_examples();
  bool shown = false;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const bool show = line.starts_with(shown_indent);
    if (show != shown) out += show ? ".PP\n.nf\n.RS 4\n" : ".RE\n.fi\n";
    if (!show && !out.empty()) out += ".PP\n";
    shown = show;
    out += escaped(
               line.substr(std::min(line.find_first_not_of(' '), show ? shown_indent.size() : line.size()))) +
           "\n";
  }
  return out + (shown ? ".RE\n.fi\n" : "");
}

std::string files() {
  std::string out;
  for (const std::string_view place : tenants_places())
    out += item(place, "The tenants, unless --tenants names another file.");
  const std::string state = StateDirSearch{}.system + "/" + state_file_name;
  return out + item(state, "Each tenant's cursor and the events set aside; see --state-dir.");
}

}  // namespace

std::string man_page(CommandTable commands) {
  std::string version = version_text();
  version.pop_back();
  std::string out = ".TH LOGZIO\\-OKTA 1 \"\" \"" + escaped(version) + "\" \"User Commands\"\n";
  out += ".nh\n.ad l\n";  // No name may be broken: people copy them.
  out += section("NAME") + "logzio\\-okta \\- deliver Okta System Log events to Logz.io\n";
  out += section("SYNOPSIS") + ".B logzio\\-okta\n[\\fICOMMAND\\fR] [\\fIFLAG\\fR]...\n";
  out += section("DESCRIPTION") + escaped(help_summary()) + "\n";
  out += section("OPTIONS") + "A flag overrides its variable; an empty variable counts as unset.\n";
  for (const OptionRow& row : flags_of(commands.front())) out += flag(row);
  out += section("COMMANDS");
  for (const CommandRow& row : commands) out += command(row, row.name == commands.front().name);
  out += section("ENVIRONMENT") + "In addition to the variables of the flags above:\n";
  for (const HelpRow& row : help_variables()) out += item(row.name, row.meaning);
  out += section("EXIT STATUS");
  for (const HelpRow& row : help_exit_codes()) out += item(row.name, row.meaning);
  out += section("FILES") + files();
  out += section("EXAMPLES") + examples();
  out += section("SEE ALSO") + ".BR systemctl (1),\n/usr/share/doc/logzio\\-okta/operating.md\n";
  return out;
}

}  // namespace logzio_okta
