package summary_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

func TestATeeGivesAllSinksTheSame(t *testing.T) {
	a, b := newMemoryFile(), newMemoryFile()
	other := new(plainSink)
	w := summary.NewWriter(summary.Tee(openOn(t, a, summary.FileWriterConfig{}), nil, other, openOn(t, b, summary.FileWriterConfig{})))
	require.NoError(t, w.Scalar("loss", 0.25, 1))
	require.NoError(t, w.Add(2, summary.ScalarValue("a", 1), summary.ScalarValue("b", 2)))
	require.NoError(t, w.AddSessionLog(&eventpb.SessionLog{Status: eventpb.SessionLog_STOP}, 3))
	require.NoError(t, w.Flush())
	want := []string{"1: loss=0.25", "2: a=1 b=2", "STOP@3"}
	require.Equal(t, want, lines(withoutVersion(t, decode(t, a.contents()))))
	require.Equal(t, want, lines(withoutVersion(t, decode(t, b.contents()))))
	require.Equal(t, []string{"loss", "a b", "event"}, other.taken)
	require.NoError(t, w.Close())
	require.Equal(t, 1, other.closed)
	require.ErrorIs(t, w.Scalar("loss", 1, 4), summary.ErrClosed)
}

// A plainSink is a sink of somebody's own, that no other part of the package knows.

type plainSink struct {
	taken     []string
	steps     []int64
	closed    int
	err       error  // of all calls
	meanwhile func() // happens while values are taken
}

func (s *plainSink) AddValues(_ time.Time, step int64, values []summary.Value) error {
	if s.meanwhile != nil {
		s.meanwhile()
	}
	tags := ""
	for _, v := range values {
		tags += " " + v.Tag()
	}
	if s.err == nil {
		s.taken = append(s.taken, tags[1:])
		s.steps = append(s.steps, step)
	}
	return s.err
}

func (s *plainSink) AddEvent(*eventpb.Event) error {
	s.taken = append(s.taken, "event")
	return s.err
}

func (s *plainSink) Flush() error { return s.err }

func (s *plainSink) Close() error {
	s.closed++
	return s.err
}

func TestAnErrorOfOneSinkDoesNotKeepAnEventFromTheOthers(t *testing.T) {
	other := errors.New("other")
	first, second, third := &plainSink{err: errBroken}, new(plainSink), &plainSink{err: other}
	w := summary.NewWriter(summary.Tee(first, second, third))
	for _, err := range []error{w.Scalar("loss", 1, 1), w.Add(1, summary.ScalarValue("acc", 1)), w.Flush(), w.Close(), w.Close()} {
		require.ErrorIs(t, err, errBroken)
		require.ErrorIs(t, err, other)
	}
	require.Equal(t, []string{"loss", "acc"}, second.taken)
	require.Equal(t, 1, second.closed)
}

func TestASessionBeginsAtAllSinksOfATeeOrAtNone(t *testing.T) {
	good, closed := openWriter(t, t.TempDir(), summary.FileWriterConfig{}), openWriter(t, t.TempDir(), summary.FileWriterConfig{})
	require.NoError(t, closed.Close())
	tee := summary.Tee(good, new(plainSink), closed).(summary.SessionSink)
	require.ErrorIs(t, tee.BeginSession(), summary.ErrClosed)
	good.SessionAt(1)
	require.NoError(t, good.Scalar("own", 1, 1))
	require.NoError(t, good.Close())
	require.Equal(t, []string{"1: own=1"}, lines(readEvents(t, onlyFile(t, good.GetLogdir()))), "there is no session")
}

func TestHooksWriteToATee(t *testing.T) {
	a, b := openWriter(t, t.TempDir(), summary.FileWriterConfig{}), openWriter(t, t.TempDir(), summary.FileWriterConfig{})
	saver := newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 1, SummaryWriter: summary.Tee(a, summary.Discard, b), SummaryOp: lossOp})
	train(t, newTrainer(), 2, "train", saver)
	for _, w := range []*summary.FileWriter{a, b} {
		require.NoError(t, w.Close())
		require.Equal(t, []string{"START@1", "1: loss=1", "2: loss=2"}, lines(readEvents(t, onlyFile(t, w.GetLogdir()))))
	}
}

// withoutTime leaves out what differs from run to run.

// A brokenHandler handles nothing.

// limited returns a writer through limits, and what comes out.
