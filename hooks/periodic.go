package hooks

import (
	"context"
	"slices"
	"time"

	"github.com/runhook/runhook/session"
)

// A periodic is what hooks have in common that act on a run from time to time:
// on the first one of a session and then every so many steps, or as soon as so
// much time has passed. What they fetch for it is fetched on those runs only, and
// the global step, too, where time is what counts.
//
// The step that a run will come to is predicted from the run before; the real
// one is read when a run is due.
type periodic struct {
	timer   *session.SecondOrStepTimer
	bySteps bool
	step    *session.GlobalStep
	started bool  // next is known
	next    int64 // the step that the coming run is expected to come to

	due    bool // the run in progress
	idle   *session.SessionRunArgs
	active session.SessionRunArgs
}

func newPeriodic(secs time.Duration, steps int64) (periodic, error) {
	timer, err := session.NewSecondOrStepTimer(secs, steps)
	return periodic{timer: timer, bySteps: steps > 0}, err
}

// begin begins a session. fetches are for the runs that are due, whose values begin
// with theirs.
func (p *periodic) begin(graph session.Graph, fetches ...string) error {
	p.timer.Reset()
	p.started = false
	var err error
	if p.step, err = session.NewGlobalStep(graph); err != nil {
		return err
	}
	for _, name := range fetches {
		if err := graph.Resolve(name); err != nil {
			return err
		}
	}
	if p.bySteps {
		p.idle = &session.SessionRunArgs{Fetches: []string{p.step.Name()}}
	}
	p.active.Fetches = append(slices.Clone(fetches), p.step.Name())
	return nil
}

// beforeRun returns what to fetch; nil for nothing.
func (p *periodic) beforeRun() *session.SessionRunArgs {
	p.due = !p.started || p.timer.ShouldTriggerForStep(p.next)
	if p.due {
		return &p.active
	}
	return p.idle
}

// afterRun reports whether the run was due, and the step that it then has come to.
func (p *periodic) afterRun(ctx context.Context, rc *session.SessionRunContext, values *session.SessionRunValues) (step int64, due bool, err error) {
	if !p.due {
		if p.bySteps {
			stale, err := p.step.Get(values.Results)
			p.next = stale + 2
			return 0, false, err
		}
		return 0, false, nil
	}
	if step, err = p.step.Read(ctx, rc.Session()); err != nil {
		return 0, false, err
	}
	p.timer.UpdateLastTriggeredStep(step)
	p.started, p.next = true, step+1
	return step, true, nil
}
