package hooks_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/sessiontest"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

// hparamsIn returns what the event files in dir say of a run: its start, and what
// became of it, UNKNOWN if nothing is said.
func hparamsIn(t *testing.T, dir string) (start *eventpb.SessionStartInfo, ends []eventpb.Status) {
	t.Helper()
	for _, e := range eventsIn(t, dir) {
		for _, v := range e.GetSummary().GetValue() {
			if v.GetMetadata().GetPluginData().GetPluginName() != "hparams" {
				continue
			}
			data := new(eventpb.HParamsPluginData)
			require.NoError(t, proto.Unmarshal(v.GetMetadata().GetPluginData().GetContent(), data))
			if s := data.GetSessionStartInfo(); s != nil {
				require.Nil(t, start, "one start")
				start = s
			} else {
				ends = append(ends, data.GetSessionEndInfo().GetStatus())
			}
		}
	}
	return start, ends
}

func TestWhatBecameOfARunWithHyperparameters(t *testing.T) {
	stopped := errors.New("the machine is needed")
	for name, c := range map[string]struct {
		engine func(cancel func()) session.Engine
		body   error
		status func(cause error) summary.HParamsStatus
		hook   *session.HookFuncs
		want   []eventpb.Status
	}{
		"a clean end":      {want: []eventpb.Status{eventpb.Status_STATUS_SUCCESS}},
		"the end of input": {body: session.ErrOutOfRange, want: []eventpb.Status{eventpb.Status_STATUS_SUCCESS}},
		"a failure":        {body: errBroken, want: []eventpb.Status{eventpb.Status_STATUS_FAILURE}},
		"a failure at the end": {hook: &session.HookFuncs{OnEnd: func(context.Context, session.Session) error { return errBroken }},
			want: []eventpb.Status{eventpb.Status_STATUS_FAILURE}},
		"no session": {hook: &session.HookFuncs{OnBegin: func(context.Context, session.Graph) error { return errBroken }},
			want: []eventpb.Status{eventpb.Status_STATUS_FAILURE}},
		"a goroutine that fails": {hook: &session.HookFuncs{OnAfterCreateSession: func(_ context.Context, _ session.Session, coord *session.Coordinator) error {
			return coord.RequestStop(errBroken)
		}}, want: []eventpb.Status{eventpb.Status_STATUS_FAILURE}},
		"an interruption: the run may go on": {engine: interrupted, want: nil},
		"an interruption, and a failure besides": {engine: interrupted,
			hook: &session.HookFuncs{OnEnd: func(context.Context, session.Session) error { return errBroken }},
			want: []eventpb.Status{eventpb.Status_STATUS_FAILURE}},
		"as the user says": {body: errBroken, status: func(cause error) summary.HParamsStatus {
			require.ErrorIs(t, cause, errBroken)
			return summary.StatusUnknown
		}, want: []eventpb.Status{eventpb.Status_STATUS_UNKNOWN}},
		"nothing, as the user says": {status: func(error) summary.HParamsStatus { return summary.StatusRunning }, want: nil},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			dir := t.TempDir()
			engine := session.Engine(newTrainer())
			if c.engine != nil {
				engine = c.engine(func() { cancel(stopped) })
			}
			h := made(hooks.NewHParamsHook(hooks.HParamsHookConfig{Start: summary.HParamsStart{HParams: summary.HParams{"rate": 0.5}}, Status: c.status, OutputDir: dir}))(t)
			attached := []session.SessionRunHook{h}
			if c.hook != nil {
				attached = append(attached, c.hook)
			}
			err := session.With(ctx, session.Config{Engine: engine, Hooks: attached}, func(s *session.MonitoredSession) error {
				if _, err := s.Run(ctx, "train"); err != nil {
					return err
				}
				return c.body
			})
			if c.engine != nil {
				require.ErrorIs(t, err, stopped)
			}
			start, ends := hparamsIn(t, dir)
			require.Equal(t, 0.5, start.GetHparams()["rate"].GetNumberValue())
			require.Equal(t, c.want, ends)
		})
	}
}

// interrupted is an engine that is interrupted in its first run.
func interrupted(cancel func()) session.Engine {
	return &sessiontest.Engine{Faults: []sessiontest.Fault{{Op: sessiontest.OpTrain, N: 1, Do: cancel, Delay: time.Hour}}}
}

func TestARunThatIsCreatedAgainHasOneStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		params := summary.HParams{"rate": 0.5}
		h := made(hooks.NewHParamsHook(hooks.HParamsHookConfig{Start: summary.HParamsStart{HParams: params, GroupName: "g"}, OutputDir: dir}))(t)
		params["rate"] = "changed"
		began := time.Now()
		train(t, lossOf(nil, nil, 2), 3, "train", paced(time.Minute), h)
		start, ends := hparamsIn(t, dir)
		require.Equal(t, []eventpb.Status{eventpb.Status_STATUS_SUCCESS}, ends)
		require.Equal(t, float64(began.Unix()), start.GetStartTimeSecs())
		require.Equal(t, "g", start.GetGroupName())
		require.Equal(t, 0.5, start.GetHparams()["rate"].GetNumberValue())
	})
}

func TestHyperparametersStandBesideOtherValues(t *testing.T) {
	dir := t.TempDir()
	h := made(hooks.NewHParamsHook(hooks.HParamsHookConfig{Start: someHParams, OutputDir: dir}))(t)
	loss := made(hooks.NewEMAHook(hooks.EMAHookConfig{Fetch: "loss", EverySteps: 2, OutputDir: dir}))(t)
	train(t, lossOf([]float64{1}, []int64{7}), 3, "train", loss, h)
	require.Equal(t, []string{"0: _hparams_/session_start_info=0", "START@8", "8: loss/ema=1", "10: loss/ema=1", "0: _hparams_/session_end_info=0"}, eventLines(t, dir))
}

func TestHyperparametersNeedAPlace(t *testing.T) {
	h := made(hooks.NewHParamsHook(hooks.HParamsHookConfig{Start: someHParams, OutputDir: "main_test.go/x"}))(t)
	require.ErrorContains(t, failing(t, newTrainer(), h), "main_test.go")
}
