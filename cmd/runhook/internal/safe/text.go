// Package safe makes what stands in a file harmless where it is shown: names and
// texts for terminals, names of files for a file system.
package safe

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text returns s with everything escaped that a terminal would act upon rather
// than show, and that would break a line: control characters, marks that change
// the direction of writing, bytes that are no UTF-8. The backslash stays as it
// is, this is for people.
func Text(s string) string {
	if strings.IndexFunc(s, hidden) < 0 {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case !hidden(r):
			b.WriteRune(r)
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		default:
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
	}
	return b.String()
}

// hidden reports whether r does not show as itself. The replacement character
// may stand for a byte that is no UTF-8.
func hidden(r rune) bool { return !printable(r) || r == utf8.RuneError }

// printable is unicode.IsPrint with all kinds of blanks.
func printable(r rune) bool { return unicode.IsPrint(r) || unicode.Is(unicode.Zs, r) }

// JSON returns the encoded JSON with what Text escapes escaped as JSON does it,
// so that it means the same.
func JSON(encoded []byte) []byte {
	ascii := func(c byte) bool { return ' ' <= c && c < 0x7F || c == '\n' }
	if !slices.ContainsFunc(encoded, func(c byte) bool { return !ascii(c) }) {
		return encoded
	}
	harmless := func(r rune) bool { return printable(r) || r == '\n' }
	out := make([]byte, 0, len(encoded)+16)
	for _, r := range string(encoded) {
		switch {
		case harmless(r):
			out = utf8.AppendRune(out, r)
		case r > 0xFFFF:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xD800+r>>10, 0xDC00+r&0x3FF)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out
}
