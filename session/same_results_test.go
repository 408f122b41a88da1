package session_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
)

// Whatever a caller does, a session that is lost again and again, in every place
// where that can happen, tells him the same as one that is not, if the engine goes
// back to what the last hook has saved.
func TestARecoveringSessionGivesTheSameResults(t *testing.T) {
	leaktest.Check(t)
	for seed := range uint64(400) {
		p := randomProgram(rand.New(rand.NewPCG(seed, 1)))
		want := p.expected()
		for _, losses := range []float64{0, 0.05, 0.3} {
			l := &loser{Rand: rand.New(rand.NewPCG(seed, 2)), share: losses}
			require.Equal(t, want, p.play(t, l), "seed %d, %v lost", seed, losses)
		}
	}
}

// A callersProgram is what a caller does with a session, one letter an operation.
type callersProgram struct {
	operations []byte
	stopAt     int64 // the step from which on a hook asks for the stop, in each run
}

func randomProgram(r *rand.Rand) callersProgram {
	p := callersProgram{operations: []byte("t"), stopAt: r.Int64N(60)}
	for range 20 + r.IntN(40) {
		p.operations = append(p.operations, "ttttttwws?bbnr"[r.IntN(14)])
	}
	if r.IntN(2) == 0 {
		p.operations = append(p.operations, "Rtw?s"...)
	}
	return p
}

// expected is what the caller sees, by the rules for sessions that last.
func (p callersProgram) expected() (saw []string) {
	step, stopped := int64(0), false
	run := func(result string, steps int64) string {
		if stopped {
			return session.ErrRunAfterStop.Error()
		}
		stopped = step >= p.stopAt
		step += steps
		return result
	}
	for _, operation := range p.operations {
		var result string
		switch operation {
		case 't':
			result = run(fmt.Sprintf("[train=<none> w=%d global_step=%d]", step+1, step), 1)
		case 'w', 's': // s is in a step function
			result = run(fmt.Sprintf("[w=%d]", step), 0)
		case 'b': // a step function that fails after its run
			result = run(errBroken.Error(), 0)
		case 'r': // one that asks for the stop instead
			result, stopped = session.ErrStop.Error(), true
		case 'R':
			stopped = true
		case '?':
			result = fmt.Sprint(stopped)
		case 'n':
			result = run(`session: run: unknown name "nothing"`, 0)
		}
		saw = append(saw, result)
	}
	return append(saw, "<nil>")
}

// play does the operations and returns what the caller sees.
func (p callersProgram) play(t *testing.T, l *loser) (saw []string) {
	t.Helper()
	e := &savingEngine{loser: l}
	var coord *session.Coordinator
	losing := &session.HookFuncs{
		OnAfterCreateSession: func(_ context.Context, _ session.Session, c *session.Coordinator) error {
			coord = c
			return l.loss()
		},
		OnBeforeRun: func(_ context.Context, rc *session.SessionRunContext) (*session.SessionRunArgs, error) {
			if e.step >= p.stopAt {
				rc.RequestStop()
			}
			return &session.SessionRunArgs{Fetches: []string{"global_step"}}, l.loss()
		},
		OnAfterRun: func(context.Context, *session.SessionRunContext, *session.SessionRunValues) error {
			return l.loss()
		},
	}
	saving := &session.HookFuncs{OnAfterRun: func(context.Context, *session.SessionRunContext, *session.SessionRunValues) error {
		e.saved = e.step
		return nil
	}}
	s, err := session.NewMonitoredSession(t.Context(), session.Config{
		Engine: e, Hooks: []session.SessionRunHook{losing, saving}, Recovery: atOnce,
	})
	require.NoError(t, err)
	text := func(values session.Values, err error) string {
		if err != nil {
			return err.Error()
		}
		return fmt.Sprint(collect(values))
	}
	for _, operation := range p.operations {
		if err := l.loss(); err != nil {
			coord.RequestStop(err) // as one of its goroutines
		}
		var result string
		switch operation {
		case 't':
			result = text(s.Run(t.Context(), "train", "w", "global_step"))
		case 'w':
			result = text(s.Run(t.Context(), "w"))
		case 's', 'b', 'r':
			err := s.RunStepFn(t.Context(), func(ctx context.Context, sc *session.StepContext) error {
				if operation == 'r' {
					stop := sc.RequestStop()
					if err := l.loss(); err != nil {
						return err
					}
					return stop
				}
				values, err := sc.RunWithHooks(ctx, "w")
				result = text(values, err)
				if operation == 'b' && err == nil {
					return errBroken
				}
				return err
			})
			if err != nil {
				result = err.Error()
			}
		case 'R':
			s.RequestStop()
		case '?':
			result = fmt.Sprint(s.ShouldStop())
		case 'n':
			result = text(s.Run(t.Context(), "nothing"))
		}
		saw = append(saw, result)
	}
	return append(saw, fmt.Sprint(s.Close()))
}

// A loser decides where the session is lost.
type loser struct {
	*rand.Rand
	share float64
}

func (l *loser) loss() error {
	if l.Float64() >= l.share {
		return nil
	}
	return []error{session.ErrAborted, fmt.Errorf("worker: %w", session.ErrUnavailable)}[l.IntN(2)]
}

// A savingEngine has one number, "w", which is also the global step. A new session
// begins with what was saved last.
type savingEngine struct {
	*loser
	step, saved int64
}

func (e *savingEngine) Resolve(string) error           { return nil }
func (e *savingEngine) GlobalStep() string             { return session.GlobalStepName }
func (e *savingEngine) Finalize(context.Context) error { return nil }

func (e *savingEngine) NewSession(context.Context) (session.Session, error) {
	e.step = e.saved
	if err := e.loss(); err != nil {
		return nil, err
	}
	return savingSession{e}, nil
}

type savingSession struct{ *savingEngine }

func (s savingSession) Run(_ context.Context, req *session.Request) error {
	if err := s.loss(); err != nil {
		return err
	}
	before := s.step
	for _, name := range req.Fetches {
		switch name {
		case session.TrainOp:
			s.step++
		case "nothing":
			return &session.UnknownNameError{Name: name}
		}
	}
	for i, name := range req.Fetches {
		switch name {
		case "w":
			req.Values[i] = session.Int64(s.step)
		case session.GlobalStepName:
			req.Values[i] = session.Int64(before)
		}
	}
	return s.loss()
}

func (s savingSession) Close() error { return s.loss() }
