# comments.awk: writes a C++ source with its torn comments wrapped again to the width of the code.
#
# A paragraph is torn where a line is too long, or where the first word of the next line would still have fit; a line that
# ends a sentence may be short. Lists keep their hanging indent. What is laid out by hand stays as it is: drawings, tables,
# code, trailing comments.
BEGIN { width = 110 }

function spaces(text) {
  match(text, /^ */)
  return RLENGTH
}

function blanks(n) { return sprintf("%" n "s", "") }

function flush_paragraph(    i, n, words, line) {
  if (torn && !by_hand) {
    n = split(whole, words, / +/)
    line = lead blanks(indent) words[1]
    for (i = 2; i <= n; i++) {
      if (length(line) + 1 + length(words[i]) <= width) line = line " " words[i]
      else {
        print line
        line = lead blanks(hang) words[i]
      }
    }
    print line
  } else {
    for (i = 1; i <= count; i++) print lines[i]
  }
  count = torn = by_hand = 0
  whole = ""
}

function begin_paragraph(text) {
  flush_paragraph()
  lead = marker
  indent = hang = spaces(text)
  if (match(text, /^ *([-*]|[0-9]+\.) +/)) hang = RLENGTH
  else by_hand = indent >= 5
}

function add(text) {
  lines[++count] = $0
  sub(/^ +/, "", text)
  whole = whole (count > 1 ? " " : "") text
  if (length($0) > width && text ~ / /) torn = 1
  if (text ~ /[^.:;!?]  +[^ ]/) by_hand = 1
}

!match($0, /^ *\/\/\/?/) || /^ *\/\/\/?(<.*| *)$/ {
  flush_paragraph()
  print
  next
}

{
  marker = substr($0, 1, RLENGTH)
  text = substr($0, RLENGTH + 1)
  word = text
  sub(/^ +/, "", word)
  sub(/ .*/, "", word)
  fits = count > 0 && length(lines[count]) + 1 + length(word) <= width
  ended = lines[count] ~ /[.:!?]$/
  outdented = hang > indent && spaces(text) < hang && !ended  # The formatter breaks out of a list so.
  if (count == 0 || marker != lead || word ~ /^([-*]|[0-9]+\.)$/ || (spaces(text) != hang && !outdented) ||
      (fits && ended)) begin_paragraph(text)
  else if (fits || outdented) torn = 1
  add(text)
}

END { flush_paragraph() }
