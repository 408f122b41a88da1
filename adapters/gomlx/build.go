package gomlx

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train"
)

// errBuilt ends a TrainStep before it trains.
var errBuilt = errors.New("gomlx: the executor of the step is there")

// Build builds the model for batches like the example, of which only the shapes
// and the Spec matter, and initialises the variables. Nothing is trained. An
// engine of [New] does it by itself; for one of [LoopEngine] it is needed where
// the variables have to be there before the first step: to save and restore
// checkpoints, and to find out about wrong names in time.
func (e *Engine) Build(example train.Batch) (err error) {
	defer recovered("building the model", &err)
	return e.build(example)
}

// build has the trainer make its executor for a step, which is all that
// TrainStep lets us see of it, and then compiles it.
func (e *Engine) build(example train.Batch) error {
	if e.built {
		return nil
	}
	var of batchShapes
	stub := train.Batch{Spec: example.Spec}
	for i, t := range append(slices.Clone(example.Inputs), example.Labels...) {
		switch {
		case t == nil || !t.Ok():
			return fmt.Errorf("gomlx: tensor %d of the first batch is not valid, was it finalized?", i)
		case i < len(example.Inputs):
			of.Inputs = append(of.Inputs, t.Shape())
			stub.Inputs = append(stub.Inputs, tensors.FromShape(t.Shape()))
		default:
			of.Labels = append(of.Labels, t.Shape())
			stub.Labels = append(stub.Labels, tensors.FromShape(t.Shape()))
		}
	}
	exec, err := e.executor(stub)
	if err != nil {
		return err
	}
	if e.graph, err = exec.Compile(append(slices.Clone(of.Inputs), of.Labels...)...); err != nil {
		return fmt.Errorf("gomlx: building the model: %w", err)
	}
	if err := e.trainer.Store().InitializeVariables(e.trainer.Backend(), func(init *model.Exec) error {
		return init.ConfigureDistributionFrom(exec)
	}); err != nil {
		return fmt.Errorf("gomlx: initializing the variables: %w", err)
	}
	e.built, e.example = true, of
	return nil
}

// executor returns what executes steps with batches like stub. The trainer keeps
// it for its own use.
func (e *Engine) executor(stub train.Batch) (exec *model.Exec, err error) {
	// An executor that is there already would train. Those that there were are
	// built again when they are needed.
	e.trainer.ResetComputationGraphs()
	accumulated := e.trainer.NumAccumulatingSteps()
	if accumulated > 1 {
		// The executor is to be that of the steps that update variables.
		if err := e.trainer.AccumulateGradients(1); err != nil {
			return nil, err
		}
	}
	waiting := true
	e.trainer.OnExecCreation(func(made *model.Exec, graphType train.GraphType) {
		if waiting && graphType == train.TrainType {
			waiting, exec = false, made
			panic(errBuilt)
		}
	})
	err = e.stepUntilBuilt(stub)
	waiting = false
	if accumulated > 0 {
		err = errors.Join(err, e.trainer.AccumulateGradients(accumulated))
	}
	if exec == nil && err == nil {
		err = errors.New("gomlx: the trainer made no executor for its step")
	}
	return exec, err
}

func (e *Engine) stepUntilBuilt(stub train.Batch) (err error) {
	defer func() {
		if p := recover(); p != nil && p != errBuilt {
			panic(p)
		}
	}()
	_, err = e.trainer.TrainStep(stub)
	return err
}
