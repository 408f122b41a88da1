package hooks_test

import (
	"log/slog"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/sessiontest"
)

func TestALossThatIsNoNumber(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for name, c := range map[string]struct {
		loss         session.Value
		found, orInf bool // with AlsoInf
	}{
		"a number":            {session.Float64(1), false, false},
		"NaN":                 {session.Float64(nan), true, true},
		"NaN of 32 bits":      {session.Float32(float32(nan)), true, true},
		"infinity":            {session.Float64(inf), false, true},
		"less than all":       {session.Float32(float32(math.Inf(-1))), false, true},
		"an integer":          {session.Int64(7), false, false},
		"numbers":             {session.TensorOf([]float64{1, 2, 3}), false, false},
		"NaN among them":      {session.TensorOf([]float64{1, nan, 3}, 3, 1), true, true},
		"NaN in 32 bits":      {session.TensorOf([]float32{1, float32(nan)}), true, true},
		"infinity among them": {session.TensorOf([]float32{1, float32(inf)}), false, true},
		"integers":            {session.TensorOf([]int32{1, 2}), false, false},
		"none":                {session.TensorOf([]float64{}, 0), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			for alsoInf, found := range map[bool]bool{false: c.found, true: c.orInf} {
				e := &sessiontest.Engine{Outputs: map[string]sessiontest.Output{"loss": sessiontest.Always(c.loss)}}
				h := made(hooks.NewNanTensorHook(hooks.NanTensorHookConfig{LossTensor: "loss", StopOnNanLoss: true, AlsoInf: alsoInf}))(t)
				runs := 2
				if found {
					runs = 1
				}
				require.Equal(t, runs, train(t, e, 2, "train", h), "AlsoInf is %v", alsoInf)
			}
		})
	}
}

func TestALossThatIsNoNumberFailsTheRun(t *testing.T) {
	r := new(recorder)
	h := made(hooks.NewNanTensorHook(hooks.NanTensorHookConfig{LossTensor: "loss", Logger: slog.New(r)}))(t)
	e := lossOf([]float64{4, 3, math.NaN()}, nil)
	err := failing(t, e, h)
	require.ErrorIs(t, err, hooks.ErrNanLoss)
	require.ErrorContains(t, err, "hooks: loss is NaN: NaN loss during training")
	require.Equal(t, 2, e.Count(sessiontest.OpTrain))
	require.Len(t, r.records, 1)
	require.Equal(t, slog.LevelError, r.records[0].Level)

	h = made(hooks.NewNanTensorHook(hooks.NanTensorHookConfig{LossTensor: "loss", StopOnNanLoss: true, Logger: slog.New(r)}))(t)
	require.NoError(t, failing(t, lossOf([]float64{math.NaN()}, nil), h))
	require.Equal(t, slog.LevelWarn, r.records[1].Level)
	require.Equal(t, map[string]any{"loss": "NaN"}, attrs(r.records[1]))
}

func TestALossOfAnotherKindIsAnError(t *testing.T) {
	for text, loss := range map[string]session.Value{
		"text":           session.String("text"),
		"<none>":         {},
		"string[2][a b]": session.TensorOf([]string{"a", "b"}),
	} {
		e := &sessiontest.Engine{Outputs: map[string]sessiontest.Output{"loss": sessiontest.Always(loss)}}
		h := made(hooks.NewNanTensorHook(hooks.NanTensorHookConfig{LossTensor: "loss"}))(t)
		require.ErrorContains(t, failing(t, e, h), `hooks: NanTensorHook: "loss" is `+text+", want numbers")
	}
	h := made(hooks.NewNanTensorHook(hooks.NanTensorHookConfig{LossTensor: "los"}))(t)
	require.ErrorIs(t, failing(t, newTrainer(), h), session.ErrUnknownName)
}
