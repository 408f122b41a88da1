package summary_test

import (
	"fmt"
	"log"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/runhook/runhook/summary"
)

// Summaries as lines of a log, beside a file or instead of one.
func ExampleNewSlogSink() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
	w := summary.NewWriter(summary.NewSlogSink(logger, slog.LevelInfo))
	if err := w.Scalars(map[string]float64{"loss": 0.25, "accuracy": 0.875}, 100); err != nil {
		log.Fatal(err)
	}
	// Output: level=INFO msg=summary step=100 accuracy=0.875 loss=0.25
}

// A loop that may be told to write nothing needs no conditions.
func ExampleDiscard() {
	w := summary.NewWriter(summary.Discard)
	fmt.Println(w.Scalar("loss", 0.25, 1))
	// Output: <nil>
}

// One value in ten steps, and no more than three of them.
func ExampleNewLimiter() {
	few, err := summary.NewLimiter(stdoutSink(), summary.Limit{Steps: 10, First: 3})
	if err != nil {
		log.Fatal(err)
	}
	w := summary.NewWriter(few)
	for step := range int64(100) {
		if err := w.Scalar("loss", float64(step), step); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(few.LeftOut(), "left out")
	// Output:
	// step=0 loss=0
	// step=10 loss=10
	// step=20 loss=20
	// 97 left out
}

// Of a job of many processes the chief writes to the directory itself.
func ExampleNewRankSink() {
	dir, err := os.MkdirTemp("", "run")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for rank := range 3 {
		sink, err := summary.NewRankSink(dir, summary.RankConfig{Rank: rank})
		if err != nil {
			log.Fatal(err)
		}
		w := summary.NewWriter(sink)
		if err := w.Scalar("loss", 0.25, 1); err != nil {
			log.Fatal(err)
		}
		if err := w.Close(); err != nil {
			log.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "events.out.tfevents.*"))
	fmt.Println(len(files), "event file,", err)
	// Output: 1 event file, <nil>
}

// Parts of a program that know nothing of each other share the writer of a
// directory.
func ExampleWriterCache_Get() {
	dir, err := os.MkdirTemp("", "run")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	train, err := summary.FileWriterCache.Get(dir)
	if err != nil {
		log.Fatal(err)
	}
	eval, err := summary.FileWriterCache.Get(dir + "/.")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(train == eval)
	fmt.Println(summary.FileWriterCache.Release(train), summary.FileWriterCache.Release(eval))
	// Output:
	// true
	// <nil> <nil>
}

// A job that goes on behind what the directory has, whatever that is.
func ExampleResumeAtEnd() {
	dir, err := os.MkdirTemp("", "run")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for range 2 {
		w, err := summary.NewFileWriter(dir, summary.FileWriterConfig{Resume: summary.ResumeAtEnd()})
		if err != nil {
			log.Fatal(err)
		}
		last, ok := w.ResumedAfter()
		fmt.Println(last, ok)
		for step := last + 1; step <= last+5; step++ {
			if err := w.Scalar("loss", 1/float64(step), step); err != nil {
				log.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// 0 false
	// 5 true
}
