// Command closure makes somebody's training loop hookable. The loop is in
// before.go, the same with hooks in after.go:
//
//	diff examples/closure/before.go examples/closure/after.go
//
// The body of the loop becomes a closure; nothing in it changes. What calls it,
// and the hooks, are in hooked.go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	logdir, err := parseFlags(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = run(ctx, logdir, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "closure:", err)
		os.Exit(1)
	}
}

func parseFlags(args []string) (logdir string, err error) {
	flags := flag.NewFlagSet("closure", flag.ContinueOnError)
	flags.StringVar(&logdir, "logdir", filepath.Join(os.TempDir(), "runhook-closure", time.Now().Format("2006-01-02T15.04.05")),
		"`directory` for event files")
	if err := flags.Parse(args); err != nil {
		return "", err
	}
	if flags.NArg() > 0 {
		return "", fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return logdir, nil
}

func run(ctx context.Context, logdir string, out io.Writer) error {
	xs, ys := points(100)
	var fitted line
	before(&fitted, xs, ys)
	fmt.Fprintf(out, "before: y = %.3f x + %.3f\n", fitted.w, fitted.b)

	fitted = line{}
	err := after(ctx, logdir, &fitted, xs, ys)
	switch {
	case err != nil && err == context.Cause(ctx): // and nothing failed besides
		fmt.Fprintf(out, "interrupted (%v): everything recorded so far is in the event files\n", err)
	case err != nil:
		return err
	default:
		fmt.Fprintf(out, "after:  y = %.3f x + %.3f\n", fitted.w, fitted.b)
	}
	fmt.Fprintf(out, "\nevent files: %s\nlook at them with\n    tensorboard --logdir %s\n", logdir, logdir)
	return nil
}
