package checkpoint

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The fields of tensorflow.CheckpointState.
const (
	modelPathField     = "model_checkpoint_path"
	allPathsField      = "all_model_checkpoint_paths"
	allTimesField      = "all_model_checkpoint_timestamps"
	lastPreservedField = "last_preserved_timestamp"
)

// encodeState returns s in protobuf's text form.
func encodeState(s State) []byte {
	var b []byte
	path := func(field, path string) { b = append(appendQuoted(append(b, field+": "...), path), '\n') }
	moment := func(field string, t time.Time) { b = append(appendSeconds(append(b, field+": "...), t), '\n') }
	path(modelPathField, s.ModelCheckpointPath)
	for _, p := range s.AllModelCheckpointPaths {
		path(allPathsField, p)
	}
	for _, t := range s.AllModelCheckpointTimestamps {
		moment(allTimesField, t)
	}
	if !s.LastPreservedTimestamp.IsZero() {
		moment(lastPreservedField, s.LastPreservedTimestamp)
	}
	return b
}

// appendQuoted appends s as all versions of protobuf write it: ASCII only.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c == '\t':
			b = append(b, `\t`...)
		case c == '"' || c == '\'' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c > '~':
			b = fmt.Appendf(b, `\%03o`, c)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// appendSeconds appends the seconds since 1970 as Python shows a float.
func appendSeconds(b []byte, t time.Time) []byte {
	from := len(b)
	b = strconv.AppendFloat(b, float64(t.Unix())+float64(t.Nanosecond())/1e9, 'f', -1, 64)
	if !strings.Contains(string(b[from:]), ".") {
		b = append(b, ".0"...)
	}
	return b
}

func timeOf(seconds float64) time.Time {
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(math.Round(fraction*1e9)))
}

// parseState reads protobuf's text form.
func parseState(text string) (State, error) {
	p := stateParser{text: text}
	var s State
	seen := make(map[string]bool)
	for p.skip(); p.text != ""; p.skip() {
		field := p.identifier()
		if single := field == modelPathField || field == lastPreservedField; single && seen[field] {
			return State{}, fmt.Errorf("%s comes twice", field)
		}
		seen[field] = true
		var err error
		switch field {
		case modelPathField:
			err = p.value(func() (err error) { s.ModelCheckpointPath, err = p.quoted(); return })
		case allPathsField:
			err = p.values(func() error {
				path, err := p.quoted()
				s.AllModelCheckpointPaths = append(s.AllModelCheckpointPaths, path)
				return err
			})
		case allTimesField:
			err = p.values(func() error {
				t, err := p.seconds()
				s.AllModelCheckpointTimestamps = append(s.AllModelCheckpointTimestamps, t)
				return err
			})
		case lastPreservedField:
			err = p.value(func() (err error) { s.LastPreservedTimestamp, err = p.seconds(); return })
		default:
			return State{}, fmt.Errorf("no field of a checkpoint state at %q", shortened(field+p.text))
		}
		if err != nil {
			return State{}, fmt.Errorf("%s: %w", field, err)
		}
	}
	return s, nil
}

// A stateParser takes tokens from the front of text.
type stateParser struct{ text string }

// skip takes spaces and comments.
func (p *stateParser) skip() {
	for {
		p.text = strings.TrimLeft(p.text, " \t\r\n\v\f")
		if !strings.HasPrefix(p.text, "#") {
			return
		}
		_, p.text, _ = strings.Cut(p.text, "\n")
	}
}

// take takes token, if it comes next.
func (p *stateParser) take(token string) bool {
	p.skip()
	after, ok := strings.CutPrefix(p.text, token)
	p.text = after
	return ok
}

func (p *stateParser) identifier() string {
	end := strings.IndexFunc(p.text, func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') })
	if end < 0 {
		end = len(p.text)
	}
	name := p.text[:end]
	p.text = p.text[end:]
	return name
}

// value takes a colon, a value and a separator, of which there need be none.
func (p *stateParser) value(one func() error) error {
	if !p.take(":") {
		return fmt.Errorf("no colon before %q", shortened(p.text))
	}
	p.skip()
	err := one()
	if !p.take(";") {
		p.take(",")
	}
	return err
}

// values takes one value, or a list in brackets.
func (p *stateParser) values(one func() error) error {
	return p.value(func() error {
		if !p.take("[") {
			return one()
		}
		if p.take("]") {
			return nil
		}
		for {
			p.skip()
			if err := one(); err != nil {
				return err
			}
			if p.take("]") {
				return nil
			}
			if !p.take(",") {
				return fmt.Errorf("no comma before %q", shortened(p.text))
			}
		}
	})
}

// quoted takes a string, which may be in several pieces.
func (p *stateParser) quoted() (string, error) {
	var b []byte
	for pieces := 0; ; pieces++ {
		p.skip()
		if p.text == "" || p.text[0] != '"' && p.text[0] != '\'' {
			if pieces == 0 {
				return "", fmt.Errorf("no string at %q", shortened(p.text))
			}
			if !utf8.Valid(b) {
				return "", fmt.Errorf("%q is not UTF-8", b)
			}
			return string(b), nil
		}
		var err error
		if b, err = p.piece(b); err != nil {
			return "", err
		}
	}
}

var errUnterminated = errors.New("a string without an end")

func (p *stateParser) piece(b []byte) ([]byte, error) {
	quote := p.text[0]
	p.text = p.text[1:]
	for p.text != "" && p.text[0] != '\n' {
		switch c := p.text[0]; c {
		case quote:
			p.text = p.text[1:]
			return b, nil
		case '\\':
			var err error
			if b, err = p.escape(b); err != nil {
				return nil, err
			}
		default:
			b = append(b, c)
			p.text = p.text[1:]
		}
	}
	return nil, errUnterminated
}

var simpleEscapes = map[byte]byte{
	'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v', '\\': '\\', '\'': '\'', '"': '"', '?': '?',
}

// escape takes a backslash and what it stands for.
func (p *stateParser) escape(b []byte) ([]byte, error) {
	rest := p.text[1:]
	if rest == "" {
		return nil, errUnterminated
	}
	if c, ok := simpleEscapes[rest[0]]; ok {
		p.text = rest[1:]
		return append(b, c), nil
	}
	base, most, digits := 8, 3, rest
	if kind := rest[0]; kind == 'x' || kind == 'u' || kind == 'U' {
		base, most, digits = 16, map[byte]int{'x': 2, 'u': 4, 'U': 8}[kind], rest[1:]
	}
	n := 0
	for n < min(most, len(digits)) && isDigit(digits[n], base) {
		n++
	}
	code, err := strconv.ParseUint(digits[:n], base, 32)
	if err != nil || most > 3 && (n != most || !utf8.ValidRune(rune(code))) || most <= 3 && code > 0xff {
		return nil, fmt.Errorf("escape %q", shortened(p.text))
	}
	p.text = digits[n:]
	if most > 3 {
		return utf8.AppendRune(b, rune(code)), nil
	}
	return append(b, byte(code)), nil
}

func isDigit(c byte, base int) bool {
	_, err := strconv.ParseUint(string(c), base, 8)
	return err == nil
}

// seconds takes a number: seconds since 1970.
func (p *stateParser) seconds() (time.Time, error) {
	end := strings.IndexFunc(p.text, func(r rune) bool { return !strings.ContainsRune("+-.0123456789eE", r) })
	if end < 0 {
		end = len(p.text)
	}
	seconds, err := strconv.ParseFloat(p.text[:end], 64)
	if err != nil || math.Abs(seconds) > math.MaxInt32*1000 {
		return time.Time{}, fmt.Errorf("no time at %q", shortened(p.text))
	}
	p.text = strings.TrimLeft(p.text[end:], "f")
	return timeOf(seconds), nil
}

func shortened(text string) string {
	const most = 40
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}
