package cli

import (
	"bytes"
	"fmt"
	"io"
	"unicode/utf8"
)

// A terminal keeps control characters from one, but for line ends and the
// sequences that the command itself makes, which set colours and move the
// cursor to the upper left. Texts that are made for people are safe before they
// come here; CSV is written as it is.
type terminal struct{ io.Writer }

func (t terminal) Write(p []byte) (int, error) {
	out := make([]byte, 0, len(p))
	for rest := p; len(rest) > 0; {
		if n := ours(rest); n > 0 {
			out, rest = append(out, rest[:n]...), rest[n:]
			continue
		}
		r, n := utf8.DecodeRune(rest)
		switch {
		case r != '\n' && r != '\t' && (r < ' ' || r >= 0x7F && r < 0xA0):
			out = fmt.Appendf(out, `\x%02x`, r)
		default:
			out = append(out, rest[:n]...)
		}
		rest = rest[n:]
	}
	if _, err := t.Writer.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}

const (
	cursorHome = "\x1b[H"
	clearBelow = "\x1b[J"
	clearRight = "\x1b[K"
)

// ours is the length of the sequence that p begins with, if it is one of ours.
func ours(p []byte) int {
	for _, s := range []string{cursorHome, clearBelow, clearRight} {
		if bytes.HasPrefix(p, []byte(s)) {
			return len(s)
		}
	}
	if !bytes.HasPrefix(p, []byte("\x1b[")) {
		return 0
	}
	for i, c := range p[2:] {
		switch {
		case c == 'm':
			return i + 3
		case c != ';' && (c < '0' || c > '9'):
			return 0
		}
	}
	return 0
}
