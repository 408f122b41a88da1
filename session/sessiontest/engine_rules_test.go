package sessiontest_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/sessiontest"
)

// brokenRules returns the names of the rules in err, each once, sorted. Every
// error has to quote its rule.
func brokenRules(t *testing.T, err error, rules map[string]string) []string {
	t.Helper()
	var broken []string
	if err != nil {
		for _, err := range err.(interface{ Unwrap() []error }).Unwrap() {
			e := err.(*sessiontest.RuleError)
			require.NotEmpty(t, e.Problems)
			require.Equal(t, rules[e.Rule], e.Text)
			require.ErrorContains(t, e, e.Rule+": "+e.Text+":\n\t"+strings.SplitN(e.Problems[0], "\n", 2)[0])
			broken = append(broken, e.Rule)
		}
	}
	slices.Sort(broken)
	return slices.Compact(broken)
}

// letStragglersEnd waits, in a bubble, for what takes an hour.
func letStragglersEnd() { time.Sleep(2 * time.Hour) }

// Time is that of a bubble: what never ends is found out at once, and nothing is
// late because the machine is busy.
func TestEachRuleForEnginesIsBrokenByABentOne(t *testing.T) {
	leaktest.Check(t)
	rules := sessiontest.EngineRules()
	missed := sessiontest.EngineRules()
	for _, bent := range slices.Concat(bentAnswers, bentConduct) {
		t.Run(bent.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				defer letStragglersEnd()
				err := sessiontest.CheckEngine(func() session.Engine {
					e := newBent()
					bent.bend(e)
					return e
				}, bentOptions)
				slices.Sort(bent.breaks)
				require.Equal(t, bent.breaks, brokenRules(t, err, rules), "%v", err)
			})
		})
		for _, name := range bent.breaks {
			delete(missed, name)
		}
	}
	require.Empty(t, missed, "rules that nothing breaks")
	require.NoError(t, sessiontest.CheckEngine(func() session.Engine { return newBent() }, bentOptions))
}

func TestAPanicOfAnEngineIsAFault(t *testing.T) {
	leaktest.Check(t)
	err := sessiontest.CheckEngine(func() session.Engine {
		e := newBent()
		e.run = func(_ context.Context, _ *bentSession, req *session.Request) error { panic("overboard") }
		return e
	}, bentOptions)
	require.ErrorContains(t, err, sessiontest.EngineRules()["one-step"]+":\n\tthe check: panic: overboard\n")
	require.ErrorContains(t, err, "engine_rules_test.go", "the stack is told")
}

func TestNoEngineIsAFault(t *testing.T) {
	leaktest.Check(t)
	err := sessiontest.CheckEngine(func() session.Engine { return nil }, bentOptions)
	require.ErrorContains(t, err, "resolve: "+sessiontest.EngineRules()["resolve"]+":\n\tnewEngine returned nil")
}

// A shell is an engine whose sessions show their abilities only to who unwraps
// them.
type shell struct{ session.Engine }

type shellSession struct{ session.Session }

func (s shellSession) Unwrap() session.Session { return s.Session }

func (e shell) NewSession(ctx context.Context) (session.Session, error) {
	s, err := e.Engine.NewSession(ctx)
	return shellSession{s}, err
}

func TestAbilitiesOfAnEngineMayBeBehindWrappings(t *testing.T) {
	leaktest.Check(t)
	saved := false
	newEngine := func() session.Engine {
		e := newBent()
		e.variables = func(_ *bentSession, all []session.Variable) []session.Variable {
			saved = true
			return all
		}
		return shell{e}
	}
	require.NoError(t, sessiontest.CheckEngine(newEngine, sessiontest.EngineOptions{Fetches: bentOptions.Fetches}))
	require.True(t, saved)
}
