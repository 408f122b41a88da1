package session

import (
	"fmt"
	"math"
	"strconv"
)

// Kind tells what a [Value] holds.
type Kind uint8

// The kinds of value. KindNone is the zero Value: what an op gives that has no
// value, such as a training op.
const (
	KindNone Kind = iota
	KindFloat32
	KindFloat64
	KindInt64
	KindBool
	KindString
	KindTensor
	KindAny
)

var kindNames = [...]string{"none", "float32", "float64", "int64", "bool", "string", "tensor", "any"}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "Kind(" + strconv.Itoa(int(k)) + ")"
}

// A Value is one fetched or fed value. Scalars are held without an allocation.
// The zero Value has no value (KindNone). Values are copied by assignment; a
// tensor's data is shared by the copies and, unless its maker says otherwise,
// read-only.
type Value struct {
	kind Kind
	num  uint64
	ref  any // string, *Tensor or, for KindAny, the value itself
}

// Float32 returns a scalar of kind float32.
func Float32(v float32) Value { return Value{kind: KindFloat32, num: uint64(math.Float32bits(v))} }

// Float64 returns a scalar of kind float64.
func Float64(v float64) Value { return Value{kind: KindFloat64, num: math.Float64bits(v)} }

// Int64 returns a scalar of kind int64.
func Int64(v int64) Value { return Value{kind: KindInt64, num: uint64(v)} }

// Bool returns a scalar of kind bool.
func Bool(v bool) Value {
	if v {
		return Value{kind: KindBool, num: 1}
	}
	return Value{kind: KindBool}
}

// String returns a value of kind string.
func String(v string) Value { return Value{kind: KindString, ref: v} }

// Any returns a value of a type that this package does not know, for engines
// and hooks that agree on it. Any(nil) has no value.
func Any(v any) Value {
	if v == nil {
		return Value{}
	}
	return Value{kind: KindAny, ref: v}
}

// Kind tells what v holds.
func (v Value) Kind() Kind { return v.kind }

// IsNone reports whether v has no value.
func (v Value) IsNone() bool { return v.kind == KindNone }

// Float64 returns the number of a float32 or float64 scalar; ok is false for
// other kinds.
func (v Value) Float64() (f float64, ok bool) {
	switch v.kind {
	case KindFloat64:
		return math.Float64frombits(v.num), true
	case KindFloat32:
		return float64(math.Float32frombits(uint32(v.num))), true
	}
	return 0, false
}

// Float32 returns the number of a float32 scalar; ok is false for other kinds.
func (v Value) Float32() (f float32, ok bool) {
	if v.kind != KindFloat32 {
		return 0, false
	}
	return math.Float32frombits(uint32(v.num)), true
}

// Int64 returns the number of an int64 scalar; ok is false for other kinds.
func (v Value) Int64() (i int64, ok bool) {
	if v.kind != KindInt64 {
		return 0, false
	}
	return int64(v.num), true
}

// Bool returns the truth value of a bool scalar; ok is false for other kinds.
func (v Value) Bool() (b, ok bool) {
	ok = v.kind == KindBool
	return ok && v.num != 0, ok
}

// Text returns the string of a string value; ok is false for other kinds.
// (String is the method of [fmt.Stringer].)
func (v Value) Text() (s string, ok bool) {
	if v.kind != KindString {
		return "", false
	}
	return v.ref.(string), true
}

// Tensor returns the tensor of a tensor value; ok is false for other kinds.
// The data belongs to whoever made the value: do not change it.
func (v Value) Tensor() (t Tensor, ok bool) {
	if v.kind != KindTensor {
		return Tensor{}, false
	}
	return *v.ref.(*Tensor), true
}

// Any returns what v holds as a Go value: float32, float64, int64, bool,
// string, [Tensor], the value given to [Any], or nil if v has none.
func (v Value) Any() any {
	switch v.kind {
	case KindFloat32:
		return math.Float32frombits(uint32(v.num))
	case KindFloat64:
		return math.Float64frombits(v.num)
	case KindInt64:
		return int64(v.num)
	case KindBool:
		return v.num != 0
	case KindTensor:
		return *v.ref.(*Tensor)
	}
	return v.ref
}

// Number returns a scalar of any numeric kind, or a tensor of one element, as
// float64; bools count as 0 and 1. An int64 beyond 2⁵³ is rounded. ok is false
// if v is no number.
func (v Value) Number() (f float64, ok bool) {
	switch v.kind {
	case KindFloat32, KindFloat64:
		return v.Float64()
	case KindInt64:
		return float64(int64(v.num)), true
	case KindBool:
		return float64(v.num), true
	case KindTensor:
		return v.ref.(*Tensor).number()
	}
	return 0, false
}

// String formats v for people; floats in their shortest form.
func (v Value) String() string {
	switch v.kind {
	case KindNone:
		return "<none>"
	case KindFloat32:
		return strconv.FormatFloat(float64(math.Float32frombits(uint32(v.num))), 'g', -1, 32)
	case KindFloat64:
		return strconv.FormatFloat(math.Float64frombits(v.num), 'g', -1, 64)
	case KindInt64:
		return strconv.FormatInt(int64(v.num), 10)
	case KindBool:
		return strconv.FormatBool(v.num != 0)
	case KindString:
		return v.ref.(string)
	case KindTensor:
		return v.ref.(*Tensor).String()
	}
	return fmt.Sprint(v.ref)
}

// describe names the kind of v as error messages do, with a tensor's shape.
func (v Value) describe() string {
	switch v.kind {
	case KindTensor:
		t := v.ref.(*Tensor)
		return fmt.Sprintf("%s tensor of shape %v", t.DType(), t.Shape)
	case KindAny:
		return fmt.Sprintf("%T", v.ref)
	}
	return v.kind.String()
}

// Clone returns v with its tensor data copied. The value given to [Any] is kept
// as it is.
func (v Value) Clone() Value {
	if v.kind == KindTensor {
		t := v.ref.(*Tensor).Clone()
		v.ref = &t
	}
	return v
}
