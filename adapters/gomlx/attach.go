package gomlx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/train"

	"github.com/runhook/runhook/session"
)

// ErrStopped is what ends train.Loop.RunEpochs when a hook has requested a stop
// and the dataset is not one of [Attachment.Dataset]: GoMLX has no other way.
// Everything is written by then, and [Attachment.Close] makes nil of it.
var ErrStopped = errors.New("gomlx: a hook has requested a stop")

// hookName and hookPriority are those of our hooks in the loop, behind others.
const (
	hookName     = "runhook"
	hookPriority = train.Priority(100)
)

// LoopEngine returns an engine whose steps a train.Loop makes, for the config of
// a session that is given to [Attach].
func LoopEngine(loop *train.Loop) (*Engine, error) {
	if loop == nil {
		return nil, errors.New("gomlx: the loop is nil")
	}
	if err := checkTrainer(loop.Trainer); err != nil {
		return nil, err
	}
	return newEngine(loop.Trainer, &loopSteps{loop: loop}), nil
}

// loopSteps waits for the steps of a train.Loop.
type loopSteps struct {
	loop *train.Loop
	// wait lets the loop go on to its next step; nil outside of a run of the loop.
	// It reports false if there is none, for the reason in ending.
	wait    func() bool
	ending  error
	metrics []*tensors.Tensor // of the step; the loop's
}

var _ stepper = (*loopSteps)(nil)

func (l *loopSteps) prepare(*Engine) error { return nil }

func (l *loopSteps) canSeeBatches() error {
	return errors.New("a train.Loop shows its hooks no batches; a session over gomlx.New has them")
}

func (l *loopSteps) step(_ context.Context, r *run) ([]session.Value, error) {
	if l.wait == nil {
		return nil, errors.New("gomlx: the steps are made by a train.Loop, and it is not running: see Attach")
	}
	defer r.traced("Loop")()
	if !l.wait() {
		return nil, l.ending
	}
	r.engine.built = true
	return valuesOf(l.metrics)
}

func (l *loopSteps) end() error { return nil }

// An Attachment calls hooks around the steps of a train.Loop.
type Attachment struct {
	loop   *train.Loop
	steps  *loopSteps
	ctx    context.Context // of Attach, for its sessions
	config session.Config

	resume  func() (struct{}, bool) // goes on with the session until its next step; nil: there is none
	leave   func()                  // ends the session where it waits for a step
	err     error                   // what the session ended with
	stopped bool                    // by a hook, before the loop was through
	limited bool                    // the loop's data are from Dataset
	epochs  bool                    // the loop does not look at EndStep
}

// Attach has a session run along with loop whenever that runs: it is opened in
// OnStart and closed in OnEnd, or earlier if a hook requests a stop, which ends the
// loop, or if ctx is done. Hooks see what they see in a session over [New] that
// calls RunUntilStop. The config's Engine is one of [LoopEngine] for this loop, or
// nil, which makes one.
//
//	hooks' Begin … BeforeRun ─▶ step of the loop ─▶ AfterRun, BeforeRun ─▶ step … AfterRun, End
//	      OnStart                                         OnStep                    OnEnd
//
// What cannot work is refused: tensors of a batch can be neither fetched nor fed;
// variables can, if Engine.Build was called, which saving checkpoints needs, too.
// Without it, names of variables are looked for in the first step.
//
// If the loop fails, or panics, it does not call OnEnd, and the session stays
// open: give what the loop returns to [Attachment.Close], in any case.
func Attach(ctx context.Context, loop *train.Loop, config session.Config) (*Attachment, error) {
	if config.Engine == nil {
		engine, err := LoopEngine(loop)
		if err != nil {
			return nil, err
		}
		config.Engine = engine
	}
	engine, ok := config.Engine.(*Engine)
	if !ok {
		return nil, fmt.Errorf("gomlx: Attach: the engine is %T, want one of LoopEngine", config.Engine)
	}
	steps, ok := engine.steps.(*loopSteps)
	if !ok || steps.loop != loop {
		return nil, errors.New("gomlx: Attach: the engine is not of LoopEngine for this loop")
	}
	a := &Attachment{loop: loop, steps: steps, ctx: ctx, config: config}
	loop.OnStart(hookName, hookPriority, a.onStart)
	loop.OnStep(hookName, hookPriority, a.onStep)
	loop.OnEnd(hookName, hookPriority, a.onEnd)
	return a, nil
}

// onStart opens a session, which goes on until it wants to make a step.
func (a *Attachment) onStart(loop *train.Loop, _ train.Dataset) error {
	if a.resume != nil {
		return errors.New("gomlx: the session of the run before is open: call Attachment.Close with what that returned")
	}
	a.err, a.stopped, a.epochs = nil, false, loop.EndStep < 0
	a.resume, a.leave = iter.Pull(a.session)
	if a.goOn() {
		return nil
	}
	return a.stop(loop.LoopStep)
}

// session is one session, which yields whenever it waits for a step.
func (a *Attachment) session(yield func(struct{}) bool) {
	a.steps.ending = io.EOF
	over := false
	a.steps.wait = func() bool {
		over = over || !yield(struct{}{})
		return !over
	}
	defer func() { a.steps.wait = nil }()
	a.err = session.With(a.ctx, a.config, func(s *session.MonitoredSession) error {
		return s.RunUntilStop(a.ctx, session.TrainOp)
	})
}

// goOn goes on with the session. It reports whether that waits for another step;
// otherwise it has ended.
func (a *Attachment) goOn() (waits bool) {
	defer func() {
		if !waits { // also after a panic of a hook
			a.resume = nil
		}
	}()
	_, waits = a.resume()
	return waits
}

// stop ends the loop before a step, after the session has ended.
func (a *Attachment) stop(step int) error {
	a.stopped = true
	switch {
	case a.err != nil:
		return a.err
	case !a.epochs:
		a.loop.EndStep = step
	case !a.limited:
		return ErrStopped
	}
	return nil
}

func (a *Attachment) onStep(loop *train.Loop, metrics []*tensors.Tensor) error {
	if a.resume == nil {
		return nil // stopped, and the loop's data run out
	}
	a.steps.metrics = metrics
	if a.goOn() {
		return nil
	}
	return a.stop(loop.LoopStep + 1)
}

func (a *Attachment) onEnd(*train.Loop, []*tensors.Tensor) error {
	if a.resume == nil {
		return nil
	}
	return a.end()
}

// end ends the session where it waits for a step.
func (a *Attachment) end() error {
	a.leave()
	a.resume = nil
	return a.err
}

// Close ends the session that is open because the loop has failed, with cause,
// what the loop returned, and returns what became of it all: nil after a clean
// end, also where that is [ErrStopped]. Otherwise it does nothing more.
func (a *Attachment) Close(cause error) error {
	if a.resume == nil {
		if errors.Is(cause, ErrStopped) {
			return nil
		}
		return cause
	}
	if cause != nil {
		a.steps.ending = cause
	}
	return a.end()
}

// Dataset returns ds as train.Loop.RunEpochs needs it so that a stop ends it
// cleanly: it has no more batches once a hook has requested a stop.
func (a *Attachment) Dataset(ds train.Dataset) train.Dataset {
	a.limited = true
	return &limitedDataset{Dataset: ds, attachment: a}
}

type limitedDataset struct {
	train.Dataset
	attachment *Attachment
}

// Iter implements train.Dataset.
func (d *limitedDataset) Iter() iter.Seq2[train.Batch, error] {
	return func(yield func(train.Batch, error) bool) {
		if d.attachment.stopped {
			return
		}
		for batch, err := range d.Dataset.Iter() {
			if !yield(batch, err) || d.attachment.stopped {
				return
			}
		}
	}
}
