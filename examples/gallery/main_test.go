package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary/eventlog"
	"github.com/runhook/runhook/summary/eventpb"
)

// everything is what the gallery writes, but for its trials: the run, the tag, the kind
// and how often.
const everything = `
.         __run_graph__            graph          1
.         batch/loss               scalar         501
.         boundary                 image          6
.         boundary/mistakes        image          3
.         boundary/train           image          1
.         boundary/video           image          1
.         cloud_COLOR              mesh           3
.         cloud_VERTEX             mesh           3
.         coin                     pr_curve       11
.         confusion                image          6
.         confusion/counts         tensor         6
.         custom_scalars__config__ custom_scalars 1
.         first step               run_metadata   1
.         layer_1/weights          histogram      51
.         layer_2/weights          histogram      51
.         layer_3/weights          histogram      51
.         layers                   text           1
.         layers of the network    graph          1
.         loss                     audio          1
.         loss/sides               audio          1
.         quartile/1               scalar         51
.         quartile/2               scalar         51
.         quartile/3               scalar         51
.         report                   text           3
.         schedule/gradient        scalar         51
.         schedule/rate            scalar         51
.         surface_COLOR            mesh           3
.         surface_FACE             mesh           3
.         surface_VERTEX           mesh           3
.         test                     pr_curve       11
.         test/loss                scalar         51
.         test/loss/float64        tensor         51
.         test/losses              histogram      51
.         test/losses/auto         histogram      51
.         test/losses/non_finite   scalar         51
.         test/predictions         histogram      51
.         units                    image          6
onnx      __run_graph__            graph          1
test      accuracy                 scalar         51
test      loss                     scalar         51
train     accuracy                 scalar         51
train     loss                     scalar         51
version_1 version_1/loss           audio          1
version_1 version_1/losses         histogram      6
`

func TestTheGalleryShowsEveryKind(t *testing.T) {
	logdir := t.TempDir()
	var out bytes.Buffer
	require.NoError(t, run(logdir, &out))
	require.Contains(t, out.String(), "tensorboard --logdir "+logdir)

	series, err := eventlog.Tags(t.Context(), filepath.Join(logdir, "moons"), eventlog.Config{})
	require.NoError(t, err)
	var lines []string
	for _, s := range series {
		lines = append(lines, fmt.Sprintf("%-9s %-24s %-14s %d", s.Run, s.Tag, s.Kind, s.Count))
	}
	require.Equal(t, strings.TrimSpace(everything), strings.Join(lines, "\n"))

	events := make(map[eventlog.What]int)
	for e, err := range eventlog.Events(t.Context(), filepath.Join(logdir, "moons"), eventlog.Config{}) {
		require.NoError(t, err)
		if e.Run == "." {
			events[e.What]++
		}
	}
	for _, what := range []eventlog.What{
		eventlog.FileVersion, eventlog.SessionLog, eventlog.GraphDef, eventlog.TaggedRunMetadata, eventlog.LogMessage,
	} {
		require.Equal(t, 1, events[what], "%v", what)
	}

	config, err := os.ReadFile(filepath.Join(logdir, "moons", "projector_config.pbtxt"))
	require.NoError(t, err)
	require.Contains(t, string(config), `"hidden/sprite.png"`)
	profiles, err := filepath.Glob(filepath.Join(logdir, "moons", "plugins", "profile", "*", "*.xplane.pb"))
	require.NoError(t, err)
	require.Len(t, profiles, 1)
}

func TestTheTrialsEndAsTheyWent(t *testing.T) {
	logdir := t.TempDir()
	require.NoError(t, hparams(logdir))
	ends := make(map[string]eventpb.Status)
	series, err := eventlog.Tags(t.Context(), logdir, eventlog.Config{})
	require.NoError(t, err)
	for _, s := range series {
		if s.Kind != eventlog.KindHParams {
			continue
		}
		var data eventpb.HParamsPluginData
		require.NoError(t, proto.Unmarshal(s.Metadata.Content, &data))
		if end := data.GetSessionEndInfo(); end != nil {
			ends[s.Run] = end.GetStatus()
		}
	}
	success, failure := eventpb.Status_STATUS_SUCCESS, eventpb.Status_STATUS_FAILURE
	require.Equal(t, map[string]eventpb.Status{
		"trial_1": failure, "trial_2": success, "trial_3": success, "trial_4": success, "trial_5": success, "trial_6": success, "trial_7": failure,
	}, ends)
}

func TestTheGraphTrainsAsTheNetworkDoes(t *testing.T) {
	lesson := train(settings{units: 4, rate: 0.5, batchSize: 32})
	net := newNetwork(lesson.units, rand.New(rand.NewPCG(1, 2)))
	config := session.Config{Engine: newGraph(lesson)}
	require.NoError(t, session.With(t.Context(), config, func(s *session.MonitoredSession) error {
		for range 5 {
			values, err := s.Run(t.Context(), "loss/mean", session.TrainOp)
			require.NoError(t, err)
			loss, ok := values.At(0).Float64()
			require.True(t, ok)
			require.InDelta(t, net.score(lesson.trainSet).loss, loss, 1e-12)
			net.descend(net.gradient(lesson.trainSet), lesson.rate)
		}
		return nil
	}))
}

func TestTheGradientIsTheSlopeOfTheLoss(t *testing.T) {
	const h = 1e-6
	rng := rand.New(rand.NewPCG(3, 4))
	net, points := newNetwork(3, rng), moons(10, rng)
	gradient := net.gradient(points)
	slope := func(parameter *float64) float64 {
		was := *parameter
		defer func() { *parameter = was }()
		*parameter = was + h
		above := net.score(points).loss
		*parameter = was - h
		return (above - net.score(points).loss) / (2 * h)
	}
	for i, l := range net.layers {
		for unit := range l.bias {
			require.InDelta(t, slope(&l.bias[unit]), gradient.layers[i].bias[unit], 1e-7)
			for j := range l.weights[unit] {
				require.InDelta(t, slope(&l.weights[unit][j]), gradient.layers[i].weights[unit][j], 1e-7)
			}
		}
	}
}

func TestFlags(t *testing.T) {
	logdir, err := parseFlags(nil)
	require.NoError(t, err)
	require.NotEmpty(t, logdir)
	logdir, err = parseFlags([]string{"-logdir", "x"})
	require.NoError(t, err)
	require.Equal(t, "x", logdir)
	_, err = parseFlags([]string{"everything"})
	require.EqualError(t, err, `unexpected argument "everything"`)
}
