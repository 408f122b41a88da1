package summarytest_test

import (
	"io"
	"log/slog"
	"math"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
	"github.com/runhook/runhook/summary/summarytest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// Our own sinks, each in several forms.
func TestSinks(t *testing.T) {
	for name, config := range map[string]summary.FileWriterConfig{
		"default":      {},
		"small queue":  {MaxQueueBytes: 1000},
		"rotates":      {Rotate: summary.Rotate{Events: 50}, MaxQueueBytes: 5000},
		"heals, syncs": {WhenBroken: summary.ErrorHeal, Sync: summary.SyncOnFlush, FlushEvents: 20},
	} {
		t.Run("FileWriter/"+name, func(t *testing.T) {
			test(t, func(dir string) (summary.Sink, error) { return summary.NewFileWriter(dir, config) })
		})
	}
	t.Run("Discard", func(t *testing.T) {
		summarytest.TestSink(t, func(*testing.T) summary.Sink { return summary.Discard }, summarytest.SinkOptions{NeverCloses: true})
	})
	t.Run("Tee", func(t *testing.T) {
		test(t, func(dir string) (summary.Sink, error) {
			first, err := summary.NewFileWriter(dir, summary.FileWriterConfig{})
			if err != nil {
				return nil, err
			}
			second, err := summary.NewFileWriter(filepath.Join(dir, "second"), summary.FileWriterConfig{})
			return summary.Tee(summary.Discard, first, logging(), second), err
		})
	})
	t.Run("Tee/of nothing", func(t *testing.T) {
		summarytest.TestSink(t, func(*testing.T) summary.Sink { return summary.Tee() }, summarytest.SinkOptions{})
	})
	t.Run("slog", func(t *testing.T) {
		summarytest.TestSink(t, func(*testing.T) summary.Sink { return logging() }, summarytest.SinkOptions{})
	})
	for name, limit := range map[string]summary.Limit{
		"of another tag": {Tags: regexp.MustCompile("^no tag$"), First: 1},
		"far away":       {First: math.MaxInt},
	} {
		t.Run("Limiter/"+name, func(t *testing.T) {
			test(t, func(dir string) (summary.Sink, error) {
				w, err := summary.NewFileWriter(dir, summary.FileWriterConfig{})
				if err != nil {
					return nil, err
				}
				return summary.NewLimiter(w, limit)
			})
		})
	}
	t.Run("RunWriters", func(t *testing.T) {
		test(t, func(dir string) (summary.Sink, error) {
			runs, err := summary.NewRunWriters(filepath.Dir(dir), summary.RunWritersConfig{})
			if err != nil {
				return nil, err
			}
			w, err := runs.Run(filepath.Base(dir))
			if err != nil {
				return nil, err
			}
			return w.Sink(), nil
		})
	})
	t.Run("rank", func(t *testing.T) {
		test(t, func(dir string) (summary.Sink, error) { return summary.NewRankSink(dir, summary.RankConfig{}) })
	})
	t.Run("rank/not the chief", func(t *testing.T) {
		summarytest.TestSink(t, func(t *testing.T) summary.Sink {
			sink, err := summary.NewRankSink(t.TempDir(), summary.RankConfig{Rank: 1})
			require.NoError(t, err)
			return sink
		}, summarytest.SinkOptions{NeverCloses: true})
	})
}

func logging() summary.Sink {
	return summary.NewSlogSink(slog.New(slog.NewTextHandler(io.Discard, nil)), slog.LevelInfo)
}

// test tests sinks that write to a directory of their own.
func test(t *testing.T, open func(dir string) (summary.Sink, error)) {
	dirs := make(map[summary.Sink]string)
	summarytest.TestSink(t, func(t *testing.T) summary.Sink {
		dir := t.TempDir()
		sink, err := open(dir)
		require.NoError(t, err)
		dirs[sink] = dir
		return sink
	}, summarytest.SinkOptions{
		Events: func(sink summary.Sink) ([]*eventpb.Event, error) { return summarytest.ReadDir(dirs[sink]) },
	})
}
