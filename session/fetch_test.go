package session_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
)

// fetched returns what a run of a closure gives for one output "x".
func fetched(t *testing.T, v session.Value) session.Values {
	t.Helper()
	s := open(t, session.StepFunc(func(_ context.Context, out []session.Value) error {
		out[0] = v
		return nil
	}, "x"))
	values, err := s.Run(t.Context(), session.TrainOp, "x")
	require.NoError(t, err)
	return values
}

// get reads "x" as a T, without the type.
func get[T any](values session.Values) (any, error) { return session.Fetch[T]("x").Get(values) }

func TestAFetchGivesTheValueInItsType(t *testing.T) {
	leaktest.Check(t)
	floats, ints := session.TensorOf([]float32{1, 2}), session.TensorOf([]int32{1, 2, 3, 4}, 2, 2)
	stamp := session.Any(time.Unix(7, 0))
	for _, c := range []struct {
		name  string
		value session.Value
		get   func(session.Values) (any, error)
		want  any
		err   string
	}{
		{"float64", session.Float64(0.1), get[float64], 0.1, ""},
		{"float32", session.Float32(0.1), get[float32], float32(0.1), ""},
		{"float32 widens to float64", session.Float32(0.1), get[float64], float64(float32(0.1)), ""},
		{"float64 does not narrow", session.Float64(0.5), get[float32], nil, `session: fetch "x": got float64, want float32`},
		{"int64", session.Int64(-7), get[int64], int64(-7), ""},
		{"int64 does not become a float", session.Int64(7), get[float64], nil, `session: fetch "x": got int64, want float64`},
		{"a float does not become an int64", session.Float64(7), get[int64], nil, `session: fetch "x": got float64, want int64`},
		{"int64 does not become an int", session.Int64(7), get[int], nil, `session: fetch "x": got int64, want int`},
		{"bool", session.Bool(true), get[bool], true, ""},
		{"int64 is no bool", session.Int64(1), get[bool], nil, `session: fetch "x": got int64, want bool`},
		{"string", session.String("hello"), get[string], "hello", ""},
		{"the empty string", session.String(""), get[string], "", ""},
		{"bool is no string", session.Bool(true), get[string], nil, `session: fetch "x": got bool, want string`},
		{"the value itself", session.Int64(7), get[session.Value], session.Int64(7), ""},
		{"an op without a value, as a number", session.Value{}, get[float64], nil, `session: fetch "x": got none, want float64`},
		{"a tensor", ints, get[session.Tensor], session.Tensor{Shape: []int{2, 2}, Data: []int32{1, 2, 3, 4}}, ""},
		{"the data of a tensor", floats, get[[]float32], []float32{1, 2}, ""},
		{"the data of a tensor in another type", ints, get[[]float32], nil, `session: fetch "x": got int32 tensor of shape [2 2], want []float32`},
		{"a tensor is no scalar, though it has one element", session.TensorOf([]float64{1}), get[float64], nil, `session: fetch "x": got float64 tensor of shape [1], want float64`},
		{"a scalar is no tensor", session.Float64(1), get[session.Tensor], nil, `session: fetch "x": got float64, want session.Tensor`},
		{"a type of its own", stamp, get[time.Time], time.Unix(7, 0), ""},
		{"a type of its own, as an interface", stamp, get[interface{ Unix() int64 }], time.Unix(7, 0), ""},
		{"a type of its own, as another", stamp, get[time.Duration], nil, `session: fetch "x": got time.Time, want time.Duration`},
		{"any of a scalar", session.Float32(2), get[any], float32(2), ""},
		{"any of a tensor", floats, get[any], session.Tensor{Shape: []int{2}, Data: []float32{1, 2}}, ""},
		{"any of a type of its own", stamp, get[any], time.Unix(7, 0), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.get(fetched(t, c.value))
			if c.err != "" {
				require.EqualError(t, err, c.err)
				require.Zero(t, got)
				var wrong *session.TypeError
				require.ErrorAs(t, err, &wrong)
				require.Equal(t, "x", wrong.Name)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestAFetchOfWhatWasNotFetched(t *testing.T) {
	leaktest.Check(t)
	_, err := session.Fetch[float64]("loss").Get(fetched(t, session.Float64(1)))
	require.ErrorIs(t, err, session.ErrNotFetched)
	require.EqualError(t, err, `session: fetch "loss": not fetched`)
	_, err = session.Fetch[float64]("loss").Get(session.Values{})
	require.ErrorIs(t, err, session.ErrNotFetched)
	require.False(t, errors.Is(err, session.ErrUnknownName))
}

func TestAsReadsAValueByTheRulesOfAFetch(t *testing.T) {
	leaktest.Check(t)
	f, ok := session.As[float64](session.Float32(0.5))
	require.True(t, ok)
	require.Equal(t, 0.5, f)
	i, ok := session.As[int64](session.Float64(0.5))
	require.False(t, ok)
	require.Zero(t, i)
	data, ok := session.As[[]int64](session.TensorOf([]int64{1, 2}))
	require.True(t, ok)
	require.Equal(t, []int64{1, 2}, data)
	_, ok = session.As[any](session.Value{})
	require.False(t, ok)
}
