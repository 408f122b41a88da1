package session_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
)

// everyElement has a variable of each element type over memory of its own.
func everyElement() *session.StepEngine {
	return session.StepFunc(func(context.Context, []session.Value) error { return nil }).
		Variable("f32", session.TensorOf(make([]float32, 2))).
		Variable("f64", session.TensorOf(make([]float64, 2), 2, 1)).
		Variable("i32", session.TensorOf(make([]int32, 2))).
		Variable("i64", session.TensorOf(make([]int64, 2))).
		Variable("u8", session.TensorOf(make([]uint8, 2))).
		Variable("bool", session.TensorOf(make([]bool, 2))).
		Variable("string", session.TensorOf(make([]string, 2)))
}

func TestAStepFuncIsRestoredIntoItsOwnMemory(t *testing.T) {
	leaktest.Check(t)
	e := everyElement()
	s, err := e.NewSession(t.Context())
	require.NoError(t, err)
	before, err := s.(session.Saveable).Variables(t.Context())
	require.NoError(t, err)
	values := map[string]session.Value{
		"global_step": session.Int64(7),
		"f32":         session.TensorOf([]float32{1, 2}),
		"f64":         session.TensorOf([]float64{1, 2}, 2, 1),
		"i32":         session.TensorOf([]int32{1, 2}),
		"i64":         session.TensorOf([]int64{1, 2}),
		"u8":          session.TensorOf([]uint8{1, 2}),
		"bool":        session.TensorOf([]bool{true, false}),
		"string":      session.TensorOf([]string{"a", "b"}),
	}
	require.NoError(t, s.(session.Saveable).SetVariables(t.Context(), values))
	after, err := s.(session.Saveable).Variables(t.Context())
	require.NoError(t, err)
	require.Len(t, after, len(values))
	for i, v := range after {
		require.Equal(t, values[v.Name], v.Value, v.Name)
		if v.Name != "global_step" {
			require.Equal(t, v.Value, before[i].Value, "the memory is the same")
		}
	}
}

func TestWhatAStepFuncCannotBeSetTo(t *testing.T) {
	leaktest.Check(t)
	s, err := everyElement().NewSession(t.Context())
	require.NoError(t, err)
	err = s.(session.Saveable).SetVariables(t.Context(), map[string]session.Value{
		"global_step": session.Float32(1), "f32": session.TensorOf([]float32{1}), "f64": session.TensorOf([]float64{1, 2}),
		"i32": session.TensorOf([]int64{1, 2}), "i64": session.Int64(1), "f23": session.Int64(1),
		"u8": session.TensorOf([]uint8{9, 9}),
	})
	require.EqualError(t, err, `session: unknown name "f23", did you mean "f32"
session: variable "f32": the value is float32 tensor of shape [1], want float32 tensor of shape [2]
session: variable "f64": the value is float64 tensor of shape [2], want float64 tensor of shape [2 1]
session: "global_step" is float32, want int64
session: variable "i32": the value is int64 tensor of shape [2], want int32 tensor of shape [2]
session: variable "i64": the value is int64, want int64 tensor of shape [2]`)
	require.ErrorIs(t, err, session.ErrUnknownName)
	all, err := s.(session.Saveable).Variables(t.Context())
	require.NoError(t, err)
	require.Equal(t, session.TensorOf([]uint8{0, 0}), all[5].Value, "nothing is set")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.(session.Saveable).SetVariables(ctx, nil), context.Canceled)
}

func TestVariablesThatAStepFuncCannotHave(t *testing.T) {
	leaktest.Check(t)
	e := everyElement().
		Variable("", session.TensorOf([]float32{1})).
		Variable("f32", session.TensorOf([]float32{1})).
		Variable("global_step", session.TensorOf([]int64{1})).
		Variable("scalar", session.Int64(1)).
		Variable("bent", session.TensorOf([]float32{1}, 2))
	require.EqualError(t, e.Finalize(t.Context()), `session: StepFunc: variable "": no name
session: StepFunc: variable "f32": the name is used twice
session: StepFunc: variable "global_step": the name is used twice
session: StepFunc: variable "scalar": the value is int64, want a tensor over the function's memory
session: StepFunc: variable "bent": tensor shape [2] holds 2 elements, data has 1`)
}
