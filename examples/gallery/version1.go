package main

import (
	"errors"

	"github.com/runhook/runhook/summary"
)

// version1 writes the forms of TensorFlow's first API, for tools that know no other,
// into a run of their own: the readers of TensorBoard differ in what they make of
// them.
func version1(dir string, t *training) (err error) {
	w, err := summary.NewFileWriter(dir, summary.FileWriterConfig{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	for _, m := range t.some(10) {
		if err := w.HistogramV1("version_1/losses", m.net.losses(t.testSet), m.step); err != nil {
			return err
		}
	}
	return w.AudioV1("version_1/loss", sound(t), steps)
}
