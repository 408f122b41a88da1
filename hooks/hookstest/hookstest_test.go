package hookstest_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/hooks/hookstest"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/graph"
)

// No hook of package hooks is left out: it stands in the suite, or a training job
// has it by itself.
func TestTheFamilyIsComplete(t *testing.T) {
	suite, err := os.ReadFile("hookstest.go")
	require.NoError(t, err)
	job, err := os.ReadFile("../monitored_training_session.go")
	require.NoError(t, err)
	files, err := filepath.Glob("../*.go")
	require.NoError(t, err)
	constructor := regexp.MustCompile(`(?m)^func ([A-Z]\w*)\(.*\) (\(\*|\*)(\w+Hook)\b`)
	families := make(map[string]bool) // by the hook's type: is it made?
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, found := range constructor.FindAllStringSubmatch(string(text), -1) {
			name, hook := found[1], found[3]
			families[hook] = families[hook] || strings.Contains(string(suite), "hooks."+name+"(") || strings.Contains(string(job), name+"(")
		}
	}
	require.Greater(t, len(families), 20)
	for hook, made := range families {
		require.True(t, made, "%s is not in the suite", hook)
	}
}

func TestTheEmbeddedEngineServesAllHooks(t *testing.T) {
	hookstest.TestEngine(t, func(*testing.T) session.Engine {
		g := graph.New()
		g.CreateGlobalStep()
		g.Placeholder("rate", session.Float64(0.25))
		g.Placeholder("offset", session.Float64(0))
		g.Variable("w", func() session.Value { return session.TensorOf([]float64{11, 7}) })
		g.Node("loss", func(_ context.Context, in []session.Value) (session.Value, error) {
			w, _ := session.As[[]float64](in[0])
			offset, _ := in[1].Float64()
			return session.Float64((w[0]-3)*(w[0]-3) + (w[1]-3)*(w[1]-3) + offset), nil
		}, "w", "offset")
		g.Node("w/next", func(_ context.Context, in []session.Value) (session.Value, error) {
			w, _ := session.As[[]float64](in[0])
			rate, _ := in[1].Float64()
			return session.TensorOf([]float64{w[0] - rate*2*(w[0]-3), w[1] - rate*2*(w[1]-3)}), nil
		}, "w", "rate")
		g.Assign("descend", "w", "w/next")
		g.Train(session.TrainOp, "descend")
		return g
	}, hookstest.Options{
		Loss: "loss", Tensors: []string{"w"}, State: []string{"w"}, Rate: "rate", Feeds: session.Feeds{"offset": session.Float64(1)},
	})
}

func TestAClosureServesAllHooks(t *testing.T) {
	hookstest.TestEngine(t, func(*testing.T) session.Engine {
		w := []float64{11}
		return session.StepFunc(func(_ context.Context, out []session.Value) error {
			out[0] = session.Float64((w[0] - 3) * (w[0] - 3))
			out[1] = session.TensorOf([]float64{w[0]})
			w[0] -= 0.1 * (w[0] - 3)
			return nil
		}, "loss", "w").Variable("weights", session.TensorOf(w))
	}, hookstest.Options{Loss: "loss", Tensors: []string{"w"}})
}
