package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/runhook/runhook/session"
)

// A convergedHook requests a stop when a fetched number falls below a limit.
// Embedding session.BaseHook leaves out the phases that it has no use for.
type convergedHook struct {
	session.BaseHook

	fetch session.Fetch[float64]
	limit float64
	out   io.Writer

	args session.SessionRunArgs
	runs int
}

var _ session.SessionRunHook = (*convergedHook)(nil)

// Begin makes sure that there is something of each name, and starts anew.
func (h *convergedHook) Begin(_ context.Context, graph session.Graph) error {
	h.runs = 0
	h.args.Fetches = []string{string(h.fetch)}
	return errors.Join(graph.Resolve(string(h.fetch)), graph.Resolve("inertia"))
}

// BeforeRun asks for the number; it comes with the run that takes place anyway.
func (h *convergedHook) BeforeRun(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
	return &h.args, nil
}

// AfterRun looks at the number.
func (h *convergedHook) AfterRun(_ context.Context, rc *session.SessionRunContext, values *session.SessionRunValues) error {
	value, err := h.fetch.Get(values.Results)
	if err != nil {
		return err
	}
	h.runs++
	if value < h.limit {
		rc.RequestStop()
	}
	return nil
}

// End is called when the loop ended well, by this hook or another.
func (h *convergedHook) End(ctx context.Context, s session.Session) error {
	values, err := session.Eval(ctx, s, "inertia", string(h.fetch))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(h.out, "after %d runs: inertia = %s, %s = %s\n", h.runs, values.At(0), h.fetch, values.At(1))
	return err
}
