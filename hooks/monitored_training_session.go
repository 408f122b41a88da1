package hooks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/runhook/runhook/internal/cadence"
	"github.com/runhook/runhook/internal/faults"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/checkpoint"
	"github.com/runhook/runhook/summary"
)

// TensorFlow's defaults of MonitoredTrainingSession.
const (
	defaultSaveCheckpointSecs = 10 * time.Minute
	defaultSaveSummariesSteps = 100
	defaultMaxWaitSecs        = 2 * time.Hour
)

// MonitoredTrainingSessionConfig describes a training job. The fields are the
// arguments of tf.compat.v1.train.MonitoredTrainingSession.
type MonitoredTrainingSessionConfig struct {
	// Engine is what trains. Required.
	Engine session.Engine
	// IsWorker makes this a worker that waits until the chief has initialised the
	// variables, and saves nothing: is_chief=False.
	IsWorker bool
	// CheckpointDir is the folder whose newest checkpoint is restored, and that
	// checkpoints are saved in. Without it, there are none.
	CheckpointDir string
	// Scaffold has the pieces to set the session up with. Where the engine has no
	// default, its SummaryOp becomes the merge of what is in the engine's collection
	// [session.SummariesKey], and its Saver, if CheckpointDir is set, a
	// [checkpoint.Saver] of all variables. Default: one with defaults.
	Scaffold *session.Scaffold
	// Hooks are called on all workers, ChiefOnlyHooks on the chief, before the hooks
	// that this config makes.
	Hooks          []session.SessionRunHook
	ChiefOnlyHooks []session.SessionRunHook
	// SaveCheckpointSecs or SaveCheckpointSteps is the period of checkpoints.
	// Default, with neither: 10 min. Off for one, without the other, saves none.
	SaveCheckpointSecs  time.Duration
	SaveCheckpointSteps int64
	// SaveSummariesSteps or SaveSummariesSecs is the period of summaries. Default,
	// with neither: 100 steps. Off for one, without the other, records none.
	SaveSummariesSteps int64
	SaveSummariesSecs  time.Duration
	// LogStepCountSteps or LogStepCountSecs is how often the rate of steps is written
	// and logged. Default, with neither: 100 steps. Off for one, without the other,
	// never does.
	LogStepCountSteps int64
	LogStepCountSecs  time.Duration
	// SummaryDir is the folder of the event files. Default: CheckpointDir.
	SummaryDir string
	// SkipGraphDef leaves the graph out of the event file: save_graph_def=False.
	SkipGraphDef bool
	// StopGracePeriodSecs is that of [session.Config]. Default 120 s.
	StopGracePeriodSecs time.Duration
	// MaxWaitSecs limits how long a worker waits for the chief. Default 2 h. Off
	// sets no limit.
	MaxWaitSecs time.Duration
	// Recovery says what to do about a session that was lost.
	Recovery session.Recovery
	// Logger is told what is waited for, and the rate of steps. nil: nobody is.
	Logger *slog.Logger
}

// MonitoredTrainingSession opens the session of a training job. The chief
// restores the newest checkpoint, if there is one, or else initialises the
// variables, and has these hooks:
//
//	ChiefOnlyHooks, StepCounterHook, SummarySaverHook, Hooks, CheckpointSaverHook
//
// The checkpoints come last so that what a hook notices (a NaN loss) or changes
// in its End goes before them. Hooks that write are flushed before each of them
// (see [Flusher]): a job that was killed goes on from its newest checkpoint
// without a gap in its curves.
//
// A worker waits for a session that the chief has made ready, and has Hooks
// only.
//
// The session is to be closed; see [session.NewMonitoredSession].
func MonitoredTrainingSession(ctx context.Context, config MonitoredTrainingSessionConfig) (*session.MonitoredSession, error) {
	c, err := config.SessionConfig()
	if err != nil {
		return nil, err
	}
	return session.NewMonitoredSession(ctx, c)
}

// WithMonitoredTrainingSession opens the session of a training job, calls body
// and closes it, as [session.With] does.
func WithMonitoredTrainingSession(ctx context.Context, config MonitoredTrainingSessionConfig, body func(*session.MonitoredSession) error) error {
	c, err := config.SessionConfig()
	if err != nil {
		return err
	}
	return session.With(ctx, c, body)
}

// SessionConfig returns the config of the session that [MonitoredTrainingSession]
// opens, with its hooks and its creator, or all that is wrong with c. It is for
// one session.
func (c MonitoredTrainingSessionConfig) SessionConfig() (session.Config, error) {
	checkpoints, checkpointsErr := cadence.Or("SaveCheckpointSteps", c.SaveCheckpointSteps, "SaveCheckpointSecs", c.SaveCheckpointSecs,
		cadence.Period{Secs: defaultSaveCheckpointSecs})
	summaries, summariesErr := cadence.Or("SaveSummariesSteps", c.SaveSummariesSteps, "SaveSummariesSecs", c.SaveSummariesSecs,
		cadence.Period{Steps: defaultSaveSummariesSteps})
	counts, countsErr := cadence.Or("LogStepCountSteps", c.LogStepCountSteps, "LogStepCountSecs", c.LogStepCountSecs,
		cadence.Period{Steps: defaultLogStepCountSteps})
	errs := []error{checkpointsErr, summariesErr, countsErr}
	if faults.IsNil(c.Engine) {
		errs = append(errs, errors.New("no Engine is set"))
	}
	if c.MaxWaitSecs < 0 && c.MaxWaitSecs != Off {
		errs = append(errs, fmt.Errorf("MaxWaitSecs is %v, want a positive duration, 0 (2h) or Off", c.MaxWaitSecs))
	}
	if err := faults.Join("hooks: MonitoredTrainingSessionConfig", errs...); err != nil {
		return session.Config{}, err
	}
	if c.Scaffold == nil {
		c.Scaffold = new(session.Scaffold)
	}
	if c.SummaryDir == "" {
		c.SummaryDir = c.CheckpointDir
	}
	if c.MaxWaitSecs == 0 {
		c.MaxWaitSecs = defaultMaxWaitSecs
	}
	out := session.Config{Engine: c.Engine, Recovery: c.Recovery, StopGracePeriod: c.StopGracePeriodSecs}
	var err error
	if c.IsWorker {
		out.Hooks = c.Hooks
		out.SessionCreator, err = session.NewWorkerSessionCreator(session.WorkerConfig{
			Engine: c.Engine, Scaffold: c.Scaffold, MaxWait: c.MaxWaitSecs, Logger: c.Logger,
		})
	} else {
		if out.Hooks, err = c.chiefHooks(counts, summaries, checkpoints); err != nil {
			return session.Config{}, err
		}
		out.SessionCreator, err = session.NewChiefSessionCreator(session.ChiefConfig{
			Engine: c.Engine, Scaffold: c.Scaffold, CheckpointDir: c.CheckpointDir, Logger: c.Logger,
		})
	}
	out.SessionCreator = &completingCreator{SessionCreator: out.SessionCreator, config: c}
	return out, err
}

// chiefHooks are the hooks of a chief in their order.
func (c MonitoredTrainingSessionConfig) chiefHooks(counts, summaries, checkpoints cadence.Period) ([]session.SessionRunHook, error) {
	hooks := slices.Clone(c.ChiefOnlyHooks)
	if c.SummaryDir != "" && counts.IsOn() {
		h, err := NewStepCounterHook(StepCounterHookConfig{EveryNSteps: counts.Steps, EveryNSecs: counts.Secs, OutputDir: c.SummaryDir, Logger: c.Logger})
		if err != nil {
			return nil, err
		}
		hooks = append(hooks, h)
	}
	if c.SummaryDir != "" && summaries.IsOn() {
		h, err := summary.NewSummarySaverHook(summary.SummarySaverHookConfig{
			SaveSteps: summaries.Steps, SaveSecs: summaries.Secs, OutputDir: c.SummaryDir, Scaffold: c.Scaffold,
		})
		if err != nil {
			return nil, err
		}
		hooks = append(hooks, h)
	}
	hooks = append(hooks, c.Hooks...)
	if c.CheckpointDir != "" && checkpoints.IsOn() {
		h, err := NewCheckpointSaverHook(CheckpointSaverHookConfig{
			SaveSteps: checkpoints.Steps, SaveSecs: checkpoints.Secs, CheckpointDir: c.CheckpointDir, Scaffold: c.Scaffold, SkipGraphDef: c.SkipGraphDef,
			Listeners: []CheckpointSaverListener{flushing{hooks: slices.Clone(hooks)}},
		})
		if err != nil {
			return nil, err
		}
		hooks = append(hooks, h)
	}
	return hooks, nil
}

// A Flusher is a hook that may keep for a while what it writes, as all do that
// write event files. [MonitoredTrainingSession] flushes those among its hooks
// before each checkpoint.
type Flusher interface {
	// Flush returns when what was written has left the process. Without a session it
	// does nothing.
	Flush() error
}

// A flushing listener flushes hooks before each checkpoint.
type flushing struct {
	BaseCheckpointSaverListener
	hooks []session.SessionRunHook
}

// BeforeSave implements [CheckpointSaverListener].
func (l flushing) BeforeSave(context.Context, session.Session, int64) error {
	var errs []error
	for _, h := range l.hooks {
		if f, ok := h.(Flusher); ok {
			errs = append(errs, f.Flush())
		}
	}
	return errors.Join(errs...)
}

// A completingCreator gives the scaffold what TensorFlow's has by default, when
// every hook's Begin has had its chance to add to the engine's collections.
type completingCreator struct {
	session.SessionCreator
	config MonitoredTrainingSessionConfig
}

// CreateSession implements [session.SessionCreator].
func (c *completingCreator) CreateSession(ctx context.Context) (session.Session, error) {
	if err := c.mergeSummaries(); err != nil {
		return nil, err
	}
	if err := c.makeSaver(); err != nil {
		return nil, err
	}
	return c.SessionCreator.CreateSession(ctx)
}

// has reports whether the engine has a default for a piece of the scaffold.
func (c *completingCreator) has(key string) bool {
	if d, ok := c.config.Engine.(session.ScaffoldDefaults); ok && d.ScaffoldDefault(key) != nil {
		return true
	}
	return len(c.collection(key)) > 0
}

func (c *completingCreator) collection(key string) []any {
	if engine, ok := c.config.Engine.(session.Collections); ok {
		return engine.Collection(key)
	}
	return nil
}

// mergeSummaries makes the summary op of all summaries that the engine has in
// its collection.
func (c *completingCreator) mergeSummaries() error {
	if !faults.IsNil(c.config.Scaffold.SummaryOp) || c.has(session.SummaryOpKey) {
		return nil
	}
	var ops []summary.Op
	for _, item := range c.collection(session.SummariesKey) {
		op, ok := item.(summary.Op)
		if !ok {
			return fmt.Errorf("hooks: MonitoredTrainingSession: collection %q has a %T, want a summary.Op", session.SummariesKey, item)
		}
		ops = append(ops, op)
	}
	if len(ops) > 0 {
		c.config.Scaffold.SummaryOp = summary.Merge(ops...)
	}
	return nil
}

func (c *completingCreator) makeSaver() error {
	if c.config.CheckpointDir == "" || !faults.IsNil(c.config.Scaffold.Saver) || c.has(session.SaversKey) {
		return nil
	}
	saver, err := checkpoint.NewSaver(checkpoint.SaverConfig{Logger: c.config.Logger})
	if err != nil {
		return err
	}
	c.config.Scaffold.Saver = saver
	return nil
}
