package summary

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/runhook/runhook/session"
)

// An Op makes summary values from what a run fetched. It says which names it
// needs, so that they are fetched on the runs that record, and only on those.
// Ops are immutable and may be shared.
type Op interface {
	// Fetches returns the names whose values the op needs.
	session.SummaryOp
	// AppendValues appends the values made from fetched, which holds all of
	// Fetches and more. If it fails, nothing of this event is written.
	AppendValues(dst []Value, fetched session.Values) ([]Value, error)
}

// A checker is an op that can tell before its first use what is wrong with it.
type checker interface{ check() error }

// checkNames reports an op without a tag or a fetch.
func checkNames(kind, tag, fetch string) error {
	switch {
	case tag == "":
		return fmt.Errorf("%s has no name (fetch %q)", kind, fetch)
	case fetch == "":
		return fmt.Errorf("%s %q has no fetch", kind, tag)
	}
	return nil
}

// lookup returns what was fetched for an op.
func lookup(tag, fetch string, fetched session.Values) (session.Value, error) {
	v, ok := fetched.Lookup(fetch)
	if !ok {
		return v, fmt.Errorf("summary: %q: fetch %q: %w", tag, fetch, session.ErrNotFetched)
	}
	return v, nil
}

// describe names the type of v for error messages.
func describe(v session.Value) string {
	if t, ok := v.Tensor(); ok {
		return fmt.Sprintf("a %s tensor of shape %v", t.DType(), t.Shape)
	}
	if v.Kind() == session.KindAny {
		return fmt.Sprintf("of type %T", v.Any())
	}
	return v.Kind().String()
}

type mergeOp struct{ resolved }

// Merge returns an op that makes the values of all ops for one event, in this
// order: tf.compat.v1.summary.merge. Two values with one tag are an error when
// they are made. Nil ops are left out.
func Merge(ops ...Op) Op { return &mergeOp{resolve(List(ops))} }

func (m *mergeOp) Fetches() []string { return m.fetches }

func (m *mergeOp) check() error { return checkAll(m.ops) }

// checkAll returns what is wrong with any of ops.
func checkAll(ops []Op) error {
	var errs []error
	for _, op := range ops {
		if op, ok := op.(checker); ok {
			errs = append(errs, op.check())
		}
	}
	return errors.Join(errs...)
}

func (m *mergeOp) AppendValues(dst []Value, fetched session.Values) ([]Value, error) {
	start := len(dst)
	dst, err := m.appendValues(dst, fetched)
	if err != nil {
		return dst, err
	}
	return dst, checkDuplicates(dst[start:])
}

func checkDuplicates(values []Value) error {
	const few = 32 // up to here comparing each with each is cheaper than a map
	if len(values) <= few {
		for i := range values {
			for j := range i {
				if values[i].tag == values[j].tag {
					return duplicateTag(values[i].tag)
				}
			}
		}
		return nil
	}
	seen := make(map[string]bool, len(values))
	for i := range values {
		if seen[values[i].tag] {
			return duplicateTag(values[i].tag)
		}
		seen[values[i].tag] = true
	}
	return nil
}

func duplicateTag(tag string) error {
	return fmt.Errorf("summary: duplicate tag %q in merged summaries", tag)
}

// A List is a list of ops for [SummarySaverHook], each of which gets an event
// of its own. Elsewhere it works as if merged, but lets a tag come twice.
type List []Op

// Fetches returns the names that any of the ops needs.
func (l List) Fetches() []string {
	return resolve(l).fetches
}

func (l List) check() error {
	if slices.Contains(l, nil) {
		return errors.New("there is a nil op in the list")
	}
	return checkAll(l)
}

// AppendValues appends the values of all ops.
func (l List) AppendValues(dst []Value, fetched session.Values) ([]Value, error) {
	return resolve(l).appendValues(dst, fetched)
}

// CleanName returns name as TensorFlow's v1 summary ops make it a tag: every
// character but letters, digits, '_', '-', '.' and '/' becomes '_', and leading
// slashes are dropped. Letters and digits of all scripts count.
func CleanName(name string) string {
	clean := func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsNumber(r) || strings.ContainsRune("_-./", r) {
			return r
		}
		return '_'
	}
	return strings.TrimLeft(strings.Map(clean, name), "/")
}

// resolved is an op, or what is in a [List] of ops, with the names to fetch.
type resolved struct {
	ops     []Op
	fetches []string
}

func resolve(op Op) resolved {
	list, ok := op.(List)
	if !ok {
		list = List{op}
	}
	var r resolved
	for _, op := range list {
		if op != nil {
			r.ops = append(r.ops, op)
			r.fetches = append(r.fetches, op.Fetches()...)
		}
	}
	return r
}

// appendValues appends the values of all ops.
func (r resolved) appendValues(dst []Value, fetched session.Values) ([]Value, error) {
	for _, op := range r.ops {
		var err error
		if dst, err = op.AppendValues(dst, fetched); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// A madeOp makes values of what it fetches by a function.
type madeOp struct {
	kind, tag string
	fetches   []string
	fault     error // what is wrong with its other arguments
	values    func(dst []Value, tag string, in []input) ([]Value, error)
}

// opOf returns an op that makes one value of one fetch.
func opOf(kind, name, fetch string, value func(tag string, in input) (Value, error)) *madeOp {
	return &madeOp{
		kind: kind, tag: CleanName(name), fetches: []string{fetch},
		values: func(dst []Value, tag string, in []input) ([]Value, error) {
			made, err := value(tag, in[0])
			if err != nil {
				return dst, err
			}
			return append(dst, made), nil
		},
	}
}

// opOfAny returns an op that makes a value of what is fetched by session.Any.
func opOfAny[T any](kind, name, fetch string, value func(tag string, x T) (Value, error)) *madeOp {
	return opOf(kind, name, fetch, func(tag string, in input) (Value, error) {
		x, ok := in.Any().(T)
		if !ok {
			return Value{}, in.want("a " + reflect.TypeFor[T]().String())
		}
		return value(tag, x)
	})
}

func (op *madeOp) Fetches() []string { return op.fetches }

func (op *madeOp) check() error {
	for _, fetch := range op.fetches {
		if err := checkNames(op.kind, op.tag, fetch); err != nil {
			return err
		}
	}
	if op.fault != nil {
		return fmt.Errorf("%s %q: %w", op.kind, op.tag, op.fault)
	}
	return nil
}

func (op *madeOp) AppendValues(dst []Value, fetched session.Values) ([]Value, error) {
	if err := op.check(); err != nil {
		return dst, fmt.Errorf("summary: %w", err)
	}
	in := make([]input, len(op.fetches))
	for i, fetch := range op.fetches {
		v, err := lookup(op.tag, fetch, fetched)
		if err != nil {
			return dst, err
		}
		in[i] = input{op, fetch, v}
	}
	return op.values(dst, op.tag, in)
}

// An input is what was fetched for an op.
type input struct {
	op    *madeOp
	fetch string
	session.Value
}

// want is the error about an input that is not what the op wants.
func (in input) want(what string) error {
	return fmt.Errorf("summary: %s %q: fetch %q is %s, want %s", in.op.kind, in.op.tag, in.fetch, describe(in.Value), what)
}

// fault is the error about an input that something is wrong with.
func (in input) fault(err error) error {
	return fmt.Errorf("summary: %s %q: fetch %q: %w", in.op.kind, in.op.tag, in.fetch, err)
}

// tensor returns the tensor that was fetched, which is whole; what says what is
// wanted.
func (in input) tensor(what string) (session.Tensor, error) {
	t, ok := in.Tensor()
	if !ok {
		return t, in.want(what)
	}
	if err := t.Validate(); err != nil {
		return t, in.fault(err)
	}
	return t, nil
}

// float64s returns the elements of a tensor of floats.
func (in input) float64s() (elements []float64, ok bool) {
	t, err := in.tensor("")
	if err != nil {
		return nil, false
	}
	switch data := t.Data.(type) {
	case []float64:
		return data, true
	case []float32:
		elements = make([]float64, len(data))
		for i, x := range data {
			elements[i] = float64(x)
		}
		return elements, true
	}
	return nil, false
}

type constantOp []Value

// Constant returns an op that makes the same values on each run that records, and
// fetches nothing: a layout of charts or hyperparameters, say.
func Constant(values ...Value) Op { return constantOp(slices.Clone(values)) }

func (op constantOp) Fetches() []string { return nil }

func (op constantOp) AppendValues(dst []Value, _ session.Values) ([]Value, error) {
	return append(dst, op...), nil
}

// A describedOp adds to what another one makes.
type describedOp struct {
	Op
	displayName, description string
}

// Described returns op with a name to show instead of the tags of its values, and
// a description in Markdown; see [Value.Described].
func Described(op Op, displayName, description string) Op {
	return &describedOp{op, displayName, description}
}

func (op *describedOp) check() error {
	if op.Op == nil {
		return errors.New("described op is nil")
	}
	return checkAll([]Op{op.Op})
}

func (op *describedOp) AppendValues(dst []Value, fetched session.Values) ([]Value, error) {
	start := len(dst)
	dst, err := op.Op.AppendValues(dst, fetched)
	if err != nil {
		return dst, err
	}
	for i := range dst[start:] {
		dst[start+i] = dst[start+i].Described(op.displayName, op.description)
	}
	return dst, nil
}
