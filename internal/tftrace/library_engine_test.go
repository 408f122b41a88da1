package tftrace

import (
	"context"

	"github.com/runhook/runhook/session"
)

// A libraryEngine is a machine as an engine of this library.
type libraryEngine struct{ machine *machine }

var _ session.Engine = libraryEngine{}

func (e libraryEngine) Resolve(name string) error { return e.machine.resolve(name) }

func (e libraryEngine) GlobalStep() string { return e.machine.globalStep() }

func (e libraryEngine) Finalize(context.Context) error { return nil }

func (e libraryEngine) NewSession(context.Context) (session.Session, error) {
	s, err := e.machine.create()
	if err != nil {
		return nil, err
	}
	return &librarySession{s}, nil
}

type librarySession struct{ *machineSession }

// Run pays no attention to ctx: a scenario's runs take the time that they take.
func (s *librarySession) Run(_ context.Context, req *session.Request) error {
	values, err := s.run(req.Fetches, fromFeeds(req.Feeds), specOf(req.Options))
	if err != nil {
		return err
	}
	for i, name := range req.Fetches {
		req.Values[i] = values[name]
	}
	return nil
}

func (s *librarySession) Close() error {
	s.close()
	return nil
}

func toFeeds(feeds map[string]any) session.Feeds {
	if feeds == nil {
		return nil
	}
	out := make(session.Feeds, len(feeds))
	for name, v := range feeds {
		out[name] = toValue(v)
	}
	return out
}

func fromFeeds(feeds session.Feeds) map[string]any {
	out := make(map[string]any, len(feeds))
	for name, v := range feeds {
		out[name] = asJSON(v)
	}
	return out
}

// rawRun makes a run of s that nobody wants the values of.
func rawRun(ctx context.Context, s session.Session, names []string, feeds map[string]any) (session.Values, error) {
	if feeds == nil {
		return session.Eval(ctx, s, names...)
	}
	names = sortedNames(names)
	req := session.Request{Fetches: names, Values: make([]session.Value, len(names)), Feeds: toFeeds(feeds)}
	return session.Values{}, s.Run(ctx, &req)
}
