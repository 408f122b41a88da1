package summary_test

import (
	"bytes"
	"context"
	"image"
	"log/slog"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

func TestASlogSinkLogsWhatValuesAre(t *testing.T) {
	var out bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
	w := summary.NewWriter(summary.NewSlogSink(logger.With("run", "a"), slog.LevelWarn))
	for _, c := range []struct {
		add  func() error
		want string
	}{
		{func() error { return w.Scalar("loss", 0.1, 7) }, `step=7 loss=0.1`},
		{func() error { return w.Scalar("loss", math.Inf(-1), -7) }, `step=-7 loss=-Inf`},
		{func() error { return w.Add(8, summary.ScalarValue("a", 1), summary.ScalarValue("b c", math.NaN())) }, `step=8 a=1 "b c"=NaN`},
		{func() error { return w.Histogram("h", []float64{-1, 2.5, 0}, 9) }, `step=9 h="3 numbers from -1 to 2.5"`},
		{func() error { return w.Histogram("h", []float64{}, 9) }, `step=9 h="0 numbers"`},
		{func() error { return w.Image("i", image.NewGray(image.Rect(0, 0, 28, 14)), 10) }, `step=10 i="1 picture of 28x14"`},
		{func() error { return w.Text("t", "some *text*", 11) }, `step=11 t="some *text*"`},
		{func() error { return w.AddSessionLog(&eventpb.SessionLog{Status: eventpb.SessionLog_START}, 12) }, `step=12 event=session_log status=START`},
		{func() error { return w.AddLogMessage(&eventpb.LogMessage{Message: "it says"}, 13) }, `step=13 event=log_message message="it says"`},
		{func() error {
			return w.AddEvent(&eventpb.Event{Step: 14, What: &eventpb.Event_Summary{Summary: simple("old", 2)}})
		}, `step=14 old=2`},
		{func() error { return w.AddEvent(&eventpb.Event{Step: 15}) }, `step=15 event=nothing`},
	} {
		out.Reset()
		require.NoError(t, c.add())
		require.Equal(t, "level=WARN msg=summary run=a "+c.want+"\n", out.String())
	}
}

func TestASlogSinkKeepsToTimeAndLevel(t *testing.T) {
	var out bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&out, nil))
	at := time.Date(2020, 1, 2, 3, 4, 5, 250_000_000, time.UTC)
	require.NoError(t, summary.NewWriter(summary.NewSlogSink(logger, slog.LevelInfo)).At(at).Scalar("loss", 1, 1))
	require.JSONEq(t, `{"time":"2020-01-02T03:04:05.25Z","level":"INFO","msg":"summary","step":1,"loss":1}`, out.String())
	out.Reset()
	require.NoError(t, summary.NewWriter(summary.NewSlogSink(logger, slog.LevelDebug)).Scalar("loss", 1, 1))
	require.Empty(t, out.String())
	require.NoError(t, summary.NewWriter(summary.NewSlogSink(nil, slog.LevelError)).Scalar("loss", 1, 1))
}

type brokenHandler struct{ slog.Handler }

func (brokenHandler) Handle(context.Context, slog.Record) error { return errBroken }

func TestASlogSinkReturnsTheErrorsOfItsHandler(t *testing.T) {
	logger := slog.New(brokenHandler{slog.NewTextHandler(new(bytes.Buffer), nil)})
	require.ErrorIs(t, summary.NewWriter(summary.NewSlogSink(logger, slog.LevelInfo)).Scalar("loss", 1, 1), errBroken)
}
