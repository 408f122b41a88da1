package gomlx

import (
	"context"
	"errors"
	"fmt"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/train"

	"github.com/runhook/runhook/session"
)

// valuesOf returns copies of what metrics hold.
func valuesOf(metrics []*tensors.Tensor) ([]session.Value, error) {
	values := make([]session.Value, len(metrics))
	for i, m := range metrics {
		v, err := toValue(m, true)
		if err != nil {
			return nil, fmt.Errorf("gomlx: metric %d: %w", i, err)
		}
		values[i] = v
	}
	return values, nil
}

// takenValues is valuesOf for metrics that nobody else uses, which are freed.
func takenValues(metrics []*tensors.Tensor) ([]session.Value, error) {
	values, err := valuesOf(metrics)
	for _, m := range metrics {
		err = errors.Join(err, m.FinalizeAll())
	}
	return values, err
}

// Evaluation returns an engine whose training op evaluates the trainer's model on
// a dataset, all of it, and whose outputs are the eval metrics, by their short
// names. It is what an InMemoryEvaluatorHook needs, with Update "train" and one
// step.
func Evaluation(trainer *train.Trainer, dataset train.Dataset) *session.StepEngine {
	names := make([]string, len(trainer.EvalMetrics()))
	for i, m := range trainer.EvalMetrics() {
		names[i] = m.ShortName()
	}
	return session.StepFunc(func(ctx context.Context, out []session.Value) (err error) {
		defer recovered("an evaluation", &err)
		metrics, err := trainer.Eval(dataset)
		if err != nil {
			return fmt.Errorf("gomlx: %w", err)
		}
		values, err := takenValues(metrics)
		copy(out, values)
		return err
	}, names...)
}
