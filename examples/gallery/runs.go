package main

import (
	"errors"

	"github.com/runhook/runhook/summary"
)

// runs writes curves that TensorBoard draws into one chart: a run for each, with
// one tag.
func runs(logdir string, t *training) (err error) {
	w, err := summary.NewRunWriters(logdir, summary.RunWritersConfig{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	for _, m := range t.moments {
		if err := w.Scalars("loss", map[string]float64{"train": m.train.loss, "test": m.test.loss}, m.step); err != nil {
			return err
		}
		if err := w.Scalars("accuracy", map[string]float64{"train": m.train.accuracy, "test": m.test.accuracy}, m.step); err != nil {
			return err
		}
	}
	return nil
}
