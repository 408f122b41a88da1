package checkpoint_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/checkpoint"
	"github.com/runhook/runhook/session/graph"
)

// A store is a session with nothing but variables.
type store struct {
	variables []session.Variable
	set       map[string]session.Value // what was restored last
}

var _ session.Saveable = (*store)(nil)

// holding returns a session with variables, given as name, value, name, value …
func holding(pairs ...any) *store {
	s := new(store)
	for i := 0; i < len(pairs); i += 2 {
		s.variables = append(s.variables, session.Variable{Name: pairs[i].(string), Value: pairs[i+1].(session.Value), Initialized: true})
	}
	return s
}

func (s *store) Run(context.Context, *session.Request) error           { return nil }
func (s *store) Close() error                                          { return nil }
func (s *store) Variables(context.Context) ([]session.Variable, error) { return s.variables, nil }
func (s *store) SetVariables(_ context.Context, v map[string]session.Value) error {
	s.set = v
	return nil
}

func (s *store) uninitialized() *store {
	for i := range s.variables {
		s.variables[i].Initialized = false
	}
	return s
}

// values are the variables by name.
func (s *store) values() map[string]session.Value {
	values := make(map[string]session.Value)
	for _, v := range s.variables {
		values[v.Name] = v.Value
	}
	return values
}

func newSaver(t testing.TB, config checkpoint.SaverConfig) *checkpoint.Saver {
	t.Helper()
	s, err := checkpoint.NewSaver(config)
	require.NoError(t, err)
	return s
}

// saved saves s in a new folder and returns the path of the checkpoint.
func saved(t testing.TB, s *store) string {
	t.Helper()
	path, err := newSaver(t, checkpoint.SaverConfig{}).Save(t.Context(), s, filepath.Join(t.TempDir(), "m"), 1)
	require.NoError(t, err)
	return path
}

// everyType has a variable of each type and shape that can be saved.
func everyType() *store {
	return holding(
		"f32", session.TensorOf([]float32{1, -2.5, 3e38, 0, 1e-40, 6}, 2, 3),
		"f64", session.TensorOf([]float64{1.0 / 3, -2}),
		"i32", session.TensorOf([]int32{-1, 1 << 30}, 1, 2),
		"i64", session.TensorOf([]int64{-1, 1 << 60}),
		"u8", session.TensorOf([]uint8{0, 1, 255}),
		"bool", session.TensorOf([]bool{true, false, true}),
		"none", session.TensorOf([]float32{}, 0, 7),
		"point", session.TensorValue(session.Tensor{Shape: []int{}, Data: []float32{7}}),
		"int point", session.TensorValue(session.Tensor{Shape: []int{}, Data: []int32{7}}),
		"scalar/f32", session.Float32(0.1),
		"scalar/f64", session.Float64(0.1),
		"scalar/i64", session.Int64(-5),
		"scalar/bool", session.Bool(true),
		"größe \"1\"\n<&>", session.Int64(1),
	)
}

// counter is an engine with a weight that grows by 1 a step.
func counter() *graph.Graph {
	g := graph.New()
	g.CreateGlobalStep()
	g.Variable("w", func() session.Value { return session.TensorOf([]float32{0, 0}) })
	g.Update("grow", func(_ context.Context, in []session.Value) error {
		w, _ := in[0].Tensor()
		for i := range w.Data.([]float32) {
			w.Data.([]float32)[i]++
		}
		return nil
	}, "w")
	g.Train("train", "grow")
	return g
}
