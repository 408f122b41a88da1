// Command closure makes somebody's training loop hookable. The loop is in
// before.go, the same with hooks in after.go:
//
//	diff examples/closure/before.go examples/closure/after.go
//
// The body of the loop becomes a closure; nothing in it changes but the lines
// that named its results.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

func main() {
	logdir := flag.String("logdir", filepath.Join(os.TempDir(), "runhook-closure", time.Now().Format("2006-01-02T15.04.05")),
		"`directory` for event files")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	w, b := before()
	fmt.Printf("before: y = %.3f x + %.3f\n", w, b)
	w, b, err := after(ctx, *logdir)
	if err != nil {
		fmt.Fprintln(os.Stderr, "closure:", err)
		os.Exit(1)
	}
	fmt.Printf("after:  y = %.3f x + %.3f\n\nevent files: %s\nlook at them with\n    tensorboard --logdir %s\n", w, b, *logdir, *logdir)
}
