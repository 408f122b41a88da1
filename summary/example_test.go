package summary_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventlog"
)

// A loop of one's own writes what it has. Point TensorBoard at the directory:
// tensorboard --logdir runs.
func ExampleFileWriter() {
	runs, err := os.MkdirTemp("", "runs")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(runs)

	w, err := summary.NewFileWriter(filepath.Join(runs, "first"), summary.FileWriterConfig{})
	if err != nil {
		log.Fatal(err)
	}
	weights := []float32{-0.5, 0, 0.25, 1}
	for step := range int64(100) {
		loss := 1 / float64(step+1)
		if err := w.Scalar("loss", loss, step); err != nil {
			log.Fatal(err)
		}
		if step%50 == 0 {
			if err := w.Histogram("weights", weights, step); err != nil {
				log.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil { // what was added is in the file, or this tells why not
		log.Fatal(err)
	}

	files, err := filepath.Glob(filepath.Join(runs, "first", "events.out.tfevents.*"))
	fmt.Println(len(files), "event file,", err)
	// Output: 1 event file, <nil>
}

// A job that was interrupted at step 7 goes on from a checkpoint of step 4. No
// reader shows the steps 5 to 7 of the first time any more.
func ExampleResumeAfter() {
	dir, err := os.MkdirTemp("", "run")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	train := func(resume summary.ResumePoint, first, last int64) {
		w, err := summary.NewFileWriter(dir, summary.FileWriterConfig{Resume: resume})
		if err != nil {
			log.Fatal(err)
		}
		for step := first; step <= last; step++ {
			if err := w.Scalar("loss", 1/float64(step), step); err != nil {
				log.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			log.Fatal(err)
		}
	}
	train(summary.ResumePoint{}, 1, 7)
	restored := int64(4)
	train(summary.ResumeAfter(restored), restored+1, 9)

	curves, err := eventlog.Scalars(context.Background(), dir, eventlog.Config{Purge: true})
	fmt.Println(curves[0].Steps, err)
	// Output: [1 2 3 4 5 6 7 8 9] <nil>
}

// The hook fetches the loss on the runs that record, and on no other.
func ExampleNewSummarySaverHook() {
	dir, err := os.MkdirTemp("", "run")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	loss := 1.0
	engine := session.StepFunc(func(_ context.Context, out []session.Value) error {
		loss *= 0.9
		out[0] = session.Float64(loss)
		return nil
	}, "loss")

	saver, err := summary.NewSummarySaverHook(summary.SummarySaverHookConfig{
		SaveSteps: 10,
		OutputDir: dir,
		SummaryOp: summary.Scalar("loss", "loss"),
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	config := session.Config{Engine: engine, Hooks: []session.SessionRunHook{saver}}
	err = session.With(ctx, config, func(s *session.MonitoredSession) error {
		for range 25 { // steps 1, 11 and 21 are recorded
			if _, err := s.Run(ctx, session.TrainOp); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}

	files, err := filepath.Glob(filepath.Join(dir, "events.out.tfevents.*"))
	fmt.Println(len(files), "event file,", err)
	// Output: 1 event file, <nil>
}
