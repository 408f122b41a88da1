package gomlx

import (
	"context"
	"fmt"
	"io"
	"iter"

	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/train"

	"github.com/runhook/runhook/session"
)

// batches makes steps with the batches of a dataset.
type batches struct {
	dataset train.Dataset
	epochs  int

	epoch  int // that is being read, from 1; 0: none
	next   func() (train.Batch, error, bool)
	stop   func()
	any    bool         // the epoch has a batch
	ended  bool         // until the next session
	peeked *train.Batch // was read to build the model, and is the next
}

var _ stepper = (*batches)(nil)

func (b *batches) canSeeBatches() error { return nil }

func (b *batches) prepare(e *Engine) error {
	if e.built {
		return nil
	}
	batch, err := b.take()
	if err == io.EOF {
		return fmt.Errorf("gomlx: dataset %q has no batches", b.dataset.Name())
	}
	if err != nil {
		return err
	}
	b.peeked = &batch
	return e.build(batch)
}

func (b *batches) step(_ context.Context, r *run) ([]session.Value, error) {
	batch, err := b.read(r)
	if err != nil {
		return nil, err
	}
	defer r.traced("TrainStep")()
	metrics, err := r.engine.trainer.TrainStep(batch)
	if err != nil {
		return nil, fmt.Errorf("gomlx: %w", err)
	}
	return takenValues(metrics)
}

// read returns the next batch with what is fed in place of its own.
func (b *batches) read(r *run) (train.Batch, error) {
	defer r.traced("Dataset")()
	batch, err := b.take()
	if err != nil {
		return train.Batch{}, err
	}
	for _, f := range r.batch {
		if err := f.into(batch); err != nil {
			return train.Batch{}, err
		}
	}
	return batch, r.engine.keepOf(batch)
}

// take returns the next batch, which is the caller's, or exactly io.EOF.
func (b *batches) take() (train.Batch, error) {
	if b.peeked != nil {
		batch := *b.peeked
		b.peeked = nil
		return batch, nil
	}
	for !b.ended {
		if b.next == nil {
			b.next, b.stop = iter.Pull2(b.dataset.Iter())
			b.epoch++
			b.any = false
		}
		batch, err, ok := b.next()
		switch {
		case ok && err == nil:
			b.any = true
			return batch, nil
		case ok && err != io.EOF:
			return train.Batch{}, fmt.Errorf("gomlx: dataset %q: %w", b.dataset.Name(), err)
		}
		b.stop()
		b.next = nil
		b.ended = b.epoch >= b.epochs || !b.any
	}
	return train.Batch{}, io.EOF
}

// end ends the reading; what comes is from the beginning.
func (b *batches) end() (err error) {
	if b.next != nil {
		b.stop()
	}
	if b.peeked != nil {
		err = b.peeked.Finalize()
	}
	*b = batches{dataset: b.dataset, epochs: b.epochs}
	return err
}

// A batchFeed is a tensor to use in place of one of a batch.
type batchFeed struct {
	name   string
	target target
	value  *tensors.Tensor
}

// into puts the tensor into batch.
func (f batchFeed) into(batch train.Batch) error {
	place := f.target.of(batch)
	if place == nil {
		return fmt.Errorf("gomlx: feed %q: this batch of the dataset has none", f.name)
	}
	err := (*place).FinalizeAll()
	*place = f.value
	return err
}

// keep has what t is of each batch kept.
func (e *Engine) keep(t target) {
	if _, ok := e.kept[t]; !ok {
		e.kept[t] = session.Value{}
	}
}

// keepOf keeps what is wanted of a batch.
func (e *Engine) keepOf(batch train.Batch) error {
	for t := range e.kept {
		e.kept[t] = session.Value{}
		if place := t.of(batch); place != nil {
			v, err := toValue(*place, true)
			if err != nil {
				return fmt.Errorf("gomlx: the batch: %w", err)
			}
			e.kept[t] = v
		}
	}
	return nil
}

// batchTensor returns v as what stands in a batch: the type has to be that of the
// batches, the shape may be another.
func (e *Engine) batchTensor(t target, v session.Value) (*tensors.Tensor, error) {
	want := e.example.Inputs
	if t.kind == kindLabel {
		want = e.example.Labels
	}
	got, ok := v.Tensor()
	if !ok {
		return nil, fmt.Errorf("got a %v, want a tensor", v.Kind())
	}
	return fromValue(v, shapes.Make(want[t.index].DType, got.Shape...))
}
