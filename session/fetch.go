package session

import (
	"errors"
	"fmt"
	"reflect"
)

// ErrNotFetched says that a name was looked up in values that do not hold it.
var ErrNotFetched = errors.New("not fetched")

// A Fetch is the name of something that can be fetched, with the Go type that
// its value has. The conversion to string is the name:
//
//	const loss = session.Fetch[float64]("loss")
//
// T is float32, float64, int64, bool, string, [Tensor], a slice of an [Element]
// (the data of a tensor), or any other type for values made by [Any].
type Fetch[T any] string

// A TypeError says that a value is not of the type that its reader wants.
type TypeError struct {
	Name      string
	Got, Want string
}

func (e *TypeError) Error() string {
	return fmt.Sprintf("session: fetch %q: got %s, want %s", e.Name, e.Got, e.Want)
}

// Get returns the value fetched by this name. A float32 is widened to a
// float64; nothing else is converted. It returns [ErrNotFetched] if values does
// not hold the name, and a *[TypeError] if the value is of another type.
func (f Fetch[T]) Get(values Values) (T, error) {
	v, ok := values.Lookup(string(f))
	if !ok {
		return *new(T), fmt.Errorf("session: fetch %q: %w", string(f), ErrNotFetched)
	}
	out, ok := As[T](v)
	if !ok {
		return *new(T), &TypeError{Name: string(f), Got: v.describe(), Want: reflect.TypeFor[T]().String()}
	}
	return out, nil
}

// As returns what v holds as a T, by the rules of [Fetch]; ok is false if it is
// of another type.
func As[T any](v Value) (out T, ok bool) {
	switch p := any(&out).(type) {
	case *float64:
		*p, ok = v.Float64()
	case *float32:
		*p, ok = v.Float32()
	case *int64:
		*p, ok = v.Int64()
	case *bool:
		*p, ok = v.Bool()
	case *string:
		*p, ok = v.Text()
	case *any:
		*p, ok = v.Any(), !v.IsNone()
	case *Value:
		*p, ok = v, true
	case *Tensor:
		*p, ok = v.Tensor()
	default:
		switch v.kind {
		case KindTensor:
			out, ok = v.ref.(*Tensor).Data.(T)
		case KindAny:
			out, ok = v.ref.(T)
		}
	}
	return out, ok
}
