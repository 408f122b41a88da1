package summary_test

import (
	"context"
	"fmt"
	"image"
	"log"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"

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

// Logging must never stop this job, nor fill its disk: what does not fit is counted,
// a file that breaks is followed by another one, and each file has 64 MB.
func ExampleFileWriterConfig() {
	dir, err := os.MkdirTemp("", "run")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	w, err := summary.NewFileWriter(dir, summary.FileWriterConfig{
		WhenFull:   summary.QueueDrop,
		WhenBroken: summary.ErrorHeal,
		OnError:    func(err error) { fmt.Println("summaries:", err) },
		Rotate:     summary.Rotate{Bytes: 64 << 20},
	})
	if err != nil {
		log.Fatal(err)
	}
	for step := range int64(1000) {
		if err := w.Scalar("loss", 1/float64(step+1), step); err != nil {
			log.Fatal(err)
		}
	}
	err = w.Close()
	stats := w.Stats()
	fmt.Println(stats.Events, "events,", stats.Dropped, "dropped,", stats.Lost, "lost,", stats.Files, "file,", err)
	// Output: 1000 events, 0 dropped, 0 lost, 1 file, <nil>
}

// The file has every loss and one picture in 50 steps; the log has a line every
// 500 steps.
func ExampleTee() {
	dir, err := os.MkdirTemp("", "run")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	file, err := summary.NewFileWriter(dir, summary.FileWriterConfig{})
	if err != nil {
		log.Fatal(err)
	}
	fewPictures, err := summary.NewLimiter(file, summary.Limit{Tags: regexp.MustCompile("^input"), Steps: 50})
	if err != nil {
		log.Fatal(err)
	}
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
	sometimes, err := summary.NewLimiter(summary.NewSlogSink(logger, slog.LevelInfo), summary.Limit{Steps: 500})
	if err != nil {
		log.Fatal(err)
	}

	w := summary.NewWriter(summary.Tee(fewPictures, sometimes))
	for step := range int64(1000) {
		if err := w.Scalar("loss", float64(1000-step), step); err != nil {
			log.Fatal(err)
		}
		if err := w.Image("input", image.NewGray(image.Rect(0, 0, 28, 28)), step); err != nil {
			log.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(file.Stats().Events, "events in the file")
	// Output:
	// level=INFO msg=summary step=0 loss=1000
	// level=INFO msg=summary step=0 input="1 picture of 28x28"
	// level=INFO msg=summary step=500 loss=500
	// level=INFO msg=summary step=500 input="1 picture of 28x28"
	// 1020 events in the file
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
