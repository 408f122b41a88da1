package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/runhook/runhook/summary"
)

// hparams trains with several settings, each in a run of its own.
func hparams(logdir string) error {
	if err := experiment(logdir); err != nil {
		return err
	}
	for i, s := range []settings{
		{units: 2, rate: 0.5, batchSize: 32},
		{units: 4, rate: 0.1, batchSize: 32},
		{units: 4, rate: 0.5, batchSize: 8, decay: true},
		{units: 8, rate: 0.5, batchSize: 32, decay: true},
		{units: 12, rate: 0.1, batchSize: 8},
		{units: 12, rate: 0.5, batchSize: 32, decay: true},
		{units: 12, rate: 30, batchSize: 8},
	} {
		if err := trial(filepath.Join(logdir, fmt.Sprintf("trial_%d", i+1)), s); err != nil {
			return err
		}
	}
	return nil
}

// experiment says of all runs below logdir what the table shows.
func experiment(logdir string) (err error) {
	w, err := summary.NewFileWriter(logdir, summary.FileWriterConfig{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	return w.HParamsExperiment(summary.HParamsExperiment{
		Name: "moons",
		HParams: []summary.HParamInfo{
			{Name: "units", Values: []any{2, 4, 8, 12}, Description: "of each hidden layer"},
			{Name: "rate", DisplayName: "learning rate", Min: 0.01, Max: 50},
			{Name: "batch_size", Values: []any{8, 32}},
			{Name: "decay", Values: []any{true, false}},
		},
		Metrics: []summary.HParamMetric{
			{Tag: "accuracy", DisplayName: "test accuracy", Dataset: summary.DatasetValidation},
			{Tag: "loss", DisplayName: "test loss", Dataset: summary.DatasetValidation},
		},
	})
}

func trial(dir string, s settings) (err error) {
	w, err := summary.NewFileWriter(dir, summary.FileWriterConfig{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	hparams := summary.HParams{"units": s.units, "rate": s.rate, "batch_size": s.batchSize, "decay": s.decay}
	if err := w.HParamsStart(summary.HParamsStart{HParams: hparams}); err != nil {
		return err
	}
	t := train(s)
	for _, m := range t.moments {
		if err := w.Add(m.step, summary.ScalarValue("loss", m.test.loss), summary.ScalarValue("accuracy", m.test.accuracy)); err != nil {
			return err
		}
	}
	status := summary.StatusSuccess
	if t.last().test.accuracy < 0.9 {
		status = summary.StatusFailure
	}
	return w.HParamsEnd(status)
}
