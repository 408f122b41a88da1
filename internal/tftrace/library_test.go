package tftrace

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"time"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
)

// A library plays scenarios with the hooks, sessions and writers of this
// library.
type library struct {
	*machine
	ctx     context.Context
	dir     string
	hooks   map[string]*recordedHook
	threads map[*session.Coordinator]*threadGroup
	writers []*summary.FileWriter // the user's own
	options map[*optionsSpec]*session.RunOptions
	asked   runSpec // what the caller of the run in progress asked for
	// stopFails says that should_stop is played with CheckStop, which has an error
	// to return, and not with ShouldStop.
	stopFails bool
}

var _ stack = (*library)(nil)

func newLibrary(ctx context.Context, dir string, m *machine) *library {
	return &library{
		machine: m,
		ctx:     ctx,
		dir:     dir,
		hooks:   make(map[string]*recordedHook),
		threads: make(map[*session.Coordinator]*threadGroup),
		options: make(map[*optionsSpec]*session.RunOptions),
	}
}

func (l *library) folder(name string) string { return filepath.Join(l.dir, name) }

func (l *library) construct(h hookSpec) error {
	hook, err := libraryHooks[h.Type](l, h)
	if scripted, ok := err.(*scriptedError); ok {
		return scripted
	}
	if err != nil {
		return &scriptedError{kind: "value_error", message: err.Error()}
	}
	recorded := &recordedHook{library: l, name: h.Name, hook: hook}
	recorded.probe, _ = hook.(*libraryProbe)
	if h.Type == "summary_saver" {
		recorded.summaries = summariesOf(h)
	}
	l.hooks[h.Name] = recorded
	return nil
}

func (l *library) config(hooks []string) session.Config {
	config := session.Config{
		Engine: libraryEngine{l.machine},
		Recovery: session.Recovery{
			Backoff:     func(int) time.Duration { return 0 },
			MaxAttempts: session.Off,
		},
	}
	for i, name := range hooks {
		l.hooks[name].first = i == 0
		config.Hooks = append(config.Hooks, l.hooks[name])
	}
	return config
}

func (l *library) open(p phaseSpec, hooks []string) (monitored, error) {
	s, err := l.newSession(p, hooks)
	if err != nil {
		return nil, err
	}
	return &libraryMonitored{l, s}, nil
}

func (l *library) newSession(p phaseSpec, hooks []string) (*session.MonitoredSession, error) {
	if p.singular() {
		s, err := session.NewSingularMonitoredSession(l.ctx, l.config(hooks))
		if err != nil {
			return nil, err
		}
		return &s.MonitoredSession, nil
	}
	return session.NewMonitoredSession(l.ctx, l.config(hooks))
}

func (l *library) with(p phaseSpec, hooks []string, body func(monitored) error) error {
	if !p.singular() {
		return session.With(l.ctx, l.config(hooks), func(s *session.MonitoredSession) error {
			return body(&libraryMonitored{l, s})
		})
	}
	s, err := l.newSession(p, hooks)
	if err != nil {
		return err
	}
	bodyErr := body(&libraryMonitored{l, s})
	err = s.CloseWithError(bodyErr)
	if bodyErr != nil && !session.IsCleanStop(bodyErr) && !errors.Is(err, bodyErr) {
		return errors.Join(bodyErr, err) // as With does if body has closed the session
	}
	return err
}

func (l *library) closeWriter(dir string) error {
	w, err := summary.FileWriterCache.Get(l.folder(dir))
	if err != nil {
		return err
	}
	return errors.Join(w.Close(), summary.FileWriterCache.Release(w))
}

func (l *library) close() error {
	var errs []error
	for _, w := range l.writers {
		errs = append(errs, w.Close())
	}
	return errors.Join(errs...)
}

// args is a run as this library wants it. What is one options object in the
// scenario stays one.
func (l *library) args(r runSpec) *session.SessionRunArgs {
	args := &session.SessionRunArgs{Fetches: namesIn(r.Fetches), Feeds: toFeeds(r.Feeds)}
	if r.Options != nil {
		if l.options[r.Options] == nil {
			l.options[r.Options] = r.Options.runOptions()
		}
		args.Options = l.options[r.Options]
	}
	return args
}

// callersFetches are those of the run in progress, in their structure if they
// are what the hooks are told.
func (l *library) callersFetches(rc *session.SessionRunContext) any {
	if told := rc.OriginalArgs().Fetches; !slices.Equal(told, namesIn(l.asked.Fetches)) {
		return told
	}
	return l.asked.Fetches
}

// A libraryMonitored is a monitored session of this library.
type libraryMonitored struct {
	library *library
	session *session.MonitoredSession
}

func (m *libraryMonitored) run(r runSpec) (any, error) {
	m.library.asked = r
	if r.Feeds == nil && r.Options == nil {
		values, err := m.session.Run(m.library.ctx, namesIn(r.Fetches)...)
		return structured(r.Fetches, values, err)
	}
	values, err := m.session.RunArgs(m.library.ctx, m.library.args(r), nil)
	return structured(r.Fetches, values, err)
}

func structured(fetches any, values session.Values, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return inStructureOf(fetches, func(name string) any {
		v, ok := values.Lookup(name)
		if !ok {
			return "not fetched: " + name
		}
		return asJSON(v)
	}), nil
}

func (m *libraryMonitored) shouldStop() (bool, error) {
	if m.library.stopFails {
		return m.session.CheckStop()
	}
	return m.session.ShouldStop(), nil
}

func (m *libraryMonitored) close() error { return m.session.Close() }

func (m *libraryMonitored) runStepFn(fn func(stepContext) (any, error)) (value any, err error) {
	err = m.session.RunStepFn(m.library.ctx, func(_ context.Context, sc *session.StepContext) (err error) {
		value, err = fn(&libraryStep{m.library, sc})
		return err
	})
	if err != nil {
		return nil, err
	}
	return value, nil
}

type libraryStep struct {
	library *library
	context *session.StepContext
}

func (s *libraryStep) run(r runSpec) (any, error) {
	s.library.asked = r
	values, err := s.context.RunArgsWithHooks(s.library.ctx, s.library.args(r), nil)
	return structured(r.Fetches, values, err)
}

func (s *libraryStep) rawRun(r runSpec) (any, error) {
	defer s.library.doing("caller")()
	values, err := session.Eval(s.library.ctx, s.context.Session(), namesIn(r.Fetches)...)
	return structured(r.Fetches, values, err)
}

func (s *libraryStep) requestStop() error { return s.context.RequestStop() }
