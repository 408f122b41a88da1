package hooks

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/runhook/runhook/internal/cadence"
	"github.com/runhook/runhook/internal/faults"
	"github.com/runhook/runhook/session"
)

const (
	liveProgress  = 100 * time.Millisecond // on a terminal
	plainProgress = 10 * time.Second       // elsewhere
)

// ProgressHookConfig describes a [ProgressHook]. The zero value is ready for use.
type ProgressHookConfig struct {
	// Total is the global step that the training ends at; 0: it is not known, and no
	// percentage and no end are told.
	Total int64
	// Values are names of numbers to show, fetched when the line is written.
	Values []string
	// EverySteps or EverySecs is how often the line is written: by steps of the
	// global step, or by time. Default: 100 ms on a terminal, 10 s elsewhere.
	EverySteps int64
	EverySecs  time.Duration
	// Output is where it goes. On a terminal the line is written over and over, else
	// a line each time. Default: os.Stderr.
	Output io.Writer
	// Quiet writes nothing.
	Quiet bool
}

func (c ProgressHookConfig) resolve() (ProgressHookConfig, error) {
	var errs []error
	if c.Total < 0 {
		errs = append(errs, fmt.Errorf("got a Total of %d, want a positive step or 0 (not known)", c.Total))
	}
	c.Values = slices.Clone(c.Values)
	for i, name := range c.Values {
		if name == "" {
			errs = append(errs, fmt.Errorf("element %d of Values is empty", i))
		}
	}
	if c.Output == nil {
		c.Output = os.Stderr
	}
	if c.EverySteps == 0 && c.EverySecs == 0 {
		c.EverySecs = plainProgress
		if isTerminal(c.Output) {
			c.EverySecs = liveProgress
		}
	}
	errs = append(errs, cadence.Check("EverySteps", c.EverySteps, "EverySecs", c.EverySecs))
	return c, faults.Join("hooks: ProgressHookConfig", errs...)
}

// isTerminal reports whether w is a terminal, or another character device.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// A ProgressHook shows how far the training is:
//
//	step 1200/5000  24%  812 steps/s  5s left  loss 0.0123
type ProgressHook struct {
	config   ProgressHookConfig
	live     bool
	periodic periodic

	firstStep int64 // of the first session
	began     time.Time
	lastStep  int64 // that the line was written for
	lastTime  time.Time
	rate      float64 // steps a second, smoothed; 0: not known yet
	open      bool    // there is a line on the terminal, which is to be ended
	shown     string  // the values of the last line
	shownAt   int64   // the step of that
}

var (
	_ session.SessionRunHook = (*ProgressHook)(nil)
	_ session.SessionCloser  = (*ProgressHook)(nil)
)

// NewProgressHook returns a hook, or all that is wrong with its config.
func NewProgressHook(config ProgressHookConfig) (*ProgressHook, error) {
	config, err := config.resolve()
	if err != nil {
		return nil, err
	}
	p, err := newPeriodic(config.EverySecs, config.EverySteps)
	if err != nil {
		return nil, err
	}
	return &ProgressHook{config: config, live: isTerminal(config.Output), periodic: p}, nil
}

// Begin resolves the names of the values. It returns [session.ErrNoGlobalStep] if
// the engine has none.
func (h *ProgressHook) Begin(_ context.Context, graph session.Graph) error {
	h.rate, h.open, h.shown, h.began = 0, false, "", time.Time{}
	return h.periodic.begin(graph, h.config.Values...)
}

// AfterCreateSession looks where the session begins.
func (h *ProgressHook) AfterCreateSession(ctx context.Context, s session.Session, _ *session.Coordinator) error {
	step, err := h.periodic.step.Read(ctx, s)
	if err != nil {
		return err
	}
	h.lastStep, h.lastTime = step, time.Now()
	if h.began.IsZero() {
		h.firstStep, h.began = step, h.lastTime
	}
	return nil
}

// BeforeRun asks for the values, if the line is to be written.
func (h *ProgressHook) BeforeRun(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
	if h.config.Quiet {
		return nil, nil
	}
	return h.periodic.beforeRun(), nil
}

// AfterRun writes the line, if it is time to.
func (h *ProgressHook) AfterRun(ctx context.Context, rc *session.SessionRunContext, values *session.SessionRunValues) error {
	if h.config.Quiet {
		return nil
	}
	step, due, err := h.periodic.afterRun(ctx, rc, values)
	if err != nil || !due {
		return err
	}
	h.measure(step)
	var b strings.Builder
	for _, name := range h.config.Values {
		v, _ := values.Results.Lookup(name)
		fmt.Fprintf(&b, "  %s %s", name, shortNumber(v))
	}
	h.shown, h.shownAt = b.String(), step
	return h.write(h.line(step))
}

// measure brings the rate up to date: half of it is what was before.
func (h *ProgressHook) measure(step int64) {
	now := time.Now()
	elapsed := now.Sub(h.lastTime).Seconds()
	if elapsed <= 0 || step <= h.lastStep {
		return
	}
	rate := float64(step-h.lastStep) / elapsed
	if h.rate > 0 {
		rate = (rate + h.rate) / 2
	}
	h.rate, h.lastStep, h.lastTime = rate, step, now
}

func (h *ProgressHook) line(step int64) string {
	var b strings.Builder
	fmt.Fprintf(&b, "step %d", step)
	if h.config.Total > 0 {
		fmt.Fprintf(&b, "/%d  %d%%", h.config.Total, int(100*min(float64(step)/float64(h.config.Total), 1)))
	}
	if h.rate > 0 {
		fmt.Fprintf(&b, "  %s steps/s", shortRate(h.rate))
		if left := h.config.Total - step; left > 0 {
			fmt.Fprintf(&b, "  %v left", roundTime(float64(left)/h.rate))
		}
	}
	if step == h.shownAt {
		b.WriteString(h.shown)
	}
	return b.String()
}

// roundTime is a time in seconds as a person would tell it.
func roundTime(secs float64) time.Duration {
	const most = 100 * 365 * 24 * 3600
	d := time.Duration(min(secs, most) * float64(time.Second))
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Second)
}

// shortRate is a rate with three digits at least.
func shortRate(rate float64) string {
	if rate >= 100 {
		return fmt.Sprintf("%.0f", rate)
	}
	return fmt.Sprintf("%.3g", rate)
}

// shortNumber is v with four digits, or as it is if it is no number.
func shortNumber(v session.Value) string {
	if x, ok := v.Number(); ok && v.Kind() != session.KindBool {
		if x == math.Trunc(x) && math.Abs(x) < 1e15 {
			return fmt.Sprintf("%.0f", x)
		}
		return fmt.Sprintf("%.4g", x)
	}
	return v.String()
}

// What a terminal is told: to begin the line again and, while it is written, not
// to go on in a new one; to clear what is left of the one before.
const (
	beginLine = "\r\x1b[?7l"
	clearRest = "\x1b[K\x1b[?7h"
)

// write writes a line, on a terminal over the one before.
func (h *ProgressHook) write(line string) error {
	if !h.live {
		_, err := fmt.Fprintln(h.config.Output, line)
		return err
	}
	h.open = true
	_, err := io.WriteString(h.config.Output, beginLine+line+clearRest)
	return err
}

// End writes the last line, with the time that the session has taken.
func (h *ProgressHook) End(ctx context.Context, s session.Session) error {
	if h.config.Quiet {
		return nil
	}
	step, err := h.periodic.step.Read(ctx, s)
	if err != nil {
		return err
	}
	took := time.Since(h.began)
	if steps := step - h.firstStep; steps > 0 && took > 0 {
		h.rate = float64(steps) / took.Seconds()
	}
	line := h.line(step) + fmt.Sprintf("  in %v", roundTime(took.Seconds()))
	if err := h.write(line); err != nil {
		return err
	}
	return h.endLine()
}

// endLine leaves the line on a terminal.
func (h *ProgressHook) endLine() error {
	if !h.open {
		return nil
	}
	h.open = false
	_, err := fmt.Fprintln(h.config.Output)
	return err
}

// CloseSession leaves the line on a terminal, also after a failure.
func (h *ProgressHook) CloseSession(context.Context, error) error {
	return h.endLine()
}
