package session_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
)

func TestOptionsAreMergedIntoACopy(t *testing.T) {
	leaktest.Check(t)
	const second = time.Second
	type options = session.RunOptions
	for _, c := range []struct {
		name   string
		caller *options
		hooks  []*options
		want   options
	}{
		{"nobody asks for anything", nil, []*options{nil}, options{}},
		{"the caller alone", &options{TraceLevel: session.HardwareTrace, InterOpThreadPool: 3}, []*options{nil}, options{TraceLevel: session.HardwareTrace, InterOpThreadPool: 3}},
		{"a hook alone", nil, []*options{{TraceLevel: session.FullTrace}}, options{TraceLevel: session.FullTrace}},
		{"the larger trace level counts", &options{TraceLevel: session.SoftwareTrace}, []*options{{TraceLevel: session.FullTrace}, {TraceLevel: session.HardwareTrace}}, options{TraceLevel: session.FullTrace}},
		{"the larger thread pool counts, and -1 loses", &options{InterOpThreadPool: 1}, []*options{{InterOpThreadPool: -1}, {InterOpThreadPool: 2}}, options{InterOpThreadPool: 2}},
		{"flags are united", &options{PartitionGraphs: true}, []*options{{ReportTensorsOnOOM: true}, {ResetDebugDiskUsage: true}}, options{PartitionGraphs: true, ReportTensorsOnOOM: true, ResetDebugDiskUsage: true}},
		{"a flag that is off is no opinion", &options{PartitionGraphs: true, ReportTensorsOnOOM: true, ResetDebugDiskUsage: true}, []*options{{}}, options{PartitionGraphs: true, ReportTensorsOnOOM: true, ResetDebugDiskUsage: true}},
		{"watches are appended, the caller's first", &options{DebugTensorWatches: []string{"c"}}, []*options{{DebugTensorWatches: []string{"a"}}, {DebugTensorWatches: []string{"b", "a"}}}, options{DebugTensorWatches: []string{"c", "a", "b", "a"}}},
		{"the caller's limit stays if no hook has an opinion", &options{Timeout: second}, []*options{{Timeout: 0}}, options{Timeout: second}},
		{"a hook may lengthen the caller's limit", &options{Timeout: second}, []*options{{Timeout: 2 * second}, {Timeout: second}}, options{Timeout: 2 * second}},
		{"a hook may not shorten the caller's limit", &options{Timeout: 2 * second}, []*options{{Timeout: second}}, options{Timeout: 2 * second}},
		{"a hook may not bring a limit into a run that has none", nil, []*options{{Timeout: second}}, options{}},
		{"nor into one whose caller gave other options", &options{TraceLevel: session.SoftwareTrace}, []*options{{Timeout: second}}, options{TraceLevel: session.SoftwareTrace}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var j journal
			var engine options
			var deadline bool
			e := j.engine(lineGraph())
			e.ran = func(ctx context.Context, req *session.Request) {
				engine = *req.Options
				_, deadline = ctx.Deadline()
			}
			var list []session.SessionRunHook
			for _, o := range c.hooks {
				h := j.hook("hook")
				h.args = &session.SessionRunArgs{Options: o}
				h.seen = func(values *session.SessionRunValues) { requireOptions(t, c.want, *values.Options) }
				list = append(list, h)
			}
			before := snapshot(append(c.hooks, c.caller))
			s := open(t, e, list...)
			for range 3 { // nothing grows by being used again
				_, err := s.RunArgs(t.Context(), &session.SessionRunArgs{Fetches: []string{"loss"}, Options: c.caller}, nil)
				require.NoError(t, err)
				requireOptions(t, c.want, engine)
				require.Equal(t, c.want.Timeout > 0, deadline)
				require.Equal(t, before, snapshot(append(c.hooks, c.caller)), "nobody's own options are changed")
			}
		})
	}
}

func requireOptions(t *testing.T, want, got session.RunOptions) {
	t.Helper()
	if len(got.DebugTensorWatches) == 0 {
		got.DebugTensorWatches = nil
	}
	require.Equal(t, want, got)
}

func snapshot(all []*session.RunOptions) []session.RunOptions {
	var copies []session.RunOptions
	for _, o := range all {
		if o != nil {
			c := *o
			c.DebugTensorWatches = append([]string(nil), o.DebugTensorWatches[:cap(o.DebugTensorWatches)]...)
			copies = append(copies, c)
		}
	}
	return copies
}

func TestTheOriginalArgsHoldFetchesAndFeedsWithoutOptions(t *testing.T) {
	leaktest.Check(t)
	var fetches []string
	var feeds session.Feeds
	var options *session.RunOptions
	h := &session.HookFuncs{OnBeforeRun: func(_ context.Context, rc *session.SessionRunContext) (*session.SessionRunArgs, error) {
		args := rc.OriginalArgs()
		fetches, feeds, options = args.Fetches, args.Feeds, args.Options
		return nil, nil
	}}
	s := open(t, lineGraph(), h)
	_, err := s.RunArgs(t.Context(), &session.SessionRunArgs{
		Fetches: []string{"loss", "w"},
		Feeds:   session.Feeds{"x": session.Float64(3)},
		Options: &session.RunOptions{TraceLevel: session.FullTrace},
	}, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"loss", "w"}, fetches)
	require.Equal(t, session.Feeds{"x": session.Float64(3)}, feeds)
	require.Nil(t, options)
}
