package hooks

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/runhook/runhook/internal/cadence"
	"github.com/runhook/runhook/internal/faults"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

// defaultCheckpointBasename is TensorFlow's checkpoint_basename.
const defaultCheckpointBasename = "model.ckpt"

// CheckpointSaverHookConfig describes a [CheckpointSaverHook]. The fields are the
// arguments of tf.compat.v1.train.CheckpointSaverHook.
type CheckpointSaverHookConfig struct {
	// CheckpointDir is the folder of the checkpoints. Required.
	CheckpointDir string
	// SaveSteps or SaveSecs, exactly one, is the period: steps of the global step,
	// or time between checkpoints.
	SaveSteps int64
	SaveSecs  time.Duration
	// Saver writes the checkpoints; or that of Scaffold does, which is looked up
	// each time. Not both may be set. Default: the only item of the engine's
	// collection [session.SaversKey].
	Saver    session.Saver
	Scaffold *session.Scaffold
	// CheckpointBasename begins the names of the checkpoints. Default "model.ckpt".
	CheckpointBasename string
	// Listeners are called around each checkpoint, in this order.
	Listeners []CheckpointSaverListener
	// SkipGraphDef leaves the engine's graph out of the event file:
	// save_graph_def=False. It is left out, too, if the engine cannot describe it.
	SkipGraphDef bool
	// SummaryWriter is where the graph and a session log of status CHECKPOINT for
	// each checkpoint go. Default: the writer of [summary.FileWriterCache] for
	// CheckpointDir.
	SummaryWriter summary.Sink
}

// resolve returns a private copy with defaults filled in, or all that is wrong.
func (c CheckpointSaverHookConfig) resolve() (CheckpointSaverHookConfig, error) {
	var errs []error
	if c.CheckpointDir == "" {
		errs = append(errs, errors.New("no CheckpointDir is set"))
	}
	errs = append(errs, cadence.Check("SaveSteps", c.SaveSteps, "SaveSecs", c.SaveSecs))
	if !faults.IsNil(c.Saver) && c.Scaffold != nil {
		errs = append(errs, errors.New("both Saver and Scaffold are set, want at most one"))
	}
	switch {
	case c.CheckpointBasename == "":
		c.CheckpointBasename = defaultCheckpointBasename
	case strings.ContainsAny(c.CheckpointBasename, `/\`):
		errs = append(errs, fmt.Errorf("CheckpointBasename is %q, want no path separator in it", c.CheckpointBasename))
	}
	c.Listeners = slices.Clone(c.Listeners)
	for i, l := range c.Listeners {
		if faults.IsNil(l) {
			errs = append(errs, fmt.Errorf("element %d of Listeners is nil", i))
		}
	}
	return c, faults.Join("hooks: CheckpointSaverHookConfig", errs...)
}

// A CheckpointSaverHook saves a checkpoint when a session is created, then every
// SaveSteps steps or SaveSecs, and at the end if the last step has none. What
// was written to its event file before a checkpoint has left the process when
// that is there: a job that is killed and begins anew from it has no gap in its
// curves, see [MonitoredTrainingSession].
//
// A checkpoint that fails ends the training with its error.
type CheckpointSaverHook struct {
	config CheckpointSaverHookConfig
	prefix string // of the checkpoints' paths
	timer  *session.SecondOrStepTimer
	// interrupted says that the end of the context has ended a save, which is left
	// to End.
	interrupted bool

	graph session.Graph
	step  *session.GlobalStep
	args  session.SessionRunArgs
	sink  summary.HookSink
}

var (
	_ session.SessionRunHook = (*CheckpointSaverHook)(nil)
	_ session.SessionCloser  = (*CheckpointSaverHook)(nil)
	_ session.Namer          = (*CheckpointSaverHook)(nil)
	_ Flusher                = (*CheckpointSaverHook)(nil)
)

// NewCheckpointSaverHook returns a hook, or all that is wrong with its config.
func NewCheckpointSaverHook(config CheckpointSaverHookConfig) (*CheckpointSaverHook, error) {
	config, err := config.resolve()
	if err != nil {
		return nil, err
	}
	timer, err := session.NewSecondOrStepTimer(config.SaveSecs, config.SaveSteps)
	if err != nil {
		return nil, err
	}
	prefix := filepath.Join(config.CheckpointDir, config.CheckpointBasename)
	return &CheckpointSaverHook{config: config, prefix: prefix, timer: timer}, nil
}

// Name tells the hooks of several folders apart.
func (h *CheckpointSaverHook) Name() string {
	return "CheckpointSaverHook(" + h.config.CheckpointDir + ")"
}

// Begin gets the writer, and calls Begin of the listeners. It returns
// [session.ErrNoGlobalStep] if the engine has none.
func (h *CheckpointSaverHook) Begin(ctx context.Context, graph session.Graph) error {
	h.timer.Reset()
	h.interrupted = false
	h.graph = graph
	var err error
	if h.step, err = session.NewGlobalStep(graph); err != nil {
		return err
	}
	h.args.Fetches = []string{h.step.Name()}
	if err := h.sink.Begin(h.config.SummaryWriter, h.config.CheckpointDir); err != nil {
		return err
	}
	for _, l := range h.config.Listeners {
		if err := l.Begin(ctx, graph); err != nil {
			return err
		}
	}
	return nil
}

// AfterCreateSession writes the graph, and saves a checkpoint of where the
// session begins.
func (h *CheckpointSaverHook) AfterCreateSession(ctx context.Context, s session.Session, coord *session.Coordinator) error {
	step, err := h.step.Read(ctx, s)
	if err != nil {
		return err
	}
	h.sink.SessionAt(step + 1)
	if g, ok := h.graph.(session.GraphDescriber); ok && !h.config.SkipGraphDef {
		if err := h.sink.Writer().AddGraph(g, step); err != nil {
			return err
		}
	}
	stop, err := h.save(ctx, s, step)
	if err != nil {
		return err
	}
	if stop {
		coord.RequestStop(nil)
	}
	h.timer.UpdateLastTriggeredStep(step)
	return nil
}

// BeforeRun asks for the global step.
func (h *CheckpointSaverHook) BeforeRun(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
	return &h.args, nil
}

// stepsPerRun is how many steps a run is expected to make at most, so that the
// real step is read whenever it could be due: TensorFlow's value.
const stepsPerRun = 1_000_000

// AfterRun saves a checkpoint if one is due, and requests a stop if a listener
// asks for it.
func (h *CheckpointSaverHook) AfterRun(ctx context.Context, rc *session.SessionRunContext, values *session.SessionRunValues) error {
	stale, err := h.step.Get(values.Results)
	if err != nil {
		return err
	}
	if !h.timer.ShouldTriggerForStep(atMost(stale, stepsPerRun)) {
		return nil
	}
	step, err := h.step.Read(ctx, rc.Session())
	if err != nil || !h.timer.ShouldTriggerForStep(step) {
		return err
	}
	h.timer.UpdateLastTriggeredStep(step)
	stop, err := h.save(ctx, rc.Session(), step)
	if err != nil {
		h.interrupted = ctx.Err() != nil
		return err
	}
	if stop {
		rc.RequestStop()
	}
	return nil
}

// End saves the last step, if it is not, and calls End of the listeners, of all
// if one fails, too.
func (h *CheckpointSaverHook) End(ctx context.Context, s session.Session) error {
	step, err := h.step.Read(ctx, s)
	if err != nil {
		return err
	}
	if last, ok := h.timer.LastTriggeredStep(); !ok || last != step || h.interrupted {
		if _, err := h.save(ctx, s, step); err != nil {
			return err
		}
	}
	var errs []error
	for _, l := range h.config.Listeners {
		errs = append(errs, l.End(ctx, s, step))
	}
	return errors.Join(append(errs, h.Flush())...)
}

// Flush implements [Flusher].
func (h *CheckpointSaverHook) Flush() error { return h.sink.Flush() }

// save saves a checkpoint of step. stop is whether a listener asks for a stop.
func (h *CheckpointSaverHook) save(ctx context.Context, s session.Session, step int64) (stop bool, err error) {
	for _, l := range h.config.Listeners {
		if err := l.BeforeSave(ctx, s, step); err != nil {
			return false, err
		}
	}
	saver, err := h.saver()
	if err != nil {
		return false, err
	}
	if err := h.Flush(); err != nil {
		return false, err
	}
	path, err := saver.Save(ctx, s, h.prefix, step)
	if err != nil {
		return false, err
	}
	log := &eventpb.SessionLog{Status: eventpb.SessionLog_CHECKPOINT, CheckpointPath: path}
	if err := h.sink.Writer().AddSessionLog(log, step); err != nil {
		return false, err
	}
	for _, l := range h.config.Listeners {
		asks, err := l.AfterSave(ctx, s, step)
		if err != nil {
			return false, err
		}
		stop = stop || asks
	}
	return stop, nil
}

// saver returns what saves checkpoints at the moment.
func (h *CheckpointSaverHook) saver() (session.Saver, error) {
	if !faults.IsNil(h.config.Saver) {
		return h.config.Saver, nil
	}
	if h.config.Scaffold != nil && !faults.IsNil(h.config.Scaffold.Saver) {
		return h.config.Scaffold.Saver, nil
	}
	var items []any
	if c, ok := h.graph.(session.Collections); ok {
		items = c.Collection(session.SaversKey)
	}
	if len(items) != 1 {
		return nil, fmt.Errorf("hooks: CheckpointSaverHook has no Saver and no Scaffold with one, and collection %q has %d items, want one", session.SaversKey, len(items))
	}
	saver, ok := items[0].(session.Saver)
	if !ok || faults.IsNil(saver) {
		return nil, fmt.Errorf("hooks: CheckpointSaverHook: collection %q has a %T, want a Saver", session.SaversKey, items[0])
	}
	return saver, nil
}

// CloseSession gives the writer back.
func (h *CheckpointSaverHook) CloseSession(context.Context, error) error {
	return h.sink.CloseSession()
}
