package hooks_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/sessiontest"
)

func TestTheLinesOfAProgressHook(t *testing.T) {
	for name, c := range map[string]struct {
		config hooks.ProgressHookConfig
		pauses []time.Duration
		starts []int64
		runs   int
		want   []string
	}{
		"every second step": {hooks.ProgressHookConfig{Total: 8, EverySteps: 2, Values: []string{"loss"}}, []time.Duration{time.Second}, nil, 5, []string{
			"step 1/8  12%  1 steps/s  7s left  loss 0.5",
			"step 3/8  37%  1 steps/s  5s left  loss 0.125",
			"step 5/8  62%  1 steps/s  3s left  loss 0.03125",
			"step 5/8  62%  1 steps/s  3s left  loss 0.03125  in 5s",
		}},
		"every 10 seconds, which is the default": {hooks.ProgressHookConfig{Total: 100}, []time.Duration{4 * time.Second}, nil, 5, []string{
			"step 1/100  1%  0.25 steps/s  6m36s left",
			"step 4/100  4%  0.25 steps/s  6m24s left",
			"step 5/100  5%  0.25 steps/s  6m20s left  in 20s",
		}},
		"by time, without an end": {hooks.ProgressHookConfig{EverySecs: 2 * time.Second}, []time.Duration{time.Second}, nil, 4, []string{
			"step 1  1 steps/s", "step 3  1 steps/s", "step 4  1 steps/s  in 4s",
		}},
		"half of the rate is what it was before": {hooks.ProgressHookConfig{EverySteps: 1}, []time.Duration{time.Second, 250 * time.Millisecond}, nil, 2, []string{
			"step 1  1 steps/s", "step 2  2.5 steps/s", "step 2  1.6 steps/s  in 1.3s",
		}},
		"a session that begins later": {hooks.ProgressHookConfig{Total: 1000, EverySteps: 5}, []time.Duration{time.Second}, []int64{990}, 10, []string{
			"step 991/1000  99%  1 steps/s  9s left", "step 996/1000  99%  1 steps/s  4s left", "step 1000/1000  100%  1 steps/s  in 10s",
		}},
		"beyond the end": {hooks.ProgressHookConfig{Total: 1, EverySteps: 5}, []time.Duration{time.Second}, nil, 2, []string{
			"step 1/1  100%  1 steps/s", "step 2/1  100%  1 steps/s  in 2s",
		}},
		"fast and slow": {hooks.ProgressHookConfig{Total: 1e6, EverySteps: 1}, []time.Duration{10 * time.Microsecond, 800 * time.Second}, nil, 2, []string{
			"step 1/1000000  0%  100000 steps/s  10s left", "step 2/1000000  0%  50000 steps/s  20s left", "step 2/1000000  0%  0.0025 steps/s  111110h53m25s left  in 13m20s",
		}},
		"no run":                  {hooks.ProgressHookConfig{Total: 10, EverySteps: 5}, []time.Duration{0}, []int64{10}, 0, []string{"step 10/10  100%  in 0s"}},
		"no time that has passed": {hooks.ProgressHookConfig{EverySteps: 1}, []time.Duration{0}, nil, 1, []string{"step 1", "step 1  in 0s"}},
		"quiet":                   {hooks.ProgressHookConfig{Total: 8, EverySteps: 1, Values: []string{"loss"}, Quiet: true}, []time.Duration{0}, nil, 3, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				c.config.Output = &out
				h := made(hooks.NewProgressHook(c.config))(t)
				e := lossOf([]float64{1, 0.5, 0.25, 0.125, 0.0625, 0.03125}, c.starts)
				train(t, e, c.runs, "train", paced(c.pauses...), h)
				require.Equal(t, strings.Join(append(c.want, ""), "\n"), out.String())
			})
		})
	}
}

func TestASessionThatIsCreatedAgainHasTakenTheTimeOfBoth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		h := made(hooks.NewProgressHook(hooks.ProgressHookConfig{EverySteps: 1, Output: &out}))(t)
		config := session.Config{
			Engine: lossOf(nil, []int64{0, 1}, 2), Hooks: []session.SessionRunHook{paced(time.Second), h},
			Recovery: session.Recovery{Backoff: func(int) time.Duration { return 7 * time.Second }},
		}
		for range 2 { // it begins anew with a new one
			require.NoError(t, session.With(t.Context(), config, func(s *session.MonitoredSession) error {
				for range 2 {
					if _, err := s.Run(t.Context(), session.TrainOp); err != nil {
						return err
					}
				}
				return nil
			}))
			config.Engine = lossOf(nil, nil)
		}
		require.Equal(t, "step 1  1 steps/s\nstep 2  1 steps/s\nstep 2  0.2 steps/s  in 10s\n"+
			"step 1  1 steps/s\nstep 2  1 steps/s\nstep 2  1 steps/s  in 2s\n", out.String())
	})
}

func TestTheValuesOfAProgressHook(t *testing.T) {
	e := newTrainer()
	names := []string{"loss", "many", "small", "long", "text", "yes", "none", "tensor"}
	for name, v := range map[string]session.Value{
		"many": session.Float64(123456), "small": session.Float64(1.23456e-9), "long": session.Float32(3.14159265),
		"text": session.String("warm"), "yes": session.Bool(true), "none": {}, "tensor": session.TensorOf([]int32{1, 2}),
	} {
		e.Node(name, func(context.Context, []session.Value) (session.Value, error) { return v, nil })
	}
	var out bytes.Buffer
	h := made(hooks.NewProgressHook(hooks.ProgressHookConfig{Values: names, EverySteps: 3, Output: &out}))(t)
	copy(names, make([]string, len(names)))
	train(t, e, 5, "train", h)
	require.Contains(t, out.String(), "  loss 1  many 123456  small 1.235e-09  long 3.142  text warm  yes true  none <none>  tensor int32[2][1 2]\n")
	require.Equal(t, 2, e.evaluated, "values are fetched on the runs that are told of, only")
}

func TestAFileIsNoTerminal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	f, err := os.Create(path)
	require.NoError(t, err)
	h := made(hooks.NewProgressHook(hooks.ProgressHookConfig{Total: 3, Output: f}))(t)
	train(t, newTrainer(), 3, "train", h)
	require.NoError(t, f.Close())
	said, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, 2, bytes.Count(said, []byte("\n")), "the first line and the last, within 10 s")
	require.NotContains(t, string(said), "\r")
	require.NotContains(t, string(said), "\x1b")
}

func TestAProgressHookThatFails(t *testing.T) {
	h := made(hooks.NewProgressHook(hooks.ProgressHookConfig{Output: fullWriter{}}))(t)
	require.ErrorIs(t, failing(t, newTrainer(), h), errBroken)
	h = made(hooks.NewProgressHook(hooks.ProgressHookConfig{Values: []string{"los"}}))(t)
	require.ErrorIs(t, failing(t, newTrainer(), h), session.ErrUnknownName)
	require.ErrorIs(t, failing(t, &sessiontest.Engine{NoGlobalStep: true}, h), session.ErrNoGlobalStep)
}
