package runhook_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
)

type halving struct{ loss float64 }

func (m *halving) Step(batch float64) float64 {
	m.loss *= batch
	return m.loss
}

// TestTheReadmesProgram is the program of the README, which looks at an error
// where that has a line "// …".
func TestTheReadmesProgram(t *testing.T) {
	t.Chdir(t.TempDir())
	ctx := t.Context()
	model := &halving{loss: 1}
	nextBatch := func() float64 { return 0.5 }

	engine := session.StepFunc(func(ctx context.Context, out []session.Value) error {
		out[0] = session.Float64(model.Step(nextBatch()))
		return nil
	}, "loss")

	saver, err := summary.NewSummarySaverHook(summary.SummarySaverHookConfig{
		SaveSteps: 10, OutputDir: "logs", SummaryOp: summary.Scalar("loss", "loss"),
	})
	require.NoError(t, err)
	stop, err := hooks.NewStopAtStepHook(hooks.StopAtStepHookConfig{LastStep: 1000})
	require.NoError(t, err)
	config := session.Config{Engine: engine, Hooks: []session.SessionRunHook{stop, saver}}
	err = session.With(ctx, config, func(s *session.MonitoredSession) error {
		return s.RunUntilStop(ctx, "train")
	})
	require.NoError(t, err)

	require.Equal(t, math.Ldexp(1, -1000), model.loss, "1000 steps")
	files, err := filepath.Glob("logs/events.out.tfevents.*")
	require.NoError(t, err)
	require.Len(t, files, 1)
}

func TestTheReadmesProgramIsTheOneThatIsTested(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, program, found := strings.Cut(string(readme), "\n```go\n")
	require.True(t, found)
	program, _, found = strings.Cut(program, "\n```\n")
	require.True(t, found)
	require.LessOrEqual(t, strings.Count(program, "\n")+1, 20)

	tested, err := os.ReadFile("readme_test.go")
	require.NoError(t, err)
	require.Contains(t, code(string(tested), "require.NoError(t, err)"), code(program, "// …"))
}

// code returns the lines of text without indentation, empty ones and those that
// check an error.
func code(text, check string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && line != check {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}
