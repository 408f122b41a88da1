package gomlx

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train"
	"github.com/gomlx/gomlx/ml/train/optimizer"

	"github.com/runhook/runhook/session"
)

// LearningRate is the name of the optimizer's learning rate: the variable
// "/optimizers/learning_rate".
const LearningRate = "learning_rate"

// The beginnings of other names.
const (
	inputPrefix = "inputs/"
	labelPrefix = "labels/"
	gradPrefix  = "grad:"
)

func hasPrefix(name string) bool {
	for _, prefix := range []string{model.ScopeSeparator, inputPrefix, labelPrefix, gradPrefix} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// A target is what a name stands for.
type target struct {
	kind     kind
	index    int             // of a metric, or a tensor of a batch
	variable *model.Variable // kindVariable
}

type kind uint8

const (
	kindTrain kind = iota
	kindStep
	kindMetric
	kindVariable
	kindInput
	kindLabel
	// kindPending is what may be a variable once the model is built, in the first
	// step of a train.Loop.
	kindPending
)

// of returns where a batch has the tensor; nil if it has no such one.
func (t target) of(batch train.Batch) **tensors.Tensor {
	all := batch.Inputs
	if t.kind == kindLabel {
		all = batch.Labels
	}
	if t.index >= len(all) {
		return nil
	}
	return &all[t.index]
}

// find returns what name stands for. The model is built if that has to be known.
func (e *Engine) find(name string) (target, error) {
	if t, ok := e.found[name]; ok {
		return t, nil
	}
	t, err := e.look(name)
	if err == nil && t.kind != kindPending {
		e.found[name] = t
	}
	return t, err
}

func (e *Engine) look(name string) (target, error) {
	switch name {
	case session.TrainOp:
		return target{kind: kindTrain}, nil
	case session.GlobalStepName:
		return target{kind: kindStep}, nil
	}
	for i, m := range e.trainer.TrainMetrics() {
		if m.ShortName() == name {
			return target{kind: kindMetric, index: i}, nil
		}
	}
	if name != LearningRate && !hasPrefix(name) {
		return target{}, e.unknown(name)
	}
	if err := e.steps.prepare(e); err != nil {
		return target{}, err
	}
	if strings.HasPrefix(name, inputPrefix) || strings.HasPrefix(name, labelPrefix) {
		return e.findInBatch(name)
	}
	if v := e.variable(name); v != nil {
		return target{kind: kindVariable, variable: v}, nil
	}
	if !e.built {
		return target{kind: kindPending}, nil
	}
	return target{}, e.unknown(name)
}

func (e *Engine) findInBatch(name string) (target, error) {
	if err := e.steps.canSeeBatches(); err != nil {
		return target{}, fmt.Errorf("gomlx: %q: %w", name, err)
	}
	t, n, digits := target{kind: kindInput}, len(e.example.Inputs), strings.TrimPrefix(name, inputPrefix)
	if strings.HasPrefix(name, labelPrefix) {
		t.kind, n, digits = kindLabel, len(e.example.Labels), strings.TrimPrefix(name, labelPrefix)
	}
	var err error
	t.index, err = strconv.Atoi(digits)
	if err != nil || t.index < 0 || t.index >= n || strconv.Itoa(t.index) != digits {
		return target{}, e.unknown(name)
	}
	return t, nil
}

// variable returns the variable that is fetched by name; nil if there is none.
func (e *Engine) variable(name string) *model.Variable {
	store := e.trainer.Store()
	if name == LearningRate {
		return store.GetVariable(model.JoinPath("/", optimizer.Scope, optimizer.ParamLearningRate))
	}
	if path, ok := strings.CutPrefix(name, gradPrefix); ok {
		return store.GetVariable(gradientPath(path))
	}
	for _, v := range e.state() {
		if v.name == name {
			return v.Variable
		}
	}
	return store.GetVariable(name)
}

// unknown is the error for a name that there is not.
func (e *Engine) unknown(name string) error {
	known := []string{session.TrainOp, session.GlobalStepName}
	for _, m := range e.trainer.TrainMetrics() {
		known = append(known, m.ShortName())
	}
	if e.variable(LearningRate) != nil {
		known = append(known, LearningRate)
	}
	for i := range e.example.Inputs {
		known = append(known, inputPrefix+strconv.Itoa(i))
	}
	for i := range e.example.Labels {
		known = append(known, labelPrefix+strconv.Itoa(i))
	}
	for v := range e.trainer.Store().IterVariables() {
		if path, ok := watchedBy(v); ok {
			known = append(known, gradPrefix+path)
		}
	}
	for _, v := range e.state() {
		if v.name != session.GlobalStepName {
			known = append(known, v.name)
		}
	}
	return session.UnknownName(name, known)
}
