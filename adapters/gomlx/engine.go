// Package gomlx makes an engine of a GoMLX trainer: hooks fetch its metrics by
// their short names, variables by their paths, and what else this table has.
//
//	name                    value                                        fed
//	train                   none: makes one step
//	global_step             int64, before the step
//	loss, ~loss, …          short names of the trainer's train metrics
//	/hidden/dense/weights   a variable, after the step                   if the step only reads it
//	learning_rate           the variable of this name of the optimizer   if the step only reads it
//	inputs/0, labels/0, …   tensors of the step's batch                  yes
//	grad:/hidden/…          gradients, see [WatchGradients]
//
// Without "train", metrics and the batch are those of the latest step.
//
// There are two ways to train. An engine of [New] makes the steps itself, for a
// session that owns the loop:
//
//	session.Run ─▶ dataset ─▶ Trainer.TrainStep ─▶ metrics, variables
//
// [Attach] is for a train.Loop that there is already: its OnStart, OnStep and
// OnEnd call our hooks, which see the same.
package gomlx

import (
	"context"
	"errors"
	"fmt"

	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/train"

	"github.com/runhook/runhook/session"
)

// Config describes an [Engine] that makes its steps itself.
type Config struct {
	// Trainer makes the steps. Its metrics have short names that differ. Required.
	Trainer *train.Trainer
	// Dataset gives the batches. Required.
	Dataset train.Dataset
	// Epochs is how often a session goes through Dataset, which may never end.
	// Default 1.
	Epochs int
}

func (c Config) resolve() (Config, error) {
	errs := []error{checkTrainer(c.Trainer)}
	if c.Dataset == nil {
		errs = append(errs, errors.New("gomlx: Config: Dataset is nil"))
	}
	if c.Epochs < 0 {
		errs = append(errs, fmt.Errorf("gomlx: Config: Epochs is %d, want a positive number or 0 (1)", c.Epochs))
	}
	c.Epochs = max(c.Epochs, 1)
	return c, errors.Join(errs...)
}

// checkTrainer reports metrics that cannot be told apart.
func checkTrainer(trainer *train.Trainer) error {
	if trainer == nil {
		return errors.New("gomlx: the trainer is nil")
	}
	taken := map[string]bool{session.TrainOp: true, session.GlobalStepName: true, LearningRate: true}
	var errs []error
	for i, m := range trainer.TrainMetrics() {
		name := m.ShortName()
		switch {
		case name == "":
			errs = append(errs, fmt.Errorf("gomlx: train metric %d, %q, has no short name", i, m.Name()))
		case taken[name] || hasPrefix(name):
			errs = append(errs, fmt.Errorf("gomlx: train metric %d, %q, has the short name %q, which is taken", i, m.Name(), name))
		}
		taken[name] = true
	}
	return errors.Join(errs...)
}

// An Engine is a [session.Engine] over a GoMLX trainer. Its state, the variables
// in the trainer's store, outlives sessions, which use it in turn. Each session
// goes through the data from the beginning.
type Engine struct {
	trainer *train.Trainer
	steps   stepper
	turn    session.Turn // of the sessions, which share the state

	built   bool
	graph   *graph.Graph // of a step; nil if it was not built here
	example batchShapes
	found   map[string]target // names that were looked for

	kept    map[target]session.Value // what is wanted of each batch, by the latest step
	metrics []session.Value          // of the latest step; nil before the first
}

// A stepper makes steps.
type stepper interface {
	// prepare builds the model, as far as it can without a step.
	prepare(e *Engine) error
	// canSeeBatches tells why nothing of a batch can be fetched or fed; nil: it can.
	canSeeBatches() error
	// step makes the step of a run and returns copies of its metrics, or exactly
	// io.EOF.
	step(ctx context.Context, r *run) ([]session.Value, error)
	// end is called when a session is closed.
	end() error
}

// batchShapes are those of the batch that the model was built for.
type batchShapes struct{ Inputs, Labels []shapes.Shape }

var (
	_ session.Engine         = (*Engine)(nil)
	_ session.GraphDescriber = (*Engine)(nil)
)

// New returns an engine, or all that is wrong with its config. It reads the first
// batch as soon as a hook resolves a name in the model, or a session is opened:
// the model is built for it, and its variables are initialised.
func New(config Config) (*Engine, error) {
	config, err := config.resolve()
	if err != nil {
		return nil, err
	}
	return newEngine(config.Trainer, &batches{dataset: config.Dataset, epochs: config.Epochs}), nil
}

func newEngine(trainer *train.Trainer, steps stepper) *Engine {
	return &Engine{
		trainer: trainer, steps: steps,
		found: make(map[string]target), kept: make(map[target]session.Value),
	}
}

// GlobalStep returns "global_step", the variable of this name in the store. Under
// Trainer.AccumulateGradients it does not change in every step.
func (e *Engine) GlobalStep() string { return session.GlobalStepName }

// Resolve accepts the names in the table of the package. What is fetched of a
// batch has to be resolved before its step.
func (e *Engine) Resolve(name string) (err error) {
	defer recovered("building the model", &err)
	t, err := e.find(name)
	if err == nil && (t.kind == kindInput || t.kind == kindLabel) {
		e.keep(t)
	}
	return err
}

// Finalize builds the model, if that was not done before.
func (e *Engine) Finalize(context.Context) (err error) {
	defer recovered("building the model", &err)
	return e.steps.prepare(e)
}

// NewSession returns a session that goes on where the one before left off, with
// the data from the beginning.
func (e *Engine) NewSession(ctx context.Context) (session.Session, error) {
	if err := e.Finalize(ctx); err != nil {
		return nil, err
	}
	return &engineSession{engine: e}, nil
}

// Close ends the reading of the dataset, of which the first batch was read for
// the model, if no session has come to do so. Sessions may be opened afterwards.
func (e *Engine) Close() error {
	return e.steps.end()
}

// recovered makes an error of a panic: GoMLX reports many mistakes so.
func recovered(doing string, err *error) {
	switch p := recover().(type) {
	case nil:
	case error:
		*err = fmt.Errorf("gomlx: %s: panic: %w", doing, p)
	default:
		*err = fmt.Errorf("gomlx: %s: panic: %v", doing, p)
	}
}
