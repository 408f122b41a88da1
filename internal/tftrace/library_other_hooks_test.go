package tftrace

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
)

func init() {
	for name, make := range map[string]func(l *library, h hookSpec) (session.SessionRunHook, error){
		"nan":                newNan,
		"final_ops":          newFinalOps,
		"feed_fn":            newFeedFn,
		"global_step_waiter": newWaiter,
		"profiler":           newProfiler,
	} {
		libraryHooks[name] = make
	}
}

type nanSpec struct {
	Tensor        string
	FailOnNanLoss *bool `json:"fail_on_nan_loss"`
}

func (s nanSpec) fails() bool { return s.FailOnNanLoss == nil || *s.FailOnNanLoss }

func newNan(l *library, h hookSpec) (session.SessionRunHook, error) {
	args := argumentsOf[nanSpec](h)
	return hooks.NewNanTensorHook(hooks.NanTensorHookConfig{
		LossTensor: args.Tensor, StopOnNanLoss: !args.fails(),
		Logger: l.logs(func(r slog.Record, _ map[string]any) {
			l.add("log", "kind", "nan", "hook", h.Name, "level", levelName(r.Level))
		}),
	})
}

// levelName is a log level as traces name it.
func levelName(level slog.Level) string {
	if level == slog.LevelWarn {
		return "warning"
	}
	return strings.ToLower(level.String())
}

type finalOpsSpec struct {
	FinalOps any `json:"final_ops"`
	Feeds    map[string]any
}

func newFinalOps(l *library, h hookSpec) (session.SessionRunHook, error) {
	args := argumentsOf[finalOpsSpec](h)
	return hooks.NewFinalOpsHook(hooks.FinalOpsHookConfig{
		FinalOps: namesIn(args.FinalOps), FinalOpsFeedDict: toFeeds(args.Feeds),
		Logger: l.logs(func(slog.Record, map[string]any) {
			l.add("log", "kind", "final_ops_input", "hook", h.Name, "level", "warning")
		}),
	}), nil
}

type feedFnSpec struct{ Feeds []map[string]any }

func newFeedFn(_ *library, h hookSpec) (session.SessionRunHook, error) {
	args := argumentsOf[feedFnSpec](h)
	calls := 0
	return hooks.NewFeedFnHook(func(context.Context) (session.Feeds, error) {
		return toFeeds(answerAt(args.Feeds, &calls, nil)), nil
	})
}

type waiterSpec struct {
	WaitUntilStep int64 `json:"wait_until_step"`
}

func newWaiter(l *library, h hookSpec) (session.SessionRunHook, error) {
	args := argumentsOf[waiterSpec](h)
	return hooks.NewGlobalStepWaiterHook(hooks.GlobalStepWaiterHookConfig{
		WaitUntilStep: args.WaitUntilStep,
		Logger: l.logs(func(_ slog.Record, attrs map[string]any) {
			if step := attrs["step"]; step != nil {
				l.add("log", "kind", "waiting_progress", "hook", h.Name, "target", attrs["target"], "step", step)
			} else {
				l.add("log", "kind", "waiting", "hook", h.Name, "target", attrs["target"])
			}
		}),
	}), nil
}

type profilerSpec struct {
	SaveSteps *int64   `json:"save_steps"`
	SaveSecs  *float64 `json:"save_secs"`
	OutputDir string   `json:"output_dir"`
}

func newProfiler(l *library, h hookSpec) (session.SessionRunHook, error) {
	args := argumentsOf[profilerSpec](h)
	steps, secs := modelPeriod{args.SaveSteps, args.SaveSecs}.orZero()
	dir := l.folder(args.OutputDir)
	hook, err := hooks.NewProfilerHook(hooks.ProfilerHookConfig{SaveSteps: steps, SaveSecs: seconds(secs), OutputDir: dir})
	if err != nil {
		return nil, err
	}
	return &profiled{ProfilerHook: hook, library: l, name: h.Name, dir: dir}, nil
}

// A profiled hook writes down the timelines that a ProfilerHook writes.
type profiled struct {
	*hooks.ProfilerHook
	library   *library
	name, dir string
	timelines []string
}

func (p *profiled) AfterRun(ctx context.Context, rc *session.SessionRunContext, values *session.SessionRunValues) error {
	err := p.ProfilerHook.AfterRun(ctx, rc, values)
	found, globErr := filepath.Glob(filepath.Join(p.dir, "timeline-*.json"))
	if globErr != nil {
		return globErr
	}
	for _, path := range found {
		if slices.Contains(p.timelines, path) {
			continue
		}
		p.timelines = append(p.timelines, path)
		var step int64
		if _, err := fmt.Sscanf(filepath.Base(path), "timeline-%d", &step); err != nil {
			return err
		}
		p.library.add("profile", "hook", p.name, "step", step)
	}
	return err
}

// logs returns a logger whose records go to a function, with their attributes.
func (l *library) logs(record func(r slog.Record, attrs map[string]any)) *slog.Logger {
	return slog.New(recordHandler(record))
}

type recordHandler func(r slog.Record, attrs map[string]any)

func (recordHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h recordHandler) Handle(_ context.Context, r slog.Record) error {
	attrs := make(map[string]any)
	r.Attrs(func(a slog.Attr) bool {
		attrs[a.Key] = a.Value.Any()
		return true
	})
	h(r, attrs)
	return nil
}

func (h recordHandler) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h recordHandler) WithGroup(string) slog.Handler      { return h }
