# Prints each file that uses a name of one of our headers and includes that header neither itself nor through another: it
# compiles only because other files of its room come before it. Takes a second, where compiling each file by itself takes
# minutes (./dev quick does).
#
# It knows types, functions and macros by how they are declared at a line's beginning, except those whose name is declared
# further to the right as well: a class has one of its own.

# Without literals and comments.
function bare(line) {
  gsub(/\\./, "", line)
  gsub(/R"[a-z]*\(.*\)[a-z]*"/, "0", line)
  gsub(/"[^"]*"|'[^']*'/, "0", line)
  sub(/\/\/.*/, "", line)
  return line
}

# The name that a line declares, or "".
function declared(line) {
  if (match(line, /^#define [A-Z_0-9]+/)) return substr(line, 9, RLENGTH - 8)
  if (match(line, /^ *(template <[^>]*> *)?(class|struct|enum class|enum|union|using|namespace) +[A-Za-z_0-9]+/)) {
    line = substr(line, 1, RLENGTH)
  } else {
    if (line ~ /^ *(return|throw|else|case|new|delete) / || !sub(/\(.*/, "", line)) return ""
    if (line !~ /^ *(\[\[nodiscard\]\] )?[A-Za-z_][A-Za-z_0-9:<>,*& ]*[ *&][a-z][a-z_0-9]*$/) return ""
  }
  sub(/.*[ *&]/, "", line)
  return line
}

FNR == 1 {
  file = FILENAME
  sub(/^.*(include|src|test)\//, "", file) # As others include it.
  name_of[file] = FILENAME
  in_literal = 0
  is_header = file ~ /\.hpp$/
}
/^#include "/ {
  split($0, part, "\"")
  includes[file] = includes[file] " " part[2]
  next
}
/^ *\/\// { next }
in_literal || /R"[a-z]*\([^"]*$/ {
  in_literal = !/\)[a-z]*"/
  next
}
{
  line = bare($0)
  name = declared(line)
  if (name != "") {
    own[name, file] = 1
    if (line ~ /^ /) indented[name] = 1
    else if (is_header && line !~ /^(class|struct|enum class) [A-Za-z_0-9 :]+;/) homes[name] = homes[name] " " file
  }
  rest = line # Parameters of a template.
  while (match(rest, /[<,] *(typename|class)(\.\.\.)? [A-Za-z_0-9]+/)) {
    name = substr(rest, RSTART, RLENGTH)
    sub(/^.* /, "", name)
    own[name, file] = 1
    rest = substr(rest, RSTART + RLENGTH)
  }
  gsub(/(std|YAML|cxxopts)(::[A-Za-z_0-9]+)+|(\.|->)[A-Za-z_0-9]+/, " ", line)
  gsub(/::[a-z_0-9]+/, ":: ", line)
  while (match(line, /[A-Za-z_][A-Za-z_0-9]*(\(|::)?/)) { # A type, a call, or a namespace.
    name = substr(line, RSTART, RLENGTH)
    if (!sub(/(\(|::)$/, "", name) && name !~ /^[A-Z].*[a-z]/) name = ""
    if (!((name, file) in used)) used[name, file] = FNR
    line = substr(line, RSTART + RLENGTH)
  }
}

function reach(from, root,  parts, n, i) {
  if ((from, root) in reached) return
  reached[from, root] = 1
  n = split(includes[from], parts, " ")
  for (i = 1; i <= n; i++) reach(parts[i], root)
}

END {
  for (file in name_of) reach(file, file)
  for (use in used) {
    split(use, part, SUBSEP)
    name = part[1]
    file = part[2]
    if (!(name in homes) || (name in indented) || ((name, file) in own)) continue
    n = split(homes[name], home, " ")
    for (i = 1; i <= n && !((home[i], file) in reached); i++);
    if (i > n) print name_of[file] ":" used[use] ": uses " name " without including" homes[name]
  }
}
