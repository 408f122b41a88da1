// Command runhook looks at event files, exports, repairs and edits them.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"github.com/runhook/runhook/cmd/runhook/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // A second Ctrl-C does not wait.
	stdout := int(os.Stdout.Fd())
	os.Exit(cli.Main(ctx, os.Args[1:], cli.Streams{
		Out: os.Stdout, OutTerminal: term.IsTerminal(stdout),
		Err: os.Stderr, ErrTerminal: term.IsTerminal(int(os.Stderr.Fd())),
		Size: func() (width, height int) {
			width, height, err := term.GetSize(stdout)
			if err != nil {
				return 0, 0
			}
			return width, height
		},
		NoColor: os.Getenv("NO_COLOR") != "", // https://no-color.org
	}))
}
