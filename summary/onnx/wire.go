package onnx

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// maxMade is what is made of a model at most, in bytes or nearly so: a few
// bytes of a model can stand for a lot.
const maxMade = 256 << 20

// What counts of a text, or of a number in a list, beside its bytes, and of what
// has a name: a node, a tensor, an attribute.
const (
	textCost  = 16
	thingCost = 128
)

var errTooLarge = errors.New("more nodes, or longer names, than can be drawn")

// A message is an encoded message, at its place in the model.
type message struct {
	bytes []byte
	at    int
}

// A field is a field of a message: its number and type as they are on the
// wire, number<<3 | type, and what it holds, a number or bytes.
type field struct {
	tag    uint64
	number uint64
	message
}

// next returns the first field of a message and what is behind it.
func (m message) next() (f field, rest message, err error) {
	number, kind, n := protowire.ConsumeTag(m.bytes)
	size := n
	if n >= 0 {
		f.tag = protowire.EncodeTag(number, kind)
		switch value := m.bytes[n:]; kind {
		case protowire.VarintType:
			f.number, size = protowire.ConsumeVarint(value)
		case protowire.Fixed32Type:
			var bits uint32
			bits, size = protowire.ConsumeFixed32(value)
			f.number = uint64(bits)
		case protowire.BytesType:
			f.bytes, size = protowire.ConsumeBytes(value)
			f.at = m.at + n + size - len(f.bytes)
		default:
			size = protowire.ConsumeFieldValue(number, kind, value)
		}
	}
	switch err := protowire.ParseError(size); {
	case err == nil:
		return f, message{m.bytes[n+size:], m.at + n + size}, nil
	case errors.Is(err, io.ErrUnexpectedEOF):
		return f, rest, fmt.Errorf("at byte %d: field %d: %w", m.at, f.tag>>3, io.ErrUnexpectedEOF)
	}
	return f, rest, fmt.Errorf("at byte %d: no field of a message", m.at)
}

// A reader reads the messages of onnx.proto, as far as there is something to
// draw: the elements of tensors are passed over.
type reader struct{ budget int }

func (r *reader) spend(n int) { r.budget -= n }

func (r *reader) err() error {
	if r.budget < 0 {
		return errTooLarge
	}
	return nil
}

// each calls use for each field of a message, up to an error.
func (r *reader) each(m message, use func(f field) error) error {
	for len(m.bytes) > 0 {
		f, rest, err := m.next()
		if err != nil {
			return err
		}
		r.spend(1)
		if err := r.err(); err != nil {
			return err
		}
		if err := use(f); err != nil {
			return err
		}
		m = rest
	}
	return nil
}

func (r *reader) text(f field) string {
	r.spend(textCost + len(f.bytes))
	return strings.ToValidUTF8(string(f.bytes), "\uFFFD")
}

// numbers calls use for each number of a repeated field, which may be packed.
func (r *reader) numbers(f field, kind uint64, use func(x uint64)) error {
	if f.tag&7 == kind {
		use(f.number)
		return nil
	}
	for b := f.bytes; len(b) > 0 && r.budget >= 0; {
		x, n := uint64(0), 0
		if kind == asVarint {
			x, n = protowire.ConsumeVarint(b)
		} else {
			var bits uint32
			bits, n = protowire.ConsumeFixed32(b)
			x = uint64(bits)
		}
		if n < 0 {
			return fmt.Errorf("at byte %d: the packed numbers of field %d end within one: %w", f.at, f.tag>>3, io.ErrUnexpectedEOF)
		}
		use(x)
		b = b[n:]
	}
	return nil
}

// A list is a list as it is shown: its first elements, of n.
type list struct {
	shown []string
	n     int
}

func (l *list) add(x uint64, format func(x uint64) string) {
	if l.n++; l.n <= 16 {
		l.shown = append(l.shown, format(x))
	}
}

func (l *list) addText(text string) { l.add(0, func(uint64) string { return text }) }

func (l *list) String() string {
	if more := l.n - len(l.shown); more > 0 {
		return fmt.Sprintf("[%s, and %d more]", strings.Join(l.shown, ", "), more)
	}
	return "[" + strings.Join(l.shown, ", ") + "]"
}

func formatInt(x uint64) string { return strconv.FormatInt(int64(x), 10) }

func formatFloat(x uint64) string {
	return strconv.FormatFloat(float64(math.Float32frombits(uint32(x))), 'g', -1, 32)
}

// shownText is a text as it is shown: its first bytes.
func shownText(b []byte) string {
	const most = 256
	if len(b) > most {
		return strings.ToValidUTF8(string(b[:most]), "") + "..."
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}
